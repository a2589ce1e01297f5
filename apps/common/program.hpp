// What every program does before anything else.
#pragma once

#include "tern/protocol/error.hpp"

namespace tern::apps {

/// Readies cryptography and keeps libraries from writing to stderr what others sent. Once, first thing in main().
Result<void> begin_program();

}  // namespace tern::apps
