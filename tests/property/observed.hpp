// What the plain rules and the product's fold are compared by.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tern/sync/fold.hpp"

namespace tern::test {

/// All that a person can tell of a ticket: no stamps, no commit numbers.
struct Observed {
  std::map<sync::FieldKey, std::optional<Bytes>> fields;
  std::set<sync::ElementKey> elements;
  sync::Status status{};
  std::string result, hold_reason, description;
  std::int64_t since_ms = 0, resolved_ms = 0, closed_ms = 0, updated_ms = 0, first_response_ms = 0;
  std::optional<Bytes> assignee, queue, merged_into;
  bool deleted = false;
  std::set<OperatorId> custody;
  std::map<sync::ChangeRef, bool> decisions;
  std::vector<std::pair<sync::ChangeRef, std::string>> messages;  // in order, as shown
  std::vector<std::pair<std::int64_t, std::string>> times;        // in order
  std::set<std::string> notes;                                    // texts of what was overtaken
  std::size_t message_count = 0;
  std::map<sync::ChangeRef, sync::Standing> standings;
  bool operator==(const Observed&) const = default;
};

/// What a report from on site says beside its text; nothing for other messages.
inline std::string words_of(const sync::OnSite& report) {
  if (report.from_ms == 0) return {};
  return "|" + std::to_string(report.from_ms) + "-" + std::to_string(report.to_ms) + "|" + report.contact + "|" +
         report.signed_by + "|" + report.media_type + "|" + report.signature;
}

/// Whether a reply is withheld is an effect of its commit: what was sent stays sent. All else is the same.
inline Observed but_for_withholding(Observed observed) {
  for (auto& [ref, standing] : observed.standings)
    if (standing.outcome == sync::Outcome::applied && standing.rule == sync::Rule::unseen_customer)
      standing.rule = sync::Rule::append;
  return observed;
}

}  // namespace tern::test
