// Actions of the API on what tickets name, and on figures.
#include "admin/commands/describe.hpp"
#include "api/actions.hpp"

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
               R"({"total_open":12,"total_new":3,"total_in_progress":7,"total_done":2,"total_on_hold":2,"avg_response_min":18,"avg_resolution_hours":4.5,"sla_compliance_pct":92,"per_portal":[{"portal_domain":"client.example","company_name":"Client Ltd","open":5,"new":1}]})")),
       actions::dashboard},
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
