// A file descriptor that is closed when its holder goes.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <string>

namespace tern::server::admin {

class Descriptor {
public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return value_; }

private:
  int value_;
};

/// For reading; below 0: errno says why.
inline int open_to_read(const std::string& path) {
  return ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
}

}  // namespace tern::server::admin
