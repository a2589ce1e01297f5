#include "tern/protocol/enrolment.hpp"

#include <algorithm>

#include "tern/protocol/crockford.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/text.hpp"

namespace tern::protocol {
namespace {

constexpr Tag tag_request{"TRN1-EQ\0", 8};
constexpr Tag tag_answer{"TRN1-EA\0", 8};
constexpr Tag tag_self{"TRN1-ES\0", 8};
constexpr std::uint8_t enrolment_version = 1;
constexpr std::size_t answer_bytes_max = 2 * limits::mib;
constexpr std::size_t roots_max = KeyList::roots_max;

SecretKey device_mac_key(const SecretKey& enrolment_key) {
  return derive_key(enrolment_key, 1, "TRN1enrl");
}
SecretKey server_mac_key(const SecretKey& enrolment_key) {
  return derive_key(enrolment_key, 2, "TRN1enrl");
}

/// One sentence for wrong, used and expired codes: who guesses learns nothing.
tl::unexpected<Error> refused() {
  return fail(ErrorCode::login_refused, "this enrolment code is not accepted", "ask for a new code", "code");
}

/// "TRN1-ES\0" || H("TRN1-ENRREQ", the request up to its self-signature)
Bytes self_signed_bytes(ByteView request_body) {
  return ByteWriter().raw(tag_self).id(hash("TRN1-ENRREQ", request_body)).take();
}

/// "TRN1-EA\0" || H("TRN1-ENRREQ", whole request) || H("TRN1-ENRANS", answer up to its HMAC)
Bytes answer_mac_bytes(ByteView request_wire, ByteView answer_body) {
  ByteWriter writer;
  writer.raw(tag_answer).id(hash("TRN1-ENRREQ", request_wire)).id(hash("TRN1-ENRANS", answer_body));
  return writer.take();
}

Result<void> check_request_texts(const EnrolmentRequest& request) {
  if (request.name.empty()) return fail(ErrorCode::invalid, "a device needs a name", {}, "name");
  TERN_CHECKED(check_text(request.name, limits::name_bytes_max, "name"));
  return check_text(request.platform, limits::name_bytes_max, "platform");
}

/// Reads up to the self-signature.
EnrolmentRequest read_request(ByteReader& reader) {
  reader.tag(tag_request);
  reader.version(enrolment_version);
  EnrolmentRequest request;
  request.id = reader.id<EnrolmentId>("id");
  request.public_key = reader.id<PublicKey>("public_key");
  request.nonce = reader.id<Nonce>("nonce");
  request.name = std::string(reader.sized(limits::name_bytes_max, "name"));
  request.platform = std::string(reader.sized(limits::name_bytes_max, "platform"));
  return request;
}

/// Parts a message into what its HMAC covers, and the HMAC.
struct Maced {
  ByteView body;
  Mac mac;
};

Result<Maced> split_mac(ByteView wire, std::size_t bytes_max) {
  if (wire.size() > bytes_max) return fail(ErrorCode::too_large, "an enrolment message is over its limit", {}, "size");
  if (wire.size() < Mac::size_bytes) return fail(ErrorCode::malformed, "an enrolment message is cut", {}, "size");
  const ByteView body = wire.substr(0, wire.size() - Mac::size_bytes);
  return Maced{body, Mac::or_zero(wire.substr(body.size()))};
}

EnrolmentAnswer read_answer(ByteReader& reader) {
  reader.tag(tag_answer);
  reader.version(enrolment_version);
  EnrolmentAnswer answer;
  answer.certificate = Bytes(reader.sized(statement_bytes_max, "certificate"));
  const std::size_t roots = reader.u8("roots");
  if (roots == 0 || roots > roots_max) reader.refuse(ErrorCode::malformed, "roots", "an answer names 1 to 8 roots");
  for (std::size_t i = 0; i < roots && reader.ok(); ++i) answer.roots.push_back(reader.id<PublicKey>("roots"));
  answer.key_list = Bytes(reader.sized(statement_bytes_max, "key_list"));
  answer.anchor = Bytes(reader.sized(statement_bytes_max, "anchor"));
  answer.tenant_name = std::string(reader.sized(limits::name_bytes_max, "tenant_name"));
  answer.operator_name = std::string(reader.sized(limits::name_bytes_max, "operator_name"));
  return answer;
}

tl::unexpected<Error> wrong(std::string field) {
  return fail(ErrorCode::verification_failed, "the server's answer to the enrolment does not hold together",
              "ask for a new code; check the server's address", std::move(field));
}

/// A statement by a log key that the list holds and has not revoked: what is new is never under a revoked key.
template <typename T>
Result<Signed<T>> open_by_log_key(ByteView wire, const KeyList& keys) {
  TERN_TRY(const KeyId signer, signer_of(T::tag, wire));
  const ServerKey* key = keys.find(signer, ServerKeyPurpose::log);
  if (key == nullptr || key->revoked_as_of != ServerKey::not_revoked) {
    return fail(ErrorCode::key_unknown, "a statement by a key that the key list does not name", {}, "signer");
  }
  return open_statement<T>(wire, key->public_key);
}

Result<void> check_agreement(const Enrolled& enrolled, const PublicKey& device_key) {
  const Certificate& certificate = enrolled.certificate.value;
  const Anchor& anchor = enrolled.anchor.value;
  if (certificate.public_key != device_key) return wrong("public_key");
  if (certificate.root != key_id(enrolled.answer.roots.front())) return wrong("root_id");
  if (certificate.tenant != anchor.tenant) return wrong("tenant_id");
  if (certificate.server_epoch != anchor.epoch) return wrong("epoch");
  return {};
}

}  // namespace

// ---- the code ----

EnrolmentCode EnrolmentCode::generate(Environment& environment) {
  return EnrolmentCode(SecretBytes<enrolment_code_bytes>::random(environment));
}

Result<EnrolmentCode> EnrolmentCode::from_text(std::string_view text) {
  std::optional<Bytes> raw = crockford_decode(text, enrolment_code_bytes);
  if (!raw) return fail(ErrorCode::usage, "an enrolment code has 16 letters and digits", {}, "code");
  EnrolmentCode code(SecretBytes<enrolment_code_bytes>::from(*raw));
  wipe(*raw);
  return code;
}

std::string EnrolmentCode::to_text() const {
  return crockford_groups(bytes_.view());
}

EnrolmentId EnrolmentCode::id() const {
  return EnrolmentId::or_zero(hash("TRN1-ENRID", bytes_.view()).view().substr(0, EnrolmentId::size_bytes));
}

SecretKey EnrolmentCode::key() const {
  return SecretKey::from(hash("TRN1-ENRKEY", bytes_.view()).view());
}

// ---- certificate ----

void Certificate::write(ByteWriter& writer) const {
  writer.u64(serial).id(tenant).id(author).id(device).id(public_key).u8(suite).u64(device_epoch).id(server_epoch);
  writer.i64(issued_ms).id(root);
}

Certificate Certificate::read(ByteReader& reader) {
  Certificate out;
  out.serial = reader.u64("serial");
  out.tenant = reader.id<TenantId>("tenant_id");
  out.author = reader.id<OperatorId>("operator_id");
  out.device = reader.id<DeviceId>("device_id");
  out.public_key = reader.id<PublicKey>("public_key");
  out.suite = reader.u8("suite");
  if (reader.ok() && out.suite != 1)
    reader.refuse(ErrorCode::upgrade_required, "suite", "this cipher suite is not known");
  out.device_epoch = reader.u64("device_epoch");
  out.server_epoch = reader.id<EpochId>("server_epoch");
  out.issued_ms = reader.i64("issued_ms");
  out.root = reader.id<RootId>("root_id");
  return out;
}

// ---- request ----

Result<Bytes> make_enrolment_request(EnrolmentRequest request, const EnrolmentCode& code,
                                     const SigningKey& device_key) {
  TERN_CHECKED(check_request_texts(request));
  ByteWriter writer;
  writer.raw(tag_request).u8(enrolment_version).id(code.id()).id(device_key.public_key()).id(request.nonce);
  writer.sized(request.name).sized(request.platform);
  writer.id(device_key.sign(self_signed_bytes(writer.bytes())));
  writer.id(hmac_sha256(device_mac_key(code.key()).view(), writer.bytes()));
  return writer.take();
}

Result<EnrolmentId> enrolment_id_of(ByteView wire) {
  TERN_TRY(const Maced maced, split_mac(wire, enrolment_request_bytes_max));
  ByteReader reader(maced.body);
  const EnrolmentRequest request = read_request(reader);
  reader.id<Signature>("self_signature");
  TERN_CHECKED(reader.finish());
  return request.id;
}

Result<EnrolmentRequest> open_enrolment_request(ByteView wire, const SecretKey& enrolment_key) {
  TERN_TRY(const Maced maced, split_mac(wire, enrolment_request_bytes_max));
  if (!verify_hmac_sha256(device_mac_key(enrolment_key).view(), maced.body, maced.mac)) return refused();
  ByteReader reader(maced.body);
  EnrolmentRequest request = read_request(reader);
  const std::size_t signed_bytes = maced.body.size() - reader.left();
  const auto signature = reader.id<Signature>("self_signature");
  TERN_CHECKED(reader.finish());
  if (!verify_signature(request.public_key, self_signed_bytes(maced.body.substr(0, signed_bytes)), signature)) {
    return fail(ErrorCode::signature_invalid, "the device does not hold the key it shows", {}, "self_signature");
  }
  TERN_CHECKED(check_request_texts(request));
  return request;
}

// ---- answer ----

Bytes make_enrolment_answer(const EnrolmentAnswer& answer, ByteView request_wire, const SecretKey& enrolment_key) {
  check(!answer.roots.empty() && answer.roots.size() <= roots_max, "roots of an enrolment answer");
  ByteWriter writer;
  writer.raw(tag_answer).u8(enrolment_version).sized(answer.certificate);
  writer.u8(static_cast<std::uint8_t>(answer.roots.size()));
  for (const PublicKey& root : answer.roots) writer.id(root);
  writer.sized(answer.key_list).sized(answer.anchor).sized(answer.tenant_name).sized(answer.operator_name);
  const Bytes covered = answer_mac_bytes(request_wire, writer.bytes());
  writer.id(hmac_sha256(server_mac_key(enrolment_key).view(), covered));
  return writer.take();
}

Result<Enrolled> open_enrolment_answer(ByteView wire, ByteView request_wire, const EnrolmentCode& code,
                                       const PublicKey& device_key, const std::optional<RootId>& root_expected) {
  TERN_TRY(const Maced maced, split_mac(wire, answer_bytes_max));
  const Bytes covered = answer_mac_bytes(request_wire, maced.body);
  if (!verify_hmac_sha256(server_mac_key(code.key()).view(), covered, maced.mac)) return refused();
  ByteReader reader(maced.body);
  EnrolmentAnswer answer = read_answer(reader);
  TERN_CHECKED(reader.finish());
  TERN_CHECKED(check_text(answer.tenant_name, limits::name_bytes_max, "tenant_name"));
  TERN_CHECKED(check_text(answer.operator_name, limits::name_bytes_max, "operator_name"));
  if (root_expected && key_id(answer.roots.front()) != *root_expected) return wrong("root");

  TERN_TRY(Signed<KeyList> keys, open_first_key_list(answer.key_list, answer.roots));
  TERN_TRY(Signed<Certificate> certificate, open_by_log_key<Certificate>(answer.certificate, keys.value));
  TERN_TRY(Signed<Anchor> anchor, open_by_log_key<Anchor>(answer.anchor, keys.value));
  Enrolled enrolled{std::move(answer), std::move(certificate), std::move(keys), std::move(anchor)};
  TERN_CHECKED(check_agreement(enrolled, device_key));
  return enrolled;
}

Result<Signed<Certificate>> open_next_certificate(ByteView wire, const Certificate& held, const KeyList& keys) {
  TERN_TRY(Signed<Certificate> next, open_by_log_key<Certificate>(wire, keys));
  if (next.value.tenant != held.tenant) return wrong("tenant_id");
  if (next.value.device != held.device) return wrong("device_id");
  if (next.value.author != held.author) return wrong("operator_id");
  if (next.value.public_key != held.public_key) return wrong("public_key");
  if (next.value.device_epoch <= held.device_epoch) return wrong("device_epoch");
  return next;
}

}  // namespace tern::protocol
