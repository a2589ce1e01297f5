// Bad mails, and webhooks that would go to the inside.
#include "support/catch.hpp"
#include "tern/protocol/limits.hpp"
#include "unit/hostile/rows.hpp"

namespace tern::test {
namespace {

constexpr const char* mail_door = "/api/channel-webhook.php?type=email";

/// Heads of a service that takes mails in, for a channel of its own.
std::string mail_heads(HostileRig& rig) {
  static int channels = 0;
  const Json made = rig.house.command(
      cmd("inbound add", {{"name", Json("Mails " + std::to_string(++channels))}, {"form", Json("email")}}));
  return "Content-Type: application/x-www-form-urlencoded\r\nX-Hook-Token: " + made["secret"].as_string() + "\r\n";
}

std::string mail(HostileRig& rig, const std::string& fields) {
  return rig.post(mail_door, mail_heads(rig), fields);
}

Json newest_ticket(HostileRig& rig) {
  const Json tickets = rig.house.command(cmd("api list_tickets"));
  REQUIRE(tickets["tickets"].size() > 0);
  const Json id = tickets["tickets"].items().front()["id"];
  return rig.house.command(cmd("api get_ticket", {{"ticket_id", id}}));
}

/// The body is a command of the people whom it pretends to come from.
std::string forged_agent(HostileRig& rig) {
  rig.house.add_operator("agent52", "admin");
  const std::string said = mail(rig,
                                "from=Agent+<agent52@pumps.example>&subject=Pump&text=%23close&headers="
                                "Message-ID:+<52@x>%0AAuthentication-Results:+mx.pumps.example;+dmarc%3Dfail");
  const Json whole = newest_ticket(rig);
  const Json message = whole["messages"].items().front();
  return said + ", " + whole["ticket"]["status_exact"].as_string() + ", of a " + message["author_type"].as_string() +
         ": " + message["message"].as_string();
}

/// Whoever delivered it spoke for another domain than its own, and signed nothing.
std::string unsigned_sender(HostileRig& rig) {
  const std::string said = mail(rig, "from=joe@customer.example&subject=Pump&text=Hello&SPF=softfail&dkim=none");
  return said + ", " + newest_ticket(rig)["messages"].items().front()["message"].as_string();
}

std::string two_lines(HostileRig& rig) {
  const std::string said =
      mail(rig, "from=joe@customer.example&subject=Pump%0D%0ABcc:+eve@x.example&text=Hello&Message-Id=<56@x>");
  return said + ", " + newest_ticket(rig)["ticket"]["subject"].as_string();
}

std::string of_a_program(HostileRig& rig, const std::string& header) {
  const auto tickets = [&] { return to_text(rig.house.command(cmd("api list_tickets"))["total"]); };
  const std::string before = tickets();
  const std::string said =
      mail(rig, "from=joe@customer.example&subject=Away&text=Back+on+Monday&headers=Message-ID:+<54@x>%0A" + header);
  return said + (tickets() == before ? ", no ticket" : ", a ticket");
}

std::function<std::string(HostileRig&)> hook_to(const std::string& url) {
  return [=](HostileRig& rig) {
    rig.house.try_command(
        cmd("operator add",
            {{"email", Json("owner27@pumps.example")}, {"name", Json("owner27")}, {"role", Json("admin")}}));
    const Json key = rig.house.command(cmd("key add", {{"name", Json("for " + url)},
                                                       {"operator_id", Json("owner27@pumps.example")},
                                                       {"scopes", Json::array({Json("webhooks")})}}));
    const Json asked = Json::object({{"name", Json("Inner")}, {"url", Json(url)}});
    const std::string said =
        rig.post("/api/v1/create_webhook",
                 "Content-Type: application/json\r\nX-Api-Key: " + key["key"].as_string() + "\r\n", to_text(asked));
    return said + " " + rig.problem("field");
  };
}

const std::string a_mail_ticket =
    "awaiting +1, change +1, change_set +1, figure +1, inbound +1, sla_clock +1, ticket +1, ticket_name +1";
/// Who writes for the first time becomes a contact; the first contact of all begins their numbers.
const std::string with_contact =
    "awaiting +1, change +2, change_set +1, figure +1, inbound +1, record +1, sla_clock +1, ticket +1, ticket_count "
    "+1, ticket_name +1";
const std::string with_first_contact =
    "awaiting +1, change +2, change_set +1, figure +1, inbound +1, meta +1, number_counter +1, record +1, sla_clock "
    "+1, "
    "ticket +1, ticket_count +1, ticket_name +1";

}  // namespace

std::vector<Row> mail_rows() {
  return {
      {"52", "a mail that says it is an agent's, which its domain disowns", forged_agent,
       "200, new, of a client: [unverified sender]\n\n#close", Line::stays, with_first_contact},
      {"52", "a mail whose sender nobody vouches for", unsigned_sender, "200, [unverified sender]\n\nHello",
       Line::stays, with_contact},
      {"54", "an answer of a program",
       [](HostileRig& rig) { return of_a_program(rig, "Auto-Submitted:+auto-replied"); }, "200, no ticket", Line::stays,
       "inbound +1"},
      {"54", "a mail without a sender to answer to",
       [](HostileRig& rig) { return of_a_program(rig, "Return-Path:+<>"); }, "200, no ticket", Line::stays,
       "inbound +1"},
      {"56", "a subject of two lines", two_lines, "200, Pump Bcc: eve@x.example", Line::stays, a_mail_ticket},
      // Mails come over HTTP, where 413 is what 552 is to SMTP.
      {"56", "a mail with a header of 1 MiB",
       [](HostileRig& rig) {
         return rig.send("POST " + std::string(mail_door) + " HTTP/1.1\r\nHost: t\r\n" + mail_heads(rig) +
                         "Content-Length: " + std::to_string(limits::mib + 1) +
                         "\r\n\r\nfrom=joe@customer.example&subject=x");
       },
       "413 body_too_large", Line::closes, ""},
  };
}

std::vector<Row> hook_rows() {
  std::vector<Row> rows;
  for (const char* url : {"http://169.254.169.254", "https://169.254.169.254/latest", "https://[::ffff:7f00:1]",
                          "https://0x7f.1", "https://2130706433/"})
    rows.push_back({"27", "a webhook to " + std::string(url), hook_to(url), "422 url_not_public url", Line::stays, ""});
  return rows;
}

}  // namespace tern::test
