// What goes out: webhooks and mail.
#include "admin/commands/describe.hpp"
#include "admin/handlers.hpp"

namespace tern::server::admin {
namespace {

constexpr std::string_view a_webhook =
    R"({"id":3,"name":"Billing","url":"https://billing.example/tern","owner":"Ann Lee","events":["ticket.resolved"],"active":true,"waiting":0,"last_said":null})";
constexpr std::string_view a_list_of_webhooks =
    R"({"rows":[{"id":3,"name":"Billing","url":"https://billing.example/tern","owner":"Ann Lee","events":["ticket.resolved"],"active":true,"waiting":0,"last_said":null}]})";
constexpr std::string_view event_words =
    "ticket.created ticket.changed ticket.resolved message.added note.added; may be repeated";

ApiFace of_webhooks(std::string_view action, std::string_view request, std::string_view answer) {
  return {action, ApiSurface::admin, {"webhooks"}, ApiRole::supervisor, request, answer};
}

}  // namespace

std::vector<AdminEntry> outgoing_commands() {
  const AdminArg which = also_called(positional("name", "Which one: its name or id"), {"webhook_id", "id"});
  const AdminArg events = also_called(repeated("event", event_words), {"events"});
  const std::vector<AdminArg> log = {optional("limit", "At most so many; 50 when left out", ArgKind::integer),
                                     optional("before", "Only those below this n", ArgKind::integer)};
  std::vector<AdminArg> hook_log = log;
  hook_log.insert(hook_log.begin(), which);
  return {
      {offered(
           command(
               "webhook add", "A new address that is told of what happens to tickets",
               "Prints the secret that deliveries are signed with; it is not shown again. Told is what the owner "
               "may read: their queues, and restricted notes where their role reads those. Of all events, if "
               "none is named.\nExample: ternd webhook add Billing --url https://billing.example/tern --owner "
               "ann@example.org --event ticket.resolved",
               {positional("name", "What it is called"), required("url", "Begins with https://"),
                optional("owner", "Operator whose rights count: name, address or id; over the API: who asks"), events}),
           of_webhooks(
               "create_webhook",
               R"({"name":"Billing","url":"https://billing.example/tern","event":["ticket.resolved"]})",
               R"({"id":3,"name":"Billing","url":"https://billing.example/tern","owner":"Ann Lee","events":["ticket.resolved"],"active":true,"secret":"9T2K..."})")),
       webhook_add},
      {offered(command("webhook list", "Webhooks, and what waits for them", "Example: ternd webhook list", {}),
               of_webhooks("list_webhooks", "{}", a_list_of_webhooks)),
       webhook_list},
      {offered(command("webhook set", "Changes a webhook",
                       "What is not named stays.\nExample: ternd webhook set Billing --url "
                       "https://billing.example/desk",
                       {which, optional("url", "Begins with https://"), optional("rename", "Its new name"), events,
                        optional("owner", "Operator whose rights count: name, address or id"),
                        one_of(optional("active", "Whether it is told of anything"), {"true", "false"})}),
               of_webhooks("update_webhook", R"({"name":"Billing","active":"true"})", a_webhook)),
       webhook_set},
      {command("webhook disable", "Tells it nothing any more; what waits for it is given up",
               "Example: ternd webhook disable Billing", {which}),
       webhook_disable},
      {command("webhook enable", "Tells it again of what happens from now on", "Example: ternd webhook enable Billing",
               {which}),
       webhook_enable},
      {offered(
           command("webhook remove", "Takes it away, and its secret", "Example: ternd webhook remove Billing", {which}),
           of_webhooks("delete_webhook", R"({"name":"Billing"})", R"({"name":"Billing","removed":true})")),
       webhook_remove},
      {offered(command("webhook rotate", "A new secret; deliveries are signed with both for a while",
                       "Prints the new one; it is not shown again.\nExample: ternd webhook rotate Billing --hours 48",
                       {which,
                        optional("hours", "For how long the one before counts; 24 when left out", ArgKind::integer)}),
               of_webhooks("rotate_webhook_secret", R"({"name":"Billing","hours":48})",
                           R"({"name":"Billing","secret":"9T2K...","before_until":"2026-06-05T10:15:00.000Z"})")),
       webhook_rotate},
      {offered(
           command("webhook log", "Its last deliveries: when, how often tried, what was answered",
                   "Kept for 60 days.\nExample: ternd webhook log Billing --limit 10", hook_log),
           of_webhooks(
               "list_webhook_deliveries", R"({"name":"Billing","limit":10})",
               R"({"rows":[{"n":12,"delivery":"0d5f3b7e-0a3e-4c55-9b1d-2f6a8e7c4d10","event":"ticket.resolved","ticket":"T-2026-0042","state":"sent","attempts":1,"at":"2026-06-03T10:15:00.000Z","due":null,"done":"2026-06-03T10:15:01.000Z","said":"200"}]})")),
       webhook_log},
      {offered(command("webhook test", "Sends it an event of the kind test",
                       "As soon as the server runs; what became of it: webhook log.\nExample: ternd webhook test "
                       "Billing",
                       {which}),
               of_webhooks("test_webhook", R"({"name":"Billing"})",
                           R"({"name":"Billing","delivery":"0d5f3b7e-0a3e-4c55-9b1d-2f6a8e7c4d10"})")),
       webhook_test},

      {command(
           "oidc set", "Who vouches for people: an issuer of OpenID Connect",
           "What is not named stays. Operators whose address the issuer has proven log in by it, without a password "
           "here; who has a second factor does not. The client's redirect address is /sign-in of this "
           "server.\nExample: ternd oidc set --domain acme.example --issuer https://id.acme.example --client-id tern "
           "--client-secret-stdin < secret",
           {optional("domain", "What people say to be sent to the issuer"),
            optional("issuer", "Its address, as it calls itself, to the letter"),
            optional("client-id", "What the issuer calls this server"),
            optional("client-secret", "Read from the first line of stdin; left out for a public client",
                     ArgKind::secret),
            optional("off", "Nobody logs in by it", ArgKind::flag), optional("on", "People do again", ArgKind::flag)}),
       oidc_set},
      {command("oidc show", "The issuer, without the secret", "Example: ternd oidc show", {}), oidc_show},

      {command("mail set", "The mail server, and from whom mails come",
               "What is not named stays. From then on customers get mail of what concerns them, and operators of what "
               "they want (operator set --mail). Mail is sent under TLS; --security plain is for a mail server on this "
               "machine.\nExample: ternd mail set --host smtp.example.org --from support@example.org --user support "
               "--password-stdin < password",
               {optional("host", "Name of the mail server"),
                optional("port", "587 when left out; 465 goes with tls", ArgKind::integer),
                one_of(optional("security", "starttls when left out, tls, or plain"), {"starttls", "tls", "plain"}),
                optional("user", "Whom to log in as; an empty text: without a login"),
                optional("password", "Read from the first line of stdin", ArgKind::secret),
                optional("from", "Address that mails come from; answers go to it with +TICKET before the @"),
                optional("company", "Name that mails come from"),
                one_of(optional("language", "Of customers whose record says none"), {"en", "uk", "ru", "kk", "de"}),
                one_of(optional("csat-delay",
                                "When customers are asked to rate what was done: 0 in the mail that says so, 24h a day "
                                "later in one of its own, off"),
                       {csat_at_once, csat_next_day, csat_never}),
                optional("csat-question", "What they are asked; an empty text: the usual question, in their language"),
                optional("allow-plain", "Lets --security plain be used with a server that is not this machine",
                         ArgKind::flag),
                optional("off", "Sends no more mail; what waits is dropped", ArgKind::flag),
                optional("on", "Sends mail again", ArgKind::flag)}),
       mail_set},
      {command("mail show", "How mail is set up, without the password", "Example: ternd mail show", {}), mail_show},
      {command("mail test", "Sends an operator a mail",
               "As soon as the server runs; what became of it: mail log.\nExample: ternd mail test ann@example.org",
               {positional("operator", "Name, address or id")}),
       mail_test},
      {command("mail log", "The last mails: to whom, when, how often tried, what was answered",
               "Kept for 60 days.\nExample: ternd mail log --limit 10", log),
       mail_log},
  };
}

}  // namespace tern::server::admin
