// Actions of the API on what tickets name, and on figures.
#include "admin/commands/describe.hpp"
#include "api/actions.hpp"
#include "desk/notifications.hpp"
#include "desk/route_settings.hpp"

namespace tern::server::admin {
namespace {

ApiFace reads(std::string_view action, std::string_view answer) {
  return {action, ApiSurface::admin, {"read"}, ApiRole::operator_, "{}", answer};
}
ApiFace reads_clients(std::string_view action, std::string_view answer) {
  return {action, ApiSurface::admin, {"read", "clients"}, ApiRole::operator_, "{}", answer};
}
ApiFace of_editors(std::string_view action, std::string_view request, std::string_view answer) {
  return {action, ApiSurface::admin, {}, ApiRole::editor, request, answer};
}
ApiFace of_admins(std::string_view action, std::string_view request, std::string_view answer) {
  return {action, ApiSurface::admin, {}, ApiRole::admin, request, answer};
}

std::vector<std::string_view> mutable_kinds() {
  std::vector<std::string_view> out = notification_names();
  out.push_back("none");
  return out;
}

}  // namespace

std::vector<AdminEntry> reference_actions() {
  return {
      {offered(
           command("api list_operators", "Operators", "Example: ternd api list_operators", {}),
           reads(
               "list_operators",
               R"([{"id":5,"name":"Ann Lee","role":"operator","department":"Field","email":"ann@example.org","active":true}])")),
       actions::list_operators},
      {offered(
           command("api list_contacts", "Contacts", "Example: ternd api list_contacts", {}),
           reads_clients(
               "list_contacts",
               R"([{"id":7,"name":"John Smith","phone":null,"email":"john@client.example","photo":null,"organisation":"Client Ltd"}])")),
       actions::list_contacts},
      {offered(
           command("api list_clients", "Clients with their tickets", "Example: ternd api list_clients", {}),
           reads_clients(
               "list_clients",
               R"([{"id":3,"portal_domain":"client.example","company_name":"Client Ltd","tariff_plan":"standard","hours_per_month":20,"hours_used":12.5,"ticket_stats":{"open":5,"done_month":8,"total":47}}])")),
       actions::list_clients},
      {offered(command("api list_tags", "Tags", "Example: ternd api list_tags", {}),
               reads("list_tags", R"([{"id":1,"name":"pump","color":"blue"}])")),
       actions::list_tags},
      {offered(
           command("api create_tag", "A new tag", "Example: ternd api create_tag --name pump --color blue",
                   {also_called(required("name", "The tag"), {"tag"}),
                    also_called(optional("color", "Its colour"), {"colour"})}),
           of_editors("create_tag", R"({"name":"pump","color":"blue"})", R"({"id":1,"name":"pump","color":"blue"})")),
       actions::create_tag},
      {offered(command("api delete_tag", "Lists offer a tag no more; tickets keep it",
                       "Example: ternd api delete_tag --tag-id 1",
                       {also_called(required("tag_id", "The tag's id", ArgKind::integer), {"id"})}),
               of_editors("delete_tag", R"({"tag_id":1})", R"({"id":1})")),
       actions::delete_tag},
      {offered(command("api get_sla_rules", "What is promised by priority", "Example: ternd api get_sla_rules", {}),
               reads("get_sla_rules",
                     R"([{"priority":"urgent","response_minutes":60,"resolution_minutes":240,"calendar":"24/7"}])")),
       actions::get_sla_rules},
      {offered(
           command("api get_business_hours", "When people work here", "Example: ternd api get_business_hours", {}),
           reads(
               "get_business_hours",
               R"({"timezone":"Europe/Kyiv","schedule":["mon-fri 09:00-18:00"],"holidays":["12-25"],"calendars":[]})")),
       actions::get_business_hours},
      {offered(
           command("api dashboard", "How much is open, and how well promises are kept", "Example: ternd api dashboard",
                   {}),
           reads(
               "dashboard",
               R"({"total_open":12,"total_new":3,"total_in_progress":7,"total_done":2,"total_on_hold":2,"avg_response_min":18,"avg_resolution_hours":4.5,"sla_compliance_pct":92,"per_portal":[{"portal_domain":"client.example","company_name":"Client Ltd","open":5,"new":1}],"sla_compliance_at_best_pct":95,"unsure_tickets":{"total_open":5,"total_new":5,"total_in_progress":5,"total_on_hold":5,"total_done":7,"avg_response_min":7,"avg_resolution_hours":7,"sla_compliance_pct":7},"horizon":{"sentence":"7 tickets sit behind 1 device silent since 2026-06-03T11:40:00.000Z (van 7 of Ada); 12 changes were pending when last heard of; what was done there since is not known.","as_of":"2026-06-03T14:00:00.000Z","complete":false,"tickets":7,"open_tickets":5,"pending_changes":12,"silent_since":"2026-06-03T11:40:00.000Z","silent_after_minutes":15,"provisional_breaches":0,"not_counted_yet":0,"devices":[{"device":"7f2f43a5-0f6e-4a8e-9d9c-1c9f3a2b4c5d","name":"van 7","operator":"Ada","silent_since":"2026-06-03T11:40:00.000Z","tickets":7,"pending_changes":12,"holds_every_ticket":false}]}})")),
       actions::dashboard},
      {offered(
           command("api dashboard_analytics", "Day by day: what came, what was done, how promises were kept",
                   "Days of the tenant's zone, today among them.\nExample: ternd api dashboard_analytics --days 7",
                   {otherwise(optional("days", "How many days", ArgKind::integer), "30"),
                    otherwise(optional("silent_after", "Minutes after which a device that was not heard of is silent",
                                       ArgKind::integer),
                              "15")}),
           {"dashboard_analytics",
            ApiSurface::admin,
            {"read"},
            ApiRole::operator_,
            R"({"days":30})",
            R"({"from":"2026-06-01T21:00:00.000Z","to":"2026-06-03T14:00:00.000Z","zone":"Europe/Kyiv","daily":[{"date":"2026-06-02","created":12,"resolved":9,"breached":1,"avg_response_min":18,"avg_resolution_hours":4.5},{"date":"2026-06-03","created":7,"resolved":3,"breached":0,"avg_response_min":11,"avg_resolution_hours":2.0}],"sla":{"met":23,"breached":1,"provisional":1,"excused":0,"compliance_pct":92,"compliance_at_best_pct":96},"categories":[{"category_id":3,"category":"hardware","created":19,"resolved":12}],"avg_response_min":15,"avg_resolution_hours":3.9,"horizon":{"sentence":"Complete: no device that holds work has been silent for longer than 15 minutes."}})"}),
       actions::dashboard_analytics},
      {offered(command("api notif_count", "How much an operator was told of and has not read",
                       "Of the operator that a key acts as, or who is logged in.\nExample: ternd api notif_count", {}),
               reads("notif_count", R"({"count":3,"muted":["changed"],"mailed":["assigned","mentioned"]})")),
       actions::notif_count},
      {offered(
           command(
               "api get_notifications", "What an operator was told of, the newest first",
               "Who opens a ticket in a session has read what they were told of it.\nExample: ternd api "
               "get_notifications --limit 5",
               {otherwise(optional("limit", "At most so many, up to 100", ArgKind::integer), "20"),
                optional("unread", "Only what is not read yet", ArgKind::flag),
                optional("mark_read", "all, or the id of one: read from now on (by a key with write)"),
                one_of(repeated("mute",
                                "From now on (by a key with write) they are not told of these; none: of everything"),
                       mutable_kinds()),
                one_of(repeated("mail", "From now on (by a key with write) they get these by mail, too; none: nothing"),
                       mutable_kinds())}),
           reads(
               "get_notifications",
               R"([{"id":12,"type":"assigned","text":"Ann Lee assigned T-2026-0042 to you","ticket_id":42,"number":"T-2026-0042","subject":"CRM does not synchronise","author_name":"Ann Lee","detail":null,"created_at":"2026-03-19T10:30:00.000Z","read":false}])")),
       actions::get_notifications},
      {offered(
           command("api set_own_status", "Whether an operator takes work: they say it themselves",
                   "Of the operator that a key acts as, or who is logged in. Who is not online is given no tickets; "
                   "those that wait are given out when somebody comes.\nExample: ternd api set_own_status --status "
                   "away",
                   {one_of(required("status", "How they are there"),
                           {std::begin(person_statuses), std::end(person_statuses)})}),
           ApiFace{"set_own_status",
                   ApiSurface::admin,
                   {"write"},
                   ApiRole::operator_,
                   R"({"status":"away"})",
                   R"({"id":5,"name":"Ann Lee","status":"away"})"}),
       actions::set_own_status},
      {offered(
           command("api get_plan_features", "The plan, its limits, and what is used of them",
                   "Example: ternd api get_plan_features", {}),
           of_admins(
               "get_plan_features", "{}",
               R"({"plan":"pro","limits":{"keys":3,"requests_per_minute":120,"file_mb":25},"scopes":["read","write","tickets","messages","clients"],"used":{"keys":1}})")),
       actions::get_plan_features},
  };
}

}  // namespace tern::server::admin
