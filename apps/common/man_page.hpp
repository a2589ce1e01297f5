// Man page, shell completion and what else is made from the same declarations as --help. Include after CLI/CLI.hpp,
// from main.cpp only.
#pragma once

#include <cstdio>
#include <string>

namespace tern::apps {

/// "ternd operator add": how far the words that were parsed lead.
inline std::string chosen_command(const CLI::App& app, std::string program) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    program += ' ' + at->get_name();
  }
  return program;
}

/// roff on stdout: `tern --man | man -l -`.
inline int print_man_page(const CLI::App& app, const std::string& program) {
  const auto escaped = [](const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\\')
        out += "\\e";
      else if (text[i] == '-')
        out += "\\-";
      else if (text[i] == '.' && (i == 0 || text[i - 1] == '\n'))
        out += "\\&.";
      else
        out += text[i];
    }
    return out;
  };
  const auto options = [&](const CLI::App& of) {
    for (const CLI::Option* option : of.get_options()) {
      if (option->get_name() == "--help") continue;
      std::printf(".TP\n.B %s\n%s\n", escaped(option->get_name(true, true)).c_str(),
                  escaped(option->get_description()).c_str());
    }
  };
  std::printf(".TH %s 1\n.SH NAME\n%s \\- %s\n.SH COMMANDS\n", program.c_str(), program.c_str(),
              escaped(app.get_description()).c_str());
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    std::printf(".SS %s %s\n%s\n", program.c_str(), escaped(sub->get_name()).c_str(),
                escaped(sub->get_description()).c_str());
    if (!sub->get_footer().empty()) std::printf(".PP\n.nf\n%s\n.fi\n", escaped(sub->get_footer()).c_str());
    options(*sub);
    for (const CLI::App* inner : sub->get_subcommands([](const CLI::App*) { return true; })) {
      std::printf(".SS %s %s %s\n%s\n", program.c_str(), sub->get_name().c_str(), escaped(inner->get_name()).c_str(),
                  escaped(inner->get_description()).c_str());
      options(*inner);
    }
  }
  std::printf(".SH NOTES\n.nf\n%s\n.fi\n", escaped(app.get_footer()).c_str());
  return 0;
}

/// bash on stdout: `eval "$(tern --completion)"`.
inline int print_completion(const CLI::App& app, const std::string& program) {
  const auto flags = [](const CLI::App& of) {
    std::string out;
    for (const CLI::Option* option : of.get_options())
      for (const std::string& name : option->get_lnames()) out += " --" + name;
    return out;
  };
  std::string function = "_" + program;
  for (char& c : function)
    if (c == '-') c = '_';
  std::printf("%s() {\n  local words\n  case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n", function.c_str());
  std::string names;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    names += " " + sub->get_name();
    std::string inner_names;
    for (const CLI::App* inner : sub->get_subcommands([](const CLI::App*) { return true; })) {
      inner_names += " " + inner->get_name();
      std::printf("    \"%s %s\") words=\"%s\" ;;\n", sub->get_name().c_str(), inner->get_name().c_str(),
                  flags(*inner).c_str());
    }
    std::printf("    \"%s \"*) words=\"%s%s\" ;;\n", sub->get_name().c_str(), inner_names.c_str(), flags(*sub).c_str());
  }
  std::printf(
      "    *) words=\"%s --help --version\" ;;\n  esac\n  COMPREPLY=($(compgen -W \"$words\" -- "
      "\"${COMP_WORDS[COMP_CWORD]}\"))\n}\ncomplete -F %s %s\n",
      names.c_str(), function.c_str(), program.c_str());
  return 0;
}

}  // namespace tern::apps
