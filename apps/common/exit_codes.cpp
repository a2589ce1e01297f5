#include "exit_codes.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <string_view>

#include "terminal.hpp"
#include "tern/protocol/bytes.hpp"
#include "tern/protocol/json.hpp"

namespace tern::apps {

ExitCode exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::usage:
    case ErrorCode::invalid:
    case ErrorCode::too_large:
    case ErrorCode::operator_required:
    case ErrorCode::client_unknown:
    case ErrorCode::unknown_field:
    case ErrorCode::sort_field:
    case ErrorCode::date_invalid:
    case ErrorCode::url_not_public:
    case ErrorCode::idempotency_mismatch:
    case ErrorCode::csv_invalid:
      return exit_usage;
    case ErrorCode::not_found:
    case ErrorCode::ambiguous:
      return exit_not_found;
    case ErrorCode::not_permitted:
    case ErrorCode::bad_transition:
    case ErrorCode::scope_missing:
    case ErrorCode::plan_limit:
    case ErrorCode::origin:
      return exit_refused;
    case ErrorCode::no_connection:
    case ErrorCode::rate_limited:
    case ErrorCode::mac_invalid:
    case ErrorCode::mac_required:
    case ErrorCode::session_unknown:
    case ErrorCode::replayed:
      return exit_no_connection;
    case ErrorCode::not_enrolled:
    case ErrorCode::key_required:
    case ErrorCode::key_unknown:
    case ErrorCode::key_revoked:
    case ErrorCode::login_refused:
    case ErrorCode::locked:
    case ErrorCode::tenant_mismatch:
    case ErrorCode::author_mismatch:
      return exit_not_enrolled;
    case ErrorCode::corrupt:
    case ErrorCode::verification_failed:
    case ErrorCode::signature_invalid:
    case ErrorCode::server_rollback:
    case ErrorCode::content_mismatch:
    case ErrorCode::content_missing:
    case ErrorCode::malformed:
      return exit_differs;
    case ErrorCode::busy:
      return exit_busy;
    case ErrorCode::storage_full:
    case ErrorCode::storage_failed:
      return exit_not_saved;
    case ErrorCode::upgrade_required:
    case ErrorCode::server_behind:
    case ErrorCode::epoch_changed:
    case ErrorCode::chain_forked:
    case ErrorCode::chain_gap:
    case ErrorCode::quarantine_full:
    case ErrorCode::clock_skew:
      return exit_attention;
    default:
      return exit_bug;
  }
}

namespace {

/// Messages come from many rooms; people get whole sentences.
std::string sentence(std::string text) {
  if (text.empty()) return text;
  if (text.front() >= 'a' && text.front() <= 'z') text.front() = static_cast<char>(text.front() - 'a' + 'A');
  const char last = text.back();
  if (last != '.' && last != '!' && last != '?') text += '.';
  return text;
}

}  // namespace

ExitCode report(const Error& error, bool json) {
  if (json) {
    Json what = Json::object({{"code", Json(to_string(error.code))},
                              {"message", Json(sentence(error.message))},
                              {"hint", Json(error.hint.empty() ? error.hint : sentence(error.hint))}});
    if (!error.field.empty()) what.set("field", Json(error.field));
    std::cerr << to_text(Json::object({{"error", what}})) << std::endl;
  } else {
    std::cerr << safe(sentence(error.message));
    if (!error.hint.empty()) std::cerr << ' ' << safe(sentence(error.hint));
    std::cerr << std::endl;
  }
  return exit_code(error.code);
}

ExitCode report_usage(const std::string& message, const std::string& help, int argc, const char* const* argv) {
  const bool json = std::any_of(argv, argv + argc, [](const char* word) { return std::string_view(word) == "--json"; });
  return report({ErrorCode::usage, message.substr(0, message.find('\n')), "See " + help + " --help", ""}, json);
}

namespace {

/// A pipe whose reader went away is how `head` ends what it has seen enough of.
bool reader_is_gone() {
  pollfd out{STDOUT_FILENO, POLLOUT, 0};
  return ::poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

}  // namespace

int finish_output(int done, bool json) {
  std::cout.flush();
  const bool written = std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout.good();
  if (written || reader_is_gone()) return done;
  const ExitCode failed = report({ErrorCode::storage_failed, "The output could not be written",
                                  "Only what was to be shown is lost: what the command did stays done", ""},
                                 json);
  return done == exit_done || done == exit_attention ? failed : done;
}

Result<std::string> read_stdin(std::size_t bytes_max, bool text) {
  std::string out;
  char block[16384];
  while (std::cin.read(block, sizeof block) || std::cin.gcount() > 0) {
    out.append(block, static_cast<std::size_t>(std::cin.gcount()));
    if (out.size() > bytes_max)
      return fail(ErrorCode::too_large, "The text on stdin is longer than " + std::to_string(bytes_max) + " bytes.");
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  if (text && !is_valid_utf8(out)) return fail(ErrorCode::invalid, "The text on stdin is not UTF-8.");
  return out;
}

}  // namespace tern::apps
