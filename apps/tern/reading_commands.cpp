// Commands that only look.
#include <iostream>

#include "render.hpp"
#include "session.hpp"

namespace tern::apps {
namespace {

Result<ExitCode> show_page(Session& session, const client::ListPage& page) {
  if (!session.call().json) {
    print_list(page);
    return exit_done;
  }
  for (const client::ListRow& row : page.rows) std::cout << tern::to_text(client::to_json(row)) << '\n';
  if (!page.next.empty()) std::cout << tern::to_text(Json::object({{"next", Json(page.next)}})) << '\n';
  return exit_done;
}

Result<ExitCode> show_entries(Session& session, const std::vector<client::HistoryEntry>& entries,
                              bool with_follow_ups) {
  if (session.call().json)
    for (const client::HistoryEntry& entry : entries) std::cout << tern::to_text(client::to_json(entry)) << '\n';
  else
    print_history(entries, with_follow_ups);
  return with_follow_ups && !entries.empty() ? exit_attention : exit_done;
}

Result<ExitCode> list(Session& session) {
  const Invocation& call = session.call();
  client::ListFilter filter;
  filter.status = call.status.empty() ? "active" : call.status;
  filter.priority = call.priority;
  filter.queue = call.queue;
  filter.assignee = call.assignee;
  filter.tag = call.tag;
  filter.text = call.contains;
  filter.sort = call.sort;
  filter.descending = !call.ascending;
  filter.limit = call.limit;
  filter.after = call.after;
  TERN_TRY(const auto page, session.client().views().list(filter));
  return show_page(session, page);
}

Result<ExitCode> attention(Session& session) {
  const std::string& dismissed = session.call().dismiss;
  TERN_TRY(const auto entries, session.client().views().attention());
  if (dismissed.empty()) return show_entries(session, entries, true);
  if (dismissed != "all") {
    TERN_TRY(const auto ref, parse_change_ref(dismissed));
    TERN_CHECKED(session.client().commands().dismiss(ref));
    return exit_done;
  }
  for (const client::HistoryEntry& entry : entries) TERN_CHECKED(session.client().commands().dismiss(entry.change));
  return exit_done;
}

}  // namespace

bool is_reading_command(std::string_view command) {
  return command == "list" || command == "show" || command == "search" || command == "history" ||
         command == "attention";
}

Result<ExitCode> run_reading_command(Session& session) {
  const Invocation& call = session.call();
  client::Views& views = session.client().views();
  if (call.command == "list") return list(session);
  if (call.command == "attention") return attention(session);
  if (call.command == "search") {
    TERN_TRY(const auto page, views.search(call.text, call.limit, call.after));
    return show_page(session, page);
  }
  if (call.command == "history") {
    std::optional<TicketId> ticket;
    if (!call.ticket.empty()) {
      TERN_TRY(ticket, session.ticket(call.ticket));
    }
    TERN_TRY(const auto entries, views.history(ticket));
    return show_entries(session, entries, false);
  }
  TERN_TRY(const TicketId id, session.ticket(call.ticket));
  TERN_TRY(const auto view, views.ticket(id));
  if (call.json)
    std::cout << tern::to_text(client::to_json(view)) << '\n';
  else
    print_ticket(view);
  return exit_done;
}

}  // namespace tern::apps
