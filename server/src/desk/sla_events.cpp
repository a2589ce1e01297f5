#include "desk/sla_events.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "desk/sla_decisions.hpp"
#include "desk/ticket_refs.hpp"
#include "store/ledger.hpp"
#include "tern/sync/trusted_time.hpp"

namespace tern::server {
namespace {

using sla::Event;
using sla::EventKind;
using sync::FieldId;
using sync::Intent;
using sync::RecordKind;

sla::Instant seconds_of(std::int64_t ms) {
  return ms / 1000;
}

std::string change_name(const sync::ChangeRef& ref) {
  return to_uuid_text(ref.device.view()) + ":" + to_hex(ref.id);
}

/// A change at its time. What the server sealed, or an import asserts, has no window.
Event event_of(const sync::PlacedChange& placed, EventKind kind) {
  const sync::Admission& admission = placed.admission;
  Event event;
  event.kind = kind;
  event.id = change_name(placed.change.ref);
  event.at = seconds_of(placed.stamp.order_ms);
  if (placed.stamp.sealed || placed.stamp.kind == 2 || (admission.time_flags & sync::time_flag_asserted) != 0)
    return event;
  // Where the device's clock says nothing, the window ends with the receipt itself.
  constexpr std::uint32_t no_clock = sync::time_flag_mono_missing | sync::time_flag_mono_ignored;
  const std::int64_t received_ms = (admission.time_flags & no_clock) != 0 ? admission.hi_ms : admission.commit_ms;
  const sla::Instant received = std::max(event.at, seconds_of(received_ms));
  if (received == event.at) return event;
  sla::OfflineTime time;
  time.received = received;
  time.window_end = std::min(received, seconds_of(admission.hi_ms));
  time.window_begin = time.lower_bound = std::min(time.window_end, seconds_of(admission.lo_ms));
  event.offline = time;
  return event;
}

sla::Attributes attributes_of(const sync::TicketState& state, const SlaNames& names) {
  const auto id_of = [&](FieldId field) { return sync::field_value(state, field).value_or(Bytes()); };
  sla::Attributes out;
  out.priority = sync::priority_of(state);
  out.category = names.category_path(id_of(FieldId::category));
  if (const auto queue = sync::queue_of(state)) out.queue = names.name(RecordKind::queue, queue->view());
  if (const auto assignee = sync::assignee_of(state)) out.assignee = to_uuid_text(assignee->view());
  out.type = id_of(FieldId::type);
  const Bytes organisation = id_of(FieldId::organisation), contact = id_of(FieldId::contact);
  out.organisation = names.name(RecordKind::organisation, organisation);
  out.tariff = names.attribute(RecordKind::organisation, organisation, "tariff");
  const std::string vip = names.attribute(RecordKind::contact, contact, "vip");
  out.vip = vip == "1" || vip == "yes" || vip == "true";
  out.channel = channel_of(state);
  out.audience = contact.empty() && organisation.empty() ? "internal" : "customer";
  for (const Bytes& tag : sync::elements_of(state, FieldId::tags)) out.tags.push_back(tag);
  return out;
}

/// Facts of devices count by their author's clock; a claim counts when it is committed.
std::optional<LateChange> late_change(const sync::PlacedChange& placed) {
  const sync::Admission& admission = placed.admission;
  const sla::Instant at = seconds_of(placed.stamp.order_ms), received = seconds_of(admission.commit_ms);
  if (placed.stamp.sealed || placed.stamp.kind == 2 || (admission.time_flags & sync::time_flag_asserted) != 0 ||
      at >= received)
    return std::nullopt;
  return LateChange{received, at, placed.change.ref, placed.change.intent, placed.stamp.author};
}

class SlaEventReader {
public:
  SlaEventReader(const std::vector<sync::PlacedChange>& folded, const SlaNames& names, const WaitsElsewhere& waits)
      : folded_(folded), names_(names), waits_(waits) {}

  SlaTicket read() {
    SlaTicket out;
    fold_by_commit();
    if (!create_) return out;
    out.events = events();
    out.people = people();
    if (state_.merged_into) out.merged_into = TicketId::or_zero(state_.merged_into->value);
    out.imported = imported_;
    out.category = sync::field_value(state_, FieldId::category).value_or(Bytes());
    for (const sync::PlacedChange& placed : folded_)
      if (auto late = late_change(placed)) out.late.push_back(*late);
    std::ranges::sort(out.late);
    out.ratings = ratings();
    return out;
  }

private:
  std::vector<Event> events() {
    for (const sync::PlacedChange& placed : folded_) read_change(placed);
    read_moves();
    put_decisions();
    // The create first, then by time; what stands at one instant keeps the fold's order.
    std::ranges::stable_sort(events_, [](const auto& a, const auto& b) {
      return a.second.at != b.second.at ? a.second.at < b.second.at : sync::before(a.first, b.first);
    });
    std::vector<Event> out = {std::move(*create_)};
    for (auto& [stamp, event] : events_) out.push_back(std::move(event));
    return out;
  }

  [[nodiscard]] std::vector<RatedResolution> ratings() const {
    std::vector<RatedResolution> out;
    for (const sync::Rating& rating : state_.ratings) {
      RatedResolution& rated = out.emplace_back();
      rated.at = seconds_of(rating.stamp.order_ms);
      rated.score = rating.score;
      const auto resolved = by_ref_.find(rating.resolution);
      if (resolved != by_ref_.end() && resolved->second->stamp.author_kind == sync::PrincipalKind::operator_)
        rated.by = Bytes(resolved->second->stamp.author.view());
    }
    return out;
  }

  [[nodiscard]] std::vector<OperatorId> people() const {
    std::vector<OperatorId> out;
    if (const auto assignee = sync::assignee_of(state_)) out.push_back(*assignee);
    for (const Bytes& watcher : sync::elements_of(state_, FieldId::watchers))
      if (watcher.size() == 17 && watcher[0] == 'o') out.push_back(OperatorId::or_zero(ByteView(watcher).substr(1)));
    return out;
  }

  /// What the rules look at, as it was after each commit.
  void fold_by_commit() {
    sla::Attributes last;
    for (std::size_t i = 0; i < folded_.size(); ++i) {
      const sync::PlacedChange& placed = folded_[i];
      sync::fold_in(state_, placed);
      by_ref_.emplace(placed.change.ref, &placed);
      if (i + 1 < folded_.size() && folded_[i + 1].stamp.commit_seq == placed.stamp.commit_seq) continue;
      if (!state_.created) continue;
      sla::Attributes now = attributes_of(state_, names_);
      if (!create_) {
        begin(now);
      } else if (!(now == last)) {
        Event change;
        change.kind = EventKind::attributes;
        change.id = change_name(placed.change.ref);
        change.at = std::max(create_->at, seconds_of(placed.admission.commit_ms));
        change.attributes = now;
        events_.emplace_back(placed.stamp, std::move(change));
      }
      last = std::move(now);
    }
  }

  void begin(const sla::Attributes& attributes) {
    const auto placed = by_ref_.find(state_.created->ref());
    if (placed == by_ref_.end()) return;
    create_ = event_of(*placed->second, EventKind::create);
    create_->attributes = attributes;
    imported_ = (placed->second->admission.time_flags & sync::time_flag_asserted) != 0;
    const bool by_contact = state_.created->author_kind == sync::PrincipalKind::contact;
    // What an integration reports for a client is not an operator's: the client waits.
    const bool for_client = state_.created->author_kind == sync::PrincipalKind::integration &&
                            sync::field_value(state_, FieldId::organisation).has_value();
    const bool has_customer = by_contact || for_client || sync::field_value(state_, FieldId::contact).has_value();
    create_->opening = has_customer ? sla::Opening::by_customer : sla::Opening::internal;
  }

  void read_change(const sync::PlacedChange& placed) {
    switch (placed.change.intent) {
      case Intent::message:
        if (placed.change.visibility == sync::Visibility::open) put(placed, message_kind(placed));
        return;
      case Intent::merge:
      case Intent::delete_ticket:
        if (placed.admission.claim_applies) put(placed, EventKind::withdrawn);
        return;
      case Intent::unmerge:
      case Intent::restore:
        if (placed.admission.claim_applies) put(placed, EventKind::restored);
        return;
      case Intent::on_site:
        put_arrival(placed);
        if (placed.change.visibility == sync::Visibility::open) put(placed, message_kind(placed));
        return;
      case Intent::merged_from:
        put_merged_in(placed);
        return;
      case Intent::log_time:
        if (placed.change.kind != 0) put_call(placed);
        return;
      case Intent::split_from:
        inherit(placed.change);
        return;
      case Intent::unmerged_from:
        take_merged_out(placed);
        return;
      default:
        return;
    }
  }

  /// The report says when they came, by its author's clock; nothing proves it but that the report is later.
  void put_arrival(const sync::PlacedChange& placed) {
    Event event = event_of(placed, EventKind::arrival);
    const sla::Instant before = std::max<sla::Instant>(0, seconds_of(placed.change.wall_ms - placed.change.from_ms));
    if (placed.change.from_ms > 0 && before > 0) {
      sla::OfflineTime time = event.offline.value_or(sla::OfflineTime{0, 0, event.at, event.at});
      event.at = std::max(create_->at, event.at - before);
      time.lower_bound = time.window_begin = std::min(create_->at, event.at);
      event.offline = time;
    }
    events_.emplace_back(placed.stamp, std::move(event));
  }

  void put_merged_in(const sync::PlacedChange& placed) {
    Event event = event_of(placed, EventKind::merged_in);
    if (waits_) event.clock_start = waits_(TicketId::or_zero(placed.change.target), event.at);
    events_.emplace_back(placed.stamp, std::move(event));
  }

  /// Whoever wrote what a split gave it waits here, too, from the split on or since they wrote.
  void inherit(const sync::Change& split) {
    if (split.number == 0) return;
    create_->opening = sla::Opening::by_customer;
    if (split.kind == 1) create_->clock_start = std::min(create_->at, seconds_of(split.number));
  }

  void put_call(const sync::PlacedChange& placed) {
    Event event = event_of(placed, EventKind::call);
    event.answered = placed.change.kind == static_cast<std::uint32_t>(sync::TimeEntryKind::call) &&
                     placed.stamp.author_kind == sync::PrincipalKind::operator_;
    events_.emplace_back(placed.stamp, std::move(event));
  }

  /// The merge was taken back: each waits as long as its own customer does.
  void take_merged_out(const sync::PlacedChange& placed) {
    std::erase_if(events_, [&](const auto& at) {
      if (at.second.kind != EventKind::merged_in) return false;
      const auto merged = by_ref_.find(at.first.ref());
      return merged != by_ref_.end() && merged->second->change.target == placed.change.target;
    });
  }

  static EventKind message_kind(const sync::PlacedChange& placed) {
    return placed.stamp.author_kind == sync::PrincipalKind::contact ? EventKind::customer_message
                                                                    : EventKind::agent_message;
  }

  void put(const sync::PlacedChange& placed, EventKind kind) {
    Event event = event_of(placed, kind);
    event.automatic = kind == EventKind::agent_message && placed.stamp.author_kind != sync::PrincipalKind::operator_;
    events_.emplace_back(placed.stamp, std::move(event));
  }

  /// Moves that took effect, with the status they led to. A result is shown to the customer: it answers, too.
  void read_moves() {
    const sync::StatusView view = sync::status_view(state_);
    sync::Status now = sync::Status::new_, before_hold = sync::Status::new_;
    for (std::size_t i = 0; i < state_.moves.size(); ++i) {
      const sync::Move& move = state_.moves[i];
      const auto next = sync::next_status(now, move.intent, before_hold);
      const auto placed = by_ref_.find(move.stamp.ref());
      if (!view.move_applied[i] || !view.move_changed_status[i] || !next || placed == by_ref_.end()) continue;
      if (*next == sync::Status::on_hold) before_hold = now;
      now = *next;
      if (move.intent == Intent::resolve && (!move.text.empty() || move.erased))
        put(*placed->second, EventKind::agent_message);
      Event event = event_of(*placed->second, EventKind::status);
      event.status = now;
      events_.emplace_back(move.stamp, std::move(event));
    }
  }

  void put_decisions() {
    const sync::Record* record = names_.find(RecordKind::sla_decision, state_.id.view());
    if (record == nullptr) return;
    for (SlaDecision& decision : read_decisions(*record)) {
      Event event;
      event.kind = EventKind::decision;
      event.id = "decision of " + to_uuid_text(decision.by.view());
      event.at = std::max(create_->at, decision.at);
      event.metric = decision.metric;
      event.cycle = std::move(decision.cycle);
      event.verdict = decision.verdict;
      events_.emplace_back(sync::Stamp{}, std::move(event));
    }
  }

  const std::vector<sync::PlacedChange>& folded_;
  const SlaNames& names_;
  const WaitsElsewhere& waits_;
  sync::TicketState state_;
  bool imported_ = false;
  std::map<sync::ChangeRef, const sync::PlacedChange*> by_ref_;
  std::optional<Event> create_;
  std::vector<std::pair<sync::Stamp, Event>> events_;
};

}  // namespace

SlaTicket sla_ticket(const std::vector<sync::PlacedChange>& folded, const SlaNames& names,
                     const WaitsElsewhere& waits) {
  return SlaEventReader(folded, names, waits).read();
}

std::optional<sla::Instant> waits_for_first_response(const std::vector<sla::Event>& events, sla::Instant as_of) {
  std::optional<sla::Instant> since;
  for (const Event& event : events) {
    if (event.at > as_of) continue;
    if (sla::answers_customer(event)) return std::nullopt;
    std::optional<sla::Instant> begins;
    if (event.kind == EventKind::create && event.opening == sla::Opening::by_customer)
      begins = event.clock_start.value_or(event.at);
    if (event.kind == EventKind::customer_message && !event.automatic) begins = event.at;
    if (event.kind == EventKind::merged_in) begins = event.clock_start;
    if (begins) since = std::min(since.value_or(*begins), *begins);
  }
  return since;
}

namespace {

Result<SlaTicket> read_with_sources(sqlite::Database& db, std::int64_t tenant, const TicketId& ticket,
                                    const SlaNames& names, std::uint64_t up_to, int depth) {
  constexpr int merges_deep_max = 4;
  TERN_TRY(const auto ledger, read_ticket(db, tenant, ticket, up_to));
  std::optional<Error> failed;
  const WaitsElsewhere waits = [&](const TicketId& other, sla::Instant as_of) -> std::optional<sla::Instant> {
    if (depth == merges_deep_max) return std::nullopt;
    const auto source = read_with_sources(db, tenant, other, names, up_to, depth + 1);
    if (source) return waits_for_first_response(source->events, as_of);
    failed = source.error();
    return std::nullopt;
  };
  SlaTicket out = sla_ticket(folded_changes(ledger), names, waits);
  if (failed) return tl::unexpected(std::move(*failed));
  return out;
}

}  // namespace

Result<SlaTicket> read_sla_ticket(sqlite::Database& db, std::int64_t tenant, const TicketId& ticket,
                                  const SlaNames& names, std::uint64_t up_to) {
  return read_with_sources(db, tenant, ticket, names, up_to, 0);
}

std::shared_ptr<const CategoryNames> category_names(const std::vector<sync::Record>& categories) {
  auto out = std::make_shared<CategoryNames>();
  for (const sync::Record& record : categories)
    if (record.kind == RecordKind::category && !record.deleted) out->try_emplace(record.name, record);
  return out;
}

SlaNames::SlaNames(Find find, std::shared_ptr<const CategoryNames> categories)
    : find_(std::move(find)), categories_(std::move(categories)) {}

SlaNames::SlaNames(const std::vector<sync::Record>& records) : categories_(category_names(records)) {
  for (const sync::Record& record : records) known_[{record.kind, record.id}] = record;
}

const sync::Record* SlaNames::find(sync::RecordKind kind, ByteView id) const {
  if (id.empty()) return nullptr;
  const RecordId record = RecordId::or_zero(id);
  auto known = known_.find({kind, record});
  if (known == known_.end() && find_) known = known_.emplace(std::pair(kind, record), find_(kind, record)).first;
  return known == known_.end() || !known->second ? nullptr : &*known->second;
}

std::string SlaNames::name(sync::RecordKind kind, ByteView id) const {
  const sync::Record* record = find(kind, id);
  return record == nullptr ? std::string() : record->name;
}

std::string SlaNames::attribute(sync::RecordKind kind, ByteView id, const std::string& attribute) const {
  const sync::Record* record = find(kind, id);
  const auto found =
      record == nullptr ? std::map<std::string, std::string>::const_iterator() : record->attributes.find(attribute);
  return record == nullptr || found == record->attributes.end() ? std::string() : found->second;
}

std::string SlaNames::category_path(ByteView id) const {
  constexpr int depth_max = 16;
  const sync::Record* record = find(sync::RecordKind::category, id);
  std::string path;
  for (int depth = 0; record != nullptr && depth < depth_max; ++depth) {
    path = path.empty() ? record->name : record->name + "/" + path;
    const auto parent = record->attributes.find("parent");
    const std::string above = parent == record->attributes.end() ? std::string() : parent->second;
    const auto next = categories_->find(above);
    record = above.empty() || next == categories_->end() ? nullptr : &next->second;
  }
  return path;
}

}  // namespace tern::server
