// What is set up to go out: webhooks, the mail server, an issuer of logins. They are channels, records of the ledger of
// type "webhook", "smtp" and "oidc"; what opens the other side stands beside logins
// (docs/decisions/secrets-of-channels.md).
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "desk/notifications.hpp"
#include "tern/protocol/json.hpp"
#include "tern/sync/record.hpp"

namespace tern::server {

/// Of an operator: what ends their answers in mails.
inline constexpr const char* signature_attribute = "signature";
inline constexpr std::size_t signature_bytes_max = 1'000;

inline constexpr std::string_view hook_type = "webhook", mail_type = "smtp", inbound_hook_type = "inbound",
                                  oidc_type = "oidc";
/// The one mail channel of a tenant is called so.
inline constexpr std::string_view mail_channel_name = "Mail", oidc_channel_name = "Sign-in";

/// What a webhook is told of.
std::vector<std::string_view> hook_events();
bool is_hook_event(std::string_view name);

struct Hook {
  RecordId id;
  std::string name, url;
  OperatorId owner;                 // whose rights count
  std::vector<std::string> events;  // none: all
  bool active = true;
};
/// Nothing: it is no webhook, or is gone.
std::optional<Hook> hook_of(const sync::Record& channel);
/// As the record keeps it; id, name and the switch are the record's own.
Json hook_settings(const Hook& hook);

/// When a customer is asked to rate what was done: in the mail that says so, a day later in one of its own, or not.
inline constexpr std::string_view csat_at_once = "0", csat_next_day = "24h", csat_never = "off";
inline constexpr std::int64_t csat_next_day_ms = 24LL * 3'600'000;
inline constexpr std::size_t csat_question_bytes_max = 200;

struct MailSettings {
  RecordId id;
  std::string host, security, user;  // starttls, tls, plain
  std::int64_t port = 587;
  std::string from, company, language;
  std::string csat_delay{csat_at_once}, csat_question;  // no question: the usual one, in the reader's language
  bool active = true;
};
std::optional<MailSettings> mail_of(const sync::Record& channel);
Json mail_settings_json(const MailSettings& mail);

/// Who vouches for an organisation's people: an issuer of OpenID Connect.
struct OidcSettings {
  RecordId id;
  std::string domain, issuer, client_id;  // the domain in lower case
  bool active = true;
};
std::optional<OidcSettings> oidc_of(const sync::Record& channel);
Json oidc_settings_json(const OidcSettings& oidc);

/// Whether a channel is set by commands of its own, and not by actions of the API.
bool is_own_channel(const sync::Record& channel);

/// What a tenant has set up.
struct OutgoingDesk {
  std::vector<Hook> hooks;  // that are on, in the order of their ids
  std::optional<MailSettings> mail;
};

/// The attribute of an operator's record that says what they get by mail: names between spaces, "none"; absent: the
/// usual ones.
inline constexpr const char* mailed_attribute = "mailed";
inline constexpr std::string_view mailed_none = "none";
std::set<NotificationKind> mailed_to(const sync::Record& person);
std::string mailed_text(const std::set<NotificationKind>& kinds);

/// The two halves of what is kept for a webhook: its secret, and for a while the one before.
struct HookSecrets {
  std::string now, before;
  std::int64_t before_until_ms = 0;
};
HookSecrets parse_hook_secrets(std::string_view text);
std::string hook_secrets_text(const HookSecrets& secrets);

/// What is kept for the mail channel: what reply tokens are made with, and the password (empty: none).
struct MailSecrets {
  Bytes reply_key;
  std::string password;
};
std::optional<MailSecrets> parse_mail_secrets(std::string_view text);
std::string mail_secrets_text(const MailSecrets& secrets);

}  // namespace tern::server
