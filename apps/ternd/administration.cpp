// Administration: to the running server through its socket, else on the directory itself. One writer, always.
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iostream>
#include <optional>

#include "admin_socket.hpp"
#include "exit_codes.hpp"
#include "export.hpp"
#include "import.hpp"
#include "invocation.hpp"
#include "qr.hpp"
#include "system_environment.hpp"
#include "terminal.hpp"
#include "tern/server/admin.hpp"
#include "tern/server/csv.hpp"
#include "tern/server/server_core.hpp"

namespace tern::apps {
namespace {

std::string plain(const Json& value) {
  if (value.is_string()) return value.as_string();
  if (value.is_null()) return "-";
  if (value.is_bool()) return value.as_bool() ? "yes" : "no";
  if (value.is_array()) {
    std::string out;
    for (const Json& item : value.items()) out += (out.empty() ? "" : ", ") + plain(item);
    return out.empty() ? "-" : out;
  }
  if (const Json* sentence = value.find("sentence")) return sentence->as_string();
  return to_text(value);
}

std::string csv_cell(const Json& value) {
  if (value.is_null() || (value.is_array() && value.size() == 0)) return {};
  return value.is_number() ? to_text(value) : server::csv_text(plain(value));
}

void print_csv(const Json& answer) {
  const Json& rows = answer["rows"];
  if (rows.size() > 0) {
    std::string head;
    for (const auto& [name, value] : rows.items().front().members()) head += (head.empty() ? "" : ",") + name;
    std::cout << head << "\r\n";
  }
  for (const Json& row : rows.items()) {
    std::string line;
    bool first = true;
    for (const auto& [name, value] : row.members()) {
      line += (first ? "" : ",") + csv_cell(value);
      first = false;
    }
    std::cout << line << "\r\n";
  }
  std::cerr << safe(answer["horizon"]["sentence"].as_string()) << '\n';
  if (const Json* next = answer.find("next")) std::cerr << "More: --after " << safe(next->as_string()) << '\n';
}

std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

constexpr std::size_t table_columns_max = 140;

void print_field(std::string label, const std::string& value) {
  std::replace(label.begin(), label.end(), '_', ' ');
  std::cout << safe(label) << (value.empty() ? ":" : ": ") << safe(value) << '\n';
}

/// Rows of equal objects as a table with their keys as its head.
void print_table(const Json& rows) {
  if (rows.size() == 0) {
    std::cerr << "None.\n";
    return;
  }
  std::vector<std::string> names;
  for (const auto& [name, value] : rows.items().front().members()) names.push_back(name);
  std::vector<std::vector<std::string>> cells(1);
  for (const std::string& name : names) cells.front().push_back(safe(name));
  for (const Json& row : rows.items()) {
    auto& line = cells.emplace_back();
    for (const std::string& name : names) line.push_back(safe(plain(row[name])));
  }
  std::vector<std::size_t> widths(names.size(), 0);
  for (const auto& line : cells)
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], columns_of(line[i]));
  std::size_t width = 0;
  for (const std::size_t column : widths) width += column + 2;
  if (width > table_columns_max) {  // too wide to read: a block for each row
    for (std::size_t row = 1; row < cells.size(); ++row) {
      if (row > 1) std::cout << '\n';
      for (std::size_t i = 0; i < names.size(); ++i) print_field(names[i], cells[row][i]);
    }
    return;
  }
  for (const auto& line : cells) {
    std::string out;
    for (std::size_t i = 0; i < line.size(); ++i) {
      out += line[i];
      if (i + 1 < line.size()) out.append(widths[i] - columns_of(line[i]) + 2, ' ');
    }
    std::cout << out << '\n';
  }
}

void print_for_people(const Invocation& call, const Json& answer) {
  if (answer.is_array()) return print_table(answer);
  if (call.command == "device code") {
    const std::string& code = answer["code"].as_string();
    std::cout << "Code: " << code << "   (works once, for 10 minutes)\n\n";
    if (const std::string& link = answer["link"].as_string(); !link.empty()) {
      std::cout << "  tern enrol --link '" << safe(link) << "'\n\n" << qr_text(link);
    } else {
      std::cout << "  tern enrol --server URL --code " << code << '\n';
      std::cerr << "Nobody has told this server where devices reach it, so there is no link and no QR: ask again with "
                   "--public-url.\n";
    }
    return;
  }
  for (const auto& [name, value] : answer.members()) {
    if (name == "rows" || name == "next") continue;
    if (value.is_array() && value.size() > 1) {  // sentences: each has its line
      print_field(name, {});
      for (const Json& item : value.items()) std::cout << "  " << safe(plain(item)) << '\n';
    } else {
      print_field(name, plain(value));
    }
  }
  const Json* rows = answer.find("rows");
  if (rows == nullptr) return;
  const Json* next = answer.find("next");
  if (answer.size() > (next == nullptr ? 1 : 2)) std::cout << '\n';
  print_table(*rows);
  if (next != nullptr) std::cerr << "More: --after " << safe(next->as_string()) << '\n';
}

/// Paths mean what they mean here, wherever the command runs.
Json with_absolute_paths(Json command, const server::AdminCommand& spec) {
  for (const server::AdminArg& arg : spec.args) {
    if (arg.kind != server::ArgKind::path) continue;
    const Json* value = command.find(arg.name);
    if (value == nullptr || !value->is_string() || value->as_string().empty() || value->as_string() == "-") continue;
    std::error_code ignored;
    command.set(std::string(arg.name), Json(std::filesystem::absolute(value->as_string(), ignored).string()));
  }
  return command;
}

/// `--to -` is stdout, as if it had been left out. A ledger goes to a file only: the server says so.
Json without_stdout_name(const Json& command) {
  if (command["to"].as_string() != "-" || command["format"].as_string() == "ledger") return command;
  Json out = Json::object({});
  for (const auto& [name, value] : command.members())
    if (name != "to") out.append_member(name, value);
  return out;
}

/// The signal that asks this process to end while it makes a file; a second one ends it at once.
volatile std::sig_atomic_t stop_signal = 0;

void note_stop(int signal) {
  stop_signal = signal;
}

/// What is half-made is taken away first. For commands that ask: the others end as they always did.
void listen_for_stop() {
  struct sigaction action {};
  action.sa_handler = note_stop;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    if (::sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_DFL)
      ::sigaction(signal, &action, nullptr);
  }
}

bool makes_a_file(const Json& command) {
  const std::string& name = command["command"].as_string();
  return name == "backup" || name == "restore" || (name == "export" && command.find("to") != nullptr);
}

/// Lines are asked for page by page; a ledger is written by the server, in one piece.
bool exports_lines(const Json& command) {
  return command["command"].as_string() == "export" && command["format"].as_string() != "ledger";
}

/// Sends commands to the running server, else opens the directory, once.
class Administrator {
public:
  Administrator(const Invocation& call, const server::AdminCommand& spec) : call_(call), spec_(spec) {
    options_.directory = call.data;
    options_.server_version = TERN_VERSION;
    options_.interrupted = [] { return stop_signal != 0; };
  }

  Result<Json> perform(const Json& command) {
    if (core_) return core_->administer(command);
    if (spec_.where == server::AdminWhere::offline_only && makes_a_file(command)) listen_for_stop();
    // What works on the directory itself is never sent to a running server: opening the directory then says `busy`.
    if (spec_.where == server::AdminWhere::offline_only)
      return server::ServerCore::administer_offline(options_, command, environment_);
    TERN_TRY(auto answer, ask_running_server(admin_socket_path(call_.data), command));
    if (answer) {
      beside_server_ = true;
      return std::move(*answer);
    }
    if (beside_server_)  // what takes several answers does not take the directory over from a server that ended
      return fail(ErrorCode::busy, "Interrupted: the server stopped meanwhile.", "Run it again.");
    if (spec_.where == server::AdminWhere::online_only)
      return fail(ErrorCode::no_connection, "No server runs in " + call_.data + ".",
                  "Start it: ternd serve --data " + call_.data);
    if (makes_a_file(command)) listen_for_stop();
    TERN_TRY(core_, server::ServerCore::open(options_, environment_));
    return core_->administer(command);
  }

private:
  const Invocation& call_;
  const server::AdminCommand& spec_;
  SystemEnvironment environment_;
  server::ServerOptions options_;
  std::unique_ptr<server::ServerCore> core_;
  bool beside_server_ = false;
};

/// Ends as the signal would have ended it, once everything that was open is closed.
int end_by_signal(int done) {
  if (stop_signal == 0) return done;
  ::signal(stop_signal, SIG_DFL);
  ::raise(stop_signal);
  return done;
}

void print_rows(const Json& rows) {
  for (const Json& row : rows.items()) std::cout << to_text(row) << '\n';
}

void print_next(const Json& token) {
  std::cout << to_text(Json::object({{"next", token}})) << '\n';
}

/// Rows, perhaps with a token for those behind them, and nothing else.
bool is_list(const Json& answer) {
  return answer.size() == (answer.find("next") == nullptr ? 1 : 2);
}

/// `verify` found something wrong; a command did what it could.
int exit_code_of(const Json& answer) {
  if (const Json* good = answer.find("good"); good != nullptr && !good->as_bool(true)) return exit_differs;
  return answer["needs_attention"].as_bool() ? exit_attention : exit_done;
}

}  // namespace

int run_administration(const Invocation& call) {
  const auto commands = server::admin_commands();
  const auto spec =
      std::find_if(commands.begin(), commands.end(), [&](const auto& command) { return command.name == call.command; });
  Json command = with_absolute_paths(call.administration, *spec);
  if (call.command == "export") command = without_stdout_name(command);
  std::optional<Administrator> administrator(std::in_place, call, *spec);
  const Perform perform = [&](const Json& asked) { return administrator->perform(asked); };
  if (exports_lines(command) && command.find("to") == nullptr) {
    const auto printed = export_to_stdout(perform, command);
    return printed ? exit_done : report(printed.error(), call.json);
  }
  if (makes_a_file(command) && exports_lines(command)) listen_for_stop();
  const auto stopped = [] { return stop_signal != 0; };
  const auto answer = exports_lines(command)                ? export_to_file(perform, command, stopped)
                      : call.command.starts_with("import ") ? import_in_parts(perform, command, call.json, stopped)
                                                            : perform(command);
  administrator.reset();
  if (!answer) return end_by_signal(report(answer.error(), call.json));
  if (call.csv) {
    print_csv(*answer);
  } else if (!call.json) {
    print_for_people(call, *answer);
  } else if (answer->is_array()) {
    print_rows(*answer);
  } else if (const Json* rows = answer->find("rows"); rows != nullptr && is_list(*answer)) {
    print_rows(*rows);
    if (const Json* next = answer->find("next")) print_next(*next);
  } else {
    std::cout << to_text(*answer) << '\n';
  }
  return exit_code_of(*answer);
}

}  // namespace tern::apps
