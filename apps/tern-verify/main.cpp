// tern-verify: proves the history in an export of the ledger, without the server that wrote it.
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "exit_codes.hpp"
#include "line_file.hpp"
#include "program.hpp"
#include "terminal.hpp"
#include "verifier.hpp"

namespace {

using namespace tern;
using verify::Report;
using verify::TicketReport;

constexpr std::string_view help_text =
    R"(Proves the history in an export of a Tern ledger, without the server that wrote it.

Usage: tern-verify EXPORT [--root ID] [--ticket NUMBER] [--json]

  EXPORT           what `ternd export --format ledger --to EXPORT` wrote; - reads stdin
  --root ID        the server's root, 32 hex digits: nothing counts that does not lead to it.
                   `tern enrol` shows it to whoever enrols a device, `ternd export` prints it
  --ticket NUMBER  prints this ticket alone (number, id or integer id); all of the export is checked
  --json           one JSON object for each ticket, then one for the whole; errors as JSON on stderr
  --help, --version, --man, --completion

What is checked, from the root down: the key list and what its keys signed; each device's certificate and chain; the
signature and the content of every change set; that the log's Merkle root is the one that every anchor signed; when each
change happened, from anchors, clocks and what its author had seen; every receipt and amendment, by folding in commit
order; every ticket, message and record, by folding from nothing. Erased texts are gone: everything else still proves.

What an export cannot show: what never reached this server, and whether its rules let somebody do what they did.

stdout says what was proven, and only when all of it was; else stderr names the first thing that is wrong.

Exit codes: 0 proven; 2 usage; 3 no such file or ticket; 7 made by a later version, nothing is said of it;
8 something is wrong; 10 the file cannot be read.

Examples:
  ternd export --format ledger --to history.ledger
  tern-verify history.ledger --root 4f0c2ab95d7e18c3a6b1d2e3f4051627
  tern-verify history.ledger --ticket T-2026-0042 --json
)";

struct Invocation {
  std::string path, ticket;
  std::optional<protocol::RootId> root;
  bool json = false;
};

tl::unexpected<Error> usage(std::string message, std::string field) {
  return fail(ErrorCode::usage, std::move(message), "See tern-verify --help.", std::move(field));
}

Result<Invocation> read_arguments(int argc, char** argv) {
  Invocation call;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    std::string_view flag = word.substr(0, word.find('='));
    const bool takes_value = flag == "--root" || flag == "--ticket";
    if (word == "--json") continue;  // known already
    if (!takes_value) {
      if (word.size() > 1 && word.starts_with("-")) return usage("There is no flag " + std::string(word) + ".", "");
      if (!call.path.empty()) return usage("One export at a time.", "export");
      call.path = word;
      continue;
    }
    std::string_view value;
    if (flag.size() < word.size())
      value = word.substr(flag.size() + 1);
    else if (i + 1 < argc)
      value = argv[++i];
    if (value.empty()) return usage(std::string(flag) + " needs a value.", std::string(flag.substr(2)));
    if (flag == "--ticket") {
      call.ticket = value;
      continue;
    }
    const auto raw = from_uuid_text(value);
    if (!raw) return usage("A root is 32 hex digits.", "root");
    call.root = protocol::RootId::or_zero(*raw);
  }
  if (call.path.empty()) return usage("No export was named.", "export");
  return call;
}

// ---- what is printed ----

std::string counted(std::uint64_t n, std::string_view what) {
  return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
}

std::string summary(std::uint64_t changes, std::uint64_t authors, std::uint64_t devices, std::uint64_t erased) {
  std::string text = fmt::format("{}, {}, {}, 0 gaps", counted(changes, "change"), counted(authors, "author"),
                                 counted(devices, "device"));
  return erased == 0 ? text : text + fmt::format(", {} erased", erased);
}

std::string instant(std::int64_t ms) {
  const std::time_t seconds = ms / 1000;
  std::tm parts{};
  char text[32] = "";
  if (::gmtime_r(&seconds, &parts) != nullptr) std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string name_of(const TicketReport& ticket) {
  return ticket.number.empty() ? to_uuid_text(ticket.id.view()) : ticket.number;
}

bool is_named(const TicketReport& ticket, const std::string& words) {
  return ticket.number == words || std::to_string(ticket.integer_id) == words ||
         std::find(ticket.aliases.begin(), ticket.aliases.end(), words) != ticket.aliases.end() ||
         from_uuid_text(words) == Bytes(ticket.id.view());
}

Json json_of(const TicketReport& ticket) {
  return Json::object({{"ticket", Json(to_uuid_text(ticket.id.view()))},
                       {"number", Json(ticket.number)},
                       {"changes", Json(ticket.changes)},
                       {"authors", Json(ticket.authors)},
                       {"devices", Json(ticket.devices)},
                       {"gaps", Json(0)},
                       {"erased", Json(ticket.erased)}});
}

Json json_of(const Report& report, bool pinned) {
  return Json::object({{"good", Json(true)},
                       {"tenant", Json(to_uuid_text(report.tenant.view()))},
                       {"tickets", Json(report.tickets.size())},
                       {"changes", Json(report.changes)},
                       {"authors", Json(report.authors)},
                       {"devices", Json(report.devices)},
                       {"gaps", Json(0)},
                       {"erased", Json(report.erased)},
                       {"commits", Json(report.head.size)},
                       {"epoch", Json(to_uuid_text(report.head.epoch.view()))},
                       {"log_root", Json(to_hex(report.head.root))},
                       {"exported_at", Json(instant(report.time_ms))},
                       {"root", Json(to_hex(report.root))},
                       {"root_checked", Json(pinned)}});
}

void print_for_people(const Report& report, bool pinned) {
  std::cout << fmt::format("{}: {}\n", counted(report.tickets.size(), "ticket"),
                           summary(report.changes, report.authors, report.devices, report.erased))
            << fmt::format("log: {}, root {}, exported {}\n", counted(report.head.size, "commit"),
                           to_hex(report.head.root), instant(report.time_ms))
            << fmt::format("server root {}{}\n", to_hex(report.root),
                           pinned ? ", as you said" : ": compare it with the one you know, or pass that with --root");
}

int print(const Report& report, const Invocation& call) {
  const bool pinned = call.root.has_value();
  bool any = call.ticket.empty();
  for (const TicketReport& ticket : report.tickets) {
    if (!call.ticket.empty() && !is_named(ticket, call.ticket)) continue;
    any = true;
    if (call.json)
      std::cout << to_text(json_of(ticket)) << '\n';
    else
      std::cout << apps::safe(name_of(ticket)) << "  "
                << summary(ticket.changes, ticket.authors, ticket.devices, ticket.erased) << '\n';
  }
  if (!any)
    return apps::report({ErrorCode::not_found, "The export is good, but holds no ticket " + call.ticket + ".",
                         "Name it by number or id.", "ticket"},
                        call.json);
  if (call.json)
    std::cout << to_text(json_of(report, pinned)) << std::endl;
  else
    print_for_people(report, pinned);
  return apps::exit_done;
}

// ---- the run ----

/// On a terminal; nothing in a pipe.
class Progress {
public:
  void show(const verify::LineFile& file, std::uint64_t lines) {
    if (!shown_ || lines % 500 != 0) return;
    if (file.bytes_in_all() != 0)
      std::fprintf(stderr, "\rline %llu, %llu %%", static_cast<unsigned long long>(lines),
                   static_cast<unsigned long long>(file.bytes_read() * 100 / file.bytes_in_all()));
    else
      std::fprintf(stderr, "\rline %llu", static_cast<unsigned long long>(lines));
  }
  void clear() const {
    if (shown_) std::fprintf(stderr, "\r%40s\r", "");
  }

private:
  const bool shown_ = ::isatty(STDERR_FILENO) == 1;
};

Result<Report> verify_file(const Invocation& call) {
  TERN_TRY(auto file, verify::LineFile::open(call.path));
  const auto verifier = std::make_unique<verify::Verifier>(call.root);
  Progress progress;
  for (;;) {
    auto line = file.next();
    if (!line || !*line) progress.clear();
    if (!line) return tl::unexpected(std::move(line).error());
    if (!*line) return verifier->finish();
    if (auto taken = verifier->take(**line); !taken) {
      progress.clear();
      return tl::unexpected(std::move(taken).error());
    }
    progress.show(file, verifier->lines());
  }
}

int print_man_page() {
  std::string text(help_text);
  for (std::size_t at = 0; (at = text.find_first_of("\\-", at)) != std::string::npos; at += 2) text.insert(at, "\\");
  std::printf(
      ".TH tern\\-verify 1\n.SH NAME\ntern\\-verify \\- proves an export of a Tern ledger\n.SH "
      "DESCRIPTION\n.nf\n%s.fi\n",
      text.c_str());
  return 0;
}

int print_completion() {
  std::printf(
      "_tern_verify() {\n  COMPREPLY=($(compgen -f -W \"--root --ticket --json --help --version\" -- "
      "\"${COMP_WORDS[COMP_CWORD]}\"))\n}\ncomplete -o default -F _tern_verify tern-verify\n");
  return 0;
}

int run(int argc, char** argv) {
  const auto has = [&](std::string_view flag) { return std::find(argv + 1, argv + argc, flag) != argv + argc; };
  if (has("--help") || has("-h")) {
    std::cout << help_text;
    return 0;
  }
  if (has("--version")) {
    std::cout << TERN_VERSION << '\n';
    return 0;
  }
  if (has("--man")) return print_man_page();
  if (has("--completion")) return print_completion();
  const bool json = has("--json");
  if (const auto begun = apps::begin_program(); !begun) return apps::report(begun.error(), json);
  auto call = read_arguments(argc, argv);
  if (!call) return apps::report(call.error(), json);
  call->json = json;
  auto report = verify_file(*call);
  if (report) return print(*report, *call);
  return apps::report(report.error(), json);
}

}  // namespace

int main(int argc, char** argv) {
  const bool json = std::any_of(argv, argv + argc, [](const char* word) { return std::string_view(word) == "--json"; });
  return apps::finish_output(run(argc, argv), json);
}
