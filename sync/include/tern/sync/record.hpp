// Reference records: what tickets name, what people write with, what was promised, what the desk is set to. Ledger
// entries; what devices may know of them reaches them in packs.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"

namespace tern::sync {

/// Numbers travel. Kinds that no device gets are ledger entries too.
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
  api_key = 13,
  quick_reply = 14,  // refs: the operator whose own it is; none: everybody's
  macro = 15,
  kb_article = 16,
  tariff = 17,
  channel = 18,
  branding = 19,
  trigger = 20,
  sla_order = 21,  // to judge anew what clocks had settled
  view = 22        // a saved list; refs: as of a quick reply
};
inline constexpr RecordKind last_record_kind = RecordKind::view;
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
/// Whether records of a kind travel to devices. Of `device` each operator's devices get their own operator's.
bool travels_to_devices(RecordKind kind);
/// Whether records of a kind may be an operator's own: `refs` names whose.
bool may_be_personal(RecordKind kind);
/// Whether it is this operator's to read: not what is a colleague's own, not the draft of an article.
bool is_for(const Record& record, const OperatorId& reader);
/// Whether the server keeps each version: what operators were (rights as of `seen`), what was promised when.
bool keeps_history(RecordKind kind);
/// The same of one version; null: there is none before it. Of categories and tariffs those that promise something, and
/// what ended it.
bool keeps_history(const Record& record, const Record* before);
/// Attribute of a category: hours to the first response, where a tenant has no rules of its own.
inline constexpr const char* sla_hours_attribute = "sla_hours";
/// Attributes of a rule and of a tariff that promise something, each a length of time.
inline constexpr std::array promise_attributes = {"first_response", "next_response", "resolution", "periodic_update",
                                                  "on_site"};
/// What devices of that operator get of it: the attributes that travel. Of what is not for them, only that it is gone.
Record for_devices(Record record, const OperatorId& reader = {});

}  // namespace tern::sync
