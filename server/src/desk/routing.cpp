#include "desk/routing.hpp"

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "tern/protocol/limits.hpp"

namespace tern::server {
namespace {

constexpr std::string_view route_mark = "routed:";

template <typename Enum, std::size_t N>
std::string_view word_of(const std::string_view (&words)[N], Enum value) {
  const auto at = static_cast<std::size_t>(value);
  return at < N ? words[at] : std::string_view();
}
template <typename Enum, std::size_t N>
std::optional<Enum> value_of(const std::string_view (&words)[N], std::string_view word) {
  for (std::size_t i = 0; i < N; ++i)
    if (words[i] == word) return static_cast<Enum>(i);
  return std::nullopt;
}

constexpr std::string_view moment_words[] = {"created", "moved", "category", "reopened", "waited", "returned"};
constexpr std::string_view strategy_words[] = {"none", "least_open"};
constexpr std::string_view rule_words[] = {"assignee", "default_agent", "previous", "least_open",
                                           "waits",    "behind",        "none"};
constexpr std::string_view out_words[] = {"in",        "elsewhere", "role", "inactive", "status",
                                          "off_shift", "silent",    "full", "skill",    "turn"};

std::string missing_skill(const RouteSkills& has, const RouteSkills& needs) {
  for (const auto& [skill, level] : needs) {
    const auto found = has.find(skill);
    if (found == has.end() || found->second < level) return skill;
  }
  return {};
}

/// R3, in its order.
RouteCandidate judge_agent(const RouteAgent& agent, const RouteQuestion& question) {
  RouteCandidate out;
  out.number = agent.number;
  const std::string missing = missing_skill(agent.skills, question.needs);
  if (!agent.member) {
    out.out = RouteOut::elsewhere;
  } else if (!agent.takes) {
    out.out = RouteOut::role;
  } else if (!agent.active) {
    out.out = RouteOut::inactive;
  } else if (!agent.status.empty()) {
    out.out = RouteOut::status;
    out.word = agent.status;
  } else if (!agent.on_shift) {
    out.out = RouteOut::off_shift;
  } else if (!agent.heard) {
    out.out = RouteOut::silent;
  } else if (agent.load + question.weight > agent.capacity) {
    out.out = RouteOut::full;
  } else if (!missing.empty()) {
    out.out = RouteOut::skill;
    out.word = missing;
  } else if (!agent.turn) {
    out.out = RouteOut::turn;
  }
  if (out.out == RouteOut::none || out.out == RouteOut::full) {
    out.load = agent.load;
    out.capacity = agent.capacity;
  }
  if (out.out != RouteOut::none) return out;
  out.tickets = agent.tickets;
  out.last = agent.last;
  return out;
}

/// R6: no ticket at work, then the least load, then the least share of what they can hold, then who has waited for one
/// for longest, then by number. Who is out stands behind.
bool is_better_candidate(const RouteCandidate& a, const RouteCandidate& b) {
  const bool a_in = a.out == RouteOut::none, b_in = b.out == RouteOut::none;
  if (a_in != b_in) return a_in;
  if (!a_in) return a.number < b.number;
  if ((a.tickets == 0) != (b.tickets == 0)) return a.tickets == 0;
  if (a.load != b.load) return a.load < b.load;
  const std::int64_t share_a = a.load * b.capacity, share_b = b.load * a.capacity;
  if (share_a != share_b) return share_a < share_b;
  if (a.last != b.last) return a.last < b.last;
  return a.number < b.number;
}

const RouteCandidate* find_candidate(const RouteDecision& decision, std::uint64_t number) {
  if (number == 0) return nullptr;
  const auto found = std::ranges::find(decision.candidates, number, &RouteCandidate::number);
  return found == decision.candidates.end() ? nullptr : &*found;
}

bool can_hold_any(RouteOut out) {
  return out != RouteOut::inactive && out != RouteOut::role;
}

/// R5.
void settle_route(RouteDecision& decision) {
  std::ranges::sort(decision.candidates, is_better_candidate);
  const auto choose = [&](RouteRule rule, std::uint64_t number) {
    decision.rule = rule;
    decision.chosen = number;
  };
  const RouteCandidate* of_category = find_candidate(decision, decision.default_agent);
  if (of_category != nullptr) {
    const bool in = of_category->out == RouteOut::none;
    if (in || (decision.sticky && can_hold_any(of_category->out)))
      return choose(RouteRule::default_agent, of_category->number);
  }
  if (decision.strategy == RouteStrategy::none) return choose(RouteRule::none, 0);
  const RouteCandidate* before = find_candidate(decision, decision.previous);
  if (before != nullptr && before->out == RouteOut::none) return choose(RouteRule::previous, before->number);
  if (decision.others_wait) return choose(RouteRule::behind, 0);
  if (decision.candidates.empty() || decision.candidates.front().out != RouteOut::none)
    return choose(RouteRule::waits, 0);
  choose(RouteRule::least_open, decision.candidates.front().number);
}

// ---- text ----

std::string candidate_line(const RouteCandidate& one) {
  if (one.out == RouteOut::none)
    return fmt::format("{} in: {} tickets, load {} of {}, last {}", one.number, one.tickets, one.load, one.capacity,
                       one.last);
  if (one.out == RouteOut::full) return fmt::format("{} out: full, load {} of {}", one.number, one.load, one.capacity);
  return fmt::format("{} out: {}{}{}", one.number, route_out_name(one.out), one.word.empty() ? "" : " ", one.word);
}

std::vector<std::string_view> words_in(std::string_view line) {
  std::vector<std::string_view> out;
  while (!line.empty()) {
    const auto end = std::min(line.find(' '), line.size());
    std::string_view word = line.substr(0, end);
    while (!word.empty() && (word.back() == ':' || word.back() == ',')) word.remove_suffix(1);
    if (!word.empty()) out.push_back(word);
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return out;
}

template <typename Number>
bool read_number(std::string_view word, Number& out) {
  const auto [end, bad] = std::from_chars(word.data(), word.data() + word.size(), out);
  return bad == std::errc{} && end == word.data() + word.size();
}

using RouteWords = std::span<const std::string_view>;

bool read_candidate(RouteWords words, RouteDecision& decision) {
  RouteCandidate one;
  if (words.size() < 3 || !read_number(words[0], one.number)) return false;
  if (words[1] == "in") {
    if (words.size() != 10 || !read_number(words[2], one.tickets) || !read_number(words[5], one.load) ||
        !read_number(words[7], one.capacity) || !read_number(words[9], one.last))
      return false;
    decision.candidates.push_back(std::move(one));
    return true;
  }
  const auto out = value_of<RouteOut>(out_words, words[2]);
  if (words[1] != "out" || !out || *out == RouteOut::none) return false;
  one.out = *out;
  if (one.out == RouteOut::full) {
    if (words.size() != 7 || !read_number(words[4], one.load) || !read_number(words[6], one.capacity)) return false;
  } else if (words.size() > 3) {
    one.word = std::string(words[3]);
  }
  decision.candidates.push_back(std::move(one));
  return true;
}

bool read_need(RouteWords words, RouteDecision& decision) {
  std::int64_t level = 0;
  if (words.size() != 3 || !read_number(words[2], level)) return false;
  decision.needs[std::string(words[1])] = level;
  return true;
}

bool read_more(RouteWords words, RouteDecision& decision) {
  return words.size() == 4 && read_number(words[1], words[3] == "in" ? decision.more_in : decision.more_out);
}

bool read_chosen(RouteWords words, RouteDecision& decision) {
  if (words.size() != 4 || words[2] != "by") return false;
  const auto rule = value_of<RouteRule>(rule_words, words[3]);
  if (!rule || (words[1] != "nobody" && !read_number(words[1], decision.chosen))) return false;
  decision.rule = *rule;
  return true;
}

bool read_heading(RouteWords words, RouteDecision& decision) {
  if (words.size() != 4) return false;
  const auto moment = value_of<RouteMoment>(moment_words, words[1]);
  const auto strategy = value_of<RouteStrategy>(strategy_words, words[2]);
  if (!moment || !strategy || !read_number(words[3], decision.weight)) return false;
  decision.moment = *moment;
  decision.strategy = *strategy;
  return true;
}

bool read_route_line(RouteWords words, RouteDecision& decision) {
  if (words.empty()) return false;
  if (words[0] == "routed") return read_heading(words, decision);
  if (words[0] == "needs") return read_need(words, decision);
  if (words[0] == "others") {
    decision.others_wait = true;
    return true;
  }
  if (words[0] == "and") return read_more(words, decision);
  if (words[0] == "chosen") return read_chosen(words, decision);
  if (words[0] == "previous") return words.size() == 2 && read_number(words[1], decision.previous);
  if (words[0] == "default") {
    decision.sticky = words.size() == 3 && words[2] == "sticky";
    return words.size() >= 2 && read_number(words[1], decision.default_agent);
  }
  return read_candidate(words, decision);
}

// ---- for people ----

std::string why_out(const RouteCandidate& one) {
  switch (one.out) {
    case RouteOut::elsewhere:
      return "is not of this queue";
    case RouteOut::role:
      return "has a role that holds no tickets";
    case RouteOut::inactive:
      return "is disabled";
    case RouteOut::status:
      return "is " + one.word;
    case RouteOut::off_shift:
      return "is off shift";
    case RouteOut::silent:
      return "works in the field, and no device of theirs was heard of for a day";
    case RouteOut::full:
      return fmt::format("has no room: load {} of {}", one.load, one.capacity);
    case RouteOut::skill:
      return "lacks the skill \"" + one.word + "\"";
    case RouteOut::turn:
      return "was just given tickets that had waited";
    case RouteOut::none:
      break;
  }
  return {};
}

std::string_view why_rule(RouteRule rule) {
  switch (rule) {
    case RouteRule::assignee:
      return "somebody holds it already";
    case RouteRule::default_agent:
      return "the agent of its category";
    case RouteRule::previous:
      return "who had it before";
    case RouteRule::least_open:
      return "the least to do";
    case RouteRule::waits:
      return "nobody is free: it waits";
    case RouteRule::behind:
      return "others wait in its queue: it waits behind them";
    case RouteRule::none:
      return "its queue gives tickets to nobody";
  }
  return {};
}

}  // namespace

std::string_view route_moment_name(RouteMoment moment) {
  return word_of(moment_words, moment);
}
std::string_view route_strategy_name(RouteStrategy strategy) {
  return word_of(strategy_words, strategy);
}
std::optional<RouteStrategy> route_strategy_from_name(std::string_view name) {
  return value_of<RouteStrategy>(strategy_words, name);
}
std::string_view route_rule_name(RouteRule rule) {
  return word_of(rule_words, rule);
}
std::string_view route_out_name(RouteOut out) {
  return word_of(out_words, out);
}

RouteDecision decide_route(const RouteQuestion& question) {
  RouteDecision out;
  out.moment = question.moment;
  out.strategy = question.strategy;
  out.weight = question.weight;
  out.needs = question.needs;
  out.others_wait = question.others_wait;
  out.default_agent = question.default_agent;
  out.previous = question.previous;
  out.sticky = question.sticky;
  if (question.held) {
    out.rule = RouteRule::assignee;
    return out;
  }
  for (const RouteAgent& agent : question.agents) out.candidates.push_back(judge_agent(agent, question));
  settle_route(out);
  return out;
}

RouteDecision decide_again(RouteDecision decision) {
  settle_route(decision);
  return decision;
}

std::string route_text(const RouteDecision& decision) {
  constexpr std::size_t room = limits::result_bytes_max - 256;  // what stands behind the candidates
  std::string out = fmt::format("{} {}, {}, {}", route_mark, route_moment_name(decision.moment),
                                route_strategy_name(decision.strategy), decision.weight);
  for (const auto& [skill, level] : decision.needs) out += fmt::format("\nneeds {} {}", skill, level);
  if (decision.default_agent != 0)
    out += fmt::format("\ndefault {}{}", decision.default_agent, decision.sticky ? " sticky" : "");
  if (decision.previous != 0) out += fmt::format("\nprevious {}", decision.previous);
  if (decision.others_wait) out += "\nothers wait";
  std::size_t more_in = decision.more_in, more_out = decision.more_out;
  for (const RouteCandidate& one : decision.candidates) {
    const std::string line = candidate_line(one);
    const bool matters =
        one.number == decision.default_agent || one.number == decision.previous || one.number == decision.chosen;
    if (!matters && out.size() + line.size() + 1 > room) {
      ++(one.out == RouteOut::none ? more_in : more_out);
      continue;
    }
    out += "\n" + line;
  }
  if (more_in != 0) out += fmt::format("\nand {} more in", more_in);
  if (more_out != 0) out += fmt::format("\nand {} more out", more_out);
  out += decision.chosen == 0 ? std::string("\nchosen nobody") : fmt::format("\nchosen {}", decision.chosen);
  return out + fmt::format(" by {}", route_rule_name(decision.rule));
}

std::optional<RouteDecision> route_from_text(std::string_view text) {
  if (!text.starts_with(route_mark)) return std::nullopt;
  RouteDecision out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    if (!read_route_line(words_in(text.substr(0, end)), out)) return std::nullopt;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::vector<std::string> explain_route(const RouteDecision& decision,
                                       const std::function<std::string(std::uint64_t)>& name_of) {
  std::vector<std::string> out;
  out.push_back(fmt::format("moment: {}; strategy of the queue: {}; weight of the ticket: {}",
                            route_moment_name(decision.moment), route_strategy_name(decision.strategy),
                            decision.weight));
  for (const auto& [skill, level] : decision.needs) out.push_back(fmt::format("needs: {} at {}", skill, level));
  if (decision.default_agent != 0)
    out.push_back(fmt::format("agent of its category: {}{}", name_of(decision.default_agent),
                              decision.sticky ? ", in any case" : ""));
  if (decision.previous != 0) out.push_back("had it before: " + name_of(decision.previous));
  for (const RouteCandidate& one : decision.candidates)
    out.push_back(one.out == RouteOut::none
                      ? fmt::format("in: {}: {} tickets at work, load {} of {}, given one last by commit {}",
                                    name_of(one.number), one.tickets, one.load, one.capacity, one.last)
                      : fmt::format("out: {} {}", name_of(one.number), why_out(one)));
  if (decision.more_in != 0) out.push_back(fmt::format("in, behind these: {} more", decision.more_in));
  if (decision.more_out != 0) out.push_back(fmt::format("out: {} more", decision.more_out));
  out.push_back(fmt::format("chosen: {}: {}", decision.chosen == 0 ? "nobody" : name_of(decision.chosen),
                            why_rule(decision.rule)));
  return out;
}

}  // namespace tern::server
