// The four messages of a handshake and the header that shows a session, from strangers. Each reads as what it is
// written from, or not at all; a welcome that nobody signed opens nothing; no header of a stranger holds, and one that
// holds does not once a bit of it or of the request is another.
//
// Input: which (1 byte), place of a bit (2 bytes), then a message, a header's value, or the parts of a request.
#include "fuzz/fuzz_input.hpp"
#include "support/virtual_environment.hpp"
#include "tern/protocol/session.hpp"

namespace tern::fz_session {
using namespace tern::protocol;

namespace {

template <typename Message>
void reads_as_written(ByteView bytes, Result<Message> (*decode)(ByteView)) {
  const auto message = decode(bytes);
  if (!message) return check(!message.error().field.empty(), "a refusal names its field");
  check(encode(*message) == bytes, "a message is written as it was read");
}

HandshakeParty party_of(const SigningKey& key) {
  return {fuzz::filled<TenantId>(1), fuzz::filled<DeviceId>(2), key.id(), fuzz::filled<RootId>(3)};
}

void strangers_open_nothing(ByteView bytes) {
  static const SigningKey key = SigningKey::from_seed(SecretKey::from(Bytes(32, '\7')));
  test::VirtualEnvironment environment(1);
  if (const auto welcome = decode_session_welcome(bytes)) {
    const ServerHandshake server(SessionHello{}, fuzz::filled<RootId>(3), environment);
    DeviceHandshake device(party_of(key));
    static_cast<void>(device.answer(server.challenge(), {}, key, environment));
    check(!device.finish(*welcome, key.public_key()), "a welcome that nobody signed is one");
  }
  if (const auto proof = decode_session_proof(bytes)) {
    ServerHandshake server({fuzz::filled<TenantId>(1), fuzz::filled<DeviceId>(2), key.id()}, fuzz::filled<RootId>(3),
                           environment);
    check(!server.accept(*proof, key.public_key()), "a proof that nobody signed is one");
  }
}

const SecretKey& session_key() {
  static const SecretKey key = SecretKey::from(Bytes(32, 'k'));
  return key;
}

void header_of_a_stranger(std::string_view value) {
  const auto auth = parse_request_auth(value);
  if (!auth) {
    check(auth.error().code == ErrorCode::malformed && auth.error().field == "Tern-Auth", "a refusal names the header");
    return;
  }
  RequestAuth sealed = *auth;
  const std::string again = seal_request(sealed, {"GET", "/", {}, {}, {}, {}, {}}, session_key());
  const auto parsed = parse_request_auth(again);
  check(parsed && *parsed == sealed, "a header is read as it was written");
  check(again.substr(0, again.rfind("mac=")) == value.substr(0, value.rfind("mac=")), "in one way alone");
  check(!verify_request(*auth, {"GET", "/", {}, {}, {}, {}, {}}, session_key()), "a header that nobody sealed holds");
}

void sealed_request_holds(fuzz::Input& input, std::size_t place) {
  RequestAuth auth;
  auth.session = fuzz::filled<SessionId>(9);
  const std::uint8_t said = input.u8();
  auth.counter = input.u16() + std::uint64_t{1};
  auth.time_ms = input.u16() * 1'000'003LL;
  const std::string method(input.sized()), target(input.sized()), type(input.sized()), key(input.sized()),
      body(input.sized());
  RequestParts parts{method, target, {}, {}, {}, {}, {}};
  if ((said & 1) != 0) parts.content_type = type;
  if ((said & 2) != 0) parts.content_encoding = key;
  if ((said & 4) != 0) parts.idempotency_key = key;
  if ((said & 8) != 0) parts.if_match = type;
  if ((said & 16) != 0) {
    auth.body_bytes = body.size();
    auth.body_digest = body_digest(body);
  }
  const std::string value = seal_request(auth, parts, session_key());
  const auto parsed = parse_request_auth(value);
  check(parsed && *parsed == auth, "a header is read as it was written");
  check(verify_request(*parsed, parts, session_key()).has_value(), "a request that was sealed holds");

  RequestParts other = parts;
  const std::string longer = target + "x";
  other.target = longer;
  check(!verify_request(*parsed, other, session_key()), "another target holds");
  other = parts;
  other.idempotency_key = other.idempotency_key ? std::nullopt : std::optional<std::string_view>("");
  check(!verify_request(*parsed, other, session_key()), "what is absent and what is empty are the same");
  other = parts;
  std::swap(other.content_type, other.content_encoding);
  check(other.content_type == other.content_encoding || !verify_request(*parsed, other, session_key()),
        "parts that changed places hold");
  std::string bent = value;
  bent[place / 8 % bent.size()] = static_cast<char>(bent[place / 8 % bent.size()] ^ 1 << place % 8);
  const auto read = parse_request_auth(bent);
  check(!read || !verify_request(*read, parts, session_key()), "a header that was bent holds");
}

}  // namespace

TERN_FUZZ_TARGET(fz_session) {
  static const bool ready = init_crypto().has_value();
  check(ready, "crypto");
  fuzz::Input input(data, size_bytes);
  const std::uint8_t mode = input.u8();
  const std::size_t place = input.u16();
  if (mode % 3 == 0) {
    reads_as_written(input.rest(), decode_session_hello);
    reads_as_written(input.rest(), decode_session_challenge);
    reads_as_written(input.rest(), decode_session_proof);
    reads_as_written(input.rest(), decode_session_welcome);
    strangers_open_nothing(input.rest());
  }
  if (mode % 3 == 1) header_of_a_stranger(input.rest());
  if (mode % 3 == 2) sealed_request_holds(input, place);
  return 0;
}

}  // namespace tern::fz_session
