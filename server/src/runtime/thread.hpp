// Threads of a machine that may have none left: the standard library throws then, and whoever half began must not
// be torn down with a thread still running.
#pragma once

#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "tern/protocol/error.hpp"

namespace tern::server {

/// What to say where memory, threads or descriptors run out: `busy`.
inline tl::unexpected<Error> out_of_resources(const std::string& what) {
  return fail(ErrorCode::busy, "The system gives this program too few " + what + ".",
              "Raise its limits (ulimit, or LimitNOFILE, TasksMax and MemoryMax of its unit), or end other programs");
}

/// `busy` when the system gives no thread.
template <typename Work>
Result<std::thread> start_thread(Work&& work) {
  try {
    return std::thread(std::forward<Work>(work));
  } catch (const std::system_error&) {
    return out_of_resources("threads or too little memory");
  }
}

}  // namespace tern::server
