#include "tell.hpp"

#include <algorithm>

#include "desk/route_settings.hpp"
#include "route.hpp"
#include "send_out.hpp"
#include "tern/protocol/text.hpp"
#include "tern/sync/rights.hpp"

namespace tern::server {
namespace {

using sync::Intent;
using sync::PrincipalKind;

constexpr int mentions_looked_at_max = 50;

void add_once(std::vector<OperatorId>& out, const OperatorId& who) {
  if (!who.is_zero() && std::ranges::find(out, who) == out.end()) out.push_back(who);
}

/// Operators of the tenant as they are in this batch.
template <typename Take>
void each_operator(const Batch& batch, Take take) {
  for (const auto& [id, actor] : batch.in.actors)
    if (const auto now = batch.find_actor(id); now && now->active) take(*now);
}

template <typename Fits>
std::vector<OperatorId> operators_that(const Batch& batch, Fits fits) {
  std::vector<OperatorId> out;
  each_operator(batch, [&](const sync::Actor& actor) {
    if (fits(actor)) out.push_back(actor.id);
  });
  std::ranges::sort(out);  // the same whatever order they are kept in
  return out;
}

// ---- mentions ----

bool goes_on(std::string_view rest) {
  if (rest.empty()) return false;
  const auto c = static_cast<unsigned char>(rest.front());
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80;
}

/// "@Ann Lee" or "@ann@acme.example", whatever the case.
std::vector<OperatorId> mentioned_in(const Batch& batch, std::string_view text) {
  std::vector<OperatorId> out;
  if (text.find('@') == std::string_view::npos) return out;
  const std::string folded = protocol::fold_case(text);
  std::vector<std::pair<std::string, OperatorId>> names;
  each_operator(batch, [&](const sync::Actor& actor) {
    const sync::Record* record = batch.find_record(sync::RecordKind::operator_, RecordId::or_zero(actor.id.view()));
    if (record == nullptr) return;
    if (!record->name.empty()) names.emplace_back(protocol::fold_case(record->name), actor.id);
    const auto email = record->attributes.find("email");
    if (email != record->attributes.end() && !email->second.empty())
      names.emplace_back(protocol::fold_case(email->second), actor.id);
  });
  std::size_t at = folded.find('@');
  for (int looked = 0; at != std::string::npos && looked < mentions_looked_at_max; ++looked) {
    const std::string_view rest = std::string_view(folded).substr(at + 1);
    for (const auto& [name, who] : names)
      if (rest.starts_with(name) && !goes_on(rest.substr(name.size()))) add_once(out, who);
    at = folded.find('@', at + 1);
  }
  return out;
}

// ---- one change ----

OperatorId author_of_change(const sync::TicketState& state, const sync::ChangeRef& change) {
  for (const sync::Move& move : state.moves)
    if (move.stamp.ref() == change && move.stamp.author_kind == PrincipalKind::operator_) return move.stamp.author;
  return {};
}

/// What of it is told as a change of the ticket; nothing: it is not, or in words of its own.
std::string told_change(const sync::Change& change) {
  const sync::IntentSpec* spec = sync::find_intent(change.intent);
  if (spec == nullptr) return {};
  switch (change.intent) {
    case Intent::set: {
      const sync::FieldSpec* field = change.fields.empty() ? nullptr : sync::find_field(change.fields.front().field);
      if (field == nullptr) return {};
      return std::string(field->name);
    }
    case Intent::estimate_approved:
    case Intent::estimate_rejected:
    case Intent::split:
      return {};
    case Intent::describe:
    case Intent::take:
    case Intent::assign:
    case Intent::move_queue:
    case Intent::merge:
    case Intent::unmerge:
    case Intent::delete_ticket:
    case Intent::restore:
      return std::string(spec->name);
    default:
      return spec->unit == sync::Unit::status ? std::string(spec->name) : std::string();
  }
}

class Teller {
public:
  Teller(Batch& batch, const Entry& entry)
      : batch_(batch), entry_(entry), change_(*entry.change), state_(entry.ticket->state) {}

  Result<void> tell() {
    switch (change_.intent) {
      case Intent::message:
      case Intent::attach:
      case Intent::on_site:
        return tell_message();
      case Intent::approve_estimate:
      case Intent::reject_estimate:
        return tell_decision();
      case Intent::rate:
        return tell_rating();
      case Intent::assign:
        if (change_.target.size() == OperatorId::size_bytes)
          TERN_CHECKED(tell_one(OperatorId::or_zero(change_.target), NotificationKind::assigned, {}));
        break;
      default:
        break;
    }
    const std::string what = told_change(change_);
    if (what.empty()) return {};
    const bool assigns = change_.intent == Intent::assign;
    for (const OperatorId& who : people_of(state_))
      if (!assigns || who.view() != change_.target) TERN_CHECKED(tell_one(who, NotificationKind::changed, what));
    return {};
  }

private:
  Result<void> tell_one(const OperatorId& whom, NotificationKind kind, std::string detail) {
    const bool own = entry_.author_kind == PrincipalKind::operator_ && entry_.author == whom;
    const auto actor = batch_.find_actor(whom);
    if (own || !actor || !sync::may_read(*actor, state_)) return {};
    Notification what;
    what.kind = kind;
    what.ticket = change_.ticket;
    what.cause = cause_of(change_.ref);
    what.author = entry_.author;
    what.author_kind = entry_.author_kind;
    what.detail = std::move(detail);
    return server::tell(batch_, whom, std::move(what)).map([](bool) {});
  }

  bool may_read_it(const OperatorId& who) const {
    if (change_.visibility != sync::Visibility::restricted) return true;
    const auto actor = batch_.find_actor(who);
    return actor && sync::has_right(actor->role, sync::Right::restricted_note);
  }

  Result<void> tell_message() {
    const bool by_customer = entry_.author_kind == PrincipalKind::contact;
    const auto mentioned = by_customer ? std::vector<OperatorId>() : mentioned_in(batch_, change_.text);
    auto people = people_of(state_);
    for (const OperatorId& who : mentioned) add_once(people, who);
    for (const OperatorId& who : people) {
      if (!may_read_it(who)) continue;
      const bool by_name = std::ranges::find(mentioned, who) != mentioned.end();
      const NotificationKind kind = by_customer                                    ? NotificationKind::customer_replied
                                    : by_name                                      ? NotificationKind::mentioned
                                    : change_.visibility == sync::Visibility::open ? NotificationKind::replied
                                                                                   : NotificationKind::noted;
      TERN_CHECKED(tell_one(who, kind, {}));
    }
    return {};
  }

  /// Also who made the estimate, or did the work.
  Result<void> tell_with_author_of_target(NotificationKind kind, const std::string& detail) {
    auto people = people_of(state_);
    if (!change_.targets.empty()) add_once(people, author_of_change(state_, change_.targets.front()));
    for (const OperatorId& who : people) TERN_CHECKED(tell_one(who, kind, detail));
    return {};
  }
  Result<void> tell_decision() {
    const bool approved = change_.intent == Intent::approve_estimate;
    return tell_with_author_of_target(NotificationKind::estimate_decided, approved ? "approved" : "rejected");
  }
  Result<void> tell_rating() {
    return tell_with_author_of_target(NotificationKind::rated, std::to_string(change_.number));
  }

  Batch& batch_;
  const Entry& entry_;
  const sync::Change& change_;
  const sync::TicketState& state_;
};

/// Whoever is given a ticket by routing is told as by a colleague.
bool was_routed(const Entry& entry) {
  return !entry.again && entry.ticket != nullptr && is_routing(*entry.change) &&
         entry.standing.outcome == sync::Outcome::applied && entry.standing.rule != sync::Rule::no_effect;
}

NotificationKind alert_kind(sla::AlertLevel level) {
  switch (level) {
    case sla::AlertLevel::yellow:
      return NotificationKind::sla_yellow;
    case sla::AlertLevel::breach:
      return NotificationKind::sla_breach;
    case sla::AlertLevel::long_pause:
      return NotificationKind::long_pause;
    default:
      return NotificationKind::sla_late;
  }
}

bool is_manager(const sync::Actor& actor) {
  return actor.role == sync::Role::manager || actor.role == sync::Role::sla_manager;
}

/// Managers of what is broken, or is not after all.
std::vector<OperatorId> told_of_promise(const Batch& batch, const std::vector<OperatorId>& people,
                                        NotificationKind kind) {
  std::vector<OperatorId> told = people;
  const bool for_managers = kind != NotificationKind::sla_yellow;
  each_operator(batch, [&](const sync::Actor& actor) {
    const bool stands_in = people.empty() && sync::has_right(actor.role, sync::Right::assign_anyone);
    if ((for_managers && is_manager(actor)) || stands_in) add_once(told, actor.id);
  });
  return told;
}

/// When this one is told of it. Who has no calendar, or one that is gone, works around the clock.
sla::Instant told_at(const Batch& batch, const OperatorId& who, const sla::Alert& alert,
                     const sla::Calendars& calendars) {
  const sla::Instant now = batch.commit_ms / 1000;
  const auto actor = batch.find_actor(who);
  const sync::Record* person = batch.find_record(sync::RecordKind::operator_, RecordId::or_zero(who.view()));
  if (!actor || person == nullptr) return now;
  const auto shift = person->attributes.find(shift_attribute);
  return sla::deliver_at(alert, now, is_manager(*actor),
                         shift == person->attributes.end() ? nullptr : calendars.find(shift->second));
}

}  // namespace

bool is_news(const Entry& entry) {
  const sync::Change& change = *entry.change;
  if (entry.again || entry.ticket == nullptr || entry.admission.verdict != sync::Admission::Verdict::admitted)
    return false;
  if (entry.author_kind == PrincipalKind::server || change.asserted_ms != 0 || !change.quotes.none()) return false;
  const sync::Outcome outcome = entry.standing.outcome;
  const bool stands =
      outcome == sync::Outcome::applied || outcome == sync::Outcome::merged || outcome == sync::Outcome::redirected;
  return stands && entry.standing.rule != sync::Rule::no_effect;
}

Result<std::uint64_t> next_notification(Batch& batch) {
  if (!batch.next_notification) {
    TERN_TRY(const auto noted, read_meta(batch.db(), batch.number, meta_next_notification));
    batch.next_notification = meta_number(noted, 1);
  }
  return *batch.next_notification;
}

Result<bool> tell(Batch& batch, const OperatorId& whom, Notification what) {
  const auto actor = batch.find_actor(whom);
  if (!actor || !actor->active || !sync::has_right(actor->role, sync::Right::read)) return false;
  const sync::Record* person = batch.find_record(sync::RecordKind::operator_, RecordId::or_zero(whom.view()));
  if (person == nullptr || muted_by(*person).contains(what.kind)) return false;
  TERN_TRY(what.n, next_notification(batch));
  what.whom = whom;
  what.at_ms = batch.commit_ms;
  TERN_TRY(const bool made, Notifications(batch.db(), batch.number).put(what));
  if (!made) return false;
  batch.wrote = true;
  batch.next_notification = what.n + 1;
  TERN_CHECKED(send_notification(batch, *person, what));
  return true;
}

std::vector<OperatorId> people_of(const sync::TicketState& state) {
  std::vector<OperatorId> out;
  if (const auto assignee = sync::assignee_of(state)) out.push_back(*assignee);
  for (const Bytes& watcher : sync::elements_of(state, sync::FieldId::watchers))
    if (watcher.size() == 1 + OperatorId::size_bytes && watcher.front() == 'o')
      add_once(out, OperatorId::or_zero(ByteView(watcher).substr(1)));
  return out;
}

std::vector<OperatorId> team_of(const Batch& batch, const sync::TicketState& state) {
  const auto queue = sync::queue_of(state);
  auto of_queue = operators_that(batch, [&](const sync::Actor& actor) {
    return queue && std::ranges::find(actor.queues, *queue) != actor.queues.end() && sync::may_read(actor, state);
  });
  if (!of_queue.empty()) return of_queue;
  return operators_that(batch, [&](const sync::Actor& actor) {
    return sync::has_right(actor.role, sync::Right::reply) && sync::may_read(actor, state);
  });
}

std::vector<OperatorId> supervisors_of(const Batch& batch, const sync::TicketState& state) {
  return operators_that(batch, [&](const sync::Actor& actor) {
    return sync::has_right(actor.role, sync::Right::assign_anyone) && sync::may_read(actor, state);
  });
}

Result<void> tell_of_set(Batch& batch, const SetWork& work) {
  for (const Entry& entry : work.entries)
    if (is_news(entry) || was_routed(entry)) TERN_CHECKED(Teller(batch, entry).tell());
  return {};
}

Result<std::optional<sla::Instant>> tell_of_alert(Batch& batch, const TicketId& ticket,
                                                  const std::vector<OperatorId>& people, const sla::Alert& alert,
                                                  const sla::Calendars& calendars) {
  Notification what;
  what.kind = alert_kind(alert.level);
  what.ticket = ticket;
  what.cause = Bytes(ticket.view()) + alert.key();
  what.detail = std::string(sla::metric_name(alert.metric));
  std::optional<sla::Instant> next;
  for (const OperatorId& who : told_of_promise(batch, people, what.kind)) {
    const sla::Instant at = told_at(batch, who, alert, calendars);
    if (at > batch.commit_ms / 1000)
      next = std::min(at, next.value_or(at));
    else
      TERN_CHECKED(tell(batch, who, what));  // again for who was told before: one notification for each cause
  }
  return next;
}

Result<void> tell_of_rescinded(Batch& batch, const TicketId& ticket, const std::vector<OperatorId>& people,
                               const sla::BreachRecord& record) {
  Notification what;
  what.kind = NotificationKind::sla_rescinded;
  what.ticket = ticket;
  what.detail = std::string(sla::metric_name(record.metric));
  what.cause = Bytes(ticket.view()) + what.detail + ":" + record.cycle;
  for (const OperatorId& who : told_of_promise(batch, people, what.kind)) TERN_CHECKED(tell(batch, who, what));
  return {};
}

}  // namespace tern::server
