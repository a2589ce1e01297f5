// What tickets name: queues, categories, customers, tags, fields.
#include "admin/commands/describe.hpp"
#include "admin/handlers.hpp"

namespace tern::server::admin {
namespace {

std::vector<AdminArg> named(std::string_view help, std::vector<AdminArg> attributes) {
  attributes.insert(attributes.begin(), positional("name", help));
  return attributes;
}

/// Of a record that is there: by name or id, and what it may be called from now on.
std::vector<AdminArg> renamed(std::vector<AdminArg> attributes) {
  attributes.push_back(optional("rename", "Its new name"));
  return named("Which one", std::move(attributes));
}

}  // namespace

std::vector<AdminEntry> record_commands() {
  const std::vector<AdminArg> of_one = {positional("name", "Which one")};
  const std::vector<AdminArg> queue = {
      optional("description", "What it is for"), optional("sort", "Place in lists"),
      optional("strategy", "none: people take its tickets; least_open: each is given to who has the least to do"),
      optional("urgent_weight", "1 or 2: what an urgent ticket counts in what people hold"),
      optional("answers_wait", "1: a public answer sets its tickets to waiting; 0: no trigger does, either")};
  const std::vector<AdminArg> category = {
      optional("code", "Short code"),
      optional("parent", "Category above it"),
      optional("description", "What it is for"),
      optional("sort", "Place in lists"),
      optional("sla_hours", "Hours to the first response, where there are no rules of your own"),
      optional("default_agent", "Who is given its tickets: name, address or id"),
      optional("required", "What its tickets need: priority type contact organisation due_at, with commas"),
      optional("sticky", "1: in any case, free or not"),
      optional("skills", "What they have to be good at, who are given its tickets: sip:2,crm")};
  const std::vector<AdminArg> contact = {optional("email", "Address"),
                                         optional("phone", "Telephone"),
                                         optional("organisation", "Where they belong"),
                                         optional("language", "Language tag"),
                                         optional("vip", "1: somebody whom rules may prefer"),
                                         optional("legal_hold", "Why nothing of them may be erased")};
  const std::vector<AdminArg> organisation = {optional("portal_domain", "Domain of its addresses"),
                                              optional("tariff", "Tariff")};
  const std::vector<AdminArg> tag = {optional("colour", "Colour")};
  const std::vector<AdminArg> field = {
      optional("label", "What people read"), optional("options", "Of select and multi: values, one a line"),
      optional("required", "1: a new ticket needs it, and one that is resolved or closed; it is not emptied"),
      optional("category", "Only of tickets of this category: its name or code"), optional("sort", "Place in forms")};
  std::vector<AdminArg> new_field = field;
  new_field.insert(new_field.begin(), required("type", "text number date select multi bool ref"));
  return {
      {command("queue add", "A new queue", "Example: ternd queue add \"Field crew\"",
               named("What it is called", queue)),
       record_add},
      {command("queue list", "Queues", "Example: ternd queue list", paged()), record_list},
      {command("queue set", "Changes a queue",
               "What is not named stays; an empty text takes an attribute away.\nExample: ternd queue set \"Field "
               "crew\" --rename Field",
               renamed(queue)),
       record_set},
      {command("queue remove", "Takes a queue off the lists; tickets that ended in it keep its name",
               "Refused while tickets are at work in it.\nExample: ternd queue remove Field", of_one),
       record_remove},

      {command("category add", "A new category", "Example: ternd category add Pumps --code P",
               named("What it is called", category)),
       record_add},
      {command("category list", "Categories", "Example: ternd category list", paged()), record_list},
      {command("category set", "Changes a category",
               "What is not named stays; an empty text takes an attribute away.\nExample: ternd category set Pumps "
               "--parent Hardware",
               renamed(category)),
       record_set},
      {command("category remove", "Takes a category off the lists; its tickets keep it",
               "Example: ternd category remove Pumps", of_one),
       record_remove},

      {command("contact add", "A new customer", "Example: ternd contact add \"Joe Smith\" --email joe@customer.example",
               named("Who it is", contact)),
       record_add},
      {command("contact list", "Customers", "Example: ternd contact list", paged()), record_list},
      {command("contact set", "Changes what is known of a customer",
               "What is not named stays; an empty text takes an attribute away.\nExample: ternd contact set \"Joe "
               "Smith\" --phone +441632960961",
               renamed(contact)),
       record_set},
      {command("contact remove", "Takes a customer off the lists; their tickets keep the name",
               "Example: ternd contact remove \"Joe Smith\"", of_one),
       record_remove},

      {command("organisation add", "A new organisation of customers",
               "Example: ternd organisation add \"Smith and Sons\" --portal-domain customer.example",
               named("What it is called", organisation)),
       record_add},
      {command("organisation list", "Organisations of customers", "Example: ternd organisation list", paged()),
       record_list},
      {command("organisation set", "Changes an organisation",
               "What is not named stays; an empty text takes an attribute away.\nExample: ternd organisation set "
               "\"Smith and Sons\" --tariff Gold",
               renamed(organisation)),
       record_set},
      {command("organisation remove", "Takes an organisation off the lists; its tickets keep the name",
               "Example: ternd organisation remove \"Smith and Sons\"", of_one),
       record_remove},

      {command("client add", "The same as organisation add, as the API calls them",
               "Example: ternd client add \"Smith and Sons\" --portal-domain customer.example",
               named("What it is called", organisation)),
       record_add},
      {command("client list", "The same as organisation list", "Example: ternd client list", paged()), record_list},
      {command("client set", "The same as organisation set",
               "What is not named stays; an empty text takes an attribute away.\nExample: ternd client set "
               "\"Smith and Sons\" --tariff Gold",
               renamed(organisation)),
       record_set},
      {command("client remove", "The same as organisation remove", "Example: ternd client remove \"Smith and Sons\"",
               of_one),
       record_remove},

      {command("tag add", "A tag that lists offer", "Example: ternd tag add pump --colour blue", named("The tag", tag)),
       record_add},
      {command("tag list", "Tags that lists offer", "Example: ternd tag list", paged()), record_list},
      {command("tag set", "Another colour for a tag", "Example: ternd tag set pump --colour green",
               named("Which one", tag)),
       record_set},
      {command("tag remove", "A tag that lists offer no more; tickets that have it keep it",
               "Example: ternd tag remove pump", of_one),
       record_remove},

      {command("field add", "A new custom field of tickets", "Example: ternd field add meter_no --type number",
               named("Its name: a-z 0-9 _ . -", new_field)),
       record_add},
      {command("field list", "Custom fields", "Example: ternd field list", paged()), record_list},
      {command("field set", "Changes what people see of a custom field",
               "Its name and its type stay: tickets hold values of it.\nExample: ternd field set meter_no --label "
               "\"Meter number\"",
               named("Which one", field)),
       record_set},
      {command("field remove", "A field that forms offer no more; tickets keep their values",
               "Example: ternd field remove meter_no", of_one),
       record_remove},

      {lengthy(command(
           "record load", "Many records at once; those that are there already are left as they are",
           "One JSON object a line: {\"kind\":\"queue\",\"name\":\"Field\"}; operators also email, role, "
           "queues; all of them attributes. Anything else is refused.\nExample: ternd record load --file records.jsonl",
           {optional("file", "Lines of JSON", ArgKind::path)})),
       record_load, "rows"},
  };
}

}  // namespace tern::server::admin
