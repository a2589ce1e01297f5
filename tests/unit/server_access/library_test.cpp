// Quick replies, macros, articles, tariffs, business hours: as records, to devices, through the API.

#include "panel.hpp"
#include "tern/sync/record.hpp"

namespace tern::test {
namespace {

/// Names of one kind that an answer brings; what is gone as "-".
std::vector<std::string> brought(const v1::ExchangeResponse& answer, sync::RecordKind kind) {
  std::vector<std::string> out;
  for (const v1::Pack& pack : answer.packs())
    if (pack.kind() == static_cast<std::uint32_t>(kind))
      for (const v1::Record& record : pack.records()) out.push_back(record.deleted() ? "-" : record.name());
  return out;
}

/// From here on only what is newer.
v1::ExchangeRequest after_packs(Device& device, const v1::ExchangeResponse& answer,
                                std::map<std::uint32_t, std::uint64_t>& held) {
  for (const v1::Pack& pack : answer.packs()) held[pack.kind()] = pack.version();
  v1::ExchangeRequest asked = device.request();
  for (const auto& [kind, version] : held) {
    asked.add_pack_versions()->set_kind(kind);
    asked.mutable_pack_versions(asked.pack_versions_size() - 1)->set_version(version);
  }
  return asked;
}

using Names = std::vector<std::string>;
const Json of_ann("ann"), field_queue("Field");

}  // namespace

TEST_CASE("devices get everybody's quick replies and their operator's own, and lose what is theirs no more",
          "[server][exchange][packs]") {
  House house;
  for (const char* name : {"ann", "ben"}) house.add_operator(name);
  Device ann(house, "ann"), ben(house, "ben");
  must(ann.open_session());
  must(ben.open_session());
  house.command(cmd("quick-reply add", {{"name", Json("Ours")}, {"content", Json("Hello.")}}));
  house.command(
      cmd("quick-reply add", {{"name", Json("Hers")}, {"content", Json("secret canary")}, {"operator", of_ann}}));
  std::map<std::uint32_t, std::uint64_t> held;
  const auto to_ann = ann.exchange();
  auto to_ben = ben.exchange();
  CHECK(brought(to_ann, sync::RecordKind::quick_reply) == Names{"Ours", "Hers"});
  CHECK(brought(to_ben, sync::RecordKind::quick_reply) == Names{"Ours", "-"});
  CHECK(to_ben.SerializeAsString().find("canary") == std::string::npos);
  CHECK(to_ben.SerializeAsString().find("Hers") == std::string::npos);

  house.command(cmd("quick-reply set", {{"name", Json("Ours")}, {"operator", of_ann}}));
  to_ben = ben.exchange(after_packs(ben, to_ben, held));
  CHECK(brought(to_ben, sync::RecordKind::quick_reply) == Names{"-"});
  const Json shared = house.command(cmd("quick-reply set", {{"name", Json("Ours")}, {"operator", Json("")}}));
  CHECK(shared.find("operator") == nullptr);
  to_ben = ben.exchange(after_packs(ben, to_ben, held));
  CHECK(brought(to_ben, sync::RecordKind::quick_reply) == Names{"Ours"});
  CHECK(ben.exchange(after_packs(ben, to_ben, held)).packs_size() == 0);
  CHECK(is_verified(house));
}

TEST_CASE("an article is on devices while it is published, and its draft is not", "[server][exchange][packs]") {
  House house;
  house.add_operator("ann");
  Device ann(house, "ann");
  must(ann.open_session());
  const Json made = house.command(cmd("article add", {{"title", Json("Reset")}, {"content", Json("Hold the key.")}}));
  CHECK(made["status"] == Json("draft"));
  std::map<std::uint32_t, std::uint64_t> held;
  auto answer = ann.exchange();
  CHECK(brought(answer, sync::RecordKind::kb_article) == Names{"-"});
  const Json published = Json("published"), id = Json(std::to_string(made["id"].as_integer()));
  house.command(cmd("article set", {{"article_id", id}, {"status", published}}));
  answer = ann.exchange(after_packs(ann, answer, held));
  CHECK(brought(answer, sync::RecordKind::kb_article) == Names{"Reset"});
  house.command(cmd("article remove", {{"article_id", Json("Reset")}}));
  answer = ann.exchange(after_packs(ann, answer, held));
  CHECK(brought(answer, sync::RecordKind::kb_article) == Names{"-"});
}

TEST_CASE("a macro is judged when it is made, and what it names keeps its name", "[server][admin][records]") {
  House house;
  house.command(cmd("queue add", {{"name", field_queue}}));
  const auto macro = [](Json actions) {
    return cmd("macro add", {{"name", Json("Away")}, {"actions", std::move(actions)}});
  };
  const auto lines = [](std::initializer_list<const char*> all) {
    Json out = Json::array();
    for (const char* line : all) out.push(Json(line));
    return out;
  };
  CHECK(code_of(house, macro(lines({"fly"}))) == ErrorCode::invalid);
  CHECK(code_of(house, macro(lines({"queue Depot"}))) == ErrorCode::not_found);
  CHECK(code_of(house, macro(lines({}))) == ErrorCode::invalid);
  const Json made = house.command(macro(lines({"tag away", "queue Field", "assign admin@pumps.example"})));
  CHECK(made["actions"] == Json("tag away\nqueue Field\nassign admin@pumps.example"));
  CHECK(code_of(house, cmd("queue remove", {{"name", field_queue}})) == ErrorCode::invalid);
  CHECK(code_of(house, cmd("queue set", {{"name", field_queue}, {"rename", Json("Out")}})) == ErrorCode::invalid);
  CHECK(code_of(house, cmd("macro set", {{"name", Json("Away")}, {"actions", lines({"start", "close"})}})) ==
        ErrorCode::invalid);
  house.command(cmd("macro set", {{"name", Json("Away")}, {"actions", lines({"tag gone"})}, {"rename", Json("Gone")}}));
  house.command(cmd("queue remove", {{"name", field_queue}}));
  CHECK(house.command(cmd("macro list")).items()[0]["title"] == Json("Gone"));
  CHECK(house.command(cmd("macro list")).items()[0]["actions"] == lines({"tag gone"}));
}

TEST_CASE("a view goes to whom it is for, names what there is, and what it names keeps its name",
          "[server][exchange][packs]") {
  House house;
  const std::string anns_id = house.add_operator("ann");
  house.add_operator("ben");
  Device ann(house, "ann"), ben(house, "ben");
  must(ann.open_session());
  must(ben.open_session());
  house.command(cmd("queue add", {{"name", field_queue}}));
  const Json night("Night"), urgent("urgent");
  house.command(
      cmd("view add", {{"name", night}, {"queue", field_queue}, {"assignee", Json("me")}, {"folder", Json("Shifts")}}));
  house.command(cmd("view add", {{"name", Json("Hers")}, {"priority", urgent}, {"operator", of_ann}}));
  CHECK(brought(ann.exchange(), sync::RecordKind::view) == Names{"Night", "Hers"});
  CHECK(brought(ben.exchange(), sync::RecordKind::view) == Names{"Night", "-"});

  const auto refused = [&](const char* term, const char* said) {
    return code_of(house, cmd("view add", {{"name", Json("Other")}, {term, Json(said)}}));
  };
  CHECK(refused("queue", "Nowhere") == ErrorCode::not_found);
  CHECK(refused("assignee", "nobody") == ErrorCode::not_found);
  CHECK(refused("status", "loud") == ErrorCode::invalid);
  CHECK(refused("colour", "pink") == ErrorCode::usage);
  CHECK(code_of(house, cmd("view add", {{"name", Json("overdue")}})) == ErrorCode::invalid);
  CHECK(code_of(house, cmd("view set", {{"name", night}, {"rename", Json("Mine")}})) == ErrorCode::invalid);
  CHECK(refused("tag", "a\nb") == ErrorCode::invalid);
  CHECK(code_of(house, cmd("queue set", {{"name", field_queue}, {"rename", Json("Out")}})) == ErrorCode::invalid);
  CHECK(code_of(house, cmd("queue remove", {{"name", field_queue}})) == ErrorCode::invalid);

  const Json all = house.command(cmd("view list"));
  REQUIRE(all.size() == 2);
  CHECK(all.items()[0]["folder"] == Json("Shifts"));
  CHECK(all.items()[0]["terms"]["assignee"] == Json("me"));
  CHECK(all.items()[1]["personal"] == Json(true));
  const auto first = [&] { return house.command(cmd("view list")).items()[0]; };
  house.command(cmd("view set", {{"name", night}, {"position", Json(3)}}));
  CHECK(first()["position"] == Json(3));
  // Whoever is named by another word is named as devices find them, and keeps the name.
  house.command(cmd("view set", {{"name", night}, {"assignee", Json(anns_id)}}));
  CHECK(first()["terms"]["assignee"] == of_ann);
  const Json rename = cmd("operator set", {{"operator", of_ann}, {"name", Json("Somebody")}});
  CHECK(code_of(house, rename) == ErrorCode::invalid);
  house.command(cmd("view set", {{"name", night}, {"assignee", Json("")}}));
  house.command(rename);
  house.command(cmd("view set", {{"name", night}, {"queue", Json("")}, {"rename", Json("Day")}}));
  house.command(cmd("queue remove", {{"name", field_queue}}));
  house.command(cmd("view remove", {{"name", Json("Hers")}}));
  REQUIRE(house.command(cmd("view list")).size() == 1);
  CHECK(house.command(cmd("view list")).items()[0]["name"] == Json("Day"));
  CHECK(is_verified(house));
}

TEST_CASE("what is somebody's own may be called like what is everybody's, or another's", "[server][admin][records]") {
  House from;
  for (const char* name : {"ann", "ben"}) from.add_operator(name);
  for (const char* address : {"kim@a.example", "kim@b.example"})
    from.command(cmd("operator add", {{"email", Json(address)}, {"name", Json("Kim")}, {"role", Json("operator")}}));
  const auto add = [&](const char* kind, const char* owner) {
    Json asked = cmd(kind + std::string(" add"), {{"name", Json("Night")}});
    if (kind == std::string("view")) asked.set("priority", Json("urgent"));
    if (kind != std::string("view")) asked.set("content", Json("Good night."));
    if (*owner != '\0') asked.set("operator", Json(owner));
    return from.try_command(asked);
  };
  for (const char* kind : {"view", "quick-reply"})
    for (const char* owner : {"", "ann", "ben", "kim@a.example", "kim@b.example"}) {
      INFO(kind << " of " << owner);
      CHECK(add(kind, owner));
      const auto again = add(kind, owner);
      REQUIRE_FALSE(again);
      CHECK(again.error().field == "name");
    }
  // By name it is not said which.
  const auto unclear = from.try_command(cmd("view set", {{"name", Json("Night")}, {"position", Json(2)}}));
  REQUIRE_FALSE(unclear);
  CHECK(unclear.error().code == ErrorCode::ambiguous);
  const Json views = from.command(cmd("view list"));
  REQUIRE(views.size() == 5);
  const Json of_ben(to_text(views.items()[2]["id"]));
  CHECK(unclear.error().message.find("#" + of_ben.as_string() + " Night") != std::string::npos);
  // Nor by another way to the name of one that is there.
  CHECK(code_of(from, cmd("view set", {{"name", of_ben}, {"operator", of_ann}})) == ErrorCode::invalid);
  CHECK(code_of(from, cmd("view set", {{"name", of_ben}, {"operator", Json("")}})) == ErrorCode::invalid);
  from.command(cmd("view set", {{"name", of_ben}, {"rename", Json("Dusk")}, {"operator", of_ann}}));
  CHECK(code_of(from, cmd("view set", {{"name", of_ben}, {"rename", Json("Night")}})) == ErrorCode::invalid);
  from.command(cmd("view set", {{"name", of_ben}, {"rename", Json("Night")}, {"operator", Json("ben")}}));

  // Whose each is stands in an export, also where two operators share a name.
  House to(2);
  const auto rows = [](House& house, const char* what) {
    Json out = Json::array();
    const Json all = house.command(cmd("export", {{"what", Json(what)}}));
    for (const Json& row : all["rows"].items()) {
      Json line = row.is_string() ? must(parse_json(row.as_string())) : row;
      line.set("integer_id", Json(0));
      out.push(std::move(line));
    }
    return out;
  };
  const auto load = [&] { return to.command(cmd("record load", {{"rows", rows(from, "records")}})); };
  const Json first = load();
  INFO(to_text(first));
  for (const char* what : {"views", "quick-replies"}) CHECK(rows(to, what) == rows(from, what));
  CHECK(load()["made"] == Json(0));
}

TEST_CASE("what people write with is loaded with other records, and judged like them", "[server][admin][records]") {
  House house;
  house.add_operator("ann");
  const auto row = [](const char* kind, const char* name, std::initializer_list<Json::Member> attributes) {
    Json all = Json::object();
    for (const auto& [key, value] : attributes) all.set(key, value);
    return record(kind, name).set("attributes", all);
  };
  const auto code = [&](Json one) {
    return code_of(house, cmd("record load", {{"rows", Json::array({std::move(one)})}}));
  };
  CHECK(code(row("quick_reply", "Empty", {})) == ErrorCode::invalid);
  CHECK(code(row("quick_reply", "Whose", {{"content", Json("x")}, {"operator", Json("nobody")}})) ==
        ErrorCode::not_found);
  CHECK(code(row("quick_reply", "Words", {{"content", Json("x")}, {"shortcut", Json("a b")}})) == ErrorCode::invalid);
  CHECK(code(row("macro", "Fly", {{"actions", Json("fly")}})) == ErrorCode::invalid);
  CHECK(code(row("kb_article", "Status", {{"content", Json("x")}, {"status", Json("gone")}})) == ErrorCode::invalid);
  CHECK(code(row("tariff", "Dear", {{"rate", Json("-1")}})) == ErrorCode::invalid);
  CHECK(code(row("view", "Loud", {{"status", Json("loud")}})) == ErrorCode::invalid);
  for (const char* kind : {"channel", "branding", "trigger"}) CHECK(code(record(kind, "x")) == ErrorCode::invalid);
  const Json loaded = house.command(cmd(
      "record load", {{"rows", Json::array({row("quick_reply", "Hers", {{"content", Json("x")}, {"operator", of_ann}}),
                                            row("macro", "Tag", {{"actions", Json("tag a\ntag b")}}),
                                            row("kb_article", "Reset", {{"content", Json("y")}}),
                                            row("tariff", "Gold", {{"hours_per_month", Json("20")}})})}}));
  CHECK(loaded["made"] == Json(4));
  const Json replies = house.command(cmd("quick-reply list"));
  CHECK(replies.items()[0]["personal"] == Json(true));
  CHECK(is_verified(house));
}

TEST_CASE("the API lists to each whom it is for, and a key of nobody sees what is everybody's", "[server][api]") {
  House house;
  Panel ann = Panel::of(house, "ann", "operator"), ben = Panel::of(house, "ben", "light");
  house.command(cmd("quick-reply add", {{"name", Json("Ours")}, {"content", Json("Hello.")}}));
  house.command(cmd("quick-reply add", {{"name", Json("Hers")}, {"content", Json("Hi.")}, {"operator", of_ann}}));
  CHECK(ann.good(request_of("list_quick_replies")).size() == 2);
  CHECK(ben.good(request_of("list_quick_replies")).size() == 1);
  const auto by_key = [&](Json more) {
    const std::string key = house.command(more)["key"].as_string();
    server::Request request;
    request.method = "POST";
    request.target = "/api/v1/list_quick_replies";
    request.headers = {{"content-type", "application/json"}, {"x-api-key", key}};
    request.body = server::RequestBody("{}");
    return must(parse_json(house.send(request).body))["data"].size();
  };
  CHECK(by_key(cmd("key add", {{"name", Json("nobody's")}})) == 1);
  CHECK(by_key(cmd("key add", {{"name", Json("hers")}, {"operator_id", of_ann}})) == 2);
}

TEST_CASE("articles, tariffs and hours are changed by administrators and by who was let edit, by nobody else",
          "[server][api][security]") {
  House house;
  Panel admin(house), ann = Panel::of(house, "ann", "operator"), boss = Panel::of(house, "boss", "supervisor");
  const Json create = request_of("create_kb_article", {{"title", Json("Reset")}, {"content", Json("Hold.")}});
  const Json tariff = request_of("create_tariff", {{"name", Json("Gold")}, {"hours_per_month", Json(20)}});
  const Json hours =
      request_of("save_business_hours", {{"timezone", Json("Europe/Kyiv")}, {"schedule", Json("mon-fri 09:00-18:00")}});
  for (Panel* panel : {&ann, &boss})
    for (const Json& request : {create, tariff, hours}) CHECK(panel->refusal(request) == "not_permitted");
  const Json made = admin.good(create);
  CHECK(admin.refusal(create) == "invalid title");
  const Json who = Json("ann@pumps.example");
  CHECK(admin.good(request_of("toggle_operator_edit", {{"operator_id", who}}))["can_edit"] == Json(true));
  CHECK(ann.good(request_of("update_kb_article", {{"article_id", made["id"]},
                                                  {"content", Json("Hold on.")}}))["content"] == Json("Hold on."));
  CHECK(ann.good(tariff)["hours_per_month"] == Json(20));
  CHECK(ann.good(hours)["timezone"] == Json("Europe/Kyiv"));
  CHECK(ann.refusal(request_of("add_operator", {{"email", Json("eve@pumps.example")}})) == "not_permitted");
  CHECK(admin.good(request_of("toggle_operator_edit", {{"operator_id", who}}))["can_edit"] == Json(false));
  CHECK(ann.refusal(request_of("delete_kb_article", {{"article_id", made["id"]}})) == "not_permitted");
  CHECK(ann.good(request_of("list_kb_articles")).size() == 1);
  CHECK(is_verified(house));
}

TEST_CASE("an article, a tariff and business hours that are not what they should be change nothing",
          "[server][api][hostile]") {
  House house;
  Panel admin(house);
  const auto article = [](std::initializer_list<Json::Member> members) {
    return request_of("create_kb_article", members);
  };
  const Json title("Reset"), text("Hold.");
  CHECK(admin.refusal(article({{"content", text}})) == "invalid title");
  CHECK(admin.refusal(article({{"title", title}})) == "invalid content");
  CHECK(admin.refusal(article({{"title", title}, {"content", Json(" \n ")}})) == "invalid content");
  CHECK(code_of(house, cmd("article add", {{"title", title}, {"content", Json(std::string(65'537, 'x'))}})) ==
        ErrorCode::usage);
  CHECK(admin.refusal(article({{"title", Json(std::string(201, 'x'))}, {"content", text}})) == "invalid title");
  CHECK(admin.refusal(article({{"title", title}, {"content", Json::array()}})) == "invalid content");
  CHECK(admin.refusal(article({{"title", title}, {"content", text}, {"status", Json("gone")}})) == "invalid status");
  CHECK(admin.refusal(article({{"title", title}, {"content", text}, {"category", Json("a\nb")}})) ==
        "invalid category");
  CHECK(house.command(cmd("article add", {{"title", title}, {"content", Json(std::string(65'536, 'x'))}}))["id"] ==
        Json(1));
  CHECK(admin.refusal(request_of("update_kb_article", {{"article_id", Json(99)}, {"content", text}})) ==
        "not_found article_id");
  CHECK(admin.refusal(request_of("list_kb_articles", {{"article_id", Json(99)}})) == "not_found article_id");

  const auto tariff = [](std::initializer_list<Json::Member> members) { return request_of("create_tariff", members); };
  CHECK(admin.refusal(tariff({{"name", title}, {"rate", Json(-1)}})) == "invalid rate");
  CHECK(admin.refusal(tariff({{"name", title}, {"hours_per_month", Json("many")}})) == "invalid hours_per_month");
  CHECK(admin.refusal(tariff({{"name", title}, {"rate", Json(1'000'001)}})) == "invalid rate");
  CHECK(admin.refusal(tariff({{"name", title}, {"active", Json("maybe")}})) == "invalid active");
  CHECK(admin.refusal(request_of("delete_tariff", {{"tariff_id", Json("none")}})) == "not_found tariff_id");
  CHECK(admin.good(request_of("get_tariff_plans")).size() == 0);

  CHECK(admin.refusal(request_of("save_business_hours")) == "invalid schedule");
  CHECK(admin.refusal(request_of("save_business_hours", {{"timezone", Json("Mars/North")}})) == "invalid timezone");
  CHECK(admin.refusal(request_of("save_business_hours", {{"schedule", Json::array({Json("someday")})}})) ==
        "invalid schedule");
  CHECK(admin.refusal(request_of("save_business_hours",
                                 {{"schedule", Json("24/7")}, {"holidays", Json("tomorrow")}})) == "invalid holidays");
  CHECK(admin.good(request_of("get_business_hours"))["calendars"].size() == 0);
}

TEST_CASE("a tariff says its hours and what the rules promise, and stays while an organisation has it",
          "[server][api]") {
  House house;
  Panel admin(house);
  house.command(cmd("organisation add", {{"name", Json("Client Ltd")}, {"tariff", Json("Gold")}}));
  const Json made = admin.good(request_of(
      "create_tariff",
      {{"name", Json("Gold")}, {"hours_per_month", Json("12.5")}, {"rate", Json(35)}, {"currency", Json("EUR")}}));
  CHECK(made["hours_per_month"] == Json(12.5));
  CHECK(made["sla"]["response_minutes"] == Json(1'440));
  house.command(
      cmd("sla rule add",
          {{"name", Json("Gold")}, {"when", Json::array({Json("tariff=Gold")})}, {"first-response", Json("30m")}}));
  CHECK(admin.good(request_of("get_tariff_plans")).items()[0]["sla"]["response_minutes"] == Json(30));
  CHECK(admin.refusal(request_of("delete_tariff", {{"tariff_id", made["id"]}})) == "invalid name");
  CHECK(admin.good(request_of("list_clients")).items()[0]["hours_per_month"] == Json(12.5));
  house.command(cmd("organisation set", {{"name", Json("Client Ltd")}, {"tariff", Json("")}}));
  CHECK(admin.good(request_of("list_clients")).items()[0]["hours_per_month"].is_null());
  CHECK(admin.refusal(request_of("update_tariff", {{"tariff_id", made["id"]}, {"name", Json("Silver")}})) ==
        "invalid name");  // the rule
  house.command(cmd("sla rule remove", {{"name", Json("Gold")}}));
  CHECK(admin.good(request_of("update_tariff", {{"tariff_id", made["id"]}, {"active", Json(false)}}))["active"] ==
        Json(false));
  CHECK(admin.good(request_of("get_tariff_plans")).size() == 0);
  CHECK(house.command(cmd("tariff list", {{"all", Json(true)}})).size() == 1);
  CHECK(admin.good(request_of("delete_tariff", {{"tariff_id", Json("Gold")}}))["id"] == made["id"]);
}

TEST_CASE("business hours are the first calendar, in versions, and what is not said of them stays", "[server][api]") {
  House house;
  Panel admin(house);
  CHECK(admin.good(request_of("get_business_hours"))["schedule"] == Json::array({Json("24/7")}));
  admin.good(request_of("save_business_hours",
                        {{"timezone", Json("Europe/Kyiv")},
                         {"schedule", Json::array({Json("mon-thu 09:00-18:00"), Json("fri 09:00-16:00")})},
                         {"holidays", Json::array({Json("12-25")})}}));
  const Json moved = admin.good(request_of("save_business_hours", {{"timezone", Json("Europe/Berlin")}}));
  CHECK(moved["timezone"] == Json("Europe/Berlin"));
  CHECK(moved["schedule"].size() == 2);
  CHECK(moved["holidays"] == Json::array({Json("12-25")}));
  CHECK(moved["calendars"].size() == 1);
  CHECK(house.command(cmd("calendar list"))["rows"].items()[0]["name"] == Json("Business hours"));
  CHECK(is_verified(house));
}

TEST_CASE("what one organisation writes with is not another's, and is there after a restart",
          "[server][api][tenants]") {
  House house;
  Panel admin(house);
  house.command(cmd("tenant add", {{"name", Json("Rockets")}}));
  const Json of_rockets("Rockets");
  Panel eve = Panel::of(house, "eve", "admin", "Rockets");
  admin.good(request_of("create_kb_article",
                        {{"title", Json("Canary")}, {"content", Json("x")}, {"status", Json("published")}}));
  admin.good(request_of("create_tariff", {{"name", Json("Canary")}}));
  house.command(cmd("quick-reply add", {{"tenant", Json("Pumps")}, {"name", Json("Canary")}, {"content", Json("x")}}));
  house.command(cmd("view add", {{"tenant", Json("Pumps")}, {"name", Json("Canary")}}));
  house.command(cmd("macro add", {{"tenant", Json("Pumps")}, {"name", Json("Canary")}, {"content", Json("x")}}));
  for (const char* name : {"list_kb_articles", "get_tariff_plans", "list_quick_replies", "list_macros", "list_views"}) {
    INFO(name);
    CHECK(admin.good(request_of(name)).size() == 1);
    CHECK(eve.good(request_of(name)).size() == 0);
  }
  CHECK(eve.refusal(request_of("delete_kb_article", {{"article_id", Json(1)}})) == "not_found article_id");
  house.reopen();
  Panel again(house);
  CHECK(again.good(request_of("list_kb_articles")).items()[0]["title"] == Json("Canary"));
  CHECK(house.command(cmd("verify", {{"tenant", of_rockets}}))["good"].as_bool());
}

}  // namespace tern::test
