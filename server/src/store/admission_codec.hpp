// How an admission is kept beside its change.
#pragma once

#include <vector>

#include "tern/sync/fold.hpp"

namespace tern::server {

/// What a release lets in.
struct ReleasedChange {
  sync::ChangeRef ref;
  sync::Admission admission;
};

struct StoredAdmission {
  sync::Admission admission;
  std::vector<ReleasedChange> released;
};

Bytes encode_admission(const sync::Admission& admission, const std::vector<ReleasedChange>& released = {});
/// `corrupt` on anything malformed.
Result<StoredAdmission> decode_admission(ByteView bytes);

}  // namespace tern::server
