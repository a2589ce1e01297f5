#include "key_store.hpp"

#include <algorithm>

#include "private_file.hpp"
#include "tern/protocol/sealed_stream.hpp"

namespace tern::server {
namespace {

constexpr std::size_t file_bytes_max = 1 << 20;

std::string keys_directory(const std::string& directory) {
  return directory + "/keys";
}

tl::unexpected<Error> damaged_file(const std::string& path, const char* how) {
  return fail(ErrorCode::corrupt, "The key file " + path + " is " + how + ".",
              "Put it back from a copy of the directory, or restore a backup: ternd restore");
}

/// Where it is missing or too long it is as good as damaged: the server was made with it.
Result<Bytes> read_key_file(const std::string& path, std::size_t bytes_max) {
  auto raw = read_private_file(path, bytes_max);
  if (!raw && raw.error().code == ErrorCode::not_found) return damaged_file(path, "missing");
  if (!raw && raw.error().code == ErrorCode::too_large) return damaged_file(path, "damaged");
  return raw;
}

Result<protocol::SecretKey> load_seed(const std::string& path) {
  TERN_TRY(Bytes raw, read_key_file(path, 32));
  if (raw.size() != 32) return damaged_file(path, "damaged");
  auto seed = protocol::SecretKey::from(raw);
  protocol::wipe(raw);
  return seed;
}

Result<protocol::SigningKey> load_key(const std::string& path) {
  TERN_TRY(const auto seed, load_seed(path));
  return protocol::SigningKey::from_seed(seed);
}

Result<protocol::SigningKey> make_key(const std::string& path, Environment& environment) {
  auto key = protocol::SigningKey::generate(environment);
  const auto seed = key.seed();
  TERN_CHECKED(write_private_file(path, seed.view()));
  return key;
}

protocol::ServerKey listed(const protocol::PublicKey& key, protocol::ServerKeyPurpose purpose, std::int64_t now_ms) {
  protocol::ServerKey entry;
  entry.id = protocol::key_id(key);
  entry.public_key = key;
  entry.purpose = purpose;
  entry.from_ms = now_ms;
  return entry;
}

constexpr std::int64_t refresh_after_ms = 400LL * 86'400'000;

}  // namespace

Result<ServerKeys> create_server_keys(const std::string& directory, const protocol::RecoveryKey& recovery,
                                      Environment& environment) {
  TERN_CHECKED(make_private_directory(keys_directory(directory)));
  const auto root = recovery.root();
  TERN_TRY(auto log, make_key(keys_directory(directory) + "/log.key", environment));
  const auto courier_seed = protocol::SecretKey::random(environment);
  TERN_CHECKED(write_private_file(keys_directory(directory) + "/courier.key", courier_seed.view()));
  const auto backup_public = protocol::BoxKey::from_seed(recovery.backup_seed()).public_key();

  const std::int64_t now_ms = environment.wall_ms();
  protocol::KeyList list;
  list.version = 1;
  list.server = random_id<protocol::ServerId>(environment);
  list.refresh_by_ms = now_ms + refresh_after_ms;
  list.next_roots = {root.public_key()};
  list.keys.push_back(listed(log.public_key(), protocol::ServerKeyPurpose::log, now_ms));
  list.keys.push_back(
      listed(protocol::PublicKey::or_zero(protocol::BoxKey::from_seed(courier_seed).public_key().view()),
             protocol::ServerKeyPurpose::courier, now_ms));
  list.keys.push_back(
      listed(protocol::PublicKey::or_zero(backup_public.view()), protocol::ServerKeyPurpose::backup, now_ms));
  const auto signed_list = protocol::sign_statement(list, root);
  TERN_CHECKED(write_private_file(keys_directory(directory) + "/key-list", signed_list.wire));
  TERN_CHECKED(write_private_file(keys_directory(directory) + "/roots", root.public_key().view()));
  return ServerKeys{std::move(log), signed_list.wire, {root.public_key()}, backup_public, list};
}

Result<ServerKeys> load_server_keys(const std::string& directory) {
  TERN_TRY(auto log, load_key(keys_directory(directory) + "/log.key"));
  const std::string list_file = keys_directory(directory) + "/key-list",
                    roots_file = keys_directory(directory) + "/roots";
  TERN_TRY(const Bytes wire, read_key_file(list_file, file_bytes_max));
  TERN_TRY(const Bytes raw_roots, read_key_file(roots_file, 32 * protocol::KeyList::roots_max));
  if (raw_roots.empty() || raw_roots.size() % 32 != 0) return damaged_file(roots_file, "damaged");
  std::vector<protocol::PublicKey> roots;
  for (std::size_t at = 0; at + 32 <= raw_roots.size(); at += 32)
    roots.push_back(protocol::PublicKey::or_zero(ByteView(raw_roots).substr(at, 32)));
  auto opened = protocol::open_first_key_list(wire, roots);
  if (!opened)
    return fail(ErrorCode::corrupt,
                "The key list " + list_file + " is damaged, or " + roots_file + " is: " + opened.error().message,
                "Put both back from a copy of the directory, or restore a backup: ternd restore");
  const auto& list = *opened;
  const protocol::ServerKey* backup = list.value.current(protocol::ServerKeyPurpose::backup);
  if (backup == nullptr || list.value.find(log.id(), protocol::ServerKeyPurpose::log) == nullptr)
    return fail(ErrorCode::corrupt,
                "The key list under " + keys_directory(directory) + " does not belong to these keys.",
                "Restore the keys directory as a whole.");
  return ServerKeys{std::move(log), wire, std::move(roots),
                    protocol::ExchangePublicKey::or_zero(backup->public_key.view()), list.value};
}

Result<void> check_courier_key(const std::string& directory) {
  const std::string path = keys_directory(directory) + "/courier.key";
  TERN_TRY(const ServerKeys keys, load_server_keys(directory));
  TERN_TRY(const auto seed, load_seed(path));
  const auto key = protocol::PublicKey::or_zero(protocol::BoxKey::from_seed(seed).public_key().view());
  const auto* const listed_key = keys.list.current(protocol::ServerKeyPurpose::courier);
  if (listed_key == nullptr || listed_key->public_key != key) return damaged_file(path, "not the one of the key list");
  return {};
}

Result<protocol::KeyList> replace_log_key(const std::string& directory, const protocol::RecoveryKey& recovery,
                                          std::optional<std::uint64_t> revoked_as_of, Environment& environment) {
  TERN_TRY(const ServerKeys keys, load_server_keys(directory));
  const auto root = recovery.root();
  protocol::KeyList next = keys.list;
  if (std::find(next.next_roots.begin(), next.next_roots.end(), root.public_key()) == next.next_roots.end())
    return fail(ErrorCode::not_permitted, "This is not the recovery key of this server.", "Take the right sheet.",
                "recovery-key");
  const std::int64_t now_ms = environment.wall_ms();
  for (protocol::ServerKey& key : next.keys) {
    if (key.purpose != protocol::ServerKeyPurpose::log || key.retired_ms != 0) continue;
    key.retired_ms = now_ms;
    if (revoked_as_of) key.revoked_as_of = *revoked_as_of;
  }
  const auto log = protocol::SigningKey::generate(environment);
  next.version += 1;
  next.refresh_by_ms = now_ms + refresh_after_ms;
  next.keys.push_back(listed(log.public_key(), protocol::ServerKeyPurpose::log, now_ms));
  // The list first: a stop in between leaves the old key, retired, and doing it again is all there is to do.
  TERN_CHECKED(write_private_file(keys_directory(directory) + "/key-list", protocol::sign_statement(next, root).wire));
  const auto seed = log.seed();
  TERN_CHECKED(write_private_file(keys_directory(directory) + "/log.key", seed.view()));
  return next;
}

std::string sealing_key_path(const std::string& directory, const TenantId& tenant) {
  return keys_directory(directory) + "/sealing-" + to_hex(tenant) + ".key";
}

Result<protocol::SigningKey> sealing_key(const std::string& directory, const TenantId& tenant, bool create,
                                         Environment& environment) {
  const std::string path = sealing_key_path(directory, tenant);
  TERN_TRY(const bool there, is_there(path));
  if (create && !there) return make_key(path, environment);
  return load_key(path);
}

Result<TenantKeys> tenant_keys(const std::string& directory, const TenantId& tenant, bool create,
                               Environment& environment) {
  TERN_TRY(auto shared, load_server_keys(directory));
  TERN_TRY(auto sealing, sealing_key(directory, tenant, create, environment));
  const DeviceId device = DeviceId::or_zero(sealing.id().view());
  return TenantKeys{std::move(shared.log),      std::move(sealing),      device,
                    std::move(shared.key_list), std::move(shared.roots), shared.backup_public,
                    std::move(shared.list)};
}

}  // namespace tern::server
