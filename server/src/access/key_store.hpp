// The server's private keys: files under DIR/keys, 0600, purposes apart.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/tenant.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/protocol/environment.hpp"
#include "tern/protocol/keys.hpp"

namespace tern::server {

/// What every tenant of one server shares: one log key, one key list, one root.
struct ServerKeys {
  protocol::SigningKey log;
  Bytes key_list;  // Signed<KeyList>::wire
  std::vector<protocol::PublicKey> roots;
  protocol::ExchangePublicKey backup_public;
  protocol::KeyList list;  // what key_list says
};

/// Makes log and courier key, and the key list that the recovery key's root signs. The directory exists, 0700.
Result<ServerKeys> create_server_keys(const std::string& directory, const protocol::RecoveryKey& recovery,
                                      Environment& environment);
/// `corrupt` when a file is missing or not what it should be.
/// Nothing signs with it: it is looked at for its own sake. `corrupt`: not there, or not the one of the key list.
Result<void> check_courier_key(const std::string& directory);
Result<ServerKeys> load_server_keys(const std::string& directory);

/// A new log key, and the next key list, which retires the one in use. With `revoked_as_of` its statements count only
/// below that tree size. `not_permitted` when the recovery key is another server's. Nobody uses the directory
/// meanwhile.
Result<protocol::KeyList> replace_log_key(const std::string& directory, const protocol::RecoveryKey& recovery,
                                          std::optional<std::uint64_t> revoked_as_of, Environment& environment);

/// Where the sealing key of one tenant lies.
std::string sealing_key_path(const std::string& directory, const TenantId& tenant);
/// The sealing key of one tenant, made when it is missing.
Result<protocol::SigningKey> sealing_key(const std::string& directory, const TenantId& tenant, bool create,
                                         Environment& environment);

/// Keys for Tenant::create and Tenant::open. The sealing device's id follows from its key id.
Result<TenantKeys> tenant_keys(const std::string& directory, const TenantId& tenant, bool create,
                               Environment& environment);

}  // namespace tern::server
