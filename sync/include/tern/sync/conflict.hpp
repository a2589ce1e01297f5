// What became of a change: outcome, rule, reason; standing and the follow-ups to choose from. Source: fold.md
// "Outcome".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tern/sync/change.hpp"

namespace tern::sync {

/// Decided at commit, never altered. Standing uses the same words. Numbers travel.
enum class Outcome : std::uint8_t {
  unspecified = 0,
  applied = 1,
  merged = 2,
  superseded = 3,
  overtaken = 4,
  redirected = 5,
  held = 6,
  rejected = 7
};

/// Which rule decided. Numbers travel; names are those of docs/merge-rules.md.
enum class Rule : std::uint8_t {
  unspecified = 0,
  sequential = 1,  // nothing concurrent
  latest_wins = 2,
  priority_highest = 3,
  text_merge = 4,    // description, merged by line
  text_overlap = 5,  // description, the later stands
  append = 6,
  message_edit = 7,
  message_deleted = 8,
  add_wins = 9,
  lifecycle = 10,        // the move is not possible at its place
  unseen_customer = 11,  // had not seen a customer's message before it
  no_effect = 12,        // already there
  claim_stands = 13,     // an unseen claim stands
  taken = 14,            // somebody is assigned
  merged_ticket = 15,
  deleted_ticket = 16,
  estimate_claim = 17,
  duplicate = 18,  // same id, same content, earlier
  rights = 19,
  dependency = 20,  // what it depends on is held or missing
  admission = 21,   // limits, unknown records, schema
  release = 22,
};

/// Why something is held or rejected. A code exists only where somebody would react differently.
enum class ReasonCode : std::uint8_t {
  none = 0,
  not_permitted = 1,
  parent_missing = 2,
  parent_held = 3,
  ticket_unknown = 4,
  limit = 5,
  unknown_record = 6,
  duplicate_content = 7,
  cycle = 8,
  upgrade_required = 9,
  invalid = 10,
  exists = 11,
  ticket_full = 12,
};

std::string_view to_string(Outcome outcome);
std::string_view to_string(Rule rule);
std::string_view to_string(ReasonCode reason);
/// The sentence a person reads for a held or rejected change.
std::string_view sentence(ReasonCode reason);

/// What the fold says of one change today.
struct Standing {
  Outcome outcome = Outcome::unspecified;
  Rule rule = Rule::unspecified;
  ChangeRef stands;  // the change that stands instead, if another
  OperatorId stands_author;
  bool operator==(const Standing&) const = default;
};

/// A change whose standing a commit altered. Held for each by the one who folds; signed by the server.
struct StandingChange {
  ChangeRef change;
  Standing before;
  Standing after;
};

/// Whether its author has to be shown what became of it.
bool needs_attention(Outcome outcome, Rule rule);

/// One-step follow-ups that `attention` offers, by outcome and intent: "set mine again", "take anyway", "reopen" ...
std::vector<std::string_view> follow_ups(Intent intent, const Standing& standing);

}  // namespace tern::sync
