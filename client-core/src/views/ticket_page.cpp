#include "views/ticket_page.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "outbox/outbox.hpp"
#include "replica/replica.hpp"
#include "tern/sync/attachment.hpp"
#include "tern/sync/ticket_fields.hpp"
#include "tern/sync/ticket_state.hpp"
#include "views/name_book.hpp"
#include "views/sla_view.hpp"
#include "views/time_text.hpp"

namespace tern::client {

using sync::FieldId;
using sync::RecordKind;
using sync::Stamp;

namespace {

std::string_view visibility_name(sync::Visibility visibility) {
  switch (visibility) {
    case sync::Visibility::open:
      return "public";
    case sync::Visibility::team:
      return "team";
    case sync::Visibility::restricted:
      return "restricted";
    case sync::Visibility::unspecified:
      break;
  }
  return "";
}

std::string intent_name(sync::Intent intent) {
  const sync::IntentSpec* spec = sync::find_intent(intent);
  return spec == nullptr ? "unknown" : std::string(spec->name);
}

std::string field_name(const sync::FieldKey& key) {
  const sync::FieldSpec* spec = sync::find_field(key.field);
  std::string name = spec == nullptr ? "field" : std::string(spec->name);
  if (!key.key.empty()) name += ":" + key.key;
  return name;
}

std::string watcher_name(NameBook& names, const Bytes& element) {
  const ByteView id = ByteView(element).substr(std::min<std::size_t>(1, element.size()));
  return names.of(!element.empty() && element.front() == 'c' ? RecordKind::contact : RecordKind::operator_, id);
}

std::string link_text(NameBook& names, const Bytes& element) {
  if (element.empty()) return {};
  const auto kind = sync::link_kind_from_number(static_cast<std::uint8_t>(element.front()));
  return (kind ? std::string(sync::link_kind_name(*kind)) : "linked") + " " + names.ticket(ByteView(element).substr(1));
}

/// How an element of a set comes and goes, in the words of the intents.
struct SetWords {
  std::string_view added, removed;
  std::string text;
};

/// Nothing of pins: whose they are, they concern nobody else.
std::optional<SetWords> set_words(NameBook& names, const sync::ElementKey& key) {
  switch (key.field) {
    case FieldId::tags:
      return SetWords{"tag", "untag", std::string(key.element)};
    case FieldId::watchers:
      return SetWords{"watch", "unwatch", watcher_name(names, key.element)};
    case FieldId::links:
      return SetWords{"link", "unlink", link_text(names, key.element)};
    default:
      return std::nullopt;
  }
}

/// The timeline, entry by entry, in the ticket's order.
class Timeline {
public:
  Timeline(NameBook& names, const std::vector<OwnChange>& own) : names_(names) {
    for (const OwnChange& change : own) own_[change.change.ref] = &change;
  }

  void add_state(const sync::TicketState& state) {
    if (state.created) add(*state.created, "create", first_subject(state));
    for (const auto& [key, field] : state.fields) add_field(state, key, field);
    add_sets(state);
    add_moves(state);
    if (state.assignee) {
      const bool took = state.assignee->value == state.assignee->stamp.author.view();
      add_claim(*state.assignee, took ? "take" : "assign", RecordKind::operator_);
    }
    if (state.queue) add_claim(*state.queue, "move_queue", RecordKind::queue);
    if (state.merged_into) add(state.merged_into->stamp, "merge", names_.ticket(state.merged_into->value));
    for (const sync::UndoneMerge& undone : state.undone_merges) {
      const std::string target = names_.ticket(undone.merge.value);
      add(undone.merge.stamp, "merge", target);
      add(undone.undo, "unmerge", target);
    }
    for (const sync::Claim& merged : state.merged_from) add(merged.stamp, "merged_from", names_.ticket(merged.value));
    if (state.deletion) add(state.deletion->stamp, state.deletion->value.empty() ? "restore" : "delete", "");
    add_times(state);
    add_ratings(state);
    if (state.description_stamp && state.created && !(state.description_stamp->ref() == state.created->ref())) {
      add(*state.description_stamp, "describe", "");
    }
  }

  void add_times(const sync::TicketState& state) {
    for (const sync::TimeEntry& entry : state.time_entries) {
      const bool calls = entry.kind != sync::TimeEntryKind::work;
      TimelineEntry& line = add(entry.stamp, calls ? "call" : "log_time", std::to_string(entry.minutes) + " min");
      if (calls) line.text += entry.kind == sync::TimeEntryKind::call ? ", answered" : ", not answered";
      if (!entry.note.empty()) line.text += ": " + entry.note;
      line.erased = entry.erased;
    }
  }

  void add_ratings(const sync::TicketState& state) {
    for (const sync::Rating& rating : state.ratings) {
      TimelineEntry& line = add(rating.stamp, "rate", std::to_string(rating.score) + " of 5");
      if (!rating.comment.empty()) line.text += ": " + rating.comment;
      line.erased = rating.erased;
    }
  }

  void add_messages(const std::vector<sync::Message>& messages, const TicketId& ticket) {
    for (const sync::Message& message : messages) {
      TimelineEntry& line = add(message.stamp, message.kind == sync::MessageKind::file ? "attach" : "message",
                                sync::standing_text(message));
      if (message.kind == sync::MessageKind::file) add_file(line, message, ticket);
      if (message.kind == sync::MessageKind::resolution) line.what = "result";
      if (message.kind == sync::MessageKind::overtaken_note) line.what = "overtaken_note";
      if (message.kind == sync::MessageKind::on_site) add_on_site(line, message.on_site);
      line.lo_ms = message.window_lo_ms;
      line.hi_ms = message.window_hi_ms;
      line.time_flags = message.time_flags;
      line.visibility = visibility_name(message.visibility);
      line.deleted = sync::is_deleted(message);
      line.withheld = message.withheld;
      line.edited = !message.edits.empty();
      line.erased = message.erased;
    }
  }

  /// A ghost has no state: what its author did to it is all there is.
  void add_own_work(const OwnChange& own, const OperatorId& author) {
    const sync::IntentSpec* spec = sync::find_intent(own.change.intent);
    if (spec != nullptr && spec->unit == sync::Unit::message) return;  // shown with the messages
    Stamp stamp;
    stamp.order_ms = own.change.wall_ms;
    stamp.origin = own.origin;
    stamp.change = own.change.ref.id;
    stamp.commit_seq = sync::pending_commit_seq;
    stamp.author = author;
    add(stamp, intent_name(own.change.intent), own.change.text);
  }

  std::vector<TimelineEntry> take() {
    std::ranges::stable_sort(placed_, [](const Placed& a, const Placed& b) { return sync::before(a.stamp, b.stamp); });
    std::vector<TimelineEntry> out;
    out.reserve(placed_.size());
    for (Placed& placed : placed_) out.push_back(std::move(placed.line));
    return out;
  }

private:
  struct Placed {
    Stamp stamp;
    TimelineEntry line;
  };

  void add_on_site(TimelineEntry& line, const sync::OnSite& report) {
    line.what = "on_site";
    line.on_site = OnSiteView{report.from_ms, report.to_ms, report.signed_by, {}, report.media_type, report.signature};
    if (!report.contact.empty()) line.on_site->contact = names_.of(RecordKind::contact, report.contact);
  }

  static void add_file(TimelineEntry& line, const sync::Message& message, const TicketId& ticket) {
    line.text = message.file_name;
    if (message.erased || sync::is_deleted(message)) return;
    FileView file;
    file.change = message.stamp.ref();
    file.ticket = ticket;
    file.name = sync::shown_file_name(message.file_name);
    file.media_type = sync::media_type_of_said(file.name, message.media_type);
    file.size_bytes = message.size_bytes;
    file.sha256 = message.content_hash;
    file.author = line.author;
    file.at_ms = line.at_ms;
    line.file = std::move(file);
  }

  TimelineEntry& add(const Stamp& stamp, std::string what, std::string text) {
    TimelineEntry line;
    line.at_ms = stamp.order_ms;
    line.author = names_.author(stamp);
    line.recorded = stamp.sealed && stamp.author_kind != sync::PrincipalKind::server && !stamp.author.is_zero();
    line.what = std::move(what);
    line.text = std::move(text);
    line.change = stamp.ref();
    line.saved = saved(stamp);
    placed_.push_back({stamp, std::move(line)});
    return placed_.back().line;
  }

  Saved saved(const Stamp& stamp) const {
    const auto own = own_.find(stamp.ref());
    if (own == own_.end()) return Saved::confirmed;
    if (own->second->attention) return Saved::needs_attention;
    if (stamp.commit_seq != sync::pending_commit_seq) return Saved::confirmed;
    return own->second->state < SetState::sent ? Saved::saved_here : Saved::sent;
  }

  /// What it was called when it was made; nothing once a later subject, by somebody who had seen it, has replaced it.
  static std::string first_subject(const sync::TicketState& state) {
    const auto found = state.fields.find({FieldId::subject, {}});
    if (found == state.fields.end()) return {};
    for (const sync::Head& head : found->second.heads)
      if (head.stamp.ref() == state.created->ref()) return head.value.value_or("");
    return {};
  }

  void add_field(const sync::TicketState& state, const sync::FieldKey& key, const sync::Register& field) {
    const sync::Head* standing = sync::standing_head(state, key.field, key.key);
    for (const sync::Head& head : field.heads) {
      if (state.created && head.stamp.ref() == state.created->ref()) continue;  // said by the create
      TimelineEntry& line = add(head.stamp, "set", field_name(key) + " = " + names_.value(key.field, head.value));
      line.effective = &head == standing;
      line.erased = head.erased;
    }
  }

  /// What the state keeps: adds that stand, and removes until somebody who saw them touches the element.
  void add_sets(const sync::TicketState& state) {
    for (const auto& [key, adds] : state.elements) {
      const auto words = set_words(names_, key);
      for (const Stamp& stamp : adds)
        if (words) add(stamp, std::string(words->added), words->text);
    }
    for (const auto& [key, removes] : state.removals) {
      const auto words = set_words(names_, key);
      const auto adds = state.elements.find(key);
      const bool stands = adds != state.elements.end() && !adds->second.empty();
      for (const Stamp& stamp : removes)
        if (words) add(stamp, std::string(words->removed), words->text).effective = !stands;
    }
  }

  void add_moves(const sync::TicketState& state) {
    const sync::StatusView view = sync::status_view(state);
    for (std::size_t i = 0; i < state.moves.size(); ++i) {
      const sync::Move& move = state.moves[i];
      if (move.intent == sync::Intent::message) continue;  // shown as a message
      TimelineEntry& line = add(move.stamp, intent_name(move.intent), move.text);
      line.effective = i < view.move_applied.size() && view.move_applied[i];
      line.erased = move.erased;
    }
  }

  void add_claim(const sync::Claim& claim, std::string what, RecordKind kind) {
    add(claim.stamp, std::move(what), claim.value.empty() ? "none" : names_.of(kind, claim.value));
  }

  NameBook& names_;
  std::map<sync::ChangeRef, const OwnChange*> own_;
  std::vector<Placed> placed_;
};

void fill_fields(TicketView& view, const sync::TicketState& state, NameBook& names) {
  for (const auto& [key, field] : state.fields) {
    const auto value = sync::field_value(state, key.field, key.key);
    if (!value) continue;
    switch (key.field) {
      case FieldId::custom:
        view.custom[key.key] = *value;
        break;
      case FieldId::external_ref:
        view.external_refs.push_back(key.key + ": " + *value);
        break;
      case FieldId::type:
        view.type = *value;
        break;
      case FieldId::organisation:
        view.organisation = names.of(RecordKind::organisation, *value);
        break;
      default:
        break;
    }
  }
}

void fill_sets(TicketView& view, const sync::TicketState& state, NameBook& names) {
  view.tags = sync::elements_of(state, FieldId::tags);
  for (const Bytes& element : sync::elements_of(state, FieldId::watchers))
    view.watchers.push_back(watcher_name(names, element));
  for (const Bytes& element : sync::elements_of(state, FieldId::links)) view.links.push_back(link_text(names, element));
  const auto pins = sync::elements_of(state, FieldId::pins);
  view.pinned = std::ranges::find(pins, Bytes(names.identity().operator_id.view())) != pins.end();
}

/// The words of the last move of this kind that took effect, if they were erased.
bool words_erased(const sync::TicketState& state, const sync::StatusView& status, sync::Intent intent) {
  bool erased = false;
  for (std::size_t i = 0; i < state.moves.size(); ++i)
    if (state.moves[i].intent == intent && status.move_applied[i]) erased = state.moves[i].erased;
  return erased;
}

/// What stands and cannot be read any more.
void fill_erased(TicketView& view, const sync::TicketState& state) {
  for (const auto& [key, field] : state.fields) {
    const sync::Head* head = sync::standing_head(state, key.field, key.key);
    if (head != nullptr && head->erased) view.erased.push_back(field_name(key));
  }
  if (state.description_erased) view.erased.emplace_back("description");
  const sync::StatusView status = sync::status_view(state);
  if (status.result.empty() && words_erased(state, status, sync::Intent::resolve)) view.erased.emplace_back("result");
  if (status.status == sync::Status::on_hold && words_erased(state, status, sync::Intent::hold))
    view.erased.emplace_back("hold_reason");
}

void fill_status(TicketView& view, const sync::TicketState& state) {
  const sync::StatusView status = sync::status_view(state);
  view.first_response_ms = state.first_response_ms;
  view.resolved_ms = status.resolved_ms;
  view.closed_ms = status.closed_ms;
  view.result = status.result;
  view.hold_reason = status.hold_reason;
  if (status.wake_at_ms != 0) view.wake_at_ms = status.wake_at_ms;
  if (status.estimate) {
    view.estimate_minutes = status.estimate_minutes;
    view.estimate = status.estimate;
    for (const sync::EstimateDecision& decision : state.estimate_decisions)
      if (decision.estimate == *status.estimate) view.estimate_decision = decision.approved ? "approved" : "rejected";
  }
  if (!state.ratings.empty()) {
    const sync::Rating& last = state.ratings.back();
    view.csat = RatingView{last.score, last.comment, last.stamp.order_ms, last.erased};
  }
  if (view.deleted || !view.merged_into.empty()) return;
  for (const sync::Intent move : sync::possible_moves(status.status, status.before_hold)) {
    view.possible_moves.push_back(intent_name(move));
  }
}

void fill_state(TicketView& view, const sync::TicketState& state, NameBook& names, const ClockText& clock) {
  view.version = state.version;
  view.description = state.description;
  view.aliases = state.aliases;
  view.deleted = sync::is_deleted(state);
  if (state.merged_into) view.merged_into = names.ticket(state.merged_into->value);
  for (const sync::TimeEntry& entry : state.time_entries) view.minutes_logged += entry.minutes;
  for (const sync::Custody& mark : state.custody) {
    view.custody.push_back(names.of(RecordKind::operator_, mark.operator_id.view()) +
                           ": unsynced work may exist since " + clock(mark.since_ms, 0));
  }
  fill_fields(view, state, names);
  fill_sets(view, state, names);
  fill_status(view, state);
  fill_erased(view, state);
}

/// What a ticket shows of others: all that was written to those merged into it, and the messages it was given by a
/// split. A message belongs to one ticket; here is where the others show it.
class FromOthers {
public:
  FromOthers(ListParts parts, Timeline& timeline, TicketView& view) : parts_(parts), timeline_(timeline), view_(view) {}

  Result<void> add(const sync::TicketState& state) {
    seen_.insert(state.id);
    TERN_TRY(const auto own, parts_.replica.messages(state.id));
    for (const sync::Message& message : own) shown_.insert(message.stamp.ref());
    return add_others(state);
  }

private:
  Result<void> add_others(const sync::TicketState& state) {
    for (const sync::Claim& merged : state.merged_from) TERN_CHECKED(add_merged(TicketId::or_zero(merged.value)));
    for (const sync::Claim& split : state.split_from)
      TERN_CHECKED(add_given(TicketId::or_zero(split.value), state.split_messages));
    return add_pending(state.id);
  }

  Result<void> add_merged(const TicketId& source) {
    if (!seen_.insert(source).second) return {};
    TERN_TRY(auto messages, parts_.replica.messages(source));
    add_messages(std::move(messages), source);
    TERN_TRY(const auto state, parts_.replica.shown(source));
    if (!state) return {};
    timeline_.add_times(*state);
    for (const sync::TimeEntry& entry : state->time_entries) view_.minutes_logged += entry.minutes;
    return add_others(*state);
  }

  Result<void> add_given(const TicketId& source, const std::vector<sync::ChangeRef>& given) {
    TERN_TRY(auto messages, parts_.replica.messages(source));
    std::erase_if(messages, [&](const sync::Message& message) {
      return std::ranges::find(given, message.stamp.ref()) == given.end();
    });
    add_messages(std::move(messages), source);
    return {};
  }

  /// What was given away stands on its own ticket, and may have been sent with the one that it was given to: once is
  /// enough, also where a merge brings the two together.
  void add_messages(std::vector<sync::Message> messages, const TicketId& source) {
    std::erase_if(messages, [&](const sync::Message& message) { return !shown_.insert(message.stamp.ref()).second; });
    timeline_.add_messages(messages, source);
  }

  /// Own merges and splits that the server has not mirrored on this ticket yet.
  Result<void> add_pending(const TicketId& ticket) {
    TERN_TRY(const CursorHeld cursor, parts_.replica.cursor());
    TERN_TRY(const auto pending, parts_.outbox.pending(cursor.commit_seq, std::nullopt));
    for (const OwnChange& own : pending) {
      const bool merges = own.change.intent == sync::Intent::merge, splits = own.change.intent == sync::Intent::split;
      if (!(merges || splits) || own.change.target != ticket.view()) continue;
      TERN_TRY(const auto source, parts_.replica.shown(own.change.ticket));
      if (!source) continue;
      if (merges && source->merged_into && source->merged_into->stamp.ref() == own.change.ref)
        TERN_CHECKED(add_merged(own.change.ticket));
      for (const sync::Split& split : source->splits)
        if (splits && split.stamp.ref() == own.change.ref) TERN_CHECKED(add_given(own.change.ticket, split.messages));
    }
    return {};
  }

  ListParts parts_;
  Timeline& timeline_;
  TicketView& view_;
  std::set<TicketId> seen_;
  std::set<sync::ChangeRef> shown_;
};

/// Of what others wrote, what the server got last: it may stand anywhere in the timeline.
void mark_unread(TicketView& view, const std::vector<sync::Message>& messages, const OperatorId& reader) {
  std::vector<sync::Stamp> others;
  for (const sync::Message& message : messages)
    if (message.stamp.author != reader || message.stamp.author_kind != sync::PrincipalKind::operator_)
      others.push_back(message.stamp);
  std::ranges::stable_sort(others, std::ranges::greater{}, &sync::Stamp::commit_seq);
  others.resize(std::min<std::size_t>(others.size(), view.row.unread));
  for (TimelineEntry& entry : view.timeline)
    entry.unread = std::ranges::any_of(others, [&](const sync::Stamp& stamp) { return stamp.ref() == entry.change; });
}

Result<void> fill_sla(TicketView& view, ListParts parts, const TicketId& ticket) {
  TERN_TRY(const auto clock, parts.replica.sla_clock(ticket));
  view.now_ms = parts.now_ms;
  if (!clock) return {};
  TERN_TRY(view.sla_as_of_ms, parts.replica.current_as_of_ms());
  if (clock->waits_since) view.waits_since_ms = *clock->waits_since * 1000;
  for (const sync::SlaCycle& cycle : clock->cycles) view.sla.push_back(sla_view(cycle, parts.now_ms));
  return {};
}

}  // namespace

Result<TicketView> ticket_page(ListParts parts, const TicketId& ticket, const ClockText& clock) {
  TicketView view;
  TERN_TRY(view.row, list_row(parts, ticket));
  TERN_TRY(const auto own, parts.outbox.own_changes(ticket));
  TERN_TRY(const auto messages, parts.replica.messages(ticket));
  TERN_TRY(const auto state, parts.replica.shown(ticket));
  TERN_TRY(const auto confirmed, parts.replica.confirmed(ticket));
  Timeline timeline(parts.names, own);
  if (state) {
    fill_state(view, *state, parts.names, clock ? clock : ClockText(clock_text));
    timeline.add_state(*state);
    TERN_CHECKED(FromOthers(parts, timeline, view).add(*state));
  }
  if (view.row.ghost) {
    for (const OwnChange& change : own) timeline.add_own_work(change, parts.names.identity().operator_id);
  }
  TERN_CHECKED(fill_sla(view, parts, ticket));
  TERN_TRY(const Reading reading, parts.replica.reading(ticket));
  view.read_mark = reading.messages;
  view.version = confirmed ? confirmed->version : 0;  // what an author has seen is what was confirmed
  timeline.add_messages(messages, ticket);
  view.timeline = timeline.take();
  mark_unread(view, messages, parts.names.identity().operator_id);
  return view;
}

}  // namespace tern::client
