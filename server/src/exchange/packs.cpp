#include "exchange/packs.hpp"

#include <algorithm>

#include "tern/sync/record.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::server {
namespace {

Result<void> write_pack(sqlite::Database& db, const ReaderScope& scope, sync::RecordKind kind, std::uint64_t held,
                        std::size_t& budget, bool& more, v1::ExchangeResponse& response) {
  TERN_TRY(auto rows, db.query("SELECT data, version FROM record WHERE tenant_id = $1 AND kind = $2 AND version > $3 "
                               "ORDER BY version, record_id",
                               scope.tenant, kind, held));
  v1::Pack pack;
  for (;;) {
    TERN_TRY(const bool found, rows.step());
    if (!found) break;
    const std::uint64_t version = rows.uint64(1);
    if (budget == 0 && version != pack.version()) {  // a version is never split
      more = true;
      break;
    }
    TERN_TRY(const auto record, sync::decode_record(rows.blob(0)));
    const Bytes shown = sync::encode_record(sync::for_devices(record, scope.operator_id));
    if (!pack.add_records()->ParseFromString(shown)) return fail(ErrorCode::corrupt, "A stored record cannot be read.");
    pack.set_version(version);
    budget -= std::min(budget, shown.size() + 8);
  }
  if (pack.records_size() == 0) return {};
  pack.set_kind(static_cast<std::uint32_t>(kind));
  *response.add_packs() = std::move(pack);
  return {};
}

/// The operator's own devices: who reads of one that they did not ask for can say so. They are few, and come whole. The
/// pack's version passes the others' too, so that those are not looked through again.
Result<void> write_own_devices(sqlite::Database& db, const ReaderScope& scope, std::uint64_t held, std::size_t& budget,
                               v1::ExchangeResponse& response) {
  TERN_TRY(const auto newest, db.int64_of("SELECT max(version) FROM record WHERE tenant_id = $1 AND kind = $2",
                                          scope.tenant, sync::RecordKind::device));
  if (static_cast<std::uint64_t>(newest.value_or(0)) <= held) return {};
  const std::string owner = to_uuid_text(scope.operator_id.view());
  TERN_TRY(auto rows, db.query("SELECT data FROM record WHERE tenant_id = $1 AND kind = $2 AND version > $3 AND "
                               "instr(data, $4) > 0 ORDER BY version, record_id",
                               scope.tenant, sync::RecordKind::device, held, sqlite::Blob{owner}));
  v1::Pack pack;
  for (;;) {
    TERN_TRY(const bool found, rows.step());
    if (!found) break;
    TERN_TRY(const auto record, sync::decode_record(rows.blob(0)));
    const auto of = record.attributes.find("operator");
    if (of == record.attributes.end() || of->second != owner) continue;
    const Bytes shown = sync::encode_record(sync::for_devices(record, scope.operator_id));
    if (!pack.add_records()->ParseFromString(shown)) return fail(ErrorCode::corrupt, "A stored record cannot be read.");
    budget -= std::min(budget, shown.size() + 8);
  }
  pack.set_kind(static_cast<std::uint32_t>(sync::RecordKind::device));
  pack.set_version(static_cast<std::uint64_t>(*newest));
  *response.add_packs() = std::move(pack);
  return {};
}

constexpr auto first_kind = static_cast<std::uint32_t>(sync::RecordKind::operator_);
constexpr auto last_kind = static_cast<std::uint32_t>(sync::last_record_kind);

}  // namespace

PackVersions packs_as_of(std::uint64_t commit_seq) {
  PackVersions held;
  for (auto kind = first_kind; kind <= last_kind; ++kind) held.emplace(kind, commit_seq);
  return held;
}

Result<bool> write_packs(sqlite::Database& db, const ReaderScope& scope, const PackVersions& held,
                         std::size_t bytes_max, v1::ExchangeResponse& response) {
  std::size_t budget = bytes_max;
  bool more = false;
  for (auto number = first_kind; number <= last_kind; ++number) {
    const auto kind = static_cast<sync::RecordKind>(number);
    const bool own_only = kind == sync::RecordKind::device;
    if (!own_only && !sync::travels_to_devices(kind)) continue;
    const auto known = held.find(number);
    const std::uint64_t held_seq = known == held.end() ? 0 : known->second;
    TERN_CHECKED(own_only ? write_own_devices(db, scope, held_seq, budget, response)
                          : write_pack(db, scope, kind, held_seq, budget, more, response));
  }
  return more;
}

}  // namespace tern::server
