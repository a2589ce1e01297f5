// A parsed change, and where it came from. Values only; parsing is bounded by limits.hpp and never trusts a length.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"
#include "tern/sync/intent.hpp"
#include "tern/sync/ticket_fields.hpp"

namespace tern::sync {

enum class Visibility : std::uint8_t {
  unspecified = 0,
  open = 1,
  team = 2,
  restricted = 3
};  // open = public: the customer reads it
enum class PrincipalKind : std::uint8_t { unspecified = 0, operator_ = 1, contact = 2, integration = 3, server = 4 };

/// Names one change for ever: the device that made it and the id it gave it.
struct ChangeRef {
  DeviceId device;
  ChangeId id;
  auto operator<=>(const ChangeRef&) const = default;
  [[nodiscard]] bool none() const { return device.is_zero() && id.is_zero(); }
};

/// Place in its author's chain. A set that was signed again keeps the place of the original signature.
struct Origin {
  DeviceId device;
  std::uint64_t device_epoch = 0;
  std::uint64_t chain_seq = 0;
  std::uint32_t index = 0;  // within its set
  auto operator<=>(const Origin&) const = default;
};

/// One field of a create or a set. `value` is the canonical form of the field's type (ticket_fields.hpp); nothing =
/// none.
struct FieldSetting {
  FieldId field = FieldId::unspecified;
  std::string key;  // custom field's name, external reference's type; else empty
  std::optional<Bytes> value;
  bool erased = false;  // the value lived in a body that was erased
  auto operator<=>(const FieldSetting&) const = default;
};

/// A change as its author made it. Immutable after parse().
struct Change {
  ChangeRef ref;
  TicketId ticket;
  Intent intent = Intent::unspecified;
  std::uint32_t intent_version = 1;
  Visibility visibility = Visibility::unspecified;
  std::int64_t wall_ms = 0;
  std::uint64_t before_ms = 0;
  EpochId seen_epoch;  // zero: the epoch of the set's anchor
  std::uint64_t seen_seq = 0;
  bool seen_now = false;  // server-sealed only
  std::vector<ChangeId> after;
  std::vector<FieldSetting> fields;
  Bytes target;  // 16 raw bytes: operator, queue, other ticket, contact who signed; empty = none   (skeleton.ref)
  std::vector<ChangeRef> targets;
  // log_time, estimate: minutes; hold: when to wake it, ms, 0 = never; rate: 1 to 5; split_from: since when somebody
  // waits, ms, 0 = nobody does
  std::int64_t number = 0;
  std::uint32_t kind =
      0;  // link: LinkKind; watch: 0 operator, 1 contact; split: 1 inherits the clock; log_time: TimeEntryKind
  std::string label;                    // tag
  std::int64_t from_ms = 0, to_ms = 0;  // on_site: when the work there began and ended, by the author's clock
  std::string text;                     // body
  std::string base;                     // body
  std::string reason;                   // body
  std::string file_name;                // body; on_site: the name of who signed
  std::string media_type;               // body
  Bytes signature;                      // body: on_site, an image as media_type says
  Bytes record;                         // body: tern.v1.Record
  std::uint32_t record_kind = 0;
  std::uint64_t size_bytes = 0;
  Bytes content_hash;
  PrincipalKind principal_kind = PrincipalKind::unspecified;
  Bytes principal_id;
  std::int64_t asserted_ms = 0;
  ChangeRef quotes;         // server-sealed only: said again, out of quarantine or of a device's copy
  DeviceId handed_back_by;  // server-sealed only: whose copy it was read out of after a restore
  std::string provisional_number;
  bool body_erased = false;
};

/// The two halves as they are committed to and travel.
struct EncodedChange {
  Bytes skeleton;
  Bytes body;
};

/// Which halves a value goes to is decided by the field and intent tables alone. Deterministic within one build;
/// nobody re-encodes to verify.
EncodedChange encode_change(const Change& change);

/// `body` = nothing when it was erased. `device`: the device of the set. Fields of Protobuf that this version does not
/// know are skipped. Errors: `malformed` (not a change, not UTF-8, wrong lengths or counts, a personal value in the
/// skeleton), `upgrade_required` (unknown intent, intent version, field or enum value), `invalid` with `field` (a value
/// that breaks its field's type or limit, text not in NFC, an intent without what it needs or with what it has no use
/// for), `too_large` with `field` (a text above its limit).
Result<Change> parse_change(ByteView skeleton, std::optional<ByteView> body, const DeviceId& device);

/// The checks of parse_change on a change that was made here, before it is saved. Same errors.
Result<void> validate_change(const Change& change);

/// True when no device may send it, only the server's own sealing key: an intent of the server, an author other than
/// the operator of the key, an asserted time, `seen_now`. Such a change parses; ingest refuses it from the network.
bool server_only(const Change& change);

/// The element of a tag, watch, link or pin (or its opposite) as ElementKey holds it: the tag; 'o' (kind 0, operator)
/// or 'c' (kind 1, contact) + 16 bytes; kind byte + 16 bytes; the author's 16 bytes. Empty for other intents.
Bytes element_of(const Change& change, const OperatorId& author);

}  // namespace tern::sync
