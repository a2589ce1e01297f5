#include "keys/key_file.hpp"

#include <utility>

#include "keys/kept_certificate.hpp"
#include "keys/secure_file.hpp"
#include "tern/protocol/key_wrap.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/statements.hpp"

namespace tern::client {
namespace {

using protocol::ByteReader;
using protocol::ByteWriter;
using protocol::PublicKey;
using protocol::SecretKey;

constexpr protocol::Tag tag_device_key{"TRN1-DK\0", 8};
constexpr protocol::Tag tag_replica_key{"TRN1-RK\0", 8};
constexpr std::uint8_t file_version = 1;
constexpr std::size_t file_bytes_max = 4 * limits::mib;
constexpr std::size_t text_max = 4096;
constexpr std::size_t secret_bytes_max = 1024;
constexpr std::size_t ca_bytes_max = 4 * limits::mib;
constexpr std::uint8_t protection_none = 0;
constexpr std::uint8_t protection_passphrase = 1;

/// device.key: tag, version, sized identity, sized secret, sized wipe order, H("TRN1-DEVKEY", all before).
struct DeviceKeyFile {
  Bytes identity;  // bound to the secret: nobody can put another's identity beside it
  Bytes secret;
  Bytes wipe_order;
};

tl::unexpected<Error> damaged_file(const std::string& path) {
  return fail(ErrorCode::corrupt, path + " is damaged", "restore it from a backup, or enrol this device again");
}

bool given(const std::optional<std::string>& passphrase) {
  return passphrase && !passphrase->empty();
}

Bytes encode_identity(const DeviceIdentity& identity, const std::vector<PublicKey>& roots, ByteView key_list) {
  ByteWriter writer;
  writer.id(identity.tenant).id(identity.device).id(identity.operator_id).id(identity.key).u64(identity.device_epoch);
  writer.sized(identity.tenant_name).sized(identity.operator_name).sized(identity.device_name);
  writer.sized(identity.server_url).sized(identity.ca_file);
  writer.u8(identity.passphrase_protected ? 1 : 0).u8(identity.scope_all ? 1 : 0).sized(identity.certificate);
  writer.u8(static_cast<std::uint8_t>(roots.size()));
  for (const PublicKey& root : roots) writer.id(root);
  writer.sized(key_list);
  return writer.take();
}

struct IdentityBlock {
  DeviceIdentity identity;
  std::vector<PublicKey> roots;
  Bytes key_list;
};

Result<IdentityBlock> decode_identity(ByteView bytes) {
  ByteReader reader(bytes);
  IdentityBlock out;
  DeviceIdentity& identity = out.identity;
  identity.tenant = reader.id<TenantId>("tenant");
  identity.device = reader.id<DeviceId>("device");
  identity.operator_id = reader.id<OperatorId>("operator");
  identity.key = reader.id<KeyId>("key");
  identity.device_epoch = reader.u64("device_epoch");
  identity.tenant_name = std::string(reader.sized(text_max, "tenant_name"));
  identity.operator_name = std::string(reader.sized(text_max, "operator_name"));
  identity.device_name = std::string(reader.sized(text_max, "device_name"));
  identity.server_url = std::string(reader.sized(text_max, "server_url"));
  identity.ca_file = std::string(reader.sized(text_max, "ca_file"));
  identity.passphrase_protected = reader.u8("passphrase_protected") != 0;
  identity.scope_all = reader.u8("scope_all") != 0;
  identity.certificate = Bytes(reader.sized(protocol::statement_bytes_max, "certificate"));
  const std::size_t roots = reader.u8("roots");
  if (roots == 0 || roots > protocol::KeyList::roots_max)
    reader.refuse(ErrorCode::corrupt, "roots", "no root is pinned");
  for (std::size_t i = 0; i < roots && reader.ok(); ++i) out.roots.push_back(reader.id<PublicKey>("roots"));
  out.key_list = Bytes(reader.sized(protocol::statement_bytes_max, "key_list"));
  TERN_CHECKED(reader.finish());
  return out;
}

Bytes encode_file(const DeviceKeyFile& file) {
  ByteWriter writer;
  writer.raw(tag_device_key).u8(file_version).sized(file.identity).sized(file.secret).sized(file.wipe_order);
  writer.id(protocol::hash("TRN1-DEVKEY", writer.bytes()));
  return writer.take();
}

Result<DeviceKeyFile> read_file(const HomePaths& paths) {
  auto content = read_private_file(paths.device_key, file_bytes_max);
  if (!content && content.error().code == ErrorCode::not_found) {
    return fail(ErrorCode::not_enrolled, "no device is enrolled in " + paths.home,
                "run: tern enrol --server URL --code CODE");
  }
  if (!content) return tl::unexpected(content.error());
  if (content->size() < Hash::size_bytes) return damaged_file(paths.device_key);
  const ByteView body = ByteView(*content).substr(0, content->size() - Hash::size_bytes);
  if (protocol::hash("TRN1-DEVKEY", body).view() != ByteView(*content).substr(body.size()))
    return damaged_file(paths.device_key);
  ByteReader reader(body);
  reader.tag(tag_device_key);
  reader.version(file_version);
  DeviceKeyFile file;
  file.identity = Bytes(reader.sized(file_bytes_max, "identity"));
  file.secret = Bytes(reader.sized(secret_bytes_max, "secret"));
  file.wipe_order = Bytes(reader.sized(protocol::statement_bytes_max, "wipe_order"));
  TERN_CHECKED(reader.finish());
  return file;
}

SecretKey replica_key_from(const SecretKey& data_key, const SecretKey& half) {
  return SecretKey::from(protocol::keyed_hash("TRN1-REPLKEY", data_key.view(), half.view()).view());
}

Result<void> write_replica_half(const HomePaths& paths, const SecretKey& half) {
  Bytes content = ByteWriter().raw(tag_replica_key).u8(file_version).raw(half.view()).take();
  auto written = write_private_file(paths.replica_key, content);
  protocol::wipe(content);
  return written;
}

/// The half in replica.key. A missing or damaged one is made anew: the replica can be rebuilt.
Result<SecretKey> read_replica_half(const HomePaths& paths, Environment& environment) {
  auto content = read_private_file(paths.replica_key, 1024);
  if (content) {
    ByteReader reader(*content);
    reader.tag(tag_replica_key);
    reader.version(file_version);
    const ByteView half = reader.raw(32, "half");
    if (reader.finish()) {
      SecretKey out = SecretKey::from(half);
      protocol::wipe(*content);
      return out;
    }
  } else if (content.error().code != ErrorCode::not_found && content.error().code != ErrorCode::too_large) {
    return tl::unexpected(content.error());
  }
  SecretKey half = SecretKey::random(environment);
  TERN_CHECKED(write_replica_half(paths, half));
  return half;
}

Result<void> remove_replica_files(const HomePaths& paths) {
  TERN_CHECKED(shred_file(paths.replica_key));
  for (const std::string& copy : {paths.replica_files, paths.replica})
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) TERN_CHECKED(shred_file(copy + suffix));
  return {};
}

}  // namespace

HomePaths::HomePaths(const std::string& directory)
    : home(directory),
      device_key(directory + "/device.key"),
      replica_key(directory + "/replica.key"),
      pending_enrolment(directory + "/pending-enrolment"),
      outbox(directory + "/outbox.db"),
      replica(directory + "/replica.db"),
      outbox_files(directory + "/outbox-files.db"),
      replica_files(directory + "/replica-files.db"),
      lock(directory + "/lock"),
      ca(directory + "/ca.pem"),
      certificate(directory + "/device.cert") {}

protocol::SigningKey HomeSecret::signing_key() const {
  return protocol::SigningKey::from_seed(protocol::derive_key(secret_, 1, "TRN1home"));
}

SecretKey HomeSecret::data_key() const {
  return protocol::derive_key(secret_, 2, "TRN1home");
}

Result<Bytes> close_secret(const SecretKey& secret, const std::optional<std::string>& passphrase, ByteView bound,
                           Environment& environment) {
  ByteWriter writer;
  if (!given(passphrase)) return writer.u8(protection_none).raw(secret.view()).take();
  TERN_TRY(const Bytes wrapped, protocol::wrap_key(secret, *passphrase, bound, environment));
  return writer.u8(protection_passphrase).raw(wrapped).take();
}

Result<SecretKey> open_secret(ByteView closed, const std::optional<std::string>& passphrase, ByteView bound) {
  const auto bad = [] { return fail(ErrorCode::corrupt, "the device's secret is damaged", {}, "secret"); };
  if (closed.empty()) return bad();
  const auto protection = static_cast<std::uint8_t>(closed.front());
  closed.remove_prefix(1);
  if (protection == protection_none) {
    if (closed.size() != 32) return bad();
    return SecretKey::from(closed);
  }
  if (protection != protection_passphrase) {
    return fail(ErrorCode::upgrade_required, "the device's secret is kept in a way this version does not know");
  }
  if (!given(passphrase)) return fail(ErrorCode::locked, "this device is locked: its passphrase is needed");
  return protocol::unwrap_key(closed, *passphrase, bound);
}

Result<void> write_keys(const HomePaths& paths, const DeviceIdentity& identity, const std::vector<PublicKey>& roots,
                        ByteView key_list, const HomeSecret& secret, const std::optional<std::string>& passphrase,
                        Environment& environment) {
  DeviceKeyFile file;
  file.identity = encode_identity(identity, roots, key_list);
  TERN_TRY(file.secret, close_secret(secret.raw(), passphrase, file.identity, environment));
  TERN_CHECKED(write_replica_half(paths, SecretKey::random(environment)));
  Bytes content = encode_file(file);
  auto written = write_private_file(paths.device_key, content);
  protocol::wipe(content);
  protocol::wipe(file.secret);
  return written;
}

Result<void> copy_authorities(const HomePaths& paths, const std::string& ca_file) {
  auto content = read_foreign_file(ca_file, ca_bytes_max);
  if (!content)
    return fail(ErrorCode::usage, "the certificate authorities cannot be read: " + content.error().message,
                "--ca takes a PEM file", "ca");
  return write_private_file(paths.ca, *content);
}

Result<DeviceIdentity> read_identity(const std::string& home) {
  TERN_TRY(DeviceKeyFile file, read_file(HomePaths(home)));
  protocol::wipe(file.secret);
  TERN_TRY(IdentityBlock block, decode_identity(file.identity));
  return std::move(block.identity);
}

Result<OpenedKeys> open_keys(const std::string& home, const std::optional<std::string>& passphrase,
                             Environment& environment) {
  const HomePaths paths(home);
  TERN_TRY(DeviceKeyFile file, read_file(paths));
  TERN_CHECKED(make_private_directory(home));
  auto block = decode_identity(file.identity);
  if (!block) return damaged_file(paths.device_key);
  // A home of an older version has no copy, and goes on with the path. When that leads nowhere, the copy is missing.
  TERN_TRY(const bool copied, is_there(paths.ca));
  const bool named = !block->identity.ca_file.empty();
  const bool leads_nowhere = named && !is_there(block->identity.ca_file).value_or(false);
  if (copied || leads_nowhere) block->identity.ca_file = paths.ca;
  apply_kept_certificate(paths, block->identity);
  auto secret = open_secret(file.secret, passphrase, file.identity);
  protocol::wipe(file.secret);
  if (!secret) return tl::unexpected(secret.error());
  const HomeSecret home_secret(std::move(*secret));
  protocol::SigningKey signing_key = home_secret.signing_key();
  if (signing_key.id() != block->identity.key) return damaged_file(paths.device_key);
  auto key_list = protocol::open_first_key_list(block->key_list, block->roots);
  if (!key_list) return damaged_file(paths.device_key);

  const bool wiped = !file.wipe_order.empty();
  if (wiped) {
    TERN_TRY(const bool half_there, is_there(paths.replica_key));
    if (half_there) TERN_CHECKED(remove_replica_files(paths));
  }
  SecretKey half = SecretKey::random(environment);
  if (!wiped) {
    TERN_TRY(half, read_replica_half(paths, environment));
  }
  SecretKey data_key = home_secret.data_key();
  SecretKey replica_key = replica_key_from(data_key, half);
  return OpenedKeys{std::move(block->identity), std::move(signing_key),  std::move(data_key),
                    std::move(replica_key),     std::move(block->roots), std::move(*key_list),
                    std::move(file.wipe_order)};
}

Result<void> destroy_replica(const std::string& home, ByteView wipe_order) {
  const HomePaths paths(home);
  TERN_TRY(DeviceKeyFile file, read_file(paths));
  if (file.wipe_order.empty()) {
    file.wipe_order = Bytes(wipe_order);
    TERN_CHECKED(write_private_file(paths.device_key, encode_file(file)));
  }
  protocol::wipe(file.secret);
  return remove_replica_files(paths);
}

}  // namespace tern::client
