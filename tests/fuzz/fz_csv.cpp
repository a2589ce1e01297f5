// A log in CSV from strangers. However its bytes come in it reads the same; each record is read again where it began;
// and what was read, written as RFC 4180 says, reads the same.
#include "fuzz/fuzz_input.hpp"
#include "incidents/csv_reader.hpp"
#include "tern/server/incident_log.hpp"

namespace tern::fz_csv {
using server::CsvReader;

namespace {

using Record = std::vector<std::string>;

struct Text {
  struct Place {
    std::uint64_t offset;
    std::size_t line;
  };
  std::vector<Record> records;
  std::vector<Place> places;
  std::string refused;  // empty: it was read to its end
};

/// At most `piece` bytes at a time, but for the first three: a byte order mark is looked for in one piece.
CsvReader reader_of(std::string_view text, std::size_t piece) {
  return CsvReader([text, piece](std::uint64_t offset, char* buffer, std::size_t bytes) -> Result<std::size_t> {
    if (offset >= text.size()) return 0;
    const std::size_t most = offset == 0 ? std::max<std::size_t>(piece, 3) : piece;
    return text.copy(buffer, std::min(bytes, most), static_cast<std::size_t>(offset));
  });
}

Text read_all(std::string_view text, std::size_t piece) {
  Text out;
  CsvReader reader = reader_of(text, piece);
  Record record;
  for (;;) {
    const auto more = reader.next(record);
    if (!more) out.refused = more.error().message;
    if (!more || !*more) return out;
    check(!record.empty() && record.size() <= server::log_columns_max, "a record keeps its limits");
    std::size_t bytes = 0;
    for (const std::string& cell : record) bytes += cell.size();
    check(bytes <= server::csv_record_bytes_max, "a record keeps its limits");
    out.records.push_back(record);
    out.places.push_back({reader.offset(), reader.line()});
  }
}

std::string written(const std::vector<Record>& records) {
  std::string out;
  for (const Record& record : records) {
    for (const std::string& cell : record) {
      out += &cell == &record.front() ? "\"" : ",\"";
      for (const char c : cell) out += c == '"' ? std::string("\"\"") : std::string(1, c);
      out += '"';
    }
    out += "\r\n";
  }
  return out;
}

}  // namespace

TERN_FUZZ_TARGET(fz_csv) {
  fuzz::Input input(data, size_bytes);
  const std::size_t piece = input.u8() + std::size_t{1};
  const std::string_view text = input.rest();
  const Text whole = read_all(text, server::csv_record_bytes_max);
  const Text pieces = read_all(text, piece);
  check(whole.records == pieces.records && whole.refused == pieces.refused, "it reads the same in pieces");
  check(whole.refused.empty() || whole.refused.starts_with("line "), "a refusal says where");

  CsvReader again = reader_of(text, piece);
  for (std::size_t i = whole.records.size(); i-- > 0;) {
    again.go_to(whole.places[i].offset, whole.places[i].line);
    Record record;
    const auto more = again.next(record);
    check(more && *more && record == whole.records[i], "a record is read again where it began");
    check(again.line() == whole.places[i].line, "and says its line again");
    if (whole.records.size() - i > 64) break;
  }

  const Text back = read_all(written(whole.records), piece);
  check(back.refused.empty() && back.records == whole.records, "what was read survives being written");
  return 0;
}

}  // namespace tern::fz_csv
