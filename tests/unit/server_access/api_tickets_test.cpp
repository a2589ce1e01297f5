// What the API does to tickets and messages.
#include <fstream>
#include <set>

#include "office.hpp"
#include "panel.hpp"

namespace tern::test {

TEST_CASE("a value that is written back as it was shown changes nothing", "[server][api]") {
  Office office({{"operator_id", Json("ann")}});
  const std::int64_t id = office.ticket();
  office.good(act("update_ticket", {{"ticket_id", Json(id)}, {"priority", Json("high")}}));
  const auto commits = [&] { return office.house.command(cmd("status"))["rows"].items().front()["commit_seq"]; };
  const Json before = commits();
  const Json shown = office.good(act("get_ticket", {{"ticket_id", Json(id)}}))["ticket"];
  CHECK(shown["priority"] == Json("urgent"));
  CHECK(shown["priority_exact"] == Json("high"));
  const Json after = office.good(act("update_ticket", {{"ticket_id", Json(id)},
                                                       {"priority", shown["priority"]},
                                                       {"status", shown["status"]},
                                                       {"subject", shown["subject"]},
                                                       {"category", shown["category"]},
                                                       {"assigned_to", shown["assigned_to"]}}));
  CHECK(after == shown);
  CHECK(commits() == before);
}

TEST_CASE("a ticket is shown with exactly these members, in every state: none is dropped, none comes unsaid",
          "[server][api]") {
  using Names = std::set<std::string>;
  const auto names_of = [](const Json& shown) {
    Names out;
    for (const auto& [name, value] : shown.members()) out.insert(name);
    return out;
  };
  const Names of_document{"id",
                          "number",
                          "subject",
                          "description",
                          "status",
                          "priority",
                          "category",
                          "portal_domain",
                          "company_name",
                          "assigned_to",
                          "assigned_name",
                          "creator_name",
                          "created_at",
                          "updated_at",
                          "sla_response_at",
                          "sla_response_breached",
                          "sla_resolution_at",
                          "sla_resolution_breached",
                          "estimate",
                          "result",
                          "tags"},
      ours{"status_exact", "priority_exact", "csat",  "due_at", "conversation", "contact",  "custom",
           "links",        "minutes",        "order", "queue",  "type",         "watchers", "watching_contacts"};
  Names all = of_document;
  all.insert(ours.begin(), ours.end());
  Office office({{"operator_id", Json("ann")}});
  const std::int64_t id = office.ticket();
  const auto shown = [&] {
    Json got = office.good(act("get_ticket", {{"ticket_id", Json(id)}}));
    CHECK(names_of(got) == Names{"ticket", "messages", "files"});
    CHECK(names_of(got["ticket"]) == all);
    return got;
  };
  CHECK(shown()["ticket"]["estimate"].is_null());
  office.good(act("set_estimate", {{"ticket_id", Json(id)}, {"hours", Json(1.5)}}));
  const Json estimated = shown();
  CHECK_FALSE(estimated["ticket"]["estimate"].is_null());
  const Json written = office.good(act("add_message", {{"ticket_id", Json(id)}, {"message", Json("We come.")}}));
  office.good(act("edit_message", {{"message_id", written["id"]}, {"message", Json("We come soon.")}}));
  const Json last = shown();
  CHECK(last["messages"].size() == 2);
  for (const Json& message : last["messages"].items())
    for (const char* name : {"id", "message", "author_type", "author_name", "is_note", "created_at", "files"})
      CHECK(message.find(name) != nullptr);
  const Json edited = last["messages"].items().back();
  CHECK(edited.find("edited_at") != nullptr);
  CHECK(edited.find("delivery_status") != nullptr);
}

TEST_CASE("a ticket goes through its life, and impossible moves say which are possible", "[server][api]") {
  Office office({{"operator_id", Json("ann")}});
  const std::int64_t id = office.ticket();
  const auto status = [&](const char* action, std::initializer_list<Json::Member> more = {}) {
    Json asked = act(action, more);
    asked.set("ticket_id", Json(id));
    return office.good(asked)["status"].as_string();
  };
  CHECK(status("take_ticket") == "new");
  CHECK(status("update_ticket", {{"status", Json("in_progress")}}) == "in_progress");
  CHECK(status("hold_ticket") == "on_hold");
  CHECK(status("resume_ticket") == "in_progress");
  CHECK(status("set_estimate", {{"hours", Json(1.5)}}) == "estimated");
  CHECK(status("complete_ticket", {{"result", Json("Seal replaced.")}}) == "done");
  CHECK(status("complete_ticket") == "done");
  const auto impossible = office.ask(act("hold_ticket", {{"ticket_id", Json(id)}}));
  CHECK(impossible.status == 400);
  CHECK(said(impossible) == "bad_transition");
  CHECK(said(impossible, "error").find("reopen") != std::string::npos);
  CHECK(office.ask(Json::object({{"ticket_id", Json(id)}}), "/api/v1/hold_ticket").status == 409);
  CHECK(status("reopen_ticket") == "reopened");
  CHECK(status("update_ticket", {{"status", Json("closed")}}) == "closed");
  const Json ticket = office.good(act("get_ticket", {{"ticket_id", Json(id)}}))["ticket"];
  CHECK(ticket["assigned_name"] == Json("ann"));
  CHECK(ticket["result"] == Json("Seal replaced."));
  CHECK(office.house.command(cmd("verify"))["good"] == Json(true));
}

TEST_CASE("messages have ids, the description is the first of them, and both are edited by theirs", "[server][api]") {
  Office office;
  const std::int64_t id = office.ticket();
  const Json written = office.good(act("add_message", {{"ticket_id", Json(id)}, {"message", Json("one")}}));
  const auto messages = [&] { return office.good(act("get_ticket", {{"ticket_id", Json(id)}}))["messages"]; };
  const Json first = messages().items()[0];
  CHECK(first["message"] == Json("In hall 2."));
  CHECK(first["author_type"] == Json("client"));
  CHECK(written["id"] != first["id"]);
  office.good(act("edit_message", {{"message_id", first["id"]}, {"message", Json("In hall 3.")}}));
  office.good(act("edit_message", {{"message_id", written["id"]}, {"message", Json("two")}}));
  CHECK(office.good(act("get_ticket", {{"ticket_id", Json(id)}}))["ticket"]["description"] == Json("In hall 3."));
  CHECK(messages().items()[1]["message"] == Json("two"));
  CHECK(messages().items()[1].find("edited_at") != nullptr);
  office.good(act("delete_message", {{"message_id", written["id"]}}));
  CHECK(messages().items()[1]["message"] == Json(""));
  CHECK(office.good(act("list_tickets"))["tickets"].items()[0]["message_count"] == Json(2));
  CHECK(office.ask(act("edit_message", {{"message_id", Json(999)}, {"message", Json("x")}})).status == 400);
  CHECK(office.house.command(cmd("verify"))["good"] == Json(true));
}

TEST_CASE("a key without an operator acts under its own name, which the history tells", "[server][api]") {
  Office office;
  const std::int64_t id = office.ticket();
  const Json written = office.good(act("add_message", {{"ticket_id", Json(id)}, {"message", Json("one")}}));
  CHECK(written["author_name"] == Json("Monitoring"));
  CHECK(written["author_type"] == Json("support"));
  const Json ticket = office.house.command(cmd("export"))["rows"].items()[0];
  CHECK(ticket["messages"].items()[0]["author"] == Json("Monitoring"));
  const Json done = office.house.command(cmd("api get_ticket", {{"ticket_id", Json(id)}}));  // at the machine itself
  CHECK(done["messages"].size() == 2);
  office.house.command(cmd("api complete_ticket", {{"ticket_id", Json(id)}, {"result", Json("done")}}));
  CHECK(office.good(act("get_ticket", {{"ticket_id", Json(id)}}))["ticket"]["status"] == Json("done"));
}

TEST_CASE("a key that is nobody changes what it wrote itself, and nobody else's messages", "[server][api][security]") {
  Office office;
  const std::int64_t id = office.ticket();
  const auto key = [&](const char* name, std::initializer_list<Json::Member> more = {}) {
    Json asked = cmd("key add", more);
    asked.set("name", Json(name));
    return office.house.command(asked)["key"].as_string();
  };
  const auto say = [&](const char* text) {
    return office.good(act("add_message", {{"ticket_id", Json(id)}, {"message", Json(text)}}))["id"];
  };
  const std::string first = office.key, second = key("Second"), ann = key("Ann's", {{"operator_id", Json("ann")}});
  office.key = ann;
  const Json hers = say("from ann");
  office.key = second;
  const Json others = say("from the second key");
  office.key = first;
  const Json own = say("from the first key");
  for (const Json& message : {hers, others}) {
    const auto edit = office.ask(act("edit_message", {{"message_id", message}, {"message", Json("not mine")}}));
    CHECK(edit.status == 403);
    CHECK(said(edit) == "not_permitted");
    CHECK(said(edit, "field") == "message_id");
    CHECK(office.ask(act("delete_message", {{"message_id", message}})).status == 403);
  }
  CHECK(office.ask(act("edit_message", {{"message_id", own}, {"message", Json("mine")}})).status == 200);
  const Json messages = office.good(act("get_ticket", {{"ticket_id", Json(id)}}))["messages"];
  CHECK(messages.items()[1]["message"] == Json("from ann"));
  CHECK(messages.items()[2]["message"] == Json("from the second key"));
  CHECK(messages.items()[3]["message"] == Json("mine"));
  office.key = ann;  // a supervisor
  office.good(act("edit_message", {{"message_id", own}, {"message", Json("ann's")}}));
}

TEST_CASE("what a merged ticket refuses is not written, and what is said to it shows on the other one",
          "[server][api]") {
  Office office({{"operator_id", Json("ann")}});
  const std::int64_t from = office.ticket("Pump"), into = office.ticket("Pump again"), last = office.ticket("Pumps");
  const auto say = [&](const char* text) {
    return office.good(act("add_message", {{"ticket_id", Json(from)}, {"message", Json(text)}}))["id"];
  };
  const Json before = say("before");
  const auto merge = [&](std::int64_t source, std::int64_t target) {
    return office.ask(act("merge_tickets", {{"ticket_id", Json(source)}, {"target_id", Json(target)}}));
  };
  CHECK(merge(from, into).status == 200);
  const auto commits = [&] { return office.house.command(cmd("status"))["rows"].items().front()["commit_seq"]; };
  const Json seq = commits();
  const Json shown = office.good(act("get_ticket", {{"ticket_id", Json(from)}}));
  const auto refused = [&](const char* action, std::initializer_list<Json::Member> more = {}) {
    Json asked = act(action, more);
    if (asked.find("message_id") == nullptr) asked.set("ticket_id", Json(from));
    const auto answer = office.ask(asked);
    INFO(action << " -> " << answer.body);
    CHECK(answer.status == 400);
    CHECK(said(answer) == "bad_transition");
    CHECK(said(answer, "error").find("merged into another one") != std::string::npos);
  };
  refused("update_ticket", {{"subject", Json("other")}});
  refused("update_ticket", {{"assigned_to", Json(1)}, {"category", Json("made-for-nothing")}});
  refused("take_ticket");
  refused("complete_ticket");
  refused("add_ticket_tag", {{"tag", Json("pump")}});
  refused("merge_tickets", {{"target_id", Json(last)}});
  refused("delete_ticket");
  refused("bulk_delete_tickets", {{"ticket_ids", Json::array({Json(last), Json(from)})}});
  refused("edit_message", {{"message_id", before}, {"message", Json("after")}});
  refused("edit_message", {{"message_id", shown["messages"].items()[0]["id"]}, {"message", Json("after")}});
  CHECK(commits() == seq);
  CHECK(office.good(act("get_ticket", {{"ticket_id", Json(from)}})) == shown);

  say("after");
  CHECK(merge(into, last).status == 200);
  for (const std::int64_t target : {into, last}) {
    const Json messages = office.good(act("get_ticket", {{"ticket_id", Json(target)}}))["messages"];
    REQUIRE(messages.size() == 3);
    CHECK(messages.items()[1] == office.good(act("get_ticket", {{"ticket_id", Json(from)}}))["messages"].items()[1]);
    CHECK(messages.items()[2]["message"] == Json("after"));
  }
}

TEST_CASE("an estimate shows its hours and its words", "[server][api]") {
  Office office({{"operator_id", Json("ann")}});
  const Json id(office.ticket());
  const auto estimate = [&](std::initializer_list<Json::Member> members) {
    Json asked = act("set_estimate", members);
    asked.set("ticket_id", id);
    return office.good(asked)["estimate"];
  };
  CHECK(estimate({{"hours", Json(1.5)}, {"description", Json("A new seal.")}}) ==
        Json::object({{"hours", Json(1.5)}, {"description", Json("A new seal.")}}));
  office.good(act("update_ticket", {{"ticket_id", id}, {"status", Json("in_progress")}}));
  CHECK(estimate({{"hours", Json("2.5")}}) == Json::object({{"hours", Json(2.5)}, {"description", Json()}}));
}

TEST_CASE("a client's ticket is waited for from the start, and only who is somebody answers it", "[server][api][sla]") {
  Office office;
  office.house.command(cmd("organisation add", {{"name", Json("Client")}, {"portal_domain", Json("client.example")}}));
  const auto make = [&](std::initializer_list<Json::Member> more) {
    Json asked = act("create_ticket", more);
    asked.set("subject", Json("Pump"));
    asked.set("description", Json("It leaks."));
    return office.good(asked);
  };
  const Json theirs = make({{"portal_domain", Json("client.example")}}), nobodys = make({});
  const auto shown = [&](const Json& made) {
    return office.good(act("get_ticket", {{"ticket_id", made["id"]}}))["ticket"]["sla_response_at"];
  };
  CHECK(shown(theirs).is_string());
  CHECK(shown(nobodys).is_null());
  const auto answered = [&] {
    const Json clock = office.house.command(cmd("sla explain", {{"ticket", theirs["number"]}}))["clock"];
    std::string lines;
    for (const Json& line : clock.items()) lines += line.as_string() + "\n";
    const auto begin = lines.find("first_response"), end = lines.find("\nresolution", begin);
    REQUIRE(begin != std::string::npos);
    return lines.substr(begin, end - begin).find(" met: ") != std::string::npos;
  };
  const auto reply = [&] {
    office.good(act("add_message", {{"ticket_id", theirs["id"]}, {"message", Json("Somebody is on the way.")}}));
  };
  reply();
  CHECK_FALSE(answered());
  office.key =
      office.house.command(cmd("key add", {{"name", Json("Ann's")}, {"operator_id", Json("ann")}}))["key"].as_string();
  reply();
  CHECK(answered());
}

TEST_CASE("the ten categories that integrations know have names, and another code makes one", "[server][api]") {
  Office office;
  const std::pair<const char*, const char*> known[] = {{"crm", "CRM"},
                                                       {"telephony", "Telephony / SIP"},
                                                       {"whatsapp", "WhatsApp / Messengers"},
                                                       {"tasks", "Tasks"},
                                                       {"automation", "Automation / Business Processes"},
                                                       {"setup", "Configuration / Setup"},
                                                       {"bugfix", "Bug fix"},
                                                       {"consultation", "Consultation"},
                                                       {"other", "Other"},
                                                       {"general", "General (from channels)"},
                                                       {"infrastructure", "infrastructure"}};
  for (const auto& [code, name] : known)
    for (int twice = 0; twice < 2; ++twice)
      office.good(
          act("create_ticket", {{"subject", Json(name)}, {"description", Json("x")}, {"category", Json(code)}}));
  const Json made = office.house.command(cmd("category list"))["rows"];
  REQUIRE(made.size() == std::size(known));
  for (const auto& [code, name] : known) {
    INFO(code);
    const auto is_it = [&](const Json& row) { return row["code"] == Json(code) && row["name"] == Json(name); };
    CHECK(std::ranges::count_if(made.items(), is_it) == 1);
    CHECK(office.good(act("list_tickets", {{"category", Json(code)}}))["total"] == Json(2));
  }
}

TEST_CASE("lists show what their filters say, in pages with a total", "[server][api]") {
  Office office({{"operator_id", Json("ann")}});
  office.house.command(cmd("organisation add", {{"name", Json("Client")}, {"portal_domain", Json("client.example")}}));
  for (int i = 0; i < 5; ++i) office.ticket("Pump " + std::to_string(i));
  office.good(act("create_ticket", {{"subject", Json("Насос течёт")},
                                    {"description", Json("x")},
                                    {"category", Json("infrastructure")},
                                    {"priority", Json("urgent")},
                                    {"portal_domain", Json("Client.Example")}}));
  const auto total = [&](std::initializer_list<Json::Member> filter) {
    return office.good(act("list_tickets", filter))["total"].as_integer();
  };
  CHECK(total({}) == 6);
  CHECK(total({{"search", Json("НАСОС")}}) == 1);
  CHECK(total({{"search", Json("hall 2")}}) == 5);
  CHECK(total({{"portal_domain", Json("client.example")}}) == 1);
  CHECK(total({{"category", Json("infrastructure")}}) == 1);
  CHECK(total({{"category", Json("nothing")}}) == 0);
  CHECK(total({{"priority", Json("urgent")}}) == 1);
  CHECK(total({{"status", Json("done")}}) == 0);
  CHECK(total({{"status", Json("new")}}) == 6);
  const Json page = office.good(act("list_tickets", {{"limit", Json(4)}, {"page", Json(2)}}));
  CHECK(page["tickets"].size() == 2);
  CHECK(page["total"] == Json(6));
  CHECK(page["tickets"].items()[1]["subject"] == Json("Pump 0"));
  CHECK(said(office.ask(act("list_tickets", {{"portal_domain", Json("nobody.example")}}))) == "client_unknown");
}

TEST_CASE("merged and deleted tickets go, by supervisors alone", "[server][api]") {
  Office office({{"operator_id", Json("ann")}});
  const std::int64_t a = office.ticket(), b = office.ticket(), c = office.ticket(), d = office.ticket();
  office.good(act("merge_tickets", {{"ticket_id", Json(b)}, {"target_id", Json(a)}}));
  CHECK(office.good(act("get_ticket", {{"ticket_id", Json(b)}}))["ticket"]["status"] == Json("closed"));
  CHECK(office.ask(act("merge_tickets", {{"ticket_id", Json(a)}, {"target_id", Json(99)}})).status == 400);
  CHECK(office.ask(act("bulk_delete_tickets", {{"ticket_ids", Json::array({Json(c), Json(99)})}})).status == 400);
  CHECK(office.ask(act("get_ticket", {{"ticket_id", Json(c)}})).status == 200);  // all or none
  const Json gone = office.good(act("bulk_delete_tickets", {{"ticket_ids", Json::array({Json(c), Json(d)})}}));
  CHECK(gone["deleted"] == Json(2));
  CHECK(office.ask(act("get_ticket", {{"ticket_id", Json(c)}})).status == 400);
  CHECK(office.good(act("list_tickets"))["total"] == Json(2));
  CHECK(office.good(act("dashboard"))["total_open"] == Json(1));
}

TEST_CASE("a merge is taken back, and both tickets go on", "[server][api]") {
  Office office({{"operator_id", Json("ann")}});
  const std::int64_t a = office.ticket(), b = office.ticket(), c = office.ticket();
  const auto merge = [&](std::int64_t into, bool undo) {
    return office.ask(act("merge_tickets", {{"ticket_id", Json(b)}, {"target_id", Json(into)}, {"undo", Json(undo)}}));
  };
  CHECK(said(merge(a, true)) == "bad_transition");
  REQUIRE(merge(a, false).status == 200);
  CHECK(said(merge(c, true)) == "bad_transition");
  CHECK(office.good(act("get_ticket", {{"ticket_id", Json(b)}}))["ticket"]["status"] == Json("closed"));
  CHECK(merge(a, true).status == 200);
  CHECK(office.good(act("get_ticket", {{"ticket_id", Json(b)}}))["ticket"]["status"] == Json("new"));
  CHECK(office.good(act("dashboard"))["total_open"] == Json(3));
  office.good(act("take_ticket", {{"ticket_id", Json(b)}}));
  CHECK(merge(c, false).status == 200);
}

TEST_CASE("a ticket is made with all that it holds, and what is written back as it was shown changes nothing",
          "[server][api]") {
  Office office({{"operator_id", Json("ann")}});
  office.house.command(cmd("contact add", {{"name", Json("Joe Smith")}, {"email", Json("joe@customer.example")}}));
  office.house.command(cmd("queue add", {{"name", Json("Field")}}));
  office.house.command(cmd("field add", {{"name", Json("meter_no")}, {"type", Json("number")}}));
  office.house.command(cmd("field add", {{"name", Json("floors")}, {"type", Json("multi")}}));
  const Json ann = office.good(act("list_operators")).items()[0]["id"];
  const Json made = office.good(
      act("create_ticket",
          {{"subject", Json("Pump")},
           {"description", Json("In hall 2.")},
           {"type", Json("bug")},
           {"contact", Json("Joe@customer.example")},
           {"due_at", Json("2030-01-02T10:00:00Z")},
           {"order", Json("A-1007")},
           {"queue", Json("Field")},
           {"assigned_to", ann},
           {"tags", Json::array({Json("pump"), Json("urgent")})},
           {"watchers", Json::array({ann})},
           {"custom", Json::object({{"meter_no", Json(12)}, {"floors", Json::array({Json("b"), Json("a")})}})}}));
  const auto shown = [&] { return Json(office.good(act("get_ticket", {{"ticket_id", made["id"]}}))["ticket"]); };
  const Json ticket = shown();
  CHECK(ticket["type"] == Json("bug"));
  CHECK(ticket["creator_name"] == Json("Joe Smith"));
  CHECK(ticket["due_at"] == Json("2030-01-02T10:00:00.000Z"));
  CHECK(ticket["order"] == Json("A-1007"));
  CHECK(ticket["queue"] == Json("Field"));
  CHECK(ticket["assigned_to"] == ann);
  CHECK(ticket["tags"] == Json::array({Json("pump"), Json("urgent")}));
  CHECK(ticket["watchers"] == Json::array({ann}));
  CHECK(ticket["custom"]["meter_no"] == Json("12"));
  CHECK(ticket["custom"]["floors"] == Json("a\x1f"
                                           "b"));
  const auto commits = [&] { return office.house.command(cmd("status"))["rows"].items().front()["commit_seq"]; };
  const Json before = commits();
  Json same = act("update_ticket", {{"ticket_id", made["id"]}});
  for (const char* name :
       {"type", "contact", "due_at", "order", "queue", "tags", "watchers", "watching_contacts", "custom"})
    same.set(name, ticket[name]);
  CHECK(office.good(same) == ticket);
  CHECK(commits() == before);
  office.good(
      act("update_ticket", {{"ticket_id", made["id"]},
                            {"clear", Json::array({Json("type"), Json("due_at"), Json("order"), Json("queue")})},
                            {"contact", ticket["contact"]},
                            {"tags", Json::array({Json("pump")})},
                            {"watchers", Json::array()},
                            {"watching_contacts", Json::array({ticket["contact"]})},
                            {"external_refs", Json::object({{"jira", Json("PUMP-7")}})},
                            {"custom", Json::object({{"floors", Json()}})}}));
  const Json after = shown();
  for (const char* name : {"type", "due_at", "order", "queue"}) CHECK(after[name].is_null());
  CHECK(after["tags"] == Json::array({Json("pump")}));
  CHECK(after["watchers"].size() == 0);
  CHECK(after["watching_contacts"] == Json::array({ticket["contact"]}));
  CHECK(after["custom"] == Json::object({{"meter_no", Json("12")}}));
  CHECK(is_verified(office.house));
}

TEST_CASE("what a ticket cannot hold goes by its own parameter, and nothing is made", "[server][api]") {
  Office office({{"operator_id", Json("ann")}});
  office.house.command(
      cmd("field add", {{"name", Json("meter_no")}, {"type", Json("number")}, {"category", Json("crm")}}));
  const auto refused = [&](const char* name, Json value) {
    const auto answer = office.ask(act(
        "create_ticket", {{"subject", Json("Pump")}, {"description", Json("In hall 2.")}, {name, std::move(value)}}));
    INFO(answer.body);
    CHECK(answer.status == 400);
    return said(answer, "field");
  };
  CHECK(refused("type", Json("pump")) == "type");
  CHECK(refused("contact", Json("Nobody")) == "contact");
  CHECK(refused("due_at", Json("tomorrow")) == "due_at");
  CHECK(refused("queue", Json("Nowhere")) == "queue");
  CHECK(refused("assigned_to", Json(99)) == "assigned_to");
  CHECK(refused("watchers", Json::array({Json(99)})) == "watchers");
  CHECK(refused("watching_contacts", Json::array({Json(99)})) == "watching_contacts");
  CHECK(refused("custom", Json::object({{"site", Json("north")}})) == "custom.site");
  CHECK(refused("custom", Json::object({{"meter_no", Json("12")}})) == "custom.meter_no");  // of another category
  CHECK(refused("external_refs", Json::object({{"conversation", Json("chat:7")}})) == "external_refs.conversation");
  CHECK(refused("external_refs", Json::object({{"No Key", Json("7")}})) == "external_refs.No Key");
  const Json of_crm = Json::object({{"meter_no", Json("twelve")}});
  CHECK(said(office.ask(act("create_ticket", {{"subject", Json("Pump")},
                                              {"description", Json("In hall 2.")},
                                              {"category", Json("crm")},
                                              {"custom", of_crm}})),
             "field") == "custom.meter_no");
  CHECK(office.good(act("list_tickets"))["total"] == Json(0));
}

TEST_CASE("what is required is asked of a new ticket, and before one is done or closed", "[server][api]") {
  Office office({{"operator_id", Json("ann")}});
  const Json early = office.good(act(
      "create_ticket", {{"subject", Json("Pump")}, {"description", Json("Leaks.")}, {"category", Json("crm")}}))["id"];
  CHECK_FALSE(office.house.try_command(cmd("category set", {{"name", Json("CRM")}, {"required", Json("status")}})));
  office.house.command(cmd("category set", {{"name", Json("CRM")}, {"required", Json("type, priority")}}));
  office.house.command(
      cmd("field add",
          {{"name", Json("meter_no")}, {"type", Json("number")}, {"category", Json("crm")}, {"required", Json("1")}}));
  const auto missing = [&](Json request) {
    const auto answer = office.ask(std::move(request));
    INFO(answer.body);
    CHECK(answer.status == 400);
    CHECK(said(answer) == "invalid");
    return said(answer, "field");
  };
  Json create = act("create_ticket", {{"subject", Json("Lamp")}, {"description", Json("Dark.")}});
  office.good(create);  // of no category
  create.set("category", Json("crm"));
  CHECK(missing(create) == "priority");
  create.set("priority", Json("high"));
  CHECK(missing(create) == "type");
  create.set("type", Json("bug"));
  CHECK(missing(create) == "custom.meter_no");
  create.set("custom", Json::object({{"meter_no", Json(7)}}));
  const Json late = office.good(create)["id"];
  office.good(act("complete_ticket", {{"ticket_id", late}}));
  CHECK(missing(act("complete_ticket", {{"ticket_id", early}})) == "priority");
  Json close = act("update_ticket", {{"ticket_id", early}, {"status", Json("closed")}, {"priority", Json("low")}});
  CHECK(missing(close) == "type");
  office.good(act("update_ticket", {{"ticket_id", early}, {"status", Json("in_progress")}}));  // work goes on
  close.set("type", Json("question"));
  close.set("custom", Json::object({{"meter_no", Json(8)}}));
  CHECK(office.good(close)["status_exact"] == Json("closed"));
  CHECK(missing(act("update_ticket", {{"ticket_id", early}, {"custom", Json::object({{"meter_no", Json()}})}})) ==
        "custom.meter_no");
}

TEST_CASE("a deleted ticket is restored, by supervisors alone", "[server][api][security]") {
  Office office({{"operator_id", Json("ann")}});
  const std::int64_t id = office.ticket();
  const Json restore = act("restore_ticket", {{"ticket_id", Json(id)}, {"reason", Json("by mistake")}});
  CHECK(said(office.ask(restore)) == "bad_transition");
  CHECK(said(office.ask(act("restore_ticket", {{"ticket_id", Json(99)}}))) == "not_found");
  office.good(act("delete_ticket", {{"ticket_id", Json(id)}}));
  office.house.add_operator("ben", "operator");
  const std::string anns = office.key;
  office.key =
      office.house.command(cmd("key add", {{"name", Json("Ben's")}, {"operator_id", Json("ben")}}))["key"].as_string();
  CHECK(office.ask(restore).status == 403);
  office.key = anns;
  CHECK(office.good(restore)["id"] == Json(id));
  CHECK(office.good(act("list_tickets"))["total"] == Json(1));
  CHECK(is_verified(office.house));
}

TEST_CASE("messages become a ticket of their own, once, and no ticket is left when they cannot", "[server][api]") {
  Office office({{"operator_id", Json("ann")}});
  office.house.command(cmd("contact add", {{"name", Json("Joe Smith")}}));
  const std::int64_t id = office.ticket(), other = office.ticket("Lamp");
  office.good(act("update_ticket", {{"ticket_id", Json(id)}, {"contact", Json("Joe Smith")}}));
  const Json told =
      office.good(act("add_message", {{"ticket_id", Json(id)}, {"message", Json("And a second one.")}}))["id"];
  const auto split = [&](std::int64_t from, const Json& message) {
    return office.ask(act("split_ticket", {{"ticket_id", Json(from)},
                                           {"message_ids", Json::array({message})},
                                           {"subject", Json("Second pump")},
                                           {"type", Json("bug")}}));
  };
  CHECK(said(split(other, told), "field") == "message_ids");
  CHECK(said(split(id, Json(999)), "field") == "message_ids");
  const auto done = split(id, told);
  INFO(done.body);
  REQUIRE(done.status == 200);
  const Json made = must(parse_json(done.body))["data"]["id"];
  const Json shown = office.good(act("get_ticket", {{"ticket_id", made}}));
  CHECK(shown["ticket"]["subject"] == Json("Second pump"));
  CHECK(shown["ticket"]["type"] == Json("bug"));
  const Json contact = office.good(act("get_ticket", {{"ticket_id", Json(id)}}))["ticket"]["contact"];
  REQUIRE_FALSE(contact.is_null());
  CHECK(shown["ticket"]["contact"] == contact);  // whose it is goes along
  CHECK(shown["messages"].items()[1]["message"] == Json("And a second one."));
  CHECK(said(split(id, told)) == "bad_transition");
  CHECK(office.good(act("list_tickets"))["total"] == Json(3));
  CHECK(is_verified(office.house));
}

TEST_CASE("links, watchers and time come and go over the API", "[server][api]") {
  Office office({{"operator_id", Json("ann")}});
  office.house.command(cmd("contact add", {{"name", Json("Joe Smith")}}));
  const std::int64_t id = office.ticket(), other = office.ticket("Lamp");
  const Json ann = office.good(act("list_operators")).items()[0]["id"];
  const Json linking = Json::object({{"ticket_id", Json(id)}, {"target_id", Json(other)}, {"kind", Json("blocks")}});
  const auto ask = [&](const char* action, Json request) {
    request.set("action", Json(action));
    return office.good(std::move(request));
  };
  const Json linked = ask("link_tickets", linking);
  REQUIRE(linked["links"].size() == 1);
  CHECK(linked["links"].items()[0]["id"] == Json(other));
  CHECK(linked["links"].items()[0]["kind"] == Json("blocks"));
  CHECK(ask("link_tickets", linking)["links"].size() == 1);
  CHECK(ask("unlink_tickets", linking)["links"].size() == 0);
  CHECK(said(office.ask(act("link_tickets", {{"ticket_id", Json(id)}, {"target_id", Json(id)}})), "field") ==
        "target_id");
  CHECK(said(office.ask(act("link_tickets", {{"ticket_id", Json(id)}, {"target_id", Json(99)}})), "field") ==
        "target_id");
  const Json by_ann = Json::object({{"ticket_id", Json(id)}, {"operator_id", ann}});
  const Json by_joe = Json::object({{"ticket_id", Json(id)}, {"contact", Json("Joe Smith")}});
  CHECK(ask("add_ticket_watcher", by_ann)["watchers"] == Json::array({ann}));
  CHECK(ask("add_ticket_watcher", by_joe)["watching_contacts"].size() == 1);
  CHECK(ask("remove_ticket_watcher", by_ann)["watchers"].size() == 0);
  CHECK(ask("remove_ticket_watcher", by_joe)["watching_contacts"].size() == 0);
  CHECK(said(office.ask(act("add_ticket_watcher", {{"ticket_id", Json(id)}})), "field") == "operator_id");
  CHECK(said(office.ask(act("add_ticket_watcher", {{"ticket_id", Json(id)}, {"operator_id", Json(99)}})), "field") ==
        "operator_id");
  office.good(act("log_time", {{"ticket_id", Json(id)}, {"minutes", Json(20)}, {"note", Json("Seal replaced.")}}));
  CHECK(office.good(
            act("log_time", {{"ticket_id", Json(id)}, {"minutes", Json(10)}, {"kind", Json("call")}}))["minutes"] ==
        Json(30));
  CHECK(said(office.ask(act("log_time", {{"ticket_id", Json(id)}, {"minutes", Json(0)}})), "field") == "minutes");
  CHECK(is_verified(office.house));
}

TEST_CASE("lists and reports are of a client however many contacts it has", "[server][api][reports]") {
  constexpr int contacts = 30'000;
  Office office({{"operator_id", Json("ann")}});
  House& house = office.house;
  Json rows = Json::array();
  for (const char* name : {"North", "South"}) {
    Json client = record("organisation", name);
    client.set("attributes", Json::object({{"portal_domain", Json(std::string(name) + ".example")}}));
    rows.push(std::move(client));
  }
  for (int i = 0; i < contacts; ++i) {
    Json contact = record("contact", ("C" + std::to_string(i)).c_str());
    contact.set("attributes", Json::object({{"organisation", Json("North")}}));
    rows.push(std::move(contact));
  }
  Json other = record("contact", "Other");
  other.set("attributes", Json::object({{"organisation", Json("South")}}));
  rows.push(std::move(other));
  const Json loaded = house.command(cmd("record load", {{"rows", std::move(rows)}}));
  CHECK(loaded["made"].as_integer() == contacts + 3);
  const std::string path = house.folder.file("tickets.jsonl");
  {
    std::ofstream lines(path);
    int n = 0;
    for (const char* name : {"C0", "C29999", "Other"})
      lines << R"({"reference":")" << ++n << R"(","subject":"Pump leaks","contact":")" << name << "\"}\n";
  }
  CHECK(house.command(cmd("import tickets", {{"file", Json(path)}}))["tickets"].as_integer() == 3);
  const auto listed = [&](const char* portal, const char* words) {
    Json asked = act("list_tickets", {{"portal_domain", Json(portal)}});
    if (words != nullptr) asked.set("search", Json(words));
    return office.good(asked)["total"];
  };
  const auto open = [&](const char* client) {
    return house.command(cmd("report groups", {{"by", Json("client")}, {"client", Json(client)}}))["rows"]
        .items()
        .front()["open"];
  };
  for (int again = 0; again < 2; ++again) {
    CHECK(listed("North.example", nullptr) == Json(2));
    CHECK(listed("North.example", "leaks") == Json(2));
    CHECK(listed("South.example", nullptr) == Json(1));
    CHECK(open("North") == Json(2));
    CHECK(open("South") == Json(1));
  }
}

}  // namespace tern::test
