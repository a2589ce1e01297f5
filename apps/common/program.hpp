// What every program does before anything else.
#pragma once

#include "tern/protocol/error.hpp"

namespace tern::apps {

/// Readies cryptography and keeps libraries from writing to stderr what others sent. A file that reached the limit of
/// its size (ulimit -f) is a disk that takes no more, not the end of the program. Once, first thing in main().
Result<void> begin_program();

}  // namespace tern::apps
