#include "tern/sync/ticket_fields.hpp"

#include <array>

#include "tern/protocol/limits.hpp"
#include "tern/sync/record.hpp"

namespace tern::sync {
namespace {

using Type = FieldType;
using Rule = FieldRule;

constexpr std::uint32_t id_bytes = 16;
constexpr std::uint32_t instant_bytes = 15;  // digits of limits::instant_ms_max
constexpr std::uint32_t subject_bytes = 4 * limits::subject_code_points_max;
constexpr bool keyed = true;
constexpr bool plain = false;

// In the order of their numbers. What people wrote or what names a person lives in the body; ids, ranks and times,
// which order and SLA stand on, in the skeleton. What the server gives travels in no change.
constexpr std::array fields = {
    FieldSpec{FieldId::uuid, "uuid", "ticket_id", Type::ref, Rule::assigned, Place::none, Writer::intent, id_bytes,
              plain},
    FieldSpec{FieldId::number, "number", "number", Type::text, Rule::assigned, Place::none, Writer::server,
              limits::provisional_number_bytes_max, plain},
    FieldSpec{FieldId::integer_id, "id", "integer_id", Type::number, Rule::assigned, Place::none, Writer::server, 20,
              plain},
    FieldSpec{FieldId::subject, "subject", "subject", Type::text, Rule::latest, Place::body, Writer::device,
              subject_bytes, plain},
    FieldSpec{FieldId::description, "description", "description", Type::long_text, Rule::merged_text, Place::body,
              Writer::intent, limits::text_bytes_max, plain},
    FieldSpec{FieldId::status, "status", "status", Type::select, Rule::lifecycle, Place::skeleton, Writer::intent, 16,
              plain},
    FieldSpec{FieldId::priority, "priority", "priority", Type::rank, Rule::highest, Place::skeleton, Writer::device, 1,
              plain},
    FieldSpec{FieldId::category, "category", "category_id", Type::ref, Rule::latest, Place::skeleton, Writer::device,
              id_bytes, plain, RecordKind::category},
    FieldSpec{FieldId::type, "type", "type", Type::select, Rule::latest, Place::skeleton, Writer::device, 16, plain},
    FieldSpec{FieldId::queue, "queue", "queue_id", Type::ref, Rule::claim, Place::skeleton, Writer::intent, id_bytes,
              plain, RecordKind::queue},
    FieldSpec{FieldId::assignee, "assignee", "assignee_id", Type::ref, Rule::claim, Place::skeleton, Writer::intent,
              id_bytes, plain, RecordKind::operator_},
    FieldSpec{FieldId::contact, "contact", "contact_id", Type::ref, Rule::latest, Place::skeleton, Writer::device,
              id_bytes, plain, RecordKind::contact},
    FieldSpec{FieldId::organisation, "organisation", "organisation_id", Type::ref, Rule::latest, Place::skeleton,
              Writer::device, id_bytes, plain, RecordKind::organisation},
    FieldSpec{FieldId::tags, "tags", "", Type::set, Rule::add_wins, Place::skeleton, Writer::intent,
              limits::tag_bytes_max, plain},
    FieldSpec{FieldId::watchers, "watchers", "", Type::set, Rule::add_wins, Place::skeleton, Writer::intent,
              1 + id_bytes, plain},
    FieldSpec{FieldId::links, "links", "", Type::set, Rule::add_wins, Place::skeleton, Writer::intent, 1 + id_bytes,
              plain},
    FieldSpec{FieldId::due_at, "due_at", "due_ms", Type::instant, Rule::latest, Place::skeleton, Writer::device,
              instant_bytes, plain},
    FieldSpec{FieldId::external_ref, "external_ref", "", Type::text, Rule::latest, Place::body, Writer::device,
              limits::name_bytes_max, keyed},
    FieldSpec{FieldId::custom, "custom", "", Type::text, Rule::latest, Place::body, Writer::device,
              limits::custom_value_bytes_max, keyed},
    FieldSpec{FieldId::estimate, "estimate", "estimate_minutes", Type::number, Rule::lifecycle, Place::skeleton,
              Writer::intent, 20, plain},
    FieldSpec{FieldId::result, "result", "", Type::long_text, Rule::lifecycle, Place::body, Writer::intent,
              limits::result_bytes_max, plain},
    FieldSpec{FieldId::time_entries, "time_entries", "", Type::list, Rule::append, Place::body, Writer::intent,
              limits::result_bytes_max, plain},
    FieldSpec{FieldId::pins, "pins", "", Type::set, Rule::add_wins, Place::skeleton, Writer::intent, id_bytes, plain},
    FieldSpec{FieldId::messages, "messages", "", Type::list, Rule::append, Place::body, Writer::intent,
              limits::text_bytes_max, plain},
    FieldSpec{FieldId::created_at, "created_at", "created_ms", Type::instant, Rule::assigned, Place::none,
              Writer::server, instant_bytes, plain},
    FieldSpec{FieldId::updated_at, "updated_at", "updated_ms", Type::instant, Rule::assigned, Place::none,
              Writer::server, instant_bytes, plain},
    FieldSpec{FieldId::first_response_at, "first_response_at", "first_response_ms", Type::instant, Rule::assigned,
              Place::none, Writer::server, instant_bytes, plain},
    FieldSpec{FieldId::resolved_at, "resolved_at", "resolved_ms", Type::instant, Rule::assigned, Place::none,
              Writer::server, instant_bytes, plain},
    FieldSpec{FieldId::on_site, "on_site", "", Type::list, Rule::append, Place::body, Writer::intent,
              limits::result_bytes_max, plain},
    FieldSpec{FieldId::csat, "csat", "", Type::number, Rule::claim, Place::skeleton, Writer::intent, 1, plain},
};

constexpr const FieldSpec& spec_of(FieldId id) {
  return fields[static_cast<std::size_t>(id) - 1];
}

constexpr bool numbered_without_gaps() {
  for (std::size_t i = 0; i < fields.size(); ++i)
    if (static_cast<std::size_t>(fields[i].id) != i + 1) return false;
  return true;
}
static_assert(numbered_without_gaps(), "find_field looks up by number");

constexpr bool names_differ() {
  for (std::size_t i = 0; i < fields.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (fields[i].name == fields[j].name || (!fields[i].column.empty() && fields[i].column == fields[j].column))
        return false;
  return true;
}
static_assert(names_differ());

// Each field is ruled by facts or by claims, never both, and its rule says who may write it: `set` writes only what the
// latest or the highest setting rules, so a claim or a status can never be set past its intent.
constexpr bool rule_and_writer_agree() {
  for (const FieldSpec& spec : fields) {
    const bool settable = spec.rule == Rule::latest || spec.rule == Rule::highest;
    if (settable != (spec.writer == Writer::device)) return false;
    if (spec.writer == Writer::server && spec.rule != Rule::assigned) return false;
    if ((spec.rule == Rule::assigned) != (spec.place == Place::none)) return false;
    if ((spec.rule == Rule::highest) != (spec.type == Type::rank)) return false;
    if ((spec.rule == Rule::add_wins) != (spec.type == Type::set)) return false;
    if ((spec.rule == Rule::append) != (spec.type == Type::list)) return false;
    if (spec.keyed && !settable) return false;
    if (spec.bytes_max == 0 || spec.type == Type::none) return false;
  }
  return true;
}
static_assert(rule_and_writer_agree());

constexpr bool never_set_by_a_device() {
  for (const FieldId id : {FieldId::number, FieldId::integer_id, FieldId::created_at, FieldId::first_response_at,
                           FieldId::resolved_at, FieldId::assignee, FieldId::status, FieldId::queue})
    if (spec_of(id).writer == Writer::device) return false;
  return true;
}
static_assert(never_set_by_a_device(), "desk.md 2.14");
static_assert(spec_of(FieldId::queue).rule == Rule::claim && spec_of(FieldId::assignee).rule == Rule::claim);

constexpr std::array<std::string_view, 5> types = {"bug", "feature", "question", "complaint", "other"};

struct PriorityName {
  std::string_view name;
  std::uint8_t rank;
};
constexpr std::array<PriorityName, 6> priorities = {{// canonical first: desk.md D2
                                                     {"low", 1},
                                                     {"normal", 2},
                                                     {"high", 3},
                                                     {"urgent", 4},
                                                     {"medium", 2},
                                                     {"critical", 4}}};

struct LinkName {
  LinkKind kind;
  std::string_view name;
};
constexpr std::array<LinkName, 6> link_names = {{{LinkKind::related, "related"},
                                                 {LinkKind::parent, "parent"},
                                                 {LinkKind::child, "child"},
                                                 {LinkKind::duplicate, "duplicate"},
                                                 {LinkKind::blocks, "blocks"},
                                                 {LinkKind::follow_up, "follow-up"}}};

struct CustomType {
  FieldType type;
  std::string_view name;
};
constexpr std::array<CustomType, 7> custom_types = {{{Type::text, "text"},
                                                     {Type::number, "number"},
                                                     {Type::date, "date"},
                                                     {Type::select, "select"},
                                                     {Type::multi, "multi"},
                                                     {Type::boolean, "bool"},
                                                     {Type::ref, "ref"}}};

}  // namespace

const FieldSpec* find_field(FieldId id) {
  const auto number = static_cast<std::size_t>(id);
  return number == 0 || number > fields.size() ? nullptr : &fields[number - 1];
}

const FieldSpec* find_field(std::string_view name) {
  for (const FieldSpec& spec : fields)
    if (spec.name == name) return &spec;
  return nullptr;
}

std::span<const FieldSpec> all_fields() {
  return fields;
}

std::optional<std::uint8_t> priority_rank(std::string_view name) {
  for (const PriorityName& priority : priorities)
    if (priority.name == name) return priority.rank;
  return std::nullopt;
}

std::string_view priority_name(std::uint8_t rank) {
  for (const PriorityName& priority : priorities)
    if (priority.rank == rank) return priority.name;
  return "unknown";
}

std::span<const std::string_view> ticket_types() {
  return types;
}

std::string_view link_kind_name(LinkKind kind) {
  for (const LinkName& link : link_names)
    if (link.kind == kind) return link.name;
  return "unknown";
}

std::optional<LinkKind> link_kind_from_name(std::string_view name) {
  for (const LinkName& link : link_names)
    if (link.name == name) return link.kind;
  return std::nullopt;
}

std::optional<LinkKind> link_kind_from_number(std::uint32_t number) {
  for (const LinkName& link : link_names)
    if (static_cast<std::uint32_t>(link.kind) == number) return link.kind;
  return std::nullopt;
}

std::optional<FieldType> custom_type_from_name(std::string_view name) {
  for (const CustomType& custom : custom_types)
    if (custom.name == name) return custom.type;
  return std::nullopt;
}

std::string_view custom_type_name(FieldType type) {
  for (const CustomType& custom : custom_types)
    if (custom.type == type) return custom.name;
  return "unknown";
}

}  // namespace tern::sync
