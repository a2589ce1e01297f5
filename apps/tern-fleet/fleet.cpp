#include "fleet.hpp"

#include <sys/stat.h>

#include "tern/client/enrolment.hpp"

namespace tern::fleet {
namespace {

constexpr std::int64_t enrolment_pace_ms = 7'000;  // the server allows 10 attempts a minute from one address

/// E-mail addresses are made up from a running number: the log has none.
std::string address(std::size_t n) {
  return "operator" + std::to_string(n) + "@fleet.invalid";
}

Json record_row(sync::RecordKind kind, const std::string& name, std::size_t n) {
  Json row = Json::object({{"kind", Json(sync::to_string(kind))}, {"name", Json(name)}});
  if (kind == sync::RecordKind::operator_) {
    row.set("email", Json(address(n)));
    row.set("role", Json("supervisor"));
  }
  return row;
}

}  // namespace

std::int64_t fleet_set_up_ms(std::size_t devices) {
  return static_cast<std::int64_t>(devices + 10) * enrolment_pace_ms;
}

Result<std::unique_ptr<Fleet>> Fleet::make(const std::string& directory, const FleetNames& names,
                                           VirtualEnvironment& environment,
                                           std::function<void(Bytes& body, bool up)> tamper) {
  std::unique_ptr<Fleet> fleet(new Fleet(environment, directory));
  TERN_CHECKED(fleet->make_tenant(names));
  fleet->transport_ = std::make_unique<InProcessTransport>(fleet->server_->handler());
  for (const std::string& author : names.authors) TERN_CHECKED(fleet->enrol(author));
  if (tamper) {
    fleet->transport_->tamper_request = [tamper](client::HttpRequest& request) { tamper(request.body, true); };
    fleet->transport_->tamper_answer = [tamper](client::HttpAnswer& answer) { tamper(answer.body, false); };
  }
  return fleet;
}

Result<void> Fleet::make_tenant(const FleetNames& names) {
  server::ServerOptions options;
  options.directory = directory_ + "/server";
  options.public_url = "http://127.0.0.1:8470";
  options.allow_plain_http = true;
  TERN_TRY(const auto made,
           server::ServerCore::init(options, "replay", "admin@fleet.invalid", "only for the replay", environment_));
  static_cast<void>(made);
  TERN_TRY(server_, server::ServerCore::open(options, environment_));

  Json rows = Json::array();
  std::size_t n = 0;
  std::set<std::string> operators = names.authors;
  if (const auto more = names.records.find(sync::RecordKind::operator_); more != names.records.end())
    operators.insert(more->second.begin(), more->second.end());
  for (const std::string& name : operators) rows.push(record_row(sync::RecordKind::operator_, name, ++n));
  for (const auto& [kind, kind_names] : names.records)
    if (kind != sync::RecordKind::operator_)
      for (const std::string& name : kind_names) rows.push(record_row(kind, name, ++n));
  TERN_TRY(const Json loaded, server_->administer(Json::object({{"command", Json("record load")}, {"rows", rows}})));
  for (const Json& row : loaded["rows"].items()) {
    const auto kind = sync::record_kind_from_name(row["kind"].as_string());
    const auto id = from_uuid_text(row["id"].as_string());
    if (!kind || !id) return fail(ErrorCode::internal, "The server answered a record load with something else.");
    records_[{*kind, row["name"].as_string()}] = RecordId::or_zero(*id);
  }
  return {};
}

Result<void> Fleet::enrol(const std::string& author) {
  const std::string home = directory_ + "/devices/" + std::to_string(devices_.size() + 1);
  ::mkdir((directory_ + "/devices").c_str(), 0700);
  TERN_TRY(const Json code, server_->administer(Json::object(
                                {{"command", Json("device code")},
                                 {"operator", Json(to_uuid_text(record(sync::RecordKind::operator_, author).view()))},
                                 {"scope", Json("all")}})));
  client::EnrolmentRequest request;
  request.home = home;
  request.server_url = "http://127.0.0.1:8470";
  request.code = code["code"].as_string();
  request.device_name = author;
  request.platform = "replay";
  TERN_CHECKED(client::enrol(request, *transport_, environment_, [](const client::EnrolmentOffer&) { return true; }));
  client::ClientOptions options;
  options.home = home;
  TERN_TRY(devices_[author], client::Client::open(options, environment_));
  environment_.advance_to(environment_.wall_ms() + enrolment_pace_ms);
  return {};
}

Result<void> Fleet::sync(const std::string& author) {
  auto done = device(author).engine().run_round(*transport_);
  if (!done) {
    Error error = std::move(done).error();
    error.message = "The device of " + author + " could not sync: " + error.message;
    return tl::unexpected(std::move(error));
  }
  return {};
}

client::Client& Fleet::device(const std::string& author) {
  const auto found = devices_.find(author);
  check(found != devices_.end(), "an author without a device");
  return *found->second;
}

const RecordId& Fleet::record(sync::RecordKind kind, const std::string& name) const {
  const auto found = records_.find({kind, name});
  check(found != records_.end(), "a name that was not loaded");
  return found->second;
}

Result<std::vector<Json>> Fleet::export_tickets() {
  Json command = Json::object({{"command", Json("export")}});
  std::vector<Json> lines;
  for (;;) {
    TERN_TRY(const Json page, server_->administer(command));
    lines.insert(lines.end(), page["rows"].items().begin(), page["rows"].items().end());
    const Json* next = page.find("next");
    if (next == nullptr) return lines;
    command.set("after", *next);
  }
}

}  // namespace tern::fleet
