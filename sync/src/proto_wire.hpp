// Protobuf's wire format, written and read without messages in between: states are coded by the ten thousand.
//
// What is written is what Protobuf would write: fields in the order of their numbers, zero and empty left out.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "tern/protocol/bytes.hpp"

namespace tern::sync {

class ProtoWriter {
public:
  void number(std::uint32_t field, std::uint64_t value) {
    if (value == 0) return;
    varint(std::uint64_t{field} << 3);
    varint(value);
  }
  void flag(std::uint32_t field, bool value) { number(field, value ? 1 : 0); }
  void int64(std::uint32_t field, std::int64_t value) { number(field, static_cast<std::uint64_t>(value)); }
  void sint64(std::uint32_t field, std::int64_t value) {
    number(field, (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }
  void bytes(std::uint32_t field, ByteView value) {
    if (!value.empty()) element(field, value);
  }
  /// One element of a repeated field, or a message: written even when empty.
  void element(std::uint32_t field, ByteView value) {
    varint((std::uint64_t{field} << 3) | 2);
    varint(value.size());
    out_.append(value);
  }

  /// One number of a packed repeated field, which the caller wraps into an element.
  void packed(std::uint64_t value) { varint(value); }

  [[nodiscard]] ByteView view() const { return out_; }
  [[nodiscard]] Bytes take() { return std::move(out_); }
  void clear() { out_.clear(); }
  void append(ByteView raw) { out_.append(raw); }
  void reserve(std::size_t size_bytes) { out_.reserve(size_bytes); }

private:
  void varint(std::uint64_t value) {
    char buffer[10];
    std::size_t size = 0;
    for (; value >= 0x80; value >>= 7) buffer[size++] = static_cast<char>(value | 0x80);
    buffer[size++] = static_cast<char>(value);
    out_.append(buffer, size);
  }

  Bytes out_;
};

/// Reads one message field by field: `while (reader.next()) switch (reader.field())`. A field of another wire type than
/// asked for, or a length beyond the end, makes it `bad` for good and ends the walk. Unknown fields are skipped.
class ProtoReader {
public:
  explicit ProtoReader(ByteView bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool next() {
    if (bad_ || at_ == end_) return false;
    const std::uint64_t key = varint();
    field_ = key >> 3;
    type_ = static_cast<unsigned>(key & 7);
    if (field_ == 0 || field_ > UINT32_MAX) refuse();
    read_value();
    return !bad_;
  }
  [[nodiscard]] std::uint32_t field() const { return static_cast<std::uint32_t>(field_); }

  std::uint64_t number() {
    if (type_ != 0) refuse();
    return number_;
  }
  /// At most `max`.
  std::uint64_t number(std::uint64_t max) {
    if (number() > max) refuse();
    return bad_ ? 0 : number_;
  }
  bool flag() { return number(1) != 0; }
  std::int64_t int64() { return static_cast<std::int64_t>(number()); }
  std::int64_t sint64() {
    const std::uint64_t value = number();
    return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
  }
  ByteView bytes() {
    if (type_ != 2) refuse();
    return bad_ ? ByteView{} : bytes_;
  }
  template <typename Fixed>
  Fixed id() {
    const auto id = Fixed::from(bytes());
    if (!id) refuse();
    return id.value_or(Fixed{});
  }

  /// The next number of a packed field, when this reader walks over one. False at its end.
  bool next_packed(std::uint64_t& value) {
    if (bad_ || at_ == end_) return false;
    value = varint();
    return !bad_;
  }

  void refuse() { bad_ = true; }
  [[nodiscard]] bool bad() const { return bad_; }

private:
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && at_ != end_; shift += 7) {
      const auto byte = static_cast<std::uint8_t>(*at_++);
      if (shift == 63 && byte > 1) break;
      value |= std::uint64_t{byte & 0x7FU} << shift;
      if (byte < 0x80) return value;
    }
    refuse();
    return 0;
  }
  void read_value() {
    if (type_ == 0) {
      number_ = varint();
    } else if (type_ == 2) {
      const std::uint64_t size = varint();
      if (size > left()) return refuse();
      bytes_ = ByteView(at_, static_cast<std::size_t>(size));
      at_ += size;
    } else if (type_ == 1 || type_ == 5) {
      const std::size_t size = type_ == 1 ? 8 : 4;
      if (size > left()) return refuse();
      at_ += size;
    } else {
      refuse();
    }
  }
  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }

  const char* at_;
  const char* end_;
  std::uint64_t field_ = 0, number_ = 0;
  ByteView bytes_;
  unsigned type_ = 0;
  bool bad_ = false;
};

}  // namespace tern::sync
