// Who calls abort() without a word, as libsodium does when it is misused and the standard library where there are no
// exceptions, cannot be looked for. This one says from where, and then does the same. A SIGABRT without these lines
// came from outside. Sanitizers have one of their own.
#include <execinfo.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string_view>

#include "support/rounds.hpp"

#if !defined(TERN_TESTS_INSTRUMENTED)

extern "C" [[gnu::visibility("default")]] void abort() noexcept {
  constexpr std::string_view said = "abort() was called here:\n";
  if (::write(STDERR_FILENO, said.data(), said.size()) > 0) {
    std::array<void*, 64> frames{};
    ::backtrace_symbols_fd(frames.data(), ::backtrace(frames.data(), static_cast<int>(frames.size())), STDERR_FILENO);
  }
  ::raise(SIGABRT);
  ::signal(SIGABRT, SIG_DFL);
  ::raise(SIGABRT);
  ::_exit(134);
}

#endif
