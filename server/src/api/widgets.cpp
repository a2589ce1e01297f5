#include "api/widgets.hpp"

#include <algorithm>
#include <charconv>

#include "tern/protocol/crypto.hpp"
#include "tern/protocol/text.hpp"
#include "time_text.hpp"

namespace tern::server {
namespace {

constexpr std::string_view ticket_secret_prefix = "wt_";
constexpr std::size_t widget_secret_bytes = 32, secret_mac_bytes = 16, random_id_bytes = 8, origin_bytes_max = 255;

std::string widget_attribute(const sync::Record& record, const char* name) {
  const auto found = record.attributes.find(name);
  return found == record.attributes.end() ? std::string() : found->second;
}

std::int64_t widget_instant(const sync::Record& record, const char* name) {
  const std::string text = widget_attribute(record, name);
  std::int64_t ms = 0;
  std::from_chars(text.data(), text.data() + text.size(), ms);
  return ms;
}

TicketId ticket_id_from(const Widget& widget, ByteView random, std::string_view email) {
  const Hash hash =
      protocol::Hasher("TRN1-WIDGET-ID").add(widget.secret).add(random).add(protocol::fold_case(email)).finish();
  return TicketId::or_zero(Bytes(random) + Bytes(hash.view().substr(0, TicketId::size_bytes - random_id_bytes)));
}

tl::unexpected<Error> no_such_widget() {
  return fail(ErrorCode::key_unknown, "This widget's key is not known.", "Make one: ternd widget add", "api_key");
}

}  // namespace

std::optional<Widget> read_widget(const sync::Record& record) {
  if (widget_attribute(record, "surface") != "widget") return std::nullopt;
  Widget widget;
  widget.id = record.id;
  widget.integer_id = record.integer_id;
  widget.name = record.name;
  const std::string origins = widget_attribute(record, "origins");
  for (std::size_t at = 0; at < origins.size();) {
    const std::size_t end = std::min(origins.find(' ', at), origins.size());
    if (end > at) widget.origins.push_back(origins.substr(at, end - at));
    at = end + 1;
  }
  widget.demands_secret = widget_attribute(record, "demands_secret") == "true";
  widget.secret = from_hex(widget_attribute(record, "ticket_secret")).value_or(Bytes{});
  widget.created_ms = widget_instant(record, "created_ms");
  widget.revoked_ms = widget_instant(record, "revoked_ms");
  return widget;
}

Result<void> complete_widget(Widget& widget, Directory& directory, const Tenant& tenant) {
  if (!widget.secret.empty()) return {};
  TERN_TRY(const auto kept, directory.channel_secret(tenant.number(), widget.id));
  if (kept) widget.secret = from_hex(*kept).value_or(Bytes{});
  if (!widget.secret.empty()) return {};
  return no_such_widget();
}

Json widget_json(const Widget& widget) {
  Json origins = Json::array();
  for (const std::string& origin : widget.origins) origins.push(Json(origin));
  return Json::object({{"id", Json(widget.integer_id)},
                       {"name", Json(widget.name)},
                       {"key", Json(std::string(widget_key_prefix) + to_hex(widget.id))},
                       {"origins", std::move(origins)},
                       {"ticket_secret", Json(widget.demands_secret ? "demanded" : "offered")},
                       {"created_at", Json(instant_text(widget.created_ms))},
                       {"state", Json(widget.revoked_ms == 0 ? "active" : "revoked")}});
}

NewWidget make_widget(std::string name, const std::vector<std::string>& origins, std::int64_t now_ms,
                      Environment& environment) {
  sync::Record record;
  record.kind = sync::RecordKind::api_key;
  record.id = random_id<RecordId>(environment);
  record.name = std::move(name);
  Bytes secret(widget_secret_bytes, '\0');
  environment.random(reinterpret_cast<std::uint8_t*>(secret.data()), secret.size());
  std::string all;
  for (const std::string& origin : origins) all += (all.empty() ? "" : " ") + origin;
  record.attributes = {{"surface", "widget"}, {"origins", all}, {"created_ms", std::to_string(now_ms)}};
  return {std::move(record), to_hex(secret)};
}

void set_demands_secret(sync::Record& widget, bool demands) {
  widget.attributes["demands_secret"] = demands ? "true" : "false";
}

Result<std::string> widget_origin(std::string_view text) {
  std::string origin = protocol::fold_case(text);
  while (origin.ends_with('/')) origin.pop_back();
  const bool secure = origin.starts_with("https://");
  const bool local = origin == "http://localhost" || origin.starts_with("http://localhost:");
  const std::string host = secure ? origin.substr(8) : local ? origin.substr(7) : std::string();
  const bool good = !host.empty() && origin.size() <= origin_bytes_max && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == ':';
  });
  if (good) return origin;
  return fail(ErrorCode::invalid, "\"" + std::string(text) + "\" is no origin of pages.",
              "https://shop.example, without a path.", "origins");
}

bool is_page_of(const Widget& widget, std::string_view origin) {
  return std::ranges::find(widget.origins, protocol::fold_case(origin)) != widget.origins.end();
}

bool is_page_of_a_widget(const std::vector<Tenant*>& tenants, std::string_view origin) {
  return std::ranges::any_of(tenants, [&](const Tenant* tenant) {
    bool found = false;
    tenant->each_record(sync::RecordKind::api_key, [&](const sync::Record& record) {
      const auto widget = read_widget(record);
      found = found || (widget && !record.deleted && widget->revoked_ms == 0 && is_page_of(*widget, origin));
    });
    return found;
  });
}

Result<WidgetOfTenant> open_widget(const std::vector<Tenant*>& tenants, std::string_view key) {
  if (!key.starts_with(widget_key_prefix)) return no_such_widget();
  const auto raw = from_hex(key.substr(widget_key_prefix.size()));
  const auto id = raw ? RecordId::from(*raw) : std::nullopt;
  if (!id) return no_such_widget();
  for (Tenant* tenant : tenants) {
    const auto record = tenant->find_record(sync::RecordKind::api_key, *id);
    if (!record || record->deleted) continue;
    auto widget = read_widget(*record);
    if (!widget) return no_such_widget();
    if (widget->revoked_ms != 0)
      return fail(ErrorCode::key_revoked, "This widget's key is revoked.", "Make another: ternd widget add", "api_key");
    return WidgetOfTenant{tenant, std::move(*widget)};
  }
  return no_such_widget();
}

TicketId make_widget_ticket_id(const Widget& widget, std::string_view email, Environment& environment) {
  const TicketId random = random_id<TicketId>(environment);
  return ticket_id_from(widget, random.view().substr(0, random_id_bytes), email);
}

bool is_ticket_of(const Widget& widget, const TicketId& ticket, std::string_view email) {
  const TicketId own = ticket_id_from(widget, ticket.view().substr(0, random_id_bytes), email);
  return protocol::equal_secret(own.view(), ticket.view());
}

std::string ticket_secret_of(const Widget& widget, const TicketId& ticket, std::string_view email) {
  const Hash hash =
      protocol::Hasher("TRN1-WIDGET").add(widget.secret).add(ticket.view()).add(protocol::fold_case(email)).finish();
  return std::string(ticket_secret_prefix) + to_hex(hash.view().substr(0, secret_mac_bytes));
}

RecordId contact_of_visitor(const Tenant& tenant, std::string_view email) {
  const Hash hash = protocol::Hasher("TRN1-VISITOR").add(tenant.id().view()).add(protocol::fold_case(email)).finish();
  return RecordId::or_zero(hash.view().substr(0, RecordId::size_bytes));
}

RecordId bucket_of_address(std::string_view peer) {
  // Of IPv6 the first four groups: the rest is for whoever has the network to choose.
  std::size_t end = peer.size();
  if (peer.find('.') == std::string_view::npos) {
    int groups = 0;
    for (std::size_t i = 0; i < peer.size() && end == peer.size(); ++i)
      if (peer[i] == ':' && (++groups == 4 || peer.substr(i).starts_with("::"))) end = i;
  }
  const Hash hash = protocol::Hasher("TRN1-ADDRESS").add(peer.substr(0, end)).finish();
  constexpr std::size_t few = 2;  // 65,536 buckets, however many addresses there are
  return RecordId::or_zero(Bytes(hash.view().substr(0, few)) + Bytes(RecordId::size_bytes - few, '\0'));
}

}  // namespace tern::server
