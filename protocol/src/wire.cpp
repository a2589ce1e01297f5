#include "tern/protocol/wire.hpp"

namespace tern::protocol {
namespace {

template <typename Number>
void append_big_endian(Bytes& bytes, Number value) {
  for (int shift = static_cast<int>(sizeof(Number)) * 8 - 8; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>((value >> shift) & 0xff));
  }
}

std::uint64_t big_endian(ByteView bytes) {
  std::uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

}  // namespace

ByteWriter& ByteWriter::u8(std::uint8_t value) {
  bytes_.push_back(static_cast<char>(value));
  return *this;
}

ByteWriter& ByteWriter::u16(std::uint16_t value) {
  append_big_endian(bytes_, value);
  return *this;
}

ByteWriter& ByteWriter::u32(std::uint32_t value) {
  append_big_endian(bytes_, value);
  return *this;
}

ByteWriter& ByteWriter::u64(std::uint64_t value) {
  append_big_endian(bytes_, value);
  return *this;
}

ByteWriter& ByteWriter::i64(std::int64_t value) {
  return u64(static_cast<std::uint64_t>(value));
}

ByteWriter& ByteWriter::raw(ByteView bytes) {
  bytes_.append(bytes);
  return *this;
}

ByteWriter& ByteWriter::sized(ByteView bytes) {
  check(bytes.size() < 0xffffffffu, "sized part");
  return u32(static_cast<std::uint32_t>(bytes.size())).raw(bytes);
}

bool ByteReader::need(std::size_t size_bytes, std::string_view field) {
  if (failed_) return false;
  if (rest_.size() >= size_bytes) return true;
  refuse(ErrorCode::malformed, field, "the bytes end too early");
  return false;
}

ByteView ByteReader::raw(std::size_t size_bytes, std::string_view field) {
  if (!need(size_bytes, field)) return {};
  const ByteView out = rest_.substr(0, size_bytes);
  rest_.remove_prefix(size_bytes);
  return out;
}

std::uint8_t ByteReader::u8(std::string_view field) {
  return static_cast<std::uint8_t>(big_endian(raw(1, field)));
}
std::uint16_t ByteReader::u16(std::string_view field) {
  return static_cast<std::uint16_t>(big_endian(raw(2, field)));
}
std::uint32_t ByteReader::u32(std::string_view field) {
  return static_cast<std::uint32_t>(big_endian(raw(4, field)));
}
std::uint64_t ByteReader::u64(std::string_view field) {
  return big_endian(raw(8, field));
}
std::int64_t ByteReader::i64(std::string_view field) {
  return static_cast<std::int64_t>(u64(field));
}

ByteView ByteReader::sized(std::size_t bytes_max, std::string_view field) {
  const std::uint32_t size_bytes = u32(field);
  if (size_bytes > bytes_max) {
    refuse(ErrorCode::too_large, field, "a part is over its limit");
    return {};
  }
  return raw(size_bytes, field);
}

void ByteReader::tag(Tag expected) {
  if (raw(expected.size(), "tag") != expected) refuse(ErrorCode::malformed, "tag", "these bytes are of another kind");
}

void ByteReader::version(std::uint8_t expected, std::string_view field) {
  if (u8(field) != expected) refuse(ErrorCode::upgrade_required, field, "this version is not known here");
}

void ByteReader::refuse(ErrorCode code, std::string_view field, std::string_view message) {
  if (failed_) return;
  failed_ = true;
  rest_ = {};
  error_ = Error{code, std::string(message), {}, std::string(field)};
}

Result<void> ByteReader::finish() {
  if (!rest_.empty()) refuse(ErrorCode::malformed, "size", "there are bytes behind the end");
  if (failed_) return tl::unexpected(error_);
  return {};
}

}  // namespace tern::protocol
