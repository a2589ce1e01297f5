// The history of a world's server, proven from an export alone.
#pragma once

#include <string>
#include <vector>

#include "support/world.hpp"
#include "verifier.hpp"

namespace tern::test {

/// Lines of an export of this tenant, without their newlines.
Result<std::vector<std::string>> try_export_history(Server& server, const std::string& folder, const TenantId& tenant);
/// Of the first tenant; must succeed.
std::vector<std::string> export_history(World& world);
Result<verify::Report> prove(const std::vector<std::string>& lines, std::optional<protocol::RootId> root = {});

}  // namespace tern::test
