#include "support/world_history.hpp"

#include <fstream>

namespace tern::test {

Result<std::vector<std::string>> try_export_history(Server& server, const std::string& folder, const TenantId& tenant) {
  const std::string path = folder + "/history.ledger";
  TERN_TRY(const Json answer, server.try_administer("export", {{"format", Json("ledger")}, {"to", Json(path)}},
                                                    to_uuid_text(tenant.view())));
  static_cast<void>(answer);
  std::vector<std::string> lines;
  std::ifstream in(path, std::ios::binary);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  std::filesystem::remove(path);
  return lines;
}

std::vector<std::string> export_history(World& world) {
  return must(try_export_history(world.server, world.folder.path(), world.server.first_tenant()));
}

Result<verify::Report> prove(const std::vector<std::string>& lines, std::optional<protocol::RootId> root) {
  const auto verifier = std::make_unique<verify::Verifier>(root);
  for (const std::string& line : lines) TERN_CHECKED(verifier->take(line));
  return verifier->finish();
}

}  // namespace tern::test
