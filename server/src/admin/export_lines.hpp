// What goes out of each ticket, and in which form: one line a ticket, a message or a setting, as JSON or as CSV.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/ticket_export.hpp"

namespace tern::server::admin {

enum class ExportOf : std::uint8_t { tickets, messages, history };
/// Nothing for another word.
std::optional<ExportOf> export_of(std::string_view word);

/// As of when it was made: custom fields have a column each.
class ExportLines {
public:
  /// `portable`: lines of tickets without what is this server's own (export_portable.hpp).
  ExportLines(const Tenant& tenant, ExportOf of, bool csv, bool portable);

  /// The first line of CSV; nothing of JSON.
  [[nodiscard]] Json head() const;
  /// Objects of JSON, or texts of CSV, of one ticket.
  Result<Json::Array> of(TicketExport& from, const sync::TicketState& state, std::uint64_t change_count) const;

private:
  [[nodiscard]] std::vector<Json> ticket_cells(const Json& ticket, const sync::TicketState& state,
                                               std::uint64_t change_count) const;
  Result<Json::Array> tickets(TicketExport& from, const sync::TicketState& state, std::uint64_t change_count) const;
  [[nodiscard]] Json::Array parts(const sync::TicketState& state, const Json& all) const;

  const ExportOf of_;
  const bool csv_, portable_;
  std::vector<std::string> custom_;  // names of custom fields, in their order
};

/// One line of CSV, without its end.
std::string csv_line(const std::vector<Json>& cells);

}  // namespace tern::server::admin
