// What every report is asked: which period, who counts as silent, and what the caller may read.
#pragma once

#include <string>

#include "admin/admin.hpp"
#include "desk/horizon.hpp"
#include "desk/period_figures.hpp"

namespace tern::server::admin {

struct ReportQuestion {
  /// `invalid` with its field. `db` is where it is asked.
  static Result<ReportQuestion> of(const AdminCall& call, sqlite::Database& db, std::int64_t days_else = 30);
  [[nodiscard]] HorizonQuestion horizon() const;
  /// {"from","to"}
  [[nodiscard]] Json answer() const;

  Period period;
  bool past = false;          // it ended before now: then and now may differ
  std::int64_t until_ms = 0;  // its end
  std::int64_t silent_after_ms = 0;
  std::string readable;  // of what the caller may read, and what the report is asked of: a condition over `ticket`
};

}  // namespace tern::server::admin
