#include "simulation/mutants.hpp"

#include <sstream>

namespace tern::test {

bool built_with_mutants() {
#ifdef TERN_MUTANTS
  return true;
#else
  return false;
#endif
}

const std::vector<KnownMutant>& known_mutants() {
  using enum Mutant;
  static const std::vector<KnownMutant> all{
      {ack_before_commit, "ack before commit", "disk", "I1 I5 I10"},
      {commit_number_skipped, "commit numbers with gaps", "calm", "I1"},
      {server_not_durable, "lost unsynced sector ignored (server)", "disk", "I5"},
      {outbox_not_durable, "lost unsynced sector ignored (device)", "disk", "I8"},
      {skip_previous_hash, "skip prev_hash", "copies", "I4"},
      {accept_chain_gap, "gap in a chain taken", "copies", "I4"},
      // The device finds its receipts to be of other sets than its own, and asks on and on.
      {fork_accepted, "device clone counted as itself", "copies", "I35"},
      {skip_signature, "skip signature", "copies", "I7"},
      {revoked_key_accepted, "revoked key accepted", "office", "I19"},
      // The ledger's key refuses the second, and whoever sends it never gets rid of it.
      {duplicate_applied_again, "a change counts twice", "copies", "I35"},
      {deposit_not_kept, "deposit not kept", "office", "I8"},
      {session_counter_reused, "counter of a session reused", "storm", "I25"},
      {skip_rights, "skip rights at commit", "office", "I18"},
      {order_by_arrival, "order facts by arrival", "calm", "I10"},
      {order_by_claim, "order by the claimed clock", "office", "I21"},
      {window_beyond_receipt, "window beyond the receipt", "office", "I21"},
      {open_set_not_sealed, "open set under a newer anchor", "directed/slow", "I21"},
      {seen_is_newest, "`seen` taken as the tenant's cursor", "calm", "I10"},
      {claim_last_write, "claims as last write", "calm", "I10"},
      {unseen_customer_ignored, "unseen customer's message ignored", "office", "I10"},
      {description_last_write, "descriptions as last write", "calm", "I10"},
      {merge_loses_late, "late work for a merged ticket dropped", "calm", "I3"},
      {amendment_not_sent, "amendment not sent", "calm", "I8"},
      {scope_leaves_rows, "rows stay after the scope", "office", "I9 I17"},
      {restricted_sent, "restricted notes sent", "calm", "I9 I17"},
      {cursor_past_failed_row, "cursor past a failed row", "directed/server_reads", "I9"},
      {prune_on_ack, "prune on ack", "copies", "I6 I8"},
      {pending_dropped_on_answer, "drop pending on HTTP 200", "storm", "I5 I8"},
      {epoch_ignored, "ignore epoch", "copies", "I6 I8"},
      {erased_returns, "erased text returns at restore", "directed/restores", "I13"},
      {device_keeps_erased, "device keeps erased text", "office", "I13"},
      {number_given_twice, "numbers given twice after a restore", "directed/restores", "I6"},
      {sequence_before_commit, "sequence visible before commit", "directed/server_disk", "I9 I27"},
      {once_forgotten, "Idempotency-Key forgotten", "others", "I3"},
      {sent_though_refused, "what was not taken counts as sent", "others", "I30"},
  };
  return all;
}

std::string meant_complaint(const KnownMutant& known, const std::string& what) {
  std::istringstream complaints(what);
  for (std::string line; std::getline(complaints, line);) {
    std::istringstream words(known.invariants);
    for (std::string invariant; words >> invariant;)
      if (line.starts_with(invariant + ":")) return line;
  }
  return {};
}

}  // namespace tern::test
