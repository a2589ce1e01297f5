#include "simulation/plan.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace tern::test {
namespace {

const std::string profiles = std::string(TERN_SIMULATION_DIR) + "/profiles";

Result<std::uint64_t> number_of(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    return fail(ErrorCode::usage, "\"" + text + "\" is no number");
  return value;
}

std::uint64_t* field_of(Profile& profile, const std::string& word) {
  const std::pair<const char*, std::uint64_t*> fields[] = {
      {"devices", &profile.devices},     {"hours", &profile.hours},
      {"events", &profile.events},       {"neighbours", &profile.neighbours},
      {"swarm", &profile.swarm},         {"drop", &profile.drop},
      {"duplicate", &profile.duplicate}, {"reorder", &profile.reorder},
      {"truncate", &profile.truncate},   {"flip", &profile.flip},
      {"delay_ms", &profile.delay_ms}};
  for (const auto& [name, field] : fields)
    if (word == name) return field;
  return nullptr;
}

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, by);)
    if (!part.empty()) parts.push_back(part);
  return parts;
}

Result<PlannedFault> fault_from(const std::string& text) {
  const auto parts = split(text, ':');
  constexpr std::array<std::string_view, 4> kinds{"once", "ever", "power", "statement"};
  const bool known = parts.size() == 3 && std::ranges::find(kinds, parts[1]) != kinds.end();
  if (!known) return fail(ErrorCode::usage, "a fault is MACHINE:once|ever|power|statement:N, not " + text);
  TERN_TRY(const std::uint64_t nth, number_of(parts[2]));
  return PlannedFault{parts[0], parts[1], nth};
}

}  // namespace

Result<Profile> read_profile(const std::string& name) {
  std::ifstream in(profiles + "/" + name + ".profile");
  if (!in) return fail(ErrorCode::usage, "there is no profile " + name);
  Profile profile;
  profile.name = name;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    std::string word, value;
    if (!(words >> word)) continue;
    words >> value;
    if (word == "meets") {
      std::string rest;
      std::getline(words, rest);
      profile.meets.push_back(value + rest);
      continue;
    }
    TERN_TRY(const std::uint64_t number, number_of(value));
    if (std::uint64_t* field = field_of(profile, word)) {
      *field = number;
    } else {
      profile.acts[word] = number;
    }
  }
  return profile;
}

std::vector<std::string> profile_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(profiles))
    if (entry.path().extension() == ".profile") names.push_back(entry.path().stem());
  std::ranges::sort(names);
  return names;
}

bool Plan::happens(std::uint64_t event) const {
  return events.empty() ||
         std::ranges::any_of(events, [&](const auto& range) { return range.first <= event && event <= range.second; });
}

std::vector<std::uint64_t> Plan::numbers(std::uint64_t count) const {
  std::vector<std::uint64_t> kept;
  for (std::uint64_t event = 0; event < count; ++event)
    if (happens(event)) kept.push_back(event);
  return kept;
}

void Plan::keep(const std::vector<std::uint64_t>& numbers) {
  events.clear();
  for (const std::uint64_t number : numbers) {
    if (!events.empty() && events.back().second + 1 == number) {
      events.back().second = number;
    } else {
      events.emplace_back(number, number);
    }
  }
  if (events.empty()) events.emplace_back(1, 0);  // none
}

std::string to_text(const Plan& plan) {
  std::string text = "--profile " + plan.profile + " --seed " + std::to_string(plan.seed);
  const auto list = [](const auto& items, auto word_of) {
    std::string words;
    for (const auto& item : items) words += (words.empty() ? "" : ",") + word_of(item);
    return words;
  };
  if (!plan.without.empty()) text += " --without " + list(plan.without, [](const std::string& word) { return word; });
  if (!plan.events.empty())
    text += " --events " + list(plan.events, [](const auto& range) {
              return range.first == range.second ? std::to_string(range.first)
                                                 : std::to_string(range.first) + "-" + std::to_string(range.second);
            });
  if (plan.fault)
    text += " --fault " + plan.fault->machine + ":" + plan.fault->kind + ":" + std::to_string(plan.fault->nth);
  return text;
}

Result<Plan> plan_from(const std::vector<std::string>& words) {
  Plan plan;
  for (std::size_t i = 0; i + 1 < words.size(); i += 2) {
    const std::string& flag = words[i];
    const std::string& value = words[i + 1];
    if (flag == "--profile") {
      plan.profile = value;
    } else if (flag == "--seed") {
      TERN_TRY(plan.seed, number_of(value));
    } else if (flag == "--without") {
      for (const std::string& word : split(value, ',')) plan.without.insert(word);
    } else if (flag == "--events") {
      for (const std::string& range : split(value, ',')) {
        const auto ends = split(range, '-');
        TERN_TRY(const std::uint64_t first, number_of(ends.front()));
        TERN_TRY(const std::uint64_t last, number_of(ends.back()));
        plan.events.emplace_back(first, last);
      }
    } else if (flag == "--fault") {
      TERN_TRY(plan.fault, fault_from(value));
    } else {
      return fail(ErrorCode::usage, "a plan has no " + flag);
    }
  }
  return plan;
}

}  // namespace tern::test
