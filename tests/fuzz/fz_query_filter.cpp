// Filters, searches and pages of lists, as clients of the API ask for them. Whatever is asked, the database prepares
// nothing but SELECT; no word of a request becomes part of a statement; what was typed is never a query that cannot be
// parsed; and a page keeps to what was asked: its length, its filter, each ticket once, and no ticket twice on the
// next.
//
// Input: which list (1 byte), then parameters: which (1 byte), length (1 byte), value.
#include <sqlite3.h>

#include <set>

#include "admin/admin.hpp"
#include "fuzz/fuzz_input.hpp"
#include "support/temp_dir.hpp"
#include "tern/server/server_core.hpp"
#include "virtual_environment.hpp"

namespace tern::fz_query_filter {

namespace {

constexpr std::size_t parameters_max = 12;
constexpr std::string_view marker = "zqx";  // in each text that is asked with, and in no statement of ours

// ---- what the database is asked to prepare ----

bool watching = false;

int may(void*, int action, const char* first, const char*, const char*, const char*) {
  if (!watching) return SQLITE_OK;
  constexpr int reading[] = {SQLITE_SELECT, SQLITE_READ, SQLITE_FUNCTION, SQLITE_TRANSACTION, SQLITE_RECURSIVE};
  const bool reads = std::ranges::find(reading, action) != std::end(reading);
  const bool asks_version = action == SQLITE_PRAGMA && std::string_view(first) == "data_version";  // FTS5 does
  check(reads || asks_version, "a list only reads");
  return SQLITE_OK;
}

int seen(unsigned, void*, void* statement, void*) {
  const char* const text = watching ? sqlite3_sql(static_cast<sqlite3_stmt*>(statement)) : nullptr;
  check(text == nullptr || std::string_view(text).find(marker) == std::string_view::npos,
        "no word of a request is part of a statement");
  return 0;
}

int watch(sqlite3* db, char**, const sqlite3_api_routines*) {
  sqlite3_set_authorizer(db, may, nullptr);
  return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, seen, nullptr);
}

// ---- a desk ----

constexpr std::string_view words[] = {"active", "new",       "done",   "all",     "urgent",   "high", "low",
                                      "newest", "relevance", "pump",   "leaks",   "T-2026-1", "#1",   "oldest",
                                      "1",      "0",         "normal", "updated", "priority", "hall"};

class Desk {
public:
  Desk() {
    check(protocol::init_crypto().has_value(), "crypto");
    check(sqlite3_initialize() == SQLITE_OK && sqlite3_auto_extension(reinterpret_cast<void (*)()>(watch)) == SQLITE_OK,
          "connections are watched");
    server::ServerOptions options;
    options.directory = home_.file("server");
    options.allow_plain_http = true;
    check(server::ServerCore::init(options, "fuzz", "a@fuzz.invalid", "good words", environment_).has_value(),
          "a server is made");
    auto core = server::ServerCore::open(options, environment_);
    check(core.has_value(), "a server opens");
    core_ = std::move(*core);
    asked({{"command", "operator add"}, {"email", "ann@fuzz.invalid"}, {"name", "ann"}, {"role", "operator"}});
    for (const char* role : {"", "ann"}) {
      Json add = Json::object({{"command", "key add"}, {"name", std::string("Key ") + role}});
      if (*role != 0) add.set("operator_id", Json(role));
      const auto key = core_->administer(add);
      check(key.has_value(), "a key is made");
      keys_.push_back((*key)["key"].as_string());
    }
    constexpr const char* priorities[] = {"low", "normal", "high", "urgent"};
    for (int i = 0; i < 24; ++i) {
      const auto answer = ask(keys_[0], "create_ticket",
                              Json::object({{"subject", "Pump " + std::to_string(i) + (i % 3 == 0 ? " leaks" : "")},
                                            {"description", "In hall " + std::to_string(i % 4)},
                                            {"priority", priorities[i % 4]},
                                            {"category", i % 2 == 0 ? "pumps" : "water"}}));
      check(answer.status == 200, "a ticket is made");
    }
    core_->tick();
  }

  server::Response ask(const std::string& key, std::string_view action, const Json& parameters) {
    environment_.advance_to(environment_.wall_ms() + 5'000);  // so often is allowed
    server::Request request;
    request.method = "POST";
    request.target = request.path = "/api/admin.php";
    request.headers = {{"content-type", "application/json"}, {"x-api-key", key}};
    request.peer_address = "192.0.2.7";
    request.request_id = "fuzz";
    Json asked = parameters;
    server::RequestBody body(to_text(asked.set("action", Json(action))));
    request.content_length = body.size();
    auto verdict = core_->handler().on_head(request);
    if (auto* refused = std::get_if<server::Response>(&verdict)) return std::move(*refused);
    request.body = std::move(body);
    return core_->handler().handle(std::move(request), std::get<server::HeadAccept>(verdict).context);
  }
  /// Only a list: nothing is written meanwhile.
  server::Response read(std::size_t who, std::string_view action, const Json& parameters) {
    watching = true;
    server::Response answer = ask(keys_[who % keys_.size()], action, parameters);
    watching = false;
    return answer;
  }

private:
  void asked(std::initializer_list<Json::Member> members) {
    check(core_->administer(Json::object(members)).has_value(), "a command is done");
  }

  test::TempDir home_;
  fleet::VirtualEnvironment environment_{7, 1'750'000'000'000};
  std::unique_ptr<server::ServerCore> core_;
  std::vector<std::string> keys_;
};

/// The actions that only read, with what they may be asked. Not the one by which people mark what they were told as
/// read.
std::vector<const server::AdminEntry*> reading_actions() {
  std::vector<const server::AdminEntry*> out;
  for (const server::AdminEntry& entry : server::admin_entries()) {
    const auto& api = entry.command.api;
    if (!api || api->surface != server::ApiSurface::admin || api->of_session || api->makes_token) continue;
    if (api->action == "get_notifications") continue;
    if (!api->scopes.empty() && api->scopes.front() == "read") out.push_back(&entry);
  }
  return out;
}

Json value_of(const server::AdminArg& arg, ByteView bytes) {
  if (!bytes.empty() && bytes.front() == '\x01') {
    const auto which = bytes.size() > 1 ? static_cast<std::uint8_t>(bytes[1]) : 0U;
    return Json(arg.choices.empty() ? words[which % std::size(words)] : arg.choices[which % arg.choices.size()]);
  }
  if (!bytes.empty() && bytes.front() == '\x02') return Json(static_cast<std::int64_t>(bytes.size()) - 2);
  std::string text(bytes);
  if (!is_valid_utf8(text)) text = "\xc3\xa4" + std::string(bytes.size(), '"');
  text.insert(text.size() / 2 - (is_valid_utf8(text.substr(0, text.size() / 2)) ? 0 : text.size() / 2), marker);
  return Json(text);
}

/// Urgent shows high ones, too; and two have another name.
bool is_of_priority(const std::string& exact, const std::string& asked) {
  if (asked == "urgent" || asked == "critical") return exact == "urgent" || exact == "high";
  return exact == (asked == "medium" ? "normal" : asked);
}

void is_a_page(const Json& data, const Json& asked, std::set<std::int64_t>& ids) {
  const Json& tickets = data["tickets"];
  const std::int64_t limit = asked["limit"].as_integer(30);
  if (limit >= 1 && limit <= 100)
    check(tickets.size() <= static_cast<std::size_t>(limit), "a page is as long as was asked");
  check(!data["total_exact"].as_bool() || data["total"].as_integer() >= static_cast<std::int64_t>(tickets.size()),
        "there are as many as are shown");
  for (const Json& ticket : tickets.items()) {
    check(ids.insert(ticket["id"].as_integer()).second, "a ticket stands on one page, once");
    const std::string& priority = asked["priority"].as_string();
    check(priority.empty() || is_of_priority(ticket["priority_exact"].as_string(), priority), "it is as was asked");
    const std::string& category = asked["category"].as_string();
    check(category.empty() || ticket["category"].as_string() == category, "it is as was asked");
  }
}

}  // namespace

TERN_FUZZ_TARGET(fz_query_filter) {
  static Desk desk;
  static const auto actions = reading_actions();
  fuzz::Input input(data, size_bytes);
  const std::uint8_t which = input.u8();
  // Every other time the list that can be asked most.
  const server::AdminEntry* const list = server::find_action(server::ApiSurface::admin, "list_tickets");
  const server::AdminEntry& entry = (which & 1) == 0 ? *list : *actions[which / 2 % actions.size()];
  const std::string_view action = entry.command.api->action;
  Json asked = Json::object();
  for (std::size_t i = 0; i < parameters_max && !input.rest().empty() && !entry.command.args.empty(); ++i) {
    const server::AdminArg& arg = entry.command.args[input.u8() % entry.command.args.size()];
    asked.set(std::string(arg.name), value_of(arg, input.take(input.u8())));
  }
  const std::size_t who = which >> 6;
  const auto answer = desk.read(who, action, asked);
  check(answer.status == 200 || (answer.status >= 400 && answer.status < 500), "a list is answered or refused");
  const auto body = parse_json(answer.body, {.depth_max = 64, .bytes_max = answer.body.size() + 1, .decimals = true});
  check(body.has_value(), "in JSON");
  if (answer.status != 200) {
    check(!(*body)["code"].as_string().empty(), "a refusal has its code");
    return 0;
  }
  if (action != "list_tickets") return 0;
  std::set<std::int64_t> ids;
  const Json* page = &(*body)["data"];
  is_a_page(*page, asked, ids);
  if ((*page)["next_cursor"].is_string()) {
    asked.set("cursor", (*page)["next_cursor"]);
    const auto next = desk.read(who, action, asked);
    check(next.status == 200, "a page has the next one that it names");
    const auto more = parse_json(next.body, {.depth_max = 64, .bytes_max = next.body.size() + 1, .decimals = true});
    check(more.has_value(), "in JSON");
    is_a_page((*more)["data"], asked, ids);
  }
  return 0;
}

}  // namespace tern::fz_query_filter
