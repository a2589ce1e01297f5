#include "views/sentences.hpp"

#include <fmt/format.h>

namespace tern::client {

using sync::Intent;
using sync::Outcome;
using sync::Rule;
using sync::Unit;

namespace {

std::string somebody(const std::string& name) {
  return name.empty() ? "somebody else" : name;
}

/// " at 11:02 UTC", or nothing.
std::string at(const SentenceFacts& facts, const ClockText& clock) {
  if (facts.stands_at_ms == 0) return {};
  return " at " + clock(facts.stands_at_ms, facts.entry.wall_ms);
}

std::string quoted(const std::string& value) {
  return value == "none" ? "none" : "'" + value + "'";
}

std::string pending(const SentenceFacts& facts) {
  const HistoryEntry& e = facts.entry;
  if (e.handed_in)
    return "handed in after this device's key had ended; an administrator decides about it, and this device is not "
           "told";
  std::string words = e.saved == Saved::sent ? "sent, the server has not answered yet" : "saved here, not sent yet";
  if (facts.unit == Unit::description) words += "; it will be merged with what others wrote";
  if (facts.ghost) words += "; the ticket has left this device, your work on it is kept until it is decided";
  return words;
}

std::string superseded(const SentenceFacts& facts, const ClockText& clock) {
  const HistoryEntry& e = facts.entry;
  const std::string who = somebody(e.stands_author);
  switch (e.standing.rule) {
    case Rule::priority_highest:
      return fmt::format("the higher priority stands: {} set it to {}{}, unseen by you", who, e.stands_value,
                         at(facts, clock));
    case Rule::text_overlap:
      return fmt::format("{} changed the same lines{}; the later text stands, yours is kept here", who,
                         at(facts, clock));
    case Rule::message_edit:
      return fmt::format("{} edited the same message{}; the later text stands, yours is kept here", who,
                         at(facts, clock));
    case Rule::add_wins:
      return fmt::format("{} added it again{}, unseen by you, so it stays", who, at(facts, clock));
    default:
      break;
  }
  if (e.stands_value.empty()) return fmt::format("{} did the same{}, later; theirs stands", who, at(facts, clock));
  return fmt::format("{} set it to {}{}, later, without having seen yours; that stands", who, quoted(e.stands_value),
                     at(facts, clock));
}

std::string overtaken_claim(const SentenceFacts& facts, const ClockText& clock) {
  const HistoryEntry& e = facts.entry;
  const std::string when = at(facts, clock) + ", before you were back online";
  switch (facts.unit) {
    case Unit::assignee:
      if (e.standing.rule == Rule::taken || e.stands_author == e.stands_value) {
        return fmt::format("taken by {}{}", somebody(e.stands_value.empty() ? e.stands_author : e.stands_value), when);
      }
      return fmt::format("assigned to {} by {}{}", somebody(e.stands_value), somebody(e.stands_author), when);
    case Unit::queue:
      return fmt::format("moved to {} by {}{}", e.stands_value.empty() ? "another queue" : e.stands_value,
                         somebody(e.stands_author), when);
    default:
      return fmt::format("{} had already decided it otherwise{}", somebody(e.stands_author), when);
  }
}

std::string overtaken(const SentenceFacts& facts, const ClockText& clock) {
  const HistoryEntry& e = facts.entry;
  const std::string kept = e.text.empty() ? "" : "; your text is kept as a note";
  switch (e.standing.rule) {
    case Rule::unseen_customer:
      return "the customer had written something you had not seen, so the ticket was not moved" + kept;
    case Rule::merged_ticket:
      return fmt::format("{} had merged the ticket into {}{}{}", somebody(e.stands_author),
                         e.stands_value.empty() ? "another one" : e.stands_value, at(facts, clock), kept);
    case Rule::deleted_ticket:
      return fmt::format("{} had deleted the ticket{}{}", somebody(e.stands_author), at(facts, clock), kept);
    case Rule::message_deleted:
      return "the message had been deleted meanwhile; your text is kept here";
    case Rule::append:
      return "a report from on site stays as it was signed; your text is kept here";
    case Rule::estimate_claim:
      return "the estimate had been decided or replaced meanwhile";
    case Rule::taken:
    case Rule::claim_stands:
      return overtaken_claim(facts, clock);
    default:
      break;
  }
  const std::string status = e.stands_value.empty() ? "" : ", which is " + e.stands_value;
  return fmt::format("{} had moved the ticket{}{}: {} was not possible any more{}", somebody(e.stands_author),
                     at(facts, clock), status, e.intent, kept);
}

std::string applied(const SentenceFacts& facts, const ClockText& clock) {
  const HistoryEntry& e = facts.entry;
  if (e.standing.rule == Rule::no_effect) return "confirmed; it was so already";
  if (e.standing.rule == Rule::unseen_customer)
    return "not sent: the customer had written something you had not seen; read it, then send yours or take it back";
  if (e.standing.rule == Rule::duplicate) return "confirmed; it had arrived before";
  return "confirmed, counted at " + clock(e.effective_ms, e.wall_ms);
}

std::string decided(const SentenceFacts& facts, const ClockText& clock) {
  const HistoryEntry& e = facts.entry;
  switch (e.standing.outcome) {
    case Outcome::applied:
      return applied(facts, clock);
    case Outcome::merged:
      return "confirmed, together with what others did meanwhile; nothing was lost";
    case Outcome::superseded:
      return superseded(facts, clock);
    case Outcome::overtaken:
      return overtaken(facts, clock);
    case Outcome::redirected:
      return "the ticket had been merged; it is shown on " +
             (e.stands_value.empty() ? "the other one" : e.stands_value);
    case Outcome::held:
      return "held: " + std::string(sync::sentence(e.reason));
    case Outcome::rejected:
      return "rejected: " + std::string(sync::sentence(e.reason));
    case Outcome::unspecified:
      break;
  }
  return pending(facts);
}

}  // namespace

std::string sentence_for(const SentenceFacts& facts, const ClockText& clock) {
  const HistoryEntry& e = facts.entry;
  if (e.outcome == Outcome::unspecified) return pending(facts);
  if (!e.amended) return decided(facts, clock);
  if (facts.altered > 0) {
    return fmt::format("{}; it arrived after others had been answered and altered what became of {} of their changes",
                       decided(facts, clock), facts.altered);
  }
  const std::string cause = facts.amended_by.empty() ? "a change" : "a change by " + facts.amended_by;
  const std::string when = facts.amended_ms == 0 ? "" : " at " + clock(facts.amended_ms, e.wall_ms);
  return fmt::format("first {}, then {} arrived{}: {}", sync::to_string(e.outcome), cause, when, decided(facts, clock));
}

}  // namespace tern::client
