#include "desk/sla_decisions.hpp"

#include <fmt/format.h>

#include <array>

#include "desk/sla_text.hpp"
#include "tern/protocol/limits.hpp"

namespace tern::server {
namespace {

constexpr std::array<std::string_view, 3> verdict_words = {"accept", "reject", "excuse"};

/// "first_response UUID:HEX" is longer than an attribute's name may be.
std::string attribute_of(const SlaDecision& decision) {
  return fmt::format("{}:{}", static_cast<int>(decision.metric), decision.cycle);
}

/// "excuse 1785000000 UUID", then the reason on a line of its own.
std::optional<SlaDecision> decision_of(std::string_view attribute, std::string_view value) {
  const auto colon = attribute.find(':'), line = value.find('\n');
  if (colon == std::string_view::npos || line == std::string_view::npos) return std::nullopt;
  const auto metric = integer_of_text(attribute.substr(0, colon));
  const auto words = words_between(value.substr(0, line), " ");
  if (!metric || *metric < 0 || *metric >= static_cast<std::int64_t>(sla::metric_count) || words.size() != 3)
    return std::nullopt;
  const auto at = integer_of_text(words[1]);
  const auto by = from_uuid_text(words[2]);
  for (std::size_t i = 0; at && by && i < verdict_words.size(); ++i)
    if (verdict_words[i] == words[0])
      return SlaDecision{static_cast<sla::Metric>(*metric),
                         std::string(attribute.substr(colon + 1)),
                         static_cast<sla::DecisionVerdict>(i),
                         *at,
                         OperatorId::or_zero(*by),
                         std::string(value.substr(line + 1))};
  return std::nullopt;
}

}  // namespace

std::string_view verdict_word(sla::DecisionVerdict verdict) {
  return verdict_words[static_cast<std::size_t>(verdict)];
}

RecordId decisions_of(const TicketId& ticket) {
  return RecordId::or_zero(ticket.view());
}

std::vector<SlaDecision> read_decisions(const sync::Record& record) {
  std::vector<SlaDecision> out;
  for (const auto& [name, value] : record.attributes)
    if (auto decision = decision_of(name, value)) out.push_back(std::move(*decision));
  return out;
}

Result<void> put_decision(sync::Record& record, const SlaDecision& decision) {
  record.attributes[attribute_of(decision)] = fmt::format("{} {} {}\n{}", verdict_word(decision.verdict), decision.at,
                                                          to_uuid_text(decision.by.view()), decision.reason);
  if (record.attributes.size() <= limits::record_attributes_max) return {};
  return fail(ErrorCode::too_large, "Of this ticket 64 breaches are decided already.", "", "ticket");
}

}  // namespace tern::server
