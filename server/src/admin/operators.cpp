// Operators: people with a role, their queues, their logins.
#include <algorithm>
#include <set>

#include "access/mobile_tokens.hpp"
#include "access/reset_links.hpp"
#include "admin/handlers.hpp"
#include "admin/library_records.hpp"
#include "admin/list_page.hpp"
#include "admin/operator_record.hpp"
#include "admin/record_writer.hpp"
#include "desk/outgoing.hpp"
#include "desk/outgoing_settings.hpp"
#include "desk/route_settings.hpp"
#include "ingest/devices.hpp"
#include "one_line.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/protocol/key_wrap.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/text.hpp"
#include "tern/sqlite/transaction.hpp"
#include "tern/sync/rights.hpp"
#include "time_text.hpp"

namespace tern::server::admin {
namespace {

constexpr std::size_t email_bytes_max = 254;
constexpr std::size_t password_bytes_min = 8;
constexpr std::size_t password_bytes_max = 1024;

Result<std::vector<RecordId>> queues_of(const Tenant& tenant, const Json::Array& names) {
  std::vector<RecordId> out;
  for (const Json& name : names) {
    TERN_TRY(const sync::Record queue, resolve_record(tenant, sync::RecordKind::queue, name.as_string()));
    if (std::find(out.begin(), out.end(), queue.id) == out.end()) out.push_back(queue.id);
  }
  return out;
}

/// The hash is slow on purpose: it is made before the strand is taken.
Result<std::optional<std::string>> password_of(const AdminCall& call) {
  if (!call.has("password")) return std::optional<std::string>();
  TERN_TRY(auto hash, hashed_password(call.text("password")));
  return std::optional<std::string>(std::move(hash));
}

Result<void> put_login(const AdminCall& call, const sync::Record& record, const std::string& email,
                       const std::string& hash) {
  const LoginEntry login{call.tenant().number(), OperatorId::or_zero(record.id.view()), hash};
  return call.parts().directory.put_login(call.tenant().number(), email, login);
}

Result<void> store_login(const AdminCall& call, const sync::Record& record, const std::optional<std::string>& hash) {
  const auto email = record.attributes.find("email");
  if (!hash || email == record.attributes.end()) return {};
  TERN_CHECKED(put_login(call, record, email->second, *hash));
  const auto person = OperatorId::or_zero(record.id.view());
  log_sign_in(call, call.tenant(), person, "password_set");
  return end_sign_ins(call.parts(), call.tenant(), person);
}

std::optional<sync::Record> operator_with_email(const Tenant& tenant, const std::string& email) {
  for (sync::Record& record : tenant.records(sync::RecordKind::operator_))
    if (const auto found = record.attributes.find("email");
        !record.deleted && found != record.attributes.end() && found->second == email)
      return std::move(record);
  return std::nullopt;
}

Result<void> check_department(const std::string& department) {
  if (department.size() > limits::name_bytes_max)
    return fail(ErrorCode::too_large, "A department's name has at most 200 bytes.", "", "department");
  return check_one_line(department, "department", "department");
}

/// What they get by mail: kinds between spaces, or that it is nothing.
Result<std::string> mailed_of(const Json::Array& kinds) {
  std::set<NotificationKind> out;
  for (const Json& one : kinds) {
    if (one.as_string() == mailed_none) continue;
    const auto kind = notification_from_name(one.as_string());
    if (kind) {
      out.insert(*kind);
      continue;
    }
    std::string known;
    for (const std::string_view name : notification_names()) known += " " + std::string(name);
    return fail(ErrorCode::invalid, "Nobody is told of \"" + one.as_string() + "\".", "none, or of" + known + ".",
                "mail");
  }
  return mailed_text(out);
}

Result<void> take_mail_settings(const AdminCall& call, sync::Record& record) {
  if (call.has("mail")) {
    TERN_TRY(record.attributes[mailed_attribute], mailed_of(call.list("mail")));
  }
  if (call.has("language")) put_attribute(record, "language", call.text("language"));
  return {};
}

Result<void> take_signature(const AdminCall& call, sync::Record& record) {
  if (!call.has(signature_attribute)) return {};
  auto normal = protocol::normalise_nfc(call.text(signature_attribute));
  const bool plain = normal && std::ranges::all_of(*normal, [](char c) { return c == '\n' || (c & 0xE0) != 0; });
  if (!plain || normal->size() > signature_bytes_max)
    return fail(ErrorCode::invalid, "A signature is at most 1,000 bytes of text, in lines.", "", signature_attribute);
  put_attribute(record, signature_attribute, *normal);
  return {};
}

Result<void> change_operator(const AdminCall& call, sync::Record& record) {
  TERN_CHECKED(take_mail_settings(call, record));
  TERN_CHECKED(take_signature(call, record));
  if (call.has("name")) {
    TERN_TRY(std::string name, record_name(call.text("name")));
    if (name != record.name) TERN_CHECKED(check_not_named(call.tenant(), record));
    record.name = std::move(name);
  }
  if (call.has("role")) {
    TERN_TRY(record.attributes["role"], role_of(call.text("role")));
  }
  if (call.has("department")) {
    TERN_CHECKED(check_department(call.text("department")));
    put_attribute(record, "department", call.text("department"));
  }
  if (call.has("queue")) {
    TERN_TRY(record.refs, queues_of(call.tenant(), call.list("queue")));
  }
  if (call.flag("no-queues")) record.refs.clear();
  for (const char* name : {status_attribute, capacity_attribute, shift_attribute, skills_attribute, field_attribute})
    if (call.has(name)) put_attribute(record, name, call.text(name));
  TERN_CHECKED(check_library_record(record, [&](sync::RecordKind kind, const std::string& named) {
    return find_record(call.tenant(), kind, named).has_value();
  }));
  if (call.flag("enable")) record.attributes["active"] = "1";
  return {};
}

}  // namespace

void log_sign_in(const AdminCall& call, const Tenant& tenant, const OperatorId& person, std::string_view what) {
  const Caller& caller = call.caller();
  const bool in_session = caller.kind != sync::PrincipalKind::server;
  const char* const door = in_session ? "session" : caller.peer.empty() ? "machine" : "link";
  call.parts().log.write(LogLevel::info, "sign_in_changed",
                         {{"tenant", Json(to_uuid_text(tenant.id().view()))},
                          {"operator", Json(to_uuid_text(person.view()))},
                          {"what", Json(what)},
                          {"door", Json(door)}});
}

Result<void> end_sign_ins(AdminParts& parts, Tenant& tenant, const OperatorId& person, const Hash& but) {
  parts.logins.end_sessions_of(person, but);
  Result<void> done;
  parts.committer().run(tenant, [&] {
    done = tenant.write([&](sqlite::Database& db) -> Result<void> {
      TERN_TRY(auto transaction, sqlite::Transaction::begin_write(db));
      TERN_CHECKED(end_reset_links(db, tenant.number(), person));
      TERN_CHECKED(end_mobile_tokens(db, tenant.number(), person));
      TERN_CHECKED(OutgoingRows(db, tenant.number())
                       .drop_waiting(RecordId::or_zero(person.view()), event_reset, tenant.now_ms(), "ended"));
      return transaction.commit();
    });
  });
  return done;
}

Result<std::string> email_of(std::string_view words) {
  std::string email(words);
  for (char& c : email)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  const auto at = email.find('@');
  const bool printable = std::all_of(email.begin(), email.end(), [](char c) {
    return c > 0x20 && c < 0x7f && c != ',' && c != ';' && c != '<' && c != '>';
  });
  if (!printable || at == std::string::npos || at == 0 || at + 1 == email.size() ||
      email.find('@', at + 1) != std::string::npos || email.size() > email_bytes_max)
    return fail(ErrorCode::invalid, "That is no e-mail address.", "", "email");
  return email;
}

Result<std::string> role_of(const std::string& words) {
  if (sync::role_from_name(words)) return words;
  return fail(ErrorCode::invalid, "There is no role \"" + words + "\".",
              "Roles: light operator supervisor manager sla_manager admin head_admin integrator analyst.", "role");
}

Result<std::string> hashed_password(std::string_view password) {
  if (password.size() < password_bytes_min || password.size() > password_bytes_max)
    return fail(ErrorCode::invalid, "A password has 8 to 1024 bytes.", "", "password");
  return protocol::hash_password(password);
}

sync::Record operator_record(const std::string& email, const std::string& name, const std::string& role,
                             Environment& environment) {
  sync::Record record;
  record.kind = sync::RecordKind::operator_;
  record.id = random_id<RecordId>(environment);
  record.name = name;
  record.attributes = {{"email", email}, {"role", role}, {"active", "1"}};
  return record;
}

Result<Json> operator_add(AdminCall& call) {
  TERN_TRY(const std::string email, email_of(call.text("email")));
  TERN_TRY(const std::string name, record_name(call.has("name") ? call.text("name") : email));
  TERN_TRY(const std::string role, role_of(call.has("role") ? call.text("role") : "operator"));
  TERN_CHECKED(check_department(call.text("department")));
  TERN_TRY(const auto queues, queues_of(call.tenant(), call.list("queue")));
  TERN_TRY(const auto password, password_of(call));
  sync::Record record = operator_record(email, name, role, call.parts().environment);
  record.refs = queues;
  put_attribute(record, "department", call.text("department"));
  TERN_TRY(const auto naming, call.lock_names());
  const auto write = [&]() -> Result<void> {
    if (operator_with_email(call.tenant(), email))
      return fail(ErrorCode::invalid, "There is an operator with " + email + " already.",
                  "Change them with: ternd operator set", "email");
    // The login first: one of nobody lets nobody in, but whoever was added without theirs could not be added again.
    if (password) TERN_CHECKED(put_login(call, record, email, *password));
    return write_records(call.tenant(), {record}, call.beside());
  };
  call.makes(record.id.view());
  TERN_TRY(const Bytes made, call.change(write));
  if (password && !call.is_repeated())
    log_sign_in(call, call.tenant(), OperatorId::or_zero(record.id.view()), "password_set");
  return record_json(call.tenant(), call.tenant().find_record(record.kind, RecordId::or_zero(made)).value_or(record));
}

Result<Json> operator_list(AdminCall& call) {
  auto records = call.tenant().records(sync::RecordKind::operator_);
  std::sort(records.begin(), records.end(),
            [](const sync::Record& a, const sync::Record& b) { return a.integer_id < b.integer_id; });
  const auto all = devices(call.tenant());
  TERN_TRY(ListPage page, ListPage::of(call));
  for (const sync::Record& record : records) {
    if (record.deleted || !page.wants(list_key(record.integer_id))) continue;
    const auto active = std::count_if(all.begin(), all.end(), [&](const DeviceInfo& device) {
      return device.operator_id.view() == record.id.view() && device.key_state == protocol::KeyState::active;
    });
    Json row = record_json(call.tenant(), record);
    row.set("devices", Json(static_cast<std::int64_t>(active)));
    TERN_TRY(const bool two, call.parts().factors.is_on(call.tenant(), OperatorId::or_zero(record.id.view())));
    row.set("two_factor", Json(two));
    page.add(list_key(record.integer_id), std::move(row));
  }
  return std::move(page).answer();
}

Result<Json> operator_set(AdminCall& call) {
  TERN_TRY(const auto password, password_of(call));
  const auto write = [&]() -> Result<sync::Record> {
    TERN_TRY(sync::Record record, resolve_record(call.tenant(), sync::RecordKind::operator_, call.text("operator")));
    const sync::Record before = record;
    TERN_CHECKED(change_operator(call, record));
    if (record != before) TERN_CHECKED(write_records(call.tenant(), {record}));
    return record;
  };
  TERN_TRY(const sync::Record record, call.on_strand(write));
  TERN_CHECKED(store_login(call, record, password));
  return record_json(call.tenant(), call.tenant().find_record(record.kind, record.id).value_or(record));
}

Result<std::vector<EndedDevice>> end_operator(const AdminCall& call, const OperatorId& who) {
  const auto disable = [&]() -> Result<std::vector<EndedDevice>> {
    // Noted first: what a restore must not forget is never known to the ledger alone.
    for (const DeviceInfo& device : devices(call.tenant()))
      if (device.operator_id == who && device.key_state != protocol::KeyState::revoked)
        TERN_CHECKED(call.parts().directory.note_revoked(call.tenant().id(), device.device));
    return disable_operator(call.tenant(), who, OperatorId{});
  };
  TERN_TRY(auto ended, call.with_room([&] { return call.on_strand(disable); }));
  TERN_CHECKED(call.with_room([&] { return end_sign_ins(call.parts(), call.tenant(), who); }));
  return ended;
}

Result<Json> operator_reset_link(AdminCall& call) {
  TERN_TRY(const std::string url, public_url_of(call));
  if (url.empty())
    return fail(ErrorCode::usage, "Nobody said where this server is reached.", "--public-url https://desk.example",
                "public-url");
  TERN_TRY(const sync::Record record,
           resolve_record(call.tenant(), sync::RecordKind::operator_, call.text("operator")));
  const auto who = OperatorId::or_zero(record.id.view());
  const auto actor = call.tenant().find_actor(who);
  if (!actor || !actor->active || !record.attributes.contains("email"))
    return fail(ErrorCode::not_permitted, record.name + " does not log in: disabled, or without an address.",
                "ternd operator set --enable", "operator");
  const std::int64_t ends_ms = call.tenant().now_ms() + made_link_ms;
  std::string token;
  TERN_CHECKED(call.on_strand([&] {
    return call.tenant().write([&](sqlite::Database& db) -> Result<void> {
      TERN_TRY(token, make_reset_token(db, call.tenant(), who, 0, made_link_ms, call.parts().environment));
      return {};
    });
  }));
  log_sign_in(call, call.tenant(), who, "reset_link_made");
  Json out = Json::object({{"operator", Json(record.name)},
                           {"link", Json(reset_link(url, token))},
                           {"ends_at", Json(instant_text(ends_ms))}});
  protocol::wipe(token);
  return out;
}

Result<Json> operator_two_factor_off(AdminCall& call) {
  TERN_TRY(const sync::Record record,
           resolve_record(call.tenant(), sync::RecordKind::operator_, call.text("operator")));
  const auto who = OperatorId::or_zero(record.id.view());
  TERN_CHECKED(call.parts().factors.end(call.tenant(), who));
  log_sign_in(call, call.tenant(), who, "two_factor_off");
  return Json::object({{"operator", Json(record.name)}, {"two_factor", Json(false)}});
}

Result<Json> operator_disable(AdminCall& call) {
  if (call.has("email") == call.has("operator"))
    return fail(ErrorCode::usage, "Say whom: --email E, or a name.", "See: ternd operator list", "email");
  TERN_TRY(const std::string whom, call.has("email") ? email_of(call.text("email")) : call.text("operator"));
  TERN_TRY(const sync::Record record, resolve_record(call.tenant(), sync::RecordKind::operator_, whom));
  TERN_TRY(const auto ended, end_operator(call, OperatorId::or_zero(record.id.view())));
  Json revoked = Json::array();
  for (const EndedDevice& device : ended) revoked.push(Json(to_uuid_text(device.device.view())));
  return Json::object(
      {{"operator", Json(record.name)}, {"active", Json(false)}, {"revoked_devices", std::move(revoked)}});
}

}  // namespace tern::server::admin
