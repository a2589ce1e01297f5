// Calendars, rules and clocks of what was promised.
#include "admin/commands/describe.hpp"
#include "admin/handlers.hpp"

namespace tern::server::admin {
namespace {

/// What a rule promises and its small print.
std::vector<AdminArg> rule_args(std::vector<AdminArg> args) {
  for (const AdminArg& arg :
       {repeated(
            "when",
            "FIELD=VALUE: priority category queue channel type tag tariff organisation vip audience; may be repeated"),
        optional("calendar", "Whose hours count; 24/7 when left out"),
        optional("first-response", "Until somebody answers: 4h, 1h 30m, 2d; none: nothing is promised"),
        optional("next-response", "Until each later message of the customer is answered"),
        optional("resolution", "Until it is resolved"),
        optional("periodic-update", "From one public reply to the next while it is open"),
        optional("on-site", "Until somebody is there"),
        optional("sort", "Place in the list: the first that matches counts; the last when left out", ArgKind::integer),
        optional("from", "Counts from this instant on; from now when left out"),
        optional("yellow-percent", "Share of the target at which it turns yellow, 50 to 95; 75 when left out",
                 ArgKind::integer),
        optional("yellow-left", "Or so long before its end, if that is sooner"),
        optional("late", "Alerts behind the breach: 50%,100% when left out; also 2h; none"),
        optional("quiet",
                 "true: alerts wait until who is told works by their calendar; breaches reach managers at once"),
        optional("offline-credit", "claimed attested strict manager: what counts of an answer made offline"),
        optional("offline-grace", "How long a breach waits for silent devices; 72h when left out"),
        optional("clock", "acted: when they answered; delivered: when the customer could read it"),
        optional("on-reopen", "resume new_cycle restart"),
        optional("on-change", "keep restart"),
        optional("min-grace", "Working time that a change of target leaves at least"),
        optional("max-pause", "A longer wait or hold is told; 30d when left out"),
        repeated("pause", "METRIC=STATUS,STATUS: what stops its clock; may be repeated")})
    args.push_back(arg);
  return args;
}

}  // namespace

std::vector<AdminEntry> sla_commands() {
  return {
      {command("calendar add", "Business hours of a time zone, for SLA rules",
               "Each change makes a new version; what was measured by the one before stays.\nExample: ternd calendar "
               "add Office --zone Europe/Kyiv --hours \"mon-fri 09:00-18:00\" --holiday 12-25 --holiday \"2026-12-24 "
               "09:00-13:00\"",
               {positional("name", "What rules call it"), optional("zone", "Time zone; UTC when left out"),
                repeated("hours", "DAYS HH:MM-HH:MM[,HH:MM-HH:MM]; may be repeated. Or 24/7"),
                repeated("holiday", "YYYY-MM-DD or MM-DD (every year), then other hours or nothing; may be repeated"),
                optional("from", "Counts from this instant on; from now when left out")}),
       calendar_add},
      {command("calendar set", "A new version of a calendar",
               "What is not named stays.\nExample: ternd calendar set Office --holiday 12-25 --holiday 01-01",
               {positional("name", "Which one"), optional("zone", "Time zone"),
                repeated("hours", "All hours from now on; may be repeated"),
                repeated("holiday", "All exceptions from now on; may be repeated"),
                optional("no-holidays", "Takes all exceptions away", ArgKind::flag),
                optional("from", "Counts from this instant on; from now when left out")}),
       calendar_set},
      {command("calendar list", "Calendars; 24/7 is always there", "Example: ternd calendar list", paged()),
       calendar_list},
      {command("sla rule add", "What is promised to whom",
               "For each clock the first rule of the list counts that matches and speaks of it. The first rule of a "
               "tenant puts an end to the targets that one without rules has.\nExample: ternd sla rule add Urgent "
               "--when priority=urgent --calendar Office --first-response 1h --resolution 4h",
               rule_args({positional("name", "What it is called")})),
       sla_rule_add},
      {command("sla rule set", "A new version of a rule",
               "What is not named stays; an empty text takes a target or term away. What ran until now keeps what it "
               "consumed.\nExample: ternd sla rule set Urgent --resolution 6h --from 2026-07-01T00:00:00Z",
               rule_args(
                   {positional("name", "Which one"), optional("always", "Takes all conditions away", ArgKind::flag)})),
       sla_rule_set},
      {command("sla rule remove", "Takes a rule off the list; what it promised before stays measured by it",
               "Example: ternd sla rule remove Urgent", {positional("name", "Which one")}),
       sla_rule_remove},
      {command("sla rule list", "The rules in the order in which they are asked", "Example: ternd sla rule list",
               paged()),
       sla_rule_list},
      {command("sla list", "Tickets whose clock runs, the nearest due instant first",
               "As the server looked at them last, at most seconds ago.\nExample: ternd sla list --colour red",
               paged({optional("colour", "Only these: grey green blue yellow red")})),
       sla_list},
      {command("sla breaches", "What was promised and not kept",
               "provisional: a device that was silent then may hold the answer; confirmed; rescinded: it did; "
               "excused.\nExample: ternd sla breaches --state provisional",
               paged({optional("state", "Only these: provisional confirmed rescinded excused")})),
       sla_breaches},
      {command(
           "sla decide", "A manager's word on a breach",
           "accept and reject: where the rule leaves it to a manager (--offline-credit manager), an answer that was "
           "made offline counts, or does not. excuse: the breach is told as excused from now on, whatever arrives "
           "later. The word is kept in the ledger with its reason; a later one takes its place.\nExample: ternd sla "
           "decide --ticket T-2026-0042 --metric resolution --verdict excuse --by mia@example.org --reason \"power cut "
           "at "
           "the customer's\"",
           {required("ticket", "Number or id"),
            required("metric", "first-response next-response resolution periodic-update on-site"),
            required("verdict", "accept reject excuse"), required("by", "The manager: address, name or id"),
            required("reason", "Why"),
            optional("cycle", "Which one, as in sla breaches; the newest when left out", ArgKind::integer)}),
       sla_decide},
      {command("sla recompute", "Judges anew what clocks had settled",
               "Rules and calendars that say they count from an instant before they were written (--from) count from "
               "there, but not from before this one; what has stopped is judged by them, too. The order is kept in "
               "the ledger with its reason.\nExample: ternd sla recompute --from 2026-06-01T00:00:00Z --by "
               "admin@example.org --reason \"the contract counts from June\"",
               {required("from", "Since when"), required("by", "The administrator: address, name or id"),
                required("reason", "Why")}),
       sla_recompute},
      {command("sla alerts", "What clocks had to tell, each once: yellow, breach, later levels, long pauses",
               "Example: ternd sla alerts", paged()),
       sla_alerts},
      {command("sla explain", "Why the clock of a ticket stands where it stands, line by line",
               "By the rules of the tenant; one without has targets by priority, around the clock.\nExample: ternd "
               "sla explain --ticket T-2026-0042",
               {required("ticket", "Number or id"), optional("at", "As of this instant; now when left out")}),
       sla_explain},
      {command("route explain", "Why a ticket was given to whom, line by line, and what would become of it now",
               "Each time that routing gave it to somebody, with everybody who could have had it; done again from what "
               "the ledger says.\nExample: ternd route explain --ticket T-2026-0042",
               {required("ticket", "Number or id")}),
       route_explain},
  };
}

}  // namespace tern::server::admin
