#include "support/world_agent.hpp"

#include <algorithm>

namespace tern::test {
namespace {

constexpr std::size_t tickets_enough = 6;

/// The same minutes as time on site, with a signature.
void report_on_site(sync::Change& change) {
  change.intent = sync::Intent::on_site;
  change.visibility = sync::Visibility::open;
  change.from_ms = 1'700'000'000'000;
  change.to_ms = change.from_ms + change.number * 60'000;
  change.text = "on site for " + std::to_string(change.number) + " min";
  change.file_name = "Jo Miller";
  change.media_type = "image/png";
  change.signature = std::string("\x89PNG\r\n\x1a\n drawn", 14);
  change.number = 0;
}

}  // namespace

/// Never the same twice, so that what was said can be counted.
std::string Agent::words(const std::string& what) {
  return what + " " + device_.name() + " " + std::to_string(changes_) + ".";
}

sync::Change Agent::on(const TicketId& ticket, Intent intent) const {
  sync::Change change;
  change.intent = intent;
  change.ticket = ticket;
  return change;
}

Result<void> Agent::try_work() {
  const Running machine = device_.running();
  TERN_TRY(auto rows, device_.try_list());
  std::erase_if(rows, [](const client::ListRow& row) { return row.ghost; });
  if (rows.empty() || (rows.size() < tickets_enough && random_.chance(150))) return create();
  for (std::uint64_t n = random_.below(3) + 1; n > 0; --n)
    TERN_CHECKED(touch(random_.pick(rows).id, random_.pick(rows).id));
  return {};
}

/// One that this device shows; nothing when the ticket has none.
Result<std::optional<ChangeRef>> Agent::a_message(const TicketId& ticket) {
  std::vector<ChangeRef> messages;
  TERN_TRY(const client::TicketView shown, device_.client().views().ticket(ticket));
  for (const client::TimelineEntry& entry : shown.timeline)
    if (entry.what == "message") messages.push_back(entry.change);
  if (messages.empty()) return std::optional<ChangeRef>{};
  return std::optional(random_.pick(messages));
}

Result<void> Agent::create() {
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
  TERN_CHECKED(device_.try_save(std::move(both)));
  return {};
}

Result<void> Agent::touch(const TicketId& ticket, const TicketId& other) {
  using enum Intent;
  sync::Change change = on(ticket, set);
  switch (random_.below(28)) {
    case 0:
      change.fields = {{Field::subject, {}, words("subject"), false}};
      break;
    case 1:
    case 2:
      change.fields = {{Field::priority, {}, std::to_string(random_.between(1, 4)), false}};
      break;
    case 3:
      change.fields = {{Field::custom, "meter_no", words("meter"), false}};
      break;
    case 4:
      change.fields = {{Field::category, {}, Bytes(random_.pick(shop_.categories).view()), false}};
      break;
    case 5:
      change.fields = {{Field::category, {}, std::nullopt, false}};
      break;
    case 6:
    case 7:
    case 8:
    case 9:
      change.intent = message;
      change.visibility = random_.chance(300)   ? sync::Visibility::open
                          : random_.chance(200) ? sync::Visibility::restricted
                                                : sync::Visibility::team;
      change.text = words("note");
      break;
    case 10: {
      change.intent = describe;
      TERN_TRY(const client::TicketView shown, device_.client().views().ticket(ticket));
      TERN_CHECKED(device_.client().commands().mark_read(ticket, shown.read_mark));
      change.base = shown.description;
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
      if (change.number % 3 == 0)
        report_on_site(change);
      else if (change.number % 5 == 0)
        change.kind = 1 + static_cast<std::uint32_t>(change.number % 2);  // a phone call, answered or not
      break;
    case 14:
      change.intent = random_.chance(700) ? watch : unwatch;
      change.target = Bytes(random_.pick(shop_.people).view());
      break;
    case 15:
      change.intent = random_.chance(500) ? pin : unpin;
      break;
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
    case 20:
      change.intent = take;
      break;
    case 21:
      change.intent = assign;
      if (random_.chance(800)) change.target = Bytes(random_.pick(shop_.people).view());
      change.reason = words("handed over");
      break;
    case 22:
      change.intent = move_queue;
      change.target = Bytes(random_.pick(shop_.queues).view());
      break;
    case 23:
    case 24: {
      TERN_TRY(const auto message, a_message(ticket));
      if (!message) return {};
      change.intent = random_.chance(700) ? edit_message : delete_message;
      change.targets = {*message};
      if (change.intent == edit_message) change.text = words("edited");
      break;
    }
    case 25:
      if (ticket == other) return {};
      change.intent = random_.chance(700) ? link : unlink;
      change.kind = static_cast<std::uint32_t>(sync::LinkKind::related);
      change.target = Bytes(other.view());
      break;
    case 26:
      if (ticket == other || random_.chance(700)) return {};
      change.intent = merge;
      change.target = Bytes(other.view());
      break;
    default:
      change.intent = random_.chance(300) ? delete_ticket : restore;
      change.reason = words("because");
      break;
  }
  ++changes_;
  TERN_CHECKED(device_.try_save({std::move(change)}));
  return {};
}

}  // namespace tern::test
