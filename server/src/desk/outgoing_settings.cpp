#include "desk/outgoing_settings.hpp"

#include <algorithm>
#include <charconv>

namespace tern::server {
namespace {

constexpr std::string_view every_event[] = {"ticket.created", "ticket.changed", "ticket.resolved", "message.added",
                                            "note.added"};
constexpr NotificationKind usually_mailed[] = {NotificationKind::assigned, NotificationKind::customer_replied,
                                               NotificationKind::mentioned, NotificationKind::sla_breach,
                                               NotificationKind::hook_off};

std::string_view said_by_channel(const sync::Record& record, const char* name) {
  const auto found = record.attributes.find(name);
  return found == record.attributes.end() ? std::string_view() : std::string_view(found->second);
}

std::optional<Json> settings_of(const sync::Record& channel, std::string_view type) {
  if (channel.kind != sync::RecordKind::channel || channel.deleted || said_by_channel(channel, "type") != type)
    return std::nullopt;
  auto settings = parse_json(said_by_channel(channel, "settings"), {.decimals = true});
  return settings && settings->is_object() ? std::optional(std::move(*settings)) : std::nullopt;
}

bool is_on(const sync::Record& channel) {
  return said_by_channel(channel, "active") != "0";
}

/// Up to the first end of a line, which is taken too.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

}  // namespace

std::vector<std::string_view> hook_events() {
  return {std::begin(every_event), std::end(every_event)};
}

bool is_hook_event(std::string_view name) {
  return std::ranges::find(every_event, name) != std::end(every_event);
}

std::optional<Hook> hook_of(const sync::Record& channel) {
  const auto settings = settings_of(channel, hook_type);
  if (!settings) return std::nullopt;
  Hook out{channel.id, channel.name, (*settings)["url"].as_string(), {}, {}, is_on(channel)};
  if (const auto owner = from_uuid_text((*settings)["owner"].as_string())) out.owner = OperatorId::or_zero(*owner);
  for (const Json& event : (*settings)["events"].items()) out.events.push_back(event.as_string());
  return out;
}

Json hook_settings(const Hook& hook) {
  Json events = Json::array();
  for (const std::string& event : hook.events) events.push(Json(event));
  return Json::object(
      {{"url", Json(hook.url)}, {"owner", Json(to_uuid_text(hook.owner.view()))}, {"events", std::move(events)}});
}

std::optional<MailSettings> mail_of(const sync::Record& channel) {
  const auto settings = settings_of(channel, mail_type);
  if (!settings) return std::nullopt;
  MailSettings out;
  out.id = channel.id;
  out.host = (*settings)["host"].as_string();
  out.port = (*settings)["port"].as_integer(587);
  out.security = (*settings)["security"].as_string();
  out.user = (*settings)["user"].as_string();
  out.from = (*settings)["from"].as_string();
  out.company = (*settings)["company"].as_string();
  out.language = (*settings)["language"].as_string();
  if (const Json* delay = settings->find("csat_delay")) out.csat_delay = delay->as_string();
  out.csat_question = (*settings)["csat_question"].as_string();
  out.active = is_on(channel);
  return out;
}

Json mail_settings_json(const MailSettings& mail) {
  return Json::object({{"host", Json(mail.host)},
                       {"port", Json(mail.port)},
                       {"security", Json(mail.security)},
                       {"user", Json(mail.user)},
                       {"from", Json(mail.from)},
                       {"company", Json(mail.company)},
                       {"language", Json(mail.language)},
                       {"csat_delay", Json(mail.csat_delay)},
                       {"csat_question", Json(mail.csat_question)}});
}

std::optional<OidcSettings> oidc_of(const sync::Record& channel) {
  const auto settings = settings_of(channel, oidc_type);
  if (!settings) return std::nullopt;
  return OidcSettings{channel.id, (*settings)["domain"].as_string(), (*settings)["issuer"].as_string(),
                      (*settings)["client_id"].as_string(), is_on(channel)};
}

Json oidc_settings_json(const OidcSettings& oidc) {
  return Json::object(
      {{"domain", Json(oidc.domain)}, {"issuer", Json(oidc.issuer)}, {"client_id", Json(oidc.client_id)}});
}

bool is_own_channel(const sync::Record& channel) {
  const std::string_view type = said_by_channel(channel, "type");
  return type == hook_type || type == mail_type || type == inbound_hook_type || type == oidc_type;
}

std::set<NotificationKind> mailed_to(const sync::Record& person) {
  std::string_view rest = said_by_channel(person, mailed_attribute);
  if (rest.empty()) return {std::begin(usually_mailed), std::end(usually_mailed)};
  std::set<NotificationKind> out;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    if (const auto kind = notification_from_name(rest.substr(0, end))) out.insert(*kind);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

std::string mailed_text(const std::set<NotificationKind>& kinds) {
  return kinds.empty() ? std::string(mailed_none) : muted_text(kinds);
}

HookSecrets parse_hook_secrets(std::string_view text) {
  HookSecrets out;
  out.now = take_line(text);
  out.before = take_line(text);
  std::from_chars(text.data(), text.data() + text.size(), out.before_until_ms);
  return out;
}

std::string hook_secrets_text(const HookSecrets& secrets) {
  if (secrets.before.empty()) return secrets.now;
  return secrets.now + "\n" + secrets.before + "\n" + std::to_string(secrets.before_until_ms);
}

std::optional<MailSecrets> parse_mail_secrets(std::string_view text) {
  const auto key = from_hex(take_line(text));
  if (!key || key->size() != 32) return std::nullopt;
  return MailSecrets{*key, std::string(text)};
}

std::string mail_secrets_text(const MailSecrets& secrets) {
  return to_hex(secrets.reply_key) + "\n" + secrets.password;
}

}  // namespace tern::server
