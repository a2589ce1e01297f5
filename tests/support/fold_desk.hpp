// A server in miniature for tests of the fold: it numbers commits, judges claims, folds each change in as it arrives
// and keeps every standing up to date. One ticket, no rights, no signatures.
#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tern/sync/fold.hpp"

namespace tern::test {

/// An id made of a name, so that failures can be read.
template <typename Id>
Id named(std::string_view name) {
  Id id;
  std::memcpy(id.data(), name.data(), std::min(name.size(), Id::size_bytes));
  return id;
}
inline Bytes raw_id(std::string_view name) {
  return Bytes(named<OperatorId>(name).view());
}

/// Milliseconds of a clock time on the day of the test.
constexpr std::int64_t at(std::int64_t hour, std::int64_t minute = 0) {
  return 1'700'000'000'000 + (hour * 60 + minute) * 60'000;
}

/// A change that somebody made and that has not arrived yet.
struct Draft {
  sync::Change change;
  sync::Origin origin;
  std::int64_t effective_ms = 0;
  std::uint64_t seen_seq = 0;
  OperatorId author;
  sync::PrincipalKind kind = sync::PrincipalKind::operator_;
  std::string name;  // of the author

  [[nodiscard]] sync::ChangeRef ref() const { return change.ref; }
};

class FoldDesk {
public:
  using Intent = sync::Intent;
  using FieldId = sync::FieldId;

  /// With a ticket created at 9:00 by "desk": subject "pump", priority normal, description of three lines.
  FoldDesk() {
    Draft create = draft("desk", Intent::create, at(9));
    create.change.fields = {{FieldId::subject, {}, "pump", false}, {FieldId::priority, {}, "2", false}};
    create.change.text = "one\ntwo\nthree";
    commit(create);
  }

  // ---- what people do: each sees the newest version unless told otherwise. Who is called "web ..." works through the
  // server, which seals for them in its one chain: their drafts are committed at once. ----

  Draft draft(std::string_view who, Intent intent, std::int64_t effective_ms) {
    Draft draft;
    draft.name = who;
    draft.author = named<OperatorId>(who);
    draft.kind = who.starts_with("customer") ? sync::PrincipalKind::contact : sync::PrincipalKind::operator_;
    const bool sealed = who.starts_with("web ");
    const std::string chain = sealed ? "server" : draft.name;
    draft.origin = {named<DeviceId>("dev-" + chain), 1, ++chains_[chain], 0};
    if (sealed) {
      draft.change.principal_kind = draft.kind;
      draft.change.principal_id = Bytes(draft.author.view());
    }
    draft.effective_ms = effective_ms;
    draft.seen_seq = version();
    draft.change.ref = {draft.origin.device, next_id()};
    draft.change.ticket = ticket();
    draft.change.intent = intent;
    draft.change.wall_ms = effective_ms;
    draft.change.seen_seq = draft.seen_seq;
    return draft;
  }
  Draft set(std::string_view who, std::int64_t ms, FieldId field, std::optional<Bytes> value, std::string key = {}) {
    Draft made = draft(who, Intent::set, ms);
    made.change.fields = {{field, std::move(key), std::move(value), false}};
    return made;
  }
  Draft text(std::string_view who, std::int64_t ms, Intent intent, std::string words, std::int64_t number = 0) {
    Draft made = draft(who, intent, ms);
    made.change.text = std::move(words);
    made.change.number = number;
    return made;
  }
  Draft message(std::string_view who, std::int64_t ms, std::string words,
                sync::Visibility visibility = sync::Visibility::open) {
    Draft made = text(who, ms, Intent::message, std::move(words));
    made.change.visibility = visibility;
    return made;
  }
  Draft describe(std::string_view who, std::int64_t ms, std::string base, std::string words) {
    Draft made = text(who, ms, Intent::describe, std::move(words));
    made.change.base = std::move(base);
    return made;
  }
  Draft on(std::string_view who, std::int64_t ms, Intent intent, const sync::ChangeRef& target,
           std::string words = {}) {
    Draft made = text(who, ms, intent, std::move(words));
    made.change.targets = {target};
    return made;
  }
  /// assign, move_queue, merge, watch ...: something with an id; an empty name = none.
  Draft to(std::string_view who, std::int64_t ms, Intent intent, std::string_view target) {
    Draft made = draft(who, intent, ms);
    if (!target.empty()) made.change.target = raw_id(target);
    return made;
  }
  Draft tag(std::string_view who, std::int64_t ms, Intent intent, std::string label) {
    Draft made = draft(who, intent, ms);
    made.change.label = std::move(label);
    return made;
  }

  // ---- arrival ----

  /// The standing it gets at once. `standing()` has those of today.
  sync::Standing commit(const Draft& draft) { return commit(draft, std::max(now_ms_, draft.effective_ms)); }
  sync::Standing commit(const Draft& draft, std::int64_t now_ms) {
    now_ms_ = now_ms;
    sync::PlacedChange placed;
    placed.change = draft.change;
    sync::Admission& admission = placed.admission;
    admission.seen_seq = draft.seen_seq;
    admission.effective_ms = admission.lo_ms = admission.hi_ms = draft.effective_ms;
    admission.commit_ms = now_ms;
    admission.reopen_window_ms = reopen_window_ms;
    placed.stamp = make_stamp(draft.change, draft.origin, version() + 1, admission, draft.author, draft.kind);
    judge_claim(state_, draft.change, placed.stamp, custody, admission);
    return fold(placed);
  }

  [[nodiscard]] const sync::TicketState& state() const { return state_; }
  [[nodiscard]] const std::vector<sync::PlacedChange>& log() const { return log_; }
  [[nodiscard]] std::uint64_t version() const { return log_.size(); }
  [[nodiscard]] const std::map<sync::ChangeRef, sync::Standing>& standings() const { return standings_; }
  [[nodiscard]] sync::Standing standing(const Draft& draft) const { return standings_.at(draft.ref()); }
  [[nodiscard]] sync::Outcome outcome(const Draft& draft) const { return standing(draft).outcome; }
  [[nodiscard]] std::size_t amendments() const { return amendments_; }
  [[nodiscard]] std::optional<Bytes> value(FieldId field, std::string_view key = {}) const {
    return field_value(state_, field, key);
  }
  [[nodiscard]] sync::Status status() const { return status_view(state_).status; }
  [[nodiscard]] std::vector<sync::Message> messages() const {
    std::vector<sync::Message> in_order;
    for (const auto& [ref, message] : messages_) in_order.push_back(message);
    std::ranges::sort(in_order, [](const auto& a, const auto& b) { return before(a.stamp, b.stamp); });
    return in_order;
  }
  [[nodiscard]] const sync::Message& message(const Draft& draft) const { return messages_.at(draft.ref()); }

  /// What the field would hold if whoever is committed last simply wrote over it.
  [[nodiscard]] std::optional<Bytes> last_write(FieldId field) const {
    std::optional<Bytes> value;
    for (const sync::PlacedChange& placed : log_)
      for (const sync::FieldSetting& setting : placed.change.fields)
        if (setting.field == field) value = setting.value;
    return value;
  }

  /// The last committed change of these intents: what would stand if whoever is committed last simply wrote over the
  /// rest.
  [[nodiscard]] const sync::Change& last_write(std::initializer_list<Intent> of) const {
    const sync::Change* last = nullptr;
    for (const sync::PlacedChange& placed : log_)
      if (std::ranges::find(of, placed.change.intent) != of.end()) last = &placed.change;
    check(last != nullptr, "something of the kind was committed");
    return *last;
  }

  /// Folding from zero gives the same state, messages and standings as folding in, one by one, as they arrived.
  [[nodiscard]] bool equals_zero() const {
    const sync::FoldResult zero = fold_from_zero(log_);
    if (zero.state != state_ || zero.messages != messages()) return false;
    for (std::size_t i = 0; i < log_.size(); ++i)
      if (zero.standings[i] != standings_.at(log_[i].stamp.ref())) return false;
    return true;
  }

  static TicketId ticket() { return named<TicketId>("ticket"); }

  bool custody = false;  // whether a previous assignee may be dark
  std::int64_t reopen_window_ms = 14 * 24 * 3'600'000LL;

private:
  ChangeId next_id() {
    ChangeId id;
    const std::uint64_t number = ++ids_;
    for (std::size_t i = 0; i < ChangeId::size_bytes; ++i)
      id.bytes[i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
    return id;
  }

  sync::Standing fold(sync::PlacedChange placed) {
    judge_append(state_, placed.change, placed.stamp, placed.admission);
    sync::FoldEffect effect = fold_in(state_, placed);
    log_.push_back(placed);
    if (effect.edits_message) effect = fold_message_edit(messages_.at(placed.change.targets.at(0)), placed);
    if (effect.message) messages_[placed.stamp.ref()] = *effect.message;
    standings_[placed.stamp.ref()] = effect.standing;
    for (const sync::StandingChange& change : effect.altered) alter(change);
    if (effect.description_changed) refold_description();
    return standings_.at(placed.stamp.ref());
  }

  void alter(const sync::StandingChange& change) {
    if (standings_.at(change.change) != change.before) consistent = false;
    standings_[change.change] = change.after;
    if (amends(change)) ++amendments_;
  }

  void refold_description() {
    std::vector<const sync::PlacedChange*> edits;
    for (const sync::PlacedChange& placed : log_)
      if (placed.change.intent == Intent::create || placed.change.intent == Intent::describe) edits.push_back(&placed);
    const sync::DescriptionFold fold = fold_description(edits, state_);
    state_.description = fold.text;
    state_.description_erased = fold.erased;
    for (std::size_t i = 0; i < edits.size(); ++i) standings_[edits[i]->stamp.ref()] = fold.standings[i];
  }

  sync::TicketState state_;
  std::vector<sync::PlacedChange> log_;
  std::map<sync::ChangeRef, sync::Message> messages_;
  std::map<sync::ChangeRef, sync::Standing> standings_;
  std::map<std::string, std::uint64_t> chains_;
  std::uint64_t ids_ = 0;
  std::size_t amendments_ = 0;
  std::int64_t now_ms_ = 0;

public:
  bool consistent = true;  // every alteration began at the standing that was held
};

}  // namespace tern::test
