// Parameters of a request as the arguments of a command: lenient in how a value is written, exact in what it means.
#pragma once

#include "admin/admin.hpp"

namespace tern::server {

/// "42" is 42 and "true" is true where the registry says number or flag; empty texts and nulls were not said; texts
/// come out in normal form C. What the action does not know is left out, or `unknown_field` when `strict`. `invalid`
/// with `field` for what is missing or no such value.
Result<Json> command_of(const AdminEntry& entry, const Json& parameters, bool strict);

}  // namespace tern::server
