// Why tickets were given to whom.
#include <fmt/format.h>

#include "admin/handlers.hpp"
#include "admin/record_writer.hpp"
#include "ingest/jobs.hpp"
#include "ingest/route.hpp"
#include "store/ledger.hpp"
#include "time_text.hpp"

namespace tern::server::admin {
namespace {

using PeopleNames = std::function<std::string(std::uint64_t)>;

PeopleNames names_of_people(const Tenant& tenant) {
  std::map<std::uint64_t, std::string> names;
  tenant.each_record(sync::RecordKind::operator_,
                     [&](const sync::Record& record) { names[record.integer_id] = record.name; });
  return [names = std::move(names)](std::uint64_t number) {
    const auto found = names.find(number);
    return found == names.end() ? "operator " + std::to_string(number) : found->second;
  };
}

Json explained_lines(const RouteDecision& decision, const PeopleNames& name_of) {
  Json out = Json::array();
  for (std::string& line : explain_route(decision, name_of)) out.push(Json(std::move(line)));
  return out;
}

Json decision_json(const RouteDecision& decision, const LedgerChange& change, const PeopleNames& name_of) {
  return Json::object({{"at", Json(instant_text(change.placed.admission.commit_ms))},
                       {"commit", Json(change.commit_seq)},
                       {"moment", Json(route_moment_name(decision.moment))},
                       {"to", Json(decision.chosen == 0 ? "nobody" : name_of(decision.chosen))},
                       {"rule", Json(route_rule_name(decision.rule))},
                       {"replays", Json(decide_again(decision) == decision)}});
}

}  // namespace

Result<Json> route_explain(AdminCall& call) {
  TERN_TRY(const TicketId ticket, resolve_ticket(call.tenant(), call.text("ticket")));
  const PeopleNames name_of = names_of_people(call.tenant());
  Json rows = Json::array(), why = Json::array();
  {
    TERN_TRY(auto reader, call.tenant().reader());
    TERN_TRY(const auto ledger, read_ticket(reader.db(), call.tenant().number(), ticket));
    for (const LedgerChange& change : ledger) {
      const auto decision =
          is_routing(change.placed.change) ? route_from_text(change.placed.change.reason) : std::nullopt;
      if (!decision) continue;
      rows.push(decision_json(*decision, change, name_of));
      const Json lines = explained_lines(*decision, name_of);
      for (const Json& line : lines.items())
        why.push(Json(fmt::format("commit {}: {}", change.commit_seq, line.as_string())));
    }
  }
  TERN_TRY(const auto now, call.on_strand([&] { return route_now(call.tenant(), ticket); }));
  return Json::object({{"ticket", Json(call.text("ticket"))},
                       {"why", std::move(why)},
                       {"now", now ? explained_lines(*now, name_of) : Json::array({Json("not for routing to decide")})},
                       {"rows", std::move(rows)}});
}

}  // namespace tern::server::admin
