// What an administrator sets: operators, clients, channels, branding, triggers; and what a head administrator sees.
#include <filesystem>

#include "panel.hpp"
#include "support/files.hpp"

namespace tern::test {
namespace {

Json members_of(std::initializer_list<Json::Member> members) {
  Json out = Json::object();
  for (const auto& [key, value] : members) out.set(key, value);
  return out;
}

/// Every byte that the server keeps of its tenants.
std::string tenant_files(House& house) {
  std::string out;
  for (const auto& file : std::filesystem::recursive_directory_iterator(house.options().directory + "/tenants"))
    if (file.is_regular_file()) out += content_of(file.path().string());
  return out;
}

}  // namespace

TEST_CASE("what the API calls a client is an organisation, and ternd knows both words", "[server][admin][records]") {
  House house;
  house.command(cmd("client add", {{"name", Json("Client Ltd")}, {"portal_domain", Json("client.example")}}));
  CHECK(house.command(cmd("organisation list"))["rows"].items()[0]["name"] == Json("Client Ltd"));
  house.command(cmd("client set", {{"name", Json("Client Ltd")}, {"rename", Json("Client")}}));
  REQUIRE(house.command(cmd("client list"))["rows"].size() == 1);
  CHECK(house.command(cmd("client list"))["rows"].items()[0]["name"] == Json("Client"));
  house.command(cmd("client remove", {{"name", Json("Client")}}));
  CHECK(house.command(cmd("organisation list"))["rows"].size() == 0);
}

TEST_CASE("operators are added, given roles and removed from the panel, and their tickets go back", "[server][api]") {
  House house;
  Panel admin(house);
  const Json ann = admin.good(request_of("add_operator", {{"email", Json("Ann@Pumps.example")},
                                                          {"name", Json("Ann Lee")},
                                                          {"department", Json("Field")},
                                                          {"password", Json("a password of ann")}}));
  CHECK(ann["role"] == Json("operator"));
  CHECK(ann["email"] == Json("ann@pumps.example"));
  CHECK(ann["department"] == Json("Field"));
  Panel panel(house, "ann@pumps.example", "a password of ann");
  Device van(house, "Ann Lee");
  must(van.open_session());
  const TicketId ticket = random_id<TicketId>(house.environment), done = random_id<TicketId>(house.environment);
  for (const TicketId& one : {ticket, done}) {
    van.push(van.create(one));
    van.push(van.change(sync::Intent::take, one));
  }
  van.push(van.change(sync::Intent::close, done));
  CHECK(admin.good(request_of("update_operator_role", {{"operator_id", ann["id"]}, {"role", Json("light")}}))["role"] ==
        Json("light"));
  const Json removed = admin.good(request_of("remove_operator", {{"operator_id", ann["id"]}}));
  CHECK(removed["revoked_devices"] == Json(1));
  CHECK(removed["returned_tickets"] == Json(1));
  const Json exported = house.command(cmd("export"));
  CHECK(exported["rows"].items()[0]["assignee"].is_null());
  CHECK(exported["rows"].items()[1]["assignee"] == Json("Ann Lee"));
  CHECK(panel.refusal(request_of("list_tickets")) == "session_unknown Cookie");
  CHECK(admin.good(request_of("list_operators")).items()[1]["active"] == Json(false));
  CHECK(admin.good(request_of("remove_operator", {{"operator_id", ann["id"]}}))["returned_tickets"] == Json(0));
  CHECK(is_verified(house));
}

TEST_CASE("nobody gives a right that reaches beyond the organisation, nor takes their own away",
          "[server][api][security]") {
  House house;
  Panel admin(house);
  const Json head = Json("head_admin"), me = Json("admin@pumps.example");
  CHECK(admin.refusal(request_of("add_operator", {{"email", Json("h@pumps.example")}, {"role", head}})) ==
        "not_permitted role");
  Panel ann = Panel::of(house, "ann", "operator");
  CHECK(admin.refusal(request_of("update_operator_role", {{"operator_id", Json("ann")}, {"role", head}})) ==
        "not_permitted role");
  for (const char* name : {"remove_operator", "toggle_operator_edit"})
    CHECK(admin.refusal(request_of(name, {{"operator_id", me}})) == "not_permitted operator_id");
  CHECK(admin.refusal(request_of("update_operator_role", {{"operator_id", me}, {"role", Json("light")}})) ==
        "not_permitted operator_id");
  Panel boss = Panel::of(house, "boss", "head_admin");
  CHECK(admin.refusal(request_of("remove_operator", {{"operator_id", Json("boss")}})) == "not_permitted operator_id");
  for (const char* name : {"remove_operator", "toggle_operator_edit"})
    for (Panel* panel : {&ann, &boss})
      CHECK(panel->refusal(request_of(name, {{"operator_id", me}})) == "not_permitted");
  CHECK(admin.refusal(request_of("add_operator", {{"email", Json("ann@pumps.example")}})) == "invalid email");
  CHECK(admin.refusal(request_of("add_operator", {{"email", Json("none")}})) == "invalid email");
  CHECK(admin.refusal(request_of("add_operator", {{"email", Json("x@pumps.example")}, {"role", Json("king")}})) ==
        "invalid role");
  CHECK(admin.refusal(request_of("add_operator", {{"email", Json("x@pumps.example")}, {"password", Json("short")}})) ==
        "invalid password");
  CHECK(admin.refusal(request_of("add_operator",
                                 {{"email", Json("x@pumps.example")}, {"department", Json(std::string(201, 'x'))}})) ==
        "too_large department");
  CHECK(admin.refusal(request_of("update_operator_role", {{"operator_id", Json(99)}, {"role", Json("light")}})) ==
        "not_found operator_id");
  CHECK(admin.good(request_of("list_operators")).size() == 3);
}

TEST_CASE("a client's settings are kept as they were given, and null takes one away", "[server][api]") {
  House house;
  Panel ann = Panel::of(house, "ann", "operator"), light = Panel::of(house, "lena", "light");
  house.command(cmd("organisation add", {{"name", Json("Client Ltd")}, {"portal_domain", Json("client.example")}}));
  const auto set = [](Json values) {
    return request_of("client_settings", {{"portal_domain", Json("client.example")}, {"data", std::move(values)}});
  };
  const Json kept = ann.good(set(members_of({{"hours_per_month", Json(12.5)},
                                             {"tariff_plan", Json("Gold")},
                                             {"greeting", Json("Hello")},
                                             {"widget", members_of({{"on", Json(true)}})}})));
  CHECK(kept["hours_per_month"] == Json(12.5));
  CHECK(kept["tariff_plan"] == Json("Gold"));
  CHECK(kept["settings"]["greeting"] == Json("Hello"));
  CHECK(kept["settings"]["widget"]["on"] == Json(true));
  CHECK(ann.good(set(members_of({{"greeting", Json()}})))["settings"].find("greeting") == nullptr);
  CHECK(ann.good(request_of("client_settings", {{"portal_domain", Json("CLIENT.example")}}))["settings"].size() == 1);
  CHECK(ann.good(request_of("list_clients")).items()[0]["hours_per_month"] == Json(12.5));

  CHECK(light.refusal(set(members_of({{"greeting", Json("x")}}))) == "not_permitted");
  CHECK(ann.refusal(request_of("client_settings", {{"portal_domain", Json("other.example")}})) ==
        "client_unknown portal_domain");
  CHECK(ann.refusal(set(Json("x"))) == "invalid data");
  CHECK(ann.refusal(set(members_of({{"hours_per_month", Json("many")}}))) == "invalid data");
  CHECK(ann.refusal(set(members_of({{"hours_per_month", Json(-1)}}))) == "invalid data");
  CHECK(ann.refusal(set(members_of({{"no name", Json(1)}}))) == "invalid data");
  CHECK(ann.refusal(set(members_of({{"long", Json(std::string(4'096, 'x'))}}))) == "too_large data");
  Json many = Json::object();
  for (int i = 0; i < 40; ++i) many.set("s" + std::to_string(i), Json(i));
  CHECK(ann.refusal(set(many)) == "too_large data");
  CHECK(is_verified(house));
}

TEST_CASE("a channel says whether it is connected, and never shows its secret again", "[server][api][security]") {
  House house;
  Panel admin(house), boss = Panel::of(house, "boss", "supervisor");
  const Json made =
      admin.good(request_of("create_channel", {{"type", Json("telegram")},
                                               {"name", Json("Bot")},
                                               {"settings", members_of({{"username", Json("settings canary")}})},
                                               {"secret", Json("secret canary")}}));
  CHECK(made["state"] == Json("active"));
  CHECK(made["status"] == Json("connected"));
  CHECK(made["has_secret"] == Json(true));
  const Json changed = admin.good(request_of("update_channel", {{"channel_id", made["id"]}, {"active", Json(false)}}));
  CHECK(changed["settings"]["username"] == Json("settings canary"));
  CHECK(changed["has_secret"] == Json(true));
  CHECK(changed["status"] == Json("off"));
  CHECK(changed["version"].as_integer() > made["version"].as_integer());
  const Json all = admin.good(request_of("get_channels_status"));
  for (const Json& shown : {made, changed, all}) CHECK(to_text(shown).find("secret canary") == std::string::npos);
  CHECK(boss.refusal(request_of("get_channels_status")) == "not_permitted");
  // Neither the ledger nor the log has it.
  const std::string files = tenant_files(house);
  CHECK(files.find("settings canary") != std::string::npos);
  CHECK(files.find("secret canary") == std::string::npos);
  for (const std::string& line : house.log) CHECK(line.find("secret canary") == std::string::npos);
  house.reopen();
  Panel again(house);
  CHECK(again.good(request_of("get_channels_status")).items()[0]["has_secret"] == Json(true));
  CHECK(again.good(request_of("delete_channel", {{"channel_id", Json("Bot")}}))["id"] == made["id"]);
  CHECK(again.good(request_of("get_channels_status")).size() == 0);
  again.good(request_of("create_channel", {{"type", Json("email")}, {"name", Json("Bot")}}));
  CHECK(again.good(request_of("get_channels_status")).items()[0]["has_secret"] == Json(false));
  CHECK(again.good(request_of("get_channels_status")).items()[0]["status"] == Json("not_connected"));

  const auto refused = [&](std::initializer_list<Json::Member> members) {
    return again.refusal(request_of("create_channel", members));
  };
  const Json mail("email"), name("Mail");
  CHECK(refused({{"type", Json("pigeon")}, {"name", name}}) == "invalid type");
  CHECK(refused({{"type", mail}}) == "invalid name");
  CHECK(refused({{"type", mail}, {"name", name}, {"settings", Json("x")}}) == "invalid settings");
  CHECK(refused({{"type", mail}, {"name", name}, {"settings", members_of({{"x", Json(std::string(4'096, 'x'))}})}}) ==
        "too_large settings");
  CHECK(refused({{"type", mail}, {"name", name}, {"settings", members_of({{"Bot_Token", Json("x")}})}}) ==
        "invalid settings");
  CHECK(refused({{"type", mail},
                 {"name", name},
                 {"settings", members_of({{"smtp", members_of({{"password", Json("x")}})}})}}) == "invalid settings");
  CHECK(refused({{"type", mail}, {"name", name}, {"secret", Json(std::string(1'025, 'x'))}}) == "too_large secret");
  CHECK(again.refusal(request_of("update_channel", {{"channel_id", Json(99)}})) == "not_found channel_id");
  CHECK(is_verified(house));
}

TEST_CASE("branding is kept in versions and given back, and a reset leaves nothing of it", "[server][api]") {
  House house;
  Panel admin(house);
  CHECK(admin.good(request_of("get_branding"))["state"] == Json("default"));
  const Json saved = admin.good(request_of("save_branding", {{"company_name", Json("Acme")},
                                                             {"primary_color", Json("#1A2b3c")},
                                                             {"logo_url", Json("https://acme.example/logo.png")}}));
  CHECK(saved["state"] == Json("stored"));
  const Json more = admin.good(request_of("save_branding", {{"footer_text", Json("Since 1998")}}));
  CHECK(more["company_name"] == Json("Acme"));
  CHECK(more["version"].as_integer() > saved["version"].as_integer());
  CHECK(admin.good(request_of("save_branding", {{"footer_text", Json("Since 1998")}}))["version"] == more["version"]);
  for (const auto& [name, value] :
       {std::pair("primary_color", "red"), std::pair("accent_color", "#12345"),
        std::pair("logo_url", "http://x.example"), std::pair("logo_url", "javascript:alert(1)"),
        std::pair("website_url", "https://x.example/\"onload="), std::pair("company_name", "a\nb")})
    CHECK(admin.refusal(request_of("save_branding", {{name, Json(value)}})) == "invalid " + std::string(name));
  CHECK(admin.refusal(request_of("save_branding", {{"footer_text", Json(std::string(1'025, 'x'))}})) ==
        "too_large footer_text");
  CHECK(admin.good(request_of("get_branding")) == more);
  CHECK(admin.good(request_of("reset_branding"))["company_name"].is_null());
  CHECK(admin.good(request_of("get_branding"))["state"] == Json("default"));
  Panel boss = Panel::of(house, "boss", "supervisor");
  CHECK(boss.refusal(request_of("get_branding")) == "not_permitted");
  CHECK(is_verified(house));
}

TEST_CASE("triggers are kept in their order and in versions", "[server][api]") {
  House house;
  Panel admin(house);
  const auto save = [](std::initializer_list<Json::Member> members) { return request_of("save_trigger", members); };
  const Json event("created"), actions = Json::array({Json("notify team"), Json("tag new")});
  const Json second =
      admin.good(save({{"name", Json("Second")}, {"event", event}, {"actions", actions}, {"position", Json(2)}}));
  const Json first = admin.good(save({{"name", Json("First")},
                                      {"event", event},
                                      {"actions", actions},
                                      {"conditions", members_of({{"priority", Json("urgent")}})},
                                      {"position", Json(1)}}));
  CHECK(first["state"] == Json("active"));
  CHECK(first["actions"] == actions);
  const Json all = admin.good(request_of("list_triggers"));
  CHECK(all.items()[0]["name"] == Json("First"));
  CHECK(all.items()[0]["conditions"]["priority"] == Json("urgent"));
  const Json off = admin.good(save({{"trigger_id", second["id"]}, {"active", Json(false)}}));
  CHECK(off["active"] == Json(false));
  CHECK(off["state"] == Json("off"));
  const Json strange = admin.good(save({{"name", Json("Strange")},
                                        {"event", event},
                                        {"actions", Json::array({Json("make coffee")})},
                                        {"position", Json(9)}}));
  CHECK(strange["state"] == Json("stored"));  // nothing acts on it
  CHECK(off["actions"] == actions);
  CHECK(off["version"].as_integer() > second["version"].as_integer());

  CHECK(admin.refusal(save({{"event", event}, {"actions", actions}})) == "invalid name");
  CHECK(admin.refusal(save({{"name", Json("x")}, {"actions", actions}})) == "invalid event");
  CHECK(admin.refusal(save({{"name", Json("x")}, {"event", event}})) == "invalid actions");
  CHECK(admin.refusal(save({{"name", Json("x")}, {"event", Json("never")}, {"actions", actions}})) == "invalid event");
  CHECK(admin.refusal(save({{"name", Json("First")}, {"event", event}, {"actions", actions}})) == "invalid name");
  CHECK(admin.refusal(save({{"name", Json("x")}, {"event", event}, {"actions", Json(std::string(4'096, 'x'))}})) ==
        "too_large actions");
  CHECK(admin.refusal(save({{"trigger_id", Json(99)}, {"active", Json(true)}})) == "not_found trigger_id");
  CHECK(admin.good(request_of("delete_trigger", {{"trigger_id", Json("First")}}))["id"] == first["id"]);
  CHECK(admin.good(request_of("list_triggers")).size() == 2);
  CHECK(is_verified(house));
}

TEST_CASE("a head administrator sees organisations and their plans, and nothing that is in them",
          "[server][api][security]") {
  House house;
  Panel admin(house), head = Panel::of(house, "head", "head_admin");
  house.command(cmd("tenant add", {{"name", Json("Rockets")}}));
  const Json all = head.good(request_of("list_tenants"));
  REQUIRE(all.size() == 2);
  for (const char* name : {"list_tenants", "list_error_logs"})
    CHECK(admin.refusal(request_of(name)) == "not_permitted");
  CHECK(admin.refusal(request_of("update_tenant", {{"tenant_id", Json("Pumps")}, {"plan", Json("free")}})) ==
        "not_permitted");
  CHECK(head.good(request_of("update_tenant", {{"tenant_id", Json("Rockets")}, {"plan", Json("pro")}}))["plan"] ==
        Json("pro"));
  CHECK(head.refusal(request_of("update_tenant", {{"tenant_id", Json("Nobody")}, {"plan", Json("pro")}})) ==
        "not_found tenant_id");
  CHECK(head.refusal(request_of("update_tenant", {{"tenant_id", Json("Rockets")}, {"plan", Json("gold")}})) ==
        "invalid plan");
  for (const char* name : {"list_kb_articles", "get_branding", "list_triggers", "list_macros"})
    CHECK(head.refusal(request_of(name)) == "not_permitted");
  CHECK(house.command(cmd("verify", {{"tenant", Json("Rockets")}}))["good"].as_bool());
}

TEST_CASE("errors are listed of one's own organisation, the newest 500 of them", "[server][api]") {
  House house;
  Panel head = Panel::of(house, "head", "head_admin");
  house.command(cmd("tenant add", {{"name", Json("Rockets")}}));
  const auto fail_in = [&](const char* tenant, const std::string& name) {
    CHECK(code_of(house, cmd("queue remove", {{"tenant", Json(tenant)}, {"name", Json(name)}})) ==
          ErrorCode::not_found);
  };
  fail_in("Rockets", "theirs");
  CHECK(head.good(request_of("list_error_logs")).size() == 0);
  for (int i = 0; i < 510; ++i) fail_in("Pumps", "ours");
  house.environment.advance(1'000);
  CHECK(code_of(house, cmd("contact remove", {{"tenant", Json("Pumps")}, {"name", Json("none")}})) ==
        ErrorCode::not_found);
  const Json errors = head.good(request_of("list_error_logs"));
  REQUIRE(errors.size() == 500);
  CHECK(errors.items()[0]["command"] == Json("contact remove"));
  CHECK(errors.items()[1]["command"] == Json("queue remove"));
  CHECK(to_text(errors).find("ours") == std::string::npos);  // names of what people call things are not in the log
}

TEST_CASE("an empty organisation is filled with demo tickets, and rid of them again", "[server][api]") {
  House house;
  Panel admin(house), head = Panel::of(house, "head", "head_admin");
  const auto status = [&] { return admin.good(request_of("check_demo_status")); };
  CHECK(status()["can_enable"] == Json(true));
  CHECK(admin.good(request_of("enable_demo"))["tickets"] == Json(50));
  CHECK(head.good(request_of("demo_analytics"))["demo_tickets"] == Json(50));
  const Json board = admin.good(request_of("dashboard"));
  CHECK(board["total_new"] == Json(10));
  CHECK(board["total_on_hold"] == Json(10));
  CHECK(board["total_done"] == Json(10));
  const Json ticket = admin.good(request_of("get_ticket", {{"ticket_id", Json(1)}}));
  CHECK(ticket["ticket"]["tags"] == Json::array({Json("demo")}));
  admin.good(request_of("delete_ticket", {{"ticket_id", Json(7)}}));
  const Json own =
      admin.good(request_of("create_ticket", {{"subject", Json("A real one")}, {"description", Json("It is.")}}));
  admin.good(request_of("add_ticket_tag", {{"ticket_id", own["id"]}, {"tag", Json("demo")}}));
  CHECK(status()["tickets"] == Json(49));
  const Json gone = admin.good(request_of("enable_demo"));
  CHECK(gone["enabled"] == Json(false));
  CHECK(gone["can_enable"] == Json(false));
  const Json left = admin.good(request_of("list_tickets", {{"status", Json("all")}}));
  CHECK(left["total"] == Json(1));
  CHECK(admin.refusal(request_of("enable_demo")) == "bad_transition");
  CHECK(admin.refusal(request_of("demo_analytics")) == "not_permitted");
  CHECK(head.refusal(request_of("enable_demo")) == "not_permitted");
  CHECK(is_verified(house));
}

}  // namespace tern::test
