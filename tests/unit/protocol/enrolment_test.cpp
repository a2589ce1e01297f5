#include "tern/protocol/enrolment.hpp"
#include "fixtures.hpp"

namespace tern::protocol::test {
namespace {

/// A server with one open code, and the device that was told it.
struct Enrolment {
  SigningKey root = key_of('r');
  SigningKey log_key = key_of('l');
  SigningKey device_key = key_of('d');
  EnrolmentCode code = good(EnrolmentCode::from_text("C0C1-C2C3-C4C5-C6C7"));
  SecretKey kept = code.key();  // what the server has of the code
  Bytes request =
      good(make_enrolment_request({{}, {}, filled<Nonce>(0x7e), "Gr\xc3\xbcn", "linux x86_64"}, code, device_key));

  [[nodiscard]] KeyList key_list() const {
    KeyList list;
    list.next_roots = {root.public_key()};
    list.keys = {{log_key.id(), log_key.public_key(), ServerKeyPurpose::log, 1}};
    return list;
  }
  [[nodiscard]] Certificate certificate() const {
    return {1,    test_tenant, filled<OperatorId>(3), filled<DeviceId>(4), device_key.public_key(), 1, 1, test_epoch,
            7000, root.id()};
  }
  [[nodiscard]] Anchor anchor() const { return {test_tenant, test_epoch, 1, 7000, 0, merkle(), 0, 0, {}}; }
  static Hash merkle() { return sha256({}); }
  [[nodiscard]] EnrolmentAnswer answer() const {
    return {sign_statement(certificate(), log_key).wire,
            {root.public_key()},
            sign_statement(key_list(), root).wire,
            sign_statement(anchor(), log_key).wire,
            "Ops",
            "Zo\xc3\xab"};
  }
  [[nodiscard]] Bytes wire(const EnrolmentAnswer& answer) const { return make_enrolment_answer(answer, request, kept); }
  [[nodiscard]] std::string opened(const Bytes& wire, std::optional<RootId> expected = {}) const {
    return outcome(open_enrolment_answer(wire, request, code, device_key.public_key(), expected));
  }
};

}  // namespace

TEST_CASE("a code is spoken, mistyped and read back; its id tells nothing of it", "[protocol][enrolment][vectors]") {
  const Json v = vectors("protocol-vectors.json")["enrolment"];
  const EnrolmentCode code = good(EnrolmentCode::from_text(v["code_text"].as_string()));
  CHECK(code.to_text() == v["code_text"].as_string());
  CHECK(to_hex(code.id()) == v["id"].as_string());
  CHECK(to_hex(code.key().view()) == v["key"].as_string());
  CHECK(outcome(EnrolmentCode::from_text("C0C1-C2C3")) == "usage code");
  FixedEnvironment environment;
  const EnrolmentCode drawn = EnrolmentCode::generate(environment);
  CHECK(good(EnrolmentCode::from_text(drawn.to_text())).id() == drawn.id());
  CHECK(EnrolmentCode::generate(environment).to_text() != drawn.to_text());
}

TEST_CASE("request and answer are built by the bytes of the document", "[protocol][enrolment][vectors]") {
  const Json v = vectors("protocol-vectors.json")["enrolment"];
  const EnrolmentCode code = good(EnrolmentCode::from_text(v["code_text"].as_string()));
  const SecretKey kept = SecretKey::from(bytes_of(v["key"]));
  // The filler signature of the vector is refused, but only after its HMAC was good.
  CHECK(good(enrolment_id_of(bytes_of(v["request"]))) == code.id());
  CHECK(outcome(open_enrolment_request(bytes_of(v["request"]), kept)) == "SIGNATURE_INVALID self_signature");
  CHECK(outcome(open_enrolment_request(bytes_of(v["request"]), code.key())) == "SIGNATURE_INVALID self_signature");

  // All but keys, signature and HMAC are the vector's bytes; the signature is over the vector's string.
  const SigningKey key = key_of('d');
  const Bytes ours =
      good(make_enrolment_request({{}, {}, id_of<Nonce>(v["nonce"]), "Gr\xc3\xbcn", "linux x86_64"}, code, key));
  Bytes due = bytes_of(v["request"]);
  const Bytes self_signed = bytes_of(v["self_signed"]);
  due.replace(25, 32, key.public_key().view());
  const std::size_t head_bytes = due.size() - 64 - 32;
  CHECK(to_hex(ours.substr(0, head_bytes)) == to_hex(due.substr(0, head_bytes)));
  const Bytes covered = self_signed.substr(0, 8) + Bytes(hash("TRN1-ENRREQ", due.substr(0, head_bytes)).view());
  CHECK(verify_signature(key.public_key(), covered, Signature::or_zero(ours.substr(head_bytes, 64))));

  const EnrolmentAnswer answer{"certificate", {id_of<PublicKey>(v["root"])}, "key list", "anchor", "Ops", "Zo\xc3\xab"};
  CHECK(to_hex(make_enrolment_answer(answer, bytes_of(v["request"]), kept)) == v["answer"].as_string());
}

TEST_CASE("a device that knows the code is enrolled by the server that gave it", "[protocol][enrolment]") {
  const Enrolment e;
  const EnrolmentRequest request = good(open_enrolment_request(e.request, e.kept));
  CHECK(request.id == e.code.id());
  CHECK(request.public_key == e.device_key.public_key());
  CHECK(request.name == "Gr\xc3\xbcn");
  const Enrolled enrolled =
      good(open_enrolment_answer(e.wire(e.answer()), e.request, e.code, e.device_key.public_key(), e.root.id()));
  CHECK(enrolled.answer == e.answer());
  CHECK(enrolled.certificate.value == e.certificate());
  CHECK(enrolled.key_list.value == e.key_list());
  CHECK(enrolled.anchor.value == e.anchor());
}

TEST_CASE("every byte of an enrolment request counts", "[protocol][enrolment]") {
  const Enrolment e;
  for (std::size_t at = 0; at < e.request.size(); ++at) {
    CAPTURE(at);
    CHECK(outcome(open_enrolment_request(flipped(e.request, at), e.kept)) == "login_refused code");
    CHECK_FALSE(open_enrolment_request(ByteView(e.request).substr(0, at), e.kept));
    CHECK_FALSE(enrolment_id_of(ByteView(e.request).substr(0, at)));
  }
  CHECK(outcome(open_enrolment_request(e.request, key_of('x').seed())) == "login_refused code");
  CHECK(outcome(open_enrolment_request(Bytes(2000, 'x'), e.kept)) == "too_large size");
}

TEST_CASE("every byte of an enrolment answer counts", "[protocol][enrolment]") {
  const Enrolment e;
  const Bytes wire = e.wire(e.answer());
  for (std::size_t at = 0; at < wire.size(); ++at) {
    CAPTURE(at);
    CHECK(e.opened(flipped(wire, at)) == "login_refused code");
  }
  CHECK(e.opened("") == "MALFORMED size");
}

TEST_CASE("who does not know the code cannot answer for the server", "[protocol][enrolment]") {
  const Enrolment e;
  CHECK(e.opened(make_enrolment_answer(e.answer(), e.request, key_of('x').seed())) == "login_refused code");
  // A good answer to another request of the same code.
  const Bytes other = good(make_enrolment_request({{}, {}, filled<Nonce>(1), "other", "linux"}, e.code, e.device_key));
  CHECK(e.opened(make_enrolment_answer(e.answer(), other, e.kept)) == "login_refused code");
  // The device's own HMAC key makes no answer: request and answer never share one.
  CHECK(e.opened(e.request) == "login_refused code");
}

TEST_CASE("an answer that does not hold together is refused although its HMAC is good", "[protocol][enrolment]") {
  const Enrolment e;
  const auto with = [&](auto change) {
    EnrolmentAnswer answer = e.answer();
    change(answer);
    return e.opened(e.wire(answer));
  };
  const auto with_certificate = [&](auto change, const SigningKey& signer) {
    Certificate certificate = e.certificate();
    change(certificate);
    return with([&](EnrolmentAnswer& a) { a.certificate = sign_statement(certificate, signer).wire; });
  };
  const auto same = [](Certificate&) {};
  CHECK(with_certificate(same, e.log_key) == "good");
  CHECK(with_certificate(same, e.root) == "KEY_UNKNOWN signer");
  CHECK(with_certificate([](Certificate& c) { c.public_key.bytes[0] ^= 1; }, e.log_key) ==
        "verification_failed public_key");
  CHECK(with_certificate([](Certificate& c) { c.root.bytes[0] ^= 1; }, e.log_key) == "verification_failed root_id");
  CHECK(with_certificate([](Certificate& c) { c.tenant.bytes[0] ^= 1; }, e.log_key) == "verification_failed tenant_id");
  CHECK(with_certificate([](Certificate& c) { c.server_epoch.bytes[0] ^= 1; }, e.log_key) ==
        "verification_failed epoch");
  CHECK(with([](EnrolmentAnswer& a) { std::swap(a.certificate, a.anchor); }) == "MALFORMED tag");
  CHECK(with([&](EnrolmentAnswer& a) { a.key_list = sign_statement(e.key_list(), e.log_key).wire; }) ==
        "KEY_UNKNOWN signer");
  CHECK(with([](EnrolmentAnswer& a) { a.tenant_name = "\xff"; }) == "invalid tenant_name");
  CHECK(e.opened(e.wire(e.answer()), key_of('x').id()) == "verification_failed root");

  KeyList revoked = e.key_list();
  revoked.keys[0].revoked_as_of = 100;
  CHECK(with([&](EnrolmentAnswer& a) { a.key_list = sign_statement(revoked, e.root).wire; }) == "KEY_UNKNOWN signer");
}

TEST_CASE("a request holds texts, not anything", "[protocol][enrolment]") {
  const Enrolment e;
  const auto made = [&](std::string name, std::string platform) {
    return outcome(make_enrolment_request({{}, {}, {}, std::move(name), std::move(platform)}, e.code, e.device_key));
  };
  CHECK(made("van", "") == "good");
  CHECK(made("", "linux") == "invalid name");
  CHECK(made(std::string(201, 'x'), "linux") == "too_large name");
  CHECK(made("\xc3\x28", "linux") == "invalid name");
  CHECK(made("van", std::string("li\0nux", 6)) == "invalid platform");
}

TEST_CASE("a later certificate keeps the device and raises its epoch", "[protocol][enrolment]") {
  const Enrolment e;
  const auto offered = [&](auto change) {
    Certificate next = e.certificate();
    next.device_epoch = 2;
    change(next);
    return outcome(open_next_certificate(sign_statement(next, e.log_key).wire, e.certificate(), e.key_list()));
  };
  CHECK(offered([](Certificate&) {}) == "good");
  CHECK(offered([](Certificate& c) { c.device_epoch = 1; }) == "verification_failed device_epoch");
  CHECK(offered([](Certificate& c) { c.device.bytes[0] ^= 1; }) == "verification_failed device_id");
  CHECK(offered([](Certificate& c) { c.author.bytes[0] ^= 1; }) == "verification_failed operator_id");
  CHECK(offered([](Certificate& c) { c.tenant.bytes[0] ^= 1; }) == "verification_failed tenant_id");
  CHECK(offered([](Certificate& c) { c.public_key.bytes[0] ^= 1; }) == "verification_failed public_key");
}

TEST_CASE("an enrolment link says the same to a phone as to a person", "[protocol][enrolment]") {
  const EnrolmentLink link{"https://desk.example:8470/a?b&c=%", test_tenant, filled<RootId>(5), "C0C1-C2C3-C4C5-C6C7"};
  const std::string text = to_text(link);
  const EnrolmentLink back = good(enrolment_link_from_text(text));
  CHECK(back.url == link.url);
  CHECK(back.tenant == link.tenant);
  CHECK(back.root == link.root);
  CHECK(back.code == link.code);
  CHECK(outcome(enrolment_link_from_text("https://desk.example")) == "usage link");
  CHECK(outcome(enrolment_link_from_text("tern:enrol?v=1&url=x")) == "usage tenant");
  CHECK(outcome(enrolment_link_from_text(text.substr(0, text.size() - 3))) == "usage code");
  CHECK(outcome(enrolment_link_from_text("tern:enrol?v=1&url=%f&tenant=1")) == "usage url");
  // What is not escaped takes three times the room once it is.
  const std::string tail = text.substr(text.find("&tenant="));
  CHECK(enrolment_link_from_text("tern:enrol?v=1&url=" + std::string(600, '>') + tail));
  CHECK(outcome(enrolment_link_from_text("tern:enrol?v=1&url=" + std::string(700, '>') + tail)) == "usage link");
}

}  // namespace tern::protocol::test
