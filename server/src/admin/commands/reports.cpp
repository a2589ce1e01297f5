// What a period came to, with how sure that is.
#include "admin/commands/describe.hpp"
#include "admin/handlers.hpp"

namespace tern::server::admin {
namespace {

std::vector<AdminArg> of_period(std::vector<AdminArg> more = {}) {
  std::vector<AdminArg> args{
      otherwise(optional("days", "How many days back", ArgKind::integer), "30"),
      optional("to", "Where the period ends; now when left out. Of a past one also what was known then"),
      otherwise(
          optional("silent_after", "Minutes after which a device that was not heard of is silent", ArgKind::integer),
          "15"),
      optional("queue", "Only tickets that lie in it now: name or id, or none"),
      optional("category", "Only tickets of it: name or id, or none"),
      optional("client", "Only tickets of that organisation of customers: name or id"),
      optional("channel", "Only tickets that came in so: desk, portal, api, email, telegram, ..."),
      one_of(optional("priority", "Only tickets that have it now: low, normal, high or urgent"),
             {"low", "normal", "high", "urgent"})};
  args.insert(args.end(), more.begin(), more.end());
  return args;
}

ApiFace reads_report(std::string_view action, std::string_view answer) {
  return {action, ApiSurface::admin, {"read"}, ApiRole::operator_, R"({"days":30})", answer};
}

}  // namespace

std::vector<AdminEntry> report_commands() {
  return {
      {command(
           "report dashboard", "The figures of a period, each with how sure it is",
           "In wall and working time, with means, medians, the 90th of 100, and how many tickets silent devices may "
           "still alter. Of a period that is over each figure stands beside what was known at its end, with what "
           "arrived later.\nExample: ternd report dashboard --days 7 --to 2026-06-03T00:00:00Z",
           of_period()),
       report_dashboard},
      {command("report sla", "Promises that were kept and broken, by clock",
               "A provisional breach counts as one until it is taken back; at best all of them are.\nExample: ternd "
               "report sla --days 30 --csv",
               of_period()),
       report_sla},
      {offered(
           command(
               "report groups", "The figures of a period by queue, category, client, channel or priority",
               "By what tickets are now, and as it is known now; what was known at the end of a past period tells "
               "report dashboard with --queue, --category, --client, --channel or --priority.\nExample: ternd report "
               "groups "
               "--by queue --days 30 --csv",
               of_period(paged({one_of(required("by",
                                                "What tickets are told apart by: queue, category, client, channel or "
                                                "priority"),
                                       {"queue", "category", "client", "channel", "priority"})}))),
           {"report_groups",
            ApiSurface::admin,
            {"read"},
            ApiRole::operator_,
            R"({"by":"queue","days":30})",
            R"({"from":"2026-06-01T00:00:00.000Z","to":"2026-07-01T00:00:00.000Z","horizon":{"sentence":"Complete: no device that holds work has been silent for longer than 15 minutes."},"rows":[{"group":"Field","id":2,"open":12,"created":40,"resolved":31,"avg_response_min":18,"median_response_min":12,"p90_response_min":40,"responses":33,"avg_response_wall_min":25,"avg_resolution_hours":4.5,"median_resolution_hours":3.5,"p90_resolution_hours":11.5,"sla_compliance_pct":92,"breached":2,"provisional":1,"csat":4.6,"csat_pct":90,"ratings":10,"unsure_tickets":0}]})"}),
       report_groups},
      {offered(
           command("report operators", "What each operator has and did",
                   "By who held a ticket then.\nExample: ternd report operators --days 30 --csv", of_period()),
           reads_report(
               "report_operators",
               R"({"from":"2026-06-01T00:00:00.000Z","to":"2026-07-01T00:00:00.000Z","horizon":{"sentence":"Complete: no device that holds work has been silent for longer than 15 minutes."},"rows":[{"operator_id":5,"name":"Ann Lee","role":"operator","assigned":4,"load":3,"done":31,"avg_response_min":18,"median_response_min":12,"p90_response_min":40,"responses":33,"avg_response_wall_min":25,"avg_resolution_hours":4.5,"sla_compliance_pct":92,"breached":2,"provisional":1,"csat":4.6,"csat_pct":90,"ratings":10,"unsure_tickets":0,"pending_changes":0,"silent_since":null}]})")),
       report_operators},
      {offered(
           command("report tickets", "The tickets that were made in a period, with all their details",
                   "unsure_since: a device that holds the ticket is silent since then.\nExample: ternd report tickets "
                   "--days 30 --csv",
                   of_period({otherwise(optional("limit", "At most so many, up to 10000; then there is `next`",
                                                 ArgKind::integer),
                                        "1000"),
                              optional("after", "`next` of the page before")})),
           reads_report(
               "report_tickets",
               R"({"from":"2026-06-01T00:00:00.000Z","to":"2026-07-01T00:00:00.000Z","horizon":{"sentence":"Complete: no device that holds work has been silent for longer than 15 minutes."},"rows":[{"id":42,"number":"T-2026-0042","subject":"Pump leaks","status":"done","created_at":"2026-06-03T09:00:00.000Z","first_response_at":"2026-06-03T09:18:00.000Z","response_min":18,"response_wall_min":18,"resolved_at":"2026-06-03T13:30:00.000Z","resolution_hours":4.5,"resolution_gross_wall_hours":4.5,"reopened_at":null,"touches":2,"sla_response":"met","sla_resolution":"met","unsure_since":null}]})")),
       report_tickets},
  };
}

}  // namespace tern::server::admin
