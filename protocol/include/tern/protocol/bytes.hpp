// Byte strings, fixed-size ids and hex: the vocabulary every other header uses.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace tern {

/// Raw bytes of any length. A std::string because Protobuf and SQLite both speak it; never assumed to be text.
using Bytes = std::string;
using ByteView = std::string_view;

/// N bytes with a purpose. `Tag` keeps a ticket id from being passed where a device id is due.
/// A value: copies, compares (memcmp order) and hashes. All zero means "none".
template <std::size_t N, typename Tag>
struct FixedBytes {
  static constexpr std::size_t size_bytes = N;
  std::array<std::uint8_t, N> bytes{};

  auto operator<=>(const FixedBytes&) const = default;
  [[nodiscard]] ByteView view() const { return {reinterpret_cast<const char*>(bytes.data()), N}; }
  [[nodiscard]] bool is_zero() const { return *this == FixedBytes{}; }
  [[nodiscard]] std::uint8_t* data() { return bytes.data(); }
  [[nodiscard]] const std::uint8_t* data() const { return bytes.data(); }

  /// Nothing when `raw` is not exactly N bytes.
  static std::optional<FixedBytes> from(ByteView raw) {
    if (raw.size() != N) return std::nullopt;
    FixedBytes out;
    std::memcpy(out.bytes.data(), raw.data(), N);
    return out;
  }
  /// As `from`, but a wrong length gives the zero value. For bytes that were already checked, or that mean "none" when
  /// absent.
  static FixedBytes or_zero(ByteView raw) { return from(raw).value_or(FixedBytes{}); }
};

using TenantId = FixedBytes<16, struct TenantIdTag>;
using DeviceId = FixedBytes<16, struct DeviceIdTag>;
using OperatorId = FixedBytes<16, struct OperatorIdTag>;
using TicketId = FixedBytes<16, struct TicketIdTag>;
using RecordId = FixedBytes<16, struct RecordIdTag>;  // any reference record: queue, contact, category ...
using KeyId = FixedBytes<16, struct KeyIdTag>;
using EpochId = FixedBytes<16, struct EpochIdTag>;  // one server history (not a device epoch, which is a counter)
using BootId = FixedBytes<16, struct BootIdTag>;
using SessionId = FixedBytes<16, struct SessionIdTag>;
using ChangeId = FixedBytes<8, struct ChangeIdTag>;  // unique together with the device id
using Hash = FixedBytes<32, struct HashTag>;
using Salt = FixedBytes<16, struct SaltTag>;
using Signature = FixedBytes<64, struct SignatureTag>;

std::string to_hex(ByteView raw);
/// Nothing on odd length or a character that is no hex digit. Upper and lower case are accepted.
std::optional<Bytes> from_hex(std::string_view hex);

template <std::size_t N, typename Tag>
std::string to_hex(const FixedBytes<N, Tag>& id) {
  return to_hex(id.view());
}
/// Ids as people and JSON see them: 32 hex digits in the groups of a UUID (8-4-4-4-12).
std::string to_uuid_text(ByteView sixteen_bytes);
/// Accepts 32 hex digits with or without dashes.
std::optional<Bytes> from_uuid_text(std::string_view text);

/// True when `text` is well-formed UTF-8 without NUL, surrogates or overlong forms.
bool is_valid_utf8(std::string_view text);
/// Code points of a valid UTF-8 text.
std::size_t code_point_count(std::string_view text);

}  // namespace tern

template <std::size_t N, typename Tag>
struct std::hash<tern::FixedBytes<N, Tag>> {
  std::size_t operator()(const tern::FixedBytes<N, Tag>& id) const noexcept {
    return std::hash<std::string_view>{}(id.view());
  }
};
