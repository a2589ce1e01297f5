// tern: what an agent types. Verbs, long flags, --json; the help texts are the manual.
#include <CLI/CLI.hpp>

#include <cstdlib>

#include "exit_codes.hpp"
#include "invocation.hpp"
#include "man_page.hpp"
#include "render.hpp"

namespace {

using tern::apps::Invocation;

std::string default_home() {
  const auto set = [](const char* value) { return value != nullptr && *value != '\0'; };
  if (const char* home = std::getenv("TERN_HOME"); set(home)) return home;
  if (const char* home = std::getenv("HOME"); set(home)) return std::string(home) + "/.local/share/tern";
  return "./tern-home";
}

class CommandLine {
public:
  explicit CommandLine(Invocation& call) : call_(call) {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", std::string(TERN_VERSION));
    // Before the command, too: `tern --home DIR list`.
    common(app_);
    app_.footer(
        "Everything but enrol and sync works with no network. A command returns when the work is on disk.\n"
        "A ticket is named by number (T-2026-0042), provisional number, or the first digits of its id.\n\n"
        "Exit codes: 0 done; 1 bug; 2 usage; 3 not found or ambiguous; 4 refused by rights or lifecycle; 5 no "
        "connection,\n"
        "work is saved; 6 not enrolled, revoked or login refused; 7 done, but something needs attention; 8 "
        "verification\n"
        "failed; 9 busy; 10 not saved (disk).");
    add_device_commands();
    add_reading_commands();
    add_library_commands();
    add_message_commands();
    add_file_commands();
    add_status_commands();
    add_field_commands();
    add_other_commands();
  }

  CLI::App& app() { return app_; }

private:
  CLI::App* command(const std::string& name, const std::string& summary, const std::string& details = "",
                    const std::string& group = "Work") {
    CLI::App* sub = command_of(app_, name, name, summary, details);
    sub->group(group);
    return sub;
  }
  CLI::App* command_of(CLI::App& parent, const std::string& word, const std::string& name, const std::string& summary,
                       const std::string& details) {
    CLI::App* sub = parent.add_subcommand(word, summary);
    if (!details.empty()) sub->footer(details);
    common(*sub);
    sub->callback([this, name] { call_.command = name; });
    return sub;
  }
  /// Commands of two words.
  CLI::App* family(const std::string& word, const std::string& summary, const std::string& group) {
    CLI::App* sub = app_.add_subcommand(word, summary);
    sub->group(group);
    sub->require_subcommand(1);
    return sub;
  }
  void common(CLI::App& app) {
    app.add_option("--home", call_.home, "The device's directory; TERN_HOME, else ~/.local/share/tern")
        ->check([](const std::string& home) { return home.empty() ? "needs a directory" : std::string(); });
    app.add_flag("--json", call_.json, "One JSON object per line on stdout; errors as JSON on stderr");
    app.add_flag("--passphrase-stdin", call_.passphrase_stdin,
                 "Read the passphrase from the first line of stdin (else TERN_PASSPHRASE)");
  }
  CLI::App* ticket_command(const std::string& name, const std::string& summary, const std::string& details = "") {
    CLI::App* sub = command(name, summary, details.empty() ? "Example: tern " + name + " T-2026-0042" : details);
    sub->add_option("ticket", call_.ticket, "The ticket")->required();
    return sub;
  }

  void add_device_commands() {
    CLI::App* enrol =
        command("enrol", "Make this machine a device of a server",
                "The code comes from `ternd device code --operator NAME`; it works once, for 10 minutes.\n"
                "Example: tern enrol --server https://desk.example --code 7K2M-...",
                "Device");
    enrol->add_option("--server", call_.server, "URL of the server");
    enrol->add_option("--code", call_.code, "The enrolment code; - reads it from stdin");
    enrol->add_option("--link", call_.link, "What the QR code says, instead of --server and --code");
    enrol->add_option("--ca", call_.ca_file, "Trust only certificates signed by this CA (PEM)");
    enrol->add_option("--name", call_.device_name, "What this device is called; the host name when left out");
    enrol->add_flag("--yes", call_.yes, "Do not ask whether tenant, operator and host are right");
    enrol->add_flag("--insecure-http", call_.insecure_http, "Allow plain http to a host that is not this machine");
    CLI::App* sync =
        command("sync", "Send what is saved here, fetch what is new", "Example: tern sync --watch", "Device");
    sync->add_flag("--watch", call_.watch, "Stay connected: send and fetch as things happen, until interrupted");
    sync->add_option("--ca", call_.ca_file,
                     "Trust only certificates signed by this CA (PEM) from now on: the server's was replaced");
    command("status", "What is saved here, sent, confirmed, or needs attention; how current this device is",
            "Example: tern status", "Device");
    CLI::App* salvage = command(
        "salvage", "Go on when the outbox of this device, its unsent work, is damaged or lost",
        "Put the home back from a copy instead when there is one that is newer than the last work. Otherwise this "
        "reads\n"
        "every change that can still be read, sets the damaged file aside beside it (outbox.db.damaged-1; it is never\n"
        "deleted) and begins a new outbox with them. What is lost is named: here, and by a notice that tern status "
        "and\n"
        "tern attention show until it is dismissed (tern attention --dismiss notice). Afterwards run tern sync: the\n"
        "server gives back what it had received, and nothing counts twice. A whole outbox is left as it is. Without "
        "the\n"
        "keys (device.key) nothing can be read: enrol anew in another home.\n"
        "Example: tern salvage --yes",
        "Device");
    salvage->add_flag("--yes", call_.yes, "Do not ask; needed where there is no terminal");
  }

  void add_reading_commands() {
    CLI::App* list = command(
        "list", "Tickets on this device",
        "Example: tern list --status active --queue Field --sort priority\n         tern list --view Overdue", "Read");
    list->add_option("--view", call_.view,
                     "A list that has a name (tern views); what else is said here goes before it");
    list->add_option("--status", call_.status, "A status, a class (todo work wait hold done end), active, or all")
        ->default_str("active");
    list->add_option("--priority", call_.priority, "low normal high urgent");
    list->add_option("--queue", call_.queue, "Name of a queue, or none");
    list->add_option("--assignee", call_.assignee, "Name of an operator, me, or none");
    list->add_option("--category", call_.category, "Name of a category, or none");
    list->add_option("--colour", call_.colour, "Of what was promised or of the deadline, the worse one")
        ->check(CLI::IsMember({"green", "yellow", "red", "blue", "none"}));
    list->add_option("--tag", call_.tag, "A tag");
    list->add_option("--text", call_.contains, "Words in subject, description or messages");
    list->add_option("--age", call_.age, "Made so many working days ago or earlier");
    list->add_flag("--unread", call_.unread,
                   "Only what others made or wrote to since it was shown here; of any status");
    list->add_option("--sort", call_.sort, "Sort by")
        ->check(CLI::IsMember({"updated", "created", "priority", "number", "status", "subject", "assignee", "sla"}))
        ->default_str("updated");
    list->add_flag("--ascending", call_.ascending, "Smallest or oldest first; of sla: the nearest deadline last");
    paging(list);
    CLI::App* show = ticket_command("show", "One ticket with its timeline");
    show->group("Read");
    CLI::App* read = command(
        "read", "Mark a ticket as read on this device, without showing it",
        "tern show does so, too, without --json.\nExample: tern read T-2026-0042\n         tern read all", "Read");
    read->add_option("ticket", call_.ticket, "The ticket, or all")->required();
    CLI::App* search = command("search", "Search subjects, descriptions and messages on this device",
                               "Example: tern search \"leaking pump\"", "Read");
    search->add_option("text", call_.text, "Words")->required();
    paging(search);
    CLI::App* history = command("history", "What became of my work: every change with its receipt",
                                "Example: tern history T-2026-0042", "Read");
    history->add_option("ticket", call_.ticket, "Only this ticket");
    CLI::App* attention =
        command("attention", "Conflicts, amendments, refusals, held work and ghosts, each with what can be done",
                "ENTRY is the number in the list, or the change's id.\n"
                "Example: tern attention 1 --do 2\n         tern attention --dismiss all",
                "Read");
    attention->add_option("entry", call_.entry, "Only this one");
    attention->add_option("--do", call_.follow_up, "Do what can be done about it: the number shown, or its id");
    attention->add_option("--reason", call_.reason, "Why, for what others are told");
    attention->add_option("--dismiss", call_.dismiss, "Mark one as dealt with, or all, or the notice of tern status");
  }

  void add_library_commands() {
    command("quick-replies", "Texts to answer with: the desk's, and one's own", "Example: tern quick-replies", "Read");
    command("views", "Lists that have a name: those that are always there, the desk's, and one's own",
            "Example: tern views\n         tern list --view Unassigned", "Read");
    CLI::App* kb = family("kb", "The knowledge base on this device", "Read");
    CLI::App* search = command_of(*kb, "search", "kb search", "Articles with these words in title or text",
                                  "Without words, all of them.\nExample: tern kb search \"reset meter\"");
    search->add_option("text", call_.text, "Words");
    CLI::App* show = command_of(*kb, "show", "kb show", "One article", "Example: tern kb show \"Reset a meter\"");
    show->add_option("article", call_.text, "Title or id")->required();
    CLI::App* macro = family("macro", "Several steps at once", "Work");
    command_of(*macro, "list", "macro list", "Macros, and what they do", "Example: tern macro list");
    CLI::App* apply = command_of(*macro, "apply", "macro apply", "Do the steps of a macro on a ticket",
                                 "All of them are saved, or none. What your role does not allow is refused.\n"
                                 "Example: tern macro apply T-2026-0042 \"Part ordered\"");
    apply->add_option("ticket", call_.ticket, "The ticket")->required();
    apply->add_option("macro", call_.text, "Name of the macro")->required();
  }

  void add_message_commands() {
    CLI::App* reply = ticket_command("reply", "Answer the customer",
                                     "Example: tern reply T-2026-0042 \"We are on our way.\"\n         tern reply "
                                     "T-2026-0042 --quick \"On our way\"");
    reply->add_option("text", call_.text, "The text; - reads stdin");
    reply
        ->add_option("--seen", call_.seen,
                     "The version of the ticket that you had read (tern show --json); by default the one that is "
                     "here when you begin to type")
        ->check(CLI::PositiveNumber);
    reply->add_option("--quick", call_.value, "The text of a quick reply: its shortcut or name");
    CLI::App* note =
        ticket_command("note", "Write to colleagues", "Example: tern note T-2026-0042 \"The key is at the gate.\"");
    note->add_option("text", call_.text, "The text; - reads stdin")->required();
    note->add_flag("--restricted", call_.restricted, "Only for those who may read restricted notes");
    CLI::App* log_time = ticket_command("log-time", "Record time worked",
                                        "Example: tern log-time T-2026-0042 45 --note \"seal replaced\"");
    log_time->add_option("minutes", call_.minutes, "Minutes")->required()->check(CLI::Range(1, 100'000));
    log_time->add_option("--note", call_.note, "What was done");
    CLI::App* call = ticket_command("call", "Record a phone call with the customer; one that was answered is an answer",
                                    "Example: tern call T-2026-0042 5 --note \"she sends photos\"");
    call->add_option("minutes", call_.minutes, "Minutes")->required()->check(CLI::Range(1, 100'000));
    call->add_option("--note", call_.note, "What was said");
    call->add_flag("--unanswered", call_.unanswered, "Nobody picked up: time worked, but no answer");
    CLI::App* on_site = ticket_command(
        "on-site", "Report work at the customer's: when, what came of it, who signed for it",
        "What was reported is not edited or deleted afterwards; report again instead.\n"
        "Example: tern on-site T-2026-0042 \"seal replaced\" --arrived 2026-12-01T08:10:00Z --signed-by \"Jo Miller\" "
        "--signature jo.png");
    on_site->add_option("text", call_.text, "The result; - reads stdin")->required();
    on_site->add_option("--arrived", call_.arrived, "When the work there began (RFC 3339)")->required();
    on_site->add_option("--left", call_.left, "When it ended (RFC 3339); now where it is not said");
    on_site->add_option("--contact", call_.contact, "Name of the customer who signed");
    on_site->add_option("--signed-by", call_.signed_by, "The name that whoever signed gave");
    on_site->add_option("--signature", call_.signature, "A file with what was drawn: PNG, at most 32 KiB");
    on_site->add_flag("--internal", call_.internal, "For colleagues, not for the customer");
  }

  void add_file_commands() {
    CLI::App* attach = ticket_command(
        "attach", "Attach files, beside a message or by themselves",
        "They are read in and saved here; the next sync sends them, piece by piece, and goes on where it was cut.\n"
        "Without --reply or --public they are for colleagues.\n"
        "Example: tern attach T-2026-0042 pump.jpg valve.jpg --note \"before and after\"");
    attach->add_option("files", call_.files, "The files")->required();
    auto* note = attach->add_option("--note", call_.text, "Write this to colleagues beside them; - reads stdin");
    attach->add_option("--reply", call_.value, "Answer the customer with them; - reads stdin")->excludes(note);
    attach->add_flag("--public", call_.open, "For the customer, too");
    attach->add_flag("--restricted", call_.restricted, "Only for those who may read restricted notes");
    CLI::App* files = ticket_command("files", "What is attached to a ticket, and what of it is here");
    files->group("Read");
    CLI::App* fetch =
        ticket_command("fetch", "Save an attached file, fetching it first where it is not here",
                       "FILE is its number in tern files, its name, or the beginning of its id. Without a "
                       "network it comes with the next sync.\n"
                       "Example: tern fetch T-2026-0042 pump.jpg --out /tmp/pump.jpg");
    fetch->group("Read");
    fetch->add_option("file", call_.other, "Which")->required();
    fetch->add_option("--out", call_.out, "Where to; its name, in this directory, when left out");
    CLI::App* policy =
        command("fetch-policy", "Which files each sync fetches by itself",
                "Those of tickets assigned to me that have not ended. Sizes: 500KB, 2MB, 1GB; 0 is none.\n"
                "Example: tern fetch-policy --each 5MB --total 500MB",
                "Device");
    policy->add_option("--each", call_.each_max, "No file that is larger");
    policy->add_option("--total", call_.total_max, "No more than this in all");
  }

  void add_status_commands() {
    ticket_command("start", "Begin work");
    ticket_command("wait", "Wait for the customer");
    CLI::App* hold =
        ticket_command("hold", "Put on hold",
                       "Example: tern hold T-2026-0042 --reason \"part ordered\" --wake-at 2026-12-01T08:00:00Z");
    hold->add_option("--reason", call_.reason, "Why");
    hold->add_option("--wake-at", call_.wake_at, "When to look again (RFC 3339)");
    ticket_command("resume", "Go back to the status before hold");
    ticket_command("put-back", "Back to open");
    CLI::App* estimate = ticket_command("estimate", "Tell the customer how long it will take",
                                        "Example: tern estimate T-2026-0042 --hours 1.5 --text \"with travel\"");
    estimate->add_option("--hours", call_.hours, "Hours")->required()->check(CLI::Range(0.01, 10'000.0));
    estimate->add_option("--text", call_.text, "What is included");
    for (const char* decision : {"approve", "reject"}) {
      CLI::App* decide =
          ticket_command(decision, std::string(decision == std::string_view("approve") ? "Approve" : "Reject") +
                                       " the estimate, for the customer");
      decide->add_option("--reason", call_.reason, "Why");
    }
    CLI::App* resolve =
        ticket_command("resolve", "The work is done", "Example: tern resolve T-2026-0042 --result \"seal replaced\"");
    resolve->add_option("--result", call_.text, "What was done; - reads stdin");
    ticket_command("close", "No further action");
    CLI::App* reopen =
        ticket_command("reopen", "Open again", "Example: tern reopen T-2026-0042 --reason \"leaks again\"");
    reopen->add_option("--reason", call_.reason, "Why");
  }

  void add_field_commands() {
    CLI::App* make = command("new", "Create a ticket",
                             "Prints the provisional number; the server's number comes with the next sync.\n"
                             "Example: tern new --subject \"Pump leaks\" --priority high --queue Field --tag pump");
    make->add_option("--subject", call_.subject, "Short title")->required();
    make->add_option("--description", call_.description, "What happened; - reads stdin");
    make->add_option("--priority", call_.priority, "low normal high urgent");
    make->add_option("--category", call_.category, "Name of a category");
    make->add_option("--contact", call_.contact, "Name of the customer");
    make->add_option("--type", call_.type, "bug feature question complaint other");
    make->add_option("--queue", call_.queue, "Name of a queue");
    make->add_option("--assignee", call_.assignee, "Name of an operator, or me");
    make->add_option("--tag", call_.tags, "A tag; may be repeated");
    make->add_option("--watcher", call_.watchers, "Name of an operator who watches it, or me; may be repeated");
    make->add_option("--field", call_.fields, "NAME=VALUE: any field that tern set takes; may be repeated");
    CLI::App* set = ticket_command("set", "Set a field",
                                   "Fields: subject description priority category type contact organisation queue "
                                   "due_at, external_ref:TYPE, or a custom field by its name.\n"
                                   "Example: tern set T-2026-0042 priority urgent\n         tern set T-2026-0042 "
                                   "location \"Hall 3\"\n         tern set T-2026-0042 due_at --none");
    set->add_option("field", call_.field, "Which")->required();
    set->add_option("value", call_.value, "The value; - reads stdin");
    set->add_flag("--none", call_.none, "Clear it");
    ticket_command("take", "Make it mine, if nobody has it");
    CLI::App* assign =
        ticket_command("assign", "Give it to somebody", "Example: tern assign T-2026-0042 Ben --reason \"is nearest\"");
    assign->add_option("to", call_.other, "Name of an operator, me, or none")->required();
    assign->add_option("--reason", call_.reason, "Why; needed to hand on a ticket");
    CLI::App* tag = ticket_command("tag", "Add a tag", "Example: tern tag T-2026-0042 pump");
    tag->add_option("name", call_.text, "The tag")->required();
    tag->add_flag("--remove", call_.remove, "Take it away");
    CLI::App* watch = ticket_command("watch", "Watch it", "Example: tern watch T-2026-0042 --operator Ben");
    watch->add_option("--operator", call_.other, "Somebody else");
    watch->add_flag("--remove", call_.remove, "Stop watching");
    CLI::App* pin =
        ticket_command("pin", "Keep it on this device; nobody else sees that", "Example: tern pin T-2026-0042");
    pin->add_flag("--remove", call_.remove, "Let it go");
    CLI::App* link =
        ticket_command("link", "Link two tickets", "Example: tern link T-2026-0042 T-2026-0040 --kind blocks");
    link->add_option("other", call_.other, "The other ticket")->required();
    link->add_option("--kind", call_.kind, "How")
        ->check(CLI::IsMember({"related", "parent", "child", "duplicate", "blocks", "follow-up"}))
        ->default_val("related");
    link->add_flag("--remove", call_.remove, "Take the link away");
  }

  void add_other_commands() {
    CLI::App* merge = ticket_command("merge", "Merge into another ticket, which shows both",
                                     "Example: tern merge T-2026-0042 T-2026-0040");
    merge->add_option("into", call_.other, "The ticket that stays")->required();
    merge->add_flag("--undo", call_.undo, "Take the merge back: each ticket is its own again");
    CLI::App* split = ticket_command("split", "Make a new ticket of some of its messages",
                                     "MESSAGE is the id that tern show prints beside a message.\n"
                                     "A split is taken back by merging the new ticket into the old one.\n"
                                     "Example: tern split T-2026-0042 3fa2b1c4 --subject \"Second pump\"");
    split->add_option("messages", call_.messages, "The messages' ids")->required();
    split->add_option("--subject", call_.subject, "Title of the new ticket")->required();
    split->add_option("--reason", call_.reason, "Why");
    split->add_option("--field", call_.fields, "NAME=VALUE: a field of the new ticket; may be repeated");
    split->add_flag("--inherit-clock", call_.inherit_clock, "Deadlines count from the oldest message, not from now");
    CLI::App* release =
        ticket_command("release", "Let a colleague's change take effect that the server holds",
                       "For supervisors. CHANGE is DEVICE:ID, as its author's tern attention shows it.\n"
                       "Example: tern release T-2026-0042 DEVICE:ID");
    release->add_option("change", call_.key, "The held change")->required();
    release->add_option("--reason", call_.reason, "Why");
    ticket_command("delete", "Delete (can be restored)");
    ticket_command("restore", "Restore a deleted ticket");
    CLI::App* send = ticket_command("send", "Send a reply to the customer that is withheld",
                                    "A reply is withheld when the customer had written something its author had not "
                                    "seen: read both first.\n"
                                    "Example: tern send T-2026-0042 3fa2b1c4");
    send->add_option("message", call_.key, "The message's id, as tern show prints it")->required();
    CLI::App* edit = ticket_command("edit", "Change the text of a message of mine",
                                    "MESSAGE is the id that tern show prints beside a message.\n"
                                    "Example: tern edit T-2026-0042 3fa2b1c4 \"The key is with Ben.\"");
    edit->add_option("message", call_.key, "The message's id")->required();
    edit->add_option("text", call_.text, "The new text; - reads stdin");
    edit->add_flag("--remove", call_.remove, "Delete the message");
  }

  void paging(CLI::App* sub) {
    sub->add_option("--limit", call_.limit, "At most so many")->check(CLI::Range(1, 500))->capture_default_str();
    sub->add_option("--after", call_.after, "The token of the page before");
  }

  Invocation& call_;
  CLI::App app_{"Tern: tickets that work where the network does not."};
};

int run_program(int argc, char** argv, Invocation& call) {
  CommandLine line(call);
  if (argc == 2 && std::string_view(argv[1]) == "--man") return tern::apps::print_man_page(line.app(), "tern");
  if (argc == 2 && std::string_view(argv[1]) == "--completion") return tern::apps::print_completion(line.app(), "tern");
  try {
    line.app().parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return line.app().exit(error);  // --help, --version
    return tern::apps::report_usage(tern::apps::unknown_command_or(line.app(), error.what(), argc, argv),
                                    tern::apps::chosen_command(line.app(), "tern"), argc, argv);
  }
  call.columns = tern::apps::terminal_columns();
  return tern::apps::run(call);
}

}  // namespace

int main(int argc, char** argv) {
  Invocation call;
  call.home = default_home();
  const int done = run_program(argc, argv, call);
  return tern::apps::finish_output(done, call.json);
}
