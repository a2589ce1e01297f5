#include "tern/sync/asked_fields.hpp"

#include <algorithm>
#include <array>

#include "tern/protocol/text.hpp"

namespace tern::sync {
namespace {

constexpr std::array requirable = {FieldId::priority, FieldId::type, FieldId::contact, FieldId::organisation,
                                   FieldId::due_at};

std::string_view attribute(const Record& record, const char* name) {
  const auto found = record.attributes.find(name);
  return found == record.attributes.end() ? std::string_view{} : std::string_view(found->second);
}

/// The values of a select are the lines of its definition.
bool is_option(std::string_view options, std::string_view value) {
  while (!options.empty()) {
    const std::size_t end = std::min(options.find('\n'), options.size());
    if (options.substr(0, end) == value) return true;
    options.remove_prefix(std::min(end + 1, options.size()));
  }
  return false;
}

/// The next name of a list with commas or spaces between them; empty: there is none.
std::string_view next_name(std::string_view& rest) {
  const std::size_t first = std::min(rest.find_first_not_of(", "), rest.size());
  rest.remove_prefix(first);
  const std::string_view name = rest.substr(0, std::min(rest.find_first_of(", "), rest.size()));
  rest.remove_prefix(name.size());
  return name;
}

std::optional<FieldId> requirable_named(std::string_view name) {
  for (const FieldId field : requirable)
    if (find_field(field)->name == name) return field;
  return std::nullopt;
}

}  // namespace

std::span<const FieldId> requirable_fields() {
  return requirable;
}

Result<std::vector<FieldId>> required_fields_from_text(std::string_view text) {
  std::vector<FieldId> named;
  for (std::string_view name = next_name(text); !name.empty(); name = next_name(text)) {
    const auto field = requirable_named(name);
    if (!field) {
      std::string known;
      for (const FieldId one : requirable) known += (known.empty() ? "" : " ") + std::string(find_field(one)->name);
      return fail(ErrorCode::invalid, "\"" + std::string(name) + "\" is no field that a category requires.",
                  "Those are: " + known + ". A custom field is required by its own setting.", required_attribute);
    }
    named.push_back(*field);
  }
  std::vector<FieldId> out;
  for (const FieldId field : requirable)
    if (std::ranges::find(named, field) != named.end()) out.push_back(field);
  return out;
}

bool is_of_category(const Record& custom_field, const Record* category) {
  const std::string_view wanted = attribute(custom_field, "category");
  if (wanted.empty()) return true;
  if (category == nullptr) return false;
  return attribute(*category, "code") == wanted || protocol::fold_case(category->name) == protocol::fold_case(wanted);
}

Result<void> check_custom_value(const Record& custom_field, std::string_view value) {
  const auto type = custom_type_from_name(attribute(custom_field, "type"));
  if (!type) return {};
  if (const auto fits = validate_custom(*type, custom_field.name, value); !fits) {
    std::string why = fits.error().message;
    if (why.starts_with("custom.")) why.erase(0, 7);  // people know it by its own name
    return fail(fits.error().code, why, fits.error().hint, custom_field.name);
  }
  const std::string_view options = attribute(custom_field, "options");
  if (*type != FieldType::select || options.empty() || is_option(options, value)) return {};
  std::string listed(options);
  std::ranges::replace(listed, '\n', ',');
  return fail(ErrorCode::invalid, custom_field.name + " has no value '" + std::string(value) + "'", "it has: " + listed,
              custom_field.name);
}

std::vector<RequiredField> missing_fields(const Record* category, std::span<const Record> custom_fields,
                                          const HasValue& has_value) {
  std::vector<RequiredField> out;
  if (category != nullptr && !category->deleted) {
    std::string_view names = attribute(*category, required_attribute);
    for (std::string_view name = next_name(names); !name.empty(); name = next_name(names))
      if (const auto field = requirable_named(name); field && !has_value(*field, {}))  // else of a newer version
        out.push_back({*field, {}});
  }
  for (const Record& field : custom_fields) {
    const bool asks = !field.deleted && attribute(field, required_attribute) == "1" && is_of_category(field, category);
    if (asks && !has_value(FieldId::custom, field.name)) out.push_back({FieldId::custom, field.name});
  }
  return out;
}

std::string_view name_of(const RequiredField& field) {
  return field.field == FieldId::custom ? std::string_view(field.key) : find_field(field.field)->name;
}

}  // namespace tern::sync
