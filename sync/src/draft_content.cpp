#include "tern/sync/draft_content.hpp"

#include "tern/v1/change.pb.h"

namespace tern::sync {

Bytes skeleton_as_saved(ByteView skeleton) {
  v1::Skeleton parsed;
  if (!parsed.ParseFromArray(skeleton.data(), static_cast<int>(skeleton.size()))) return Bytes(skeleton);
  parsed.clear_before_ms();
  return parsed.SerializeAsString();
}

}  // namespace tern::sync
