// What a session's keys MAC: requests, answers, frames; and the window that tells used counters.
#include <algorithm>
#include <charconv>

#include "tern/protocol/mutant.hpp"
#include "tern/protocol/session.hpp"

namespace tern::protocol {
namespace {

constexpr Tag tag_request_mac{"TRN1-RQ\0", 8};
constexpr Tag tag_answer_mac{"TRN1-RS\0", 8};
constexpr Tag tag_frame{"TRN1-FR\0", 8};
constexpr std::uint32_t absent = 0xffffffff;

void write_optional(ByteWriter& writer, const std::optional<std::string_view>& part) {
  if (part) {
    writer.sized(*part);
  } else {
    writer.u32(absent);
  }
}

void write_optional(ByteWriter& writer, const std::optional<Hash>& part) {
  write_optional(writer, part ? std::optional(part->view()) : std::nullopt);
}

Mac request_mac(const RequestAuth& auth, const RequestParts& parts, const SecretKey& key) {
  ByteWriter writer;
  writer.raw(tag_request_mac).id(auth.session).u64(auth.counter).i64(auth.time_ms);
  writer.sized(parts.method).sized(parts.target);
  write_optional(writer, parts.content_type);
  write_optional(writer, parts.content_encoding);
  write_optional(writer, parts.idempotency_key);
  write_optional(writer, parts.if_match);
  write_optional(writer, parts.range);
  if (auth.body_bytes) {
    writer.u32(8).u64(*auth.body_bytes);
  } else {
    writer.u32(absent);
  }
  write_optional(writer, auth.body_digest);
  return hmac_sha256(key.view(), writer.bytes());
}

Mac answer_mac(const AnswerParts& parts, const Mac& request_mac, const SecretKey& key) {
  ByteWriter writer;
  writer.raw(tag_answer_mac).id(request_mac).u16(parts.status);
  write_optional(writer, parts.content_type);
  write_optional(writer, parts.content_encoding);
  write_optional(writer, parts.body_digest);
  return hmac_sha256(key.view(), writer.bytes());
}

Mac frame_mac(Direction direction, std::uint64_t counter, ByteView message, const SecretKey& key) {
  ByteWriter writer;
  writer.raw(tag_frame).u8(static_cast<std::uint8_t>(direction)).u64(counter).raw(message);
  return hmac_sha256(key.view(), writer.bytes());
}

std::string optional_hex(const std::optional<Hash>& digest) {
  return digest ? to_hex(*digest) : "-";
}

/// Takes "name=value" and the comma behind it off the front of a header; the first thing that does not fit fails all.
class AuthReader {
public:
  explicit AuthReader(std::string_view text) : rest_(text) {}

  std::string_view value(std::string_view name) {
    if (!rest_.starts_with(name) || rest_.size() <= name.size() || rest_[name.size()] != '=') {
      failed_ = true;
      return {};
    }
    rest_.remove_prefix(name.size() + 1);
    const std::string_view out = rest_.substr(0, rest_.find(','));
    const bool last = out.size() == rest_.size();
    rest_.remove_prefix(last ? out.size() : out.size() + 1);
    if (!last && rest_.empty()) failed_ = true;  // a comma at the end
    return out;
  }

  template <typename Number>
  Number number(std::string_view name) {
    const std::string_view text = value(name);
    Number out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    const bool canonical = text.size() < 2 || (text[0] != '0' && !text.starts_with("-0"));
    if (text.empty() || error != std::errc() || end != text.data() + text.size() || !canonical) failed_ = true;
    return out;
  }

  template <typename Fixed>
  Fixed id(std::string_view name) {
    return id_from(value(name), Fixed{});
  }

  template <typename Fixed>
  Fixed id_from(std::string_view text, Fixed) {
    const std::optional<Bytes> raw = from_hex(text);
    const std::optional<Fixed> out = raw ? Fixed::from(*raw) : std::nullopt;
    // Lower case only: one form for one value.
    if (!out || to_hex(*out) != text) failed_ = true;
    return out.value_or(Fixed{});
  }

  std::optional<std::uint64_t> optional_number(std::string_view name) {
    if (rest_.starts_with(std::string(name) + "=-,")) return value(name), std::nullopt;
    return number<std::uint64_t>(name);
  }

  std::optional<Hash> optional_hash(std::string_view name) {
    const std::string_view text = value(name);
    if (text == "-") return std::nullopt;
    return id_from(text, Hash{});
  }

  void version() {
    if (value("v") != "1") failed_ = true;
  }

  [[nodiscard]] bool good() const { return !failed_ && rest_.empty(); }

private:
  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace

Hash body_digest(ByteView body) {
  return hash(body_digest_personal, body);
}

// ---- requests ----

std::string seal_request(RequestAuth& auth, const RequestParts& parts, const SecretKey& request_key) {
  auth.mac = request_mac(auth, parts, request_key);
  return "v=1,sid=" + to_hex(auth.session) + ",ctr=" + std::to_string(auth.counter) +
         ",ts=" + std::to_string(auth.time_ms) +
         ",len=" + (auth.body_bytes ? std::to_string(*auth.body_bytes) : std::string("-")) +
         ",digest=" + optional_hex(auth.body_digest) + ",mac=" + to_hex(auth.mac);
}

Result<RequestAuth> parse_request_auth(std::string_view header_value) {
  AuthReader reader(header_value);
  RequestAuth auth;
  reader.version();
  auth.session = reader.id<SessionId>("sid");
  auth.counter = reader.number<std::uint64_t>("ctr");
  auth.time_ms = reader.number<std::int64_t>("ts");
  auth.body_bytes = reader.optional_number("len");
  auth.body_digest = reader.optional_hash("digest");
  auth.mac = reader.id<Mac>("mac");
  if (!reader.good() || auth.body_bytes.has_value() != auth.body_digest.has_value()) {
    return fail(ErrorCode::malformed, "the session header is not in its form", {}, std::string(request_auth_header));
  }
  return auth;
}

Result<void> verify_request(const RequestAuth& auth, const RequestParts& parts, const SecretKey& request_key) {
  if (equal_secret(request_mac(auth, parts, request_key).view(), auth.mac.view())) return {};
  return fail(ErrorCode::mac_invalid, "the request's MAC is not good", "start a new session", "mac");
}

// ---- answers ----

std::string seal_answer(const AnswerParts& parts, const Mac& request_mac, const SecretKey& answer_key) {
  const Mac mac = answer_mac(parts, request_mac, answer_key);
  return "v=1,digest=" + optional_hex(parts.body_digest) + ",mac=" + to_hex(mac);
}

Result<void> verify_answer(std::string_view header_value, AnswerParts parts, std::optional<ByteView> body,
                           const Mac& request_mac, const SecretKey& answer_key) {
  if (header_value.empty()) {
    return fail(ErrorCode::mac_required, "the answer is not from the server of this session", {},
                std::string(answer_auth_header));
  }
  AuthReader reader(header_value);
  reader.version();
  const std::optional<Hash> digest = reader.optional_hash("digest");
  const Mac mac = reader.id<Mac>("mac");
  if (!reader.good()) {
    return fail(ErrorCode::malformed, "the answer's session header is not in its form", {},
                std::string(answer_auth_header));
  }
  parts.body_digest = body ? std::optional(body_digest(*body)) : std::nullopt;
  if (!equal_secret(answer_mac(parts, request_mac, answer_key).view(), mac.view()) || digest != parts.body_digest) {
    return fail(ErrorCode::mac_invalid, "the answer's MAC is not good", {}, "mac");
  }
  return {};
}

// ---- replay ----

bool ReplayWindow::accept(std::uint64_t counter) {
  if (mutant(Mutant::session_counter_reused)) return true;
  if (counter == 0 || counter + width < counter) return false;
  if (counter + width <= newest_) return false;
  const std::uint64_t block = counter / 64;
  if (counter > newest_) {
    // Blocks that the window moves over are new: clear them. The block of `newest_` keeps what it knows.
    const std::uint64_t moved = std::min(block - newest_ / 64, blocks);
    for (std::uint64_t i = 1; i <= moved; ++i) used_[(newest_ / 64 + i) % blocks] = 0;
    newest_ = counter;
  }
  const std::uint64_t bit = std::uint64_t{1} << (counter % 64);
  if ((used_[block % blocks] & bit) != 0) return false;
  used_[block % blocks] |= bit;
  return true;
}

// ---- frames ----

SecretKey stream_key(const SecretKey& frame_key, const Mac& upgrade_mac) {
  return SecretKey::from(keyed_hash("TRN1-STREAM", frame_key.view(), upgrade_mac.view()).view());
}

Bytes FrameSealer::seal(ByteView message) {
  const std::uint64_t counter = next_++;
  ByteWriter writer;
  writer.u64(counter).id(frame_mac(direction_, counter, message, key_)).raw(message);
  return writer.take();
}

Result<ByteView> FrameOpener::open(ByteView frame) {
  if (frame.size() > limits::frame_bytes_max)
    return fail(ErrorCode::too_large, "a frame is over its limit", {}, "size");
  ByteReader reader(frame);
  const std::uint64_t counter = reader.u64("ctr");
  const Mac mac = reader.id<Mac>("mac");
  if (!reader.ok()) return fail(ErrorCode::malformed, "a frame is cut", {}, "size");
  const ByteView message = frame.substr(frame_overhead_bytes);
  if (!equal_secret(frame_mac(direction_, counter, message, key_).view(), mac.view())) {
    return fail(ErrorCode::mac_invalid, "a frame's MAC is not good", {}, "mac");
  }
  if (counter != next_) return fail(ErrorCode::replayed, "a frame was lost or came twice", "connect again", "ctr");
  ++next_;
  return message;
}

}  // namespace tern::protocol
