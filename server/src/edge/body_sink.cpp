#include "edge/body_sink.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

namespace tern::server::edge {
namespace {

class OwnedFile : public BodyFile {
public:
  OwnedFile(int descriptor, std::shared_ptr<const protocol::ScratchCipher> cipher)
      : descriptor_(descriptor), cipher_(std::move(cipher)) {}
  ~OwnedFile() override { ::close(descriptor_); }
  OwnedFile(const OwnedFile&) = delete;
  OwnedFile& operator=(const OwnedFile&) = delete;

  Result<Bytes> read_at(std::uint64_t offset, std::size_t length) const override {
    Bytes out(length, '\0');
    std::size_t have = 0;
    while (have < length) {
      const ssize_t got = ::pread(descriptor_, out.data() + have, length - have, static_cast<off_t>(offset + have));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail(ErrorCode::storage_failed, "The received body could not be read back");
      if (got == 0) break;
      have += static_cast<std::size_t>(got);
    }
    out.resize(have);
    cipher_->apply(offset, out);
    return out;
  }

private:
  int descriptor_;
  std::shared_ptr<const protocol::ScratchCipher> cipher_;
};

std::shared_ptr<const protocol::ScratchCipher> new_cipher() {
  if (!protocol::init_crypto()) return nullptr;
  protocol::SecretKey key;
  const auto bytes = static_cast<ssize_t>(key.view().size());
  return ::getrandom(key.data(), key.view().size(), 0) == bytes ? std::make_shared<protocol::ScratchCipher>(key)
                                                                : nullptr;
}

tl::unexpected<Error> storage_error() {
  if (errno == ENOSPC || errno == EDQUOT)
    return fail(ErrorCode::storage_full, "No space left for the body of a request");
  return fail(ErrorCode::storage_failed, "The body of a request could not be written to a temporary file");
}

}  // namespace

BodySink::~BodySink() {
  if (file_ >= 0) ::close(file_);
}

Result<void> BodySink::append(std::string_view bytes) {
  size_ += bytes.size();
  if (file_ < 0 && size_ <= in_memory_bytes_max_) {
    memory_ += bytes;
    return {};
  }
  if (file_ < 0) {
    TERN_CHECKED(open_file());
    TERN_CHECKED(write_out(memory_));
    Bytes().swap(memory_);
  }
  return write_out(bytes);
}

RequestBody BodySink::take() {
  if (file_ < 0) return RequestBody(std::exchange(memory_, {}));
  return RequestBody(std::make_shared<OwnedFile>(std::exchange(file_, -1), std::move(cipher_)), size_);
}

Result<void> BodySink::open_file() {
  const char* const system_place = std::getenv("TMPDIR");
  const std::string place = !directory_->empty() ? *directory_ : system_place && *system_place ? system_place : "/tmp";
  file_ = ::open(place.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file_ < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {  // no nameless files there
    std::string name = place + "/.tern-body-XXXXXX";
    file_ = ::mkostemp(name.data(), O_CLOEXEC);
    if (file_ >= 0) ::unlink(name.c_str());
  }
  if (file_ < 0) return storage_error();
  cipher_ = new_cipher();
  return cipher_ ? Result<void>{} : storage_error();
}

Result<void> BodySink::write_out(std::string_view plain) {
  Bytes hidden(plain);
  cipher_->apply(written_, hidden);
  written_ += plain.size();
  for (std::string_view bytes = hidden; !bytes.empty();) {
    const ssize_t written = ::write(file_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return storage_error();
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace tern::server::edge
