// Reference records: operator, queue, contact, category, organisation, tag, device, tenant, custom field, SLA rule,
// calendar, API key. Ledger entries that reach devices in packs.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"

namespace tern::sync {

/// Numbers travel. `device`, `tenant` and `api_key` records are ledger entries too; only what devices may know goes
/// into packs.
enum class RecordKind : std::uint8_t {
  unspecified = 0,
  operator_ = 1,
  queue = 2,
  contact = 3,
  category = 4,
  organisation = 5,
  tag = 6,
  device = 7,
  tenant = 8,
  custom_field = 9,
  sla_rule = 10,
  calendar = 11,
  sla_decision = 12,
  api_key = 13
};
inline constexpr RecordKind last_record_kind = RecordKind::api_key;
std::string_view to_string(RecordKind kind);
std::optional<RecordKind> record_kind_from_name(std::string_view name);

struct Record {
  RecordKind kind = RecordKind::unspecified;
  RecordId id;
  std::uint64_t integer_id = 0;
  std::string name;
  std::uint64_t version = 0;  // commit_seq
  bool deleted = false;
  std::map<std::string, std::string> attributes;  // operator: role, email, active; device: operator, scope ...
  std::vector<RecordId> refs;                     // operator: its queues
  bool operator==(const Record&) const = default;
};

Bytes encode_record(const Record& record);
Result<Record> decode_record(ByteView bytes);
/// Whether all records of a kind travel to every device, and which attributes of it. Of `device` each operator's
/// devices get their own operator's.
bool travels_to_devices(RecordKind kind);
/// Whether the server keeps each version: what operators were (rights as of `seen`), what was promised when.
bool keeps_history(RecordKind kind);
Record for_devices(Record record);

}  // namespace tern::sync
