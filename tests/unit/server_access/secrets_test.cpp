// No secret comes out but where it is due (I36). Every kind of secret is put to use in one house, with every action of
// the registry and the commands that list, log and export; then all that came out is searched for each of them, for
// what the server drew by chance, too, and what is found where is compared with one table.
#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "http/url_text.hpp"
#include "open_book.hpp"
#include "support/secret_search.hpp"
#include "tern/protocol/base64.hpp"
#include "tern/protocol/crockford.hpp"

namespace tern::test {
namespace {

/// Who is to have a secret is told it, once; what has to be said again to others is kept. Nothing else is let through.
struct Due {
  std::string_view secret, place;
  std::string_view member = {};  // of an answer that makes it known; "a?b": b in the query of a
  bool again = false;            // said more than once
};
constexpr Due due_places[] = {
    {"API key", "command key add", "key"},
    {"API key", "create_api_key", "key"},
    {"API key", "regenerate_api_key", "key"},
    {"client token", "create_client_token", "token"},
    {"mobile token", "mobile_login", "token"},
    {"mobile token", "create_mobile_token", "token"},
    {"session", "admin_login", "set-cookie"},
    {"session", "oidc_finish", "set-cookie"},
    {"begun login", "oidc_begin", "proof"},
    {"state of a login", "oidc_begin", "url?state"},
    {"nonce of a login", "oidc_begin", "url?nonce"},
    {"authenticator", "begin_two_factor", "secret"},
    {"authenticator", "server.db"},
    {"recovery code", "confirm_two_factor", "recovery_codes"},
    {"reset link", "command operator reset-link", "link#"},
    {"reset link", "mail to ann-ofa@pumps.example"},
    {"rating link", "mail to john@client-ofa.example", {}, true},
    {"rating link", "GET /rate", {}, true},  // the form that sends it
    {"enrolment code", "command device code", "code"},
    {"webhook secret", "create_webhook", "secret"},
    {"webhook secret", "rotate_webhook_secret", "secret"},
    {"webhook secret", "command webhook add", "secret"},
    {"webhook secret", "command webhook rotate", "secret"},
    {"webhook secret", "server.db"},
    {"inbound secret", "command inbound add", "secret"},
    {"inbound secret", "command inbound rotate", "secret"},
    {"inbound secret", "server.db"},
    {"channel secret", "server.db"},
    {"mail password", "server.db"},
    {"mail password", "mail server", {}, true},
    {"client secret", "server.db"},
    {"client secret", "issuer", {}, true},
    {"ticket secret", "widget.create_ticket", "ticket_secret"},
    {"key of the server", "keys", {}, true},
    {"drawn", "server.db"},         // keys of names in mails
    {"drawn", "issuer", {}, true},  // PKCE's verifier
    {"drawn", "file of backup"},    // with what its stream begins, which is no secret
};

/// What an answer tells, as a row of the table says.
std::vector<std::string> told_in(const Heard& one, std::string member) {
  if (member == "set-cookie") {
    const auto at = one.text.find("__Host-tern=");
    if (at == std::string::npos) return {};
    return {one.text.substr(at + 12, one.text.find(';', at) - at - 12)};
  }
  const std::size_t inside = member.find_first_of("?#");
  const std::string part = inside == std::string::npos ? "" : member.substr(inside);
  member.resize(std::min(inside, member.size()));
  const auto body = parse_json(one.body, {.decimals = true});
  if (!body) return {};
  const Json data = one.place.starts_with("command ") ? *body : (*body)["data"];
  const Json& value = data[member];
  std::vector<std::string> out;
  for (const Json& item : value.items()) out.push_back(item.as_string());
  if (value.is_string() && part.empty()) out.push_back(value.as_string());
  if (part == "#") out.push_back(value.as_string().substr(value.as_string().find('#') + 1));
  if (part.starts_with("?")) out.push_back(query_value(value.as_string(), part.substr(1)));
  return out;
}

/// What answers told, by the table, beside what was said.
std::vector<std::pair<std::string, std::string>> known_of(const OpenBook& book) {
  auto out = book.said;
  for (const Heard& one : book.heard)
    for (const Due& row : due_places)
      if (!row.member.empty() && row.place == one.place)
        for (const std::string& value : told_in(one, std::string(row.member)))
          out.emplace_back(std::string(row.secret), value);
  return out;
}

}  // namespace

TEST_CASE("a secret is found however it is written", "[support]") {
  SecretSearch search;
  Bytes secret(20, '\0');
  for (std::size_t i = 0; i < secret.size(); ++i) secret[i] = static_cast<char>(0xE0 + i);
  const std::size_t number = search.add(secret);
  CHECK(search.add("another one that is text") != number);
  CHECK(search.add(secret) == number);
  const std::set<std::size_t> it = {number};
  const std::string hex = to_hex(secret);
  std::string upper = hex;
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  for (const std::string& form : {std::string(secret), hex, upper, to_base64(secret), server::to_base64url(secret),
                                  protocol::crockford_encode(secret), protocol::crockford_groups(secret)}) {
    CHECK(search.in(form) == it);
    CHECK(search.in("{\"key\":\"x_" + form + "\"}") == it);
    for (const char* before : {"", "1", "22", "333"})
      CHECK(search.in("<" + to_base64(before + form + " and more") + ">") == it);
    CHECK(search.in(form.substr(0, form.size() / 2)).empty());
  }
  CHECK(search.in(to_base64("user:another one that is text")).size() == 1);
  CHECK(search.in(std::string(100, 'A')).empty());
}

TEST_CASE("no secret comes out but where it is due, whatever is asked for", "[server][api][security][I36]") {
  OpenBook book;
  book.set_up();
  walk(*book.side);
  write_beside(*book.side);
  book.use_devices();
  book.use_inbound();
  book.use_links();
  book.use_ratings();
  book.use_logins();
  book.ask_again();
  book.side->renew();
  book.ask_everybody();
  book.list_and_export();
  std::map<std::string, std::string> one_of_each;
  for (const auto& [name, value] : known_of(book)) one_of_each[name] = value;
  book.refuse(one_of_each);
  book.house.peer = "127.0.0.1";  // which alone is shown the metrics
  for (const char* page : {"/api/openapi.json", "/api/reference", "/metrics", "/healthz", "/reset", "/sign-in"}) {
    INFO(page);
    CHECK(book.house.get(page).status == 200);
  }
  book.work_offline();
  for (const char* list : {"status", "key list", "widget list"}) {
    Json asked = cmd(list);
    if (std::string_view(list) != "status") asked.set("tenant", Json("Pumps"));
    book.house.command(asked);
  }
  for (const std::string& line : book.house.log) book.heard.push_back({"log", line, {}, line});

  SecretSearch search;
  std::map<std::size_t, std::string> names;
  for (const auto& [name, value] : known_of(book))
    if (value.size() >= SecretSearch::bytes_min) names.emplace(search.add(value), name);
  // What the server drew is a secret, too. Where it stands in one that has a name, it is that one.
  SecretSearch drawn;
  for (const std::string& value : book.drawing.secrets()) drawn.add(value);
  std::map<std::size_t, std::string> inside;
  for (const auto& [name, value] : known_of(book))
    for (const std::size_t i : drawn.in(value)) inside.emplace(i, name);
  for (std::size_t i = 0; i < drawn.size(); ++i)
    names.emplace(search.add(drawn.value(i)), inside.contains(i) ? inside.at(i) : "drawn");

  std::set<std::pair<std::string, std::string>> is, expected;
  std::map<std::pair<std::size_t, std::string>, int> times;
  std::set<std::pair<std::string, std::string>> once;
  for (const Due& row : due_places) {
    expected.emplace(row.secret, row.place);
    if (!row.again) once.emplace(row.secret, row.place);
  }
  for (const Heard& one : book.heard) {
    if (one.text.find("$argon2") != std::string::npos && one.place != "server.db")
      FAIL_CHECK("the hash of a password in " << one.place << ": " << one.asked);
    for (const std::size_t number : search.in(one.text)) {
      const std::pair<std::string, std::string> found(names.at(number), one.place);
      INFO(found.first << " in " << found.second << ", asked " << one.asked.substr(0, 500) << "\n"
                       << one.text.substr(0, 500));
      CHECK(expected.contains(found));
      if (once.contains(found) && !one.place.ends_with(".db")) CHECK(++times[{number, one.place}] == 1);
      is.insert(found);
    }
  }
  for (const auto& row : expected) {
    INFO(row.first << " in " << row.second);
    CHECK(is.contains(row));  // the net does catch
  }
  std::set<std::string> kinds;
  for (const auto& [number, name] : names) kinds.insert(name);
  for (const char* kind : {"password", "recovery key", "key of a session", "key of a device", "ID token", "drawn"})
    CHECK(kinds.contains(kind));
  CHECK(book.heard.size() > 1'000);
}

}  // namespace tern::test
