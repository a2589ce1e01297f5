#include "admission_codec.hpp"

#include "tern/protocol/wire.hpp"

namespace tern::server {
namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t number_bytes_max = 64;
constexpr std::uint32_t released_max = 100'000;

constexpr std::uint8_t flag_claim_applies = 1;
constexpr std::uint8_t flag_author_has_device = 2;
constexpr std::uint8_t flag_redirected = 4;
constexpr std::uint8_t flag_claim = 8;     // what a claim met stands behind
constexpr std::uint8_t flag_create = 16;   // what a create was given stands behind
constexpr std::uint8_t flag_message = 32;  // the id of its message stands behind
constexpr std::uint8_t flag_unseen_customer = 64;

void write(protocol::ByteWriter& out, const sync::Admission& a) {
  const bool claim = !a.claim_applies || a.claim_rule != sync::Rule::sequential || !a.claim_stands.none() ||
                     !a.claim_stands_author.is_zero() || !a.custody_of.is_zero();
  const bool create = a.integer_id != 0 || !a.number.empty();
  std::uint8_t flags = 0;
  if (a.claim_applies) flags |= flag_claim_applies;
  if (a.author_has_device) flags |= flag_author_has_device;
  if (a.redirected) flags |= flag_redirected;
  if (a.unseen_customer) flags |= flag_unseen_customer;
  if (claim) flags |= flag_claim;
  if (create) flags |= flag_create;
  if (a.message_id != 0) flags |= flag_message;
  out.u8(static_cast<std::uint8_t>(a.verdict)).u8(static_cast<std::uint8_t>(a.reason)).u8(flags).u32(a.time_flags);
  out.u64(a.seen_seq).i64(a.effective_ms).i64(a.lo_ms).i64(a.hi_ms).i64(a.commit_ms).i64(a.reopen_window_ms);
  if (claim) {
    out.u8(static_cast<std::uint8_t>(a.claim_rule)).id(a.claim_stands.device).id(a.claim_stands.id);
    out.id(a.claim_stands_author).id(a.custody_of);
  }
  if (create) out.u64(a.integer_id).sized(a.number);
  if (a.message_id != 0) out.u64(a.message_id);
}

sync::Admission read(protocol::ByteReader& in) {
  sync::Admission a;
  a.verdict = static_cast<sync::Admission::Verdict>(in.u8("verdict"));
  a.reason = static_cast<sync::ReasonCode>(in.u8("reason"));
  const std::uint8_t flags = in.u8("flags");
  a.time_flags = in.u32("time_flags");
  a.seen_seq = in.u64("seen_seq");
  a.effective_ms = in.i64("effective_ms");
  a.lo_ms = in.i64("lo_ms");
  a.hi_ms = in.i64("hi_ms");
  a.commit_ms = in.i64("commit_ms");
  a.reopen_window_ms = in.i64("reopen_window_ms");
  a.claim_applies = (flags & flag_claim_applies) != 0;
  a.author_has_device = (flags & flag_author_has_device) != 0;
  a.redirected = (flags & flag_redirected) != 0;
  a.unseen_customer = (flags & flag_unseen_customer) != 0;
  if ((flags & flag_claim) != 0) {
    a.claim_rule = static_cast<sync::Rule>(in.u8("claim_rule"));
    a.claim_stands.device = in.id<DeviceId>("claim_stands");
    a.claim_stands.id = in.id<ChangeId>("claim_stands");
    a.claim_stands_author = in.id<OperatorId>("claim_stands_author");
    a.custody_of = in.id<OperatorId>("custody_of");
  }
  if ((flags & flag_create) != 0) {
    a.integer_id = in.u64("integer_id");
    a.number = std::string(in.sized(number_bytes_max, "number"));
  }
  if ((flags & flag_message) != 0) a.message_id = in.u64("message_id");
  return a;
}

}  // namespace

Bytes encode_admission(const sync::Admission& admission, const std::vector<ReleasedChange>& released) {
  protocol::ByteWriter out;
  out.u8(version);
  write(out, admission);
  out.u32(static_cast<std::uint32_t>(released.size()));
  for (const ReleasedChange& change : released) {
    out.id(change.ref.device).id(change.ref.id);
    write(out, change.admission);
  }
  return out.take();
}

Result<StoredAdmission> decode_admission(ByteView bytes) {
  protocol::ByteReader in(bytes);
  in.version(version);
  StoredAdmission stored;
  stored.admission = read(in);
  const std::uint32_t count = in.u32("released");
  for (std::uint32_t i = 0; i < count && count <= released_max && in.ok(); ++i) {
    ReleasedChange change;
    change.ref.device = in.id<DeviceId>("released");
    change.ref.id = in.id<ChangeId>("released");
    change.admission = read(in);
    stored.released.push_back(std::move(change));
  }
  if (auto end = in.finish(); !end) return fail(ErrorCode::corrupt, "an admission in the ledger is damaged");
  return stored;
}

}  // namespace tern::server
