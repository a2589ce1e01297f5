// What comes in from programs of others.
#include "admin/commands/describe.hpp"
#include "admin/handlers.hpp"

namespace tern::server::admin {

std::vector<AdminEntry> inbound_commands() {
  const AdminArg which = positional("name", "Which one");
  const AdminArg mapping = {"mapping", ArgKind::object, false, false, false, "What stands where, as JSON"};
  return {
      {command(
           "inbound add", "An address at which somebody's program makes tickets",
           "Prints the path that it posts to and the secret that it proves itself with; the secret is not shown "
           "again. What the mapping of --form json says: subject description message event_id key priority "
           "category portal_domain order_id contact_name contact_email contact_phone author. A place in the request "
           "is written {member}, {list.0.member}, {@header} or {this|that}.\nExample: ternd inbound add Monitoring "
           "--mapping '{\"subject\":\"{alert.title}\",\"description\":\"{alert.text}\",\"event_id\":\"{id}\","
           "\"key\":\"{alert.fingerprint}\"}'",
           {positional("name", "What it is called; tickets show it"),
            one_of(optional("form", "Of its requests: json when left out"), {"json", "whatsapp", "telegram", "email"}),
            mapping,
            one_of(optional("proof", "How it proves itself: hmac when left out, token for the other forms"),
                   {"hmac", "token", "mailgun"}),
            optional("secret", "One that is theirs, from the first line of stdin; made when left out",
                     ArgKind::secret)}),
       inbound_add},
      {command("inbound list", "Them, with paths and what came last", "Example: ternd inbound list", {}), inbound_list},
      {command("inbound set", "Another mapping or another proof",
               "Requests that were refused stay in the log: inbound try --n.\nExample: ternd inbound set Monitoring "
               "--mapping '{\"subject\":\"{title}\",\"description\":\"{text}\"}'",
               {which, mapping, one_of(optional("proof", "How it proves itself"), {"hmac", "token", "mailgun"})}),
       inbound_set},
      {command("inbound disable", "Takes in nothing any more", "Example: ternd inbound disable Monitoring", {which}),
       inbound_disable},
      {command("inbound enable", "Takes in again", "Example: ternd inbound enable Monitoring", {which}),
       inbound_enable},
      {command("inbound remove", "Takes it away, its secret and its log",
               "Tickets stay.\nExample: ternd inbound remove Monitoring", {which}),
       inbound_remove},
      {command("inbound rotate", "A new secret; the one before counts for a while",
               "Prints the new one; it is not shown again.\nExample: ternd inbound rotate Monitoring --hours 48",
               {which, optional("hours", "For how long the one before counts; 24 when left out", ArgKind::integer),
                optional("secret", "One that is theirs, from the first line of stdin; made when left out",
                         ArgKind::secret)}),
       inbound_rotate},
      {command("inbound log", "What came last, and what became of it",
               "Kept for 30 days; of what was refused the newest 200, with the request but for its secrets.\nExample: "
               "ternd inbound log Monitoring --limit 10",
               {which, optional("limit", "At most so many; 50 when left out", ArgKind::integer),
                optional("before", "Only those below this n", ArgKind::integer)}),
       inbound_log},
      {command("inbound try", "What a request would do; with --commit does it",
               "Its proof is not asked for. --n takes one that was refused.\nExample: ternd inbound try Monitoring "
               "--body '{\"id\":\"7\",\"alert\":{\"title\":\"Disk full\",\"text\":\"On db1\"}}'",
               {which,
                {"body", ArgKind::object, false, false, false, "The request, as JSON"},
                optional("n", "Of the log: one that was refused", ArgKind::integer),
                optional("commit", "Does it", ArgKind::flag)}),
       inbound_try},
  };
}

}  // namespace tern::server::admin
