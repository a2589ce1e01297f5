#include "render.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "terminal.hpp"
#include "time_text.hpp"

namespace tern::apps {
namespace {

constexpr std::size_t short_id_digits = 8;

std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string padded(std::string_view text, std::size_t columns) {
  std::string out = cut_to(safe(text), columns);
  out.append(columns - std::min(columns, columns_of(out)), ' ');
  return out;
}

void line(std::string_view name, std::string_view value) {
  if (!value.empty()) std::cout << padded(name, 14) << safe(value) << '\n';
}

std::string joined(const std::vector<std::string>& parts, std::string_view between = ", ") {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : std::string(between)) + part;
  return out;
}

/// "set priority urgent", "take", "reply": what the agent did, in few words.
std::string deed(const client::HistoryEntry& entry) {
  std::string out = entry.intent;
  for (char& c : out)
    if (c == '_') c = ' ';
  if (!entry.field.empty() && entry.intent != "describe") out += ' ' + entry.field;
  if (!entry.value.empty()) out += ' ' + entry.value;
  if (entry.value.empty() && !entry.text.empty()) out += " \"" + entry.text + '"';
  return cut_to(safe(out), 40);
}

constexpr std::int64_t window_shown_ms = 60'000;  // what is known to the minute needs no window

std::string window_text(std::int64_t at, std::int64_t lo, std::int64_t hi) {
  std::string out = local_minute(at);
  if (lo != 0 && hi - lo > window_shown_ms)
    out += fmt::format(" (between {} and {})", local_minute(lo), local_minute(hi));
  return out;
}

/// "on site from 08:10 to 09:45, signed by Jo Miller (drawn; see --json)"
std::string on_site_text(const client::OnSiteView& report) {
  std::string out = fmt::format("on site from {} to {}", local_minute(report.from_ms), local_minute(report.to_ms));
  const std::string& name = report.signed_by.empty() ? report.contact : report.signed_by;
  if (!name.empty()) out += ", signed by " + safe(name);
  if (!report.signature.empty()) out += " (drawn; see --json)";
  return out;
}

std::string_view where_text(client::FileView::Where where) {
  return where == client::FileView::Where::waiting ? "waiting to be sent" : to_string(where);
}

void print_timeline(const client::TimelineEntry& entry) {
  std::cout << '\n'
            << window_text(entry.at_ms, entry.lo_ms, entry.hi_ms) << "  "
            << (entry.recorded ? "recorded by the server for " : "") << safe(entry.author) << "  "
            << safe(client::command_word(entry.what));
  if (!entry.visibility.empty())
    std::cout << " (" << entry.visibility << ")  " << to_hex(entry.change.id).substr(0, short_id_digits);
  if (!entry.effective) std::cout << ", without effect";
  if (entry.edited) std::cout << ", edited";
  if (entry.unread) std::cout << "  [new]";
  if (entry.saved != client::Saved::confirmed) std::cout << "  [" << to_string(entry.saved) << ']';
  std::cout << '\n';
  if (entry.on_site) std::cout << "    " << on_site_text(*entry.on_site) << '\n';
  if (entry.withheld && !entry.deleted) std::cout << "    not sent: read what the customer wrote, then tern send\n";
  if (entry.deleted)
    std::cout << "    deleted\n";
  else if (entry.erased)
    std::cout << "    erased\n";
  else if (entry.file)
    std::cout << "    " << safe(entry.file->name) << "  " << size_text(entry.file->size_bytes) << ", "
              << where_text(entry.file->where) << '\n';
  else if (!entry.text.empty()) {
    std::string text = safe(entry.text, Lines::kept);
    for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 5) text.insert(at + 1, "    ");
    std::cout << "    " << text << '\n';
  }
}

// ---- SLA ----

constexpr std::size_t sla_columns = 13;

/// The two largest units.
std::string length_text(std::int64_t seconds, std::string_view day, std::string_view hour, std::string_view minute) {
  const std::int64_t minutes = std::abs(seconds) / 60;
  const std::int64_t days = minutes / (24 * 60), hours = minutes / 60 % 24, rest = minutes % 60;
  const auto two = [](std::int64_t large, std::string_view of_large, std::int64_t small, std::string_view of_small) {
    std::string out = fmt::format("{}{}", large, of_large);
    return small == 0 ? out : out + fmt::format(" {}{}", small, of_small);
  };
  if (days > 0) return two(days, day, hours, hour);
  if (hours > 0) return two(hours, hour, rest, minute);
  return rest == 0 ? "<1" + std::string(minute) : fmt::format("{}{}", rest, minute);
}

/// Of what is paused less than nothing may be left.
std::int64_t shown_left(const client::SlaView& wait) {
  return wait.paused ? std::max<std::int64_t>(*wait.left_s, 0) : *wait.left_s;
}

std::string_view sla_word(const client::SlaView& wait) {
  if (wait.colour == "red") return "late";
  if (wait.colour == "blue") return "paused";
  return wait.colour == "yellow" ? "soon" : "ok";
}

std::string_view escape_of(const client::SlaView& wait) {
  if (wait.colour == "red") return "\x1b[31m";
  if (wait.colour == "blue") return "\x1b[34m";
  return wait.colour == "yellow" ? "\x1b[33m" : "\x1b[32m";
}

bool wants_colour() {
  const char* const no_colour = std::getenv("NO_COLOR");
  const char* const terminal = std::getenv("TERM");
  const bool dumb = terminal == nullptr || std::string_view(terminal) == "dumb";
  return ::isatty(STDOUT_FILENO) != 0 && !dumb && (no_colour == nullptr || *no_colour == '\0');
}

}  // namespace

std::string sla_cell(const client::SlaView& wait) {
  const std::string word(sla_word(wait));
  return wait.left_s ? word + ' ' + length_text(shown_left(wait), "d", "h", "m") : word;
}

std::string sla_sentence(const client::TicketView& view, const client::SlaView& wait) {
  std::string out = wait.metric;
  std::ranges::replace(out, '_', ' ');
  const std::string length = wait.left_s ? length_text(shown_left(wait), " d", " h", " min") : "";
  const std::string due = wait.due_ms ? local_clock(*wait.due_ms, view.now_ms) : "";
  std::string as_of = "as of last sync " + local_clock(view.sla_as_of_ms, view.now_ms);
  if (view.row.saved != client::Saved::confirmed) as_of += ", without your work on its way";
  if (wait.colour == "blue") {
    out += view.waits_since_ms ? " paused since " + local_clock(*view.waits_since_ms, view.now_ms) : " paused";
    return out + ", " + length + " left (" + as_of + ')';
  }
  if (wait.colour == "red") return out + " late: was due " + due + " (" + length + " ago, " + as_of + ')';
  if (due.empty()) return out + " due nowhere near (" + as_of + ')';
  return out + (wait.colour == "yellow" ? " due soon, at " : " due ") + due + " (in " + length + ", " + as_of + ')';
}

std::string cut_to(std::string_view text, std::size_t columns) {
  if (columns_of(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  std::string out;
  std::size_t used = 0;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t next = i + 1;
    while (next < text.size() && (static_cast<unsigned char>(text[next]) & 0xC0) == 0x80) ++next;
    if (used + 1 >= columns) break;
    out.append(text.substr(i, next - i));
    ++used;
    i = next;
  }
  return out + "…";
}

std::string to_text(const sync::ChangeRef& ref) {
  return to_uuid_text(ref.device.view()) + ":" + to_hex(ref.id);
}

Result<sync::ChangeRef> parse_change_ref(std::string_view text) {
  std::string digits;
  for (const char c : text)
    if (c != '-' && c != ':') digits += c;
  const auto raw = from_hex(digits);
  if (!raw || raw->size() != 24)
    return fail(ErrorCode::invalid, "\"" + std::string(text) + "\" names no change.",
                "Write DEVICE:ID, as --json shows them under \"change\".", "change");
  return sync::ChangeRef{DeviceId::or_zero(ByteView(*raw).substr(0, 16)), ChangeId::or_zero(ByteView(*raw).substr(16))};
}

Result<sync::ChangeRef> change_among(const std::vector<sync::ChangeRef>& known, std::string_view name,
                                     std::string_view what, const std::string& hint) {
  std::vector<sync::ChangeRef> found;
  const bool long_enough = name.size() >= 4;
  for (const sync::ChangeRef& ref : known)
    if (long_enough && to_hex(ref.id).starts_with(name) && std::ranges::find(found, ref) == found.end())
      found.push_back(ref);
  if (found.size() == 1) return found.front();
  const std::string called = std::string(what) + " \"" + std::string(name) + "\"";
  if (found.empty()) return fail(ErrorCode::not_found, "There is no " + called + ".", hint, std::string(what));
  std::string all;
  for (const sync::ChangeRef& ref : found) all += (all.empty() ? "" : ", ") + to_text(ref);
  return fail(ErrorCode::ambiguous, "More than one " + called + ".", "They are: " + all, std::string(what));
}

namespace {

constexpr std::size_t subject_columns = 44, subject_columns_min = 12;

}  // namespace

std::size_t terminal_columns() {
  if (::isatty(STDOUT_FILENO) == 0) return 0;
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* const said = std::getenv("COLUMNS");
  return said == nullptr ? 0 : static_cast<std::size_t>(std::max(0, std::atoi(said)));
}

std::string list_line(const client::ListRow& row, std::size_t columns, ListLook look) {
  std::string marks;
  if (row.saved != client::Saved::confirmed) marks += " " + std::string(to_string(row.saved));
  if (row.ghost) marks += " (left this device)";
  if (row.unread > 0) marks += fmt::format(" {} new", row.unread);
  std::string line = padded(row.number, 18) + ' ' + padded(row.status, 11) + ' ' + padded(row.priority, 6) + ' ';
  const std::size_t sla_at = line.size();
  const std::string cell = row.sla ? sla_cell(*row.sla) : "-";
  if (look.sla) line += padded(cell, sla_columns) + ' ';
  const std::string assignee = padded(row.assignee.empty() ? "-" : row.assignee, 14) + ' ';
  std::size_t subject = subject_columns;
  if (columns != 0) {  // first the subject gives way, then the assignee, then the end
    const std::size_t taken = columns_of(line) + columns_of(marks);
    const bool both = taken + columns_of(assignee) + subject_columns_min <= columns;
    if (both) line += assignee;
    const std::size_t left = taken + (both ? columns_of(assignee) : 0);
    subject = columns > left ? std::min(subject_columns, columns - left) : 0;
  } else {
    line += assignee;
  }
  // Every ticket has a subject; a ghost's is not always known.
  line += padded(row.subject.empty() && !row.ghost ? "erased" : row.subject, subject) + marks;
  line.erase(line.find_last_not_of(' ') + 1);
  if (columns != 0) line = cut_to(line, columns);
  const std::size_t sla_size = std::min(cell.size(), sla_columns);
  if (look.sla && look.colour && row.sla && line.size() > sla_at + sla_size)
    line.insert(sla_at + sla_size, "\x1b[0m").insert(sla_at, escape_of(*row.sla));
  return line;
}

void print_list(const client::ListPage& page, std::size_t columns) {
  if (page.rows.empty()) std::cerr << "No tickets.\n";
  const ListLook look{std::ranges::any_of(page.rows, [](const auto& row) { return row.sla.has_value(); }),
                      wants_colour()};
  for (const client::ListRow& row : page.rows) std::cout << list_line(row, columns, look) << '\n';
  if (!page.next.empty()) std::cerr << "There are more: --after " << page.next << '\n';
}

std::string size_text(std::uint64_t bytes) {
  constexpr double kb = 1024, mb = kb * kb;
  const auto size = static_cast<double>(bytes);
  if (size >= mb) return fmt::format("{:.1f} MB", size / mb);
  return bytes >= 1024 ? fmt::format("{:.0f} KB", size / kb) : fmt::format("{} bytes", bytes);
}

std::string counted_files(std::uint64_t files, std::uint64_t bytes) {
  return fmt::format("{} file{}, {}", files, files == 1 ? "" : "s", size_text(bytes));
}

void print_files(const std::vector<client::FileView>& files) {
  if (files.empty()) std::cerr << "No files.\n";
  std::size_t n = 0;
  for (const client::FileView& file : files) {
    std::cout << ++n << "  " << safe(file.name) << "  " << size_text(file.size_bytes) << "  " << file.media_type << "  "
              << where_text(file.where);
    if (file.where == client::FileView::Where::wanted && file.have_bytes > 0)
      std::cout << ", " << size_text(file.have_bytes) << " of it is here";
    std::cout << "  " << to_hex(file.change.id).substr(0, short_id_digits) << '\n';
    if (!file.problem.empty()) std::cout << "    " << safe(file.problem) << '\n';
  }
}

void print_ticket(const client::TicketView& view) {
  const auto read = [&view](const std::string& value, std::string_view name) {
    return std::ranges::find(view.erased, name) != view.erased.end() ? std::string("erased") : value;
  };
  std::cout << safe(view.row.number) << "  " << safe(read(view.row.subject, "subject")) << "\n\n";
  const std::string hold_reason = read(view.hold_reason, "hold_reason");
  line("Status", view.row.status + (hold_reason.empty() ? "" : ": " + hold_reason));
  line("Priority", view.row.priority);
  line("Assignee", view.row.assignee.empty() ? "nobody" : view.row.assignee);
  line("Queue", view.row.queue);
  line("Category", view.row.category);
  line("Type", view.type);
  line("Contact", view.row.contact);
  line("Organisation", view.organisation);
  if (view.row.due_at_ms) {
    const std::string& colour = view.row.due_colour;
    line("Due", local_minute(*view.row.due_at_ms) + (colour.empty() || colour == "green" ? "" : " (" + colour + ")"));
  }
  for (const client::SlaView& wait : view.sla) line("SLA", sla_sentence(view, wait));
  if (view.wake_at_ms) line("Wake at", local_minute(*view.wake_at_ms));
  if (view.estimate_minutes)
    line("Estimate", fmt::format("{:.1f} h, {}", static_cast<double>(*view.estimate_minutes) / 60,
                                 view.estimate_decision.empty() ? "not decided" : view.estimate_decision));
  if (view.csat) {
    const std::string said = view.csat->erased            ? ": erased"
                             : view.csat->comment.empty() ? ""
                                                          : ": " + view.csat->comment;
    line("Rated", fmt::format("{} of 5{}", view.csat->score, said));
  }
  if (view.minutes_logged > 0) line("Time logged", fmt::format("{} min", view.minutes_logged));
  line("Tags", joined(view.tags));
  line("Watchers", joined(view.watchers));
  line("Links", joined(view.links));
  line("References", joined(view.external_refs));
  for (const auto& [name, value] : view.custom) line(name, value);
  for (const std::string& name : view.erased)
    if (const std::size_t colon = name.find(':'); colon != std::string::npos) line(name.substr(colon + 1), "erased");
  line("Result", read(view.result, "result"));
  line("Merged into", view.merged_into);
  line("Also known as", joined(view.aliases));
  if (view.deleted) line("Deleted", "yes");
  for (const std::string& mark : view.custody) line("Custody", mark);
  if (view.row.saved != client::Saved::confirmed) line("Your work", to_string(view.row.saved));
  std::vector<std::string> moves;
  moves.reserve(view.possible_moves.size());
  for (const std::string& move : view.possible_moves) moves.push_back(client::command_word(move));
  line("Moves", joined(moves));
  const std::string description = read(view.description, "description");
  if (!description.empty()) std::cout << '\n' << safe(description, Lines::kept) << '\n';
  for (const client::TimelineEntry& entry : view.timeline) print_timeline(entry);
}

void print_history(const std::vector<client::HistoryEntry>& entries, bool with_follow_ups) {
  if (entries.empty())
    std::cerr << (with_follow_ups ? "Nothing needs attention.\n" : "No work of yours on this device.\n");
  std::size_t n = 0;
  for (const client::HistoryEntry& entry : entries) {
    if (with_follow_ups) std::cout << ++n << "  ";
    std::cout << local_minute(entry.wall_ms) << "  " << padded(entry.number, 18) << ' ' << deed(entry) << ": "
              << safe(entry.sentence) << '\n';
    if (entry.hi_ms - entry.lo_ms > window_shown_ms)
      std::cout << "    it happened between " << local_minute(entry.lo_ms) << " and " << local_minute(entry.hi_ms)
                << '\n';
    if (!with_follow_ups) continue;
    if (!entry.text.empty()) std::cout << "    your text: " << safe(cut_to(entry.text, 200)) << '\n';
    std::size_t k = 0;
    for (const client::FollowUp& follow_up : entry.follow_ups)
      std::cout << "    " << ++k << ") " << safe(follow_up.label) << '\n';
    std::cout << "    change " << to_text(entry.change) << '\n';
  }
  if (with_follow_ups && !entries.empty())
    std::cerr << "Do one: tern attention N --do K. Done with it: tern attention --dismiss N\n";
}

/// What is left to say about a device that was wiped.
void print_wiped(const client::SyncStatus& status) {
  std::cout << safe(status.paused) << "\nThe order is of " << local_minute(status.wiped_ms) << ".\n";
  if (!status.last_error.empty() && status.last_error != status.paused)
    std::cout << "Last try: " << safe(status.last_error) << " Run: tern sync\n";
  std::cout << "To go on working, ask for a new code and enrol in another home: tern enrol --home DIR ...\n";
}

void print_status(const client::SyncStatus& status, const client::UnreadCount& unread) {
  if (status.wiped) return print_wiped(status);
  std::cout << fmt::format("{} saved here, {} sent, {} confirmed, {} need{} attention\n", status.saved_here,
                           status.sent, status.confirmed, status.needs_attention,
                           status.needs_attention == 1 ? "s" : "");
  std::cout << fmt::format("{} ticket{} on this device", status.tickets, status.tickets == 1 ? "" : "s");
  if (status.ghosts > 0) std::cout << fmt::format(", {} left it with work of yours on the way", status.ghosts);
  std::cout << '\n';
  if (unread.items > 0)
    std::cout << fmt::format("{} new on {} ticket{}, {} of them yours: tern list --unread\n", unread.items,
                             unread.tickets, unread.tickets == 1 ? "" : "s", unread.mine);
  std::cout << (status.current_as_of_ms == 0 ? "Never synced. Run: tern sync"
                                             : "Current as of " + local_minute(status.current_as_of_ms))
            << '\n';
  if (!status.first_replica_complete && status.current_as_of_ms != 0)
    std::cout << "The first download is not complete. Run: tern sync\n";
  if (status.files_waiting > 0)
    std::cout << counted_files(status.files_waiting, status.files_waiting_bytes) << ", not sent yet\n";
  if (status.files_stuck > 0)
    std::cout << fmt::format("{} file{} cannot be sent; tern files TICKET says why\n", status.files_stuck,
                             status.files_stuck == 1 ? "" : "s");
  if (!status.files_problem.empty())
    std::cout << "The files that wait cannot be read: " << safe(status.files_problem) << '\n';
  if (status.oldest_pending_wall_ms != 0)
    std::cout << "Oldest work not confirmed: " << local_minute(status.oldest_pending_wall_ms) << '\n';
  if (!status.paused.empty()) std::cout << "Syncing is paused: " << safe(status.paused) << '\n';
  if (!status.last_error.empty()) std::cout << "Last try: " << safe(status.last_error) << '\n';
  if (!status.notice.empty())
    std::cout << "Notice: " << safe(status.notice) << " Seen it: tern attention --dismiss notice\n";
  if (status.server_offset_ms > 60'000 || status.server_offset_ms < -60'000)
    std::cout << fmt::format("This machine's clock is {} s {} the server's.\n",
                             std::abs(status.server_offset_ms) / 1000,
                             status.server_offset_ms > 0 ? "behind" : "ahead of");
  if (!status.encrypted)
    std::cout << "This build does not encrypt: whoever has the disk can read the tickets on it.\n";
  else if (!status.passphrase_protected)
    std::cout << "No passphrase protects the keys: whoever has the disk can read the tickets on it.\n";
}

}  // namespace tern::apps
