#include "fleet.hpp"
#include "in_process_transport.hpp"
#include "load/phases.hpp"
#include "tern/protocol/bytes.hpp"
#include "tern/server/server_core.hpp"
#include "virtual_environment.hpp"

namespace tern::fleet {
namespace {

constexpr std::size_t devices_per_operator = 20;  // the server's limit
constexpr std::int64_t enrolment_pace_ms = 7'000;
constexpr std::int64_t margin_ms = 60'000;

Result<std::vector<std::string>> add_operators(server::ServerCore& core, std::size_t count) {
  Json rows = Json::array();
  for (std::size_t i = 0; i < count; ++i)
    rows.push(Json::object({{"kind", Json("operator")},
                            {"name", Json("Load " + std::to_string(i))},
                            {"email", Json("load" + std::to_string(i) + "@fleet.invalid")},
                            {"role", Json("supervisor")}}));
  TERN_TRY(const Json loaded, core.administer(Json::object({{"command", Json("record load")}, {"rows", rows}})));
  std::vector<std::string> ids;
  for (const Json& row : loaded["rows"].items()) ids.push_back(row["id"].as_string());
  return ids;
}

}  // namespace

Result<std::vector<std::unique_ptr<LoadDevice>>> prepare(const LoadOptions& options, const std::string& directory,
                                                         std::int64_t now_ms) {
  const auto wanted = static_cast<std::int64_t>(options.devices);
  VirtualEnvironment environment(static_cast<std::uint64_t>(now_ms),
                                 now_ms - (wanted + 10) * enrolment_pace_ms - margin_ms);
  server::ServerOptions made;
  made.directory = directory;
  made.public_url = "http://127.0.0.1:8470";
  made.allow_plain_http = true;
  TERN_CHECKED(server::ServerCore::init(made, "load", "admin@fleet.invalid", "only for the load", environment));
  TERN_TRY(const auto core, server::ServerCore::open(made, environment));
  TERN_TRY(const auto operators,
           add_operators(*core, (options.devices + devices_per_operator - 1) / devices_per_operator));
  InProcessTransport transport(core->handler());
  std::vector<std::unique_ptr<LoadDevice>> devices;
  while (devices.size() < options.devices) {
    environment.advance_to(environment.wall_ms() + enrolment_pace_ms);
    const Json asked = Json::object({{"command", Json("device code")},
                                     {"operator", Json(operators[devices.size() / devices_per_operator])},
                                     {"scope", Json("all")}});
    TERN_TRY(const Json code, core->administer(asked));
    TERN_TRY(auto device, LoadDevice::enrol(code["code"].as_string(), transport, environment));
    devices.push_back(std::move(device));
  }
  return devices;
}

}  // namespace tern::fleet
