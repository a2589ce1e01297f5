// The one table of ticket fields: how each merges, where its value lives, who may write it, its column and JSON name.
// Rules: desk.md 2.1, fold.md "Fold". Docs and checks are produced from it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"

namespace tern::sync {

enum class RecordKind : std::uint8_t;  // record.hpp

/// Numbers travel in change sets and are never reused.
enum class FieldId : std::uint16_t {
  unspecified = 0,
  uuid = 1,
  number = 2,
  integer_id = 3,
  subject = 4,
  description = 5,
  status = 6,
  priority = 7,
  category = 8,
  type = 9,
  queue = 10,
  assignee = 11,
  contact = 12,
  organisation = 13,
  tags = 14,
  watchers = 15,
  links = 16,
  due_at = 17,
  external_ref = 18,
  custom = 19,
  estimate = 20,
  result = 21,
  time_entries = 22,
  pins = 23,
  messages = 24,
  created_at = 25,
  updated_at = 26,
  first_response_at = 27,
  resolved_at = 28,
  on_site = 29,
  csat = 30,
};

enum class FieldType : std::uint8_t {
  none,
  text,
  long_text,
  number,
  date,
  instant,
  select,
  multi,
  boolean,
  ref,
  rank,
  set,
  list
};

/// Each field is ruled by facts or by claims, never both.
enum class FieldRule : std::uint8_t {
  latest,       // fact: the latest in order stands; unseen others are told
  highest,      // fact: the highest among the unseen stands (priority)
  merged_text,  // fact: three-way merge by line (description)
  add_wins,     // fact: present if some add that no remove had seen
  append,       // fact: append-only
  lifecycle,    // fact: the status moves decide
  claim,        // claim: compare and set at commit
  assigned,     // given by the server once
};

enum class Place : std::uint8_t { none, skeleton, body };
enum class Writer : std::uint8_t {
  device,
  intent,
  server
};  // device: by `set`/`create`; intent: by intents of its own; server: never a device

struct FieldSpec {
  FieldId id;
  std::string_view name;    // JSON and CLI name of it as it is set and told of
  std::string_view column;  // of the server's and the replica's ticket table; empty = not a column
  FieldType type;
  FieldRule rule;
  Place place;
  Writer writer;
  std::uint32_t bytes_max;                          // of the canonical value
  bool keyed;                                       // has a key beside it: custom fields, external references
  std::optional<RecordKind> refers = std::nullopt;  // the value is the id of a record of this kind
};

const FieldSpec* find_field(FieldId id);
const FieldSpec* find_field(std::string_view name);
std::span<const FieldSpec> all_fields();

/// Priorities are ranks 1..4; their names are the canonical ones of desk.md D2. Aliases (medium, critical) are
/// accepted.
std::optional<std::uint8_t> priority_rank(std::string_view name);
std::string_view priority_name(std::uint8_t rank);

/// What a ticket's type may be (desk.md D5): bug, feature, question, complaint, other.
std::span<const std::string_view> ticket_types();

/// How two tickets hang together, as the ticket that holds the link says it. Numbers travel.
enum class LinkKind : std::uint8_t { related = 1, parent = 2, child = 3, duplicate = 4, blocks = 5, follow_up = 6 };
std::string_view link_kind_name(LinkKind kind);
std::optional<LinkKind> link_kind_from_name(std::string_view name);
/// Nothing for a number that this version does not know.
std::optional<LinkKind> link_kind_from_number(std::uint32_t number);

/// Checks one value in canonical form: never empty, UTF-8, NFC, limits; numbers are decimal strings, dates YYYY-MM-DD,
/// instants milliseconds as decimal, refs 16 bytes, ranks "1".."4", booleans "0"/"1", multi: values in byte order
/// joined by U+001F. A tag holds no upper-case ASCII letter. A custom value is any text here: its type is a setting,
/// which the kernel does not read (validate_custom). Error `invalid` with `field`.
Result<void> validate_value(const FieldSpec& spec, std::string_view key, ByteView value);

/// The name beside a field: a custom field's, an external reference's type. It stands in the skeleton, so it names a
/// kind of thing and never a person: [a-z0-9_][a-z0-9_.-]*, at most 64 bytes; empty for every other field.
Result<void> validate_key(const FieldSpec& spec, std::string_view key);

/// A custom value against the type of its field's record, for those who know it. A ref is the record's id in the groups
/// of a UUID, so that every custom value is a text. Error `invalid` with `field`.
Result<void> validate_custom(FieldType type, std::string_view key, ByteView value);
/// "text", "number", "date", "select", "multi", "bool", "ref": the types of custom fields.
std::optional<FieldType> custom_type_from_name(std::string_view name);
std::string_view custom_type_name(FieldType type);

/// A tag as it is kept: NFC must hold already, ASCII letters are lowered, spaces around it go.
std::string canonical_tag(std::string_view text);

}  // namespace tern::sync
