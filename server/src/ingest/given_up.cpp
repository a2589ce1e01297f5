#include "given_up.hpp"

#include <algorithm>
#include <set>
#include <tuple>

#include "tern/protocol/limits.hpp"
#include "tern/sync/intent.hpp"

namespace tern::server {
namespace {

using sync::FieldId;
using sync::Intent;
using sync::PrincipalKind;

constexpr std::uint8_t fact_kind = 1;

void name_author(const sync::Stamp& stamp, sync::Change& change) {
  const bool person = !stamp.author.is_zero() && stamp.author_kind != PrincipalKind::server &&
                      stamp.author_kind != PrincipalKind::unspecified;
  change.principal_kind = person ? stamp.author_kind : PrincipalKind::server;
  if (person) change.principal_id = Bytes(stamp.author.view());
}

class StateReader {
public:
  StateReader(const sync::TicketState& state, std::uint64_t kept_seq) : state_(state), kept_seq_(kept_seq) {}

  void read_state() {
    if (state_.created && is_lost(*state_.created)) add_create(*state_.created);
    for (const auto& [key, settings] : state_.fields)
      for (const sync::Head& head : settings.heads) add_setting(key, head);
    for (const auto& [key, adds] : state_.elements)
      for (const sync::Stamp& add : adds) add_element(key, add);
    for (const sync::Move& move : state_.moves) add_move(move);
    for (const sync::TimeEntry& entry : state_.time_entries) add_time(entry);
    if (state_.description_stamp && !state_.description_erased && !is_create(*state_.description_stamp))
      if (sync::Change* change = add(*state_.description_stamp, Intent::describe)) change->text = state_.description;
    add_claims();
  }

  void read_message(const sync::Message& message) {
    for (const sync::MessageEdit& edit : message.edits)
      if (sync::Change* change = edit.erased ? nullptr : add(edit.stamp, Intent::edit_message)) {
        change->targets = {message.stamp.ref()};
        change->text = edit.text;
      }
    for (const sync::MessageEdit& removal : message.deletes)
      if (sync::Change* change = add(removal.stamp, Intent::delete_message)) {
        change->targets = {message.stamp.ref()};
        change->reason = removal.erased ? Bytes() : removal.text;
      }
    if (!message.erased) add_message(message);
  }

  std::vector<GivenUpChange> take() {
    std::ranges::sort(found_, [](const GivenUpChange& a, const GivenUpChange& b) {
      return std::tie(a.stamp.commit_seq, a.stamp.origin) < std::tie(b.stamp.commit_seq, b.stamp.origin);
    });
    return std::move(found_);
  }

private:
  [[nodiscard]] bool is_lost(const sync::Stamp& stamp) const {
    return stamp.commit_seq > kept_seq_ && stamp.commit_seq != sync::pending_commit_seq;
  }
  [[nodiscard]] bool is_create(const sync::Stamp& stamp) const {
    return state_.created && state_.created->ref() == stamp.ref();
  }

  /// Null: it was kept, or is there already.
  sync::Change* add(const sync::Stamp& stamp, Intent intent) {
    if (!is_lost(stamp) || !names_.insert(stamp.ref()).second) return nullptr;
    GivenUpChange& made = found_.emplace_back();
    made.stamp = stamp;
    made.change.ref = stamp.ref();
    made.change.ticket = state_.id;
    made.change.intent = intent;
    made.change.wall_ms = made.change.asserted_ms = std::clamp<std::int64_t>(stamp.order_ms, 1, limits::instant_ms_max);
    made.change.seen_seq = stamp.seen_seq;
    name_author(stamp, made.change);
    return &made.change;
  }

  /// With the subject of now where somebody has set another one since: a ticket has one from the beginning.
  void add_create(const sync::Stamp& stamp) {
    sync::Change* change = add(stamp, Intent::create);
    if (change == nullptr) return;
    bool has_subject = false;
    for (const auto& [key, settings] : state_.fields)
      for (const sync::Head& head : settings.heads) {
        if (head.stamp.ref() != stamp.ref() || head.erased || !head.value) continue;
        change->fields.push_back({key.field, key.key, head.value, false});
        has_subject = has_subject || key.field == FieldId::subject;
      }
    if (!has_subject)
      change->fields.push_back(
          {FieldId::subject, {}, sync::field_value(state_, FieldId::subject).value_or(Bytes("-")), false});
    if (state_.aliases.size() == 1) change->provisional_number = state_.aliases.front();
    const bool described = state_.description_stamp && is_create(*state_.description_stamp);
    if (described && !state_.description_erased) change->text = state_.description;
  }

  void add_setting(const sync::FieldKey& key, const sync::Head& head) {
    if (head.erased || is_create(head.stamp)) return;
    if (sync::Change* change = add(head.stamp, Intent::set))
      change->fields.push_back({key.field, key.key, head.value, false});
  }

  /// Those that a lost claim left behind are derived again.
  void add_element(const sync::ElementKey& key, const sync::Stamp& stamp) {
    if (stamp.kind != fact_kind || key.element.empty()) return;
    if (key.field == FieldId::tags) {
      if (sync::Change* change = add(stamp, Intent::tag)) change->label = key.element;
    } else if (key.field == FieldId::watchers || key.field == FieldId::links) {
      const bool watches = key.field == FieldId::watchers;
      sync::Change* change = add(stamp, watches ? Intent::watch : Intent::link);
      if (change == nullptr) return;
      const auto first = static_cast<unsigned char>(key.element.front());
      change->kind = watches ? (first == 'c' ? 1 : 0) : first;
      change->target = key.element.substr(1);
    }
  }

  void add_move(const sync::Move& move) {
    const sync::IntentSpec* spec = sync::find_intent(move.intent);
    if (move.erased || spec == nullptr || spec->unit != sync::Unit::status) return;
    if (sync::Change* change = add(move.stamp, move.intent)) {
      change->text = move.text;
      change->number = move.number;
    }
  }

  void add_time(const sync::TimeEntry& entry) {
    sync::Change* change = add(entry.stamp, Intent::log_time);
    if (change == nullptr) return;
    change->number = entry.minutes;
    change->kind = static_cast<std::uint32_t>(entry.kind);
    if (!entry.erased) change->text = entry.note;
  }

  void add_claims() {
    if (state_.queue)
      if (sync::Change* change = add(state_.queue->stamp, Intent::move_queue)) change->target = state_.queue->value;
    if (state_.assignee)
      if (sync::Change* change = add(state_.assignee->stamp, Intent::assign)) change->target = state_.assignee->value;
    for (const sync::EstimateDecision& decision : state_.estimate_decisions)
      if (sync::Change* change =
              add(decision.stamp, decision.approved ? Intent::approve_estimate : Intent::reject_estimate))
        change->targets = {decision.estimate};
    for (const sync::Rating& rating : state_.ratings) {
      sync::Change* change = add(rating.stamp, Intent::rate);
      if (change == nullptr) continue;
      change->targets = {rating.resolution};
      change->number = rating.score;
      if (!rating.erased) change->text = rating.comment;
    }
    if (state_.merged_into && !state_.merged_into->value.empty())
      if (sync::Change* change = add(state_.merged_into->stamp, Intent::merge))
        change->target = state_.merged_into->value;
    if (state_.deletion)
      add(state_.deletion->stamp, state_.deletion->value.empty() ? Intent::restore : Intent::delete_ticket);
  }

  void add_message(const sync::Message& message) {
    const bool reports = message.kind == sync::MessageKind::on_site, file = message.kind == sync::MessageKind::file;
    if (!reports && !file && message.kind != sync::MessageKind::message) return;
    sync::Change* change = add(message.stamp, reports ? Intent::on_site : file ? Intent::attach : Intent::message);
    if (change == nullptr) return;
    change->visibility = message.visibility;
    change->text = message.text;
    if (reports) {
      change->from_ms = message.on_site.from_ms;
      change->to_ms = message.on_site.to_ms;
      change->target = message.on_site.contact;
      change->file_name = message.on_site.signed_by;
      change->media_type = message.on_site.media_type;
      change->signature = message.on_site.signature;
      return;
    }
    change->file_name = message.file_name;
    change->media_type = message.media_type;
    change->size_bytes = message.size_bytes;
    change->content_hash = message.content_hash;
  }

  const sync::TicketState& state_;
  const std::uint64_t kept_seq_;
  std::set<sync::ChangeRef> names_;
  std::vector<GivenUpChange> found_;
};

}  // namespace

std::vector<GivenUpChange> given_up_changes(const sync::TicketState& state, std::span<const sync::Message> messages,
                                            std::uint64_t kept_seq) {
  StateReader reader(state, kept_seq);
  reader.read_state();
  for (const sync::Message& message : messages) reader.read_message(message);
  return reader.take();
}

}  // namespace tern::server
