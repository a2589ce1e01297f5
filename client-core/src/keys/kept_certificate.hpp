// device.cert: the certificate of a later device epoch than device.key has, which a healed fork brings. The outbox
// knows it too; this copy outlives a lost one. A device that went on under an older epoch would be taken for a second
// one.
#pragma once

#include "keys/key_file.hpp"

namespace tern::client {

/// Writes `certificate` (Signed<Certificate>::wire) where it is not there already.
Result<void> keep_certificate(const HomePaths& paths, ByteView certificate);

/// Certificate and device epoch of `identity` become the kept ones where these are of this device and later. A file
/// that is missing or damaged is as none.
void apply_kept_certificate(const HomePaths& paths, DeviceIdentity& identity);

}  // namespace tern::client
