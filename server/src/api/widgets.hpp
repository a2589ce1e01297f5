// Widgets: forms on pages of the organisation's own, with which anybody may write without being known. Their keys stand
// in those pages for everybody to read; they say where a form may be, and open nothing that was not written with them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/admin.hpp"
#include "store/tenant.hpp"
#include "tern/protocol/json.hpp"

namespace tern::server {

inline constexpr std::string_view widget_key_prefix = "wk_";

/// A record of the kind of API keys, with other attributes.
struct Widget {
  RecordId id;
  std::uint64_t integer_id = 0;
  std::string name;
  std::vector<std::string> origins;  // "https://shop.example", whose pages it may be on
  Bytes secret;                      // what names of tickets are made with
  std::int64_t created_ms = 0, revoked_ms = 0;
};
/// Nothing: the record is an API key.
std::optional<Widget> read_widget(const sync::Record& record);
Json widget_json(const Widget& widget);
sync::Record make_widget(std::string name, const std::vector<std::string>& origins, std::int64_t now_ms,
                         Environment& environment);
/// "https://host", "https://host:8443"; also http://localhost, to try it. `invalid`, field "origins".
Result<std::string> widget_origin(std::string_view text);

bool is_page_of(const Widget& widget, std::string_view origin);
bool is_page_of_a_widget(const std::vector<Tenant*>& tenants, std::string_view origin);

struct WidgetOfTenant {
  Tenant* tenant = nullptr;
  Widget widget;
};
/// `key_unknown`, `key_revoked`.
Result<WidgetOfTenant> open_widget(const std::vector<Tenant*>& tenants, std::string_view key);

/// How its visitor names a ticket: nobody guesses it, and it goes with the address that wrote.
std::string visitors_name_of(const Widget& widget, const TicketId& ticket, std::string_view email);
/// Nothing: no ticket of this widget and this address is called so.
std::optional<TicketId> ticket_of_visitor(const Widget& widget, std::string_view name, std::string_view email);

/// Whoever writes under that address; nobody has looked whether it is theirs.
RecordId contact_of_visitor(const Tenant& tenant, std::string_view email);
/// As much of an address as one customer of a network has, in few numbers.
RecordId bucket_of_address(std::string_view peer);

}  // namespace tern::server
