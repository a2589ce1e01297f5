#include "tern/sync/list_view.hpp"

#include <algorithm>
#include <charconv>

#include "tern/protocol/limits.hpp"
#include "tern/protocol/text.hpp"
#include "tern/sync/lifecycle.hpp"
#include "tern/sync/ticket_fields.hpp"

namespace tern::sync {
namespace {

struct TextTerm {
  const char* name;
  std::string ListTerms::*of;
};
constexpr std::array text_terms = {
    TextTerm{"status", &ListTerms::status},     TextTerm{"priority", &ListTerms::priority},
    TextTerm{"queue", &ListTerms::queue},       TextTerm{"assignee", &ListTerms::assignee},
    TextTerm{"category", &ListTerms::category}, TextTerm{"colour", &ListTerms::colour},
    TextTerm{"tag", &ListTerms::tag},           TextTerm{"text", &ListTerms::text},
    TextTerm{"age", &ListTerms::age},           TextTerm{"sort", &ListTerms::sort}};

tl::unexpected<Error> no_such_term(const char* name, const std::string& said, std::string hint) {
  return fail(ErrorCode::invalid, "There is no " + std::string(name) + " \"" + said + "\".", std::move(hint), name);
}

bool is_one_of(std::span<const std::string_view> words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

std::string joined_words(std::span<const std::string_view> words) {
  std::string out;
  for (const std::string_view word : words) out.append(out.empty() ? "" : ", ").append(word);
  return out;
}

}  // namespace

std::optional<int> list_age(std::string_view text) {
  int days = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), days);
  if (bad != std::errc{} || end != text.data() + text.size() || days < 1 || days > list_age_days_max)
    return std::nullopt;
  return days;
}

std::int64_t working_days_before(std::int64_t now_ms, int days) {
  constexpr std::int64_t day_ms = 86'400'000;
  const auto is_free = [](std::int64_t day) { return (day + 4) % 7 == 0 || (day + 4) % 7 == 6; };  // day 0: a Thursday
  std::int64_t day = now_ms / day_ms;
  std::int64_t of_day = now_ms % day_ms;
  if (is_free(day)) of_day = 0;  // nothing of it has counted
  while (is_free(day) && day > 0) of_day = is_free(--day) ? 0 : day_ms;
  for (int left = days; left > 0 && day > 0; --left) do
      --day;
    while (is_free(day) && day > 0);
  return day * day_ms + of_day;
}

bool is_list_status(std::string_view status) {
  return status == "active" || status == "all" || status == "pending" || status_from_name(status).has_value() ||
         status_class_from_name(status).has_value();
}

Result<ListTerms> list_terms(const Record& view) {
  ListTerms out;
  for (const TextTerm& term : text_terms) {
    const auto said = view.attributes.find(term.name);
    if (said == view.attributes.end()) continue;
    TERN_CHECKED(protocol::check_text(said->second, limits::name_bytes_max, term.name));
    out.*term.of = said->second;
  }
  if (!out.status.empty() && !is_list_status(out.status))
    return no_such_term("status", out.status,
                        "A status (new, open, in_progress ...), a class (todo, work, wait, hold, done, end), active or "
                        "all.");
  if (!out.priority.empty() && !priority_rank(out.priority))
    return no_such_term("priority", out.priority, "low, normal, high or urgent.");
  if (!out.colour.empty() && !is_one_of(list_colours, out.colour))
    return no_such_term("colour", out.colour, joined_words(list_colours) + ".");
  if (!out.age.empty() && !list_age(out.age)) return no_such_term("age", out.age, "1 to 365, in working days.");
  if (!out.sort.empty() && !is_one_of(list_sorts, out.sort))
    return no_such_term("sort", out.sort, joined_words(list_sorts) + ".");
  const auto order = view.attributes.find("order");
  if (order == view.attributes.end()) return out;
  if (!is_one_of(list_orders, order->second))
    return no_such_term("order", order->second, joined_words(list_orders) + ".");
  out.ascending = order->second == "ascending";
  return out;
}

std::vector<NamedRecord> records_named_by(const ListTerms& terms) {
  std::vector<NamedRecord> out;
  const auto add = [&out](RecordKind kind, const std::string& name) {
    if (!name.empty() && name != "none" && (kind != RecordKind::operator_ || name != "me")) out.push_back({kind, name});
  };
  add(RecordKind::queue, terms.queue);
  add(RecordKind::operator_, terms.assignee);
  add(RecordKind::category, terms.category);
  return out;
}

std::span<const StandingView> standing_views() {
  static const std::array views = {
      StandingView{"Mine", {.assignee = "me"}},
      StandingView{"Unassigned", {.assignee = "none"}},
      StandingView{"Overdue", {.colour = "red", .sort = "sla"}},
      StandingView{"New over a day", {.status = "new", .age = "1", .sort = "created", .ascending = true}},
      StandingView{"All open", {}},
  };
  return views;
}

}  // namespace tern::sync
