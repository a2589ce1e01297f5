// Tenants, operators and their devices.
#include "admin/commands/describe.hpp"
#include "admin/handlers.hpp"

namespace tern::server::admin {

namespace {

constexpr std::string_view roles = "light operator supervisor manager sla_manager admin head_admin integrator analyst";

}  // namespace

std::vector<AdminEntry> people_commands() {
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
                repeated("queue", "A queue of theirs; may be repeated"), optional("department", "Where they work"),
                optional("password", "Read from the first line of stdin", ArgKind::secret)}),
       operator_add},
      {command("operator list", "Operators, with their roles, queues and how many devices they have",
               "Example: ternd operator list", paged()),
       operator_list},
      {command(
           "operator set", "Change an operator", "Example: ternd operator set ann@example.org --role supervisor",
           {positional("operator", "Name, address or id"), optional("name", "New name"), optional("role", roles),
            repeated("queue", "All of their queues from now on; may be repeated"),
            optional("department", "Where they work"), optional("no-queues", "Takes all queues away", ArgKind::flag),
            optional("status", "online, or what they are given no tickets in: away break training offline"),
            optional("capacity", "How much they hold before they are given no more; 20 when never said"),
            optional("calendar", "Whose hours are their shift; an empty text: around the clock"),
            optional("skills", "What they are good at: sip:2,crm"),
            optional("field", "1: works outside; is given tickets while a device of theirs was heard of within a day"),
            repeated("mail",
                     "What they get by mail beside the panel, as docs/notifications.md names it, or none; may be "
                     "repeated"),
            optional("signature", "What ends their answers in mails: at most 1,000 bytes"),
            one_of(optional("language", "Of their mails"), {"en", "uk", "ru", "kk", "de"}),
            optional("enable", "Lets a disabled operator in again; devices need new codes", ArgKind::flag),
            optional("password", "Read from the first line of stdin", ArgKind::secret)}),
       operator_set},
      {command("operator disable", "Ends an operator's sessions, keys and devices at once",
               "What their devices have not sent yet may still be handed in, and waits for an administrator.\nExample: "
               "ternd operator disable --email ann@example.org",
               {optional("email", "Their address"),
                optional_positional("operator", "Name, address or id, instead of --email")}),
       operator_disable},

      {command("operator reset-link", "A link with which an operator sets another password",
               "It works once, for a day; the one before ends. Give it to them in private: whoever has it is them. "
               "Setting the password ends all their sessions.\nExample: ternd operator reset-link ann@example.org",
               {positional("operator", "Name, address or id"),
                optional("public-url", "Where people reach this server, for the link")}),
       operator_reset_link},
      {command("operator two-factor-off", "An operator who lost their authenticator logs in without it",
               "Be sure that it is them who ask. They turn it on again by themselves.\nExample: ternd operator "
               "two-factor-off ann@example.org",
               {positional("operator", "Name, address or id")}),
       operator_two_factor_off},

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
  };
}

}  // namespace tern::server::admin
