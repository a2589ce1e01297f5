#include "tern/sync/record.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "tern/protocol/limits.hpp"
#include "tern/protocol/text.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::sync {
namespace {

/// One kind: its name, and what of it devices get. An attribute that is not named here stays on the server.
struct KindSpec {
  RecordKind kind;
  std::string_view name;
  bool travels;
  std::array<std::string_view, 13> attributes;  // empty ones at the end are none
};
constexpr std::array kinds = {
    KindSpec{RecordKind::operator_, "operator", true, {"role", "email", "active", "department"}},
    KindSpec{RecordKind::queue, "queue", true, {"description", "sort"}},
    KindSpec{RecordKind::contact, "contact", true, {"email", "phone", "organisation", "language", "vip"}},
    KindSpec{RecordKind::category, "category", true, {"code", "sort", "parent", "description", "required"}},
    KindSpec{RecordKind::organisation, "organisation", true, {"portal_domain", "tariff"}},
    KindSpec{RecordKind::tag, "tag", true, {"colour"}},
    KindSpec{RecordKind::device, "device", false, {"state", "epoch", "platform"}},
    KindSpec{RecordKind::tenant, "tenant", false, {}},
    KindSpec{RecordKind::custom_field,
             "custom_field",
             true,
             {"type", "label", "options", "required", "category", "sort", "ref_kind"}},
    KindSpec{
        RecordKind::sla_rule,
        "sla_rule",
        true,
        {"sort", "calendar", "when", "first_response", "next_response", "resolution", "periodic_update", "on_site"}},
    KindSpec{RecordKind::calendar, "calendar", true, {"zone", "hours", "holidays"}},
    KindSpec{RecordKind::sla_decision, "sla_decision", false, {}},
    KindSpec{RecordKind::api_key, "api_key", false, {}},
    KindSpec{RecordKind::quick_reply, "quick_reply", true, {"content", "shortcut"}},
    KindSpec{RecordKind::macro, "macro", true, {"content", "actions"}},
    KindSpec{RecordKind::kb_article, "kb_article", true, {"content", "category", "status", "updated_ms"}},
    KindSpec{RecordKind::tariff, "tariff", true, {"description", "hours_per_month"}},
    KindSpec{RecordKind::channel, "channel", false, {}},
    KindSpec{RecordKind::branding, "branding", false, {}},
    KindSpec{RecordKind::trigger, "trigger", false, {}},
    KindSpec{RecordKind::sla_order, "sla_order", false, {}},
    KindSpec{RecordKind::view,
             "view",
             true,
             {"folder", "position", "status", "priority", "queue", "assignee", "category", "colour", "tag", "text",
              "age", "sort", "order"}},
};

/// What people write and read in it, rather than look something up by it.
bool is_long_text(RecordKind kind, std::string_view attribute) {
  const bool of_texts = kind == RecordKind::quick_reply || kind == RecordKind::macro || kind == RecordKind::kb_article;
  return of_texts && attribute == "content";
}

const KindSpec* find_kind(RecordKind kind) {
  for (const KindSpec& spec : kinds)
    if (spec.kind == kind) return &spec;
  return nullptr;
}

tl::unexpected<Error> refuse(ErrorCode code, std::string_view field, std::string_view why) {
  return fail(code, "record " + std::string(field) + " " + std::string(why), {}, "record." + std::string(field));
}

Result<void> check_record_text(std::string_view text, std::size_t bytes_max, std::string_view field) {
  return protocol::check_text(text, bytes_max, "record." + std::string(field));
}

Result<void> read_attributes(const v1::Record& message, Record& record) {
  if (static_cast<std::size_t>(message.attributes_size()) > limits::record_attributes_max)
    return refuse(ErrorCode::too_large, "attributes", "are too many");
  for (const v1::Attribute& attribute : message.attributes()) {
    const std::string& name = attribute.name();
    const std::string& value = attribute.value();
    if (name.empty()) return refuse(ErrorCode::invalid, "attributes", "hold one without a name");
    TERN_CHECKED(check_record_text(name, limits::field_key_bytes_max, "attributes"));
    const bool long_text = is_long_text(record.kind, name);
    TERN_CHECKED(
        check_record_text(value, long_text ? limits::text_bytes_max : limits::custom_value_bytes_max, "attributes"));
    record.attributes.insert_or_assign(name, value);
  }
  return {};
}

Result<void> read_refs(const v1::Record& message, Record& record) {
  if (static_cast<std::size_t>(message.refs_size()) > limits::record_refs_max)
    return refuse(ErrorCode::too_large, "refs", "are too many");
  for (const std::string& bytes : message.refs()) {
    const auto id = RecordId::from(bytes);
    if (!id || id->is_zero()) return refuse(ErrorCode::malformed, "refs", "are not ids");
    record.refs.push_back(*id);
  }
  return {};
}

}  // namespace

std::string_view to_string(RecordKind kind) {
  const KindSpec* spec = find_kind(kind);
  return spec == nullptr ? "unspecified" : spec->name;
}

std::optional<RecordKind> record_kind_from_name(std::string_view name) {
  for (const KindSpec& spec : kinds)
    if (spec.name == name) return spec.kind;
  return std::nullopt;
}

Bytes encode_record(const Record& record) {
  v1::Record message;
  message.set_kind(static_cast<std::uint32_t>(record.kind));
  message.set_id(Bytes(record.id.view()));
  message.set_integer_id(record.integer_id);
  message.set_name(record.name);
  message.set_version(record.version);
  message.set_deleted(record.deleted);
  for (const auto& [name, value] : record.attributes) {  // in one order: equal records are equal bytes
    v1::Attribute& attribute = *message.add_attributes();
    attribute.set_name(name);
    attribute.set_value(value);
  }
  for (const RecordId& ref : record.refs) message.add_refs(Bytes(ref.view()));
  return message.SerializeAsString();
}

Result<Record> decode_record(ByteView bytes) {
  v1::Record message;
  if (bytes.size() > limits::change_set_bytes_max ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return fail(ErrorCode::malformed, "The record is damaged.", {}, "record");
  Record record;
  if (message.kind() == 0) return refuse(ErrorCode::malformed, "kind", "is missing");
  if (message.kind() > UINT8_MAX || find_kind(static_cast<RecordKind>(message.kind())) == nullptr)
    return refuse(ErrorCode::upgrade_required, "kind", "is not known to this version");
  record.kind = static_cast<RecordKind>(message.kind());
  const auto id = RecordId::from(message.id());
  if (!id || id->is_zero()) return refuse(ErrorCode::malformed, "id", "is not an id");
  record.id = *id;
  TERN_CHECKED(check_record_text(message.name(), limits::name_bytes_max, "name"));
  record.name = message.name();
  record.integer_id = message.integer_id();
  record.version = message.version();
  record.deleted = message.deleted();
  TERN_CHECKED(read_attributes(message, record));
  TERN_CHECKED(read_refs(message, record));
  return record;
}

bool travels_to_devices(RecordKind kind) {
  const KindSpec* spec = find_kind(kind);
  return spec != nullptr && spec->travels;
}

bool keeps_history(RecordKind kind) {
  return kind == RecordKind::operator_ || kind == RecordKind::sla_rule || kind == RecordKind::calendar;
}

bool keeps_history(const Record& record, const Record* before) {
  const auto promises = [](const Record* tariff) {
    return tariff != nullptr && std::ranges::any_of(promise_attributes, [tariff](const char* name) {
             return tariff->attributes.contains(name);
           });
  };
  if (record.kind == RecordKind::tariff) return promises(&record) || promises(before);
  if (record.kind != RecordKind::category) return keeps_history(record.kind);
  return record.attributes.contains(sla_hours_attribute) ||
         (before != nullptr && before->attributes.contains(sla_hours_attribute));
}

bool may_be_personal(RecordKind kind) {
  return kind == RecordKind::quick_reply || kind == RecordKind::view;
}

bool is_for(const Record& record, const OperatorId& reader) {
  if (may_be_personal(record.kind))
    return record.refs.empty() ||
           std::ranges::any_of(record.refs, [&](const RecordId& owner) { return owner.view() == reader.view(); });
  if (record.kind != RecordKind::kb_article) return true;
  const auto status = record.attributes.find("status");
  return status != record.attributes.end() && status->second == "published";
}

Record for_devices(Record record, const OperatorId& reader) {
  const KindSpec* spec = find_kind(record.kind);
  if (!is_for(record, reader)) {
    record.name.clear();
    record.attributes.clear();
    record.refs.clear();
    record.deleted = true;
  }
  std::erase_if(record.attributes, [spec](const auto& attribute) {
    return spec == nullptr || attribute.first.empty() ||
           std::ranges::find(spec->attributes, attribute.first) == spec->attributes.end();
  });
  return record;
}

}  // namespace tern::sync
