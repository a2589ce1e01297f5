// From a code to a device: keys are made here, the root is pinned here. Source: protocol.md "Enrolment".
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "tern/client/transport.hpp"
#include "tern/protocol/bytes.hpp"
#include "tern/protocol/environment.hpp"
#include "tern/protocol/error.hpp"

namespace tern::client {

/// Who this device is. Public halves only.
struct DeviceIdentity {
  TenantId tenant;
  DeviceId device;
  OperatorId operator_id;
  KeyId key;
  std::uint64_t device_epoch = 1;
  std::string tenant_name, operator_name, device_name, server_url, ca_file;
  bool passphrase_protected = false;
  bool scope_all = false;
  Bytes certificate;  // as signed
};

struct EnrolmentRequest {
  std::string home, server_url, ca_file, code, device_name, platform;
  std::optional<std::string> passphrase;
  std::optional<std::string> root_fingerprint;  // of the QR; must match when given
  std::string vfs;
};

/// What is shown before anything is stored.
struct EnrolmentOffer {
  std::string tenant_name, operator_name, server_url, root_fingerprint;
};

/// One exchange over `transport`; then `confirm(offer)` decides; then home, keys, outbox.db and replica.db are made.
/// The root is pinned only if the server proved that it knows the code. Errors: `login_refused` (one sentence for
/// wrong, used and expired), `no_connection`, `verification_failed`, `invalid` (home already enrolled, code
/// unreadable). A lost answer costs nothing: the key made first is kept in the home and used again with the same code.
Result<DeviceIdentity> enrol(const EnrolmentRequest& request, Transport& transport, Environment& environment,
                             const std::function<bool(const EnrolmentOffer&)>& confirm);

}  // namespace tern::client
