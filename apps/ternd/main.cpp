// ternd: the server and its administration. The administration's verbs and flags come from the server's own registry.
#include <CLI/CLI.hpp>

#include <cstdlib>
#include <deque>
#include <iostream>
#include <map>

#include "exit_codes.hpp"
#include "invocation.hpp"
#include "man_page.hpp"
#include "program.hpp"
#include "tern/protocol/keys.hpp"
#include "tern/server/admin.hpp"

namespace {

using namespace tern;
using apps::Invocation;
using server::AdminArg;
using server::AdminCommand;
using server::ArgKind;

std::string dashed(std::string_view name) {
  std::string out(name);
  for (char& c : out)
    if (c == '_') c = '-';
  return out;
}

/// Where one flag's value waits between parsing and the JSON command.
struct Slot {
  const AdminArg* arg = nullptr;
  std::vector<std::string> texts;
  std::vector<std::int64_t> integers;
  std::int64_t integer = 0;
  double number = 0;
  bool flag = false;
  CLI::Option* option = nullptr;
};

/// The line that a secret stands in: the first. Of a recovery sheet it is the key's, so that the sheet's file does.
std::string secret_from(std::istream& in, std::string_view what) {
  constexpr int sheet_lines_max = 20;
  std::string first;
  std::getline(in, first);
  if (what != "recovery-key" || !first.starts_with("Tern recovery key")) return first;
  std::string line;
  for (int i = 0; i < sheet_lines_max && std::getline(in, line); ++i) {
    const auto begin = line.find_first_not_of(" \t\r"), end = line.find_last_not_of(" \t\r");
    if (begin == std::string::npos) continue;
    line = line.substr(begin, end - begin + 1);
    if (protocol::RecoveryKey::from_text(line)) return line;
  }
  return first;
}

class CommandLine {
public:
  explicit CommandLine(Invocation& call) : call_(call) {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", std::string(TERN_VERSION));
    add_common(&app_);  // before the command, too: `ternd --data DIR status`
    app_.footer(
        "Administration works whether or not the server runs: through its admin.sock when it does.\n\n"
        "Exit codes: 0 done; 1 bug; 2 usage; 3 not found or ambiguous; 4 refused; 5 no connection; 6 login refused;\n"
        "7 done, but something needs attention; 8 verification failed; 9 busy; 10 not saved (disk).");
    add_init();
    add_serve();
    add_sla();
    for (const AdminCommand& command : server::admin_commands()) add(command);
  }

  CLI::App& app() { return app_; }

  /// Secrets come from stdin, one a line, in the order of the registry.
  Result<void> finish() {
    if (chosen_ == nullptr) return {};
    call_.command = std::string(chosen_->name);
    call_.administration = Json::object({{"command", Json(chosen_->name)}});
    if (!tenant_.empty()) call_.administration.set("tenant", Json(tenant_));
    for (Slot& slot : slots_[chosen_]) {
      const AdminArg& arg = *slot.arg;
      if (arg.kind == ArgKind::secret) {
        if (!slot.flag) continue;
        const std::string line = secret_from(std::cin, arg.name);
        if (line.empty())
          return fail(ErrorCode::usage, "Nothing came on stdin for --" + dashed(arg.name) + "-stdin.", "",
                      std::string(arg.name));
        call_.administration.set(std::string(arg.name), Json(line));
      } else if (arg.kind == ArgKind::flag) {
        if (slot.flag) call_.administration.set(std::string(arg.name), Json(true));
      } else if (slot.option->count() > 0) {
        TERN_TRY(Json value, value_of(slot));
        call_.administration.set(std::string(arg.name), std::move(value));
      }
    }
    return {};
  }

private:
  static Result<Json> value_of(const Slot& slot) {
    if (slot.arg->kind == ArgKind::integer && !slot.arg->repeated) return Json(slot.integer);
    if (slot.arg->kind == ArgKind::number) return Json(slot.number);
    if (slot.arg->kind == ArgKind::object) return object_of(slot);
    if (!slot.arg->repeated) return Json(slot.texts.front());
    Json all = Json::array();
    for (const std::string& text : slot.texts) all.push(Json(text));
    for (const std::int64_t integer : slot.integers) all.push(Json(integer));
    return all;
  }

  static Result<Json> object_of(const Slot& slot) {
    auto value = parse_json(slot.texts.front(), {.decimals = true});
    if (value && value->is_object()) return std::move(*value);
    return fail(ErrorCode::usage, "--" + dashed(slot.arg->name) + " is no JSON object.",
                "Write it like {\"name\":\"value\"}.", std::string(slot.arg->name));
  }

  void add_common(CLI::App* sub) {
    sub->add_option("--data", call_.data, "The server's directory; TERN_DATA when left out");
    sub->add_flag("--json", call_.json, "JSON on stdout, errors as JSON on stderr");
  }

  void add_init() {
    CLI::App* sub = app_.add_subcommand("init", "Make a server directory with one tenant and its first administrator");
    sub->group("Server");
    sub->footer(
        "Prints the recovery key once. It is not kept on this machine, and it is the only way to restore a backup.\n"
        "Example: ternd init --data /var/lib/tern --tenant Acme --admin ann@acme.example --password-stdin < password");
    add_common(sub);
    sub->add_option("--tenant", call_.tenant, "Name of the organisation")->required();
    sub->add_option("--admin", call_.admin, "E-mail address of the first administrator")->required();
    sub->add_flag("--password-stdin", call_.password_stdin, "Read the administrator's password from stdin")->required();
    sub->add_option("--recovery-out", call_.recovery_out,
                    "Write the recovery sheet to this new file (0600) instead of the terminal");
    sub->add_option("--zone", call_.zone, "Time zone whose year the tenant's ticket numbers follow")
        ->capture_default_str();
    sub->add_flag("--encrypt", call_.encrypt,
                  "Encrypt the databases, under a key that is kept in the directory's keys/");
    sub->callback([this] { call_.command = "init"; });
  }

  void add_serve() {
    CLI::App* sub = app_.add_subcommand("serve", "Run the server until SIGTERM or SIGINT");
    sub->group("Server");
    sub->footer(
        "Example: ternd serve --data /var/lib/tern --listen 0.0.0.0:8470 --tls-cert cert.pem --tls-key key.pem "
        "--public-url https://desk.example:8470");
    add_common(sub);
    sub->add_option("--listen", call_.listen, "HOST:PORT; port 0 takes a free one and prints it")
        ->envname("TERN_LISTEN")
        ->capture_default_str();
    sub->add_option("--public-url", call_.public_url, "What devices are told in enrolment links")
        ->envname("TERN_PUBLIC_URL");
    CLI::Option* cert =
        sub->add_option("--tls-cert", call_.tls_cert, "Certificate chain (PEM)")->envname("TERN_TLS_CERT");
    CLI::Option* key = sub->add_option("--tls-key", call_.tls_key, "Its private key (PEM)")->envname("TERN_TLS_KEY");
    cert->needs(key);
    key->needs(cert);
    sub->add_option("--metrics-listen", call_.metrics_listen,
                    "HOST:PORT for /metrics; without it, /metrics answers only this machine");
    sub->add_option("--workers", call_.workers, "Threads that answer requests")
        ->check(CLI::Range(1, 256))
        ->capture_default_str();
    sub->add_option("--egress-allow", call_.egress_allow,
                    "HOST:PORT that webhooks and mail may reach beside the ports 443, 25, 465 and 587 of the whole "
                    "internet; may be repeated")
        ->expected(1)
        ->take_all();
    sub->add_option("--egress-ca", call_.egress_ca, "Authorities of those certificates (PEM), instead of the system's");
    sub->add_flag("--quiet", call_.quiet, "No log line for each request");
    sub->callback([this] { call_.command = "serve"; });
  }

  void add_sla() {
    CLI::App* family = app_.add_subcommand("sla", std::string(server::admin_family_summary("sla")));
    family->group("Administration");
    family->require_subcommand(1);
    families_["sla"] = family;
    CLI::App* sub = family->add_subcommand("cases", "Run a file of worked cases and compare");
    sub->footer(
        "Needs no server directory. With --json one object a line: id, agrees, expected, got, and what else the case\n"
        "expects. Exit code 0 when all agree, 8 when one differs.\n"
        "Example: ternd sla cases sla-cases.json --json");
    sub->add_option("FILE", call_.case_file, "A file of format sla-cases/1")->required();
    sub->add_flag("--json", call_.json, "JSON on stdout, errors as JSON on stderr");
    sub->callback([this] { call_.command = "sla cases"; });
  }

  /// "operator add" hangs under "operator", "sla rule add" under "rule" under "sla".
  CLI::App* place(const AdminCommand& command) {
    const std::string name(command.name);
    CLI::App* parent = &app_;
    std::size_t begin = 0;
    for (auto space = name.find(' '); space != std::string::npos; space = name.find(' ', begin)) {
      CLI::App*& family = families_[name.substr(0, space)];
      if (family == nullptr) {
        family = parent->add_subcommand(name.substr(begin, space - begin),
                                        std::string(server::admin_family_summary(name.substr(0, space))));
        family->require_subcommand(1);
        if (parent == &app_) family->group("Administration");
      }
      parent = family;
      begin = space + 1;
    }
    return parent->add_subcommand(name.substr(begin), std::string(command.summary));
  }

  void add(const AdminCommand& command) {
    CLI::App* sub = place(command);
    if (command.name.find(' ') == std::string_view::npos) sub->group("Administration");
    if (!command.details.empty()) sub->footer(std::string(command.details));
    add_common(sub);
    if (command.name.starts_with("report "))
      sub->add_flag("--csv", call_.csv, "The rows as CSV on stdout, how sure they are on stderr");
    if (command.needs_tenant)
      sub->add_option("--tenant", tenant_, "Name of the tenant; needed only when there are several");
    for (const AdminArg& arg : command.args) add(sub, command, arg);
    sub->callback([this, &command] { chosen_ = &command; });
  }

  void add(CLI::App* sub, const AdminCommand& command, const AdminArg& arg) {
    Slot& slot = slots_[&command].emplace_back();
    slot.arg = &arg;
    const std::string help(arg.help);
    std::string name = (arg.positional ? "" : "--") + dashed(arg.name);
    if (sub->get_option_no_throw(name) != nullptr) name += "-json";  // --data is the directory everywhere
    switch (arg.kind) {
      case ArgKind::secret:
        slot.option = sub->add_flag("--" + dashed(arg.name) + "-stdin", slot.flag, help);
        break;
      case ArgKind::flag:
        slot.option = sub->add_flag(name, slot.flag, help);
        break;
      case ArgKind::integer:
        slot.option =
            arg.repeated ? sub->add_option(name, slot.integers, help) : sub->add_option(name, slot.integer, help);
        break;
      case ArgKind::number:
        slot.option = sub->add_option(name, slot.number, help);
        break;
      default:
        slot.option = sub->add_option(name, slot.texts, help);
        break;
    }
    if (arg.required) slot.option->required();
    if ((arg.kind == ArgKind::text || arg.kind == ArgKind::path || arg.kind == ArgKind::object) && !arg.repeated)
      slot.option->expected(1);
  }

  Invocation& call_;
  CLI::App app_{"Tern's server and its administration."};
  std::map<std::string, CLI::App*> families_;
  std::map<const AdminCommand*, std::deque<Slot>> slots_;
  const AdminCommand* chosen_ = nullptr;
  std::string tenant_;
};

int run_program(int argc, char** argv, Invocation& call) {
  if (const char* data = std::getenv("TERN_DATA")) call.data = data;
  CommandLine line(call);
  if (argc == 2 && std::string_view(argv[1]) == "--man") return apps::print_man_page(line.app(), "ternd");
  if (argc == 2 && std::string_view(argv[1]) == "--api-reference") {
    std::cout << server::api_reference();
    return 0;
  }
  if (argc == 2 && std::string_view(argv[1]) == "--completion") return apps::print_completion(line.app(), "ternd");
  try {
    line.app().parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return line.app().exit(error);  // --help, --version
    return apps::report_usage(apps::unknown_command_or(line.app(), error.what(), argc, argv),
                              apps::chosen_command(line.app(), "ternd"), argc, argv);
  }
  if (const auto begun = apps::begin_program(); !begun) return apps::report(begun.error(), call.json);
  if (call.command == "sla cases") return apps::run_sla_cases(call);
  if (call.data.empty())
    return apps::report(
        {ErrorCode::usage, "No server directory was named.", "Pass --data DIR, or set TERN_DATA.", "data"}, call.json);
  if (const auto finished = line.finish(); !finished) return apps::report(finished.error(), call.json);
  if (call.command == "init") return apps::run_init(call);
  if (call.command == "serve") return apps::run_serve(call);
  return apps::run_administration(call);
}

}  // namespace

int main(int argc, char** argv) {
  Invocation call;
  const int done = run_program(argc, argv, call);
  return apps::finish_output(done, call.json);
}
