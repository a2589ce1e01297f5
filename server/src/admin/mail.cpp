// The mail server: one channel of the type "smtp", its password, the log of mails.
#include <algorithm>

#include "admin/handlers.hpp"
#include "admin/operator_record.hpp"
#include "admin/outgoing_log.hpp"
#include "admin/record_writer.hpp"
#include "desk/outgoing_settings.hpp"
#include "ingest/send_out.hpp"
#include "one_line.hpp"
#include "outgoing/mail_form.hpp"
#include "outgoing/web_address.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/text.hpp"

namespace tern::server::admin {
namespace {

constexpr std::size_t reply_key_bytes = 32, user_bytes_max = 254;

std::optional<sync::Record> mail_record(const Tenant& tenant) {
  for (sync::Record& record : tenant.records(sync::RecordKind::channel))
    if (mail_of(record)) return std::move(record);
  return std::nullopt;
}

bool is_this_machine(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

Result<void> check_security(const AdminCall& call, const MailSettings& mail) {
  if (mail.security != "plain" || is_this_machine(mail.host) || call.flag("allow-plain")) return {};
  return fail(ErrorCode::not_permitted, "Mail would go to " + mail.host + " in the clear.",
              "Leave out --security plain; or say --allow-plain, and everybody on the way can read it.", "security");
}

Result<void> take_server(const AdminCall& call, MailSettings& mail) {
  if (call.has("security")) mail.security = call.text("security");
  if (call.has("port")) mail.port = call.integer("port", 0);
  if (mail.port < 1 || mail.port > 65'535)
    return fail(ErrorCode::invalid, "A port is a number from 1 to 65535.", "", "port");
  if (call.has("host")) {
    TERN_TRY(const HostAndPort parsed,
             parse_host_and_port(bracketed(call.text("host")) + ":" + std::to_string(mail.port), "host"));
    mail.host = parsed.host;
  }
  if (call.has("user")) {
    if (call.text("user").size() > user_bytes_max) return fail(ErrorCode::too_large, "That is too long.", "", "user");
    TERN_CHECKED(check_one_line(call.text("user"), "user", "user"));
    mail.user = call.text("user");
  }
  return check_security(call, mail);
}

Result<void> take_settings(const AdminCall& call, MailSettings& mail) {
  TERN_CHECKED(take_server(call, mail));
  if (call.has("from")) {
    TERN_TRY(mail.from, email_of(call.text("from")));
    if (mail.from.rfind('@') > reply_local_bytes_max || mail.from.find('+') != std::string::npos)
      return fail(ErrorCode::invalid, "Before its @ the address has at most 24 bytes and no +.",
                  "Answers go to it with +TICKET behind.", "from");
  }
  if (call.has("company")) {
    TERN_TRY(mail.company, record_name(call.text("company"), "company"));
  }
  if (call.has("language")) mail.language = call.text("language");
  if (call.has("csat-delay")) mail.csat_delay = call.text("csat-delay");
  if (call.has("csat-question")) {
    const std::string& question = call.text("csat-question");
    if (question.size() > csat_question_bytes_max)
      return fail(ErrorCode::too_large, "A question has at most 200 bytes.", "", "csat-question");
    TERN_CHECKED(check_one_line(question, "question", "csat-question"));
    auto normal = protocol::normalise_nfc(question);
    if (!normal) return fail(ErrorCode::invalid, "A question is text.", "", "csat-question");
    mail.csat_question = std::move(*normal);
  }
  if (mail.host.empty() || mail.from.empty())
    return fail(ErrorCode::usage, "Say --host and --from.", "", mail.host.empty() ? "host" : "from");
  return {};
}

/// What reply tokens are made with is made once: answers to older mails must go on being known.
Result<void> keep_secrets(AdminCall& call, const RecordId& channel) {
  Directory& directory = call.parts().directory;
  TERN_TRY(const auto kept, directory.channel_secret(call.tenant().number(), channel));
  auto secrets = kept ? parse_mail_secrets(*kept) : std::nullopt;
  if (secrets && !call.has("password")) return {};
  if (!secrets) {
    secrets = MailSecrets{Bytes(reply_key_bytes, '\0'), {}};
    call.parts().environment.random(secrets->reply_key.data(), secrets->reply_key.size());
  }
  if (call.has("password")) {
    if (call.text("password").size() > 1'024)
      return fail(ErrorCode::too_large, "A password has at most 1,024 bytes.", "", "password");
    secrets->password = call.text("password");
  }
  return directory.put_channel_secret(call.tenant().number(), channel, mail_secrets_text(*secrets));
}

Result<Json> mail_json(AdminCall& call, const MailSettings& mail) {
  TERN_TRY(const auto kept, call.parts().directory.channel_secret(call.tenant().number(), mail.id));
  const auto secrets = kept ? parse_mail_secrets(*kept) : std::nullopt;
  Json out = mail_settings_json(mail);
  out.set("has_password", Json(secrets && !secrets->password.empty()));
  out.set("active", Json(mail.active));
  return out;
}

}  // namespace

Result<Json> mail_set(AdminCall& call) {
  if (call.flag("on") && call.flag("off")) return fail(ErrorCode::usage, "Either --on or --off.", "", "on");
  TERN_TRY(const auto naming, call.lock_names());
  const auto write = [&]() -> Result<MailSettings> {
    auto record = mail_record(call.tenant());
    const bool fresh = !record;
    if (fresh) {
      record.emplace();
      record->kind = sync::RecordKind::channel;
      record->id = random_id<RecordId>(call.parts().environment);
      record->name = mail_channel_name;
      record->attributes["type"] = mail_type;
      if (find_record(call.tenant(), record->kind, record->name))
        return fail(ErrorCode::invalid, "There is a channel \"Mail\" already.", "Give it another name.", "name");
    }
    const sync::Record before = *record;
    MailSettings mail = mail_of(*record).value_or(MailSettings{});
    if (fresh) {
      mail.id = record->id;
      mail.security = "starttls";
      mail.company = call.tenant().name();
      mail.language = "en";
    }
    TERN_CHECKED(take_settings(call, mail));
    record->attributes["settings"] = to_text(mail_settings_json(mail));
    if (call.flag("off")) record->attributes["active"] = "0";
    if (call.flag("on")) record->attributes.erase("active");
    mail.active = !record->attributes.contains("active");
    TERN_CHECKED(keep_secrets(call, record->id));
    if (fresh || *record != before) TERN_CHECKED(write_records(call.tenant(), {*record}));
    return mail;
  };
  TERN_TRY(const MailSettings mail, call.on_strand(write));
  return mail_json(call, mail);
}

Result<Json> mail_show(AdminCall& call) {
  const auto record = mail_record(call.tenant());
  const auto mail = record ? mail_of(*record) : std::nullopt;
  if (!mail) return fail(ErrorCode::not_found, "No mail server is set up.", "ternd mail set --host ... --from ...");
  return mail_json(call, *mail);
}

Result<Json> mail_test(AdminCall& call) {
  const auto record = mail_record(call.tenant());
  const auto mail = record ? mail_of(*record) : std::nullopt;
  if (!mail || !mail->active)
    return fail(ErrorCode::invalid, "Mail is off.", "ternd mail set --host ... --from ..., or --on");
  TERN_TRY(const sync::Record whom, resolve_record(call.tenant(), sync::RecordKind::operator_, call.text("operator")));
  TERN_TRY(const DeliveryId id,
           call.on_strand([&] { return send_test(call.tenant(), OutgoingWay::colleague, whom.id); }));
  return Json::object({{"to", Json(whom.name)}, {"delivery", Json(to_uuid_text(id.view()))}});
}

Result<Json> mail_log(AdminCall& call) {
  return outgoing_log(call, OutgoingWay::customer, OutgoingWay::colleague, {});
}

}  // namespace tern::server::admin
