// What tickets name: queues, categories, customers, tags, fields.
#include "admin/commands/describe.hpp"
#include "admin/handlers.hpp"

namespace tern::server::admin {

std::vector<AdminEntry> record_commands() {
  return {
      {command("queue add", "A new queue", "Example: ternd queue add \"Field crew\"",
               {positional("name", "What it is called"), optional("description", "What it is for"),
                optional("sort", "Place in lists")}),
       record_add},
      {command("queue list", "Queues", "Example: ternd queue list", paged()), record_list},
      {command("category add", "A new category", "Example: ternd category add Pumps --code P",
               {positional("name", "What it is called"), optional("code", "Short code"),
                optional("parent", "Category above it"), optional("description", "What it is for"),
                optional("sort", "Place in lists")}),
       record_add},
      {command("category list", "Categories", "Example: ternd category list", paged()), record_list},
      {command("contact add", "A new customer", "Example: ternd contact add \"Joe Smith\" --email joe@customer.example",
               {positional("name", "Who it is"), optional("email", "Address"), optional("phone", "Telephone"),
                optional("organisation", "Where they belong"), optional("language", "Language tag")}),
       record_add},
      {command("contact list", "Customers", "Example: ternd contact list", paged()), record_list},
      {command("organisation add", "A new organisation of customers",
               "Example: ternd organisation add \"Smith and Sons\" --portal-domain customer.example",
               {positional("name", "What it is called"), optional("portal_domain", "Domain of its addresses"),
                optional("tariff", "Tariff")}),
       record_add},
      {command("organisation list", "Organisations of customers", "Example: ternd organisation list", paged()),
       record_list},
      {command("tag add", "A tag that lists offer", "Example: ternd tag add pump --colour blue",
               {positional("name", "The tag"), optional("colour", "Colour")}),
       record_add},
      {command("tag list", "Tags that lists offer", "Example: ternd tag list", paged()), record_list},
      {command(
           "field add", "A new custom field of tickets", "Example: ternd field add meter_no --type number",
           {positional("name", "Its name: a-z 0-9 _ . -"), required("type", "text number date select multi bool ref"),
            optional("label", "What people read"), optional("options", "Of select and multi: values, one a line"),
            optional("required", "1: must be filled"), optional("sort", "Place in forms")}),
       record_add},
      {command("field list", "Custom fields", "Example: ternd field list", paged()), record_list},
      {lengthy(command(
           "record load", "Many records at once; those that are there already are left as they are",
           "One JSON object a line: {\"kind\":\"queue\",\"name\":\"Field\"}; operators also email, role, "
           "queues; all of them attributes. Anything else is refused.\nExample: ternd record load --file records.jsonl",
           {optional("file", "Lines of JSON", ArgKind::path)})),
       record_load, "rows"},
  };
}

}  // namespace tern::server::admin
