// Tickets that were put on hold until some time: whoever has them is told when it has come. They stay on hold.
#include "jobs.hpp"
#include "run_batch.hpp"
#include "tell.hpp"

namespace tern::server {
namespace {

constexpr std::int64_t woken_at_once = 100;

struct Sleeping {
  TicketId ticket;
  std::int64_t wake_ms = 0;
};

Result<std::vector<Sleeping>> due_to_wake(Batch& batch) {
  TERN_TRY(auto rows, batch.db().query("SELECT ticket_id, wake_ms FROM waking WHERE tenant_id = $1 AND wake_ms <= $2 "
                                       "ORDER BY wake_ms LIMIT $3",
                                       batch.number, batch.commit_ms, woken_at_once));
  std::vector<Sleeping> out;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    out.push_back({rows.id<TicketId>(0), rows.int64(1)});
  }
}

/// To who has it and who watches it, else to its team: each once for each time that was named.
Result<void> tell_of_waking(Batch& batch, const Sleeping& one) {
  TERN_TRY(const WorkingTicket* ticket, batch.ticket(one.ticket));
  if (ticket == nullptr || sync::is_deleted(ticket->state)) return {};
  const sync::StatusView view = sync::status_view(ticket->state);
  if (view.status != sync::Status::on_hold || view.wake_at_ms != one.wake_ms) return {};
  Notification what;
  what.kind = NotificationKind::woken;
  what.ticket = one.ticket;
  what.cause = Bytes(one.ticket.view()) + std::to_string(one.wake_ms);
  auto people = people_of(ticket->state);
  if (people.empty()) people = team_of(batch, ticket->state);
  for (const OperatorId& who : people) TERN_CHECKED(tell(batch, who, what));
  return {};
}

struct Woken {
  std::size_t count = 0;
};

}  // namespace

Result<std::size_t> wake_held(Tenant& tenant) {
  const auto strand = tenant.lock_writer();
  Tenant::Internals& in = tenant.internals();
  if (in.trouble.load() != ErrorCode{} || in.takes_no_work || in.older_files) return std::size_t{0};
  {
    TERN_TRY(auto reader, tenant.reader());
    TERN_TRY(const auto first,
             reader.db().int64_of("SELECT min(wake_ms) FROM waking WHERE tenant_id = $1", tenant.number()));
    if (!first || *first > tenant.now_ms()) return std::size_t{0};
  }
  TERN_TRY(const Woken woken, run_batch(tenant, [](Batch& batch) -> Result<Woken> {
             TERN_TRY(const auto due, due_to_wake(batch));
             for (const Sleeping& one : due) {
               TERN_CHECKED(tell_of_waking(batch, one));
               TERN_CHECKED(batch.db().run("DELETE FROM waking WHERE tenant_id = $1 AND ticket_id = $2", batch.number,
                                           one.ticket));
               batch.wrote = true;
             }
             return Woken{due.size()};
           }));
  return woken.count;
}

}  // namespace tern::server
