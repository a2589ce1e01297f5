#include "support/world_agent.hpp"

#include <algorithm>

namespace tern::test {
namespace {

constexpr std::size_t tickets_enough = 12;

}  // namespace

/// Never the same twice, so that what was said can be counted.
std::string Agent::words(const std::string& what) { return what + " " + device_.name() + " " + std::to_string(changes_); }

sync::Change Agent::on(const TicketId& ticket, Intent intent) const {
  sync::Change change;
  change.intent = intent;
  change.ticket = ticket;
  return change;
}

void Agent::work() {
  auto rows = device_.list();
  std::erase_if(rows, [](const client::ListRow& row) { return row.ghost; });
  if (rows.empty() || (rows.size() < tickets_enough && random_.chance(150))) return create();
  for (std::uint64_t n = random_.below(3) + 1; n > 0; --n) touch(random_.pick(rows).id);
}

void Agent::create() {
  sync::Change made = on({}, Intent::create);
  made.fields = {{Field::subject, {}, words("subject"), false}};
  if (random_.chance(500)) made.fields.push_back({Field::priority, {}, std::to_string(random_.between(1, 4)), false});
  made.text = "line one\nline two\nline three";
  sync::Change first = on({}, Intent::message);
  first.visibility = sync::Visibility::team;
  first.text = words("first");
  std::vector<sync::Change> both{std::move(made)};
  if (random_.chance(500)) both.push_back(std::move(first));
  changes_ += both.size();
  must(device_.try_save(std::move(both)));
}

void Agent::touch(const TicketId& ticket) {
  using enum Intent;
  sync::Change change = on(ticket, set);
  switch (random_.below(24)) {
    case 0: change.fields = {{Field::subject, {}, words("subject"), false}}; break;
    case 1:
    case 2: change.fields = {{Field::priority, {}, std::to_string(random_.between(1, 4)), false}}; break;
    case 3: change.fields = {{Field::custom, "meter_no", words("meter"), false}}; break;
    case 4: change.fields = {{Field::category, {}, Bytes(random_.pick(shop_.categories).view()), false}}; break;
    case 5: change.fields = {{Field::category, {}, std::nullopt, false}}; break;
    case 6:
    case 7:
    case 8:
    case 9:
      change.intent = message;
      change.visibility = random_.chance(300) ? sync::Visibility::open : random_.chance(200) ? sync::Visibility::restricted : sync::Visibility::team;
      change.text = words("note");
      break;
    case 10: {
      change.intent = describe;
      change.base = device_.show(ticket).description;
      change.text = change.base + "\n" + words("described");
      break;
    }
    case 11:
    case 12:
      change.intent = random_.chance(600) ? tag : untag;
      change.label = "tag" + std::to_string(random_.below(4));
      break;
    case 13:
      change.intent = log_time;
      change.number = random_.between(1, 90);
      break;
    case 14:
      change.intent = random_.chance(700) ? watch : unwatch;
      change.target = Bytes(random_.pick(shop_.people).view());
      break;
    case 15: change.intent = random_.chance(500) ? pin : unpin; break;
    case 16:
    case 17: {
      const std::vector<Intent> moves{start, wait, resume, resolve, close, reopen, put_back};
      change.intent = random_.pick(moves);
      if (change.intent == resolve) change.text = words("result");
      break;
    }
    case 18:
      change.intent = hold;
      change.text = words("reason");
      break;
    case 19:
      change.intent = estimate;
      change.number = random_.between(10, 500);
      break;
    case 20: change.intent = take; break;
    case 21:
      change.intent = assign;
      if (random_.chance(800)) change.target = Bytes(random_.pick(shop_.people).view());
      change.reason = words("handed over");
      break;
    case 22:
      change.intent = move_queue;
      change.target = Bytes(random_.pick(shop_.queues).view());
      break;
    default:
      change.intent = random_.chance(300) ? delete_ticket : restore;
      change.reason = words("because");
      break;
  }
  ++changes_;
  must(device_.try_save({std::move(change)}));
}

}  // namespace tern::test
