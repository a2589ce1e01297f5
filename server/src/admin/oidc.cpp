// The issuer that vouches for an organisation's people: one channel of the type "oidc", its client's secret.
#include <algorithm>

#include "admin/handlers.hpp"
#include "admin/record_writer.hpp"
#include "desk/outgoing_settings.hpp"
#include "one_line.hpp"
#include "outgoing/web_address.hpp"
#include "tern/protocol/text.hpp"

namespace tern::server::admin {
namespace {

constexpr std::size_t domain_bytes_max = 253, client_text_bytes_max = 1'024;

std::optional<sync::Record> oidc_record(const Tenant& tenant) {
  for (sync::Record& record : tenant.records(sync::RecordKind::channel))
    if (oidc_of(record)) return std::move(record);
  return std::nullopt;
}

Result<std::string> domain_said(const AdminCall& call) {
  const std::string domain = protocol::fold_case(call.text("domain"));
  const bool good = !domain.empty() && domain.size() <= domain_bytes_max && std::ranges::all_of(domain, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '.' || c == '-';
  });
  if (!good) return fail(ErrorCode::invalid, "That is no domain.", "Write it like acme.example.", "domain");
  for (const Tenant* other : call.parts().tenants.all()) {
    const auto record = other == &call.tenant() ? std::nullopt : oidc_record(*other);
    const auto taken = record ? oidc_of(*record) : std::nullopt;
    if (taken && taken->domain == domain)
      return fail(ErrorCode::invalid, "Another organisation has this domain.", "", "domain");
  }
  return domain;
}

Result<void> take_oidc(const AdminCall& call, OidcSettings& oidc) {
  if (call.has("domain")) {
    TERN_TRY(oidc.domain, domain_said(call));
  }
  if (call.has("issuer")) {
    oidc.issuer = call.text("issuer");
    if (const auto good = parse_web_address(oidc.issuer); !good || good->target.find('?') != std::string::npos)
      return fail(ErrorCode::invalid, "An issuer is an https address without a query.",
                  "As it calls itself, to the letter: https://id.acme.example", "issuer");
  }
  if (call.has("client-id")) {
    oidc.client_id = call.text("client-id");
    if (oidc.client_id.size() > client_text_bytes_max)
      return fail(ErrorCode::too_large, "That is too long.", "", "client-id");
    TERN_CHECKED(check_one_line(oidc.client_id, "client id", "client-id"));
  }
  for (const auto& [value, name] :
       {std::pair(&oidc.domain, "domain"), std::pair(&oidc.issuer, "issuer"), std::pair(&oidc.client_id, "client-id")})
    if (value->empty()) return fail(ErrorCode::usage, "Say --domain, --issuer and --client-id.", "", name);
  return {};
}

Result<Json> oidc_json(AdminCall& call, const OidcSettings& oidc) {
  TERN_TRY(const bool kept, call.parts().directory.has_channel_secret(call.tenant().number(), oidc.id));
  Json out = oidc_settings_json(oidc);
  out.set("has_secret", Json(kept));
  out.set("active", Json(oidc.active));
  return out;
}

}  // namespace

Result<Json> oidc_set(AdminCall& call) {
  if (call.flag("on") && call.flag("off")) return fail(ErrorCode::usage, "Either --on or --off.", "", "on");
  if (call.text("client-secret").size() > client_text_bytes_max)
    return fail(ErrorCode::too_large, "A secret has at most 1,024 bytes.", "", "client-secret");
  TERN_TRY(const auto naming, call.lock_names());
  const auto write = [&]() -> Result<OidcSettings> {
    auto record = oidc_record(call.tenant());
    const bool fresh = !record;
    if (fresh) {
      record.emplace();
      record->kind = sync::RecordKind::channel;
      record->id = random_id<RecordId>(call.parts().environment);
      record->name = oidc_channel_name;
      record->attributes["type"] = oidc_type;
      if (find_record(call.tenant(), record->kind, record->name))
        return fail(ErrorCode::invalid, "There is a channel \"Sign-in\" already.", "Give it another name.", "name");
    }
    const sync::Record before = *record;
    OidcSettings oidc = oidc_of(*record).value_or(OidcSettings{});
    oidc.id = record->id;
    TERN_CHECKED(take_oidc(call, oidc));
    record->attributes["settings"] = to_text(oidc_settings_json(oidc));
    if (call.flag("off")) record->attributes["active"] = "0";
    if (call.flag("on")) record->attributes.erase("active");
    oidc.active = !record->attributes.contains("active");
    if (call.has("client-secret"))
      TERN_CHECKED(
          call.parts().directory.put_channel_secret(call.tenant().number(), record->id, call.text("client-secret")));
    if (fresh || *record != before) TERN_CHECKED(write_records(call.tenant(), {*record}));
    return oidc;
  };
  TERN_TRY(const OidcSettings oidc, call.on_strand(write));
  return oidc_json(call, oidc);
}

Result<Json> oidc_show(AdminCall& call) {
  const auto record = oidc_record(call.tenant());
  const auto oidc = record ? oidc_of(*record) : std::nullopt;
  if (!oidc) return fail(ErrorCode::not_found, "No issuer is set up.", "ternd oidc set --domain ... --issuer ...");
  return oidc_json(call, *oidc);
}

}  // namespace tern::server::admin
