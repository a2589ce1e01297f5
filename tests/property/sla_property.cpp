// The SLA clock over random tickets: what is taken in event by event is what is folded anew (docs/sla.md, K1), and what
// holds of every clock.
#include <cstdlib>

#include "support/catch.hpp"
#include "tern/sla/alert.hpp"
#include "tern/sla/breach.hpp"
#include "tern/sla/clock.hpp"

// Inside, because the files beside this one open other rooms with the same words.
namespace tern::sla {
namespace {

constexpr Instant monday = 1'780'272'000;  // 2026-06-01T00:00:00Z

/// A small generator of its own: a million tickets in seconds, each from its number.
class TicketDice {
public:
  explicit TicketDice(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ULL + 1) {}
  std::uint64_t below(std::uint64_t n) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return (state_ >> 11) % n;
  }
  bool one_in(std::uint64_t n) { return below(n) == 0; }

private:
  std::uint64_t state_;
};

Calendar office(std::uint32_t version, Instant from, int end_hour) {
  Calendar calendar;
  calendar.id = "office";
  calendar.version = version;
  calendar.effective_from = from;
  calendar.offsets = {{0, 10'800}, {monday + 10 * day_s, 7'200}, {monday + 20 * day_s, 10'800}};
  for (std::size_t day = 0; day < 5; ++day) calendar.weekly[day] = {{9 * 3600, end_hour * 3600}};
  calendar.weekly[5] = {{22 * 3600, 2 * 3600}};
  return calendar;
}

Rule random_rule(TicketDice& dice, const char* tag) {
  Rule rule;
  rule.id = tag;
  rule.when = {{RuleField::tag, {tag}}};
  rule.calendar = dice.one_in(3) ? "always" : "office";
  for (auto& target : rule.targets)
    if (!dice.one_in(3)) target = Target{static_cast<Seconds>(600 + dice.below(36'000))};
  rule.terms.on_reopen = static_cast<OnReopen>(dice.below(3));
  rule.terms.on_change = static_cast<OnChange>(dice.below(2));
  rule.terms.offline_credit = static_cast<OfflineCredit>(dice.below(4));
  rule.terms.min_grace = dice.one_in(4) ? 900 : 0;
  if (dice.one_in(6)) rule.terms.clock = ResponseClock::delivered;
  return rule;
}

/// The rules and calendars of all tickets: a few, so that their expansions stay.
struct House {
  explicit House(std::uint64_t seed) {
    TicketDice dice(seed);
    Calendar always;
    always.id = "always";
    always.always = true;
    for (Calendar calendar : {always, office(1, 0, 18), office(2, monday + 3 * day_s, 13)})
      REQUIRE(calendars.add(std::move(calendar)));
    std::vector<RuleBook> versions(2);
    versions[1].version = 2;
    versions[1].effective_from = versions[1].committed_at = monday + 2 * day_s;
    for (RuleBook& book : versions)
      for (const char* tag : {"a", "b", "c"}) book.rules.push_back(random_rule(dice, tag));
    books.emplace(std::move(versions));
  }
  Calendars calendars;
  std::optional<RuleBooks> books;
};

Event random_event(TicketDice& dice, Instant at, std::size_t number) {
  constexpr EventKind kinds[] = {EventKind::status,        EventKind::status,           EventKind::status,
                                 EventKind::status,        EventKind::attributes,       EventKind::agent_message,
                                 EventKind::agent_message, EventKind::customer_message, EventKind::customer_message,
                                 EventKind::call,          EventKind::arrival,          EventKind::withdrawn,
                                 EventKind::restored,      EventKind::merged_in,        EventKind::decision};
  constexpr const char* tags[] = {"a", "b", "c", "none"};
  Event event;
  event.kind = kinds[dice.below(std::size(kinds))];
  if (event.kind == EventKind::withdrawn && !dice.one_in(4)) event.kind = EventKind::status;
  event.id = std::to_string(number);
  event.at = at;
  event.status = static_cast<sync::Status>(1 + dice.below(9));
  event.automatic = dice.one_in(6);
  event.answered = dice.one_in(2);
  event.attributes.tags = {tags[dice.below(4)]};
  if (event.kind == EventKind::merged_in) event.clock_start = at - static_cast<Instant>(dice.below(day_s));
  if (event.kind == EventKind::decision) {
    event.cycle = "0";
    event.metric = static_cast<Metric>(dice.below(metric_count));
    event.verdict = static_cast<DecisionVerdict>(dice.below(3));
  }
  const bool by_device = event.kind == EventKind::status || event.kind == EventKind::agent_message ||
                         event.kind == EventKind::arrival || event.kind == EventKind::call;
  if (by_device && dice.one_in(4)) {
    const Instant lo = at - static_cast<Instant>(dice.below(3'600)), end = at + static_cast<Instant>(dice.below(3'600));
    const Instant received = end + static_cast<Instant>(dice.one_in(2) ? 0 : dice.below(2 * day_s));
    event.offline = OfflineTime{lo - static_cast<Instant>(dice.below(3'600)), lo, end, received};
  }
  return event;
}

/// In the fold's order. Some stand at one instant.
std::vector<Event> random_ticket(TicketDice& dice) {
  std::vector<Event> events;
  Instant at = monday + static_cast<Instant>(dice.below(day_s));
  Event create = random_event(dice, at, 0);
  create.kind = EventKind::create;
  create.offline.reset();
  create.clock_start.reset();
  create.opening = static_cast<Opening>(dice.below(3));
  events.push_back(create);
  const std::size_t count = 1 + dice.below(14);
  for (std::size_t i = 1; i <= count; ++i) {
    if (!dice.one_in(6)) at += static_cast<Instant>(1 + dice.below(dice.one_in(5) ? 2 * day_s : 4'000));
    events.push_back(random_event(dice, at, i));
  }
  return events;
}

/// Arrives by receipt; stands in the fold's order.
void check_incremental(const House& house, const std::vector<Event>& ticket, TicketDice& dice, std::size_t& rebuilt) {
  std::vector<std::size_t> arrival;
  for (std::size_t i = 0; i < ticket.size(); ++i) arrival.push_back(i);
  std::stable_sort(arrival.begin() + 1, arrival.end(),
                   [&](std::size_t a, std::size_t b) { return ticket[a].received() < ticket[b].received(); });
  RunningClock clock(*house.books, house.calendars);
  std::vector<std::size_t> places;  // of what has arrived, in the fold's order
  for (std::size_t i = 0; i < arrival.size(); ++i) {
    const auto place = std::lower_bound(places.begin(), places.end(), arrival[i]);
    clock.add(ticket[arrival[i]], static_cast<std::size_t>(place - places.begin()));
    places.insert(place, arrival[i]);
    const Instant now = ticket[arrival[i]].received();
    const bool last = i + 1 == arrival.size();
    if (!last && ticket[arrival[i + 1]].received() == now) continue;  // at that instant more is known
    const Instant until = last ? now + 5 * day_s : ticket[arrival[i + 1]].received() - 1;
    const Instant when =
        now + (until > now ? static_cast<Instant>(dice.below(static_cast<std::uint64_t>(until - now))) : 0);
    const TicketClock anew = clock_at({ticket, *house.books, house.calendars}, when);
    if (!(clock.at(when) == anew)) {
      INFO("event " << arrival[i] << " at " << instant_text(when));
      CHECK(clock.at(when) == anew);
      FAIL("event by event is not anew");
    }
  }
  rebuilt += clock.rebuilt();
}

void check_laws(const House& house, const std::vector<Event>& ticket) {
  const Inputs inputs{ticket, *house.books, house.calendars};
  const Instant now = ticket.back().received() + 3 * day_s;
  const TicketClock clock = clock_at(inputs, now);
  for (const Cycle& cycle : clock.cycles) {
    const bool whole = cycle.elapsed >= 0 && (cycle.open == !cycle.stopped_at.has_value()) &&
                       (cycle.breached_at.has_value() == (cycle.state == CycleState::breached)) &&
                       (!cycle.breached_at || *cycle.breached_at <= now) &&
                       (cycle.state != CycleState::paused || !cycle.due) && (!cycle.wake_at || *cycle.wake_at > now) &&
                       (!cycle.stopped_at || *cycle.stopped_at <= now);
    if (!whole) FAIL(metric_name(cycle.metric) << " " << cycle.number << " " << cycle_state_name(cycle.state));
  }
  const auto records = breach_records(inputs, {}, now);
  for (const Cycle& cycle : clock.cycles) {
    const auto record = std::find_if(records.begin(), records.end(), [&](const BreachRecord& r) {
      return r.metric == cycle.metric && r.cycle == cycle.id;
    });
    if (cycle.breached_at && record == records.end()) FAIL("a breach without its record");
    if (record != records.end() && record->state == RecordState::rescinded && cycle.breached_at)
      FAIL("rescinded, but breached");
  }
}

std::size_t ticket_count() {
  const char* wanted = std::getenv("TERN_SLA_TICKETS");
  return wanted == nullptr ? 5'000 : std::strtoull(wanted, nullptr, 10);
}

}  // namespace

TEST_CASE("K1: event by event is what is folded anew", "[sla][I20]") {
  std::size_t rebuilt = 0, events = 0;
  const std::size_t count = ticket_count();
  for (std::size_t i = 0; i < count;) {
    const House house(i);
    for (const std::size_t end = std::min(count, i + 50); i < end; ++i) {
      INFO("ticket " << i);
      TicketDice dice(i + 1'000'000);
      const auto ticket = random_ticket(dice);
      check_incremental(house, ticket, dice, rebuilt);
      events += ticket.size();
    }
  }
  CHECK(rebuilt < events * 3 / 4);  // else nothing was taken in by itself
}

TEST_CASE("K1: what holds of every clock and its records", "[sla]") {
  const std::size_t count = std::max<std::size_t>(1, ticket_count() / 5);
  for (std::size_t i = 0; i < count;) {
    const House house(i);
    for (const std::size_t end = std::min(count, i + 50); i < end; ++i) {
      INFO("ticket " << i);
      TicketDice dice(i + 9'000'000);
      check_laws(house, random_ticket(dice));
    }
  }
}

/// reliability.md calls it I22: with credit `strict` no device's clock turns a verdict in the agent's favour.
TEST_CASE("K18: under strict credit a device's clock decides nothing about an answer", "[sla][I22]") {
  const std::size_t count = std::max<std::size_t>(1, ticket_count() / 5);
  House house(3);
  std::vector<RuleBook> versions;
  for (const auto& version : house.books->versions()) versions.push_back(version.book);
  for (RuleBook& book : versions)
    for (Rule& rule : book.rules) rule.terms.offline_credit = OfflineCredit::strict;
  house.books.emplace(std::move(versions));
  for (std::size_t i = 0; i < count; ++i) {
    INFO("ticket " << i);
    TicketDice dice(i + 5'000'000);
    std::vector<Event> honest = random_ticket(dice);
    for (Event& event : honest)
      if (event.attributes.tags.front() == "none") event.attributes.tags = {"a"};  // no rule, no contract
    std::erase_if(honest, [](const Event& e) { return e.kind == EventKind::status || e.kind == EventKind::merged_in; });
    std::vector<Event> lying = honest;
    for (Event& event : lying)
      if (event.offline) {
        event.offline->window_begin = event.offline->lower_bound;
        event.offline->window_end = event.offline->received;
        event.at = event.offline->lower_bound + static_cast<Instant>(dice.below(static_cast<std::uint64_t>(
                                                    event.offline->received - event.offline->lower_bound + 1)));
      }
    const Instant now = monday + 60 * day_s;
    const TicketClock a = clock_at({honest, *house.books, house.calendars}, now);
    const TicketClock b = clock_at({lying, *house.books, house.calendars}, now);
    REQUIRE(a.cycles.size() == b.cycles.size());
    for (std::size_t c = 0; c < a.cycles.size(); ++c) {
      CHECK(a.cycles[c].state == b.cycles[c].state);
      CHECK(a.cycles[c].elapsed == b.cycles[c].elapsed);
    }
  }
}

}  // namespace tern::sla
