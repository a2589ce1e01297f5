// Widgets: forms on pages of the organisation's own, with which anybody may write without being known. Their keys stand
// in those pages for everybody to read; they say where a form may be, and open nothing that was not written with them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/directory.hpp"
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
  Bytes secret;  // what ids and secrets of its tickets are made with; of older ones the record has it, else
                 // complete_widget
  bool demands_secret = false;  // number and address alone open nothing
  std::int64_t created_ms = 0, revoked_ms = 0;
};
/// Nothing: the record is an API key.
std::optional<Widget> read_widget(const sync::Record& record);
/// With its secret, which stands beside the secrets of channels and in no export
/// (docs/decisions/secrets-of-channels.md). `key_unknown` where it is not there.
Result<void> complete_widget(Widget& widget, Directory& directory, const Tenant& tenant);
Json widget_json(const Widget& widget);
struct NewWidget {
  sync::Record record;
  std::string secret;  // to be kept in the directory, before the record
};
NewWidget make_widget(std::string name, const std::vector<std::string>& origins, std::int64_t now_ms,
                      Environment& environment);
void set_demands_secret(sync::Record& widget, bool demands);
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

/// The id of a new ticket, by which `is_ticket_of` knows it again: half of it is random, half says widget and address.
TicketId make_widget_ticket_id(const Widget& widget, std::string_view email, Environment& environment);
/// The ticket was written through this widget under this address.
bool is_ticket_of(const Widget& widget, const TicketId& ticket, std::string_view email);
/// What opens the ticket beside its number and the address, and is not guessed.
std::string ticket_secret_of(const Widget& widget, const TicketId& ticket, std::string_view email);

/// Whoever writes under that address; nobody has looked whether it is theirs.
RecordId contact_of_visitor(const Tenant& tenant, std::string_view email);
/// As much of an address as one customer of a network has, in few numbers.
RecordId bucket_of_address(std::string_view peer);

}  // namespace tern::server
