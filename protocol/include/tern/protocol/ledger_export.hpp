// The ledger as a file of lines that proves itself. Whoever writes or reads it: docs/protocol.md, "Ledger export".
//
// A line is a JSON object whose last member is "sum": H("TRN1-XLINE", sum of the line before || all of the line before
// that member), so a line that is altered, missing or moved is named by its number. The last line holds the statement
// of what all of it adds up to, signed by the log key.
#pragma once

#include <string>
#include <string_view>

#include "tern/protocol/anchor.hpp"
#include "tern/protocol/json.hpp"

namespace tern::protocol {

inline constexpr int ledger_export_version = 1;
inline constexpr std::size_t export_line_bytes_max = 8 << 20;

/// What an export adds up to. Signed by the log key.
struct LedgerExportEnd {
  static constexpr Tag tag{"TRN1-XE\0", 8};

  TenantId tenant;
  LogHead head;             // of the log, as far as it was exported
  std::uint64_t lines = 0;  // before this one
  Hash sum;                 // of the last of them
  std::int64_t time_ms = 0;

  void write(ByteWriter& writer) const;
  static LedgerExportEnd read(ByteReader& reader);
  bool operator==(const LedgerExportEnd&) const = default;
};

/// Adds number and sum to lines, one after the other.
class ExportLines {
public:
  /// The line as it is written, with its newline. `line` is an object; it gets its number as first member.
  std::string close(const Json& line);

  [[nodiscard]] std::uint64_t lines() const { return lines_; }
  [[nodiscard]] const Hash& sum() const { return sum_; }

private:
  std::uint64_t lines_ = 0;
  Hash sum_;
};

/// The other way: whether a line follows the one before, in number and sum.
class ExportLineCheck {
public:
  /// `line` without its newline. `too_large`, `invalid` (no JSON object of that form), `verification_failed` (field
  /// "n" or "sum").
  Result<Json> open(std::string_view line);

  [[nodiscard]] std::uint64_t lines() const { return lines_; }
  [[nodiscard]] const Hash& sum() const { return sum_; }

private:
  std::uint64_t lines_ = 0;
  Hash sum_;
};

}  // namespace tern::protocol
