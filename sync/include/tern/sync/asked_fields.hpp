// What a tenant's settings ask of a ticket: custom fields by their records, standard fields by its category's. Asked
// where people and programs write; what a device has saved is never refused for it.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tern/protocol/error.hpp"
#include "tern/sync/record.hpp"
#include "tern/sync/ticket_fields.hpp"

namespace tern::sync {

/// Attribute of a custom field ("1") and of a category: names of standard fields, with commas between them.
inline constexpr const char* required_attribute = "required";
/// The standard fields that a category may require.
std::span<const FieldId> requirable_fields();
/// What a category requires, each once, in the order of the fields. Error `invalid` with field "required": a name that
/// is none of them.
Result<std::vector<FieldId>> required_fields_from_text(std::string_view text);

/// Whether a custom field is one of tickets of that category; null: of tickets without one. A field that names no
/// category is of all tickets.
bool is_of_category(const Record& custom_field, const Record* category);

/// A custom value against the record of its field: its type and its options. A type of a newer version takes any text.
/// Error `invalid` with the field's name.
Result<void> check_custom_value(const Record& custom_field, std::string_view value);

struct RequiredField {
  FieldId field = FieldId::unspecified;
  std::string key;  // of a custom field its name
  bool operator==(const RequiredField&) const = default;
};
/// Whether the ticket has a value there, as far as whoever asks can say.
using HasValue = std::function<bool(FieldId field, std::string_view key)>;
/// What is required of a ticket of that category (null: none) and has no value. Removed records ask for nothing.
std::vector<RequiredField> missing_fields(const Record* category, std::span<const Record> custom_fields,
                                          const HasValue& has_value);
/// The name that people know it by: "due_at", a custom field's own.
std::string_view name_of(const RequiredField& field);

}  // namespace tern::sync
