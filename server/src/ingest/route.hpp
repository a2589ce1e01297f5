// Routing: tickets that nobody holds are given to somebody, by changes of the server's own whose reason says why
// (docs/routing.md).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "batch.hpp"
#include "desk/route_settings.hpp"
#include "desk/sla_settings.hpp"

namespace tern::server {

/// Somebody who may be given tickets.
struct RoutePerson {
  OperatorId id;
  std::uint64_t number = 0;
  bool takes = false, active = false;
  std::vector<RecordId> queues;
  PersonRoute route;
};

/// What records say of it, read once.
struct RouteDesk {
  std::map<RecordId, QueueRoute> queues;  // those that give tickets out
  std::map<RecordId, CategoryRoute> categories;
  std::map<RecordId, OperatorId> category_agents;
  std::map<OperatorId, RoutePerson> people;
  std::map<RecordId, std::vector<OperatorId>> members;
  std::unique_ptr<SlaSettings> shifts;  // null: nobody has any
  std::int64_t from_ms = 0;             // after a restore: not before then

  [[nodiscard]] bool idle() const { return queues.empty() && category_agents.empty(); }
};

/// How many of those that wait somebody may be given now.
struct RouteTurn {
  int left = 0;
  std::int64_t next_ms = 0;  // server time of the next one, when none is left
};

struct RouteMarks {
  std::map<OperatorId, RouteTurn> turns;  // of who is free while something waits
  std::set<TicketId> refused;             // the ledger did not take the change, or the ticket is damaged: not again
};

struct Routing {
  std::shared_ptr<RouteDesk> desk;  // null: to be made
  RouteMarks marks;
};

/// Whether routing reads records of that kind.
bool routes_read(sync::RecordKind kind);

/// Behind a set that was processed: notes which of its tickets are to be looked at.
void note_routes(Batch& batch, const SetWork& work);
/// Gives those to somebody who can be given them; before the batch ends, however it began.
Result<void> route_noted(Batch& batch);

/// Behind the end of a batch that did not fail.
void keep_route_marks(Batch& batch);

/// One that routing made.
bool is_routing(const sync::Change& change);

inline constexpr std::string_view meta_routing_from = "routing_from";  // server time, ms: after a restore
/// For so long nothing is routed after a restore: what was taken meanwhile comes back first.
inline constexpr std::int64_t routing_rest_ms = 3'600'000;

}  // namespace tern::server
