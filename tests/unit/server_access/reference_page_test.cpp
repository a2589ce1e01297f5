// The reference as people read it.
#include <set>
#include <vector>

#include "api/credentials.hpp"
#include "api/openapi.hpp"
#include "api/plans.hpp"
#include "http/html_text.hpp"
#include "office.hpp"
#include "tern/protocol/base64.hpp"
#include "tern/protocol/crypto.hpp"

namespace tern::test {
namespace {

/// Every element that begins ends, in order; what it is made of by name. Only as much markup as our pages have.
struct Markup {
  std::set<std::string> elements, ids, links;
  std::vector<std::string> twice;  // ids
  bool balanced = true;

  explicit Markup(const std::string& page) {
    std::vector<std::string> open;
    for (std::size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at)) {
      const std::size_t end = page.find('>', at);
      const std::string tag = page.substr(at + 1, end - at - 1);
      at = end;
      const std::string name = tag.substr(0, tag.find(' '));
      if (name == "!doctype" || name == "meta") continue;
      if (name.starts_with('/')) {
        balanced = balanced && !open.empty() && "/" + open.back() == name;
        if (!open.empty()) open.pop_back();
        continue;
      }
      open.push_back(name);
      elements.insert(name);
      if (const std::string id = attribute(tag, "id"); !id.empty() && !ids.insert(id).second) twice.push_back(id);
      if (const std::string to = attribute(tag, "href"); to.starts_with('#')) links.insert(to.substr(1));
    }
    balanced = balanced && open.empty();
  }
  static std::string attribute(const std::string& tag, const std::string& name) {
    const std::size_t at = tag.find(name + "=\"");
    if (at == std::string::npos) return {};
    const std::size_t from = at + name.size() + 2;
    return tag.substr(from, tag.find('"', from) - from);
  }
};

std::string between(const std::string& page, const std::string& from, const std::string& to) {
  const std::size_t at = page.find(from);
  INFO(from);
  REQUIRE(at != std::string::npos);
  return page.substr(at, page.find(to, at) - at);
}

bool holds(const std::string& page, std::string_view text) {
  return page.find(server::html_text(text)) != std::string::npos;
}

}  // namespace

TEST_CASE("the reference page has every action with its parameters, as the registry has it, and runs no script",
          "[server][api][pages]") {
  Office office;
  const auto answer = office.house.get("/api/reference");
  CHECK(answer.status == 200);
  CHECK(answer.header("content-type") == "text/html; charset=utf-8");
  const std::string page(answer.body);
  const Markup markup(page);
  CHECK(markup.balanced);
  CHECK(markup.twice.empty());
  for (const std::string& to : markup.links) {
    INFO(to);
    CHECK(markup.ids.contains(to));
  }
  CHECK_FALSE(markup.elements.contains("script"));
  const std::string policy(answer.header("content-security-policy"));
  CHECK(policy.find("script-src") == std::string::npos);
  CHECK(policy.find("default-src 'none'") != std::string::npos);
  const std::string style = between(page, "<style>", "</style>").substr(7);
  CHECK(policy.find("style-src 'sha256-" + to_base64(protocol::sha256(style).view()) + "'") != std::string::npos);

  for (const server::AdminCommand& command : server::api_actions()) {
    const server::ApiFace& face = *command.api;
    const std::string id = std::string(server::surface_name(face.surface)) + "." + std::string(face.action);
    const std::string article = between(page, "<article id=\"" + id + "\">", "</article>");
    CHECK(markup.links.contains(id));
    CHECK(holds(article, command.summary));
    CHECK(holds(article, face.answer));
    CHECK(holds(article, std::string("{\"action\":\"") + std::string(face.action) + "\""));
    for (const server::AdminArg& arg : command.args) {
      INFO(arg.name);
      const std::string row = between(article, "<tr><td><code>" + std::string(arg.name) + "</code>", "</tr>");
      CHECK(holds(row, server::parameter_type(arg)));
      CHECK(holds(row, arg.help));
      CHECK((row.find("<td>required</td>") != std::string::npos) == arg.required);
      for (const std::string_view choice : arg.choices) CHECK(holds(row, choice));
      for (const std::string_view alias : arg.aliases) CHECK(holds(row, alias));
      if (!arg.required && !arg.fallback.empty())
        CHECK(row.find("<td><code>" + server::html_text(arg.fallback) + "</code></td>") != std::string::npos);
    }
    const auto by = server::credentials_of(face);
    CHECK((article.find("anybody, without a credential") != std::string::npos) == by.empty());
    for (const server::CredentialSpec& spec : server::all_credentials()) {
      const bool named = article.find("href=\"#by." + std::string(spec.scheme) + "\"") != std::string::npos;
      CHECK(named == server::lets_in(face, spec.credential));
    }
    if (server::lets_in(face, server::Credential::key))
      for (const std::string_view scope : face.scopes) CHECK(holds(article, scope));
    if (server::lets_in(face, server::Credential::session)) CHECK(holds(article, server::api_role_name(face.role)));
  }
  for (const server::Plan& plan : server::plans())
    CHECK(page.find("<td>" + std::to_string(plan.requests_per_minute) + "</td>") != std::string::npos);
}

TEST_CASE("the reference page is read by GET, by anybody, and says the limits that the doors keep",
          "[server][api][pages]") {
  Office office;
  const std::string page(office.house.get("/api/reference").body);
  const auto said_limit = [&](const std::string& what) {
    const std::string row = between(page, "<tr><td>" + what + "</td><td>", "</td></tr>");
    return row.substr(row.rfind('>') + 1);
  };
  office.house.command(
      cmd("organisation add", {{"name", Json("Client Ltd")}, {"portal_domain", Json("client.example")}}));
  const std::string client =
      office
          .good(act("create_client_token", {{"portal_domain", Json("client.example")}, {"user_id", Json(7)}}))["token"]
          .as_string();
  const Json widget = office.house.command(
      cmd("widget add", {{"name", Json("Shop")}, {"origins", Json::array({Json("https://shop.example")})}}))["key"];
  office.key.clear();
  const auto limit_of = [&](const Json& request, const std::string& door, std::vector<server::Header> headers = {}) {
    return std::string(
        office.send(to_text(request), door, "application/json", std::move(headers)).header("ratelimit-limit"));
  };
  CHECK(said_limit("Requests a minute of a user of a client") ==
        limit_of(act("list_tickets"), "/api/client.php", {{"x-client-token", client}}));
  CHECK(said_limit("Requests a minute of a widget") ==
        limit_of(act("check_status", {{"api_key", widget}, {"ticket_id", Json(9)}, {"email", Json("a@b.example")}}),
                 "/api/widget.php"));
  CHECK(said_limit("Requests a minute of an address through widgets") ==
        limit_of(act("check_status"), "/api/widget.php"));
  CHECK(said_limit("Tickets an hour of an address through widgets") ==
        limit_of(act("create_ticket", {{"api_key", widget}}), "/api/widget.php"));
  CHECK(office.send(Bytes(64 * limits::kib, ' ')).status == 400);
  CHECK(office.send(Bytes(64 * limits::kib + 1, ' ')).status == 413);
  CHECK(said_limit("Bytes of a body, without one") == std::to_string(64 * limits::kib));
  const auto posted = office.send("{}", "/api/reference");
  CHECK(posted.status == 405);
  CHECK(posted.header("allow") == "GET");
}

TEST_CASE("what stands on a page is text, whatever characters it is of", "[server][pages]") {
  CHECK(server::html_text(R"(<a href="x">&'</a>)") == "&lt;a href=&quot;x&quot;&gt;&amp;'&lt;/a&gt;");
  House house;
  const std::string page(house.get("/api/reference").body);
  CHECK(page.find("{&quot;action&quot;:&quot;list_tickets&quot;") != std::string::npos);
}

}  // namespace tern::test
