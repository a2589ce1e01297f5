// The contract of all three programs towards scripts: stdout carries results, stderr everything else, and the exit code
// says which.
#pragma once

#include <string>

#include "tern/protocol/error.hpp"

namespace tern::apps {

enum ExitCode : int {
  exit_done = 0,
  exit_bug = 1,
  exit_usage = 2,
  exit_not_found = 3,      // or ambiguous: the candidates are listed
  exit_refused = 4,        // by rights or lifecycle
  exit_no_connection = 5,  // the work is saved
  exit_not_enrolled = 6,   // or revoked, or login refused
  exit_attention = 7,      // done, but something needs attention
  exit_differs = 8,        // verification or comparison failed
  exit_busy = 9,
  exit_not_saved = 10,  // disk
};

ExitCode exit_code(ErrorCode code);

/// Prints the error to stderr, for people or as `{"error":{...}}`, and gives its exit code.
ExitCode report(const Error& error, bool json);

/// A command line that could not be read, in the form it asked for. `help` is the command whose --help tells more.
ExitCode report_usage(const std::string& message, const std::string& help, int argc, const char* const* argv);

/// The last thing of every program: writes out what stdout holds. When that cannot be written, an error, and
/// `exit_not_saved` in place of success; a reader that went away is none.
int finish_output(int done, bool json);

/// All of stdin up to `bytes_max`; `too_large` beyond, `invalid` when it is no UTF-8 and `text` is set. One trailing
/// newline goes.
Result<std::string> read_stdin(std::size_t bytes_max, bool text = true);

}  // namespace tern::apps
