// Bugs on purpose, one at a time, to see that the simulator would notice them: `if (mutant(Mutant::x))` stands where
// the bug would be. Only in builds with -DTERN_MUTANTS=ON; in all others, and so in what people run, it is false at
// compile time and leaves nothing in the program.
#pragma once

namespace tern {

/// Names as the table of docs/reliability.md prints them. A new one goes to the end.
enum class Mutant : int {
  none,
  ack_before_commit,          // the server answers though the commit failed
  commit_number_skipped,      // commit numbers have gaps
  server_not_durable,         // receipts before the disk has them
  outbox_not_durable,         // "saved" before the disk has it
  skip_previous_hash,         // a set that does not name the set before it is taken
  accept_chain_gap,           // a set may be missing in a chain
  fork_accepted,              // a second history of a device gets the receipts of the first
  skip_signature,             // signatures are not looked at
  revoked_key_accepted,       // the state of a key is not asked
  duplicate_applied_again,    // a change that comes twice counts twice
  deposit_not_kept,           // work of a revoked device is acknowledged and thrown away
  session_counter_reused,     // a request under a session is accepted twice
  skip_rights,                // rights are not asked at commit
  order_by_arrival,           // facts are ordered by their commit
  order_by_claim,             // the effective time is what the device's clock says
  window_beyond_receipt,      // a change may claim to be later than its receipt
  open_set_not_sealed,        // an open set goes on under a newer anchor than it was begun under
  seen_is_newest,             // everybody is taken to have seen everything
  claim_last_write,           // the claim that came last stands
  unseen_customer_ignored,    // a status moves over a customer's message that its author had not seen
  description_last_write,     // texts are not merged
  merge_loses_late,           // what comes late for a merged ticket is dropped
  amendment_not_sent,         // nobody is told that a receipt's outcome changed
  scope_leaves_rows,          // what left the scope stays on the device
  restricted_sent,            // restricted notes go to those who may not read them
  cursor_past_failed_row,     // a page goes on behind a row that could not be read
  prune_on_ack,               // a device forgets its sets with the receipt
  pending_dropped_on_answer,  // whatever was sent counts as done once an answer came
  epoch_ignored,              // after a restore devices do not send again what it lost
  erased_returns,             // a restore brings back what was erased
  device_keeps_erased,        // a device keeps what was erased
  number_given_twice,         // after a restore numbers are counted from the copy
  sequence_before_commit,     // a page reaches up to a commit that may still fail
  once_forgotten,             // what comes again with its Idempotency-Key is done again
  sent_though_refused,        // what was not taken counts as sent
};

#ifdef TERN_MUTANTS
inline namespace mutants_on {
inline int mutant_number = 0;
// What a test looks for in programs, stripped ones too.
inline const char* volatile mutant_mark = "tern: mutants_on";
inline bool mutant(Mutant which) {
  return mutant_mark != nullptr && mutant_number == static_cast<int>(which);
}
inline void set_mutant(int number) {
  mutant_number = number;
}
}  // namespace mutants_on
#else
inline namespace mutants_off {
constexpr bool mutant(Mutant) {
  return false;
}
constexpr void set_mutant(int) {}
}  // namespace mutants_off
#endif

}  // namespace tern
