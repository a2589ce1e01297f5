// The API in a house: its registry, its doors, its forms. Its examples over the wire: process/api_test.cpp.
#include <filesystem>
#include <fstream>
#include <set>

#include "support/catch.hpp"
#include "support/files.hpp"
//
#include "office.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/server/admin.hpp"

namespace tern::test {

TEST_CASE("every action of the document is done or said to come later, and none is both", "[server][api]") {
  std::set<std::pair<std::string, std::string>> there;
  for (const auto& command : server::api_actions())
    CHECK(there.insert({std::string(server::surface_name(command.api->surface)), std::string(command.api->action)})
              .second);
  std::ifstream list(std::string(TERN_TEST_DATA_DIR) + "/api/actions.txt");
  std::set<std::string> names;
  std::string surface, action, state;
  while (list >> surface >> action >> state) {
    INFO(surface << ' ' << action);
    if (state != "ours") names.insert(action);
    CHECK((state == "done" || state == "later" || state == "ours"));
    CHECK((there.erase({surface, action}) == 1) == (state != "later"));
  }
  CHECK(names.size() == 80);
  CHECK(there.empty());  // no action that nobody listed
}

TEST_CASE("every action of the registry can be asked for through the API, and its example is what it takes",
          "[server][api]") {
  for (const auto& command : server::api_actions()) {
    INFO(command.name);
    const Json example = must(parse_json(command.api->request, {.decimals = true}));
    CHECK(parse_json(command.api->answer, {.decimals = true}).has_value());
    CHECK(command.needs_tenant == (command.api->role != server::ApiRole::nobody));
    for (const server::AdminArg& arg : command.args) {
      CHECK(arg.kind != server::ArgKind::path);
      if (arg.required) CHECK(example.find(arg.name) != nullptr);
    }
    for (const auto& [name, value] : example.members())
      CHECK(std::any_of(command.args.begin(), command.args.end(), [&](const auto& arg) { return arg.name == name; }));
  }
}

TEST_CASE("every action of the registry has a fixture, which is a request to it and is run", "[server][api]") {
  const std::string folder = std::string(TERN_TEST_DATA_DIR) + "/api";
  std::set<std::string> run, fixtures;
  std::ifstream order(folder + "/order.txt");
  for (std::string action; std::getline(order, action);) run.insert(action);
  for (const auto& file : std::filesystem::directory_iterator(folder))
    if (file.path().extension() == ".json") fixtures.insert(file.path().stem().string());
  CHECK(run == fixtures);
  for (const auto& command : server::api_actions()) {
    const std::string action(command.api->action), surface(server::surface_name(command.api->surface));
    const std::string stem = surface == "admin" ? action : surface + "." + action;
    INFO(stem);
    REQUIRE(fixtures.erase(stem) == 1);
    const Json fixture = must(parse_json(content_of(folder + "/" + stem + ".json"), {.decimals = true}));
    CHECK(fixture["request"]["action"] == Json(action));
    CHECK(fixture["response"]["data"].is_null() == false);
    const std::string by = fixture["by"].as_string();  // else: a key of an operator
    CHECK((by == "admin") == (command.api->role == server::ApiRole::admin ||
                              command.api->role == server::ApiRole::editor || command.api->of_session));
    CHECK((by == "head") == (command.api->role == server::ApiRole::head_admin));
    CHECK((by == "nobody") == (command.api->role == server::ApiRole::nobody));
    CHECK((by == "client") == (surface == "client"));
    CHECK((by == "visitor") == (surface == "widget"));
    CHECK(
        (by.empty() || std::set<std::string>{"admin", "head", "nobody", "program", "client", "visitor"}.contains(by)));
    for (const auto& [name, value] : fixture["request"].members())
      CHECK((name == "action" || (name == "api_key" && by == "visitor") ||
             std::any_of(command.args.begin(), command.args.end(),
                         [&asked = name](const auto& arg) { return arg.name == asked; })));
    for (const server::AdminArg& arg : command.args)
      if (arg.required) CHECK(fixture["request"].find(arg.name) != nullptr);
  }
  CHECK(fixtures.empty());  // of no action
}

TEST_CASE("paths, methods and errors are those of their door", "[server][api]") {
  Office office;
  for (const char* path : {"/api", "/api/", "/api/admin.php/", "/api/clients.php", "/api/client/", "/api/v1/",
                           "/api/v1/client/", "/api/v1/list-tickets"}) {
    INFO(path);
    const auto answer = office.ask(act("list_tickets"), path);
    CHECK(answer.status == 404);
    CHECK(answer.header("content-type") == "application/json");
    CHECK(said(answer) == "not_found");
  }
  const auto got = office.house.get("/api/admin.php");
  CHECK(got.status == 405);
  CHECK(got.header("allow") == "POST");
  CHECK(said(got, "error").find("POST") != std::string::npos);
  CHECK(problem_code(office.house.get("/api/v1/list_tickets")) == "method_not_allowed");

  const auto old = office.ask(act("get_ticket", {{"ticket_id", Json(99)}}));
  CHECK(old.status == 400);
  CHECK(said(old) == "not_found");
  CHECK(said(old, "field") == "ticket_id");
  CHECK(said(old, "request_id") == "test-1");
  const auto exact = office.ask(Json::object({{"ticket_id", Json(99)}}), "/api/v1/get_ticket");
  CHECK(exact.status == 404);
  CHECK(problem_code(exact) == "not_found");

  const Json unknown = act("list_tickets", {{"is_admin", Json(true)}});
  CHECK(office.ask(unknown).status == 200);
  CHECK(office.ask(unknown, "/api/v1/list_tickets").status == 422);
  CHECK(said(office.ask(unknown, "/api/v1/list_tickets")) == "unknown_field");
  CHECK(office.ask(act("fly")).status == 400);
  CHECK(office.ask(Json::object(), "/api/v1/fly").status == 404);
  CHECK(office.ask(act("get_ticket")).status == 400);
  CHECK(said(office.ask(act("list_tickets", {{"status", Json("strange")}})), "field") == "status");
}

TEST_CASE("a body that is not in its form says what is wrong with it and changes nothing", "[server][api][hostile]") {
  Office office;
  const auto code = [&](const Bytes& body, const std::string& type = "application/json") {
    const auto answer = office.send(body, "/api/admin.php", type);
    INFO(answer.body);
    CHECK(answer.status == 400);
    return said(answer);
  };
  CHECK(code(R"({"action":"list_tickets","a":1,"a":2})") == "json_duplicate_key");
  CHECK(code("{\"action\":\"list_tickets\",}") == "json_invalid");
  CHECK(code("\xef\xbb\xbf{}") == "json_invalid");
  CHECK(code(std::string(200, '[') + std::string(200, ']')) == "json_invalid");
  CHECK(code("{\"action\":\"create_ticket\",\"subject\":\"\xff\"}") == "text_encoding");
  CHECK(code("[]") == "malformed");
  CHECK(code("") == "json_invalid");
  CHECK(code("action=x&action=y", "application/x-www-form-urlencoded") == "json_duplicate_key");
  CHECK(code("action=%4", "application/x-www-form-urlencoded") == "malformed");
  CHECK(code("action=%ff", "application/x-www-form-urlencoded") == "text_encoding");
  CHECK(code("x", "text/plain") == "malformed");
  CHECK(code("--b\r\n\r\nx\r\n--b--", "multipart/form-data; boundary=b") == "malformed");
  CHECK(code("--b\r\nContent-Disposition: form-data; name=\"action\"\r\n\r\nx", "multipart/form-data; boundary=b") ==
        "malformed");
  CHECK(code("--b--", "multipart/form-data") == "malformed");
  for (const char* name : {R"(filename="a.txt")", "filename*=UTF-8''a.txt", "filename=\"\""}) {
    INFO(name);
    const auto with_file = office.send(
        "--b\r\nContent-Disposition: form-data; name=\"action\"\r\n\r\nlist_tags\r\n"
        "--b\r\nContent-Disposition: form-data; name=\"files[]\"; " +
            Bytes(name) + "\r\n\r\nx\r\n--b--",
        "/api/admin.php", "multipart/form-data; boundary=b");
    CHECK(with_file.status == 400);
    CHECK(said(with_file, "field") == "files");
  }
  const auto coded =
      office.send("{\"action\":\"list_tags\"}", "/api/admin.php", "application/json", {{"content-encoding", "gzip"}});
  CHECK(said(coded, "field") == "Content-Encoding");
  const auto large = office.send(Bytes(limits::mib + 1, ' '));
  CHECK(large.status == 413);
  office.key.clear();
  CHECK(office.send(Bytes(64 * limits::kib + 1, ' ')).status == 413);
  CHECK(must(parse_json(office.house.get("/api/openapi.json").body, {.decimals = true}))["openapi"] == Json("3.1.0"));
}

TEST_CASE("values are read however clients write them", "[server][api]") {
  Office office;
  const std::int64_t id = office.ticket();
  CHECK(office.good(act("get_ticket", {{"ticket_id", Json(std::to_string(id))}}))["ticket"]["id"] == Json(id));
  CHECK(office.good(act("get_ticket", {{"id", Json(id)}}))["ticket"]["id"] == Json(id));
  const Json note = office.good(
      act("add_message", {{"ticket_id", Json(id)}, {"message", Json("inside")}, {"is_note", Json("true")}}));
  CHECK(note["is_note"] == Json(true));
  CHECK(note.find("delivery_status") == nullptr);
  const Json page = office.good(act("list_tickets", {{"page", Json(-3)}, {"limit", Json(5000)}, {"search", Json("")}}));
  CHECK(page["page"] == Json(1));
  CHECK(page["limit"] == Json(100));
  CHECK(office.good(act("list_tickets", {{"limit", Json(0)}}))["limit"] == Json(30));
  CHECK(office.send("action=list_tickets&page=1", "/api/admin", "application/x-www-form-urlencoded").status == 200);
  CHECK(office.send("{\"action\":\"list_tickets\"}", "/api/admin", "application/x-www-form-urlencoded").status == 200);
  CHECK(office.ask(act("add_message", {{"ticket_id", Json("x")}, {"message", Json("y")}})).status == 400);
}

TEST_CASE("what is wrong goes by the name of the parameter that says it", "[server][api]") {
  Office office({{"operator_id", Json("ann")}});
  const Json id(office.ticket());
  const auto field = [&](const char* action, std::initializer_list<Json::Member> members) {
    const auto answer = office.ask(act(action, members));
    INFO(answer.body);
    CHECK((answer.status == 400 || answer.status == 413));
    return said(answer, "field");
  };
  const std::string long_text(9'000, 'x');
  CHECK(field("complete_ticket", {{"ticket_id", id}, {"result", Json(long_text)}}) == "result");
  CHECK(field("hold_ticket", {{"ticket_id", id}, {"reason", Json(long_text)}}) == "reason");
  CHECK(field("add_ticket_tag", {{"ticket_id", id}, {"tag", Json(long_text)}}) == "tag");
  CHECK(field("add_ticket_tag", {{"ticket_id", id}, {"tag_id", Json(99)}}) == "tag_id");
  CHECK(field("update_ticket", {{"ticket_id", id}, {"status", Json("estimated")}}) == "status");
  CHECK(field("create_ticket", {{"subject", Json(long_text)}, {"description", Json("x")}}) == "subject");
  // Required is what can be seen.
  CHECK(field("create_ticket", {{"subject", Json("  ")}, {"description", Json("x")}}) == "subject");
  CHECK(field("add_message", {{"ticket_id", id}, {"message", Json(" \n\t")}}) == "message");
  CHECK(office.good(act("list_tickets"))["total"] == Json(1));
  CHECK(office.good(act("get_ticket", {{"ticket_id", id}}))["messages"].size() == 1);
}

}  // namespace tern::test
