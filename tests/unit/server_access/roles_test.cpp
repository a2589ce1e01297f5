// Who may what: docs/roles.md is made of the tables of the program, and of what its doors answer to everybody.
#include <cstdlib>
#include <fstream>

#include <fmt/format.h>

#include "office.hpp"
#include "panel.hpp"
#include "support/files.hpp"
#include "tern/server/admin.hpp"
#include "tern/sync/intent.hpp"
#include "tern/sync/rights.hpp"

namespace tern::test {
namespace {

using sync::Right;
using sync::Role;

constexpr Role all_roles[] = {Role::light, Role::operator_,  Role::supervisor, Role::manager, Role::sla_manager,
                              Role::admin, Role::head_admin, Role::integrator, Role::analyst};

/// A right without a word here does not compile.
std::string_view right_word(Right right) {
  switch (right) {
    case Right::read:
      return "read";
    case Right::create:
      return "create";
    case Right::reply:
      return "reply";
    case Right::note:
      return "note";
    case Right::restricted_note:
      return "restricted note";
    case Right::set_field:
      return "set fields, move to queues";
    case Right::move_status:
      return "move status";
    case Right::take:
      return "take";
    case Right::assign_with_reason:
      return "assign with a reason";
    case Right::assign_anyone:
      return "assign anyone";
    case Right::edit_own_message:
      return "edit own messages";
    case Right::edit_any_message:
      return "edit any message";
    case Right::log_time:
      return "log time";
    case Right::estimate:
      return "estimate";
    case Right::link:
      return "link";
    case Right::tag:
      return "tag";
    case Right::watch:
      return "watch";
    case Right::pin:
      return "pin";
    case Right::merge:
      return "merge";
    case Right::split:
      return "split";
    case Right::delete_ticket:
      return "delete";
    case Right::restore:
      return "restore";
    case Right::release:
      return "release";
    case Right::approve_estimate:
      return "decide on estimates";
    case Right::rate:
      return "rate";
    case Right::decide_sla:
      return "decide on breaches";
    case Right::administer:
      return "administer";
    case Right::server_only:
      return "the server's own";
  }
  return {};
}

std::string row_of(const std::vector<std::string>& cells) {
  std::string out = "|";
  for (const std::string& cell : cells) out += " " + cell + " |";
  return out + "\n";
}
std::string heading_of(const std::vector<std::string>& cells) {
  std::string out = row_of(cells) + "|";
  for (std::size_t i = 0; i < cells.size(); ++i) out += "---|";
  return out + "\n";
}

std::string rights_table() {
  std::vector<std::string> cells = {""};
  for (const Role role : all_roles) cells.push_back("`" + std::string(sync::role_name(role)) + "`");
  std::string out = heading_of(cells);
  cells = {"queues"};
  for (const Role role : all_roles)
    cells.emplace_back(sync::rights_of(role).empty() ? "none" : sync::queue_scope_all(role) ? "all" : "own");
  out += row_of(cells);
  for (int at = 0; at <= static_cast<int>(Right::server_only); ++at) {
    const auto right = static_cast<Right>(at);
    cells = {std::string(right_word(right))};
    for (const Role role : all_roles) cells.emplace_back(sync::has_right(role, right) ? "yes" : "");
    out += row_of(cells);
  }
  return out;
}

std::string intents_table() {
  std::string out = heading_of({"change", "needs", "customers"});
  for (const sync::IntentSpec& spec : sync::all_intents())
    out += row_of({"`" + std::string(spec.name) + "`", std::string(right_word(spec.right)),
                   spec.customer_may ? "of their own" : ""});
  return out;
}

std::string fields_table() {
  std::string out = heading_of({"field", "written by"});
  for (const sync::FieldSpec& spec : sync::all_fields())
    out += row_of({"`" + std::string(spec.name) + "`", spec.writer == sync::Writer::device   ? "`set`"
                                                       : spec.writer == sync::Writer::intent ? "changes of its own"
                                                                                             : "the server"});
  return out;
}

// ---- the doors ----

/// Everybody who may come to a door, each asked for every action.
struct Doors : Office {
  Doors()
      : Office({{"scopes",
                 Json::array({Json("read"), Json("write"), Json("tickets"), Json("messages"), Json("clients")})}}) {
    house.command(cmd("organisation add", {{"name", Json("Client Ltd")}, {"portal_domain", Json("client.example")}}));
    for (const Role role : all_roles) {
      const std::string name(sync::role_name(role));
      people.emplace_back(name, Panel::of(house, "p_" + name, name));
    }
    Panel editor = Panel::of(house, "p_editor", "operator");
    const Json operators = good(act("list_operators"));
    for (const Json& one : operators.items())
      if (one["name"] == Json("p_editor"))
        CHECK(Panel(house).good(request_of("toggle_operator_edit",
                                           {{"operator_id", one["id"]}, {"enabled", Json(true)}}))["can_edit"] ==
              Json(true));
    people.emplace_back("operator who edits", std::move(editor));
    token = good(act("create_client_token", {{"portal_domain", Json("client.example")}, {"user_id", Json(7)}}))["token"]
                .as_string();
    widget = house
                 .command(cmd("widget add", {{"name", Json("Shop")},
                                             {"origins", Json::array({Json("https://shop.example")})}}))["key"]
                 .as_string();
  }

  std::vector<std::string> columns() const {
    std::vector<std::string> out;
    for (const auto& [name, panel] : people) out.push_back("`" + name + "`");
    for (const char* other : {"key", "mobile token", "client", "widget", "nobody"}) out.emplace_back(other);
    return out;
  }
  /// Of the supervisor.
  std::string mobile_token() {
    return good(act("mobile_login", {{"login", Json("p_supervisor@pumps.example")},
                                     {"password", Json("a password of p_supervisor")}}))["token"]
        .as_string();
  }
  /// It came as far as what it asks for: a parameter that no action has. Where an action says itself whom it is for, it
  /// did what it was asked for.
  static bool was_let_in(const server::Response& answer) {
    const Json body = must(parse_json(answer.body, {.decimals = true}));
    return answer.status == 200 || body["code"] == Json("unknown_field");
  }
  std::vector<bool> ask_all(const server::ApiFace& face) {
    house.environment.advance(61'000);  // so many requests a minute
    const std::string path = std::string("/api/v1/") +
                             (face.surface == server::ApiSurface::client   ? "client/"
                              : face.surface == server::ApiSurface::widget ? "widget/"
                                                                           : "") +
                             std::string(face.action);
    const Json request = face.action == "create_client_token"
                             ? Json::object({{"portal_domain", Json("client.example")}})
                             : Json::object({{"no_such_parameter", Json(1)}});
    std::vector<bool> out;
    for (auto& [name, panel] : people) out.push_back(was_let_in(panel.ask(request, path)));
    out.push_back(was_let_in(ask(request, path)));
    const std::string mobile = mobile_token(), mine = std::exchange(key, {});
    out.push_back(was_let_in(send(to_text(request), path, "application/json", {{"x-mobile-token", mobile}})));
    out.push_back(was_let_in(send(to_text(request), path, "application/json", {{"x-client-token", token}})));
    Json visit = request;
    visit.set("api_key", Json(widget));
    out.push_back(was_let_in(send(to_text(visit), path)));
    out.push_back(was_let_in(send(to_text(request), path)));
    key = mine;
    return out;
  }

  /// Who is not let in is told so before their parameters are looked at, and with good ones as well.
  void check_refused(const server::ApiFace& face, const std::vector<bool>& may) {
    house.environment.advance(61'000);
    const std::string path = "/api/" + std::string(server::surface_name(face.surface)) + ".php";
    Json request = must(parse_json(face.request, {.decimals = true}));
    request.set("action", Json(face.action));
    const auto refused = [&](const server::Response& answer) {
      INFO(to_text(request) << " -> " << answer.body);
      CHECK((answer.status == 403 || said(answer) == "operator_required"));
    };
    std::size_t at = 0;
    for (auto& [name, panel] : people) {
      INFO(name);
      if (!may[at++]) refused(panel.ask(request, path));
    }
    if (!may[at++]) refused(ask(request, path));
    const std::string mobile = mobile_token(), mine = std::exchange(key, {});
    if (!may[at++]) refused(send(to_text(request), path, "application/json", {{"x-mobile-token", mobile}}));
    if (!may[at++]) refused(send(to_text(request), path, "application/json", {{"x-client-token", token}}));
    Json visit = request;
    visit.set("api_key", Json(widget));
    if (!may[at++]) refused(send(to_text(visit), path));
    if (!may[at++]) refused(send(to_text(request), path));
    key = mine;
  }

  std::vector<std::pair<std::string, Panel>> people;
  std::string token, widget;
};

/// What the tables say of a person in a session.
bool is_due_to(Role role, bool edits, const server::ApiFace& face) {
  using server::ApiRole;
  if (face.role == ApiRole::nobody) return true;
  if (face.surface != server::ApiSurface::admin) return false;
  if (role == Role::head_admin) return face.role == ApiRole::head_admin || face.head_admin_too;
  switch (face.role) {
    case ApiRole::operator_:  // who makes a token speaks for customers
      return face.action != "create_client_token" || sync::has_right(role, Right::approve_estimate) ||
             sync::has_right(role, Right::administer);
    case ApiRole::supervisor:
      return sync::has_right(role, Right::delete_ticket);
    case ApiRole::editor:
      return edits || sync::has_right(role, Right::administer);
    case ApiRole::admin:
      return sync::has_right(role, Right::administer);
    default:
      return false;
  }
}

/// And of everybody, in the order of the columns.
std::vector<bool> due_to_all(const server::ApiFace& face) {
  using server::ApiRole;
  using server::ApiSurface;
  const bool open = face.role == ApiRole::nobody, of_admin_door = face.surface == ApiSurface::admin;
  const bool hooks = std::ranges::find(face.scopes, "webhooks") != face.scopes.end();
  const bool for_operators = of_admin_door && face.role == ApiRole::operator_ && !hooks;
  std::vector<bool> out;
  for (const Role role : all_roles) out.push_back(is_due_to(role, false, face));
  out.push_back(is_due_to(Role::operator_, true, face));
  out.push_back(open || (for_operators && !face.of_session));
  out.push_back(open || (for_operators && !face.scopes.empty() && !face.makes_token));
  out.push_back(open || face.surface == ApiSurface::client);
  out.push_back(open || face.surface == ApiSurface::widget);
  out.push_back(open);
  return out;
}

std::string actions_table() {
  Doors doors;
  std::vector<std::string> cells = {"action", "door"};
  for (const std::string& column : doors.columns()) cells.push_back(column);
  std::string out = heading_of(cells);
  for (const server::AdminCommand& command : server::api_actions()) {
    cells = {"`" + std::string(command.api->action) + "`", std::string(server::surface_name(command.api->surface))};
    for (const bool may : doors.ask_all(*command.api)) cells.emplace_back(may ? "yes" : "");
    out += row_of(cells);
  }
  return out;
}

std::string roles_page() {
  return "# Roles\n\nWho may what. This page is made of the tables of the program and of what its doors answer; a test "
         "compares it\n(`unit/server_access/roles_test.cpp`, which writes it anew with `TERN_WRITE_ROLES=1`). Where "
         "no\n\"yes\" stands, the door is shut. Not on this page: `ternd`'s commands, which are for who administers "
         "the machine;\nwhat devices sync, and files, which go by what somebody may read. In "
         "words:\n[merge-rules](merge-rules.md#rights).\n\n## Rights\n\nEvery way in asks this one "
         "table, of the role that somebody has now.\n\n" +
         rights_table() +
         "\n## Changes\n\nWhat a change of a ticket needs. A message needs `reply`, `note` or `restricted note`, by "
         "who "
         "reads it.\n\n" +
         intents_table() + "\n## Fields\n\n" + fields_table() +
         "\n## Actions of the API\n\nWhom a door lets in; what of a ticket they then see and do the tables above say. "
         "A "
         "key: one that acts as\nnobody, with all scopes but `webhooks`; one that acts as somebody is let in where "
         "they "
         "are, but to no\nadministration. A mobile token: a supervisor's.\n\n" +
         actions_table();
}

}  // namespace

TEST_CASE("the page of roles says what the tables say and what each door answers to everybody",
          "[server][api][security]") {
  const std::string path = std::string(TERN_TEST_DATA_DIR) + "/../../docs/roles.md", page = roles_page();
  if (const char* write = std::getenv("TERN_WRITE_ROLES"); write != nullptr && std::string_view(write) == "1")
    std::ofstream(path, std::ios::binary) << page;
  std::istringstream kept(content_of(path)), due(page);
  std::string kept_line, due_line;
  for (int number = 1; std::getline(due, due_line); ++number) {
    std::getline(kept, kept_line);
    INFO("docs/roles.md, line " << number);
    REQUIRE(kept_line == due_line);
  }
  CHECK_FALSE(std::getline(kept, kept_line));
}

TEST_CASE("each door lets in whom the tables name and nobody else, with good parameters too",
          "[server][api][security]") {
  Doors doors;
  const std::vector<std::string> columns = doors.columns();
  for (const server::AdminCommand& command : server::api_actions()) {
    const std::vector<bool> due = due_to_all(*command.api), is = doors.ask_all(*command.api);
    REQUIRE(due.size() == columns.size());
    for (std::size_t at = 0; at < columns.size(); ++at) {
      INFO(command.api->action << " by " << columns[at]);
      CHECK(is[at] == due[at]);
    }
    doors.check_refused(*command.api, due);
  }
}

TEST_CASE("no action reaches another organisation's tickets by their numbers", "[server][api][security]") {
  Office office;
  const std::int64_t ticket = office.ticket();
  office.house.command(cmd("tenant add", {{"name", Json("Other")}}));
  Panel other = Panel::of(office.house, "eve", "admin", "Other");
  const Json before = office.good(act("get_ticket", {{"ticket_id", Json(ticket)}}));
  int asked = 0;
  for (const server::AdminCommand& command : server::api_actions()) {
    const server::ApiFace& face = *command.api;
    const bool of_one = std::ranges::any_of(
        command.args, [](const server::AdminArg& arg) { return arg.name == "ticket_id" || arg.name == "message_id"; });
    if (!of_one || face.surface != server::ApiSurface::admin) continue;
    Json request = must(parse_json(face.request, {.decimals = true}));
    for (const char* name : {"ticket_id", "message_id"})
      if (request.find(name) != nullptr) request.set(name, Json(ticket));
    request.set("action", Json(face.action));
    INFO(to_text(request));
    CHECK(other.ask(request).status >= 400);
    ++asked;
  }
  CHECK(asked > 10);
  CHECK(office.good(act("get_ticket", {{"ticket_id", Json(ticket)}})) == before);
}

}  // namespace tern::test
