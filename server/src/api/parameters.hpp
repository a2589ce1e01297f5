// Parameters of a request as the arguments of a command: lenient in how a value is written, exact in what it means.
#pragma once

#include "admin/admin.hpp"

namespace tern::server {

inline constexpr std::size_t list_items_max = 1'000;  // of a parameter that is a list

/// Nulls and empty texts were not said.
bool was_said(const Json& value);

/// "42" is 42 and "true" is true where the registry says number or flag; of a required text something can be seen;
/// texts come out in normal form C. What the action does not know is left out, or `unknown_field` when `strict`.
/// `invalid` with `field` for what is missing or no such value.
Result<Json> command_of(const AdminEntry& entry, const Json& parameters, bool strict);

/// Which parameter of a command an error's field means, where what lies below calls it otherwise.
std::string parameter_name(const Json& command, const std::string& field);

}  // namespace tern::server
