// What the sync engine remembers between rounds: one small value in the outbox, which survives a lost replica.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "exchange/head_ladder.hpp"
#include "outbox/outbox.hpp"
#include "tern/client/enrolment.hpp"
#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"
#include "tern/protocol/signed_statement.hpp"

namespace tern::client {

class Replica;

/// Under the outbox's meta key "sync_state". The anchor is beside it (Outbox::anchor).
inline constexpr std::size_t state_text_bytes_max = 4096;  // of `paused`, `last_error`, `notice`

struct SyncState {
  std::vector<LadderHead> ladder;     // oldest first; one epoch
  Bytes key_list;                     // Signed<KeyList>::wire, newer than the key file's; else empty
  Bytes certificate;                  // Signed<Certificate>::wire of a later device epoch; else empty
  std::vector<Bytes> epoch_records;   // followed, the newest last
  std::int64_t current_as_of_ms = 0;  // server time of the last round that came to its end; 0 = never
  std::int64_t server_offset_ms = 0;  // server clock minus ours
  std::string paused;                 // why syncing is paused, in one sentence; empty = it is not
  std::string last_error;             // of the last round; empty = it came to its end
  std::string notice;                 // something to tell once more than once: "this device exists twice ..."
  std::uint64_t deposited_epoch = 0;  // newest set handed in by a deposit session
  std::uint64_t deposited_seq = 0;
  std::uint64_t scope_repairs = 0;  // counted, never papered over
  std::uint64_t others_epoch = 0;   // device epoch that is over, in which another copy's sets are still to be asked for
  std::uint64_t others_seq = 0;     // from here on

  bool operator==(const SyncState&) const = default;
};

/// The default when nothing was kept yet. `corrupt`, or an error of the database.
Result<SyncState> load_sync_state(Outbox& outbox);
Result<void> store_sync_state(Outbox& outbox, const SyncState& state);

/// In the outbox: the notice that its reader has dealt with.
inline constexpr std::string_view meta_notice_dismissed = "notice_dismissed";

/// Kept in the replica, and lost with it: after an epoch change the digests of the scopes are not compared any more.
inline constexpr std::string_view meta_digest_suspended = "digest_suspended";  // "1"

/// A statement whose signature this device checked before it stored it.
template <typename T>
Result<T> read_stored_statement(ByteView wire) {
  constexpr std::size_t around = protocol::statement_prefix_bytes + Signature::size_bytes;
  if (wire.size() < around) return fail(ErrorCode::corrupt, "a stored statement is cut", hint_salvage, "outbox");
  protocol::ByteReader reader(wire.substr(protocol::statement_prefix_bytes, wire.size() - around));
  T value = T::read(reader);
  TERN_CHECKED(reader.finish());
  return value;
}

/// What the header of the next set says. The certificate is the newest; the cursor counts in the anchor's epoch only.
Result<SealContext> seal_context(Outbox& outbox, Replica& replica, const DeviceIdentity& identity);

/// Who the device is after a fork healed: certificate and device epoch of the newest certificate.
void apply_certificate(DeviceIdentity& identity, const SyncState& state);

}  // namespace tern::client
