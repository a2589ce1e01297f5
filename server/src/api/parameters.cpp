#include "api/parameters.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "one_line.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/text.hpp"

namespace tern::server {
namespace {

/// What changes and records call what parameters say.
constexpr std::pair<std::string_view, std::string_view> said_by[] = {
    {"text", "message"}, {"text", "description"},     {"text", "result"},    {"text", "reason"},
    {"number", "hours"}, {"number", "minutes"},       {"tags", "tag"},       {"tags", "tag_id"},
    {"label", "tag"},    {"operator", "operator_id"}, {"api_key", "key_id"}, {"tag", "tag_id"},
};
/// What every request may hold beside its action's own parameters.
constexpr std::string_view of_every_request[] = {"action", "mobile_token", "domain", "auth_token", "api_key"};

bool cannot_be_seen(std::string text) {
  std::erase_if(text, [](char c) { return c == '\t' || c == '\n' || c == '\r'; });
  return is_blank(text);
}

const Json* find_said(const AdminArg& arg, const Json& parameters) {
  const Json* value = parameters.find(arg.name);
  for (const std::string_view alias : arg.aliases)
    if (value == nullptr) value = parameters.find(alias);
  return value != nullptr && was_said(*value) ? value : nullptr;
}

tl::unexpected<Error> refuse(const AdminArg& arg, std::string what) {
  return fail(ErrorCode::invalid, std::string(arg.name) + " " + std::move(what), "", std::string(arg.name));
}

Result<Json> text_in(const AdminArg& arg, const Json& value) {
  std::string said = value.is_string()                      ? value.as_string()
                     : value.is_number() || value.is_bool() ? to_text(value)
                                                            : std::string();
  if (said.empty()) return refuse(arg, "is no text.");
  if (said.size() > limits::text_bytes_max)
    return fail(ErrorCode::too_large, std::string(arg.name) + " is longer than 65,536 bytes.", "",
                std::string(arg.name));
  auto normal = protocol::normalise_nfc(said);
  if (!normal)
    return fail(ErrorCode::invalid, std::string(arg.name) + " is no text.", "text_encoding", std::string(arg.name));
  if (arg.choices.empty() || std::ranges::find(arg.choices, *normal) != arg.choices.end())
    return Json(std::move(*normal));
  std::string all;
  for (const std::string_view choice : arg.choices) all += (all.empty() ? "" : ", ") + std::string(choice);
  return fail(arg.name == "sort" ? ErrorCode::sort_field : ErrorCode::invalid,
              std::string(arg.name) + " is one of: " + all + ".", "", std::string(arg.name));
}

Result<Json> integer_in(const AdminArg& arg, const Json& value) {
  if (value.is_integer()) return value;
  if (value.is_double() && std::floor(value.as_double()) == value.as_double() && std::fabs(value.as_double()) < 1e15)
    return Json(static_cast<std::int64_t>(value.as_double()));
  const std::string& text = value.as_string();
  std::int64_t number = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || bad != std::errc{} || end != text.data() + text.size()) return refuse(arg, "is no whole number.");
  return Json(number);
}

Result<Json> number_in(const AdminArg& arg, const Json& value) {
  if (value.is_number()) return value;
  const std::string& text = value.as_string();
  double number = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || bad != std::errc{} || end != text.data() + text.size() || !std::isfinite(number))
    return refuse(arg, "is no number.");
  return Json(number);
}

Result<Json> flag_in(const AdminArg& arg, const Json& value) {
  if (value.is_bool()) return value;
  const std::string text = value.is_integer() ? to_text(value) : value.as_string();
  for (const std::string_view yes : {"true", "1", "yes", "on"})
    if (text == yes) return Json(true);
  for (const std::string_view no : {"false", "0", "no", "off"})
    if (text == no) return Json(false);
  return refuse(arg, "is neither true nor false.");
}

Result<Json> object_in(const AdminArg& arg, const Json& value) {
  if (value.is_object()) return value;
  auto parsed = value.is_string() ? parse_json(value.as_string(), {.decimals = true}) : Result<Json>(Json());
  if (!parsed || !parsed->is_object()) return refuse(arg, "is no object.");
  return parsed;
}

Result<Json> one_in(const AdminArg& arg, const Json& value) {
  switch (arg.kind) {
    case ArgKind::integer:
      return integer_in(arg, value);
    case ArgKind::number:
      return number_in(arg, value);
    case ArgKind::flag:
      return flag_in(arg, value);
    case ArgKind::object:
      return object_in(arg, value);
    case ArgKind::secret:  // as it was typed when it was set
      return value.is_string() ? Result<Json>(value) : Result<Json>(refuse(arg, "is no text."));
    default:
      return text_in(arg, value);
  }
}

/// An array, one value, or several in a text with commas between them.
Result<Json> items_in(const AdminArg& arg, const Json& value) {
  Json items = value;
  if (!value.is_array()) {
    items = Json::array();
    std::string_view rest = value.as_string();
    if (!value.is_string()) items.push(value);
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      std::string_view item = rest.substr(0, end);
      while (item.starts_with(' ')) item.remove_prefix(1);
      while (item.ends_with(' ')) item.remove_suffix(1);
      if (!item.empty()) items.push(Json(item));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  if (items.size() > list_items_max)
    return fail(ErrorCode::too_large, "A list is too long.", "", std::string(arg.name));
  Json out = Json::array();
  for (const Json& item : items.items()) {
    TERN_TRY(Json one, one_in(arg, item));
    out.push(std::move(one));
  }
  if (arg.required && out.size() == 0) return refuse(arg, "is required.");
  return out;
}

Result<void> check_known(const AdminEntry& entry, const Json& parameters) {
  for (const auto& [name, value] : parameters.members()) {
    const bool known = std::ranges::find(of_every_request, name) != std::end(of_every_request) ||
                       std::ranges::any_of(entry.command.args, [&](const AdminArg& arg) {
                         return arg.name == name || std::ranges::find(arg.aliases, name) != arg.aliases.end();
                       });
    if (!known)
      return fail(ErrorCode::unknown_field,
                  std::string(entry.command.api->action) + " has no parameter \"" + name + "\".", "", name);
  }
  return {};
}

}  // namespace

bool was_said(const Json& value) {
  return !value.is_null() && !(value.is_string() && value.as_string().empty());
}

Result<Json> command_of(const AdminEntry& entry, const Json& parameters, bool strict) {
  if (strict) TERN_CHECKED(check_known(entry, parameters));
  Json command = Json::object({{"command", Json(entry.command.name)}});
  for (const AdminArg& arg : entry.command.args) {
    const Json* said = find_said(arg, parameters);
    if (said == nullptr) {
      if (arg.required) return refuse(arg, "is required.");
      continue;
    }
    TERN_TRY(Json value, arg.repeated ? items_in(arg, *said) : one_in(arg, *said));
    if (arg.required && arg.kind == ArgKind::text && value.is_string() && cannot_be_seen(value.as_string()))
      return refuse(arg, "is required: nothing of it can be seen.");
    command.set(std::string(arg.name), std::move(value));
  }
  return command;
}

std::string parameter_name(const Json& command, const std::string& field) {
  if (command.find(field) != nullptr) return field;
  for (const auto& [called, parameter] : said_by)
    if (called == field && command.find(parameter) != nullptr) return std::string(parameter);
  return field;
}

}  // namespace tern::server
