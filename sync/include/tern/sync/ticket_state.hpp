// The folded state of one ticket, closed under folding. Source: fold.md "Fold". Stored and sent as
// tern.v1.TicketStateMessage.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tern/sync/conflict.hpp"
#include "tern/sync/lifecycle.hpp"
#include "tern/sync/order.hpp"
#include "tern/sync/sorted_map.hpp"
#include "tern/sync/ticket_fields.hpp"

namespace tern::sync {

/// One setting of a field that no other setting had seen.
struct Head {
  Stamp stamp;
  std::optional<Bytes> value;
  bool erased = false;
  bool operator==(const Head&) const = default;
};

/// A field of rule `latest` or `highest`. Heads are kept in order; which one stands is `standing_head`.
struct Register {
  std::vector<Head> heads;
  bool operator==(const Register&) const = default;
};

struct FieldKey {
  FieldId field = FieldId::unspecified;
  std::string key;
  auto operator<=>(const FieldKey&) const = default;
};

struct ElementKey {
  FieldId field = FieldId::unspecified;  // tags, watchers, links, pins
  Bytes element;                         // tag text; 'o'/'c' + 16 bytes; kind byte + 16 bytes; 16 bytes
  auto operator<=>(const ElementKey&) const = default;
};

/// A status move, or a customer's public message (intent `message`), at its place in the order. Beside them, what was
/// written to a merged ticket after its merge and is no message (set, describe, edit_message): overtaken, its text
/// kept.
struct Move {
  Stamp stamp;
  Intent intent = Intent::unspecified;
  std::string text;         // result, reason; what was written
  std::int64_t number = 0;  // wake_at ms; estimate in minutes; reopen window ms of a customer's message
  bool erased = false;
  bool operator==(const Move&) const = default;
};

struct Claim {
  Stamp stamp;
  Bytes value;  // 16 bytes or empty
  bool operator==(const Claim&) const = default;
};

/// A merge that was taken back.
struct UndoneMerge {
  Claim merge;  // value: the target
  Stamp undo;
  bool operator==(const UndoneMerge&) const = default;
};

struct Custody {
  OperatorId operator_id;
  std::int64_t since_ms = 0;
  std::uint64_t commit_seq = 0;  // of the claim that took the ticket away
  bool operator==(const Custody&) const = default;
};

/// What the time was spent on, as `kind` of log_time says. An answered call answers the customer (docs/sla.md, K3).
enum class TimeEntryKind : std::uint8_t { work = 0, call = 1, call_unanswered = 2 };
/// As in --json, exports and docs; nothing for other numbers and names.
std::string_view time_entry_kind_name(TimeEntryKind kind);
std::optional<TimeEntryKind> time_entry_kind_from_name(std::string_view name);
std::optional<TimeEntryKind> time_entry_kind_from_number(std::uint64_t number);

struct TimeEntry {
  Stamp stamp;
  std::int64_t minutes = 0;
  std::string note;
  bool erased = false;
  TimeEntryKind kind = TimeEntryKind::work;
  bool operator==(const TimeEntry&) const = default;
};

/// A decision on the estimate made by `estimate`.
struct EstimateDecision {
  ChangeRef estimate;
  bool approved = false;
  Stamp stamp;
  bool operator==(const EstimateDecision&) const = default;
};

/// A customer's word on what the change `resolution` said was done. One for each resolution.
struct Rating {
  Stamp stamp;
  ChangeRef resolution;
  std::uint8_t score = 0;  // 1 to 5
  std::string comment;
  bool erased = false;
  bool operator==(const Rating&) const = default;
};

/// Messages that a split gave to another ticket. Each is given away once.
struct Split {
  Stamp stamp;
  std::vector<ChangeRef> messages;
  bool operator==(const Split&) const = default;
};

struct TicketState {
  TicketId id;
  std::uint64_t version = 0;     // newest commit_seq folded in
  std::uint64_t integer_id = 0;  // 0 = not confirmed yet
  std::string number;            // empty = not confirmed yet
  std::vector<std::string> aliases;
  std::optional<Stamp> created;  // nothing: the create has not been folded in
  SortedMap<FieldKey, Register> fields;
  std::map<ElementKey, std::vector<Stamp>> elements;  // adds that no remove had seen
  std::map<ElementKey, std::vector<Stamp>>
      removals;             // removes that nobody has seen yet who touched the element; no pins
  std::vector<Move> moves;  // in order
  std::string description;
  std::optional<Stamp> description_stamp;
  bool description_erased = false;
  std::optional<Claim> assignee, queue, merged_into, deletion;  // the claim that stands; deletion: value "1" or empty
  std::vector<Claim> merged_from, split_from;
  std::vector<UndoneMerge> undone_merges;  // as they were committed
  std::vector<ChangeRef> split_messages;
  std::vector<Split> splits;  // of this ticket, in order
  std::vector<Custody> custody;
  std::vector<TimeEntry> time_entries;  // in order
  std::vector<EstimateDecision> estimate_decisions;
  std::vector<Rating> ratings;  // as they were committed
  std::uint32_t message_count = 0;
  std::int64_t updated_ms = 0, first_response_ms = 0;

  bool operator==(const TicketState&) const = default;
};

enum class MessageKind : std::uint8_t { message = 0, resolution = 1, file = 2, overtaken_note = 3, on_site = 4 };

struct MessageEdit {
  Stamp stamp;
  std::string text;
  bool erased = false;
  bool operator==(const MessageEdit&) const = default;
};

/// What a report from on site holds beside its text: as its device said it, never moved, edited or deleted.
struct OnSite {
  std::int64_t from_ms = 0, to_ms = 0;
  Bytes contact;          // who signed: 16 bytes or empty
  std::string signed_by;  // the name they gave
  std::string media_type;
  Bytes signature;
  bool operator==(const OnSite&) const = default;
};

/// A message, note, file or report from on site. Append-only; shown by order with its window.
struct Message {
  Stamp stamp;
  std::uint64_t version = 0;
  Visibility visibility = Visibility::team;
  MessageKind kind = MessageKind::message;
  std::string text;
  bool erased = false;
  std::vector<MessageEdit> edits, deletes;  // heads: those no other had seen
  std::int64_t window_lo_ms = 0, window_hi_ms = 0;
  std::uint32_t time_flags = 0;
  std::string file_name, media_type;
  std::uint64_t size_bytes = 0;
  Bytes content_hash;
  OnSite on_site;
  bool withheld = false;  // a reply to the customer that is not shown to them until it is sent
  bool operator==(const Message&) const = default;
};

/// The status and all that the moves say together: computed, never stored apart from the moves.
struct StatusView {
  Status status = Status::new_;
  Status before_hold = Status::new_;
  std::int64_t since_ms = 0;
  std::string hold_reason, result;
  std::int64_t wake_at_ms = 0, estimate_minutes = 0;
  std::optional<ChangeRef> estimate;
  std::int64_t resolved_ms = 0, closed_ms = 0;
  std::optional<ChangeRef> resolution;    // while resolved or closed: the move that ended the work
  std::vector<bool> move_applied;         // for each of state.moves
  std::vector<bool> move_changed_status;  // false: applied without effect, or overtaken
  std::vector<Rule> move_rule;
};
StatusView status_view(const TicketState& state);

/// The notes that keep the texts of overtaken moves, in order: kind overtaken_note, visibility team. Derived again
/// whenever asked, never stored; the id of each is H("TRN1-DERIVED", change id || kind), its device the author's.
std::vector<Message> derived_notes(const TicketState& state);

/// The value of a register that stands, by the field's rule; null when there is none.
const Head* standing_head(const TicketState& state, FieldId field, std::string_view key = {});
/// Standing value; nothing = none (or erased: see the head).
std::optional<Bytes> field_value(const TicketState& state, FieldId field, std::string_view key = {});
/// Whose the ticket is, into the create of one that is split off: contact and organisation, where it does not say.
void take_over_customer(const TicketState& source, Change& create);
std::uint8_t priority_of(const TicketState& state);
std::optional<OperatorId> assignee_of(const TicketState& state);
std::optional<RecordId> queue_of(const TicketState& state);
/// Its contact, then the contacts that watch it.
std::vector<RecordId> customers_of(const TicketState& state);
/// Null: nobody has rated it.
const Rating* rating_of(const TicketState& state, const ChangeRef& resolution);
bool is_deleted(const TicketState& state);
/// The merge that the fact stands after: the one that stands, or one that was taken back only after the fact was
/// committed. Null: none, the fact is the ticket's own.
const Stamp* merge_over(const TicketState& state, const Stamp& fact);
/// end class while merged or deleted; else the status's class.
StatusClass class_of(const TicketState& state);
/// Elements of a set field, in byte order.
std::vector<Bytes> elements_of(const TicketState& state, FieldId field);
/// Text of a message as it stands: edited, "" when deleted or erased.
const std::string& standing_text(const Message& message);
bool is_deleted(const Message& message);

/// Wire and storage form. Deterministic. decode: `corrupt` on anything malformed (lengths, indexes, order).
Bytes encode_state(const TicketState& state);
Result<TicketState> decode_state(ByteView bytes);

/// The same for one message, as tern.v1.TicketMessage.
Bytes encode_message(const Message& message);
Result<Message> decode_message(ByteView bytes);

}  // namespace tern::sync
