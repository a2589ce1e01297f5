#include "simulation/integration.hpp"

#include <algorithm>

#include "store/ledger.hpp"
#include "tern/protocol/json.hpp"

namespace tern::test {
namespace {

constexpr const char* address = "10.1.0.1";
constexpr std::int64_t pause_ms_max = 60'000;
constexpr unsigned again_though_answered = 100;  // in a thousand: whoever asks has lost the answer

}  // namespace

void Integration::write(const Asker& asker, const Json& request, const std::string& text) {
  asked_.push_back({asker, to_text(request), "once-" + std::to_string(asked_.size()), text});
  ++waiting_;
  ask(asked_.size() - 1);
}

void Integration::ask(std::size_t which) {
  Asked& asked = asked_[which];
  if (asked.tries++ != 0) ++asked_again_;
  client::HttpRequest request;
  request.method = "POST";
  request.target = asked.asker.target;
  request.headers = {
      {"content-type", "application/json"}, {asked.asker.header, asked.asker.secret}, {"idempotency-key", asked.key}};
  request.body = asked.body;
  world_.network.carry(address, std::move(request),
                       [this, which](const Result<client::HttpAnswer>& answer) { hear(which, answer); });
}

void Integration::hear(std::size_t which, const Result<client::HttpAnswer>& answer) {
  Asked& asked = asked_[which];
  const bool later = !answer || answer->status >= 500 || answer->status == 429;
  if (!later && answer->status == 200) {
    // What it made; how that stands is told as of now.
    const std::string data = to_text(must(parse_json(answer->body, {.decimals = true}))["data"]["id"]);
    if (asked.done && asked.answer != data)
      world_.complain("I3: a request that came again was answered otherwise: " + asked.answer + ", " + data);
    if (answer->header("idempotency-replayed") == "true") ++answered_again_;
    asked.answer = data;
    done_ += asked.done ? 0 : 1;
    asked.done = true;
  } else if (!later) {
    if (asked.done) world_.complain("I3: a request that had been done was refused when it came again: " + answer->body);
    asked.refused = true;
  }
  if (!later && !(asked.done && random_.chance(again_though_answered))) {
    --waiting_;
    return;
  }
  const std::int64_t pause_ms = std::min(pause_ms_max, std::int64_t{1'000} << std::min(asked.tries, 6U));
  world_.schedule.after(random_.between(pause_ms / 2, pause_ms), [this, which] { ask(which); });
}

void Integration::judge(const TenantId& tenant, bool complete) {
  const auto db = world_.server.read(tenant);
  std::map<std::string, int> said;
  std::vector<TicketId> tickets;
  auto rows = must(db->query("SELECT ticket_id FROM ticket"));
  while (must(rows.step())) tickets.push_back(rows.id<TicketId>(0));
  for (const TicketId& ticket : tickets)
    for (const server::LedgerChange& entry :
         must(server::read_ticket(*db, world_.server.tenant(tenant).number(), ticket)))
      ++said[entry.placed.change.text];
  for (const Asked& asked : asked_) {
    const int times = said[asked.text];
    if (times > 1)
      world_.complain("I3: what was asked for once over the API was done " + std::to_string(times) + " times");
    if (complete && asked.done && times == 0)
      world_.complain("I5: what was answered as done over the API is not there: " + asked.text);
  }
}

}  // namespace tern::test
