// An answer of a server as a device gets it: unpacked, read, and held against a device that knows none of the keys it
// could be signed with. Whatever it claims, nothing of it may be believed.
//
// Input: bit 0 packed with zstd, bit 1 a push, bit 2 own sets were asked for; then the body.
#include "exchange/answer_checker.hpp"
#include "fuzz/fuzz_input.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::fz_exchange_response {
using namespace tern::client;

namespace {

/// Proofs and receipt lists are read only behind a good signature; here they are read whatever stands around them.
void read_parts(const v1::ExchangeResponse& response) {
  if (const auto proof = protocol::decode_proof(response.consistency_proof()))
    check(protocol::encode_proof(*proof) == response.consistency_proof(), "a proof is written as it was read");
  if (const auto receipts = protocol::decode_receipt_list(response.receipts()))
    check(protocol::encode(*receipts) == response.receipts(), "receipts are written as they were read");
}

void nothing_is_believed(const CheckedAnswer& answer) {
  check(!answer.key_list && !answer.certificate && !answer.anchor && !answer.receipts, "a statement without a key");
  check(answer.amendments.empty() && answer.erasures.empty() && answer.withdrawals.empty(), "claims without a key");
  check(!answer.wipe && !answer.revoked, "an order without a key");
  check(answer.own_sets.empty() && !answer.own_sets_fork, "a set that this device never signed");
}

}  // namespace

TERN_FUZZ_TARGET(fz_exchange_response) {
  static const bool ready = protocol::init_crypto().has_value();
  check(ready, "crypto");
  fuzz::Input input(data, size_bytes);
  const std::uint8_t mode = input.u8();
  Result<std::unique_ptr<v1::ExchangeResponse>> response = read_response(input.rest(), (mode & 1) != 0 ? "zstd" : "");
  if (!response) {
    check(response.error().code == ErrorCode::no_connection, "what does not read is a fault of the network");
    return 0;
  }
  read_parts(**response);

  const protocol::PublicKey public_key = fuzz::filled<protocol::PublicKey>(0x55);
  const protocol::Certificate certificate;
  const Bytes certificate_wire = "certificate";
  ServerKeys keys;
  keys.roots = keys.list.next_roots = {fuzz::filled<protocol::PublicKey>(0x56)};
  CheckContext context{
      fuzz::filled<TenantId>(0x11), fuzz::filled<DeviceId>(0x22), public_key, certificate, certificate_wire, keys};
  if ((mode & 2) == 0) context.nonce = fuzz::filled<ExchangeNonce>('n');
  if ((mode & 4) != 0) context.own_sets_from = 1;
  if (const auto answer = check_answer(std::move(*response), context)) nothing_is_believed(*answer);
  return 0;
}

}  // namespace tern::fz_exchange_response
