// Bad requests to the API.
#include "support/catch.hpp"
#include "tern/protocol/limits.hpp"
#include "unit/hostile/rows.hpp"

namespace tern::test {
namespace {

using Members = std::initializer_list<Json::Member>;

/// Heads of a request with a new key of the house.
std::string heads_with_key(HostileRig& rig, Members more = {}) {
  static int keys = 0;
  Json asked = cmd("key add", more);
  asked.set("name", Json("key " + std::to_string(++keys)));
  return "Content-Type: application/json\r\nX-Api-Key: " + rig.house.command(asked)["key"].as_string() + "\r\n";
}

std::function<std::string(HostileRig&)> asked(const std::string& body, const std::string& action = "create_ticket") {
  return [=](HostileRig& rig) { return rig.post("/api/v1/" + action, heads_with_key(rig), body); };
}

/// Heads of a request of a client's, with a new token of one user.
std::string heads_with_token(HostileRig& rig, const char* ttl = "86400") {
  static_cast<void>(rig.house.try_command(
      cmd("organisation add", {{"name", Json("Client")}, {"portal_domain", Json("client.example")}})));
  const Json made = rig.house.command(
      cmd("api create_client_token",
          {{"portal_domain", Json("client.example")}, {"user_id", Json(1)}, {"ttl", Json(std::atoi(ttl))}}));
  return "Content-Type: application/json\r\nX-Client-Token: " + made["token"].as_string() + "\r\n";
}

std::string ended_token(HostileRig& rig) {
  const std::string heads = heads_with_token(rig, "300");
  rig.house.environment.advance(301'000);
  return rig.post("/api/v1/client/list_tickets", heads, "{}");
}

std::string revoked_token(HostileRig& rig) {
  const std::string heads = heads_with_token(rig);
  rig.house.command(cmd("token revoke", {{"portal_domain", Json("client.example")}}));
  return rig.post("/api/v1/client/list_tickets", heads, "{}");
}

std::string of_a_client(HostileRig& rig, const std::string& action, const std::string& body,
                        const std::string& more = {}) {
  return rig.post("/api/v1/client/" + action, heads_with_token(rig) + more, body);
}

/// A request of a visitor's through a new widget, as if from an address of its own.
std::string of_a_visitor(HostileRig& rig, const std::string& action, const std::string& members,
                         const std::string& more = {}) {
  const Json made = rig.house.command(
      cmd("widget add", {{"name", Json("Shop")}, {"origins", Json::array({Json("https://shop.example")})}}));
  return rig.post("/api/v1/widget/" + action, "Content-Type: application/json\r\n" + more,
                  "{\"api_key\":" + to_text(made["key"]) + members + "}");
}

/// Ten tickets are as many as an address may write in an hour.
std::string too_many_tickets(HostileRig& rig) {
  std::string said;
  for (int i = 0; i < 20 && said != "429 rate_limited"; ++i)
    said = of_a_visitor(rig, "create_ticket", R"(,"email":"a@b.example","subject":"a","description":"b")");
  rig.house.environment.advance(3'600'000);
  return said;
}

/// With the member of the request, or the place in it, that the answer names.
std::function<std::string(HostileRig&)> naming(const std::function<std::string(HostileRig&)>& attack) {
  return [=](HostileRig& rig) {
    const std::string said = attack(rig), detail = rig.problem("detail"), field = rig.problem("field");
    const std::size_t place = detail.find("at byte ");
    return said + (field.empty() ? "" : " " + field) + (place == std::string::npos ? "" : " " + detail.substr(place));
  };
}
/// With all that it says.
std::function<std::string(HostileRig&)> in_full(const std::function<std::string(HostileRig&)>& attack) {
  return [=](HostileRig& rig) {
    const std::string said = attack(rig);
    return said + " " + rig.problem("field") + ": " + rig.problem("detail");
  };
}

std::string revoked_key(HostileRig& rig) {
  const std::string heads = heads_with_key(rig);
  const Json keys = rig.house.command(cmd("key list"));
  rig.house.command(cmd("key revoke", {{"key_id", keys.items().back()["name"]}}));
  return rig.post("/api/v1/list_tickets", heads, "{}");
}

std::string narrow_key(HostileRig& rig) {
  const std::string heads = heads_with_key(rig, {{"scopes", Json::array({Json("read"), Json("tickets")})}});
  return rig.post("/api/v1/create_ticket", heads, R"({"subject":"a","description":"b"})");
}

/// Twice what the plan has for a minute.
std::string too_often(HostileRig& rig) {
  const std::string heads = heads_with_key(rig);
  std::string said;
  for (int i = 0; i < 1'200 && said != "429 rate_limited"; ++i) said = rig.post("/api/v1/list_tags", heads, "{}");
  return said + ", " + rig.header("ratelimit-remaining") + " of " + rig.header("ratelimit-limit") + " left";
}

std::string full_disk_for_the_api(HostileRig& rig) {
  const std::string heads = heads_with_key(rig);
  rig.fill_disk();
  return rig.post("/api/v1/create_ticket", heads, R"({"subject":"a","description":"b"})");
}

std::string busy_for_the_api(HostileRig& rig) {
  const std::string heads = heads_with_key(rig);
  rig.write_elsewhere();
  return rig.post("/api/v1/create_ticket", heads, R"({"subject":"a","description":"b"})");
}

/// The same key for two tickets.
std::string other_body(HostileRig& rig) {
  const std::string heads = heads_with_key(rig) + "Idempotency-Key: 5f0c1d2e\r\n";
  const std::string first = rig.post("/api/v1/create_ticket", heads, R"({"subject":"a","description":"b"})");
  return first + ", " + rig.post("/api/v1/create_ticket", heads, R"({"subject":"other","description":"b"})");
}

std::string too_long(HostileRig& rig) {
  return rig.send("POST /api/v1/create_ticket HTTP/1.1\r\nHost: t\r\n" + heads_with_key(rig) +
                  "Content-Length: " + std::to_string(limits::mib + 1) + "\r\n\r\n");
}

std::string in_form(const std::string& name, const std::string& content, const std::string& file_name = {}) {
  return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"" +
         (file_name.empty() ? "" : "; filename=\"" + file_name + "\"\r\nContent-Type: image/png") + "\r\n\r\n" +
         content + "\r\n";
}

std::string form_heads(HostileRig& rig, Members more = {}) {
  std::string heads = heads_with_key(rig, more);
  heads.replace(heads.find("application/json"), 16, "multipart/form-data; boundary=b");
  return heads;
}

std::string new_ticket(HostileRig& rig) {
  return to_text(
      rig.house.command(cmd("api create_ticket", {{"subject", Json("Pump")}, {"description", Json("Leaks.")}}))["id"]);
}

std::function<std::string(HostileRig&)> to_wake_at(const std::string& when) {
  return [=](HostileRig& rig) {
    const std::string heads = heads_with_key(rig), ticket = new_ticket(rig);
    return rig.post("/api/v1/hold_ticket", heads, "{\"ticket_id\":" + ticket + ",\"wake_at\":\"" + when + "\"}");
  };
}

/// What comes before a file: a message for a ticket that was made before the attack.
std::string ticket_for(HostileRig& rig) {
  return in_form("ticket_id", new_ticket(rig)) + in_form("message", "See the file.");
}

std::function<std::string(HostileRig&)> file_in_form(const std::string& name, const std::string& content) {
  return [=](HostileRig& rig) {
    const std::string heads = form_heads(rig), fields = ticket_for(rig);
    return rig.post("/api/v1/add_message", heads, fields + in_form("files[]", content, name) + "--b--\r\n");
  };
}

/// A file that says it is an image and would run in a browser: it is stored, as what it may be shown as.
std::string page_as_image(HostileRig& rig, const std::string& name) {
  const std::string heads = form_heads(rig), ticket = new_ticket(rig);
  const std::string said = rig.post("/api/v1/add_message", heads,
                                    in_form("ticket_id", ticket) + in_form("message", "See the file.") +
                                        in_form("files[]", "<script>", name) + "--b--\r\n");
  const Json whole = rig.house.command(cmd("api get_ticket", {{"ticket_id", Json(std::stoll(ticket))}}));
  REQUIRE(whole["files"].size() == 1);
  const Json& file = whole["files"].items()[0];
  const std::string got = rig.send("GET /api/files/" + to_text(file["id"]) + " HTTP/1.1\r\nHost: t\r\n" +
                                   heads.substr(heads.find("X-Api-Key")) + "\r\n");
  return said + ", " + file["name"].as_string() + ", " + got + " " + rig.header("content-type") + " " +
         rig.header("x-content-type-options") + " " + rig.header("content-disposition").substr(0, 11);
}

std::string nested(std::size_t depth) {
  return "{\"a\":" + std::string(depth, '[') + std::string(depth, ']') + "}";
}

}  // namespace

std::vector<Row> api_rows() {
  const auto subject = [](const std::string& text) {
    return asked("{\"subject\":\"" + text + "\",\"description\":\"x\"}");
  };
  const auto plain = [](const std::string& heads) {
    return [heads](HostileRig& rig) { return rig.post("/api/v1/list_tickets", heads, "{}"); };
  };
  const std::string json = "Content-Type: application/json\r\n";
  return {
      {"10", "one byte too many for an action", too_long, "413 body_too_large", Line::closes, ""},
      {"11", "JSON {\"a\":1,\"a\":2}", naming(asked(R"({"a":1,"a":2})")), "400 json_duplicate_key a at byte 10",
       Line::stays, ""},
      {"12", "JSON of depth 129", naming(asked(nested(128))), "400 json_invalid at byte 37", Line::stays, ""},
      {"12", "JSON with NaN", naming(asked(R"({"a":NaN})")), "400 json_invalid at byte 6", Line::stays, ""},
      {"12", "JSON behind a BOM", naming(asked("\xef\xbb\xbf{}")), "400 json_invalid at byte 0", Line::stays, ""},
      {"12", "JSON with a trailing x", naming(asked("{}x")), "400 json_invalid at byte 3", Line::stays, ""},
      {"13", "bad UTF-8 in a title", naming(subject("\xc3")), "400 text_encoding subject at byte 14", Line::stays, ""},
      {"13", "a lone surrogate in a title", naming(subject("\\ud800")), "400 text_encoding subject at byte 19",
       Line::stays, ""},
      {"13", "NUL in a title", naming(subject("\\u0000")), "400 text_encoding subject at byte 19", Line::stays, ""},
      {"15", "an unknown field is_admin", naming(asked(R"({"subject":"a","description":"b","is_admin":true})")),
       "422 unknown_field is_admin", Line::stays, ""},
      {"17", "lists in the order of body;drop", in_full(asked(R"({"sort":"body;drop"})", "list_tickets")),
       "422 sort_field sort: sort is one of: newest, oldest, updated, priority, relevance.", Line::stays, ""},
      {"28", "a day that is on no calendar", naming(to_wake_at("2026-02-30T09:00:00Z")), "422 date_invalid wake_at",
       Line::stays, ""},
      {"28", "the year 0", naming(to_wake_at("0000-01-01T09:00:00Z")), "422 date_invalid wake_at", Line::stays, ""},
      {"28", "the year 10000", naming(to_wake_at("10000-01-01T09:00:00Z")), "422 date_invalid wake_at", Line::stays,
       ""},
      {"19", "no API key", plain(json), "401 key_required", Line::stays, ""},
      {"19", "an API key that is none", plain(json + "X-Api-Key: tps_00\r\n"), "401 key_unknown", Line::closes, ""},
      {"19", "an API key that is revoked", revoked_key, "401 key_revoked", Line::closes, ""},
      {"19", "an API key of the wrong scope", in_full(narrow_key),
       "403 scope_missing scope: The key has no scope \"write\".", Line::stays, ""},
      {"19a", "a session's id as a mobile token", plain(json + "X-Mobile-Token: 00112233445566778899aabbccddeeff\r\n"),
       "401 session_unknown", Line::stays, ""},
      {"20", "more than a key's plan has for a minute", too_often, "429 rate_limited, 0 of 600 left", Line::stays, ""},
      {"21", "a cookie's POST from another site",
       plain(json + "Cookie: __Host-tern=00\r\nSec-Fetch-Site: cross-site\r\n"), "403 origin", Line::stays, ""},
      {"21", "a cookie's POST of a foreign Origin",
       plain(json + "Cookie: __Host-tern=00\r\nOrigin: https://e.example\r\n"), "403 origin", Line::stays, ""},
      {"24", "an Idempotency-Key with another body", other_body, "200, 409 idempotency_mismatch", Line::stays, ""},
      {"24", "an Idempotency-Key of 256 characters",
       [](HostileRig& rig) {
         return rig.post("/api/v1/create_ticket",
                         heads_with_key(rig) + "Idempotency-Key: " + std::string(256, 'k') + "\r\n",
                         R"({"subject":"a","description":"b"})");
       },
       "400 malformed", Line::stays, ""},
      {"25", "a page that says it is an image, with a name of another folder",
       [](HostileRig& rig) { return page_as_image(rig, "../../a.html"); },
       "200, a.html, 200 application/octet-stream nosniff attachment;", Line::stays, ""},
      {"25", "a script that is called an image", [](HostileRig& rig) { return page_as_image(rig, "a.png"); },
       "200, a.png, 200 application/octet-stream nosniff attachment;", Line::stays, ""},
      {"25", "an SVG", [](HostileRig& rig) { return page_as_image(rig, "a.svg"); },
       "200, a.svg, 200 application/octet-stream nosniff attachment;", Line::stays, ""},
      {"25", "a file's name with a space without width", file_in_form("a\xE2\x80\x8B.png", "x"), "422 file_name",
       Line::stays, ""},
      {"25", "a file's name that is a folder", file_in_form("..", "x"), "422 file_name", Line::stays, ""},
      {"10", "one byte too many for a file",
       [](HostileRig& rig) {
         return rig.send("POST /api/v1/add_message HTTP/1.1\r\nHost: t\r\n" + form_heads(rig) +
                         "Content-Length: " + std::to_string(101 * limits::mib + 1) + "\r\n\r\n");
       },
       "413 body_too_large", Line::closes, ""},
      {"10", "a form of who shows no key",
       [](HostileRig& rig) {
         return rig.send(
             "POST /api/v1/add_message HTTP/1.1\r\nHost: t\r\nContent-Type: multipart/form-data; boundary=b\r\n"
             "Content-Length: " +
             std::to_string(64 * limits::kib + 1) + "\r\n\r\n");
       },
       "413 body_too_large", Line::closes, ""},
      {"60", "a file for a disk without room",
       [](HostileRig& rig) {
         const std::string heads = form_heads(rig), fields = ticket_for(rig);
         rig.fill_disk();
         return rig.post("/api/v1/add_message", heads, fields + in_form("files[]", "x", "a.txt") + "--b--\r\n");
       },
       "507 storage_full", Line::stays, ""},
      {"", "a form that ends in the middle of a file",
       [](HostileRig& rig) {
         const std::string heads = form_heads(rig);
         return rig.post("/api/v1/add_message", heads, ticket_for(rig) + in_form("files[]", "x", "a.txt"));
       },
       "400 malformed", Line::stays, ""},
      {"", "a file for what takes none",
       [](HostileRig& rig) {
         const std::string heads = form_heads(rig);
         return rig.post(
             "/api/v1/edit_message", heads,
             in_form("message_id", "1") + in_form("message", "x") + in_form("files[]", "x", "a.txt") + "--b--\r\n");
       },
       "422 invalid", Line::stays, ""},
      {"19", "a file without a credential",
       [](HostileRig& rig) { return rig.send("GET /api/files/1 HTTP/1.1\r\nHost: t\r\n\r\n"); }, "401 key_required",
       Line::stays, ""},
      {"", "a file that is not there",
       [](HostileRig& rig) {
         const std::string heads = heads_with_key(rig);
         return rig.send("GET /api/files/999999999999999999 HTTP/1.1\r\nHost: t\r\n" + heads + "\r\n");
       },
       "404 not_found", Line::stays, ""},
      {"", "a subject of two megabytes, in pieces of a form",
       [](HostileRig& rig) {
         std::string heads = heads_with_key(rig);
         heads.replace(heads.find("application/json"), 16, "application/x-www-form-urlencoded");
         return rig.post("/api/v1/create_ticket", heads, "subject=" + std::string(limits::mib - 100, 'x'));
       },
       "413 too_large", Line::stays, ""},
      {"60", "a ticket for a disk without room", full_disk_for_the_api, "507 storage_full", Line::stays, ""},
      {"60", "a ticket while another program writes", busy_for_the_api, "503 busy", Line::stays, ""},
      {"19", "no client's token",
       [](HostileRig& rig) {
         return rig.post("/api/v1/client/list_tickets", "Content-Type: application/json\r\n", "{}");
       },
       "401 key_required", Line::stays, ""},
      {"19", "a client's token that is none",
       [json](HostileRig& rig) {
         return rig.post("/api/v1/client/list_tickets", json + "X-Client-Token: ct_00\r\n", "{}");
       },
       "401 session_unknown", Line::stays, ""},
      {"19", "a client's token that has ended", ended_token, "401 session_unknown", Line::stays, ""},
      {"19", "a client's token that was taken back", revoked_token, "401 session_unknown", Line::stays, ""},
      {"19", "a client's token for an administrator's work",
       [](HostileRig& rig) { return rig.post("/api/v1/create_api_key", heads_with_token(rig), R"({"name":"mine"})"); },
       "403 not_permitted", Line::stays, ""},
      {"19", "an API key at the clients' door",
       [](HostileRig& rig) { return rig.post("/api/v1/client/list_tickets", heads_with_key(rig), "{}"); },
       "403 not_permitted", Line::stays, ""},
      {"21", "a client's token out of a foreign page",
       [](HostileRig& rig) { return of_a_client(rig, "list_tickets", "{}", "Origin: https://e.example\r\n"); },
       "403 origin", Line::stays, ""},
      {"15", "a client's ticket in another's name",
       [](HostileRig& rig) {
         return of_a_client(rig, "create_ticket", R"({"subject":"a","description":"b","contact":"somebody"})");
       },
       "422 unknown_field", Line::stays, ""},
      {"", "a client's note",
       [](HostileRig& rig) {
         return of_a_client(rig, "add_message", R"({"ticket_id":1,"message":"a","is_note":true})");
       },
       "422 unknown_field", Line::stays, ""},
      {"", "a ticket that is not the client's",
       [](HostileRig& rig) { return of_a_client(rig, "add_message", R"({"ticket_id":1,"message":"a"})"); },
       "404 not_found", Line::stays, ""},
      {"10", "one byte too many for a client",
       [](HostileRig& rig) {
         return rig.send("POST /api/client.php HTTP/1.1\r\nHost: t\r\n" + heads_with_token(rig) +
                         "Content-Length: " + std::to_string(64 * limits::kib + 1) + "\r\n\r\n");
       },
       "413 body_too_large", Line::closes, ""},
      {"19", "a widget's key that is none",
       [json](HostileRig& rig) {
         return rig.post("/api/v1/widget/check_status", json, R"({"api_key":"wk_00","ticket_id":"x","email":"a@b.c"})");
       },
       "401 key_unknown", Line::stays, ""},
      {"20", "more tickets of an address than there may be in an hour", too_many_tickets, "429 rate_limited",
       Line::stays, ""},
      {"21", "a widget in a foreign page",
       [](HostileRig& rig) {
         return of_a_visitor(rig, "check_status", R"(,"ticket_id":"x","email":"a@b.c")",
                             "Origin: https://e.example\r\n");
       },
       "403 origin", Line::stays, ""},
      {"", "a ticket's number and an address that did not write it",
       [](HostileRig& rig) { return of_a_visitor(rig, "get_messages", R"(,"ticket_id":1,"email":"a@b.c")"); },
       "404 not_found", Line::stays, ""},
      {"", "a visitor's address of two lines",
       [](HostileRig& rig) {
         return of_a_visitor(rig, "create_ticket", R"(,"email":"a@b.c\nBcc: d@e.f","subject":"a","description":"b")");
       },
       "422 invalid", Line::stays, ""},
      {"", "what is no action", asked("{}", "drop_table"), "404 not_found", Line::stays, ""},
  };
}

}  // namespace tern::test
