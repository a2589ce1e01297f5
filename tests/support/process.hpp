// Real programs, started and watched by a test. Every wait has an end; what is left running dies with the test.
#pragma once

#include <sys/types.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/temp_dir.hpp"
#include "tern/protocol/json.hpp"

namespace tern::test {

/// A program of this build.
std::string program(const std::string& name);

/// What a program left behind when it ended.
struct Ended {
  int exit_code = -1;  // -1: a signal ended it
  int signal = 0;
  std::string out, err;

  /// The lines of stdout as JSON; the test ends at one that is none.
  [[nodiscard]] std::vector<Json> lines() const;
  [[nodiscard]] Json line() const;   // of exactly one
  [[nodiscard]] Json error() const;  // "error" of the one line on stderr
};

struct Command {
  std::vector<std::string> words;  // the first is a path
  std::map<std::string, std::string> environment = {};
  std::string input = {};
  std::uint64_t file_bytes_max = 0;  // 0: no limit; else writing beyond fails as on a full disk
};

/// One running program. Owner: a test.
class Child {
public:
  explicit Child(const Command& command);
  ~Child();  // kill -9 if it still runs
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void signal(int number);
  bool running();
  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Until it ends by itself; the test fails when that takes longer.
  Ended wait(int deadline_ms = 20'000);
  Ended kill_hard();
  /// All it wrote until now.
  [[nodiscard]] std::string out() const;
  [[nodiscard]] std::string err() const;
  /// Until `text` stands in its stdout. False when that takes longer or it ended without.
  bool says(std::string_view text, int deadline_ms = 10'000);

private:
  void reap(bool block);

  TempDir folder_;
  pid_t pid_ = -1;
  bool ended_ = false;
  int status_ = 0;
};

/// Starts it and waits for its end.
Ended run(const Command& command, int deadline_ms = 20'000);

/// Asks again and again until it is so; false when that takes longer.
template <typename Condition>
bool until(Condition&& condition, int deadline_ms = 10'000);

void sleep_ms(int ms);
std::int64_t steady_ms();

template <typename Condition>
bool until(Condition&& condition, int deadline_ms) {
  const std::int64_t end = steady_ms() + deadline_ms;
  for (;;) {
    if (condition()) return true;
    if (steady_ms() >= end) return false;
    sleep_ms(10);
  }
}

/// `part` is somewhere in `text`.
inline bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace tern::test
