// Fixed-layout bytes: big-endian numbers, raw ids, length-prefixed parts. Every signed or MACed string is made of
// these.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"

namespace tern::protocol {

/// A tag is the first 8 bytes of a signed or MACed string: seven characters and a NUL, one for each purpose.
using Tag = std::string_view;

/// Appends to a byte string it owns.
class ByteWriter {
public:
  ByteWriter& u8(std::uint8_t value);
  ByteWriter& u16(std::uint16_t value);
  ByteWriter& u32(std::uint32_t value);
  ByteWriter& u64(std::uint64_t value);
  ByteWriter& i64(std::int64_t value);  // two's complement
  ByteWriter& raw(ByteView bytes);
  /// Four bytes of length, then the bytes.
  ByteWriter& sized(ByteView bytes);
  template <std::size_t N, typename T>
  ByteWriter& id(const FixedBytes<N, T>& value) {
    return raw(value.view());
  }

  [[nodiscard]] const Bytes& bytes() const { return bytes_; }
  [[nodiscard]] Bytes take() { return std::move(bytes_); }

private:
  Bytes bytes_;
};

/// Reads what ByteWriter wrote, from input that nobody has checked yet.
///
/// The first failure is kept with the name of its field; from then on every read gives zero. So a decoder reads its
/// whole table and asks `finish` once. Never allocates more than the input holds. The input outlives the reader.
class ByteReader {
public:
  explicit ByteReader(ByteView bytes) : rest_(bytes) {}

  std::uint8_t u8(std::string_view field);
  std::uint16_t u16(std::string_view field);
  std::uint32_t u32(std::string_view field);
  std::uint64_t u64(std::string_view field);
  std::int64_t i64(std::string_view field);
  /// A view of exactly `size_bytes`; empty on failure.
  ByteView raw(std::size_t size_bytes, std::string_view field);
  /// Four bytes of length, at most `bytes_max`, then that many bytes.
  ByteView sized(std::size_t bytes_max, std::string_view field);
  template <typename Fixed>
  Fixed id(std::string_view field) {
    return Fixed::or_zero(raw(Fixed::size_bytes, field));
  }
  /// Fails with `malformed`, field "tag", unless the next 8 bytes are `expected`.
  void tag(Tag expected);
  /// Fails with `upgrade_required` unless the next byte is `expected`.
  void version(std::uint8_t expected, std::string_view field = "version");
  /// Records a failure found by the caller. The first one stays.
  void refuse(ErrorCode code, std::string_view field, std::string_view message);

  [[nodiscard]] bool ok() const { return !failed_; }
  [[nodiscard]] std::size_t left() const { return rest_.size(); }
  /// The first failure; `malformed` with field "size" when bytes are left over.
  Result<void> finish();

private:
  bool need(std::size_t size_bytes, std::string_view field);

  ByteView rest_;
  bool failed_ = false;
  Error error_;
};

}  // namespace tern::protocol
