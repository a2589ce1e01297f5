// `ternd export` of lines: page after page, to stdout or into a file, which a later call can go on with.
#pragma once

#include <functional>

#include "tern/protocol/error.hpp"
#include "tern/protocol/json.hpp"

namespace tern::apps {

using Perform = std::function<Result<Json>(const Json& command)>;

/// All of it, or the page that --limit is long. A reader that went away ends it.
Result<void> export_to_stdout(const Perform& perform, Json command);

/// All of it into the file of `to`, 0600: whole or not at all. With `resume` what is there by now stays beside it as
/// FILE.part when it ends early, and the next call of the same export goes on there. `stopped` is asked between pages.
/// {"format","to","tickets"|"records"}.
Result<Json> export_to_file(const Perform& perform, const Json& command, const std::function<bool()>& stopped);

}  // namespace tern::apps
