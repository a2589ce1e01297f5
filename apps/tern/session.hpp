// What every command of `tern` needs: the opened client, and how results are printed.
#pragma once

#include <memory>
#include <string>

#include "exit_codes.hpp"
#include "home_socket.hpp"
#include "invocation.hpp"
#include "system_environment.hpp"
#include "tern/client/client.hpp"
#include "tern/sync/record.hpp"

namespace tern::apps {

/// Of a home whose passphrase did not come.
inline constexpr const char* locked_hint =
    "Set TERN_PASSPHRASE, or write it as the first line of stdin with --passphrase-stdin.";

/// One run of the program. Owner: `run`.
class Session {
public:
  explicit Session(const Invocation& call, std::unique_ptr<client::Client> client = nullptr)
      : call_(call), client_(std::move(client)) {}

  /// Opens the home; `only_to_look` beside another program that holds it. Asks for the passphrase: --passphrase-stdin,
  /// TERN_PASSPHRASE, or the terminal.
  Result<client::Client*> open(bool only_to_look = false);
  /// Passphrase for a new home: as above, but none is fine.
  Result<std::optional<std::string>> new_passphrase();
  /// For a home that somebody else opens; `ask`: on a terminal, when it came in no other way.
  Result<std::optional<std::string>> passphrase(bool ask);

  Result<TicketId> ticket(std::string_view name);
  Result<Bytes> record(sync::RecordKind kind, std::string_view name);
  /// An operator by name, "me", or "none" (empty).
  Result<Bytes> operator_named(std::string_view name);
  /// "-" reads stdin, at most `bytes_max`.
  Result<std::string> text_or_stdin(const std::string& text, std::size_t bytes_max);

  /// Does a command that another process handed over, with this session's client.
  CommandOutput perform(const Invocation& call);
  /// Does a command in place of this session's own: the same one, with what stdin said in it.
  Result<ExitCode> run_as(const Invocation& call);

  const Invocation& call() const { return call_; }
  /// --ca, until what it names is kept in the home; then nothing.
  const std::string& new_authorities() const { return authorities_kept_ ? no_file_ : call_.ca_file; }
  Result<void> keep_new_authorities();
  SystemEnvironment& environment() { return environment_; }
  client::Client& client() { return *client_; }

private:
  const Invocation& call_;
  SystemEnvironment environment_;
  std::optional<std::string> read_passphrase_;  // stdin gives it once
  std::unique_ptr<client::Client> client_;
  const std::string no_file_;
  bool authorities_kept_ = false;
};

// Each gives the exit code or the error to report.
Result<ExitCode> run_device_command(Session& session);   // enrol salvage sync status
Result<ExitCode> run_reading_command(Session& session);  // list show read search history attention
Result<ExitCode> run_library_command(Session& session);  // quick-replies, macro list, kb search, kb show
Result<ExitCode> run_file_command(Session& session);     // attach files fetch fetch-policy
Result<ExitCode> run_writing_command(Session& session);  // everything that changes a ticket

/// Says that they are saved here.
void print_saved(Session& session, const std::vector<client::SavedChange>& saved);

/// True when the command is one of that group.
bool is_device_command(std::string_view command);
bool is_reading_command(std::string_view command);
bool is_library_command(std::string_view command);
bool is_file_command(std::string_view command);
/// Who watches the home leaves its stream for it.
inline bool goes_online(std::string_view command) {
  return command == "sync" || command == "fetch";
}

}  // namespace tern::apps
