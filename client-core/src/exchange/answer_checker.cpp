#include "exchange/answer_checker.hpp"

#include <google/protobuf/io/coded_stream.h>

#include <utility>

#include "tern/protocol/zstd.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::client {
namespace {

using protocol::Signed;

tl::unexpected<Error> off(std::string what, std::string field) {
  return fail(ErrorCode::verification_failed, std::move(what), "Your work is saved here; tell your administrator.",
              std::move(field));
}

bool is(protocol::Tag tag, ByteView wire) {
  return wire.starts_with(tag);
}

Result<void> check_nonce(const v1::ExchangeResponse& response, const CheckContext& context) {
  if (!context.nonce || response.nonce() == context.nonce->view()) return {};
  return fail(ErrorCode::no_connection, "The server's answer belongs to another request.",
              "Your work is saved here and is sent later.", "nonce");
}

// ---- statements ----

Result<void> take_key_lists(CheckedAnswer& out, const CheckContext& context) {
  const protocol::KeyList* held = &context.keys.list;
  for (const Bytes& wire : out.response->statements()) {
    if (!is(protocol::KeyList::tag, wire) || wire == context.keys.list_wire) continue;
    TERN_TRY(auto list, protocol::open_next_key_list(wire, *held));
    out.key_list = std::move(list);
    held = &out.key_list->value;
  }
  return {};
}

Result<void> take_revocation(CheckedAnswer& out, ByteView wire, const CheckContext& context,
                             const protocol::KeyList& list) {
  TERN_TRY(const auto revocation, open_by_log_key<protocol::Revocation>(wire, list));
  if (revocation.value.tenant != context.tenant)
    return off("The server showed a revocation of another tenant.", "revocation");
  if (revocation.value.device == context.device && revocation.value.key == protocol::key_id(context.public_key)) {
    out.revoked = true;
  }
  return {};
}

Result<void> take_statement(CheckedAnswer& out, ByteView wire, const CheckContext& context,
                            const protocol::KeyList& list) {
  if (is(protocol::WipeOrder::tag, wire)) {
    TERN_TRY(auto order, open_by_log_key<protocol::WipeOrder>(wire, list));
    if (order.value.tenant != context.tenant || order.value.device != context.device) {
      return off("The server showed a wipe order for another device.", "wipe");
    }
    out.wipe = std::move(order);
  } else if (is(protocol::Revocation::tag, wire)) {
    return take_revocation(out, wire, context, list);
  } else if (is(protocol::Erasure::tag, wire)) {
    TERN_TRY(auto erasure, open_by_log_key<protocol::Erasure>(wire, list));
    if (erasure.value.tenant != context.tenant)
      return off("The server showed an erasure of another tenant.", "erasure");
    out.erasures.push_back(std::move(erasure));
  } else if (is(protocol::AnchorWithdrawal::tag, wire)) {
    TERN_TRY(const auto withdrawal, open_by_log_key<protocol::AnchorWithdrawal>(wire, list));
    if (withdrawal.value.tenant == context.tenant) out.withdrawals.push_back(withdrawal.value);
  } else if (is(protocol::Certificate::tag, wire)) {
    if (wire == context.certificate_wire) return {};
    TERN_TRY(out.certificate, protocol::open_next_certificate(wire, context.certificate, list));
  }
  return {};  // another kind is for another version, and does nothing here
}

// ---- anchor and receipts ----

Result<void> take_anchor(CheckedAnswer& out, const CheckContext& context, const protocol::KeyList& list) {
  const v1::ExchangeResponse& response = *out.response;
  if (response.anchor().empty()) return {};  // its clock is in doubt; everything else goes on
  TERN_TRY(auto anchor, open_by_log_key<protocol::Anchor>(response.anchor(), list));
  const protocol::Anchor& next = anchor.value;
  if (next.tenant != context.tenant) return off("The server showed an anchor of another tenant.", "anchor");
  if (context.held_anchor && context.held_anchor->epoch == next.epoch) {
    TERN_CHECKED(protocol::judge_anchor(*context.held_anchor, next));
  }
  TERN_TRY(const protocol::MerkleProof proof, protocol::decode_proof(response.consistency_proof()));
  TERN_CHECKED(protocol::judge_head(context.held_head, next.head(), proof));
  out.head = next.head();
  out.anchor = std::move(anchor);
  return {};
}

Result<void> take_receipts(CheckedAnswer& out, const CheckContext& context, const protocol::KeyList& list) {
  if (out.response->receipts().empty()) return {};
  TERN_TRY(const protocol::ReceiptList receipts, protocol::decode_receipt_list(out.response->receipts()));
  TERN_TRY(const auto head, open_by_log_key<protocol::ReceiptListHead>(receipts.head, list));
  const protocol::ServerKey* key =
      list.find(*protocol::signer_of(protocol::ReceiptListHead::tag, receipts.head), protocol::ServerKeyPurpose::log);
  TERN_TRY(auto verified, protocol::verify_receipts(receipts, context.device, key->public_key));
  const protocol::LogHead logged{head.value.epoch, head.value.tree_size, head.value.root};
  if (out.anchor) {
    if (logged != out.anchor->value.head()) return off("The server's receipts are for another log.", "receipts");
  } else {
    TERN_TRY(const protocol::MerkleProof proof, protocol::decode_proof(out.response->consistency_proof()));
    TERN_CHECKED(protocol::judge_head(context.held_head, logged, proof));
  }
  out.head = logged;
  out.receipts = std::move(verified);
  return {};
}

Result<void> take_amendments(CheckedAnswer& out, const CheckContext& context, const protocol::KeyList& list) {
  for (const v1::Amendment& amendment : out.response->amendments()) {
    TERN_TRY(const KeyId signer, protocol::signer_of(protocol::Amendment::tag, amendment.signed_statement()));
    TERN_TRY(auto statement, open_by_log_key<protocol::Amendment>(amendment.signed_statement(), list, 0));
    if (!list.find(signer, protocol::ServerKeyPurpose::log)->counts_at(statement.value.commit_seq)) {
      return off("The server showed an amendment by a key that was revoked before.", "amendment");
    }
    if (statement.value.tenant != context.tenant)
      return off("The server showed an amendment of another tenant.", "amendment");
    out.amendments.push_back(std::move(statement));
  }
  return {};
}

// ---- own sets ----

protocol::VerifyContext own_key(const CheckContext& context) {
  protocol::VerifyContext verify;
  verify.tenant = context.tenant;
  verify.accept_inactive_key = true;
  verify.find_key = [&context](const TenantId&, const DeviceId& device, const KeyId& key) {
    std::optional<protocol::KeyRecord> record;
    if (device == context.device && key == protocol::key_id(context.public_key)) {
      record = protocol::KeyRecord{context.public_key, context.certificate.suite, context.certificate.author};
    }
    return record;
  };
  verify.is_erased = [](const DeviceId&, const Hash&) { return true; };  // the server of the session says so
  return verify;
}

/// Of a device epoch that is over: another copy of this device may have made them. None from a server that does not
/// know the question and answers another one.
Result<void> take_past_sets(CheckedAnswer& out, const CheckContext& context) {
  const protocol::VerifyContext verify = own_key(context);
  std::uint64_t next_seq = context.own_sets_from;
  for (const Bytes& wire : out.response->own_sets()) {
    TERN_TRY(const protocol::VerifiedSet set, protocol::verify_wire(wire, verify));
    if (set.header.device_epoch != context.own_sets_epoch || set.header.chain_seq != next_seq++) return {};
    out.own_sets.push_back({wire, set.header, set.hash});
  }
  return {};
}

Result<void> take_own_sets(CheckedAnswer& out, const CheckContext& context) {
  if (context.own_sets_from == 0) return {};
  if (context.own_sets_epoch != 0) return take_past_sets(out, context);
  const protocol::VerifyContext verify = own_key(context);
  protocol::ChainHead head = context.chain;
  for (const Bytes& wire : out.response->own_sets()) {
    TERN_TRY(const protocol::VerifiedSet set, protocol::verify_wire(wire, verify));
    const protocol::ChainVerdict verdict = protocol::judge_chain(head, set.header, set.hash, std::nullopt).verdict;
    if (verdict == protocol::ChainVerdict::forked && out.own_sets.empty()) {
      out.own_sets_fork = true;
      return {};
    }
    if (verdict != protocol::ChainVerdict::process) {
      return off("The server sent own work back that does not continue this device's chain.", "own_sets");
    }
    head = {set.header.device_epoch, set.header.chain_seq, set.hash};
    out.own_sets.push_back({wire, set.header, set.hash});
  }
  return {};
}

}  // namespace

bool parse_bounded(google::protobuf::MessageLite& message, ByteView bytes) {
  if (bytes.size() > limits::decompressed_bytes_max) return false;
  google::protobuf::io::CodedInputStream input(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                               static_cast<int>(bytes.size()));
  input.SetRecursionLimit(limits::protobuf_recursion_max);
  return message.ParseFromCodedStream(&input) && input.ConsumedEntireMessage();
}

Result<std::unique_ptr<v1::ExchangeResponse>> read_response(ByteView body, std::string_view encoding,
                                                            ByteView request) {
  const auto bad = [] {
    return fail(ErrorCode::no_connection, "The server's answer could not be read.",
                "Your work is saved here and is sent later.", "body");
  };
  Bytes plain;
  const bool against_request = encoding == "zstd-request" && !request.empty();
  if (encoding == "zstd" || against_request) {
    auto unpacked = against_request ? protocol::decompress_against(request, body) : protocol::decompress(body);
    if (!unpacked) return bad();
    plain = std::move(*unpacked);
    body = plain;
  } else if (!encoding.empty()) {
    return bad();
  }
  auto response = std::make_unique<v1::ExchangeResponse>();
  if (!parse_bounded(*response, body)) return bad();
  return response;
}

Result<CheckedAnswer> check_answer(std::unique_ptr<v1::ExchangeResponse> response, const CheckContext& context) {
  TERN_CHECKED(check_nonce(*response, context));
  CheckedAnswer out;
  out.response = std::move(response);
  TERN_CHECKED(take_key_lists(out, context));
  const protocol::KeyList& list = out.key_list ? out.key_list->value : context.keys.list;
  for (const Bytes& wire : out.response->statements()) TERN_CHECKED(take_statement(out, wire, context, list));
  if (context.nonce) {
    TERN_CHECKED(take_anchor(out, context, list));
    TERN_CHECKED(take_receipts(out, context, list));
  }
  TERN_CHECKED(take_amendments(out, context, list));
  TERN_CHECKED(take_own_sets(out, context));
  return out;
}

}  // namespace tern::client
