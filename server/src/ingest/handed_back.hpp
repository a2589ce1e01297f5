// What devices hold of others' work that a restore lost, and of other copies of themselves. Source: protocol.md "A
// server that comes back older than its devices", step 7; docs/decisions/handed-back.md.
//
// A device's copy holds folded state, not what was signed: what it hands back is its word about others. It is read
// apart into the changes it shows (given_up.hpp) and waits for an administrator. Said again is only what cannot come by
// itself: the server's own changes, which keep their names, and those of devices whose keys ended, which are quoted.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "ingest.hpp"

namespace tern::v1 {
class ExchangeRequest;
}

namespace tern::server {

class Batch;

inline constexpr std::size_t handed_back_bytes_max = 16 * std::size_t{1024} * 1024;  // that wait, of one device

/// Committer strand. Of a device in good standing, once its own work is in. Gives how many of the request's tickets
/// were looked at: fewer than it has when this device may not leave more here now. What proves to be nothing is passed
/// over.
Result<std::size_t> take_handed_back(Tenant& tenant, const DeviceId& by, const v1::ExchangeRequest& request);

struct HandedBackChange {
  sync::Change change;  // ref as then
  DeviceId by;
  std::uint64_t old_seq = 0;
  bool comes_itself = false;  // its device's key is good, or nobody knows that it ended: that one is waited for
};
/// Those that wait, and did not come by themselves meanwhile, in their order of then. Thread-safe.
Result<std::vector<HandedBackChange>> handed_back_changes(Tenant& tenant);
/// How many of them nothing but an administrator is waited for; and how many all in all. Thread-safe.
struct HandedBackCount {
  std::uint64_t takeable = 0, all = 0;
};
Result<HandedBackCount> count_handed_back(Tenant& tenant);

/// Committer strand. Says again what cannot come by itself, in its order of then, in as many commits as there were;
/// what had waited for it takes effect. The outcomes are those of the changes that were said.
Result<ServerCommit> say_handed_back(Tenant& tenant);

/// Inside a batch: of a ticket of which something is erased nothing that waits is kept.
Result<void> drop_handed_back(Batch& batch, const TicketId& ticket);
/// Only those of a ticket of which `goes` is true.
Result<void> drop_handed_back_if(Batch& batch, const TicketId& ticket,
                                 const std::function<bool(const sync::Change&)>& goes);
/// Only these, and what these say again. Gives how many there were.
Result<std::size_t> drop_handed_back_changes(Batch& batch, const std::set<sync::ChangeRef>& gone);
/// The same of each ticket of which one of these waits, or what one of these says again. Gives how many there were.
Result<std::size_t> drop_handed_back(Batch& batch, const std::set<sync::ChangeRef>& gone);

}  // namespace tern::server
