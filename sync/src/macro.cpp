#include "tern/sync/macro.hpp"

#include <algorithm>
#include <array>

#include "tern/protocol/limits.hpp"
#include "tern/protocol/text.hpp"

namespace tern::sync {
namespace {

enum class Words : std::uint8_t { none, optional, needed };

struct Verb {
  std::string_view name;
  Intent intent;
  Words words;
  std::size_t bytes_max;
};
constexpr std::array verbs = {
    Verb{"reply", Intent::message, Words::needed, limits::text_bytes_max},
    Verb{"note", Intent::message, Words::needed, limits::text_bytes_max},
    Verb{"tag", Intent::tag, Words::needed, limits::tag_bytes_max},
    Verb{"untag", Intent::untag, Words::needed, limits::tag_bytes_max},
    Verb{"set", Intent::set, Words::needed, limits::custom_value_bytes_max},
    Verb{"queue", Intent::move_queue, Words::needed, limits::name_bytes_max},
    Verb{"take", Intent::take, Words::none, 0},
    Verb{"assign", Intent::assign, Words::needed, limits::name_bytes_max},
    Verb{"watch", Intent::watch, Words::none, 0},
    Verb{"start", Intent::start, Words::none, 0},
    Verb{"wait", Intent::wait, Words::none, 0},
    Verb{"hold", Intent::hold, Words::optional, limits::result_bytes_max},
    Verb{"resume", Intent::resume, Words::none, 0},
    Verb{"put-back", Intent::put_back, Words::none, 0},
    Verb{"resolve", Intent::resolve, Words::optional, limits::result_bytes_max},
    Verb{"close", Intent::close, Words::none, 0},
    Verb{"reopen", Intent::reopen, Words::optional, limits::result_bytes_max},
};

tl::unexpected<Error> wrong_line(std::string_view line, std::string_view why, std::string hint = {}) {
  return fail(ErrorCode::invalid, "\"" + std::string(line) + "\" " + std::string(why), std::move(hint), "actions");
}

std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t' || text.front() == '\r')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

/// The first word, which is taken off.
std::string_view take_word(std::string_view& rest) {
  const std::size_t end = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest = trim_blanks(rest.substr(end));
  return word;
}

Result<void> check_value(std::string_view line, const MacroStep& step) {
  if (step.field == FieldId::priority && !priority_rank(step.words))
    return wrong_line(line, "names no priority.", "Use low, normal, high or urgent.");
  if (step.field == FieldId::type && std::ranges::find(ticket_types(), step.words) == ticket_types().end())
    return wrong_line(line, "names no type.", "Types: bug feature question complaint other.");
  return {};
}

Result<void> read_field(std::string_view line, MacroStep& step) {
  std::string_view rest = step.words;
  const std::string name(take_word(rest));
  const std::string value(rest);
  step.words = value;
  if (value.empty()) return wrong_line(line, "sets nothing.", "Write: set FIELD VALUE");
  const FieldSpec* field = find_field(name);
  if (field == nullptr) {
    step.field = FieldId::custom;
    step.key = name;
    if (!validate_key(*find_field(FieldId::custom), name)) return wrong_line(line, "names no field.");
    return {};
  }
  step.field = field->id;
  if (field->id != FieldId::priority && field->id != FieldId::category && field->id != FieldId::type)
    return wrong_line(line, "sets what no macro sets.", "Fields: priority category type, and custom ones.");
  return check_value(line, step);
}

Result<MacroStep> step_of(std::string_view line) {
  std::string_view rest = line;
  const std::string_view name = take_word(rest);
  const auto* verb = std::ranges::find(verbs, name, &Verb::name);
  if (verb == verbs.end())
    return wrong_line(line, "is nothing that a macro does.",
                      "Lines: reply note tag untag set queue take assign watch start wait hold resume put-back resolve "
                      "close reopen.");
  if (rest.empty() && verb->words == Words::needed) return wrong_line(line, "says too little.");
  if (!rest.empty() && verb->words == Words::none) return wrong_line(line, "says too much.");
  if (rest.size() > verb->bytes_max) return wrong_line(line.substr(0, 40), "is too long.");
  MacroStep step;
  step.intent = verb->intent;
  step.words = std::string(rest);
  if (verb->intent == Intent::message) step.visibility = name == "reply" ? Visibility::open : Visibility::team;
  if (verb->intent == Intent::tag || verb->intent == Intent::untag) step.words = canonical_tag(step.words);
  if (verb->intent == Intent::set) TERN_CHECKED(read_field(line, step));
  return step;
}

/// What only one step of a macro may be: each is judged by what is shown before all of them.
Result<void> check_once(const std::vector<MacroStep>& steps) {
  for (const Unit unit : {Unit::status, Unit::assignee, Unit::queue}) {
    const auto count =
        std::ranges::count_if(steps, [unit](const MacroStep& step) { return find_intent(step.intent)->unit == unit; });
    if (count > 1)
      return fail(ErrorCode::invalid, "A macro moves the status, the assignee and the queue once at most.", {},
                  "actions");
  }
  return {};
}

}  // namespace

Result<std::vector<MacroStep>> macro_steps(std::string_view content, std::string_view actions) {
  TERN_CHECKED(protocol::check_text(content, limits::text_bytes_max, "content"));
  TERN_CHECKED(protocol::check_text(actions, limits::custom_value_bytes_max, "actions"));
  std::vector<MacroStep> steps;
  if (!trim_blanks(content).empty()) {
    steps.emplace_back();
    steps.back().intent = Intent::message;
    steps.back().visibility = Visibility::open;
    steps.back().words = std::string(content);
  }
  for (std::string_view rest = actions; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = trim_blanks(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty()) continue;
    TERN_TRY(MacroStep step, step_of(line));
    steps.push_back(std::move(step));
  }
  if (steps.empty())
    return fail(ErrorCode::invalid, "The macro does nothing.", "Give it a content, actions, or both.", "content");
  if (steps.size() > macro_steps_max)
    return fail(ErrorCode::invalid, "A macro has at most " + std::to_string(macro_steps_max) + " steps.", {},
                "actions");
  TERN_CHECKED(check_once(steps));
  return steps;
}

Result<std::vector<MacroStep>> macro_steps(const Record& macro) {
  const auto attribute = [&](const char* name) -> std::string_view {
    const auto found = macro.attributes.find(name);
    return found == macro.attributes.end() ? std::string_view() : std::string_view(found->second);
  };
  return macro_steps(attribute("content"), attribute("actions"));
}

std::optional<NamedRecord> record_named_by(const MacroStep& step) {
  if (step.intent == Intent::move_queue) return NamedRecord{RecordKind::queue, step.words};
  if (step.intent == Intent::assign && step.words != "me") return NamedRecord{RecordKind::operator_, step.words};
  if (step.intent == Intent::set && step.field == FieldId::category)
    return NamedRecord{RecordKind::category, step.words};
  if (step.intent == Intent::set && step.field == FieldId::custom)
    return NamedRecord{RecordKind::custom_field, step.key};
  return std::nullopt;
}

}  // namespace tern::sync
