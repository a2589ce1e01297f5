#include "route.hpp"

#include <algorithm>
#include <tuple>

#include "desk/sla_devices.hpp"
#include "desk/sla_records.hpp"
#include "jobs.hpp"
#include "run_batch.hpp"
#include "sla_look.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/sync/rights.hpp"
#include "ticket_columns.hpp"

namespace tern::server {
namespace {

using sync::FieldId;
using sync::Intent;
using sync::RecordKind;

constexpr std::size_t noted_max = 256;  // of one batch; the rest is found waiting
constexpr int turn_burst = 3;
constexpr std::int64_t turn_every_ms = 60'000;
constexpr std::size_t given_per_look = 64;  // one set, however long their reasons are
constexpr std::size_t returned_per_look = 32;
constexpr std::size_t decided_per_look = 256;
constexpr std::size_t reasons_per_set = limits::change_set_bytes_max / 2;
constexpr int urgent_priority = 4;
constexpr std::int64_t field_silence_s = 24 * 3'600;
// The index of those that nobody holds.
constexpr std::string_view one_waiting =
    "SELECT 1 FROM ticket WHERE tenant_id = $1 AND queue = $2 AND assignee IS NULL AND queue IS NOT NULL AND ended_ms "
    "= 0 AND listed IN (1, 2, 4, 9) LIMIT 1";
constexpr std::string_view others_waiting =
    "SELECT ticket_id, category FROM ticket WHERE tenant_id = $1 AND queue = $2 AND assignee IS NULL AND queue IS NOT "
    "NULL AND ended_ms = 0 AND listed IN (1, 2, 4, 9) AND ticket_id <> $3 LIMIT 256";

// ---- what records say ----

OperatorId person_named(const Tenant::Internals& in, const std::string& words) {
  if (const auto raw = from_uuid_text(words))
    return in.records.contains({RecordKind::operator_, RecordId::or_zero(*raw)}) ? OperatorId::or_zero(*raw)
                                                                                 : OperatorId{};
  for (const auto& [key, record] : in.records) {
    if (key.kind != RecordKind::operator_ || record.deleted) continue;
    const auto email = record.attributes.find("email");
    if (record.name == words || (email != record.attributes.end() && email->second == words))
      return OperatorId::or_zero(key.id.view());
  }
  return {};
}

void take_person(const sync::Record& record, RouteDesk& desk) {
  const sync::Actor actor = actor_of(record);
  RoutePerson person{actor.id,     record.integer_id, sync::has_right(actor.role, sync::Right::take),
                     actor.active, actor.queues,      person_route(record)};
  for (const RecordId& queue : person.queues) desk.members[queue].push_back(person.id);
  desk.people.emplace(person.id, std::move(person));
}

Result<std::shared_ptr<RouteDesk>> made_desk(Tenant::Internals& in) {
  auto desk = std::make_shared<RouteDesk>();
  bool shifts = false;
  for (const auto& [key, record] : in.records) {
    if (record.deleted) continue;
    if (key.kind == RecordKind::operator_) {
      take_person(record, *desk);
      shifts = shifts || record.attributes.contains(shift_attribute);
    } else if (key.kind == RecordKind::queue) {
      const QueueRoute route = queue_route(record);
      if (route.strategy != RouteStrategy::none) desk->queues.emplace(key.id, route);
    } else if (key.kind == RecordKind::category) {
      CategoryRoute route = category_route(record);
      if (!route.default_agent.empty())
        if (const OperatorId agent = person_named(in, route.default_agent); !agent.is_zero())
          desk->category_agents.emplace(key.id, agent);
      if (!route.default_agent.empty() || !route.needs.empty()) desk->categories.emplace(key.id, std::move(route));
    }
  }
  for (auto& [queue, members] : desk->members) std::ranges::sort(members);
  if (shifts && !desk->idle()) {
    TERN_TRY(const auto versions, read_sla_versions(*in.writer, in.options.number));
    desk->shifts = std::make_unique<SlaSettings>(versions);
  }
  TERN_TRY(const auto from, read_meta(*in.writer, in.options.number, meta_routing_from));
  desk->from_ms = static_cast<std::int64_t>(meta_number(from));
  return desk;
}

Routing& routing_of(Tenant::Internals& in) {
  if (!in.routing) in.routing = std::make_shared<Routing>();
  return *in.routing;
}

Result<std::shared_ptr<RouteDesk>> route_desk_of(Tenant::Internals& in) {
  Routing& routing = routing_of(in);
  if (!routing.desk) {
    TERN_TRY(routing.desk, made_desk(in));
  }
  return routing.desk;
}

RouteMarks& route_marks_of(Batch& batch) {
  if (!batch.route_marks) batch.route_marks = std::make_shared<RouteMarks>(routing_of(batch.in).marks);
  return *batch.route_marks;
}

// ---- one ticket ----

bool is_whole(const sync::TicketState& state) {
  return !sync::is_deleted(state) && !(state.merged_into && !state.merged_into->value.empty());
}

bool is_worked_on(const sync::TicketState& state) {
  const sync::StatusClass now = sync::class_of(state);
  return is_whole(state) && (now == sync::StatusClass::todo || now == sync::StatusClass::work);
}

std::optional<RecordId> route_category(const sync::TicketState& state) {
  const auto value = sync::field_value(state, FieldId::category);
  return value ? RecordId::from(*value) : std::nullopt;
}

/// Who had it last, by the ledger.
Result<std::optional<OperatorId>> holder_before(Batch& batch, const TicketId& ticket) {
  TERN_TRY(const auto ledger, read_ticket(batch.db(), batch.number, ticket));
  const auto changes = folded_changes(ledger);
  for (auto placed = changes.rbegin(); placed != changes.rend(); ++placed)
    if (const auto who = assigned_to(*placed)) return who;
  return std::optional<OperatorId>{};
}

/// Tickets one after the other, as if each were given away before the next one is looked at.
class RoutePass {
public:
  RoutePass(Batch& batch, const RouteDesk& desk) : batch_(batch), desk_(desk), marks_(route_marks_of(batch)) {}

  /// Nothing: it is not routing's to decide.
  Result<std::optional<RouteDecision>> decide(const TicketId& id, RouteMoment moment) {
    if (marks_.refused.contains(id)) return std::optional<RouteDecision>{};
    ++decided_;
    auto decided = decide_inside(id, moment);
    if (decided || is_of_storage(decided.error())) return decided;
    marks_.refused.insert(id);  // damaged: `verify` names it, and others are given away
    return std::optional<RouteDecision>{};
  }

  [[nodiscard]] std::size_t decided() const { return decided_; }

  /// What was decided so far is in the batch now.
  void count_anew() {
    counted_ = false;
    loads_.clear();
  }

  [[nodiscard]] OperatorId person_of(std::uint64_t number) const {
    for (const auto& [id, person] : desk_.people)
      if (person.number == number) return id;
    return {};
  }

  /// Who of the queue is free now, there or in another one of theirs, has their turns counted from now on.
  Result<void> begin_turns(const RecordId& queue) {
    for (const OperatorId& who : members_of(queue)) {
      TERN_TRY(const RouteAgent agent, agent_of(who, queue, RouteMoment::moved, least_weight(who, queue)));
      RouteQuestion any_ticket;
      any_ticket.strategy = RouteStrategy::least_open;
      any_ticket.agents = {agent};
      if (decide_route(any_ticket).chosen == 0)
        marks_.turns.erase(who);
      else
        marks_.turns.try_emplace(who, RouteTurn{turn_burst, 0});
    }
    return {};
  }

  /// Somebody of the queue has a turn, and room; of those whose turns began.
  [[nodiscard]] bool somebody_free(const RecordId& queue) const {
    return std::ranges::any_of(members_of(queue), [&](const OperatorId& who) { return is_free(who, queue, 1); });
  }
  /// And what the category asks for.
  [[nodiscard]] bool somebody_for(const RecordId& queue, const std::optional<RecordId>& category, bool urgent) const {
    const std::int64_t weight = urgent ? urgent_weight_of(queue) : 1;
    const RouteSkills& needs = needs_of(category);
    return std::ranges::any_of(members_of(queue), [&](const OperatorId& who) {
      return is_free(who, queue, weight) && has_skills(who, needs);
    });
  }

private:
  Result<std::optional<RouteDecision>> decide_inside(const TicketId& id, RouteMoment moment) {
    TERN_TRY(const WorkingTicket* ticket, batch_.ticket(id));
    if (ticket == nullptr || !is_worked_on(ticket->state)) return std::optional<RouteDecision>{};
    const auto holder = sync::assignee_of(ticket->state);
    if (holder && is_there(*holder)) return std::optional<RouteDecision>{};
    TERN_TRY(auto question, question_of(ticket->state, holder ? RouteMoment::returned : moment));
    if (question.strategy == RouteStrategy::none && question.default_agent == 0) return std::optional<RouteDecision>{};
    RouteDecision decision = decide_route(question);
    const bool from_list = moment == RouteMoment::waited || moment == RouteMoment::returned;
    if (decision.rule == RouteRule::least_open && !from_list) {
      TERN_TRY(question.others_wait, one_waits_for(decision.chosen, id, *sync::queue_of(ticket->state)));
      if (question.others_wait) decision = decide_route(question);
    }
    note_decision(ticket->state, question, decision);
    return std::optional(std::move(decision));
  }

  [[nodiscard]] const std::vector<OperatorId>& members_of(const RecordId& queue) const {
    static const std::vector<OperatorId> nobody;
    const auto members = desk_.members.find(queue);
    return members == desk_.members.end() ? nobody : members->second;
  }
  [[nodiscard]] std::int64_t urgent_weight_of(const RecordId& queue) const {
    const auto route = desk_.queues.find(queue);
    return route == desk_.queues.end() ? 1 : route->second.urgent_weight;
  }
  /// Of an urgent ticket, in whichever queue of theirs it weighs least.
  [[nodiscard]] std::int64_t least_weight(const OperatorId& who, const RecordId& queue) const {
    std::int64_t out = urgent_weight_of(queue);
    for (const RecordId& other : desk_.people.at(who).queues)
      if (desk_.queues.contains(other)) out = std::min(out, urgent_weight_of(other));
    return out;
  }
  [[nodiscard]] bool is_free(const OperatorId& who, const RecordId& queue, std::int64_t weight) const {
    const auto load = loads_.find(who);
    if (load == loads_.end() || !marks_.turns.contains(who) || !has_turn(who)) return false;
    const std::int64_t held = load->second.tickets + load->second.urgent * (urgent_weight_of(queue) - 1);
    return held + weight <= desk_.people.at(who).route.capacity;
  }
  [[nodiscard]] bool is_there(const OperatorId& who) const {
    const auto actor = batch_.find_actor(who);
    return actor && actor->active;
  }
  [[nodiscard]] bool has_turn(const OperatorId& who) const {
    const auto turn = marks_.turns.find(who);
    return turn == marks_.turns.end() || turn->second.left > 0 || batch_.commit_ms >= turn->second.next_ms;
  }
  [[nodiscard]] const RouteSkills& needs_of(const std::optional<RecordId>& category) const {
    static const RouteSkills nothing;
    const auto found = category ? desk_.categories.find(*category) : desk_.categories.end();
    return found == desk_.categories.end() ? nothing : found->second.needs;
  }
  [[nodiscard]] bool has_skills(const OperatorId& who, const RouteSkills& needs) const {
    const auto person = desk_.people.find(who);
    return person != desk_.people.end() && std::ranges::all_of(needs, [&](const auto& need) {
             const auto has = person->second.route.skills.find(need.first);
             return has != person->second.route.skills.end() && has->second >= need.second;
           });
  }
  [[nodiscard]] std::uint64_t number_of(const std::optional<OperatorId>& who) const {
    const auto person = who ? desk_.people.find(*who) : desk_.people.end();
    return person == desk_.people.end() ? 0 : person->second.number;
  }

  /// With what this batch did to it, and what this pass is about to.
  Result<OperatorLoad> load_of(const OperatorId& who) {
    if (!counted_) {
      in_batch_ = batch_.load_changes;
      for (const auto& [id, ticket] : batch_.tickets()) {
        if (!ticket->dirty) continue;
        if (ticket->stored) add_burden(in_batch_, ticket->lists_before, -1);
        add_burden(in_batch_, columns_of(ticket->state, scope_facts(ticket->state), {}).lists, 1);
      }
      counted_ = true;
    }
    const auto known = loads_.find(who);
    if (known != loads_.end()) return known->second;
    TERN_TRY(OperatorLoad load, read_load(batch_.db(), batch_.number, who));
    if (const auto more = in_batch_.find(who); more != in_batch_.end()) load.add(more->second);
    return loads_.emplace(who, load).first->second;
  }

  bool is_on_shift(const std::string& calendar) {
    if (calendar.empty() || calendar == always_open || !desk_.shifts) return true;
    sla::CalendarTimeline* hours = desk_.shifts->calendars().find(calendar);
    const sla::Instant now = batch_.commit_ms / 1000;
    return hours == nullptr || hours->next_open(now) == now;
  }

  bool was_heard(const OperatorId& who) const {
    const auto devices = devices_of(batch_.tenant, {who});
    return std::ranges::any_of(devices, [&](const sla::Device& device) {
      return std::ranges::any_of(device.anchors,
                                 [&](sla::Instant at) { return at > batch_.commit_ms / 1000 - field_silence_s; });
    });
  }

  Result<RouteAgent> agent_of(const OperatorId& who, const std::optional<RecordId>& queue, RouteMoment moment,
                              std::int64_t urgent_weight) {
    const RoutePerson& person = desk_.people.at(who);
    TERN_TRY(const OperatorLoad load, load_of(who));
    RouteAgent agent;
    agent.id = who;
    agent.number = person.number;
    agent.member = !queue || std::ranges::find(person.queues, *queue) != person.queues.end();
    agent.takes = person.takes;
    agent.active = is_there(who);
    agent.status = person.route.status;
    agent.on_shift = is_on_shift(person.route.calendar);
    agent.heard = !person.route.field || was_heard(who);
    agent.turn = moment != RouteMoment::waited || has_turn(who);
    agent.tickets = load.tickets;
    agent.load = load.tickets + load.urgent * (urgent_weight - 1);
    agent.capacity = person.route.capacity;
    agent.last = load.last_seq;
    agent.skills = person.route.skills;
    return agent;
  }

  Result<RouteQuestion> question_of(const sync::TicketState& state, RouteMoment moment) {
    RouteQuestion out;
    out.moment = moment;
    const auto queue = sync::queue_of(state);
    const auto route = queue ? desk_.queues.find(*queue) : desk_.queues.end();
    const QueueRoute rule = route == desk_.queues.end() ? QueueRoute{} : route->second;
    out.strategy = rule.strategy;
    out.weight = sync::priority_of(state) == urgent_priority ? rule.urgent_weight : 1;
    const auto category = route_category(state);
    out.needs = needs_of(category);
    std::vector<OperatorId> who;
    if (rule.strategy != RouteStrategy::none)
      if (const auto members = desk_.members.find(*queue); members != desk_.members.end()) who = members->second;
    const auto also = [&](const OperatorId& one) {
      if (std::ranges::find(who, one) == who.end() && desk_.people.contains(one)) who.push_back(one);
      return number_of(one);
    };
    if (const auto agent = category ? desk_.category_agents.find(*category) : desk_.category_agents.end();
        agent != desk_.category_agents.end()) {
      out.default_agent = also(agent->second);
      out.sticky = desk_.categories.at(*category).sticky;
    }
    if (moment == RouteMoment::reopened && rule.strategy != RouteStrategy::none) {
      TERN_TRY(const auto before, holder_before(batch_, state.id));
      if (before) out.previous = also(*before);
    }
    for (const OperatorId& one : who) {
      TERN_TRY(RouteAgent agent, agent_of(one, queue, moment, rule.urgent_weight));
      out.agents.push_back(std::move(agent));
    }
    return out;
  }

  /// A ticket of the queue waits, not this one, that could be given to the same person.
  Result<bool> one_waits_for(std::uint64_t number, const TicketId& but, const RecordId& queue) {
    const OperatorId who = person_of(number);
    if (const auto waits = waiting_.find(queue); waits != waiting_.end())
      for (const RouteSkills& needs : waits->second)
        if (has_skills(who, needs)) return true;
    TERN_TRY(auto rows, batch_.db().query(others_waiting, batch_.number, queue, but));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) return false;
      const TicketId id = rows.id<TicketId>(0);
      if (marks_.refused.contains(id)) continue;
      const auto here = batch_.tickets().find(id);
      if (here != batch_.tickets().end() &&
          (sync::assignee_of(here->second->state) || !is_worked_on(here->second->state)))
        continue;
      if (has_skills(who, needs_of(RecordId::from(rows.blob(1))))) return true;
    }
  }

  void note_decision(const sync::TicketState& state, const RouteQuestion& question, const RouteDecision& decision) {
    const auto queue = sync::queue_of(state);
    if (decision.chosen == 0) {
      if (queue && question.strategy != RouteStrategy::none) waiting_[*queue].push_back(question.needs);
      return;
    }
    const OperatorId who = person_of(decision.chosen);
    OperatorLoad& load = loads_[who];
    load.tickets += 1;
    load.urgent += sync::priority_of(state) == urgent_priority ? 1 : 0;
    load.last_seq = batch_.commit_seq + 1;  // of the set that all of the pass goes into
    if (decision.moment != RouteMoment::waited) return;
    const auto turn = marks_.turns.find(who);
    if (turn == marks_.turns.end()) return;
    if (turn->second.left > 0) --turn->second.left;
    if (turn->second.left == 0) turn->second.next_ms = batch_.commit_ms + turn_every_ms;
  }

  Batch& batch_;
  const RouteDesk& desk_;
  RouteMarks& marks_;
  std::size_t decided_ = 0;
  bool counted_ = false;
  OperatorLoads in_batch_, loads_;
  std::map<RecordId, std::vector<RouteSkills>> waiting_;  // what those asked for that this pass left waiting
};

// ---- changes ----

ServerChange assignment_of(const RoutePass& pass, const TicketId& ticket, const RouteDecision& decision) {
  ServerChange out;
  out.change.intent = Intent::assign;
  out.change.ticket = ticket;
  out.change.seen_now = true;
  out.change.reason = route_text(decision);
  if (decision.chosen != 0) out.change.target = Bytes(pass.person_of(decision.chosen).view());
  return out;
}

/// Of a ticket whose holder is gone, also that nobody has it now: where the queue gives it out again.
bool changes_ticket(const RouteDecision& decision) {
  return decision.chosen != 0 || (decision.moment == RouteMoment::returned && decision.strategy != RouteStrategy::none);
}

Result<std::size_t> commit_routes(Batch& batch, std::vector<ServerChange> changes) {
  if (changes.empty()) return std::size_t{0};
  std::vector<TicketId> tickets;
  for (const ServerChange& change : changes) tickets.push_back(change.change.ticket);
  TERN_TRY(const ServerCommit done, server_set(batch, std::move(changes)));
  std::size_t given = 0;
  for (std::size_t i = 0; i < done.outcomes.size(); ++i) {
    if (done.outcomes[i] == sync::Outcome::applied) {
      ++given;
    } else {
      route_marks_of(batch).refused.insert(tickets[i]);
    }
  }
  return given;
}

/// What of it routing looks at; nothing: it does not.
std::optional<RouteMoment> route_moment(const Entry& entry) {
  const sync::Change& change = *entry.change;
  switch (change.intent) {
    case Intent::create:
      return RouteMoment::created;
    case Intent::move_queue:
      return RouteMoment::moved;
    case Intent::set:
      if (std::ranges::any_of(change.fields, [](const auto& one) { return one.field == FieldId::category; }))
        return RouteMoment::category;
      return std::nullopt;
    case Intent::reopen:
      return RouteMoment::reopened;
    case Intent::message:
      if (entry.author_kind == sync::PrincipalKind::contact &&
          sync::status_view(entry.ticket->state).status == sync::Status::reopened)
        return RouteMoment::reopened;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

/// It happened now, and to the ticket: no import, nothing that was there before.
bool happened_now(const Entry& entry) {
  const sync::Change& change = *entry.change;
  if (entry.again || entry.ticket == nullptr || entry.admission.verdict != sync::Admission::Verdict::admitted)
    return false;
  if (change.asserted_ms != 0 || !change.quotes.none()) return false;
  const sync::Outcome outcome = entry.standing.outcome;
  return outcome == sync::Outcome::applied || outcome == sync::Outcome::merged;
}

// ---- those that wait ----

struct WaitingTicket {
  TicketId id;
  std::int64_t rank = 0, due_s = INT64_MAX, created_ms = 0;
  std::optional<RecordId> category;
  bool urgent = false;

  /// R10.
  bool operator<(const WaitingTicket& other) const {
    if (rank != other.rank) return rank > other.rank;
    return std::tie(due_s, created_ms, id) < std::tie(other.due_s, other.created_ms, other.id);
  }
};

bool is_vip(const Batch& batch, const std::optional<RecordId>& contact) {
  const sync::Record* record = contact ? batch.find_record(RecordKind::contact, *contact) : nullptr;
  if (record == nullptr) return false;
  const auto vip = record->attributes.find("vip");
  return vip != record->attributes.end() && vip->second == "1";
}

Result<std::vector<WaitingTicket>> waiting_in(Batch& batch, const RecordId& queue) {
  TERN_TRY(auto rows,
           batch.db().query("SELECT t.ticket_id, t.priority, t.created_ms, t.category, t.contact, c.due_s FROM ticket "
                            "t LEFT JOIN sla_clock c ON c.tenant_id = t.tenant_id AND c.ticket_id = t.ticket_id AND "
                            "c.open = 1 WHERE t.tenant_id = $1 AND t.queue = $2 AND t.assignee IS NULL AND t.queue IS "
                            "NOT NULL AND t.ended_ms = 0 AND t.listed IN (1, 2, 4, 9)",
                            batch.number, queue));
  std::vector<WaitingTicket> out;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    WaitingTicket one{rows.id<TicketId>(0), rows.int64(1), INT64_MAX, rows.int64(2), RecordId::from(rows.blob(3))};
    one.urgent = one.rank == urgent_priority;
    if (is_vip(batch, RecordId::from(rows.blob(4)))) ++one.rank;
    if (!rows.is_null(5)) one.due_s = rows.int64(5);
    out.push_back(std::move(one));
  }
  std::ranges::sort(out, std::less<WaitingTicket>());
  return out;
}

Result<void> drain_queue(Batch& batch, RoutePass& pass, const RecordId& queue, std::vector<ServerChange>& changes) {
  TERN_CHECKED(pass.begin_turns(queue));
  if (!pass.somebody_free(queue)) return {};
  TERN_TRY(const auto waiting, waiting_in(batch, queue));
  std::map<std::pair<std::optional<RecordId>, bool>, bool> known;  // somebody_for, since the last one was given
  for (const WaitingTicket& one : waiting) {
    if (changes.size() >= given_per_look || pass.decided() >= decided_per_look) return {};
    const auto [answer, asked] = known.try_emplace({one.category, one.urgent}, false);
    if (asked) answer->second = pass.somebody_for(queue, one.category, one.urgent);
    if (!answer->second) continue;
    TERN_TRY(const auto decision, pass.decide(one.id, RouteMoment::waited));
    if (!decision || decision->chosen == 0) continue;
    changes.push_back(assignment_of(pass, one.id, *decision));
    known.clear();
    if (!pass.somebody_free(queue)) return {};
  }
  return {};
}

/// Tickets at work of people who are gone: some of them, the others at the next look.
Result<std::vector<TicketId>> left_behind(Batch& batch, const RouteDesk& desk) {
  TERN_TRY(const OperatorLoads loads, read_loads(batch.db(), batch.number));
  const std::set<TicketId>& refused = route_marks_of(batch).refused;
  std::vector<TicketId> out;
  for (const auto& [who, load] : loads) {
    const auto actor = batch.find_actor(who);
    if (load.tickets == 0 || (actor && actor->active)) continue;
    for (const auto& [queue, route] : desk.queues) {
      TERN_TRY(auto rows, batch.db().query("SELECT ticket_id FROM ticket WHERE tenant_id = $1 AND assignee = $2 AND "
                                           "listed IN (1, 2, 4, 9) AND queue = $3 ORDER BY integer_id",
                                           batch.number, who, queue));
      for (;;) {
        if (out.size() == returned_per_look) return out;
        TERN_TRY(const bool more, rows.step());
        if (!more) break;
        if (const auto id = rows.id<TicketId>(0); !refused.contains(id)) out.push_back(id);
      }
    }
  }
  return out;
}

Result<bool> anything_waits(Tenant::Internals& in, const RecordId& queue) {
  TERN_TRY(const auto one, in.writer->int64_of(one_waiting, in.options.number, queue));
  return one.has_value();
}

Result<bool> anybody_gone(Tenant::Internals& in) {
  TERN_TRY(const OperatorLoads loads, read_loads(*in.writer, in.options.number));
  return std::ranges::any_of(loads, [&](const auto& one) {
    const auto actor = in.actors.find(one.first);
    return one.second.tickets > 0 && (actor == in.actors.end() || !actor->second.active);
  });
}

struct Routed {
  std::size_t given = 0;
};

Result<Routed> give_what_waits(Batch& batch, const RouteDesk& desk, const std::vector<RecordId>& queues) {
  RoutePass pass(batch, desk);
  std::vector<ServerChange> changes;
  TERN_TRY(const auto left, left_behind(batch, desk));
  for (const TicketId& id : left) {
    TERN_TRY(const auto decision, pass.decide(id, RouteMoment::returned));
    if (decision && changes_ticket(*decision)) changes.push_back(assignment_of(pass, id, *decision));
  }
  for (const RecordId& queue : queues) TERN_CHECKED(drain_queue(batch, pass, queue, changes));
  TERN_TRY(const std::size_t given, commit_routes(batch, std::move(changes)));
  return Routed{given};
}

}  // namespace

bool routes_read(RecordKind kind) {
  return kind == RecordKind::operator_ || kind == RecordKind::queue || kind == RecordKind::category ||
         kind == RecordKind::calendar || kind == RecordKind::sla_order;
}

void keep_route_marks(Batch& batch) {
  if (batch.route_marks) routing_of(batch.in).marks = std::move(*batch.route_marks);
  batch.route_marks.reset();
}

bool is_routing(const sync::Change& change) {
  return change.intent == Intent::assign && change.principal_kind == sync::PrincipalKind::server &&
         change.principal_id.empty() && change.quotes.none() && change.reason.starts_with("routed:");
}

void note_routes(Batch& batch, const SetWork& work) {
  if (const auto& routing = batch.in.routing; routing && routing->desk && routing->desk->idle()) return;
  for (const Entry& entry : work.entries) {
    if (batch.to_route.size() >= noted_max) return;
    if (!happened_now(entry)) continue;
    const auto moment = route_moment(entry);
    const auto known =
        std::ranges::find(batch.to_route, entry.change->ticket, &std::pair<TicketId, RouteMoment>::first);
    if (moment && known == batch.to_route.end()) batch.to_route.emplace_back(entry.change->ticket, *moment);
  }
}

Result<void> route_noted(Batch& batch) {
  if (batch.to_route.empty()) return {};
  const auto noted = std::exchange(batch.to_route, {});
  TERN_TRY(const auto desk, route_desk_of(batch.in));
  if (desk->idle() || batch.commit_ms < desk->from_ms) return {};
  RoutePass pass(batch, *desk);
  std::vector<ServerChange> changes;
  std::size_t bytes = 0;
  for (const auto& [ticket, moment] : noted) {
    TERN_TRY(const auto decision, pass.decide(ticket, moment));
    if (!decision || !changes_ticket(*decision)) continue;
    changes.push_back(assignment_of(pass, ticket, *decision));
    bytes += changes.back().change.reason.size();
    if (bytes < reasons_per_set) continue;
    // One set for each: explanations say in which commit somebody was given their last one.
    TERN_CHECKED(commit_routes(batch, std::exchange(changes, {})));
    pass.count_anew();
    bytes = 0;
  }
  TERN_CHECKED(commit_routes(batch, std::move(changes)));
  batch.to_route.clear();
  return {};
}

Result<std::size_t> drain_waiting(Tenant& tenant) {
  const auto strand = tenant.lock_writer();
  Tenant::Internals& in = tenant.internals();
  if (in.trouble.load() != ErrorCode{} || in.takes_no_work || in.older_files) return std::size_t{0};
  TERN_CHECKED(in.ensure_writer());
  TERN_TRY(const auto desk, route_desk_of(in));
  if (desk->queues.empty() || tenant.now_ms() < desk->from_ms) return std::size_t{0};
  std::vector<RecordId> queues;
  for (const auto& [queue, route] : desk->queues) {
    TERN_TRY(const bool waits, anything_waits(in, queue));
    if (waits) queues.push_back(queue);
  }
  if (queues.empty()) routing_of(in).marks.turns.clear();
  TERN_TRY(const bool gone, anybody_gone(in));
  if (queues.empty() && !gone) return std::size_t{0};
  TERN_TRY(const Routed routed, run_batch(tenant, [&](Batch& batch) { return give_what_waits(batch, *desk, queues); }));
  return routed.given;
}

Result<std::optional<RouteDecision>> route_now(Tenant& tenant, const TicketId& ticket) {
  const auto strand = tenant.lock_writer();
  TERN_CHECKED(tenant.internals().ensure_writer());
  TERN_TRY(const auto desk, route_desk_of(tenant.internals()));
  if (desk->idle()) return std::optional<RouteDecision>{};
  const auto turns = routing_of(tenant.internals()).marks.turns;
  auto decision =
      run_batch(tenant, [&](Batch& batch) { return RoutePass(batch, *desk).decide(ticket, RouteMoment::waited); });
  routing_of(tenant.internals()).marks.turns = turns;  // nothing was given
  return decision;
}

}  // namespace tern::server
