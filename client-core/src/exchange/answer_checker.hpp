// Everything an ExchangeResponse claims, checked before any of it has an effect. Pure: bytes in, values out.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "exchange/exchange_builder.hpp"
#include "exchange/head_ladder.hpp"
#include "exchange/session_client.hpp"
#include "tern/protocol/change_set.hpp"
#include "tern/protocol/enrolment.hpp"
#include "tern/protocol/receipt.hpp"
#include "tern/protocol/statements.hpp"

namespace google::protobuf {
class MessageLite;
}
namespace tern::v1 {
class ExchangeResponse;
}

namespace tern::client {

/// What an answer is held against.
struct CheckContext {
  TenantId tenant;
  DeviceId device;
  const protocol::PublicKey& public_key;     // of this device
  const protocol::Certificate& certificate;  // newest
  const Bytes& certificate_wire;
  const ServerKeys& keys;
  std::optional<ExchangeNonce> nonce;  // nothing: a push
  std::optional<protocol::Anchor> held_anchor;
  protocol::LogHead held_head;       // as the request declared it; zero: none
  std::uint64_t own_sets_from = 0;   // as asked for
  protocol::ChainHead chain;         // own newest set
  std::uint64_t own_sets_epoch = 0;  // as asked for
};

/// An own set that came back from the server.
struct OwnSetBack {
  Bytes wire;
  protocol::ChangeSetHeader header;
  Hash hash;
};

/// What may now take effect. Everything in it proved itself.
struct CheckedAnswer {
  std::unique_ptr<v1::ExchangeResponse> response;
  std::optional<protocol::Signed<protocol::KeyList>> key_list;
  std::optional<protocol::Signed<protocol::Certificate>> certificate;
  std::optional<protocol::Signed<protocol::Anchor>> anchor;
  std::optional<protocol::LogHead> head;  // of anchor and receipts; it continues the one held
  std::optional<protocol::VerifiedReceipts> receipts;
  std::vector<protocol::Signed<protocol::Amendment>> amendments;
  std::vector<protocol::Signed<protocol::Erasure>> erasures;
  std::vector<protocol::AnchorWithdrawal> withdrawals;
  std::optional<protocol::Signed<protocol::WipeOrder>> wipe;
  bool revoked = false;  // this device's key
  std::vector<OwnSetBack> own_sets;
  bool own_sets_fork = false;  // what the server holds of this device goes on from another set: it exists twice
};

/// Parses what a stranger sent: all of it, with bounded recursion.
bool parse_bounded(google::protobuf::MessageLite& message, ByteView bytes);

/// Decompresses (capped) and parses; `encoding` is the content-encoding: "zstd", "zstd-request" (packed against
/// `request`, the ExchangeRequest that it answers) or empty.
Result<std::unique_ptr<v1::ExchangeResponse>> read_response(ByteView body, std::string_view encoding,
                                                            ByteView request = {});

/// In this order: nonce, statements (key list first), anchor with its consistency proof, receipts (under the anchor's
/// head; without an anchor the proof is theirs), amendments, own sets. `server_rollback` and `epoch_changed` for a
/// history that does not continue the one held; `no_connection` for an answer to another request; everything else is
/// `verification_failed` or what the statement's check says.
Result<CheckedAnswer> check_answer(std::unique_ptr<v1::ExchangeResponse> response, const CheckContext& context);

/// By a log key of the list that was not revoked before `tree_size` (nothing: not revoked at all).
template <typename T>
Result<protocol::Signed<T>> open_by_log_key(ByteView wire, const protocol::KeyList& list,
                                            std::optional<std::uint64_t> tree_size = std::nullopt) {
  TERN_TRY(const KeyId signer, protocol::signer_of(T::tag, wire));
  const protocol::ServerKey* key = list.find(signer, protocol::ServerKeyPurpose::log);
  const bool counts = key != nullptr &&
                      (tree_size ? key->counts_at(*tree_size) : key->revoked_as_of == protocol::ServerKey::not_revoked);
  if (!counts)
    return fail(ErrorCode::key_unknown, "The server showed a statement by a key it does not have.", {}, "signer");
  return protocol::open_statement<T>(wire, key->public_key);
}

}  // namespace tern::client
