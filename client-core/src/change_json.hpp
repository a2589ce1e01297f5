// A change in JSON, as the C header describes it.
#pragma once

#include <string_view>
#include <vector>

#include "tern/client/commands.hpp"
#include "tern/protocol/environment.hpp"
#include "tern/protocol/json.hpp"
#include "tern/sync/change.hpp"

namespace tern::client {

/// Names are looked up on this device. `usage` for a word that does not belong there, `invalid` with its field for a
/// value of another type; `not_found`, `ambiguous`.
Result<sync::Change> change_from_json(const Json& json, Commands& commands);
/// The changes of one JSON form: of a split the new ticket's create before it, else one.
Result<std::vector<sync::Change>> changes_from_json(const Json& json, Commands& commands, Environment& environment);
/// "public", "team", "restricted"; empty: team. `invalid`.
Result<sync::Visibility> visibility_from_text(std::string_view name);
/// {"device","id"}
Result<sync::ChangeRef> ref_from_json(const Json& json);
Json to_json(const sync::ChangeRef& ref);

}  // namespace tern::client
