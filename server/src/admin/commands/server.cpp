// The whole of a tenant's history, and the server itself.
#include "admin/commands/describe.hpp"
#include "admin/handlers.hpp"

namespace tern::server::admin {

std::vector<AdminEntry> ledger_commands() {
  return {
      {lengthy(command(
           "import tickets", "Tickets out of lines of JSON or rows of CSV, at the times that they tell",
           "An export of this program, or a table of another one: --map says what its columns are. Every line is "
           "judged "
           "before anything is written. What is there already, by its id or its reference, is left as it is.\n"
           "Example: ternd import tickets old.csv --source zendesk --map \"Ticket ID=reference\" --dry-run",
           {positional("file", "Lines of JSON, or CSV with a header", ArgKind::path),
            optional("format", "jsonl or csv; csv where FILE ends so"),
            optional("source", "Where references are from: the type of the external reference that they become"),
            repeated("map", "COLUMN=FIELD: what a column of CSV is; COLUMN= leaves it out; may be repeated"),
            optional("dry_run", "Writes nothing, and says of each line what would become of it", ArgKind::flag),
            optional("limit", "Looks at so many tickets at most; then says where to go on", ArgKind::integer),
            optional("after", "TOKEN of the part before")})),
       import_tickets},
      {lengthy(command(
           "import incidents", "Tickets from a real incident log (CSV), at the times it asserts",
           "Incidents that are there already are left as they are.\nExample: ternd import incidents "
           "incident_event_log.csv",
           {positional("file", "The log", ArgKind::path),
            optional("dry_run", "Writes nothing, and says of each incident what would become of it", ArgKind::flag),
            optional("limit", "Looks at so many incidents at most; then says where to go on", ArgKind::integer),
            optional("after", "TOKEN of the part before")})),
       import_incidents},
      {lengthy(command(
           "export", "Tickets with their history, or clients, contacts and other records, as JSON lines or CSV",
           "Tickets come with messages, notes, SLA clocks and the history of every field. No cell of CSV is a formula "
           "to "
           "a spreadsheet. With --to FILE --resume an export that ended early is gone on with.\n"
           "--format ledger writes the whole history as it was signed: tern-verify proves it without this "
           "server.\nExample: ternd export --format csv --status resolved --since 2026-06-01T00:00:00Z --to june.csv",
           {optional(
                "what",
                "tickets; their messages or their history, one a line; records; or clients, contacts, operators, "
                "categories, queues, tags, fields, tariffs, calendars, sla-rules, quick-replies, macros, articles"),
            optional("format", "jsonl, csv, or ledger (with --to)"),
            repeated("status", "Tickets of this status; may be repeated"),
            repeated("category", "Tickets of this category; may be repeated"),
            repeated("queue", "Tickets of this queue; may be repeated"),
            optional("portable", "Tickets without what is this server's own: what import tickets makes again",
                     ArgKind::flag),
            optional("since", "Tickets made at this instant or later, as 2026-06-01T00:00:00Z"),
            optional("until", "Tickets made before this instant"),
            optional("to", "File to write, 0600; to stdout when left out or -", ArgKind::path),
            optional("replace", "The file of --to may be there already", ArgKind::flag),
            optional("resume", "Keeps FILE.part when it ends early, and goes on with it the next time", ArgKind::flag),
            optional("bom", "Begins CSV with a byte order mark, for spreadsheets that want one", ArgKind::flag),
            optional("limit", "At most so many tickets or records; then a line {\"next\": TOKEN}", ArgKind::integer),
            optional("after", "TOKEN of the page before")})),
       export_tickets},
      {lengthy(command("verify", "Checks every signature, chain, root, receipt and state, and names what is wrong",
                       "Exit code 8 when something is.\nExample: ternd verify --json", {})),
       verify},
      {lengthy(command("search rebuild", "Makes the search index anew out of tickets and messages",
                       "For when verify names it. Work goes on meanwhile; until it is done, searches find less.\n"
                       "Example: ternd search rebuild",
                       {})),
       search_rebuild},
      {command(
           "erase", "Removes what people wrote, everywhere the server keeps it, for ever",
           "Order, status and signatures stay. Later texts that quote what is erased go with it. Devices do the same "
           "at their next sync; --list says which have. What stays: tags, types of external references and keys of "
           "custom "
           "fields, which are part of what was signed; the reason; backups made before.\nExample: ternd erase --ticket "
           "T-2026-0042 --reason \"asked "
           "for by the customer\"",
           paged({optional("ticket", "Every text of this ticket: its number or id"),
                  repeated("change", "One change, as DEVICE:CHANGE; may be repeated"),
                  optional("reason", "Why; stands in the ledger, so name nobody"),
                  optional("list", "What was erased, when and why, and which devices have confirmed it",
                           ArgKind::flag)})),
       erase_bodies},
      {lengthy(command("person export", "What a customer may have of what is known of them",
                       "Profile, their tickets, public messages and ratings; no notes, and nobody else: staff is "
                       "\"support\".\nExample: ternd person export \"Joe Smith\" --format html --to joe.html",
                       {positional("contact", "Who: name or id"), optional("format", "json, or html (with --to)"),
                        optional("to", "File to write, 0600", ArgKind::path),
                        optional("replace", "The file of --to may be there already", ArgKind::flag)})),
       person_export},
      {lengthy(command(
           "person erase", "Removes a customer from everything the server keeps, for ever",
           "What they wrote, what their tickets say of them (name, address, telephone), files that came with it, their "
           "record, tokens, mails that wait. They are called \"erased #N\" from then on; order, status, figures and "
           "signatures stay. Devices do the same at their next sync: ternd erase --list says which have. Backups made "
           "before keep it.\nExample: ternd person erase \"Joe Smith\" --reason \"asked for by the customer\"",
           {positional("contact", "Who: name or id"), optional("reason", "Why; stands in the ledger, so name nobody"),
            optional("open_tickets", "Also while tickets with texts of theirs are open", ArgKind::flag),
            optional("everywhere", "Also texts in tickets of others that name them", ArgKind::flag),
            optional("dry_run", "Says what would go, and where else they are named", ArgKind::flag)})),
       person_erase},
      {lengthy(
           command("person anonymise", "Erases customers all of whose tickets were closed before an instant",
                   "Lists them; with --apply they are erased. Where the rule finds more than 100, two administrators "
                   "say so, each by their own password. Who is under legal hold stays, and whose texts stand in open "
                   "tickets.\nExample: ternd person anonymise --closed-before 2024-01-01T00:00:00Z",
                   paged({required("closed_before", "As 2024-01-01T00:00:00Z"),
                          optional("apply", "Erases them, 1,000 at a time", ArgKind::flag),
                          optional("by", "One administrator, of more than 100"),
                          optional("by_password", "Theirs, from a line of stdin", ArgKind::secret),
                          optional("by_code", "Of their second factor"), optional("second", "The other administrator"),
                          optional("second_password", "Theirs, from the next line of stdin", ArgKind::secret),
                          optional("second_code", "Of their second factor")}))),
       person_anonymise},
  };
}

std::vector<AdminEntry> server_commands() {
  return {
      {lengthy(command("backup", "One encrypted file with everything, checked after it was written",
                       "Only the recovery key opens it. erasures.log beside it holds ids only: keep it with your "
                       "backups.\nExample: ternd backup --to /mnt/backup/tern-2026-03-01",
                       {required("to", "File to write", ArgKind::path),
                        optional("keep",
                                 "For how many days the oldest backup is kept, if more than 30: devices keep confirmed "
                                 "work for as long. Stays until it is said again",
                                 ArgKind::integer),
                        optional("replace", "The file may be there already", ArgKind::flag)},
                       of_the_server)),
       backup},
      {command(
           "restore", "Makes a server of a backup; its history goes on under a new epoch",
           "Devices of the old epoch are told, keep everything and work on. A server that is there already is moved "
           "aside with\n"
           "--replace, never deleted.\nExample: ternd restore --from /mnt/backup/tern-2026-03-01 --data /var/lib/tern "
           "--recovery-key-stdin < key",
           {required("from", "The backup", ArgKind::path),
            required("recovery-key", "Read from the first line of stdin", ArgKind::secret),
            optional("erasures", "A newer erasures.log; the one beside the backup is taken by itself", ArgKind::path),
            optional("skip-damaged-lines", "Goes on without the lines of erasures.log that cannot be read",
                     ArgKind::flag),
            optional("replace", "Moves the server that is there aside", ArgKind::flag)},
           of_the_server, AdminWhere::offline_only),
       nullptr},
      {command("keys replace", "A new log key, which the recovery key vouches for; devices learn of it by themselves",
               "What the old key signed still counts. With --stolen it does not, but for the log as it is now, and "
               "nobody can pretend to be this server with it.\nExample: ternd keys replace --stolen "
               "--recovery-key-stdin < key",
               {required("recovery-key", "Read from the first line of stdin", ArgKind::secret),
                optional("stolen", "Somebody else may have the old key", ArgKind::flag)},
               of_the_server, AdminWhere::offline_only),
       nullptr},
      {command(
           "recovery", "What the newest restore lost, and how far the devices have given it back",
           "Counts commits: what is known to have been lost, what came back, what is missing; lists the devices that "
           "have not been here since.\nExample: ternd recovery",
           {}),
       recovery},
      {command("status", "How this server stands, and what wants to be done",
               "Tenants with their newest commit, devices, work that waits, backups; room on the disk.\nExample: ternd "
               "status",
               {}, of_the_server),
       status},
      {command("clock accept", "Vouches for this machine's clock after it jumped",
               "With --since, anchors issued from then on bound nothing any more.\nExample: ternd clock accept --since "
               "2026-03-01T08:00:00Z",
               {optional("since", "When the bad stretch began")}),
       clock_accept},
  };
}

}  // namespace tern::server::admin
