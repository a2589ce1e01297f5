// The registry of administration commands: names, help, arguments, handlers. Command line, man page and checks are made
// of it.
#include "admin/handlers.hpp"

namespace tern::server {
namespace {

using Kind = ArgKind;

AdminArg positional(std::string_view name, std::string_view help, Kind kind = Kind::text) {
  return {name, kind, true, false, true, help};
}
AdminArg optional_positional(std::string_view name, std::string_view help) {
  return {name, Kind::text, false, false, true, help};
}
AdminArg required(std::string_view name, std::string_view help, Kind kind = Kind::text) {
  return {name, kind, true, false, false, help};
}
AdminArg optional(std::string_view name, std::string_view help, Kind kind = Kind::text) {
  return {name, kind, false, false, false, help};
}
AdminArg repeated(std::string_view name, std::string_view help) {
  return {name, Kind::text, false, true, false, help};
}

/// Of a list that can grow.
std::vector<AdminArg> paged(std::vector<AdminArg> args = {}) {
  args.push_back(optional("limit", "At most so many; then a line {\"next\": TOKEN}", Kind::integer));
  args.push_back(optional("after", "TOKEN of the page before"));
  return args;
}

constexpr bool of_the_server = false;  // takes no --tenant

AdminCommand command(std::string_view name, std::string_view summary, std::string_view details,
                     std::vector<AdminArg> args, bool needs_tenant = true, AdminWhere where = AdminWhere::anywhere) {
  return {name, summary, details, std::move(args), where, needs_tenant};
}

AdminCommand lengthy(AdminCommand command) {
  command.lengthy = true;
  return command;
}

constexpr std::string_view roles = "light operator supervisor manager sla_manager admin head_admin integrator analyst";

std::vector<AdminEntry> make_entries() {
  using namespace admin;
  return {
      {command("tenant add", "A new organisation on this server",
               "Example: ternd tenant add \"Harbour Works\" --zone Europe/Kyiv",
               {positional("name", "What it is called"),
                optional("zone", "Time zone whose year ticket numbers follow; UTC when left out")},
               of_the_server),
       tenant_add},
      {command("tenant list", "Organisations on this server", "Example: ternd tenant list --json", paged(),
               of_the_server),
       tenant_list},

      {command("operator add", "A new operator",
               "Example: ternd operator add --email ann@example.org --name \"Ann Lee\" --role operator --queue Field",
               {required("email", "Their address; also their login"),
                optional("name", "What colleagues read; the address when left out"), required("role", roles),
                repeated("queue", "A queue of theirs; may be repeated"),
                optional("password", "Read from the first line of stdin", Kind::secret)}),
       operator_add},
      {command("operator list", "Operators, with their roles, queues and how many devices they have",
               "Example: ternd operator list", paged()),
       operator_list},
      {command("operator set", "Change an operator", "Example: ternd operator set ann@example.org --role supervisor",
               {positional("operator", "Name, address or id"), optional("name", "New name"), optional("role", roles),
                repeated("queue", "All of their queues from now on; may be repeated"),
                optional("no-queues", "Takes all queues away", Kind::flag),
                optional("enable", "Lets a disabled operator in again; devices need new codes", Kind::flag),
                optional("password", "Read from the first line of stdin", Kind::secret)}),
       operator_set},
      {command("operator disable", "Ends an operator's sessions, keys and devices at once",
               "What their devices have not sent yet may still be handed in, and waits for an administrator.\nExample: "
               "ternd operator disable --email ann@example.org",
               {optional("email", "Their address"),
                optional_positional("operator", "Name, address or id, instead of --email")}),
       operator_disable},

      {command("device code", "A code with which an operator enrols one device",
               "It works once, for 10 minutes. The link and its QR need to know where devices reach the server: what "
               "ternd serve was last told or found, or --public-url.\nExample: ternd device code --operator "
               "ann@example.org",
               {required("operator", "Name, address or id"),
                optional("scope", "own: the tickets their role shows; all: every ticket"),
                optional("public-url", "Where devices reach this server, for the link")}),
       device_code},
      {command("device list", "Devices, and how far behind each is",
               "Example: ternd device list --operator ann@example.org", paged({optional("operator", "Only theirs")})),
       device_list},
      {command("device revoke", "A device's key signs no more; its streams close within 5 seconds",
               "Example: ternd device revoke 3f2a", {positional("device", "Name, id or the first digits of it")}),
       device_revoke},
      {command("device wipe", "Revokes a device and orders it to destroy its copy",
               "Its outbox stays there, sealed.\nExample: ternd device wipe 3f2a",
               {positional("device", "Name, id or the first digits of it")}),
       device_wipe},

      {command("held list",
               "Changes that were not allowed when they came, or wait for others: nothing of them counts yet",
               "Example: ternd held list", paged()),
       held_list},
      {command("held release", "Lets a held change take effect, at the time it was made; what waits for it comes along",
               "Example: ternd held release DEVICE:CHANGE --by ann@example.org",
               {positional("change", "DEVICE:CHANGE, as held list shows it"),
                optional("by", "Supervisor or administrator who answers for it; the only one when left out"),
                optional("reason", "Why")}),
       held_release},
      {command(
           "quarantine list", "Work that revoked or frozen devices handed in: nothing of it counts",
           "Each change with the times between which it was made. Kept for 90 days.\nExample: ternd quarantine list",
           paged()),
       quarantine_list},
      {command("quarantine release", "An administrator says again what a set in quarantine says, in their own name",
               "At the time it claims, within the times that are known, and quoting the original. Exit code 7 when "
               "something of it is refused.\nExample: ternd quarantine release 3f2a91 --by ann@example.org",
               {optional_positional("set", "The beginning of its name"), optional("device", "All sets of this device"),
                optional("by", "Administrator who answers for it; the only one when left out")}),
       quarantine_release},
      {command(
           "quarantine drop", "Takes a set off the list; nothing of it ever counts",
           "Example: ternd quarantine drop --device van",
           {optional_positional("set", "The beginning of its name"), optional("device", "All sets of this device")}),
       quarantine_drop},

      {command("queue add", "A new queue", "Example: ternd queue add \"Field crew\"",
               {positional("name", "What it is called"), optional("description", "What it is for"),
                optional("sort", "Place in lists")}),
       record_add},
      {command("queue list", "Queues", "Example: ternd queue list", paged()), record_list},
      {command("category add", "A new category", "Example: ternd category add Pumps --code P",
               {positional("name", "What it is called"), optional("code", "Short code"),
                optional("parent", "Category above it"), optional("description", "What it is for"),
                optional("sort", "Place in lists")}),
       record_add},
      {command("category list", "Categories", "Example: ternd category list", paged()), record_list},
      {command("contact add", "A new customer", "Example: ternd contact add \"Joe Smith\" --email joe@customer.example",
               {positional("name", "Who it is"), optional("email", "Address"), optional("phone", "Telephone"),
                optional("organisation", "Where they belong"), optional("language", "Language tag")}),
       record_add},
      {command("contact list", "Customers", "Example: ternd contact list", paged()), record_list},
      {command("organisation add", "A new organisation of customers",
               "Example: ternd organisation add \"Smith and Sons\" --portal-domain customer.example",
               {positional("name", "What it is called"), optional("portal_domain", "Domain of its addresses"),
                optional("tariff", "Tariff")}),
       record_add},
      {command("organisation list", "Organisations of customers", "Example: ternd organisation list", paged()),
       record_list},
      {command("tag add", "A tag that lists offer", "Example: ternd tag add pump --colour blue",
               {positional("name", "The tag"), optional("colour", "Colour")}),
       record_add},
      {command("tag list", "Tags that lists offer", "Example: ternd tag list", paged()), record_list},
      {command(
           "field add", "A new custom field of tickets", "Example: ternd field add meter_no --type number",
           {positional("name", "Its name: a-z 0-9 _ . -"), required("type", "text number date select multi bool ref"),
            optional("label", "What people read"), optional("options", "Of select and multi: values, one a line"),
            optional("required", "1: must be filled"), optional("sort", "Place in forms")}),
       record_add},
      {command("field list", "Custom fields", "Example: ternd field list", paged()), record_list},
      {lengthy(command(
           "record load", "Many records at once; those that are there already are left as they are",
           "One JSON object a line: {\"kind\":\"queue\",\"name\":\"Field\"}; operators also email, role, "
           "queues; all of them attributes. Anything else is refused.\nExample: ternd record load --file records.jsonl",
           {optional("file", "Lines of JSON", Kind::path)})),
       record_load, "rows"},

      {lengthy(command("import incidents", "Tickets from a real incident log (CSV), at the times it asserts",
                       "Incidents that are there already are left as they are.\nExample: ternd import incidents "
                       "incident_event_log.csv",
                       {positional("file", "The log", Kind::path)})),
       import_incidents},
      {lengthy(command("export", "Every ticket with its history, one JSON object a line",
                       "--format ledger writes the whole history as it was signed: tern-verify proves it without this "
                       "server.\nExample: ternd export --format jsonl --to tickets.jsonl",
                       {optional("format", "jsonl, or ledger (with --to)"),
                        optional("to", "File to write, 0600; to stdout when left out or -", Kind::path),
                        optional("replace", "The file of --to may be there already", Kind::flag),
                        optional("limit", "At most so many tickets; then a line {\"next\": TOKEN}", Kind::integer),
                        optional("after", "TOKEN of the page before")})),
       export_tickets},
      {lengthy(command("verify", "Checks every signature, chain, root, receipt and state, and names what is wrong",
                       "Exit code 8 when something is.\nExample: ternd verify --json", {})),
       verify},
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
                  optional("list", "What was erased, when and why, and which devices have confirmed it", Kind::flag)})),
       erase_bodies},
      {lengthy(command("backup", "One encrypted file with everything, checked after it was written",
                       "Only the recovery key opens it. erasures.log beside it holds ids only: keep it with your "
                       "backups.\nExample: ternd backup --to /mnt/backup/tern-2026-03-01",
                       {required("to", "File to write", Kind::path),
                        optional("keep",
                                 "For how many days the oldest backup is kept, if more than 30: devices keep confirmed "
                                 "work for as long. Stays until it is said again",
                                 Kind::integer),
                        optional("replace", "The file may be there already", Kind::flag)},
                       of_the_server)),
       backup},
      {command(
           "restore", "Makes a server of a backup; its history goes on under a new epoch",
           "Devices of the old epoch are told, keep everything and work on. A server that is there already is moved "
           "aside with\n"
           "--replace, never deleted.\nExample: ternd restore --from /mnt/backup/tern-2026-03-01 --data /var/lib/tern "
           "--recovery-key-stdin < key",
           {required("from", "The backup", Kind::path),
            required("recovery-key", "Read from the first line of stdin", Kind::secret),
            optional("erasures", "A newer erasures.log; the one beside the backup is taken by itself", Kind::path),
            optional("skip-damaged-lines", "Goes on without the lines of erasures.log that cannot be read", Kind::flag),
            optional("replace", "Moves the server that is there aside", Kind::flag)},
           of_the_server, AdminWhere::offline_only),
       nullptr},
      {command("keys replace", "A new log key, which the recovery key vouches for; devices learn of it by themselves",
               "What the old key signed still counts. With --stolen it does not, but for the log as it is now, and "
               "nobody can pretend to be this server with it.\nExample: ternd keys replace --stolen "
               "--recovery-key-stdin < key",
               {required("recovery-key", "Read from the first line of stdin", Kind::secret),
                optional("stolen", "Somebody else may have the old key", Kind::flag)},
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
      {command("sla explain", "Why the clock of a ticket stands where it stands, line by line",
               "By the rules of a tenant that has written none: targets by priority, around the clock.\nExample: ternd "
               "sla explain --ticket T-2026-0042",
               {required("ticket", "Number or id"), optional("at", "As of this instant; now when left out")}),
       sla_explain},
      {command("clock accept", "Vouches for this machine's clock after it jumped",
               "With --since, anchors issued from then on bound nothing any more.\nExample: ternd clock accept --since "
               "2026-03-01T08:00:00Z",
               {optional("since", "When the bad stretch began")}),
       clock_accept},
  };
}

}  // namespace

std::span<const AdminEntry> admin_entries() {
  static const std::vector<AdminEntry> entries = make_entries();
  return entries;
}

std::string_view admin_family_summary(std::string_view family) {
  constexpr std::pair<std::string_view, std::string_view> summaries[] = {
      {"tenant", "Organisations on this server"},
      {"operator", "People who work on tickets: role, queues, login"},
      {"device", "Their devices: codes for new ones, state, revocation"},
      {"held", "Changes that wait for a supervisor"},
      {"quarantine", "Work that revoked devices handed in"},
      {"queue", "Queues of tickets"},
      {"category", "Categories of tickets"},
      {"contact", "Customers"},
      {"organisation", "Organisations of customers"},
      {"tag", "Tags that lists offer"},
      {"field", "Custom fields of tickets"},
      {"record", "Queues, operators, contacts ... many at once"},
      {"import", "Tickets from elsewhere"},
      {"keys", "The keys that this server signs with"},
      {"clock", "The server's clock"},
      {"sla", "The clock of what was promised to customers"}};
  for (const auto& [name, summary] : summaries)
    if (name == family) return summary;
  return {};
}

std::span<const AdminCommand> admin_commands() {
  static const std::vector<AdminCommand> commands = [] {
    std::vector<AdminCommand> out;
    for (const AdminEntry& entry : admin_entries()) out.push_back(entry.command);
    return out;
  }();
  return commands;
}

}  // namespace tern::server
