// One enrolled device whose key the seeds are signed with.
#pragma once

#include <utility>
#include <vector>

#include "fuzz/fuzz_input.hpp"
#include "tern/protocol/change_set.hpp"

namespace tern::fuzz {

struct KnownDevice {
  TenantId tenant = filled<TenantId>(0x11);
  DeviceId device = filled<DeviceId>(0x22);
  OperatorId author = filled<OperatorId>(0x33);
  protocol::SigningKey key = make_key();

  [[nodiscard]] protocol::ChangeSetHeader header(std::uint64_t epoch) const {
    protocol::ChangeSetHeader header;
    header.tenant = tenant;
    header.device = device;
    header.author = author;
    header.device_epoch = epoch;
    header.prev_hash = protocol::genesis_prev_hash("certificate");
    header.wall_ms = 1'700'000'000'000;
    header.mono_ms = 123;
    header.seen_seq = 42;
    return header;
  }

  /// What a server that knows this device verifies with. It holds no erasure, or all of them.
  [[nodiscard]] protocol::VerifyContext context(bool all_erased = false) const {
    protocol::VerifyContext context;
    context.tenant = tenant;
    context.find_key = [this](const TenantId& of, const DeviceId& by, const KeyId& id) {
      std::optional<protocol::KeyRecord> record;
      if (of == tenant && by == device && id == key.id())
        record = protocol::KeyRecord{key.public_key(), protocol::suite_ed25519_blake2b, author};
      return record;
    };
    if (all_erased) context.is_erased = [](const DeviceId&, const Hash&) { return true; };
    return context;
  }

private:
  static protocol::SigningKey make_key() {
    check(protocol::init_crypto().has_value(), "crypto");
    return protocol::SigningKey::from_seed(protocol::SecretKey::from(Bytes(32, '\7')));
  }
};

}  // namespace tern::fuzz
