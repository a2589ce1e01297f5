// Enrolment: a short code, told by a person, makes a device's key known to the server and the server's root to the
// device. The code itself never travels.
#pragma once

#include <optional>
#include <vector>

#include "tern/protocol/anchor.hpp"
#include "tern/protocol/keys.hpp"

namespace tern::protocol {

using EnrolmentId = FixedBytes<16, struct EnrolmentIdTag>;
using Nonce = FixedBytes<32, struct NonceTag>;

inline constexpr std::size_t enrolment_code_bytes = 10;
inline constexpr std::size_t enrolment_request_bytes_max = 1024;

// ---- the code ----

/// 10 random bytes, shown as 16 Crockford characters in groups of 4.
class EnrolmentCode {
public:
  static EnrolmentCode generate(Environment& environment);
  /// Case, I L O, dashes and spaces are forgiven. `usage` (field "code") otherwise.
  static Result<EnrolmentCode> from_text(std::string_view text);

  [[nodiscard]] std::string to_text() const;
  /// First 16 bytes of H("TRN1-ENRID", C): all that the wire and the log may see.
  [[nodiscard]] EnrolmentId id() const;
  /// K = H("TRN1-ENRKEY", C): what the server keeps until the code is used.
  [[nodiscard]] SecretKey key() const;

private:
  explicit EnrolmentCode(SecretBytes<enrolment_code_bytes> bytes) : bytes_(std::move(bytes)) {}
  SecretBytes<enrolment_code_bytes> bytes_;
};

/// What the QR says: "tern:enrol?v=1&url=..&tenant=..&root=..&code=..". It holds the code: show it, never log it.
struct EnrolmentLink {
  std::string url;
  TenantId tenant;
  RootId root;
  std::string code;
};
std::string to_text(const EnrolmentLink& link);
Result<EnrolmentLink> enrolment_link_from_text(std::string_view text);

// ---- certificate ----

/// Signed by the log key: this public key is that device of that operator. As it travelled (`Signed::wire`) it is what
/// the first change set of a device epoch chains to.
struct Certificate {
  static constexpr Tag tag{"TRN1-EC\0", 8};

  std::uint64_t serial = 0;
  TenantId tenant;
  OperatorId author;
  DeviceId device;
  PublicKey public_key;
  std::uint8_t suite = 1;
  std::uint64_t device_epoch = 1;
  EpochId server_epoch;
  std::int64_t issued_ms = 0;
  RootId root;

  void write(ByteWriter& writer) const;
  static Certificate read(ByteReader& reader);
  bool operator==(const Certificate&) const = default;
};

// ---- request ----

struct EnrolmentRequest {
  EnrolmentId id;
  PublicKey public_key;
  Nonce nonce;
  std::string name;      // of the device, as its user calls it
  std::string platform;  // "linux x86_64"

  bool operator==(const EnrolmentRequest&) const = default;
};

/// Device: the request with its self-signature and its HMAC under K_d. Fills request.id and public_key.
/// `invalid` when name or platform is no text or too long.
Result<Bytes> make_enrolment_request(EnrolmentRequest request, const EnrolmentCode& code, const SigningKey& device_key);
/// Server: which code a request speaks of, before anything else is known of it. `malformed`.
Result<EnrolmentId> enrolment_id_of(ByteView wire);
/// Server: HMAC under K_d, self-signature, texts. `login_refused` for a bad HMAC: the one refusal for all.
Result<EnrolmentRequest> open_enrolment_request(ByteView wire, const SecretKey& enrolment_key);

// ---- answer ----

struct EnrolmentAnswer {
  Bytes certificate;             // Signed<Certificate>::wire
  std::vector<PublicKey> roots;  // the first is the one to pin; its id is the certificate's root
  Bytes key_list;                // Signed<KeyList>::wire
  Bytes anchor;                  // Signed<Anchor>::wire
  std::string tenant_name;       // shown before anything is stored
  std::string operator_name;

  bool operator==(const EnrolmentAnswer&) const = default;
};

/// Server: with its HMAC under K_s over both messages.
Bytes make_enrolment_answer(const EnrolmentAnswer& answer, ByteView request_wire, const SecretKey& enrolment_key);

/// What a device may store once its user has agreed.
struct Enrolled {
  EnrolmentAnswer answer;
  Signed<Certificate> certificate;
  Signed<KeyList> key_list;
  Signed<Anchor> anchor;
};

/// Device: the root is believed only because this HMAC is good (and matches `root_expected` of the QR, when there is
/// one); list by root, certificate and anchor by a log key of the list; and all of one tenant, epoch and this key.
/// `login_refused` for a bad HMAC, `verification_failed` (field names the part) for the rest.
Result<Enrolled> open_enrolment_answer(ByteView wire, ByteView request_wire, const EnrolmentCode& code,
                                       const PublicKey& device_key, const std::optional<RootId>& root_expected);

/// Device: a certificate it is given later (a new device epoch after a fork): same tenant, device, operator and key, a
/// higher device_epoch.
Result<Signed<Certificate>> open_next_certificate(ByteView wire, const Certificate& held, const KeyList& keys);

}  // namespace tern::protocol
