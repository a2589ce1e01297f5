// Tokens of clients: made by integrations, taken back at the server's own machine.
#include <algorithm>

#include "admin/record_writer.hpp"
#include "api/actions.hpp"
#include "api/client_tokens.hpp"
#include "api/ticket_writer.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/sqlite/transaction.hpp"
#include "tern/sync/rights.hpp"
#include "time_text.hpp"

namespace tern::server::actions {
namespace {

constexpr std::size_t tokens_listed_max = 1'000;
constexpr std::int64_t second_ms = 1'000;

/// Where people reach this server; empty: nobody said.
Result<std::string> address_of_server(const AdminCall& call) {
  const std::string& running = call.parts().options.public_url;
  TERN_TRY(std::string url, running.empty() ? call.parts().directory.public_url() : Result<std::string>(running));
  while (url.ends_with('/')) url.pop_back();
  return url;
}

Result<std::int64_t> ttl_of(const AdminCall& call) {
  const std::int64_t ttl_s = call.integer("ttl", client_token_ttl_s_default);
  if (ttl_s >= client_token_ttl_s_min && ttl_s <= client_token_ttl_s_max) return ttl_s;
  return fail(ErrorCode::invalid, "A client's token is good for 300 to 604800 seconds.", "", "ttl");
}

Json token_json(Tenant& tenant, const ClientToken& token) {
  const auto client = tenant.find_record(sync::RecordKind::organisation, token.organisation);
  return Json::object({{"token_id", Json(to_hex(token.id))},
                       {"name", Json(token.name)},
                       {"user_id", Json(token.user_id)},
                       {"organisation", client ? Json(client->name) : Json()},
                       {"portal_domain", attribute_json(client, "portal_domain")},
                       {"created_at", Json(instant_text(token.made_ms))},
                       {"expires_at", Json(instant_text(token.ends_ms))}});
}

/// A key says by its scopes that it may.
bool may_give_token(const Caller& caller) {
  if (!caller.actor) return true;
  return caller.key.is_zero() ? gives_client_tokens(caller.actor->role)
                              : sync::has_right(caller.actor->role, sync::Right::reply);
}

}  // namespace

Result<Json> create_client_token(AdminCall& call) {
  Tenant& tenant = call.tenant();
  Environment& environment = call.parts().environment;
  if (!may_give_token(call.caller()))
    return fail(ErrorCode::not_permitted, "This role does not speak for customers.",
                "Who decides on estimates in their place may, or an administrator.");
  TERN_TRY(const std::int64_t ttl_s, ttl_of(call));
  TERN_TRY(const std::string url, address_of_server(call));
  ClientToken token;
  token.id = random_id<RecordId>(environment);
  token.user_id = call.integer("user_id", 0);
  if (token.user_id < 0) return fail(ErrorCode::invalid, "user_id is not below 0.", "0: anonymous.", "user_id");
  TERN_TRY(token.name, admin::record_name(call.has("user_name") ? call.text("user_name") : "Client", "user_name"));
  token.made_by = call.caller().key;
  if (token.made_by.is_zero()) token.made_by = RecordId::or_zero(call.caller().acting().view());
  Bytes hash;
  std::string text = make_client_token(tenant, token.id, environment, hash);
  call.makes(token.id.view());
  const auto written = call.change([&]() -> Result<void> {
    TERN_CHECKED(check_takes_work(call));
    TERN_TRY(const sync::Record client, find_client(tenant, call.text("portal_domain")));
    token.organisation = client.id;
    token.contact = contact_of_user(tenant, client.id, token.user_id, environment);
    token.made_ms = tenant.now_ms();
    token.ends_ms = token.made_ms + ttl_s * second_ms;
    return tenant.write([&](sqlite::Database& db) -> Result<void> {
      TERN_TRY(auto transaction, sqlite::Transaction::begin_write(db));
      TERN_CHECKED(write_client_token(db, tenant.number(), token, hash));
      TERN_CHECKED(call.note_in(db));
      return transaction.commit();
    });
  });
  TERN_CHECKED(written);
  const bool shown = !call.is_repeated();  // a token that was made before is not kept
  const auto page = [&](const char* path) { return shown ? Json(url + path + "?ctoken=" + text) : Json(); };
  Json out = Json::object({{"token", shown ? Json(text) : Json()},
                           {"expires_in", Json(ttl_s)},
                           {"portal_url", page("/index.html")},
                           {"embed_url", page("/embed.html")}});
  protocol::wipe(text);
  return out;
}

Result<Json> token_list(AdminCall& call) {
  TERN_TRY(const auto tokens, live_client_tokens(call.tenant(), tokens_listed_max));
  Json out = Json::array();
  for (const ClientToken& token : tokens) out.push(token_json(call.tenant(), token));
  return Json::object({{"rows", std::move(out)}});
}

/// By the id that lists show, or all of an organisation.
Result<Json> token_revoke(AdminCall& call) {
  if (call.has("token_id") == call.has("portal_domain"))
    return fail(ErrorCode::usage, "Which token, or --portal-domain for all of an organisation.", "", "token_id");
  std::optional<RecordId> client;
  if (call.has("portal_domain")) {
    TERN_TRY(const sync::Record found, find_client(call.tenant(), call.text("portal_domain")));
    client = found.id;
  }
  std::int64_t ended = 0;
  TERN_CHECKED(call.with_room([&] {
    return call.on_strand([&] {
      return call.tenant().write([&](sqlite::Database& db) -> Result<void> {
        TERN_TRY(auto transaction, sqlite::Transaction::begin_write(db));
        TERN_TRY(ended, end_client_tokens(db, call.tenant().number(), client, call.text("token_id")));
        return transaction.commit();
      });
    });
  }));
  if (ended == 0 && !client)
    return fail(ErrorCode::not_found, "There is no such token.", "See: ternd token list", "token_id");
  return Json::object({{"revoked", Json(ended)}});
}

}  // namespace tern::server::actions
