// Texts of people, written as CSV. Another reader of RFC 4180 finds as many cells, and in each the text that was
// written once its guard is gone; no spreadsheet takes one of them for a formula.
//
// Input: how many columns (1 byte), then cells: what it is (1 byte) and its text.
#include <optional>

#include "fuzz/fuzz_input.hpp"
#include "incidents/csv_reader.hpp"
#include "tern/server/csv.hpp"

namespace tern::fz_csv_out {

namespace {

using Record = std::vector<std::string>;

constexpr std::size_t cells_max = 200;

/// RFC 4180 by its letter: CR LF behind each record, quotes in quoted cells alone. Nothing: it is no CSV.
std::optional<std::vector<Record>> strictly_read(std::string_view text) {
  std::vector<Record> out;
  for (std::size_t at = 0; at < text.size();) {
    Record& record = out.emplace_back();
    for (bool more = true; more;) {
      std::string& cell = record.emplace_back();
      if (at < text.size() && text[at] == '"') {
        for (++at;; ++at) {
          if (at == text.size()) return std::nullopt;
          if (text[at] == '"' && (at + 1 == text.size() || text[at + 1] != '"')) break;
          if (text[at] == '"') ++at;
          cell += text[at];
        }
        ++at;
      } else {
        const std::size_t end = std::min(text.find_first_of(",\"\r\n", at), text.size());
        cell = text.substr(at, end - at);
        at = end;
      }
      more = at < text.size() && text[at] == ',';
      if (more) ++at;
    }
    if (text.substr(at, 2) != "\r\n") return std::nullopt;
    at += 2;
  }
  return out;
}

/// What Excel, LibreOffice and Google's tables have been seen to calculate, their full-width forms with it.
bool is_formula(std::string_view cell) {
  for (const std::string_view sign :
       {"=", "+", "-", "@", "\t", "\r", "\n", "\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"})
    if (cell.starts_with(sign)) return true;
  return cell.starts_with('\0');
}

Json value_of(std::uint8_t kind, ByteView text) {
  if (kind % 8 == 1) return Json(static_cast<std::int64_t>(text.size()) * (kind < 128 ? 1 : -1));
  if (kind % 8 == 2) return Json::array({Json(text), Json(text.substr(0, text.size() / 2))});
  if (kind % 8 == 3) return {};
  if (kind % 8 == 4) return Json::object({{std::string(text), Json(text)}});
  if (kind % 8 == 5) return Json(static_cast<double>(text.size()) / (kind < 128 ? 3 : -3));
  return Json(text);
}

}  // namespace

TERN_FUZZ_TARGET(fz_csv_out) {
  fuzz::Input input(data, size_bytes);
  const std::size_t columns = input.u8() % 8U + 2;  // alone, an empty one would be an empty line
  std::vector<std::vector<Json>> table = {{"first", "line"}};
  std::string written = "first,line\r\n";
  for (std::size_t i = 0; i < cells_max && !input.rest().empty(); ++i) {
    if (i % columns == 0) table.emplace_back();
    const std::uint8_t kind = input.u8();
    table.back().push_back(value_of(kind, input.take(input.u8())));
    written += (i % columns == 0 ? "" : ",") + server::csv_cell(table.back().back());
    if (i % columns + 1 == columns) written += "\r\n";
  }
  if (table.size() > 1 && table.back().size() < columns) {
    if (table.back().size() == 1) {
      written += ",";
      table.back().emplace_back();
    }
    written += "\r\n";
  }

  const auto read = strictly_read(written);
  check(read && read->size() == table.size(), "another reader finds as many records");
  for (std::size_t row = 0; row < table.size(); ++row) {
    check((*read)[row].size() == table[row].size(), "another reader finds as many cells");
    for (std::size_t i = 0; i < table[row].size(); ++i) {
      const Json& value = table[row][i];
      const std::string& cell = (*read)[row][i];
      check(value.is_number() || !is_formula(cell), "no cell is a formula");
      if (value.is_string()) check(server::text_of_csv(cell) == value.as_string(), "a text comes back as it was");
      if (value.is_null()) check(cell.empty(), "null is nothing");
      if (value.is_number()) check(cell == to_text(value), "a number is a number");
    }
  }

  // What we read of our own is what the other one read, as far as an import takes it: no NUL, within its limits.
  server::CsvReader own([&](std::uint64_t from, char* buffer, std::size_t bytes) -> Result<std::size_t> {
    return from >= written.size() ? 0 : written.copy(buffer, bytes, static_cast<std::size_t>(from));
  });
  Record record;
  for (std::size_t row = 0; row < table.size(); ++row) {
    const auto more = own.next(record);
    if (!more) break;
    check(*more && record == (*read)[row], "we read what we wrote");
  }
  return 0;
}

}  // namespace tern::fz_csv_out
