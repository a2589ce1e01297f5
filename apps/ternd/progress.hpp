// How far something is that takes long: one line on a terminal, written anew each time; in a pipe nothing.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <iostream>
#include <string>

#include "tern/protocol/json.hpp"

namespace tern::apps {

class Progress {
public:
  /// `results`: stdout is where results go, so that on one terminal they would be mixed up.
  explicit Progress(bool results)
      : shown_(::isatty(STDERR_FILENO) == 1 && !(results && ::isatty(STDOUT_FILENO) == 1)) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  [[nodiscard]] bool shown() const { return shown_; }
  /// "1200 of 24918 tickets"; `of` 0: nobody knows.
  void say(std::uint64_t done, std::uint64_t of, const std::string& what) {
    if (!shown_) return;
    std::cerr << begin_of_line << done;
    if (of != 0) std::cerr << " of " << of;
    std::cerr << ' ' << what << std::flush;
    said_ = true;
  }
  void clear() {
    if (said_) std::cerr << begin_of_line << std::flush;
    said_ = false;
  }

private:
  static constexpr const char* begin_of_line = "\r\x1b[K";
  const bool shown_;
  bool said_ = false;
};

}  // namespace tern::apps
