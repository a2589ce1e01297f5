// Enrolment as it meets strangers: codes and links that people type, requests at the server, answers at the device. A
// good one that was bent on its way is nobody's.
//
// Input: which (1 byte), place of a flip (2 bytes), then a message, a text, or name and platform of a device.
#include "fuzz/fuzz_input.hpp"
#include "fuzz/known_device.hpp"
#include "tern/protocol/anchor.hpp"
#include "tern/protocol/enrolment.hpp"
#include "tern/protocol/keys.hpp"

namespace tern::fz_enrolment {
using namespace tern::protocol;

namespace {

const fuzz::KnownDevice& device() {
  static const fuzz::KnownDevice known;
  return known;
}
const EnrolmentCode& code() {
  static const EnrolmentCode known = *EnrolmentCode::from_text("0123-4567-89AB-CDEF");
  return known;
}

void text_is_a_code_or_a_link(ByteView text) {
  if (const auto read = EnrolmentCode::from_text(text)) {
    const auto again = EnrolmentCode::from_text(read->to_text());
    check(again && again->id() == read->id(), "a code is written and read back the same");
  }
  if (const auto link = enrolment_link_from_text(text)) {
    const auto again = enrolment_link_from_text(to_text(*link));
    check(again && again->url == link->url && again->code == link->code && again->tenant == link->tenant &&
              again->root == link->root,
          "a link is written and read back the same");
  }
}

void stranger_knows_no_code(ByteView message) {
  static_cast<void>(enrolment_id_of(message));
  check(!open_enrolment_request(message, code().key()), "a request without the code is opened");
  check(!open_enrolment_answer(message, "request", code(), device().key.public_key(), {}),
        "an answer without the code is opened");
}

Bytes flipped(Bytes wire, std::size_t place) {
  wire[place / 8 % wire.size()] = static_cast<char>(wire[place / 8 % wire.size()] ^ (1 << place % 8));
  return wire;
}

void good_one_is_opened_and_a_bent_one_not(fuzz::Input& input, std::size_t place) {
  EnrolmentRequest asked;
  asked.nonce = fuzz::filled<Nonce>(0x44);
  asked.name = std::string(input.sized());
  asked.platform = std::string(input.rest());
  const auto request = make_enrolment_request(asked, code(), device().key);
  if (!request) {
    check(request.error().code == ErrorCode::invalid || request.error().code == ErrorCode::too_large,
          "a name that is none is invalid");
    return;
  }
  const auto opened = open_enrolment_request(*request, code().key());
  check(opened && opened->name == asked.name && opened->platform == asked.platform, "a good request is opened");
  check(!open_enrolment_request(flipped(*request, place), code().key()), "a bent request is opened");
  EnrolmentAnswer answer;  // whatever it says: it is the code that makes it believed, and then its parts
  answer.certificate = "no certificate";
  answer.roots = {device().key.public_key()};
  answer.tenant_name = asked.name;
  const Bytes wire = make_enrolment_answer(answer, *request, code().key());
  const auto believed = open_enrolment_answer(wire, *request, code(), device().key.public_key(), {});
  check(!believed && believed.error().code != ErrorCode::login_refused, "who knows the code still has to prove");
  const auto bent = open_enrolment_answer(flipped(wire, place), *request, code(), device().key.public_key(), {});
  check(!bent, "a bent answer is opened");
}

}  // namespace

TERN_FUZZ_TARGET(fz_enrolment) {
  static const bool ready = init_crypto().has_value();
  check(ready, "crypto");
  fuzz::Input input(data, size_bytes);
  const std::uint8_t mode = input.u8();
  const std::size_t place = input.u16();
  if (mode % 3 == 0) text_is_a_code_or_a_link(input.rest());
  if (mode % 3 == 1) stranger_knows_no_code(input.rest());
  if (mode % 3 == 2) good_one_is_opened_and_a_bent_one_not(input, place);
  return 0;
}

}  // namespace tern::fz_enrolment
