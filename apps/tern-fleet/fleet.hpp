// One server core and many devices in one process, under one virtual clock: what a replay drives.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "in_process_transport.hpp"
#include "tern/client/client.hpp"
#include "tern/server/server_core.hpp"
#include "tern/sync/record.hpp"
#include "virtual_environment.hpp"

namespace tern::fleet {

/// The names a tenant must know before its devices work.
struct FleetNames {
  std::set<std::string> authors;                              // operators, each with one device of scope all
  std::map<sync::RecordKind, std::set<std::string>> records;  // operators here have no device
};

/// A resource. Thread: one.
class Fleet {
public:
  /// Makes a tenant under `directory`/server and enrols a device under `directory`/devices/N for each author.
  static Result<std::unique_ptr<Fleet>> make(const std::string& directory, const FleetNames& names,
                                             VirtualEnvironment& environment,
                                             std::function<void(Bytes& body, bool up)> tamper);

  /// One full round of that author's device.
  Result<void> sync(const std::string& author);
  client::Client& device(const std::string& author);
  [[nodiscard]] const RecordId& record(sync::RecordKind kind, const std::string& name) const;
  server::ServerCore& server() { return *server_; }
  [[nodiscard]] std::uint64_t exchanges() const { return transport_->exchanges(); }
  [[nodiscard]] std::size_t device_count() const { return devices_.size(); }
  /// One line of the export for each ticket.
  Result<std::vector<Json>> export_tickets();

private:
  explicit Fleet(VirtualEnvironment& environment, std::string directory)
      : environment_(environment), directory_(std::move(directory)) {}
  Result<void> make_tenant(const FleetNames& names);
  Result<void> enrol(const std::string& author);

  VirtualEnvironment& environment_;
  std::string directory_;
  std::unique_ptr<server::ServerCore> server_;
  std::unique_ptr<InProcessTransport> transport_;
  std::map<std::string, std::unique_ptr<client::Client>> devices_;
  std::map<std::pair<sync::RecordKind, std::string>, RecordId> records_;
};

/// Time that enrolling so many devices takes under the server's limits.
std::int64_t fleet_set_up_ms(std::size_t devices);

}  // namespace tern::fleet
