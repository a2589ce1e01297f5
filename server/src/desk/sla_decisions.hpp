// What managers decided about the breaches of a ticket (docs/sla.md, K18, K19): one record for each ticket, with the
// ticket's id. It is of the ledger and does not travel to devices.
#pragma once

#include <string>
#include <vector>

#include "tern/sla/event.hpp"
#include "tern/sync/record.hpp"

namespace tern::server {

std::string_view verdict_word(sla::DecisionVerdict verdict);  // "accept", "reject", "excuse"

/// The last word on one cycle.
struct SlaDecision {
  sla::Metric metric = sla::Metric::first_response;
  std::string cycle;  // id of the change that started it
  sla::DecisionVerdict verdict = sla::DecisionVerdict::accept;
  sla::Instant at = 0;
  OperatorId by;
  std::string reason;
  bool operator==(const SlaDecision&) const = default;
};

/// The record's id.
RecordId decisions_of(const TicketId& ticket);
/// What cannot be read is left out.
std::vector<SlaDecision> read_decisions(const sync::Record& record);
/// In the place of an earlier one on that cycle. `too_large` for a ticket with decisions on 64 cycles.
Result<void> put_decision(sync::Record& record, const SlaDecision& decision);

}  // namespace tern::server
