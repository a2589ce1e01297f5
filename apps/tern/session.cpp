#include "session.hpp"

#include <limits.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <thread>

#include "home_socket.hpp"
#include "program.hpp"
#include "render.hpp"
#include "tern/protocol/limits.hpp"

namespace tern::apps {
namespace {

/// Reads one line without showing it.
std::string ask_hidden(const char* prompt) {
  std::cerr << prompt << std::flush;
  termios before{};
  const bool terminal = ::tcgetattr(STDIN_FILENO, &before) == 0;
  if (terminal) {
    termios silent = before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  std::string line;
  std::getline(std::cin, line);
  if (terminal) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
  std::cerr << '\n';
  return line;
}

}  // namespace

Result<std::optional<std::string>> Session::passphrase(bool ask) {
  if (read_passphrase_) return read_passphrase_;
  if (call_.passphrase_stdin) {
    std::string line;
    if (!std::getline(std::cin, line) || line.empty())
      return fail(ErrorCode::usage, "No passphrase came on stdin.", "Write it as the first line of stdin.",
                  "passphrase-stdin");
    return read_passphrase_ = std::move(line);
  }
  if (const char* from_environment = std::getenv("TERN_PASSPHRASE"))
    return std::optional<std::string>(from_environment);
  if (ask && ::isatty(STDIN_FILENO) == 1) return std::optional(ask_hidden("Passphrase: "));
  return std::optional<std::string>();
}

Result<std::optional<std::string>> Session::new_passphrase() {
  return passphrase(false);
}

Result<client::Client*> Session::open(bool only_to_look) {
  client::ClientOptions options;
  options.home = call_.home;
  options.read_only_views = only_to_look;
  TERN_TRY(options.passphrase, passphrase(false));
  auto opened = client::Client::open(options, environment_);
  if (!opened && opened.error().code == ErrorCode::locked && !options.passphrase) {
    TERN_TRY(options.passphrase, passphrase(true));
    if (options.passphrase) opened = client::Client::open(options, environment_);
    if (opened) read_passphrase_ = options.passphrase;
  }
  if (!opened && opened.error().code == ErrorCode::locked) opened.error().hint = locked_hint;
  if (!opened) return tl::unexpected(std::move(opened).error());
  client_ = std::move(*opened);
  return client_.get();
}

Result<void> Session::keep_new_authorities() {
  if (new_authorities().empty()) return {};
  TERN_CHECKED(client_->keep_authorities(new_authorities()));
  authorities_kept_ = true;
  return {};
}

Result<TicketId> Session::ticket(std::string_view name) {
  return client_->commands().find_ticket(name);
}

Result<Bytes> Session::record(sync::RecordKind kind, std::string_view name) {
  if (name == "none") return Bytes();
  TERN_TRY(const RecordId id, client_->commands().find_record(static_cast<std::uint32_t>(kind), name));
  return Bytes(id.view());
}

Result<Bytes> Session::operator_named(std::string_view name) {
  if (name == "me") return Bytes(client_->identity().operator_id.view());
  return record(sync::RecordKind::operator_, name);
}

Result<std::string> Session::text_or_stdin(const std::string& text, std::size_t bytes_max) {
  if (text != "-") return text;
  return read_stdin(bytes_max);
}

namespace {

Result<ExitCode> run_command(Session& session) {
  const std::string& command = session.call().command;
  if (is_device_command(command)) return run_device_command(session);
  if (is_library_command(command)) return run_library_command(session);
  if (is_file_command(command)) return run_file_command(session);
  return is_reading_command(command) ? run_reading_command(session) : run_writing_command(session);
}

/// Reads what "-" stands for here: whoever the command is handed to has another stdin.
Result<Invocation> with_stdin_read(Session& session) {
  Invocation call = session.call();
  if (!call.ca_file.empty()) call.ca_file = std::filesystem::absolute(call.ca_file).string();  // it stands elsewhere
  if (!call.signature.empty()) call.signature = std::filesystem::absolute(call.signature).string();
  for (std::string& file : call.files) file = std::filesystem::absolute(file).string();
  if (call.command == "fetch" && (!call.out.empty() || !call.other.empty()))
    call.out = std::filesystem::absolute(call.out.empty() ? "." : call.out).string();
  for (std::string* text : {&call.text, &call.description, &call.value}) {
    TERN_TRY(*text, session.text_or_stdin(*text, limits::text_bytes_max));
  }
  return call;
}

constexpr int patience_ms = 5'000, patience_step_ms = 20;  // for a command that is under way in the same home

bool only_looks(const Invocation& call) {
  return call.command == "status" || call.command == "files" || is_library_command(call.command) ||
         (is_reading_command(call.command) && call.command != "read" && call.dismiss.empty() && call.follow_up.empty());
}

/// On a full or broken disk who wrote something wants to know whether it is there.
ExitCode report_to(const Invocation& call, Error error) {
  if (error.code == ErrorCode::corrupt && error.hint.empty())
    error.hint = "Put " + call.home + " back from a copy; if there is none, run: tern salvage";
  const bool enters =
      !only_looks(call) && call.command != "sync" && call.command != "salvage" && call.command != "fetch";
  if (exit_code(error.code) == exit_not_saved && enters) {
    if (!error.message.ends_with('.')) error.message += '.';
    error.message += " What you entered is not saved.";
  }
  return report(error, call.json);
}

/// A name that no file can have would only be refused by whatever comes first.
Result<void> check_home(const std::string& home) {
  constexpr std::size_t files_in_it = 64, columns_shown = 60;
  std::size_t part = 0, longest = 0;
  for (const char c : home) {
    part = c == '/' ? 0 : part + 1;
    longest = std::max(longest, part);
  }
  if (longest <= NAME_MAX && home.size() + files_in_it <= PATH_MAX) return {};
  return fail(ErrorCode::usage, "The name of the home is too long: " + cut_to(home, columns_shown),
              "Choose a shorter --home.", "home");
}

/// Who else holds the home is asked to do it: an answer of theirs, or nothing when nobody is there to ask.
bool may_hand_over(const Invocation& call) {
  return !(call.command == "sync" && call.watch);
}

/// The home is held by another process. One who only looks needs no turn; else whoever watches it does the command, and
/// any other command is soon done.
Result<ExitCode> run_elsewhere(Session& session, const Error& busy) {
  // On a full disk a home cannot be shared: then it is asked for like any other command.
  if (only_looks(session.call()) && session.open(true)) return run_command(session);
  std::optional<Invocation> call;
  for (int waited_ms = 0; waited_ms < patience_ms; waited_ms += patience_step_ms) {
    if (may_hand_over(session.call())) {
      if (!call) {
        TERN_TRY(call, with_stdin_read(session));
      }
      TERN_TRY(const auto done, hand_over(*call));
      if (done) {
        std::cout << done->out;
        std::cerr << done->error;
        return static_cast<ExitCode>(done->exit_code);
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(patience_step_ms));
    const auto opened = session.open();
    if (opened) return call ? session.run_as(*call) : run_command(session);
    if (opened.error().code != ErrorCode::busy) return tl::unexpected(opened.error());
  }
  Error error = busy;
  if (!may_hand_over(session.call()))
    error.hint = "It may be another tern sync --watch: one is enough, and other commands work beside it.";
  return tl::unexpected(std::move(error));
}

}  // namespace

Result<ExitCode> Session::run_as(const Invocation& call) {
  Session guest(call, std::move(client_));
  return run_command(guest);
}

CommandOutput Session::perform(const Invocation& call) {
  std::ostringstream out, error;
  std::streambuf* const out_before = std::cout.rdbuf(out.rdbuf());
  std::streambuf* const error_before = std::cerr.rdbuf(error.rdbuf());
  Session guest(call, std::move(client_));
  const auto done = run_command(guest);
  const int code = done ? *done : report_to(call, done.error());
  client_ = std::move(guest.client_);
  std::cout.rdbuf(out_before);
  std::cerr.rdbuf(error_before);
  return {out.str(), error.str(), code};
}

int run(const Invocation& call) {
  if (const auto ready = begin_program(); !ready) return report(ready.error(), call.json);
  if (const auto named = check_home(call.home); !named) return report(named.error(), call.json);
  Session session(call);
  auto done = Result<ExitCode>(exit_done);
  const bool opens_itself = call.command == "enrol" || call.command == "salvage";
  auto opened = opens_itself ? Result<client::Client*>(nullptr) : session.open();
  if (!opened && opened.error().code == ErrorCode::not_permitted && only_looks(call)) {
    // On a medium that cannot be written, or in somebody else's home.
    if (auto looking = session.open(true)) opened = looking;
  }
  if (opened)
    done = run_command(session);
  else if (opened.error().code == ErrorCode::busy)
    done = run_elsewhere(session, opened.error());
  else
    done = tl::unexpected(opened.error());
  std::cout.flush();
  if (!done) return report_to(call, done.error());
  return *done;
}

}  // namespace tern::apps
