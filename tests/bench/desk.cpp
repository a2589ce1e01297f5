#include "desk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace tern::bench {
namespace {

namespace fs = std::filesystem;
using sync::Change;
using sync::FieldId;
using sync::Intent;

constexpr DeskSize full_size{100, 100, 5};
constexpr DeskSize quick_size{20, 50, 5};
constexpr std::size_t readers_count = 20;
constexpr std::size_t tickets_per_save = 10;

Json record_row(const char* kind, const std::string& name) {
  return Json::object({{"kind", Json(kind)}, {"name", Json(name)}});
}

Json operator_row(const std::string& name, const char* role) {
  std::string login = name;
  std::replace(login.begin(), login.end(), ' ', '.');
  return Json::object({{"kind", Json("operator")},
                       {"name", Json(name)},
                       {"email", Json(login + "@bench.invalid")},
                       {"role", Json(role)}});
}

std::string category_name(std::size_t n) {
  return fmt::format("Category {}", n);
}
std::string contact_name(std::size_t n) {
  return fmt::format("Contact {}", n);
}
std::string organisation_name(std::size_t n) {
  return fmt::format("Organisation {}", n);
}

Json record_rows(const DeskSize& size) {
  Json rows = Json::array();
  for (std::size_t i = 0; i < categories_count; ++i) rows.push(record_row("category", category_name(i)));
  for (std::size_t i = 0; i < contacts_count; ++i) rows.push(record_row("contact", contact_name(i)));
  for (std::size_t i = 0; i < organisations_count; ++i) rows.push(record_row("organisation", organisation_name(i)));
  for (std::size_t i = 0; i < size.agents; ++i) rows.push(operator_row(Desk::agent_name(i), "operator"));
  for (std::size_t i = 0; i < readers_count; ++i) rows.push(operator_row(Desk::reader_name(i), "supervisor"));
  rows.push(operator_row("Field", "supervisor"));
  return rows;
}

sync::FieldSetting setting(FieldId field, std::string value, std::string key = {}) {
  return {field, std::move(key), std::move(value), false};
}

}  // namespace

WorldCopy::WorldCopy(std::string directory) : directory_(std::move(directory)) {
  fs::create_directories(directory_);
}

WorldCopy::~WorldCopy() {
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

void WorldCopy::add(const std::string& name, const std::string& from) {
  fs::copy(from, path(name), fs::copy_options::recursive);
}

Desk::Desk(const BenchOptions& options, BenchEnvironment& environment)
    : options_(options), environment_(environment), size_(options.quick ? quick_size : full_size) {}

const std::vector<TicketData>& Desk::tickets() {
  if (tickets_.empty()) tickets_ = make_tickets(size_, options_.seed);
  return tickets_;
}

std::string Desk::fresh_path(const std::string& name, const std::string& in) {
  return fmt::format("{}/{}-{}", in, name, ++paths_);
}

std::unique_ptr<WorldCopy> Desk::copy_of_server(bool in_memory) {
  if (in_memory && options_.memory_directory.empty()) return nullptr;
  auto copy =
      std::make_unique<WorldCopy>(fresh_path("world", in_memory ? options_.memory_directory : options_.work_directory));
  copy->add(server_home, path(server_home));
  return copy;
}

RecordId Desk::record(const std::string& kind, const std::string& name) const {
  const auto key = kind + "/" + name;
  const auto found =
      std::lower_bound(records_.begin(), records_.end(), key,
                       [](const auto& entry, const std::string& wanted) { return entry.first < wanted; });
  check(found != records_.end() && found->first == key, "a record that was loaded");
  return found->second;
}

Result<void> Desk::init_server() {
  fs::create_directories(path(""));
  server::ServerOptions options;
  options.directory = path(server_home);
  options.allow_plain_http = true;
  TERN_CHECKED(server::ServerCore::init(options, "bench", "admin@bench.invalid", "only for a benchmark", environment_));
  TERN_TRY(server_, RunningServer::start(path(server_home), environment_));
  TERN_TRY(const Json loaded,
           server_->core().administer(Json::object({{"command", Json("record load")}, {"rows", record_rows(size_)}})));
  for (const Json& row : loaded["rows"].items()) {
    const auto raw = from_uuid_text(row["id"].as_string());
    check(raw.has_value(), "a record's id");
    records_.emplace_back(row["kind"].as_string() + "/" + row["name"].as_string(), RecordId::or_zero(*raw));
  }
  std::sort(records_.begin(), records_.end());
  return {};
}

std::vector<Change> Desk::changes_of(const TicketData& ticket) const {
  std::vector<Change> changes(2);
  Change& create = changes[0];
  create.intent = Intent::create;
  create.text = ticket.description;
  create.fields = {
      setting(FieldId::subject, ticket.subject),
      setting(FieldId::priority, ticket.priority),
      setting(FieldId::category, Bytes(record("category", category_name(ticket.category)).view())),
      setting(FieldId::type, ticket.type),
      setting(FieldId::contact, Bytes(record("contact", contact_name(ticket.contact)).view())),
      setting(FieldId::organisation, Bytes(record("organisation", organisation_name(ticket.organisation)).view())),
      setting(FieldId::due_at, ticket.due_ms),
      setting(FieldId::external_ref, ticket.asset, "asset"),
      setting(FieldId::custom, ticket.location, "location"),
      setting(FieldId::custom, ticket.model, "model")};
  changes[1].intent = Intent::take;
  for (const std::string& text : ticket.messages) {
    Change message;
    message.intent = Intent::message;
    message.visibility = sync::Visibility::team;
    message.text = text;
    changes.push_back(std::move(message));
  }
  return changes;
}

Result<void> Desk::load_agent(std::size_t agent) {
  const std::string home = path(agent_home(agent));
  TERN_CHECKED(enrol_device(*server_, agent_name(agent), false, home, environment_));
  TERN_TRY(BenchDevice device, open_device(home, *server_, environment_));
  TERN_CHECKED(device.sync());
  const std::size_t first = agent * size_.tickets_per_agent;
  for (std::size_t i = 0; i < size_.tickets_per_agent; ++i) {
    TERN_CHECKED(device.client->commands().save(changes_of(tickets()[first + i])));
    if (i % tickets_per_save == 0) environment_.advance(60'000);
  }
  TERN_CHECKED(device.sync());
  TERN_TRY(const auto status, device.client->views().status());
  if (status.tickets != size_.tickets_per_agent || status.needs_attention != 0 || status.sent + status.saved_here != 0)
    return fail(ErrorCode::internal,
                fmt::format("the desk is not as it should be: {} tickets, {} need attention, {} unsent", status.tickets,
                            status.needs_attention, status.saved_here + status.sent));
  return {};
}

Result<void> Desk::prepare() {
  if (prepared_) return {};
  const Stopwatch watch;
  say(fmt::format("making a desk of {} tickets and {} messages by {} devices ...", size_.tickets(), size_.messages(),
                  size_.agents));
  TERN_CHECKED(init_server());
  for (std::size_t agent = 0; agent < size_.agents; ++agent) TERN_CHECKED(load_agent(agent));
  const std::string home = path(field_home);
  TERN_CHECKED(enrol_device(*server_, "Field", true, home, environment_));
  {
    TERN_TRY(BenchDevice field, open_device(home, *server_, environment_));
    TERN_CHECKED(field.sync());
  }
  server_.reset();
  prepared_ = true;
  say(fmt::format("... made in {:.1f} s", watch.seconds()));
  return {};
}

Result<std::vector<TicketId>> Desk::tickets_of(client::Client& client) {
  std::vector<TicketId> ids;
  client::ListFilter filter;
  filter.status = "all";
  filter.sort = "number";
  filter.descending = false;
  filter.limit = 500;
  do {
    TERN_TRY(const auto page, client.views().list(filter));
    for (const auto& row : page.rows) ids.push_back(row.id);
    filter.after = page.next;
  } while (!filter.after.empty());
  return ids;
}

}  // namespace tern::bench
