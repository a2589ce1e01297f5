// Changes that travel, whole or spoilt, and why one is refused.
#pragma once

#include <ostream>
#include <string>

#include "support/catch.hpp"
#include "tern/sync/record.hpp"
#include "tern/v1/change.pb.h"
#include "unit/sync/sample_changes.hpp"

namespace tern::sync::sample {

inline Result<Change> travel(const Change& change) {
  const EncodedChange encoded = encode_change(change);
  return parse_change(encoded.skeleton, encoded.body, change.ref.device);
}

inline Change with_record(Change change) {
  Record record;
  record.kind = RecordKind::queue;
  record.id = queue(4);
  record.name = "Pumps";
  change.ticket = {};
  change.record_kind = 2;
  change.record = encode_record(record);
  return change;
}

inline Change least(Intent intent) {
  return intent == Intent::record ? with_record(smallest(intent)) : smallest(intent);
}

struct Refusal {
  ErrorCode code;
  std::string field;
  bool operator==(const Refusal&) const = default;
};
inline std::ostream& operator<<(std::ostream& out, const Refusal& refusal) {
  return out << to_string(refusal.code) << " " << refusal.field;
}
inline const Refusal fine{ErrorCode::internal, "fine"};

template <typename T>
inline Refusal refusal_of(const Result<T>& result) {
  return result ? fine : Refusal{result.error().code, result.error().field};
}
inline Refusal refusal_of(const Change& change) {
  const Refusal here = refusal_of(validate_change(change));
  CHECK(refusal_of(travel(change)) == here);  // what is refused here is refused there
  return here;
}
inline Refusal invalid(std::string field) {
  return {ErrorCode::invalid, std::move(field)};
}
inline Refusal malformed(std::string field) {
  return {ErrorCode::malformed, std::move(field)};
}
inline Refusal unknown(std::string field) {
  return {ErrorCode::upgrade_required, std::move(field)};
}
inline Refusal too_large(std::string field) {
  return {ErrorCode::too_large, std::move(field)};
}

/// The skeleton and body of a good change, to be spoilt.
struct Halves {
  v1::Skeleton skeleton;
  v1::Body body;
};
inline Halves halves(const Change& change) {
  Halves out;
  const EncodedChange encoded = encode_change(change);
  REQUIRE(out.skeleton.ParseFromString(encoded.skeleton));
  REQUIRE(out.body.ParseFromString(encoded.body));
  return out;
}
inline Refusal refusal_of(const Halves& halves) {
  return refusal_of(parse_change(halves.skeleton.SerializeAsString(), halves.body.SerializeAsString(), device(1)));
}

inline Change full_create() {
  Change out = create("pump leaks");
  out.text = "In the cellar.\nSince Monday.";
  out.before_ms = 1'200;
  out.seen_epoch = id<EpochId>(3);
  out.seen_seq = 41;
  out.after = {id<ChangeId>(4), id<ChangeId>(5)};
  out.provisional_number = "T-2026-x7f-3";
  out.fields.push_back({FieldId::priority, "", "4", false});
  out.fields.push_back({FieldId::custom, "u_symptom", "wet", false});
  out.fields.push_back({FieldId::external_ref, "incident", "INC0000045", false});
  out.fields.push_back({FieldId::category, "", raw(queue(2)), false});
  out.fields.push_back({FieldId::due_at, "", std::nullopt, false});
  out.fields.push_back({FieldId::custom, "location", std::nullopt, false});
  return out;
}

}  // namespace tern::sync::sample
