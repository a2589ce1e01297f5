// What an agent sees: always fold(confirmed, pending), always local, never waiting for a network.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tern/protocol/error.hpp"
#include "tern/protocol/json.hpp"
#include "tern/sync/change.hpp"
#include "tern/sync/conflict.hpp"
#include "tern/sync/lifecycle.hpp"

namespace tern::client {

/// The four words people see for their own work.
enum class Saved : std::uint8_t { confirmed = 0, saved_here = 1, sent = 2, needs_attention = 3 };
std::string_view to_string(Saved saved);  // "confirmed", "saved here", "sent", "needs attention"

struct ListFilter {
  std::string status;  // canonical status, class, `active` (default), `all`
  std::string priority, queue, assignee /* name, "me", "none" */, tag, text;
  std::string category;          // name, "none"
  std::string age;               // made so many working days ago or earlier: 1 to 365
  std::string colour;            // of the SLA clock or the deadline, the worse one: green, yellow, red, blue, none
  std::string sort = "updated";  // updated, created, priority, number, status, subject, assignee, sla (descending:
                                 // nearest due)
  bool unread = false;           // only with something unread; then `status` empty is `all`
  bool descending = true;
  std::size_t limit = 50;  // 1..500
  std::string after;       // token of the page before
};

/// An open wait of a ticket's SLA clock: what the server said at the last sync, counted down here since.
struct SlaView {
  std::string metric;  // "first_response", "next_response", "resolution", "periodic_update", "on_site"
  std::uint32_t number = 1;
  std::string colour;  // "green", "yellow", "red"; "blue": paused
  bool paused = false;
  std::optional<std::int64_t> due_ms, yellow_ms;
  std::optional<std::int64_t> left_s;  // until due, negative behind it; paused: working time left, or less than none
};

struct ListRow {
  TicketId id;
  std::uint64_t integer_id = 0;
  std::string number, subject, status, priority, queue, assignee, category, contact;
  std::int64_t created_ms = 0, updated_ms = 0;
  Saved saved = Saved::confirmed;
  bool ghost = false;
  std::uint64_t unread = 0;    // messages of others since it was last looked at here, one more where it is new here
  std::optional<SlaView> sla;  // the worst of what is open; nothing: nothing is promised
  std::optional<std::int64_t> due_at_ms;
  std::string due_colour;  // of that: "green", "yellow", "red"; empty: there is none, or the work is done
};

struct ListPage {
  std::vector<ListRow> rows;
  std::string next;  // empty: no more
};

/// What a report from on site holds beside its text.
struct OnSiteView {
  std::int64_t from_ms = 0, to_ms = 0;  // by the clock of the device that reported
  std::string signed_by, contact;       // the name that was given; the contact's. Empty: none
  std::string media_type;
  Bytes signature;
};

/// What the customer thought of what was done, the last time they said it.
struct RatingView {
  std::uint8_t score = 0;  // 1 to 5
  std::string comment;
  std::int64_t at_ms = 0;
  bool erased = false;  // the comment
};

/// An attachment: what its change says, and where its content is.
struct FileView {
  enum class Where : std::uint8_t {
    not_here,  // it can be fetched, once somebody has sent it
    wanted,    // the next sync goes on with fetching it
    here,
    waiting,  // attached here, and not sent yet
    stuck,    // see `problem`
  };
  sync::ChangeRef change;
  TicketId ticket;  // on which it is read
  std::string name, media_type;
  std::uint64_t size_bytes = 0, have_bytes = 0;
  Bytes sha256;
  Where where = Where::not_here;
  std::string problem;
  std::string author;
  std::int64_t at_ms = 0;
};
std::string_view to_string(FileView::Where where);  // "not here", "wanted", "here", "waiting", "needs attention"

/// One line of a ticket's timeline: a message, a move, a field setting, a claim.
struct TimelineEntry {
  std::int64_t at_ms = 0, lo_ms = 0, hi_ms = 0;
  std::uint32_t time_flags = 0;
  std::string author, what /* intent or "message" */, visibility, text;
  bool deleted = false, edited = false, erased = false, effective = true /* false: overtaken */;
  bool withheld = false;  // a reply that the customer is not shown until somebody sends it
  bool unread = false;    // see ListRow::unread
  bool recorded = false;  // by the server, for its author: under no key of theirs
  Saved saved = Saved::confirmed;
  sync::ChangeRef change;
  std::optional<OnSiteView> on_site;
  std::optional<FileView> file;
};

struct TicketView {
  ListRow row;
  std::string description, type, organisation, result, hold_reason;
  std::vector<std::string> aliases, tags, watchers, links, external_refs, possible_moves;
  std::map<std::string, std::string> custom;
  std::vector<std::string> erased;  // what stands but was erased: "subject", "description", "custom:room", "result" ...
  std::optional<std::int64_t> wake_at_ms, estimate_minutes;
  std::int64_t first_response_ms = 0, resolved_ms = 0, closed_ms = 0;  // 0: not, or not any more
  std::optional<sync::ChangeRef> estimate;                             // what an approval names
  std::string estimate_decision;  // "approved", "rejected"; empty: nobody has decided, or no estimate
  std::optional<RatingView> csat;
  std::int64_t minutes_logged = 0;
  std::vector<std::string> custody;  // "Ann: unsynced work may exist since 10:12"
  std::string merged_into;
  bool deleted = false, pinned = false;
  std::uint64_t version = 0;
  std::int64_t read_mark = 0;  // for Commands::mark_read: this view, and nothing that comes after it, was looked at
  std::vector<SlaView> sla;    // all that is open, without what own pending work will make of it
  std::int64_t sla_as_of_ms = 0, now_ms = 0;   // server time of the last sync; of this view
  std::optional<std::int64_t> waits_since_ms;  // paused since then
  std::vector<TimelineEntry> timeline;
};

/// One thing to do about what became of a change; Commands::follow_up does it.
struct FollowUp {
  std::string id, label, command;  // "set-mine-again", "set mine again", how `tern` is asked for it
};

/// What became of one of my changes.
struct HistoryEntry {
  sync::ChangeRef change;
  TicketId ticket;
  std::string number, subject;
  std::string intent;        // "set"
  std::string field, value;  // for people: names, not ids
  std::string text;
  std::int64_t wall_ms = 0;
  Saved saved = Saved::saved_here;
  std::uint64_t chain_seq = 0, commit_seq = 0;         // 0 = not yet
  sync::Outcome outcome = sync::Outcome::unspecified;  // of the receipt
  sync::Rule rule = sync::Rule::unspecified;
  sync::ReasonCode reason = sync::ReasonCode::none;
  sync::Standing standing;  // receipt, or the newest amendment
  bool amended = false;
  std::uint64_t seen_seq = 0;
  std::int64_t effective_ms = 0, lo_ms = 0, hi_ms = 0;
  std::uint32_t time_flags = 0;
  std::string stands_value, stands_author;  // what stands instead, as this device knows it
  std::vector<FollowUp> follow_ups;
  bool handed_in = false;  // to a server for which this device's key had ended: its administrator decides about it
  std::string sentence;    // the story in one line
};

struct SyncStatus {
  std::uint64_t saved_here = 0, sent = 0, confirmed = 0, needs_attention = 0;  // changes
  std::uint64_t tickets = 0, ghosts = 0;
  std::int64_t current_as_of_ms = 0;  // server time of the last completed exchange; 0 = never
  std::int64_t oldest_pending_wall_ms = 0;
  std::uint64_t cursor = 0;
  bool first_replica_complete = false;
  bool passphrase_protected = false;
  bool encrypted = true;      // false on a build without page encryption
  bool wiped = false;         // obeyed a wipe order: the tickets are gone, unsent work is kept, sealed, and handed in
  std::int64_t wiped_ms = 0;  // server time of the order
  std::string paused;         // why syncing is paused, in one sentence; empty = it is not
  std::string last_error;
  std::string notice;  // something that happened to this device and its user should know; empty = nothing
  std::int64_t server_offset_ms = 0;                         // server clock minus ours
  std::uint64_t files_waiting = 0, files_waiting_bytes = 0;  // attached here, and not sent yet
  std::uint64_t files_stuck = 0;                             // of those, what goes no further: `tern files`
  std::string files_problem;                                 // why they cannot be looked at; empty = they can
};

/// What is unread on the tickets of this device that are not deleted.
struct UnreadCount {
  std::uint64_t items = 0, tickets = 0;  // see ListRow::unread
  std::uint64_t mine = 0;                // of the tickets, those assigned to this operator
};

/// A text to answer with: the desk's, or this operator's own.
struct QuickReply {
  RecordId id;
  std::string name, shortcut, content;
  bool personal = false;
};

/// What `Commands::apply_macro` does: a public message, then its actions, one a line.
struct Macro {
  RecordId id;
  std::string name, content;
  std::vector<std::string> actions;
};

/// A list under a name: the desk's, this operator's own, or one that is always there.
struct SavedView {
  RecordId id;  // zero: always there
  std::string name, folder;
  bool personal = false;
  ListFilter filter;
};

/// A published article of the knowledge base.
struct Article {
  RecordId id;
  std::uint64_t integer_id = 0;
  std::string title, category, content;
  std::int64_t updated_ms = 0;  // 0: not known
};

/// What an intent is called among the commands: "put-back", "approve".
std::string command_word(std::string_view intent);

/// A time in a sentence, for somebody who reads it beside what happened at `seen_from_ms`. Where none is given,
/// sentences speak in UTC and say so.
using ClockText = std::function<std::string(std::int64_t ms, std::int64_t seen_from_ms)>;

class Views {
public:
  virtual ~Views() = default;
  virtual Result<ListPage> list(const ListFilter& filter) = 0;
  virtual Result<TicketView> ticket(const TicketId& id, const ClockText& clock = {}) = 0;
  /// FTS5 over subject, description and messages; operators in `text` are plain words. Newest first.
  virtual Result<ListPage> search(std::string_view text, std::size_t limit, std::string_view after) = 0;
  /// Conflicts, amendments, rejected, held, ghosts, newest first; then tickets of mine that a late close ended, and
  /// what another copy of this device landed.
  virtual Result<std::vector<HistoryEntry>> attention(const ClockText& clock = {}) = 0;
  /// My own changes on one ticket, or on all (`ticket` nothing); oldest first.
  virtual Result<std::vector<HistoryEntry>> history(const std::optional<TicketId>& ticket,
                                                    const ClockText& clock = {}) = 0;
  virtual Result<SyncStatus> status() = 0;
  virtual Result<UnreadCount> unread() = 0;

  /// What stands attached to a ticket, in its order.
  virtual Result<std::vector<FileView>> files(const TicketId& id) = 0;
  /// A piece of a file that is here, of a ticket that is here; shorter than `length` only at its end. `not_found`.
  virtual Result<Bytes> read_file(const FileView& file, std::uint64_t offset, std::size_t length) = 0;

  /// By name.
  virtual Result<std::vector<QuickReply>> quick_replies() = 0;
  /// By its shortcut, else by name as records are found. `not_found`, `ambiguous`.
  virtual Result<QuickReply> quick_reply(std::string_view name) = 0;
  virtual Result<std::vector<Macro>> macros() = 0;
  /// Those that are always there first, then by folder, position and name. What only a newer version can read is left
  /// out.
  virtual Result<std::vector<SavedView>> saved_views() = 0;
  /// By name, case aside, one's own before the desk's; else as records are found. `not_found`, `ambiguous`, `invalid`.
  virtual Result<SavedView> saved_view(std::string_view name) = 0;
  /// Articles that hold every word of `text`, the last one as a beginning; those with all of them in the title first,
  /// then by title. Without words, all.
  virtual Result<std::vector<Article>> articles(std::string_view text) = 0;
  /// By integer id, uuid or title as records are found. `not_found`, `ambiguous`.
  virtual Result<Article> article(std::string_view name) = 0;
};

// The one JSON form of each, used by `tern --json` and the C header. Times are RFC 3339 UTC with milliseconds; ids are
// uuids.
Json to_json(const ListRow& row);
Json to_json(const TicketView& view);
Json to_json(const HistoryEntry& entry);
Json to_json(const SyncStatus& status);
Json to_json(const UnreadCount& unread);
Json to_json(const FileView& file);
Json to_json(const QuickReply& reply);
Json to_json(const Macro& macro);
Json to_json(const SavedView& view);
Json to_json(const Article& article);

}  // namespace tern::client
