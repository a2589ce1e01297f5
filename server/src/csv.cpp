#include "tern/server/csv.hpp"

#include <algorithm>

namespace tern::server {
namespace {

/// Apostrophes, then what spreadsheets begin a formula with, or skip before one.
bool begins_formula(std::string_view text, std::size_t apostrophes_min) {
  constexpr std::string_view signs("=+-@\t\r\n\0", 8);
  constexpr std::string_view wide[] = {"\xEF\xBC\x9D", "\xEF\xBC\x8B", "\xEF\xBC\x8D", "\xEF\xBC\xA0"};
  const std::size_t first = std::min(text.find_first_not_of('\''), text.size());
  if (first < apostrophes_min || first == text.size()) return false;
  const std::string_view rest = text.substr(first);
  return signs.find(rest.front()) != std::string_view::npos ||
         std::ranges::any_of(wide, [&](std::string_view sign) { return rest.starts_with(sign); });
}

}  // namespace

std::string csv_text(std::string_view text) {
  std::string cell;
  if (begins_formula(text, 0)) cell += '\'';
  cell += text;
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string quoted = "\"";
  for (const char c : cell) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string csv_cell(const Json& value) {
  if (value.is_null()) return {};
  if (value.is_string()) return csv_text(value.as_string());
  if (!value.is_array()) return value.is_object() ? csv_text(to_text(value)) : to_text(value);
  std::string lines;
  for (const Json& item : value.items())
    lines += (lines.empty() ? "" : "\n") + (item.is_string() ? item.as_string() : to_text(item));
  return csv_text(lines);
}

std::string text_of_csv(std::string_view cell) {
  return std::string(begins_formula(cell, 1) ? cell.substr(1) : cell);
}

}  // namespace tern::server
