#include "stream_hub.hpp"

#include <set>

#include "ingest/devices.hpp"
#include "push/device_stream.hpp"
#include "store/tenant.hpp"

namespace tern::server {
namespace {

/// Operators who hold, or just lost, one of these tickets.
Result<std::set<OperatorId>> members_of(Tenant& tenant, const std::vector<TicketId>& tickets) {
  std::set<OperatorId> out;
  TERN_TRY(auto reader, tenant.reader());
  for (const TicketId& ticket : tickets) {
    TERN_TRY(auto rows,
             reader.db().query("SELECT operator_id FROM scope_member WHERE tenant_id = $1 AND ticket_id = $2",
                               tenant.number(), ticket));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) break;
      out.insert(rows.id<OperatorId>(0));
    }
  }
  return out;
}

}  // namespace

std::shared_ptr<StreamHandler> StreamHub::open(const AuthenticatedRequest& upgrade) {
  const std::lock_guard guard(mutex_);
  auto stream = std::make_shared<DeviceStream>(*this, exchange_, upgrade, ++opened_);
  streams_[opened_] = stream;
  return stream;
}

void StreamHub::forget(std::uint64_t number) {
  const std::lock_guard guard(mutex_);
  streams_.erase(number);
}

std::vector<std::shared_ptr<DeviceStream>> StreamHub::streams_of(const Tenant* tenant) {
  const std::lock_guard guard(mutex_);
  std::vector<std::shared_ptr<DeviceStream>> out;
  for (const auto& [number, held] : streams_)
    if (auto stream = held.lock(); stream && (tenant == nullptr || stream->session().tenant == tenant))
      out.push_back(std::move(stream));
  return out;
}

void StreamHub::deliver(Tenant& tenant, const std::vector<TicketId>& tickets) {
  const auto streams = streams_of(&tenant);
  if (streams.empty()) return;
  const auto members = members_of(tenant, tickets);  // who they are cannot be read: everybody looks
  for (const auto& stream : streams) {
    const auto device = find_device(tenant, stream->session().device);
    if (!device || (!device->scope_all && members && !members->contains(device->operator_id))) continue;
    if (stream->push()) ++pushes_;
  }
}

void StreamHub::on_commit(Tenant& tenant, const CommitNotice& notice) {
  if (notice.tickets.empty() && notice.clocks.empty()) return;
  {
    const std::lock_guard guard(mutex_);
    if (streams_.empty()) return;
  }
  std::vector<TicketId> tickets = notice.tickets;
  tickets.insert(tickets.end(), notice.clocks.begin(), notice.clocks.end());
  run_later_([this, &tenant, tickets = std::move(tickets)] { deliver(tenant, tickets); });
}

void StreamHub::sweep() {
  for (const auto& stream : streams_of(nullptr)) {
    if (stream->session_ended())
      stream->close(stream_close::auth_required, "the session is over");
    else
      note_heard(*stream->session().tenant, stream->session().device);
  }
}

void StreamHub::close_all() {
  for (const auto& stream : streams_of(nullptr)) stream->close(stream_close::going_away, "the server is stopping");
}

std::size_t StreamHub::size() {
  return streams_of(nullptr).size();
}

}  // namespace tern::server
