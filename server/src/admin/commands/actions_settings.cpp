// Actions of the API for administrators: operators, clients' settings, channels, branding, triggers; and for the head
// administrator.
#include "admin/commands/describe.hpp"
#include "api/actions.hpp"

namespace tern::server::admin {
namespace {

constexpr std::string_view a_person =
    R"({"id":5,"name":"Ann Lee","role":"operator","department":"Field","email":"ann@example.org","active":true,"can_edit":false})";
constexpr std::string_view a_channel =
    R"({"id":1,"name":"Support bot","type":"telegram","settings":{"username":"acme_bot"},"active":true,"has_secret":true,"status":"connected","state":"active","version":17})";
constexpr std::string_view the_branding =
    R"({"company_name":"Acme","support_email":null,"footer_text":null,"logo_url":null,"favicon_url":null,"website_url":null,"primary_color":"#1a2b3c","accent_color":null,"state":"stored","version":17})";
constexpr std::string_view a_trigger =
    R"({"id":1,"name":"Tell the team","event":"created","conditions":{"priority":"urgent"},"actions":["notify team"],"active":true,"position":0,"state":"active","version":17})";
constexpr std::string_view a_tenant =
    R"({"id":"7d9f2b1c-0a3e-4c55-9b1d-2f6a8e7c4d10","name":"Acme","plan":"pro","state":"open","operators":4,"tickets":156})";

ApiFace by_admin(std::string_view action, std::string_view request, std::string_view answer) {
  return {action, ApiSurface::admin, {}, ApiRole::admin, request, answer};
}
ApiFace by_head(std::string_view action, std::string_view request, std::string_view answer) {
  return {action, ApiSurface::admin, {}, ApiRole::head_admin, request, answer};
}

AdminArg who() {
  return also_called(required("operator_id", "Name, address or id"), {"id", "operator"});
}
AdminArg switched(std::string_view help) {
  return one_of(optional("active", help), {"true", "false"});
}

std::vector<AdminEntry> people_actions() {
  constexpr std::string_view role_words = "light operator supervisor manager sla_manager admin integrator analyst";
  return {
      {offered(command("api add_operator", "A new operator",
                       "Example: ternd api add_operator --email ann@example.org --name \"Ann Lee\"",
                       {required("email", "Their address; also their login"), optional("name", "What colleagues read"),
                        otherwise(optional("role", role_words), "operator"), optional("department", "Where they work"),
                        also_called(repeated("queue", "Queues of theirs: names or ids"), {"queues"}),
                        optional("password", "Read from the first line of stdin", ArgKind::secret)}),
               by_admin("add_operator", R"({"email":"ann@example.org","name":"Ann Lee","role":"operator"})", a_person)),
       actions::add_operator},
      {offered(command("api remove_operator", "Ends an operator's sessions, keys and devices; their tickets go back",
                       "Tickets that are not done lose their assignee and stay in their queue.\nExample: ternd api "
                       "remove_operator --operator-id ann@example.org",
                       {who()}),
               by_admin("remove_operator", R"({"operator_id":5})",
                        R"({"id":5,"active":false,"revoked_devices":1,"returned_tickets":3})")),
       actions::remove_operator},
      {offered(command("api update_operator_role", "Another role for an operator",
                       "Example: ternd api update_operator_role --operator-id ann@example.org --role supervisor",
                       {who(), required("role", role_words)}),
               by_admin("update_operator_role", R"({"operator_id":5,"role":"operator"})", a_person)),
       actions::update_operator_role},
      {offered(command("api toggle_operator_edit", "Lets an operator edit tags, articles, tariffs and business hours",
                       "Without --enabled it becomes the other way round.\nExample: ternd api toggle_operator_edit "
                       "--operator-id ann@example.org --enabled true",
                       {who(), one_of(optional("enabled", "Whether they may"), {"true", "false"})}),
               by_admin("toggle_operator_edit", R"({"operator_id":5,"enabled":true})", a_person)),
       actions::toggle_operator_edit},
      {offered(
           command("api client_settings", "Changes what a client is set to",
                   "Of data company_name, tariff_plan and hours_per_month are the client's own; anything else is kept "
                   "with it as it is, at most 40 settings of 4 KiB. null takes one away; without data it shows them "
                   "all.\nExample: ternd api client_settings --portal-domain client.example --data-json "
                   "'{\"hours_per_month\":20}'",
                   {required("portal_domain", "The client's portal"),
                    also_called(optional("data", "Settings by their names", ArgKind::object), {"settings"})}),
           {"client_settings",
            ApiSurface::admin,
            {"write", "clients"},
            ApiRole::operator_,
            R"({"portal_domain":"client.example","data":{"hours_per_month":20}})",
            R"({"id":3,"portal_domain":"client.example","company_name":"Client Ltd","tariff_plan":"standard","hours_per_month":20,"settings":{"greeting":"Hello"}})"}),
       actions::client_settings},
  };
}

std::vector<AdminEntry> channel_actions() {
  const AdminArg channel_id = also_called(required("channel_id", "Name or id"), {"id"});
  const AdminArg settings = optional("settings", "What is no secret", ArgKind::object);
  const AdminArg secret = also_called(optional("secret", "Its token or password; never shown again", ArgKind::secret),
                                      {"token", "api_key"});
  const AdminArg type = one_of(required("type", "Of what kind it is"), {"whatsapp", "telegram", "email"});
  return {
      {offered(
           command("api create_channel", "Keeps a channel to customers",
                   "With a secret it takes in what customers write (ternd inbound list: where to). settings may have a "
                   "mapping of priority, category and portal_domain.\nExample: ternd api create_channel --type "
                   "telegram --name "
                   "\"Support bot\"",
                   {type, required("name", "What it is called"), settings, secret, switched("Whether it is used")}),
           by_admin("create_channel", R"({"type":"telegram","name":"Support bot","settings":{"username":"acme_bot"}})",
                    a_channel)),
       actions::create_channel},
      {offered(
           command("api update_channel", "Changes a channel",
                   "What is not named stays.\nExample: ternd api update_channel --channel-id \"Support bot\" "
                   "--active false",
                   {channel_id, optional("name", "Its new name"), settings, secret, switched("Whether it is used")}),
           by_admin("update_channel", R"({"channel_id":1,"active":false})", a_channel)),
       actions::update_channel},
      {offered(command("api delete_channel", "Takes a channel away, and its secret",
                       "Example: ternd api delete_channel --channel-id \"Support bot\"", {channel_id}),
               by_admin("delete_channel", R"({"channel_id":1})", R"({"id":1})")),
       actions::delete_channel},
      {offered(
           command("api get_channels_status", "Channels, and whether they are connected",
                   "Example: ternd api get_channels_status", {}),
           by_admin(
               "get_channels_status", "{}",
               R"([{"id":1,"name":"Support bot","type":"telegram","settings":{"username":"acme_bot"},"active":true,"has_secret":true,"status":"connected","state":"active","version":17}])")),
       actions::get_channels_status},
  };
}

std::vector<AdminEntry> branding_actions() {
  return {
      {offered(
           command("api get_branding", "How pages for customers are to look", "Example: ternd api get_branding", {}),
           by_admin("get_branding", "{}", the_branding)),
       actions::get_branding},
      {offered(
           command("api save_branding", "Keeps how pages for customers are to look",
                   "What is not named stays; it is stored, and no page shows it.\nExample: ternd api save_branding "
                   "--company-name Acme --primary-color \"#1a2b3c\"",
                   {optional("company_name", "What customers read"), optional("support_email", "Whom they write to"),
                    optional("footer_text", "A line below"), optional("logo_url", "https://..."),
                    optional("favicon_url", "https://..."), optional("website_url", "https://..."),
                    also_called(optional("primary_color", "#rrggbb"), {"primary_colour"}),
                    also_called(optional("accent_color", "#rrggbb"), {"accent_colour"})}),
           by_admin("save_branding", R"({"company_name":"Acme","primary_color":"#1a2b3c"})", the_branding)),
       actions::save_branding},
      {offered(
           command("api reset_branding", "Nothing of it any more", "Example: ternd api reset_branding", {}),
           by_admin(
               "reset_branding", "{}",
               R"({"company_name":null,"support_email":null,"footer_text":null,"logo_url":null,"favicon_url":null,"website_url":null,"primary_color":null,"accent_color":null,"state":"default","version":null})")),
       actions::reset_branding},
  };
}

std::vector<AdminEntry> trigger_actions() {
  const AdminArg trigger_id = also_called(required("trigger_id", "Name or id"), {"id"});
  AdminArg which = trigger_id;
  which.required = false;
  return {
      {offered(
           command("api list_triggers", "Triggers in their order", "Example: ternd api list_triggers", {}),
           by_admin(
               "list_triggers", "{}",
               R"([{"id":1,"name":"Tell the team","event":"created","conditions":{"priority":"urgent"},"actions":["notify team"],"active":true,"position":0,"state":"active","version":17}])")),
       actions::list_triggers},
      {offered(
           command(
               "api save_trigger", "Keeps a trigger: a new one, or another version of one",
               "Actions: notify team, notify assignee, notify supervisors, escalate [QUEUE], follow up, tag NAME, note "
               "TEXT, priority NAME, after agent_replied also wait. What it did stands in the ticket as a note. State "
               "stored: something in it "
               "is none of these.\nExample: ternd api save_trigger --name \"Tell the team\" --event created "
               "--actions \"notify team\"",
               {which, optional("name", "What it is called; of a new one needed"),
                one_of(optional("event", "When it acts; of a new one needed"),
                       {"created", "updated", "priority_changed", "status_changed", "assigned", "customer_replied",
                        "agent_replied", "no_response"}),
                optional("conditions",
                         "What must hold: priority, status, category, queue, type, tag, portal_domain; hours of "
                         "no_response (24)",
                         ArgKind::object),
                repeated("actions", "What it does, in order; of a new one needed"), switched("Whether it counts"),
                optional("position", "Its place; 0 first", ArgKind::integer)}),
           by_admin("save_trigger", R"({"name":"Tell the team","event":"created","actions":["notify team"]})",
                    a_trigger)),
       actions::save_trigger},
      {offered(command("api delete_trigger", "Takes a trigger away",
                       "Example: ternd api delete_trigger --trigger-id \"Tell the team\"", {trigger_id}),
               by_admin("delete_trigger", R"({"trigger_id":1})", R"({"id":1})")),
       actions::delete_trigger},
  };
}

std::vector<AdminEntry> demo_actions() {
  return {
      {offered(command("api check_demo_status", "Whether there are demo tickets here",
                       "Example: ternd api check_demo_status", {}),
               by_admin("check_demo_status", "{}", R"({"enabled":true,"tickets":50,"can_enable":false})")),
       actions::check_demo_status},
      {offered(command("api enable_demo", "Fills an empty organisation with 50 demo tickets, or takes them away again",
                       "They are tagged demo. What people made meanwhile stays.\nExample: ternd api enable_demo", {}),
               by_admin("enable_demo", "{}", R"({"enabled":true,"tickets":50,"can_enable":false})")),
       actions::enable_demo},
      {offered(command("api demo_analytics", "How many organisations look at demo tickets",
                       "Example: ternd api demo_analytics", {}),
               by_head("demo_analytics", "{}", R"({"tenants":3,"demo_tenants":1,"demo_tickets":50})")),
       actions::demo_analytics},
  };
}

std::vector<AdminEntry> platform_actions() {
  return {
      {offered(
           command("api list_tenants", "Organisations on this server", "Example: ternd api list_tenants", {}),
           by_head(
               "list_tenants", "{}",
               R"([{"id":"7d9f2b1c-0a3e-4c55-9b1d-2f6a8e7c4d10","name":"Acme","plan":"pro","state":"open","operators":4,"tickets":156}])")),
       actions::list_tenants},
      {offered(command("api update_tenant", "Another plan for an organisation",
                       "Example: ternd api update_tenant --tenant-id Acme --plan pro",
                       {also_called(required("tenant_id", "Name or id"), {"id"}),
                        one_of(required("plan", "Its plan"), {"free", "starter", "pro", "business", "enterprise"})}),
               by_head("update_tenant", R"({"tenant_id":"Acme","plan":"pro"})", a_tenant)),
       actions::update_tenant},
      {offered(
           command("api list_error_logs", "What went wrong in this organisation, the newest first",
                   "The last 500 errors and warnings since the server was started; no secret is among them.\nExample: "
                   "ternd api list_error_logs",
                   {}),
           by_head("list_error_logs", "{}",
                   R"([{"time":"2026-03-19T10:30:00.000Z","level":"warning","event":"admin","code":"NOT_FOUND"}])")),
       actions::list_error_logs},
  };
}

}  // namespace

std::vector<AdminEntry> setting_actions() {
  std::vector<AdminEntry> all;
  for (const auto part :
       {people_actions, channel_actions, branding_actions, trigger_actions, demo_actions, platform_actions})
    for (AdminEntry& entry : part()) all.push_back(std::move(entry));
  return all;
}

}  // namespace tern::server::admin
