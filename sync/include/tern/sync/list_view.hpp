// Views: what a list of tickets is narrowed to and how it is sorted, kept under a name. Read where views are defined
// and where lists are made. Source: desk.md F118, F140 to F142.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tern/protocol/error.hpp"
#include "tern/sync/macro.hpp"
#include "tern/sync/record.hpp"

namespace tern::sync {

/// Of what was promised or of a ticket's own deadline the worse one; `none`: neither has any.
inline constexpr std::array<std::string_view, 5> list_colours = {"green", "yellow", "red", "blue", "none"};
/// `sla`: by the nearest deadline of what was promised.
inline constexpr std::array<std::string_view, 8> list_sorts = {"updated", "created", "priority", "number",
                                                               "status",  "subject", "assignee", "sla"};
inline constexpr std::array<std::string_view, 2> list_orders = {"descending",
                                                                "ascending"};  // the first where none is said

/// Empty ones say nothing. `queue`, `category` and `assignee` are names of records, or `none`; an assignee also `me`.
/// `status` is a status, a class of them, `active` or `all`. `age`: made so many working days ago or earlier.
struct ListTerms {
  std::string status, priority, queue, assignee, category, colour, tag, text, age, sort;
  bool ascending = false;
  bool operator==(const ListTerms&) const = default;
};

inline constexpr int list_age_days_max = 365;
/// 1 to `list_age_days_max`; nothing for other texts.
std::optional<int> list_age(std::string_view text);
/// So many days of 24 hours before `now_ms`, of which Saturdays and Sundays (of UTC) have none. Holidays count: whose
/// they are a device does not know.
std::int64_t working_days_before(std::int64_t now_ms, int days);

/// Whether lists know a status, a class, or the word for several of them.
bool is_list_status(std::string_view status);

/// What a view's record says: an attribute for each term that it has. `invalid`, field: the attribute's name. That the
/// records are there is for the caller to ask: `records_named_by`.
Result<ListTerms> list_terms(const Record& view);
std::vector<NamedRecord> records_named_by(const ListTerms& terms);

/// A view that every desk has, and no record is called like.
struct StandingView {
  std::string_view name;
  ListTerms terms;
};
std::span<const StandingView> standing_views();

}  // namespace tern::sync
