#include "enrolment.hpp"

#include <algorithm>
#include <vector>

#include "ingest/devices.hpp"
#include "one_line.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/signed_statement.hpp"

namespace tern::server {
namespace {

tl::unexpected<Error> wrong_code() {
  return fail(ErrorCode::login_refused, "This code is wrong, used or expired.",
              "Ask for a new one: ternd device code --operator NAME", "code");
}

/// The groups of an IPv6 address, or of a part of one that stands beside "::".
std::vector<std::string_view> groups_of(std::string_view part) {
  std::vector<std::string_view> groups;
  while (!part.empty()) {
    const std::size_t end = std::min(part.find(':'), part.size());
    groups.push_back(part.substr(0, end));
    part.remove_prefix(std::min(end + 1, part.size()));
  }
  return groups;
}

}  // namespace

struct Enrolment::CodeRow {
  protocol::SecretKey key;
  OperatorId operator_id;
  bool scope_all = false;
  std::int64_t expires_ms = 0;
  Bytes used_by, answer;
};

void AttemptCounter::make_room(std::size_t at_most, std::int64_t now_ms) {
  const auto last = [](const auto& entry) { return entry.second.empty() ? INT64_MIN : entry.second.back(); };
  std::erase_if(attempts_, [&](const auto& entry) { return last(entry) < now_ms - window_ms_; });
  if (attempts_.size() < attempts_remembered_max) return;
  std::vector<std::int64_t> times;
  times.reserve(attempts_.size());
  for (const auto& entry : attempts_) times.push_back(last(entry));
  const auto tenth = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 10);
  std::nth_element(times.begin(), tenth, times.end());
  const std::int64_t old = *tenth;
  std::erase_if(attempts_, [&](const auto& entry) { return entry.second.size() < at_most && last(entry) <= old; });
  if (attempts_.size() < attempts_remembered_max) return;
  std::erase_if(attempts_, [&](const auto& entry) { return last(entry) <= old; });
}

bool is_loopback(std::string_view address) {
  return address.starts_with("127.") || address == "::1" || address.starts_with("::ffff:127.");
}

std::string counted_address(const std::string& address) {
  const std::string_view plain = std::string_view(address).substr(0, address.find('%'));
  if (plain.find(':') == std::string_view::npos || plain.find('.') != std::string_view::npos) return address;
  const std::size_t gap = plain.find("::");
  std::vector<std::string_view> groups = groups_of(plain.substr(0, gap));
  const auto behind =
      gap == std::string_view::npos ? std::vector<std::string_view>{} : groups_of(plain.substr(gap + 2));
  if (groups.size() + behind.size() > 8) return address;
  groups.resize(8 - behind.size(), "0");
  groups.insert(groups.end(), behind.begin(), behind.end());
  std::string network;
  for (std::size_t i = 0; i < 4; ++i) network.append(groups[i]).append(":");
  return network + ":/64";
}

bool AttemptCounter::allow(const std::string& who, std::size_t at_most, std::int64_t now_ms) {
  if (attempts_.size() >= attempts_remembered_max && !attempts_.contains(who)) make_room(at_most, now_ms);
  auto& times = attempts_[who];
  while (!times.empty() && now_ms - times.front() >= window_ms_) times.pop_front();
  if (times.size() >= at_most) return false;
  times.push_back(now_ms);
  return true;
}

void AttemptCounter::give_back(const std::string& who) {
  if (const auto found = attempts_.find(who); found != attempts_.end() && !found->second.empty())
    found->second.pop_back();
}

std::int64_t AttemptCounter::free_ms(const std::string& who) const {
  const auto found = attempts_.find(who);
  return found == attempts_.end() || found->second.empty() ? 0 : found->second.front() + window_ms_;
}

Result<NewCode> Enrolment::make_code(Tenant& tenant, const OperatorId& operator_id, bool scope_all,
                                     const std::string& public_url) {
  const auto actor = tenant.find_actor(operator_id);
  if (!actor) return fail(ErrorCode::not_found, "There is no such operator.", "", "operator");
  if (!actor->active)
    return fail(ErrorCode::not_permitted, "That operator is disabled.", "Enable them first.", "operator");
  TERN_CHECKED(check_room_for_device(tenant, operator_id));
  const auto code = protocol::EnrolmentCode::generate(environment_);
  NewCode made;
  made.code = code.to_text();
  made.expires_ms = tenant.now_ms() + limits::enrolment_code_ttl_ms;
  made.link = protocol::to_text(
      protocol::EnrolmentLink{public_url, tenant.id(), protocol::key_id(tenant.keys().roots.front()), made.code});
  TERN_CHECKED(tenant.write([&](sqlite::Database& db) {
    return db.run(
        "INSERT INTO enrolment_code (tenant_id, enrolment_id, code_key, operator_id, scope_all, expires_ms, used_by, "
        "answer) "
        "VALUES ($1, $2, $3, $4, $5, $6, NULL, NULL)",
        tenant.number(), code.id(), sqlite::Blob{code.key().view()}, operator_id, scope_all, made.expires_ms);
  }));
  return made;
}

Result<std::optional<Enrolment::CodeRow>> Enrolment::find_code(sqlite::Database& db, Tenant& tenant,
                                                               const protocol::EnrolmentId& id) {
  TERN_TRY(auto rows,
           db.query("SELECT code_key, operator_id, scope_all, expires_ms, used_by, answer FROM enrolment_code "
                    "WHERE tenant_id = $1 AND enrolment_id = $2",
                    tenant.number(), id));
  TERN_TRY(const bool found, rows.step());
  if (!found || rows.blob(0).size() != 32) return std::optional<CodeRow>();
  CodeRow row;
  row.key = protocol::SecretKey::from(rows.blob(0));
  row.operator_id = rows.id<OperatorId>(1);
  row.scope_all = rows.boolean(2);
  row.expires_ms = rows.int64(3);
  row.used_by = Bytes(rows.blob(4));
  row.answer = Bytes(rows.blob(5));
  return std::optional<CodeRow>(std::move(row));
}

Result<Bytes> Enrolment::enrol(ByteView request, const std::string& address, const std::vector<Tenant*>& tenants,
                               Committer& committer) {
  {
    const std::lock_guard guard(mutex_);
    if (!by_address_.allow(counted_address(address), attempts_per_address_max, environment_.boot_ms()))
      return fail(ErrorCode::rate_limited, "Too many attempts from this address.", "Try again in a minute.");
  }
  if (request.size() > protocol::enrolment_request_bytes_max)
    return fail(ErrorCode::too_large, "An enrolment request is at most 1 KiB.");
  TERN_TRY(const auto id, protocol::enrolment_id_of(request));
  for (Tenant* tenant : tenants) {
    TERN_TRY(auto reader, tenant->reader());
    TERN_TRY(const auto code, find_code(reader.db(), *tenant, id));
    if (!code) continue;
    {
      const std::lock_guard guard(mutex_);
      if (!by_tenant_.allow(to_hex(tenant->id()), attempts_per_tenant_max, environment_.boot_ms()))
        return fail(ErrorCode::rate_limited, "Too many devices are enrolling at once.", "Try again in a minute.");
    }
    Result<Bytes> answer = wrong_code();
    committer.run(*tenant, [&] { answer = take(*tenant, id, request); });
    return answer;
  }
  return wrong_code();
}

/// On the strand: two requests for one code come one after the other, and the second sees what the first made of it.
Result<Bytes> Enrolment::take(Tenant& tenant, const protocol::EnrolmentId& id, ByteView request) {
  std::optional<CodeRow> code;
  const auto find = [&](sqlite::Database& db) -> Result<void> {
    TERN_TRY(code, find_code(db, tenant, id));
    return {};
  };
  TERN_CHECKED(tenant.write(find));
  if (!code || tenant.now_ms() > code->expires_ms) return wrong_code();
  const auto opened = protocol::open_enrolment_request(request, code->key);
  if (!opened) return wrong_code();
  if (!code->used_by.empty()) {
    if (!protocol::equal_secret(code->used_by, opened->public_key.view())) return wrong_code();
    return code->answer;  // the same bytes: they answer the first request, which a lost answer makes come again
  }
  TERN_CHECKED(check_one_line(opened->name, "device's name", "name"));
  if (is_blank(opened->name))
    return fail(ErrorCode::invalid, "A device's name has something that can be seen.", "", "name");
  TERN_CHECKED(check_one_line(opened->platform, "platform", "platform"));
  return make_device(tenant, id, *code, *opened, request);
}

Result<Bytes> Enrolment::make_device(Tenant& tenant, const protocol::EnrolmentId& id, const CodeRow& code,
                                     const protocol::EnrolmentRequest& request, ByteView wire) {
  const auto operator_record =
      tenant.find_record(sync::RecordKind::operator_, RecordId::or_zero(code.operator_id.view()));
  if (!operator_record) return wrong_code();
  TERN_TRY(const auto anchor, tenant.anchor());
  if (!anchor)
    return fail(ErrorCode::busy, "The server's clock is in doubt.", "Ask its operator to check it: ternd clock accept");

  protocol::Certificate certificate;
  certificate.serial = tenant.commit_seq() + 1;
  certificate.tenant = tenant.id();
  certificate.author = code.operator_id;
  certificate.device = random_id<DeviceId>(environment_);
  certificate.public_key = request.public_key;
  certificate.server_epoch = tenant.epoch();
  certificate.issued_ms = tenant.now_ms();
  certificate.root = protocol::key_id(tenant.keys().roots.front());
  const auto signed_certificate = protocol::sign_statement(certificate, tenant.keys().log);

  protocol::EnrolmentAnswer answer;
  answer.certificate = signed_certificate.wire;
  answer.roots = tenant.keys().roots;
  answer.key_list = tenant.keys().key_list;
  answer.anchor = anchor->wire;
  answer.tenant_name = tenant.name();
  answer.operator_name = operator_record->name;
  Bytes bytes = protocol::make_enrolment_answer(answer, wire, code.key);

  NewDevice device;
  device.device = certificate.device;
  device.operator_id = code.operator_id;
  device.public_key = request.public_key;
  device.certificate = signed_certificate.wire;
  device.scope_all = code.scope_all;
  device.name = request.name;
  device.platform = request.platform;
  device.in_transaction = [&](sqlite::Database& db) {
    return db.run("UPDATE enrolment_code SET used_by = $3, answer = $4 WHERE tenant_id = $1 AND enrolment_id = $2",
                  tenant.number(), id, request.public_key, sqlite::Blob{bytes});
  };
  TERN_CHECKED(add_device(tenant, device));
  return bytes;
}

Result<void> Enrolment::sweep(Tenant& tenant) {
  return tenant.write([&](sqlite::Database& db) {
    return db.run("DELETE FROM enrolment_code WHERE tenant_id = $1 AND expires_ms < $2", tenant.number(),
                  tenant.now_ms());
  });
}

}  // namespace tern::server
