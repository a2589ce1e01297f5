// `ternd import`: in one piece; in parts where somebody watches how far it is, or is told of each line.
#pragma once

#include <functional>

#include "export.hpp"

namespace tern::apps {

/// What all parts came to. Lines of a dry run go to stdout, as they come. `stopped` is asked between parts.
Result<Json> import_in_parts(const Perform& perform, const Json& command, bool json,
                             const std::function<bool()>& stopped);

}  // namespace tern::apps
