// Two organisations on one server: nothing of the one comes out at a door of the other. What is asked for is made of
// the registry: its fixtures (tests/data/api) are run for both, so that a new action is asked for as well.
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>
#include <set>

#include "side.hpp"
#include "support/secret_search.hpp"

namespace tern::test {
namespace {

constexpr std::string_view canary = "canaryofa";

bool sings(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text.find(canary) != std::string::npos;
}

/// The file that write_beside sent is to be had by its number, which is another organisation's file or none.
void check_files(Side& a, Side& b) {
  const auto fetch = [](Side& by, int number) {
    by.house.environment.advance(2'000);
    server::Request asked;
    asked.method = "GET";
    asked.target = "/api/files/" + std::to_string(number);
    asked.headers = {{"x-api-key", by.key}};
    const server::Response answer = by.house.send(asked);
    std::string text = answer.body;
    for (const auto& [name, value] : answer.headers()) text += value;
    if (answer.file()) text += must(answer.file()->read_at(answer.file_offset(), answer.file_bytes()));
    return text;
  };
  int singing = 0;
  for (int number = 1; number < 100; ++number) {
    singing += sings(fetch(a, number)) ? 1 : 0;
    CHECK_FALSE(sings(fetch(b, number)));
  }
  CHECK(singing > 0);
}

/// What programs at the server's machine write for an organisation, and what comes of it in the other one.
void check_exports(Side& a, Side& b) {
  int singing = 0, files = 0;
  const auto written = [&](Side& of, const std::string& name, std::initializer_list<Json::Member> members) {
    const std::string to = of.house.folder.file("out-" + std::to_string(++files));
    Json command = cmd(name, members);
    command.set("tenant", Json(of.tenant));
    command.set("to", Json(to));
    const std::string answer = to_text(of.house.command(command));
    CHECK_FALSE((sings(answer) && &of == &b));
    return content_of(to);
  };
  const std::initializer_list<const char*> all = {
      "tickets", "messages", "history", "records",   "clients",   "contacts",      "operators", "categories", "queues",
      "tags",    "fields",   "tariffs", "calendars", "sla-rules", "quick-replies", "macros",    "articles"};
  for (const char* what : all)
    for (const char* format : {"jsonl", "csv"}) {
      if (std::string_view(what) == "records" && std::string_view(format) == "csv") continue;
      INFO(what << ' ' << format);
      singing += sings(to_text(a.run("export", {{"what", Json(what)}, {"format", Json(format)}}))) ? 1 : 0;
      CHECK_FALSE(sings(to_text(b.run("export", {{"what", Json(what)}, {"format", Json(format)}}))));
    }
  CHECK(singing > 20);
  SecretSearch canaries;  // of what is base 64 in it, too
  canaries.add(std::string(canary));
  for (Side* side : {&a, &b}) {
    const bool is_a = side == &a;
    CHECK(canaries.in(written(*side, "export", {{"format", Json("ledger")}})).empty() != is_a);
    CHECK(sings(to_text(side->run("person export",
                                  {{"contact", Json("John" + side->mark.substr(0, side->mark.find("-again")))}}))) ==
          is_a);
    const std::string portable = to_text(side->run("export", {{"portable", Json(true)}}));
    CHECK(sings(portable) == is_a);
  }
  // Of a backup's answer and of its log of erasures; the backup itself is for the whole server, under its key.
  const std::string backup = a.house.folder.file("backup");
  CHECK_FALSE(sings(to_text(a.house.command(cmd("backup", {{"to", Json(backup)}})))));
  for (const auto& entry : std::filesystem::directory_iterator(a.house.folder.file("")))
    if (entry.is_regular_file() && entry.path().filename().string().starts_with("backup"))
      CHECK_FALSE(sings(content_of(entry.path())));
  // Brought in here, what there is there is as new as anything: that it is there is not said.
  const std::string to = a.house.folder.file("tickets.jsonl");
  std::size_t rows = 0;
  const Json portable = a.run("export", {{"portable", Json(true)}});
  {
    std::ofstream lines(to);
    for (const Json& row : portable["rows"].items()) {
      lines << to_text(row) << '\n';
      ++rows;
    }
  }
  const auto skipped = [&](Side& side) {
    const Json answer = side.run("import tickets", {{"file", Json(to)}, {"dry_run", Json(true)}});
    INFO(to_text(answer));
    CHECK(answer["skipped"].is_integer());
    return answer["skipped"].as_integer();
  };
  CHECK(rows > 10);
  CHECK(skipped(a) == static_cast<std::int64_t>(rows));
  CHECK(skipped(b) == 0);
}

}  // namespace

TEST_CASE("no door of an organisation says a word of another, whatever is asked for", "[server][api][security][I16]") {
  House house;
  house.command(cmd("tenant add", {{"name", Json("Other")}}));
  Outside outside;
  house.core->use_egress(
      outside, [](const std::function<void()>& work) { work(); }, 4);
  Side a(house, "Other", "-" + std::string(canary)), b(house, "Pumps", "-ofb");
  std::set<std::string> singing;
  for (const auto& [stem, answer] : walk(a))
    if (sings(answer)) singing.insert(stem);
  CHECK(singing.size() > 40);  // the net does catch
  write_beside(a);
  make_again(a);
  be_written_to(a);
  // All that B may do, its people with good parameters, everybody at every door.
  for (const auto& [stem, answer] : walk(b)) {
    INFO(stem << " -> " << answer);
    CHECK_FALSE(sings(answer));
  }
  write_beside(b);
  make_again(b);
  be_written_to(b);
  for (const server::AdminCommand& command : server::api_actions()) {
    const std::string surface(server::surface_name(command.api->surface)), action(command.api->action),
        stem = surface == "admin" ? action : surface + "." + action;
    const Json fixture = fixture_of(stem);  // an action without one has no place here: the test fails
    for (const char* by : {"admin", "", "program", "mobile", "client", "nobody"}) {
      if (stem == "revoke_api_key" || stem == "regenerate_api_key" || stem == "remove_operator") continue;
      const server::Response answer = b.send_as(by, b.request_of_fixture(fixture), path_of(stem));
      INFO(stem << " by " << by << " -> " << answer.body);
      CHECK(answer.status < 500);
      CHECK_FALSE(sings(answer.body));
    }
  }
  // Of its administrator at the command line, a device of it, and what everybody may see.
  int listed = 0;
  for (const server::AdminCommand& command : server::admin_commands()) {
    const std::string name(command.name);
    const bool reads = name.ends_with(" list") || name.starts_with("report") || name == "export";
    if (!reads || !command.needs_tenant || command.where == server::AdminWhere::offline_only) continue;
    Json asked = cmd(name);
    asked.set("tenant", Json("Pumps"));
    const auto answer = house.try_command(asked);
    INFO(name);
    CHECK_FALSE(sings(answer ? to_text(*answer) : answer.error().message));
    ++listed;
  }
  CHECK(listed > 10);
  CHECK(sings(to_text(a.run("export", {}))));
  Device device(house, "admin-ofb@pumps.example", "all", "Pumps");
  must(device.open_session());
  for (const v1::Patch& patch : device.download()) CHECK_FALSE(sings(patch.SerializeAsString()));
  Device theirs(house, "admin-canaryofa@pumps.example", "all", "Other");
  must(theirs.open_session());
  CHECK(
      std::ranges::any_of(theirs.download(), [](const v1::Patch& patch) { return sings(patch.SerializeAsString()); }));
  // What went out: each hook and mail server is told of its own organisation only.
  for (int i = 0; i < 200; ++i) {
    house.environment.advance(1'000);
    house.tick();
  }
  int hooks_of_b = 0, hooks_of_a = 0;
  for (const server::WebPost& post : outside.posts) {
    INFO(post.url << ' ' << post.body);
    const bool of_a = sings(post.url);
    ++(of_a ? hooks_of_a : hooks_of_b);
    CHECK(of_a == sings(post.body));
  }
  CHECK(hooks_of_a > 0);
  CHECK(hooks_of_b > 0);
  int mails_of_b = 0, mails_of_a = 0;
  for (std::size_t i = 0; i < outside.mails.size(); ++i) {
    const server::MailPost& mail = outside.mails[i];
    const std::string whole = mail.recipient + mail.content + text_of_mail(mail);
    INFO(outside.servers[i].host << ' ' << whole);
    const bool of_a = sings(outside.servers[i].host);
    ++(of_a ? mails_of_a : mails_of_b);
    CHECK(of_a == sings(whole));
  }
  CHECK(mails_of_a > 0);
  CHECK(mails_of_b > 0);
  house.peer = "127.0.0.1";  // which alone is shown the metrics
  for (const char* page : {"/api/openapi.json", "/api/reference", "/metrics", "/healthz", "/reset", "/sign-in"}) {
    const server::Response shown = house.get(page);
    INFO(page);
    CHECK(shown.status == 200);
    CHECK(shown.body.size() > 1);
    CHECK_FALSE(sings(shown.body));
  }
  for (const char* page : {"/rate", "/rate?token=x&score=5", "/readyz"}) CHECK_FALSE(sings(house.get(page).body));
  check_files(a, b);
  check_exports(a, b);
  for (const std::string& line : house.log) CHECK_FALSE(sings(line));
  for (const char* tenant : {"Other", "Pumps"})
    CHECK(house.command(cmd("verify", {{"tenant", Json(tenant)}}))["good"].as_bool());
}

TEST_CASE("what is another organisation's answers like what is not there, to the byte but for its name",
          "[server][api][security][I16]") {
  House house;
  house.command(cmd("tenant add", {{"name", Json("Other")}}));
  Side a(house, "Other", "-" + std::string(canary));
  for (int i = 0; i < 12; ++i) a.ask_fixture("create_ticket");
  for (int i = 0; i < 2; ++i) make_again(a);
  Panel b(house);
  const Json before = a.run("export", {});
  int asked = 0;
  for (const server::AdminCommand& command : server::api_actions()) {
    if (command.api->surface != server::ApiSurface::admin || elsewhere().contains(command.api->action)) continue;
    const std::string stem(command.api->action);
    const Json theirs = a.request_of_fixture(fixture_of(stem));
    Json nobodys = theirs;
    std::vector<std::pair<std::string, std::string>> names;
    for (const auto& [name, value] : theirs.members()) {
      if (!name.ends_with("_id") && !name.ends_with("_ids") && name != "assigned_to" && name != "portal_domain")
        continue;
      const Json one = value.is_array() ? value.items().front() : value;
      if (one.is_string()) {
        names.emplace_back(one.as_string(), with_all(one.as_string(), canary, "canaryofx"));
      } else {
        CHECK(one.as_integer() > 1);  // each organisation has its first: the number would be this one's own, too
        names.emplace_back(to_text(one), std::to_string(one.as_integer() + 7'000'000));
      }
      const Json none = one.is_string() ? Json(names.back().second) : Json(one.as_integer() + 7'000'000);
      nobodys.set(name, value.is_array() ? Json::array({none}) : none);
    }
    if (names.empty()) continue;
    house.environment.advance(2'000);
    const server::Response of_theirs = b.ask(theirs), of_none = b.ask(nobodys);
    std::string due = of_none.body;
    for (const auto& [of_a, none] : names) due = with_all(due, none, of_a);
    INFO(to_text(theirs) << " -> " << of_theirs.body << "\n" << to_text(nobodys) << " -> " << of_none.body);
    CHECK(of_theirs.status == of_none.status);
    CHECK(of_theirs.body == due);
    CHECK_FALSE(sings(with_all(of_theirs.body, a.domain, "?")));
    ++asked;
  }
  CHECK(asked > 25);
  CHECK(a.run("export", {}) == before);
}

}  // namespace tern::test
