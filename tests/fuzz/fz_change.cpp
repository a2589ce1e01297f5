// A change as its two halves. Input: 1 when the body was erased, skeleton with two bytes of length, body.
#include "fuzz/fuzz_input.hpp"
#include "tern/sync/change.hpp"

namespace tern::fz_change {
using namespace tern::sync;

TERN_FUZZ_TARGET(fz_change) {
  fuzz::Input input(data, size_bytes);
  const bool erased = (input.u8() & 1) != 0;
  const ByteView skeleton = input.sized();
  const DeviceId device = fuzz::filled<DeviceId>(0x22);
  const auto body_of = [erased](ByteView body) { return erased ? std::nullopt : std::optional(body); };

  const Result<Change> change = parse_change(skeleton, body_of(input.rest()), device);
  if (!change) {
    check(!change.error().message.empty(), "a refusal says why");
    return 0;
  }
  check(validate_change(*change).has_value(), "what parses is valid");
  check(change->ref.device == device && change->body_erased == erased, "where it came from");
  check(!erased || (change->text.empty() && change->record.empty()), "an erased body is empty");
  static_cast<void>(server_only(*change));
  static_cast<void>(element_of(*change, fuzz::filled<OperatorId>(0x33)));

  const EncodedChange encoded = encode_change(*change);
  const Result<Change> again = parse_change(encoded.skeleton, body_of(encoded.body), device);
  check(again.has_value(), "a change that was written reads");
  const EncodedChange encoded_again = encode_change(*again);
  check(encoded_again.skeleton == encoded.skeleton && encoded_again.body == encoded.body, "and is the same");
  return 0;
}

}  // namespace tern::fz_change
