#include "desk/sla_text.hpp"

#include <algorithm>
#include <charconv>

namespace tern::server {
namespace {

constexpr std::string_view blanks = " \t";
constexpr std::string_view weekdays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

struct FieldWord {
  sla::RuleField field;
  std::string_view word;
};
constexpr FieldWord field_words[] = {
    {sla::RuleField::priority, "priority"}, {sla::RuleField::category, "category"},
    {sla::RuleField::queue, "queue"},       {sla::RuleField::channel, "channel"},
    {sla::RuleField::type, "type"},         {sla::RuleField::tag, "tag"},
    {sla::RuleField::tariff, "tariff"},     {sla::RuleField::organisation, "organisation"},
    {sla::RuleField::vip, "vip"},           {sla::RuleField::audience, "audience"}};

tl::unexpected<Error> unread(std::string_view words, std::string_view why, std::string_view hint,
                             std::string_view field) {
  return fail(ErrorCode::invalid, "\"" + std::string(words) + "\" " + std::string(why), std::string(hint),
              std::string(field));
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(blanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

std::optional<int> number_of(std::string_view digits, std::size_t count) {
  int value = 0;
  const auto [end, bad] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = bad == std::errc{} && end == digits.data() + digits.size();
  return whole && digits.size() == count && value >= 0 ? std::optional(value) : std::nullopt;
}

// ---- hours ----

Result<std::vector<sla::LocalHours>> hours_of(std::string_view text, std::string_view field) {
  std::vector<sla::LocalHours> out;
  for (const std::string_view part : words_between(text, ",")) {
    const auto dash = part.find('-');
    const auto start = sla::time_of_day_from_text(part.substr(0, dash));
    const auto end = dash == std::string_view::npos ? std::nullopt : sla::time_of_day_from_text(part.substr(dash + 1));
    if (!start || !end) return unread(part, "are no hours.", "Write them like 09:00-18:00.", field);
    out.push_back({*start, *end});
  }
  return out;
}

std::optional<std::size_t> weekday(std::string_view word) {
  const auto it = std::ranges::find(weekdays, word);
  return it == std::end(weekdays) ? std::nullopt : std::optional(static_cast<std::size_t>(it - std::begin(weekdays)));
}

/// "mon-fri", "sat,sun", "fri-mon".
Result<std::vector<std::size_t>> days_of(std::string_view text) {
  std::vector<std::size_t> out;
  for (const std::string_view part : words_between(text, ",")) {
    const auto dash = part.find('-');
    const auto first = weekday(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : weekday(part.substr(dash + 1));
    if (!first || !last) return unread(part, "are no weekdays.", "Write them like mon-fri or sat,sun.", "hours");
    for (std::size_t day = *first;; day = (day + 1) % 7) {
      out.push_back(day);
      if (day == *last) break;
    }
  }
  return out;
}

// ---- conditions ----

Result<std::string> priority_of(std::string_view word) {
  constexpr std::pair<std::string_view, std::string_view> names[] = {
      {"low", "1"},      {"normal", "2"}, {"medium", "2"}, {"high", "3"}, {"urgent", "4"},
      {"critical", "4"}, {"1", "1"},      {"2", "2"},      {"3", "3"},    {"4", "4"}};
  for (const auto& [name, rank] : names)
    if (name == word) return std::string(rank);
  return unread(word, "is no priority.", "Priorities: low normal high urgent.", "when");
}

Result<std::string> condition_value(sla::RuleField field, std::string_view value) {
  constexpr std::string_view types[] = {"bug", "feature", "question", "complaint", "other"};
  if (value.empty()) return unread(condition_word(field), "names no value.", "Write it like priority=urgent.", "when");
  if (field == sla::RuleField::priority) return priority_of(value);
  if (field == sla::RuleField::vip && value != "yes" && value != "no")
    return unread(value, "is neither yes nor no.", "", "when");
  if (field == sla::RuleField::audience && value != "customer" && value != "internal")
    return unread(value, "is no audience.", "Audiences: customer internal.", "when");
  if (field == sla::RuleField::type && std::ranges::find(types, value) == std::end(types))
    return unread(value, "is no type of ticket.", "Types: bug feature question complaint other.", "when");
  return std::string(value);
}

}  // namespace

std::optional<std::int64_t> integer_of_text(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
  return wrong == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::vector<std::string_view> words_between(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of(separators), text.size());
    if (const auto word = trimmed(text.substr(0, end)); !word.empty()) out.push_back(word);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

Result<sla::Seconds> duration_from_text(std::string_view text, std::string_view field) {
  sla::Seconds sum = 0;
  std::string_view left = trimmed(text);
  while (!left.empty()) {
    std::int64_t count = 0;
    const auto [end, bad] = std::from_chars(left.data(), left.data() + left.size(), count);
    const auto unit = static_cast<std::size_t>(end - left.data());
    const sla::Seconds size = bad != std::errc{} || unit >= left.size() ? 0
                              : left[unit] == 'd'                       ? sla::day_s
                              : left[unit] == 'h'                       ? sla::hour_s
                              : left[unit] == 'm'                       ? sla::minute_s
                              : left[unit] == 's'                       ? 1
                                                                        : 0;
    if (size == 0 || count < 0 || count > sla::target_max / size) {
      sum = 0;
      break;
    }
    sum += count * size;
    left = trimmed(left.substr(unit + 1));
  }
  if (sum <= 0 || sum > sla::target_max || !left.empty())
    return unread(text, "is no length of time.", "Write it like 4h, 1h 30m or 2d, at most 5 years.", field);
  return sum;
}

Result<void> read_hours(std::string_view text, sla::Calendar& calendar) {
  if (trimmed(text) == "24/7") {
    calendar.always = true;
    return {};
  }
  for (const std::string_view entry : words_between(text, ";\n")) {
    const auto blank = entry.find_first_of(blanks);
    if (blank == std::string_view::npos)
      return unread(entry, "has no hours behind the days.", "Write it like mon-fri 09:00-18:00.", "hours");
    TERN_TRY(const auto days, days_of(entry.substr(0, blank)));
    TERN_TRY(const auto hours, hours_of(entry.substr(blank), "hours"));
    for (const std::size_t day : days)
      calendar.weekly[day].insert(calendar.weekly[day].end(), hours.begin(), hours.end());
  }
  return {};
}

Result<std::vector<sla::CalendarException>> holidays_from_text(std::string_view text) {
  std::vector<sla::CalendarException> out;
  for (std::string_view entry : words_between(text, ";\n")) {
    const auto blank = std::min(entry.find_first_of(blanks), entry.size());
    const std::string_view date = entry.substr(0, blank);
    const bool dated = date.size() == 10 && date[4] == '-' && date[7] == '-';
    const std::string_view day = dated ? date.substr(5) : date;
    const auto year = dated ? number_of(date.substr(0, 4), 4) : std::optional(0);
    const auto month = day.size() == 5 && day[2] == '-' ? number_of(day.substr(0, 2), 2) : std::nullopt;
    const auto of_month = month ? number_of(day.substr(3), 2) : std::nullopt;
    if (!year || !of_month || !sla::day_from_date(dated ? *year : 2000, *month, *of_month))
      return unread(date, "is no date.", "Write it like 2026-12-25, or 12-25 for every year.", "holidays");
    sla::CalendarException& exception = out.emplace_back();
    exception.year = *year;
    exception.month = *month;
    exception.day = *of_month;
    entry = trimmed(entry.substr(blank));
    const std::string_view first = entry.substr(0, std::min(entry.find_first_of(blanks), entry.size()));
    const bool has_hours = !first.empty() && first[0] >= '0' && first[0] <= '9';
    if (has_hours) {
      TERN_TRY(exception.hours, hours_of(first, "holidays"));
    }
    exception.name = std::string(trimmed(has_hours || first == "closed" ? entry.substr(first.size()) : entry));
  }
  return out;
}

std::string condition_word(sla::RuleField field) {
  const auto it = std::ranges::find(field_words, field, &FieldWord::field);
  return it == std::end(field_words) ? std::string() : std::string(it->word);
}

Result<std::vector<sla::Condition>> conditions_from_text(std::string_view text) {
  std::vector<sla::Condition> out;
  for (const std::string_view line : words_between(text, "\n")) {
    const auto equals = std::min(line.find('='), line.size());
    const auto known = std::ranges::find(field_words, trimmed(line.substr(0, equals)), &FieldWord::word);
    if (equals == line.size() || known == std::end(field_words))
      return unread(line, "is no condition.",
                    "Write it like priority=urgent. Of a ticket rules look at: priority category queue type tag tariff "
                    "organisation vip.",
                    "when");
    TERN_TRY(std::string value, condition_value(known->field, trimmed(line.substr(equals + 1))));
    auto same = std::ranges::find(out, known->field, &sla::Condition::field);
    if (same == out.end()) same = out.insert(out.end(), {known->field, {}});
    same->any_of.push_back(std::move(value));
  }
  return out;
}

Result<std::vector<sla::LateLevel>> late_levels_from_text(std::string_view text) {
  std::vector<sla::LateLevel> out;
  if (trimmed(text) == "none") return out;
  for (const std::string_view word : words_between(text, ",")) {
    sla::LateLevel& level = out.emplace_back();
    if (word.ends_with('%')) {
      const auto percent = number_of(word.substr(0, word.size() - 1), word.size() - 1);
      if (!percent || *percent == 0) return unread(word, "is no share.", "Write it like 50%.", "late");
      level.percent = *percent;
    } else {
      TERN_TRY(level.after, duration_from_text(word, "late"));
    }
  }
  return out;
}

Result<void> read_pauses(std::string_view text, sla::Terms& terms) {
  for (const std::string_view line : words_between(text, "\n")) {
    const auto equals = std::min(line.find('='), line.size());
    const auto metric = sla::metric_from_name(trimmed(line.substr(0, equals)));
    if (!metric || equals == line.size())
      return unread(line, "names no clock and what pauses it.", "Write it like resolution=on_hold,waiting.", "pause");
    sla::StatusSet& set = terms.paused_by[static_cast<std::size_t>(*metric)];
    set = {};
    for (const std::string_view word : words_between(line.substr(equals + 1), ",")) {
      if (word == "none") continue;
      const auto status = sync::status_from_name(word);
      if (!status) return unread(word, "is no status.", "", "pause");
      set.add(*status);
    }
  }
  return {};
}

}  // namespace tern::server
