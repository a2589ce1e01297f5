// What people write with and what organisations pay for: quick replies, macros, the knowledge base, tariffs. Those of
// the API's document are actions, too.
#include "admin/commands/describe.hpp"
#include "admin/handlers.hpp"
#include "api/actions.hpp"
#include "tern/sync/list_view.hpp"

namespace tern::server::admin {
namespace {

constexpr std::string_view an_article =
    R"({"id":1,"title":"Reset a meter","status":"published","category":"setup","views":0,"created_at":"2026-03-19T10:30:00.000Z","updated_at":"2026-03-19T10:30:00.000Z","content":"Hold the key for 5 seconds."})";
constexpr std::string_view a_tariff =
    R"({"id":1,"name":"Standard","description":"For small offices","hours_per_month":20,"rate":35.5,"currency":"EUR","active":true,"targets":null,"sla":{"response_minutes":1440,"resolution_minutes":2880,"calendar":"24/7"}})";

ApiFace reads_library(std::string_view action, std::string_view answer) {
  return {action, ApiSurface::admin, {"read"}, ApiRole::operator_, "{}", answer};
}
ApiFace edits(std::string_view action, std::string_view request, std::string_view answer) {
  return {action, ApiSurface::admin, {}, ApiRole::editor, request, answer};
}

AdminArg article_id() {
  return also_called(positional("article_id", "Title or id"), {"id"});
}
AdminArg tariff_id() {
  return also_called(positional("tariff_id", "Name or id"), {"id"});
}

std::vector<AdminArg> article_parts() {
  return {also_called(optional("content", "The text, at most 64 KiB"), {"text", "body"}),
          optional("category", "Where it belongs"),
          one_of(optional("status", "Who sees it: administrators, or everybody"), {"draft", "published"})};
}
std::vector<AdminArg> tariff_parts() {
  return {optional("description", "What is in it"),
          also_called(optional("hours_per_month", "Hours that are paid for", ArgKind::number), {"hours"}),
          also_called(optional("rate", "What an hour more costs", ArgKind::number), {"price"}),
          optional("currency", "Of the rate"),
          also_called(optional("first_response",
                               "Promised until somebody answers: 4h, 1h 30m, 2d; where there are no "
                               "SLA rules of your own"),
                      {"response"}),
          optional("next_response", "The same for each later message of the customer"),
          optional("resolution", "The same until it is resolved"),
          optional("periodic_update", "The same from one public reply to the next while it is open"),
          optional("on_site", "The same until somebody is there"),
          optional("calendar", "Whose hours count for them; 24/7 when left out"),
          one_of(optional("active", "Whether it is offered"), {"true", "false"})};
}
std::vector<AdminArg> led_by(AdminArg first, std::vector<AdminArg> others) {
  others.insert(others.begin(), std::move(first));
  return others;
}

std::vector<AdminEntry> writing_commands() {
  const std::vector<AdminArg> quick_reply = {
      optional("content", "The text, at most 64 KiB"), optional("shortcut", "A word that it goes by"),
      optional("operator", "Whose own it is: name, address or id; everybody's when left out")};
  const std::vector<AdminArg> macro = {
      optional("content", "A public message that it writes first"),
      repeated("actions",
               "What it does: reply TEXT, note TEXT, tag NAME, untag NAME, set FIELD VALUE, queue NAME, take, assign "
               "NAME, watch, start, wait, hold [REASON], resume, put-back, resolve [RESULT], close, reopen [REASON]")};
  const auto named = [](std::vector<AdminArg> args) {
    return led_by(positional("name", "What it is called"), std::move(args));
  };
  const auto renamed = [](std::vector<AdminArg> args) {
    args.push_back(optional("rename", "Its new name"));
    return led_by(positional("name", "Which one"), std::move(args));
  };
  return {
      {command("quick-reply add", "A new text to answer with",
               "Devices have everybody's and their operator's own, also offline.\nExample: ternd quick-reply add \"On "
               "our way\" --shortcut omw --content \"We are on our way.\"",
               named(quick_reply)),
       record_add},
      {offered(
           command("quick-reply list", "Texts to answer with", "Example: ternd quick-reply list", {}),
           reads_library(
               "list_quick_replies",
               R"([{"id":1,"title":"On our way","content":"We are on our way.","shortcut":"omw","personal":false}])")),
       actions::list_quick_replies},
      {command("quick-reply set", "Changes a text to answer with",
               "What is not named stays; an empty text takes away: without an operator it is everybody's.\nExample: "
               "ternd quick-reply set \"On our way\" --shortcut way",
               renamed(quick_reply)),
       record_set},
      {command("quick-reply remove", "Takes a text to answer with off the lists",
               "Example: ternd quick-reply remove \"On our way\"", {positional("name", "Which one")}),
       record_remove},
      {command("macro add", "Several steps that are done at once",
               "Done by whoever applies it, with their rights. At most 20 steps; one move of the status, one assignee "
               "and one queue.\nExample: ternd macro add \"Part ordered\" --content \"The part is on its way.\" "
               "--actions \"tag part\" \"hold part ordered\"",
               named(macro)),
       record_add},
      {offered(
           command("macro list", "Macros, and what they do", "Example: ternd macro list", {}),
           reads_library(
               "list_macros",
               R"([{"id":1,"title":"Part ordered","content":"The part is on its way.","actions":["tag part","hold part ordered"]}])")),
       actions::list_macros},
      {command("macro set", "Changes a macro",
               "What is not named stays; --actions says all of them anew.\nExample: ternd macro set \"Part ordered\" "
               "--actions \"tag part\"",
               renamed(macro)),
       record_set},
      {command("macro remove", "Takes a macro off the lists; what it did stays",
               "Example: ternd macro remove \"Part ordered\"", {positional("name", "Which one")}),
       record_remove},
  };
}

std::vector<AdminEntry> view_commands() {
  std::vector<AdminArg> terms = {
      optional("status", "A status, a class (todo work wait hold done end), active, or all"),
      one_of(optional("priority", "Only these"), {"low", "normal", "high", "urgent"}),
      optional("queue", "Name of a queue, or none"),
      optional("assignee", "Name of an operator, none, or me: whoever looks"),
      optional("category", "Name of a category, or none"),
      one_of(optional("colour", "Of what was promised or of the deadline, the worse one"),
             {sync::list_colours.begin(), sync::list_colours.end()}),
      optional("tag", "A tag"),
      optional("text", "Words in subject, description or messages"),
      optional("age", "Made so many working days ago or earlier"),
      one_of(optional("sort", "Sorted by"), {sync::list_sorts.begin(), sync::list_sorts.end()}),
      one_of(optional("order", "Largest and newest first, or last"),
             {sync::list_orders.begin(), sync::list_orders.end()}),
      optional("folder", "Where it is listed"),
      optional("position", "Its place in the folder: smaller numbers first", ArgKind::integer),
      optional("operator", "Whose own it is: name, address or id; everybody's when left out")};
  std::vector<AdminArg> changed = terms;
  changed.push_back(optional("rename", "Its new name"));
  return {
      {command(
           "view add", "A new list of tickets under a name",
           "Devices have everybody's and their operator's own, also offline: tern list --view NAME. A folder is there "
           "while a view names it.\nExample: ternd view add \"Night shift\" --queue Field --priority urgent --sort "
           "sla --folder Shifts",
           led_by(positional("name", "What it is called"), terms)),
       record_add},
      {offered(command("view list", "Lists of tickets that have a name", "Example: ternd view list", {}),
               reads_library("list_views",
                             R"([{"id":1,"name":"Night shift","folder":"Shifts","position":0,"personal":false,"terms":)"
                             R"({"queue":"Field","priority":"urgent","sort":"sla"}}])")),
       actions::list_views},
      {command("view set", "Changes a list of tickets",
               "What is not named stays; an empty text takes away: without an operator it is everybody's.\nExample: "
               "ternd view set \"Night shift\" --priority \"\"",
               led_by(positional("name", "Which one"), changed)),
       record_set},
      {command("view remove", "Takes a view away; its tickets stay", "Example: ternd view remove \"Night shift\"",
               {positional("name", "Which one")}),
       record_remove},
  };
}

std::vector<AdminEntry> article_commands() {
  return {
      {offered(command("article add", "A new article of the knowledge base",
                       "A draft until it is published. Published ones are on every device, and found there.\nExample: "
                       "ternd article add \"Reset a meter\" --content \"Hold the key for 5 seconds.\" --status "
                       "published",
                       led_by(also_called(positional("title", "What it is called"), {"name"}), article_parts())),
               edits("create_kb_article",
                     R"({"title":"Reset a meter","content":"Hold the key for 5 seconds.","status":"published"})",
                     an_article)),
       actions::create_kb_article},
      {offered(
           command("article list", "Articles of the knowledge base",
                   "With --article-id one of them, and its text.\nExample: ternd article list --status draft",
                   {also_called(optional("article_id", "Only this one, with its content: title or id"), {"id"}),
                    one_of(optional("status", "Only these"), {"draft", "published"})}),
           reads_library(
               "list_kb_articles",
               R"([{"id":1,"title":"Reset a meter","status":"published","category":"setup","views":0,"created_at":"2026-03-19T10:30:00.000Z","updated_at":"2026-03-19T10:30:00.000Z"}])")),
       actions::list_kb_articles},
      {offered(command("article set", "Changes an article",
                       "What is not named stays.\nExample: ternd article set \"Reset a meter\" --status published",
                       led_by(article_id(), led_by(optional("title", "Its new title"), article_parts()))),
               edits("update_kb_article", R"({"article_id":1,"status":"published"})", an_article)),
       actions::update_kb_article},
      {offered(command("article remove", "Takes an article away, from devices too",
                       "Example: ternd article remove \"Reset a meter\"", {article_id()}),
               edits("delete_kb_article", R"({"article_id":1})", R"({"id":1})")),
       actions::delete_kb_article},
  };
}

std::vector<AdminEntry> tariff_commands() {
  return {
      {offered(
           command("tariff add", "A new tariff",
                   "Targets of its own stand before those of categories and priorities, until you have SLA rules: then "
                   "what it promises say the rules that ask for it, as --when tariff=Gold.\nExample: ternd tariff add "
                   "Gold --hours-per-month 20 --rate 35.5 --currency EUR --first-response 1h --resolution 8h",
                   led_by(positional("name", "What it is called"), tariff_parts())),
           edits("create_tariff", R"({"name":"Standard","hours_per_month":20,"rate":35.5})", a_tariff)),
       actions::create_tariff},
      {offered(
           command("tariff list", "Tariffs that are offered", "Example: ternd tariff list",
                   {optional("all", "Also those that are not offered any more", ArgKind::flag)}),
           reads_library(
               "get_tariff_plans",
               R"([{"id":1,"name":"Standard","description":"For small offices","hours_per_month":20,"rate":35.5,"currency":"EUR","active":true,"targets":null,"sla":{"response_minutes":1440,"resolution_minutes":2880,"calendar":"24/7"}}])")),
       actions::get_tariff_plans},
      {offered(command("tariff set", "Changes a tariff",
                       "What is not named stays. Its name stays while an organisation or a rule names it.\nExample: "
                       "ternd tariff set Standard --rate 40",
                       led_by(tariff_id(), led_by(optional("name", "Its new name"), tariff_parts()))),
               edits("update_tariff", R"({"tariff_id":1,"rate":40})", a_tariff)),
       actions::update_tariff},
      {offered(command("tariff remove", "Takes a tariff away that no organisation has",
                       "Example: ternd tariff remove Standard", {tariff_id()}),
               edits("delete_tariff", R"({"tariff_id":1})", R"({"id":1})")),
       actions::delete_tariff},
      {offered(
           command("api save_business_hours", "When people work here: the first calendar, in a new version",
                   "What is not named stays. SLA rules that count by it count so from now on.\nExample: ternd api "
                   "save_business_hours --timezone Europe/Kyiv --schedule \"mon-fri 09:00-18:00\"",
                   {also_called(optional("timezone", "Time zone; UTC when none was ever said"), {"zone"}),
                    also_called(repeated("schedule", "DAYS HH:MM-HH:MM, or 24/7"), {"hours"}),
                    repeated("holidays", "YYYY-MM-DD or MM-DD (every year), then other hours or nothing")}),
           edits(
               "save_business_hours", R"({"timezone":"Europe/Kyiv","schedule":["mon-fri 09:00-18:00"]})",
               R"({"timezone":"Europe/Kyiv","schedule":["mon-fri 09:00-18:00"],"holidays":["12-25"],"calendars":[]})")),
       actions::save_business_hours},
  };
}

}  // namespace

std::vector<AdminEntry> library_commands() {
  std::vector<AdminEntry> all = writing_commands();
  for (const auto part : {view_commands, article_commands, tariff_commands})
    for (AdminEntry& entry : part()) all.push_back(std::move(entry));
  return all;
}

}  // namespace tern::server::admin
