#include "tar.hpp"

#include <algorithm>
#include <cerrno>

#include "admin/descriptor.hpp"

namespace tern::server::admin {
namespace {

constexpr std::size_t name_bytes = 100, size_at = 124, size_bytes = 12, checksum_at = 148, type_at = 156,
                      magic_at = 257;
constexpr std::uint64_t size_max = 077777777777;  // 8 GiB - 1: eleven octal digits

std::string octal(std::uint64_t value, std::size_t digits) {
  std::string out(digits, '0');
  for (std::size_t i = digits; i-- > 0 && value > 0; value >>= 3) out[i] = static_cast<char>('0' + (value & 7));
  return out;
}

/// Sizes that octal digits cannot hold are 12 bytes with the top bit set, as GNU and POSIX readers know.
std::string size_field(std::uint64_t size) {
  if (size <= size_max) return octal(size, 11) + '\0';
  std::string out(12, '\0');
  for (std::size_t i = 12; i-- > 1; size >>= 8) out[i] = static_cast<char>(size & 0xff);
  out[0] = static_cast<char>(0x80);
  return out;
}

std::uint32_t checksum(ByteView header) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < header.size(); ++i)
    sum += i >= checksum_at && i < checksum_at + 8 ? static_cast<std::uint32_t>(' ')
                                                   : static_cast<std::uint8_t>(header[i]);
  return sum;
}

Bytes header_of(const TarFile& file) {
  Bytes out(tar_block_bytes, '\0');
  const auto put = [&](std::size_t at, std::string_view text) { out.replace(at, text.size(), text); };
  check(file.path.size() < name_bytes, "a path that a tar header holds");
  put(0, file.path);
  put(100, octal(0600, 7));
  put(108, octal(0, 7));
  put(116, octal(0, 7));
  put(size_at, size_field(file.size_bytes));
  put(136, octal(0, 11));
  put(type_at, "0");
  put(magic_at, std::string_view("ustar\00000", 8));
  put(checksum_at, octal(checksum(out), 6) + std::string("\0 ", 2));
  return out;
}

std::uint64_t padding_of(std::uint64_t size) {
  return (tar_block_bytes - size % tar_block_bytes) % tar_block_bytes;
}

class Source {
public:
  explicit Source(std::vector<TarFile> files) : files_(std::move(files)) {}

  Result<Bytes> next(std::size_t bytes_max) {
    while (pending_.empty()) {
      if (done_) return Bytes();
      TERN_CHECKED(advance(bytes_max));
    }
    Bytes out = pending_.substr(0, bytes_max);
    pending_.erase(0, out.size());
    return out;
  }

private:
  Result<void> advance(std::size_t bytes_max) {
    if (left_ > 0) return read_piece(bytes_max);
    if (padding_ > 0) {
      pending_.assign(static_cast<std::size_t>(padding_), '\0');
      padding_ = 0;
      return {};
    }
    if (at_ == files_.size()) {
      pending_.assign(2 * tar_block_bytes, '\0');
      done_ = true;
      return {};
    }
    return begin_file(files_[at_++]);
  }

  Result<void> begin_file(TarFile& file) {
    pending_ = header_of(file);
    left_ = file.size_bytes;
    padding_ = padding_of(file.size_bytes);
    input_.reset();
    if (file.source_path.empty()) {
      pending_ += file.content;
      left_ = 0;
      return {};
    }
    input_ = std::make_unique<Descriptor>(open_to_read(file.source_path));
    if (input_->get() < 0) return fail(ErrorCode::storage_failed, "Cannot read " + file.source_path + ".");
    return {};
  }

  Result<void> read_piece(std::size_t bytes_max) {
    pending_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes_max)));
    ssize_t got = 0;
    do got = ::read(input_->get(), pending_.data(), pending_.size());
    while (got < 0 && errno == EINTR);
    if (got <= 0) return fail(ErrorCode::storage_failed, "A file became shorter while it was backed up.");
    pending_.resize(static_cast<std::size_t>(got));
    left_ -= static_cast<std::uint64_t>(got);
    return {};
  }

  std::vector<TarFile> files_;
  std::size_t at_ = 0;
  std::unique_ptr<Descriptor> input_;
  std::uint64_t left_ = 0, padding_ = 0;
  Bytes pending_;
  bool done_ = false;
};

tl::unexpected<Error> damaged() {
  return fail(ErrorCode::corrupt, "The archive inside the backup is damaged.");
}

}  // namespace

protocol::StreamSource tar_source(std::vector<TarFile> files) {
  auto source = std::make_shared<Source>(std::move(files));
  return [source](std::size_t bytes_max) { return source->next(bytes_max); };
}

Result<void> TarReader::take_header() {
  if (std::all_of(header_.begin(), header_.end(), [](char c) { return c == '\0'; })) {
    ended_ = true;
    return {};
  }
  std::uint64_t size = 0;
  const ByteView field = ByteView(header_).substr(size_at, size_bytes);
  if ((static_cast<std::uint8_t>(field[0]) & 0x80) != 0) {
    for (const char c : field.substr(4)) size = size << 8 | static_cast<std::uint8_t>(c);
  } else {
    for (const char c : field.substr(0, 11)) {
      if (c < '0' || c > '7') return damaged();
      size = size << 3 | static_cast<std::uint64_t>(c - '0');
    }
  }
  const bool plain = header_[type_at] == '0' && ByteView(header_).substr(magic_at, 5) == "ustar";
  if (!plain || ByteView(header_).substr(checksum_at, 6) != octal(checksum(header_), 6)) return damaged();
  const std::string path(header_.c_str(), std::min(header_.find('\0'), name_bytes));
  content_left_ = size;
  padding_left_ = padding_of(size);
  in_file_ = true;
  return files_.begin(path, size);
}

Result<void> TarReader::write(ByteView piece) {
  while (!piece.empty() && !ended_) {
    if (in_file_ && content_left_ > 0) {
      const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(content_left_, piece.size()));
      TERN_CHECKED(files_.content(piece.substr(0, take)));
      content_left_ -= take;
      piece.remove_prefix(take);
      continue;
    }
    if (in_file_) {
      TERN_CHECKED(files_.end());
      in_file_ = false;
    }
    if (padding_left_ > 0) {
      const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(padding_left_, piece.size()));
      padding_left_ -= take;
      piece.remove_prefix(take);
      continue;
    }
    const std::size_t take = std::min(tar_block_bytes - header_.size(), piece.size());
    header_ += piece.substr(0, take);
    piece.remove_prefix(take);
    if (header_.size() < tar_block_bytes) continue;
    TERN_CHECKED(take_header());
    header_.clear();
  }
  return {};
}

Result<void> TarReader::finish() const {
  return ended_ ? Result<void>() : damaged();
}

}  // namespace tern::server::admin
