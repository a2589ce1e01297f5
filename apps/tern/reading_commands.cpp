// Commands that only look.
#include <algorithm>
#include <iostream>
#include <limits>

#include "render.hpp"
#include "session.hpp"
#include "terminal.hpp"
#include "time_text.hpp"

namespace tern::apps {
namespace {

/// People read one zone everywhere, their own; JSON is in UTC.
client::ClockText clock_for(const Session& session) {
  return session.call().json ? client::ClockText() : client::ClockText(local_clock);
}

/// A list of a device that does not hold everything yet must not read as if that were all.
Result<void> tell_incomplete(Session& session) {
  TERN_TRY(const auto status, session.client().views().status());
  if (!status.first_replica_complete) std::cerr << "This device does not hold all its tickets yet. Run: tern sync\n";
  return {};
}

Result<ExitCode> show_page(Session& session, const client::ListPage& page) {
  TERN_CHECKED(tell_incomplete(session));
  if (!session.call().json) {
    print_list(page, session.call().columns);
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

/// What the view keeps, if one is named, and before that what is said in the call. Another sort begins with its own
/// order.
Result<client::ListFilter> filter_of(Session& session) {
  const Invocation& call = session.call();
  client::ListFilter filter;
  if (!call.view.empty()) {
    TERN_TRY(auto view, session.client().views().saved_view(call.view));
    filter = std::move(view.filter);
  }
  const std::pair<const std::string*, std::string*> terms[] = {
      {&call.status, &filter.status},     {&call.priority, &filter.priority}, {&call.queue, &filter.queue},
      {&call.assignee, &filter.assignee}, {&call.category, &filter.category}, {&call.colour, &filter.colour},
      {&call.tag, &filter.tag},           {&call.contains, &filter.text},     {&call.age, &filter.age},
      {&call.sort, &filter.sort}};
  for (const auto& [said, term] : terms)
    if (!said->empty()) *term = *said;
  if (!call.sort.empty() || call.ascending) filter.descending = !call.ascending;
  return filter;
}

Result<ExitCode> list(Session& session) {
  const Invocation& call = session.call();
  TERN_TRY(client::ListFilter filter, filter_of(session));
  filter.unread = call.unread;
  filter.limit = call.limit;
  filter.after = call.after;
  TERN_TRY(const auto page, session.client().views().list(filter));
  return show_page(session, page);
}

/// By its number in the list, by the change's id or by the beginning of it.
Result<client::HistoryEntry> entry_named(const std::vector<client::HistoryEntry>& entries, const std::string& name) {
  const bool is_number = name.size() < 4 && std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
  if (is_number && !name.empty()) {
    const std::size_t n = std::stoul(name);
    if (n >= 1 && n <= entries.size()) return entries[n - 1];
    return fail(ErrorCode::not_found, "There is no entry " + name + ".", "See tern attention.", "entry");
  }
  auto ref = parse_change_ref(name);
  if (!ref) {
    std::vector<sync::ChangeRef> known;
    known.reserve(entries.size());
    for (const client::HistoryEntry& entry : entries) known.push_back(entry.change);
    ref = change_among(known, name, "entry", "See tern attention.");
  }
  if (!ref) return tl::unexpected(ref.error());
  const auto found = std::ranges::find(entries, *ref, &client::HistoryEntry::change);
  if (found != entries.end()) return *found;
  return fail(ErrorCode::not_found, "That change needs no attention.", "See tern attention, tern history.", "entry");
}

Result<client::FollowUp> follow_up_named(const client::HistoryEntry& entry, const std::string& name) {
  std::string offered;
  for (std::size_t i = 0; i < entry.follow_ups.size(); ++i) {
    const client::FollowUp& follow_up = entry.follow_ups[i];
    if (follow_up.id == name || follow_up.label == name || std::to_string(i + 1) == name) return follow_up;
    offered += (offered.empty() ? "" : ", ") + std::to_string(i + 1) + " " + follow_up.id;
  }
  return fail(ErrorCode::usage, "\"" + name + "\" is nothing that can be done about it.", "There is: " + offered, "do");
}

/// What was shown to a person was read; who asks for JSON says so with tern read. Beside a program that holds the home,
/// that one notes it; where nobody can, it stays unread.
void note_read(Session& session, const client::TicketView& view) {
  if (view.row.unread == 0) return;
  const auto noted = session.client().commands().mark_read(view.row.id, view.read_mark);
  if (noted || noted.error().code != ErrorCode::busy) return;
  Invocation call;
  call.command = "read";
  call.home = session.call().home;
  call.ticket = to_uuid_text(view.row.id.view());
  call.seen = view.read_mark;
  static_cast<void>(hand_over(call));
}

/// `seen`: from a program that showed the ticket, how much of it.
Result<ExitCode> read(Session& session) {
  const Invocation& call = session.call();
  client::Commands& commands = session.client().commands();
  if (call.ticket == "all") return commands.mark_all_read().map([] { return exit_done; });
  TERN_TRY(const TicketId id, session.ticket(call.ticket));
  const std::int64_t mark = call.seen > 0 ? call.seen : std::numeric_limits<std::int64_t>::max();
  return commands.mark_read(id, mark).map([] { return exit_done; });
}

Result<ExitCode> show_ticket(Session& session, const TicketId& id) {
  TERN_TRY(const auto view, session.client().views().ticket(id, clock_for(session)));
  if (session.call().json) {
    std::cout << tern::to_text(client::to_json(view)) << '\n';
  } else {
    print_ticket(view);
    note_read(session, view);
  }
  return exit_done;
}

Result<ExitCode> follow_up(Session& session, const client::HistoryEntry& entry) {
  const Invocation& call = session.call();
  TERN_TRY(const auto chosen, follow_up_named(entry, call.follow_up));
  TERN_TRY(const auto done, session.client().commands().follow_up(entry.change, chosen.id, call.reason));
  switch (done.rest) {
    case client::FollowedUp::Rest::look:
      return show_ticket(session, done.ticket);
    case client::FollowedUp::Rest::sync:
      return fail(ErrorCode::not_permitted, "What becomes of it is decided when the server has it.", "Run: tern sync");
    case client::FollowedUp::Rest::nothing:
      break;
  }
  if (!done.saved.empty()) print_saved(session, done.saved);
  return exit_done;
}

Result<ExitCode> dismiss(Session& session, const std::vector<client::HistoryEntry>& entries) {
  client::Commands& commands = session.client().commands();
  const std::string& which = session.call().dismiss;
  if (which == "notice" || which == "all") TERN_CHECKED(commands.dismiss_notice());
  if (which == "notice") return exit_done;
  if (which == "all") {
    for (const client::HistoryEntry& entry : entries) TERN_CHECKED(commands.dismiss(entry.change));
    return exit_done;
  }
  TERN_TRY(const auto entry, entry_named(entries, which));
  TERN_CHECKED(commands.dismiss(entry.change));
  return exit_done;
}

Result<ExitCode> attention(Session& session) {
  const Invocation& call = session.call();
  TERN_TRY(const auto entries, session.client().views().attention(clock_for(session)));
  if (!call.dismiss.empty()) return dismiss(session, entries);
  if (call.entry.empty()) {
    if (!call.follow_up.empty())
      return fail(ErrorCode::usage, "Which entry is that to be done about?", "Example: tern attention 1 --do 2",
                  "entry");
    TERN_TRY(const auto status, session.client().views().status());
    TERN_TRY(const ExitCode shown, show_entries(session, entries, true));
    if (status.notice.empty()) return shown;
    if (call.json)
      std::cout << tern::to_text(Json::object({{"notice", Json(status.notice)}})) << '\n';
    else
      std::cerr << "Notice: " << safe(status.notice) << " Seen it: tern attention --dismiss notice\n";
    return exit_attention;
  }
  TERN_TRY(const auto entry, entry_named(entries, call.entry));
  if (call.follow_up.empty()) return show_entries(session, {entry}, true);
  return follow_up(session, entry);
}

}  // namespace

bool is_reading_command(std::string_view command) {
  return command == "list" || command == "show" || command == "search" || command == "history" ||
         command == "attention" || command == "read";
}

Result<ExitCode> run_reading_command(Session& session) {
  const Invocation& call = session.call();
  client::Views& views = session.client().views();
  if (call.command == "list") return list(session);
  if (call.command == "attention") return attention(session);
  if (call.command == "read") return read(session);
  if (call.command == "search") {
    TERN_TRY(const auto page, views.search(call.text, call.limit, call.after));
    return show_page(session, page);
  }
  if (call.command == "history") {
    std::optional<TicketId> ticket;
    if (!call.ticket.empty()) {
      TERN_TRY(ticket, session.ticket(call.ticket));
    }
    TERN_TRY(const auto entries, views.history(ticket, clock_for(session)));
    return show_entries(session, entries, false);
  }
  TERN_TRY(const TicketId id, session.ticket(call.ticket));
  return show_ticket(session, id);
}

}  // namespace tern::apps
