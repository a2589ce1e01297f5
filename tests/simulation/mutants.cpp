#include "simulation/mutants.hpp"

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
      {ack_before_commit, "ack before commit", "disk"},
      {commit_number_skipped, "commit numbers with gaps", "calm"},
      {server_not_durable, "lost unsynced sector ignored (server)", "disk"},
      {outbox_not_durable, "lost unsynced sector ignored (device)", "disk"},
      {skip_previous_hash, "skip prev_hash", "copies"},
      {accept_chain_gap, "gap in a chain taken", "copies"},
      {fork_accepted, "device clone counted as itself", "copies"},
      {skip_signature, "skip signature", "copies"},
      {revoked_key_accepted, "revoked key accepted", "office"},
      {duplicate_applied_again, "a change counts twice", "copies"},
      {deposit_not_kept, "deposit not kept", "office"},
      {session_counter_reused, "counter of a session reused", "storm"},
      {skip_rights, "skip rights at commit", "office"},
      {order_by_arrival, "order facts by arrival", "calm"},
      {order_by_claim, "order by the claimed clock", "office"},
      {window_beyond_receipt, "window beyond the receipt", "office"},
      {open_set_not_sealed, "open set under a newer anchor", "directed/slow"},
      {seen_is_newest, "`seen` taken as the tenant's cursor", "calm"},
      {claim_last_write, "claims as last write", "calm"},
      {unseen_customer_ignored, "unseen customer's message ignored", "office"},
      {description_last_write, "descriptions as last write", "calm"},
      {merge_loses_late, "late work for a merged ticket dropped", "calm"},
      {amendment_not_sent, "amendment not sent", "calm"},
      {scope_leaves_rows, "rows stay after the scope", "office"},
      {restricted_sent, "restricted notes sent", "calm"},
      {cursor_past_failed_row, "cursor past a failed row", "directed/server_reads"},
      {prune_on_ack, "prune on ack", "copies"},
      {pending_dropped_on_answer, "drop pending on HTTP 200", "storm"},
      {epoch_ignored, "ignore epoch", "copies"},
      {erased_returns, "erased text returns at restore", "directed/restores"},
      {device_keeps_erased, "device keeps erased text", "office"},
      {number_given_twice, "numbers given twice after a restore", "directed/restores"},
      {sequence_before_commit, "sequence visible before commit", "directed/server_disk"},
  };
  return all;
}

}  // namespace tern::test
