// Man page, shell completion and what else is made from the same declarations as --help. Include after CLI/CLI.hpp,
// from main.cpp only.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

/// How many letters two words differ by.
inline std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

/// What to say when the words name no command: `unknown command "lst", did you mean list?`. `message` is the parser's.
inline std::string unknown_command_or(const CLI::App& app, std::string message, int argc, const char* const* argv) {
  const CLI::App* at = &app;
  int i = 1;
  for (; i < argc && !at->get_subcommands().empty(); ++i)
    if (argv[i] == at->get_subcommands().front()->get_name()) at = at->get_subcommands().front();
  const auto known = at->get_subcommands([](const CLI::App*) { return true; });
  if (known.empty() || i >= argc || argv[i][0] == '-') return message;
  const std::string_view word = argv[i];
  std::string nearest;
  std::size_t nearest_by = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const CLI::App* one : known) {
    if (one->get_name() == word) return message;
    const std::size_t by = one->get_name().starts_with(word) ? 1 : distance(word, one->get_name());
    if (by >= nearest_by) continue;
    nearest = one->get_name();
    nearest_by = by;
  }
  return "unknown command \"" + std::string(word) + "\"" + (nearest.empty() ? "" : ", did you mean " + nearest + "?");
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
  const auto command = [&](const CLI::App& of, const std::string& name) {
    std::printf(".SS %s\n%s\n", escaped(name).c_str(), escaped(of.get_description()).c_str());
    if (!of.get_footer().empty()) std::printf(".PP\n.nf\n%s\n.fi\n", escaped(of.get_footer()).c_str());
    options(of);
  };
  const auto all_below = [&](const CLI::App& of, const std::string& name, const auto& again) -> void {
    for (const CLI::App* sub : of.get_subcommands([](const CLI::App*) { return true; })) {
      command(*sub, name + ' ' + sub->get_name());
      again(*sub, name + ' ' + sub->get_name(), again);
    }
  };
  all_below(app, program, all_below);
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
      std::string words = flags(*inner);
      for (const CLI::App* last : inner->get_subcommands([](const CLI::App*) { return true; }))
        words += " " + last->get_name() + flags(*last);
      std::printf("    \"%s %s\") words=\"%s\" ;;\n", sub->get_name().c_str(), inner->get_name().c_str(),
                  words.c_str());
    }
    std::printf("    \"%s \"*) words=\"%s%s\" ;;\n", sub->get_name().c_str(), inner_names.c_str(), flags(*sub).c_str());
  }
  std::printf(
      "    *) words=\"%s --help --version\" ;;\n  esac\n  COMPREPLY=($(compgen -W \"$words\" -- "
      "\"${COMP_WORDS[COMP_CWORD]}\"))\n}\ncomplete -o default -F %s %s\n",
      names.c_str(), function.c_str(), program.c_str());
  return 0;
}

}  // namespace tern::apps
