// What an operator's record and login are made of. For the commands and for the first admin.
#pragma once

#include <string>
#include <string_view>

#include "tern/protocol/environment.hpp"
#include "tern/protocol/error.hpp"
#include "tern/sync/record.hpp"

namespace tern::server::admin {

/// Lower case. `invalid` (field "email").
Result<std::string> email_of(std::string_view words);
/// `invalid` (field "password") below 8 bytes. Slow: not on a strand.
Result<std::string> hashed_password(std::string_view password);
/// `invalid` (field "role") for one that there is not.
Result<std::string> role_of(const std::string& words);
/// A new one.
sync::Record operator_record(const std::string& email, const std::string& name, const std::string& role,
                             Environment& environment);

}  // namespace tern::server::admin
