#include "program.hpp"

#include <google/protobuf/stubs/logging.h>
#include <signal.h>

#include "tern/protocol/crypto.hpp"

namespace tern::apps {

Result<void> begin_program() {
  google::protobuf::SetLogHandler(nullptr);
  ::signal(SIGXFSZ, SIG_IGN);
  return protocol::init_crypto();
}

}  // namespace tern::apps
