// What there is to answer with and to read: quick replies, macros, views, the knowledge base. All of it from this
// device's copy.
#include <algorithm>
#include <iostream>

#include "render.hpp"
#include "session.hpp"
#include "terminal.hpp"
#include "time_text.hpp"

namespace tern::apps {
namespace {

constexpr std::size_t usual_columns = 100, name_columns_max = 32;

/// As many columns as the terminal has; enough to be told apart where there is none.
std::size_t columns_shown_in(const Session& session) {
  return session.call().columns == 0 ? usual_columns : session.call().columns;
}

/// A name as its column shows it.
std::string name_cell(const std::string& name) {
  return cut_to(safe(name), name_columns_max);
}

std::size_t columns_in(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// NAME   what follows, in one line.
void print_named(const Session& session, const std::string& name, const std::string& rest, std::size_t name_columns) {
  const std::string shown = name_cell(name);
  const std::size_t used = columns_in(shown);
  const std::string line = shown + std::string(std::max(name_columns, used) - used + 2, ' ') + safe(rest);
  std::cout << cut_to(line, columns_shown_in(session)) << '\n';
}

template <typename View>
std::size_t widest_name(const std::vector<View>& views) {
  std::size_t most = 0;
  for (const View& view : views) most = std::max(most, columns_in(name_cell(view.name)));
  return most;
}

template <typename View>
void print_json(const std::vector<View>& views) {
  for (const View& view : views) std::cout << tern::to_text(client::to_json(view)) << '\n';
}

Result<ExitCode> show_quick_replies(Session& session) {
  TERN_TRY(const auto replies, session.client().views().quick_replies());
  if (session.call().json) {
    print_json(replies);
    return exit_done;
  }
  if (replies.empty())
    std::cerr << "No quick replies on this device. An administrator adds them: ternd quick-reply add\n";
  const std::size_t names = widest_name(replies);
  for (const client::QuickReply& reply : replies) {
    const std::string marks =
        (reply.shortcut.empty() ? "" : "[" + reply.shortcut + "] ") + std::string(reply.personal ? "(yours) " : "");
    print_named(session, reply.name, marks + reply.content, names);
  }
  return exit_done;
}

Result<ExitCode> show_macros(Session& session) {
  TERN_TRY(const auto macros, session.client().views().macros());
  if (session.call().json) {
    print_json(macros);
    return exit_done;
  }
  if (macros.empty()) std::cerr << "No macros on this device. An administrator adds them: ternd macro add\n";
  const std::size_t names = widest_name(macros);
  for (const client::Macro& macro : macros) {
    std::string what = macro.content.empty() ? "" : "reply " + macro.content;
    for (const std::string& action : macro.actions) what += (what.empty() ? "" : "; ") + action;
    print_named(session, macro.name, what, names);
  }
  return exit_done;
}

/// What the options of `tern list` would be.
std::string options_of(const client::ListFilter& filter) {
  std::string out;
  const std::pair<const char*, const std::string*> terms[] = {
      {"status", &filter.status},     {"priority", &filter.priority}, {"queue", &filter.queue},
      {"assignee", &filter.assignee}, {"category", &filter.category}, {"colour", &filter.colour},
      {"tag", &filter.tag},           {"text", &filter.text},         {"age", &filter.age}};
  for (const auto& [name, said] : terms)
    if (!said->empty()) out.append(out.empty() ? "" : ", ").append(name).append(" ").append(*said);
  if (filter.sort != client::ListFilter().sort || !filter.descending)
    out.append(out.empty() ? "" : ", ")
        .append("by ")
        .append(filter.sort)
        .append(filter.descending ? "" : ", ascending");
  return out.empty() ? "all that is open" : out;
}

Result<ExitCode> show_views(Session& session) {
  TERN_TRY(const auto views, session.client().views().saved_views());
  if (session.call().json) {
    print_json(views);
    return exit_done;
  }
  const std::size_t names = widest_name(views);
  for (const client::SavedView& view : views) {
    const std::string marks =
        (view.folder.empty() ? "" : "[" + view.folder + "] ") + std::string(view.personal ? "(yours) " : "");
    print_named(session, view.name, marks + options_of(view.filter), names);
  }
  return exit_done;
}

Result<ExitCode> search_articles(Session& session) {
  TERN_TRY(const auto articles, session.client().views().articles(session.call().text));
  if (session.call().json) {
    print_json(articles);
    return exit_done;
  }
  if (articles.empty()) std::cerr << "No such article on this device.\n";
  for (const client::Article& article : articles) {
    const std::string number = article.integer_id == 0 ? "" : std::to_string(article.integer_id);
    print_named(session, number, article.title + (article.category.empty() ? "" : "  (" + article.category + ")"), 5);
  }
  return exit_done;
}

Result<ExitCode> show_article(Session& session) {
  TERN_TRY(const auto article, session.client().views().article(session.call().text));
  if (session.call().json) {
    std::cout << tern::to_text(client::to_json(article)) << '\n';
    return exit_done;
  }
  std::cout << safe(article.title) << '\n';
  if (!article.category.empty()) std::cout << "Category: " << safe(article.category) << '\n';
  if (article.updated_ms != 0) std::cout << "Changed: " << local_minute(article.updated_ms) << '\n';
  std::cout << '\n' << safe(article.content, Lines::kept) << '\n';
  return exit_done;
}

}  // namespace

bool is_library_command(std::string_view command) {
  return command == "quick-replies" || command == "views" || command == "macro list" || command == "kb search" ||
         command == "kb show";
}

Result<ExitCode> run_library_command(Session& session) {
  const std::string& command = session.call().command;
  if (command == "quick-replies") return show_quick_replies(session);
  if (command == "views") return show_views(session);
  if (command == "macro list") return show_macros(session);
  return command == "kb search" ? search_articles(session) : show_article(session);
}

}  // namespace tern::apps
