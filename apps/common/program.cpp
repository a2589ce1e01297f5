#include "program.hpp"

#include <google/protobuf/stubs/logging.h>

#include "tern/protocol/crypto.hpp"

namespace tern::apps {

Result<void> begin_program() {
  google::protobuf::SetLogHandler(nullptr);
  return protocol::init_crypto();
}

}  // namespace tern::apps
