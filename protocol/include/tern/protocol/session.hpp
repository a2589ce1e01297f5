// Sessions: the signed handshake between one device and the server, the keys both derive, and what those keys MAC.
//
// Pure functions over bytes; who keeps sessions and reads clocks is elsewhere. A MAC authenticates the channel; only an
// Ed25519 signature authorises a change. Byte tables: docs/protocol.md, "Session" and "MACs".
#pragma once

#include <array>
#include <optional>

#include "tern/protocol/anchor.hpp"
#include "tern/protocol/change_set.hpp"
#include "tern/protocol/merkle.hpp"

namespace tern::protocol {

using HandshakeId = FixedBytes<16, struct HandshakeIdTag>;

inline constexpr std::uint8_t session_version = 1;

// ---- the four messages ----

/// 1, device: who wants a session. Nothing in it is secret or proven.
struct SessionHello {
  TenantId tenant;
  DeviceId device;
  KeyId key;

  bool operator==(const SessionHello&) const = default;
};
Bytes encode(const SessionHello& hello);
Result<SessionHello> decode_session_hello(ByteView bytes);

/// 2, server: a fresh key for this one handshake. Kept in memory limits::handshake_ttl_ms, one use.
struct SessionChallenge {
  HandshakeId handshake;
  ExchangePublicKey server_key;

  bool operator==(const SessionChallenge&) const = default;
};
Bytes encode(const SessionChallenge& challenge);
Result<SessionChallenge> decode_session_challenge(ByteView bytes);

/// What each side holds of the other's history, as the device says it.
struct SessionHeads {
  ChainHead device;  // the device's own chain
  LogHead server;    // the newest log head the device holds; all zero: none

  bool operator==(const SessionHeads&) const = default;
};

/// 3, device: its own fresh key, both heads, and its signature over all of the handshake so far.
struct SessionProof {
  HandshakeId handshake;
  ExchangePublicKey device_key;
  SessionHeads heads;
  Signature signature;  // sig_d
  // Not in the transcript, it proves itself: Signed<Certificate>::wire, by a device that a restored server no longer
  // knows; else empty.
  Bytes certificate;

  bool operator==(const SessionProof&) const = default;
};
Bytes encode(const SessionProof& proof);
Result<SessionProof> decode_session_proof(ByteView bytes);

enum class SessionMode : std::uint8_t {
  full = 0,
  deposit = 1,  // the key is revoked or frozen: sets go to quarantine, receipts are all that comes back
};

/// 4, server: the session, proven by the log key and by knowing the agreed key.
struct SessionWelcome {
  SessionId session;
  std::int64_t expires_ms = 0;
  KeyId log_key;
  std::uint64_t key_list_version = 0;
  SessionMode mode = SessionMode::full;
  LogHead head;
  ChainHead chain;      // the newest set of this device the server holds: who is behind it fetches its own sets first
  Signature signature;  // sig_s
  Mac confirm;
  // Not in the transcript: each proves itself.
  Bytes key_list;           // Signed<KeyList>::wire when newer than what the device is known to hold; else empty
  Bytes epoch_record;       // Signed<EpochRecord>::wire when the device's server head is of an older epoch; else empty
  MerkleProof consistency;  // from the device's server head to `head`; with an epoch record to its kept root

  bool operator==(const SessionWelcome&) const = default;
};
Bytes encode(const SessionWelcome& welcome);
Result<SessionWelcome> decode_session_welcome(ByteView bytes);

// ---- both sides of the handshake ----

/// What a session's two ends share. `request` and `frame_up` belong to the device's sending, the others to the
/// server's.
struct SessionKeys {
  SecretKey request;     // TRN1req_
  SecretKey answer;      // TRN1rsp_
  SecretKey frame_up;    // TRN1fup_
  SecretKey frame_down;  // TRN1fdn_

  [[nodiscard]] SessionKeys clone() const;
};

/// K_up and K_down are the keyed H of the transcript; id 1 of each context below it.
SessionKeys derive_session_keys(const AgreedKeys& agreed, const Hash& transcript);

/// The parts of T1 that neither message 2 nor 3 carries.
struct HandshakeParty {
  TenantId tenant;
  DeviceId device;
  KeyId key;
  RootId root;  // of the root the device pinned, and of the root the server stands under

  bool operator==(const HandshakeParty&) const = default;
};

/// H("TRN1-TRANSCRIPT", T1), H("TRN1-TRANSCRIPT", T2). T1 is 250 bytes, T2 is 467.
Hash transcript_1(const HandshakeParty& party, const SessionChallenge& challenge, const ExchangePublicKey& device_key,
                  const SessionHeads& heads);
Bytes transcript_1_bytes(const HandshakeParty& party, const SessionChallenge& challenge,
                         const ExchangePublicKey& device_key, const SessionHeads& heads);
Bytes transcript_2_bytes(ByteView transcript_1_bytes, const Signature& device_signature, const SessionWelcome& welcome);

/// The device's half. One object, one handshake.
class DeviceHandshake {
public:
  explicit DeviceHandshake(const HandshakeParty& party) : party_(party) {}

  [[nodiscard]] SessionHello hello() const { return {party_.tenant, party_.device, party_.key}; }
  /// `key` is the device key named by the party.
  SessionProof answer(const SessionChallenge& challenge, const SessionHeads& heads, const SigningKey& key,
                      Environment& environment);
  /// Keys of the session, only when sig_s is by `log_key` and confirm is by the agreed key. The caller has found
  /// `log_key` under welcome.log_key in a key list it accepts. `signature_invalid` or `mac_invalid` otherwise: treat
  /// both as a network fault. Heads are not judged here.
  [[nodiscard]] Result<SessionKeys> finish(const SessionWelcome& welcome, const PublicKey& log_key) const;

private:
  HandshakeParty party_;
  std::optional<EphemeralKey> ephemeral_;
  ExchangePublicKey server_key_;
  Bytes transcript_1_;
  Signature signature_;
};

/// The server's half, kept between messages 2 and 3.
class ServerHandshake {
public:
  /// `root`: of the root this server stands under.
  ServerHandshake(const SessionHello& hello, const RootId& root, Environment& environment);

  [[nodiscard]] const SessionChallenge& challenge() const { return challenge_; }
  [[nodiscard]] const HandshakeParty& party() const { return party_; }
  /// sig_d, then the key agreement. `signature_invalid`, `verification_failed`; `invalid` for another handshake's
  /// proof.
  Result<void> accept(const SessionProof& proof, const PublicKey& device_key);
  /// After `accept`. Signs and confirms `welcome`, whose other fields the caller has filled.
  SessionKeys finish(SessionWelcome& welcome, const SigningKey& log_key) const;

private:
  HandshakeParty party_;
  EphemeralKey ephemeral_;
  SessionChallenge challenge_;
  std::optional<AgreedKeys> agreed_;
  Bytes transcript_1_;
  Signature device_signature_;
};

/// Device: whether the head of a welcome may follow the one it holds. `epoch_changed` for another epoch (look for the
/// epoch record), `server_rollback` when the head is smaller or the proof does not hold.
Result<void> judge_head(const LogHead& held, const LogHead& next, const MerkleProof& consistency);

// ---- MACs on requests and answers ----

/// H("TRN1-BODYSUM", body as sent): the digest of request and answer bodies.
inline constexpr std::string_view body_digest_personal = "TRN1-BODYSUM";
Hash body_digest(ByteView body);

/// The parts of a request that its MAC covers. Absent and empty differ.
struct RequestParts {
  std::string_view method;
  std::string_view target;  // raw, with query
  std::optional<std::string_view> content_type;
  std::optional<std::string_view> content_encoding;
  std::optional<std::string_view> idempotency_key;
  std::optional<std::string_view> if_match;
  std::optional<std::string_view> range;
};

/// The header `Tern-Auth: v=1,sid=..,ctr=..,ts=..,len=..,digest=..,mac=..`; len and digest are "-" without a body.
struct RequestAuth {
  SessionId session;
  std::uint64_t counter = 0;  // from 1
  std::int64_t time_ms = 0;   // the device's clock; coarse
  std::optional<std::uint64_t> body_bytes;
  std::optional<Hash> body_digest;
  Mac mac;

  bool operator==(const RequestAuth&) const = default;
};
inline constexpr std::string_view request_auth_header = "Tern-Auth";
inline constexpr std::string_view answer_auth_header = "Tern-Auth-Answer";

/// Fills auth.mac and writes the header's value.
std::string seal_request(RequestAuth& auth, const RequestParts& parts, const SecretKey& request_key);
/// Strict: exactly this order and form. `malformed` (field "Tern-Auth").
Result<RequestAuth> parse_request_auth(std::string_view header_value);
/// `mac_invalid`. Judged before the body is read; the caller then counts bytes and digest while reading.
Result<void> verify_request(const RequestAuth& auth, const RequestParts& parts, const SecretKey& request_key);

struct AnswerParts {
  std::uint16_t status = 0;
  std::optional<std::string_view> content_type;
  std::optional<std::string_view> content_encoding;
  std::optional<Hash> body_digest;  // absent: no body
};

/// The value of `Tern-Auth-Answer`: `v=1,digest=..,mac=..`, over the request's MAC and the answer.
std::string seal_answer(const AnswerParts& parts, const Mac& request_mac, const SecretKey& answer_key);
/// `body` is the answer's body as received (parts.body_digest is ignored and computed). `mac_required` without a
/// header, `malformed`, `mac_invalid`: all are network faults to a device.
Result<void> verify_answer(std::string_view header_value, AnswerParts parts, std::optional<ByteView> body,
                           const Mac& request_mac, const SecretKey& answer_key);

/// Which counters of a session were used: the sliding window of RFC 6479. Advanced only after a good MAC.
class ReplayWindow {
public:
  static constexpr std::uint64_t width = 1024 - 64;  // counters this far behind the newest are still told apart

  /// True when `counter` is neither used nor too old; marks it used. Zero is never good.
  [[nodiscard]] bool accept(std::uint64_t counter);
  [[nodiscard]] std::uint64_t newest() const { return newest_; }

private:
  static constexpr std::uint64_t blocks = 1024 / 64;
  std::uint64_t newest_ = 0;
  std::array<std::uint64_t, blocks> used_{};
};

// ---- WebSocket frames ----

inline constexpr std::size_t frame_overhead_bytes = 8 + 32;

/// H keyed by the session's frame key, of the upgrade request's MAC: each connection has frame keys of its own.
SecretKey stream_key(const SecretKey& frame_key, const Mac& upgrade_mac);

enum class Direction : std::uint8_t { up = 0, down = 1 };

/// Counter and MAC before each message: the counter is exactly one more each time, from 0.
class FrameSealer {
public:
  FrameSealer(Direction direction, SecretKey key) : direction_(direction), key_(std::move(key)) {}
  Bytes seal(ByteView message);

private:
  Direction direction_;
  SecretKey key_;
  std::uint64_t next_ = 0;
};

class FrameOpener {
public:
  FrameOpener(Direction direction, SecretKey key) : direction_(direction), key_(std::move(key)) {}
  /// The message inside, a view into `frame`. `malformed`, `too_large`, `mac_invalid` (close 4401), `replayed` (a
  /// counter that is not due: close 4409). After any failure the connection is over.
  Result<ByteView> open(ByteView frame);

private:
  Direction direction_;
  SecretKey key_;
  std::uint64_t next_ = 0;
};

}  // namespace tern::protocol
