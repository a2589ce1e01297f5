// Actions of the API on tickets.
#include "admin/commands/describe.hpp"
#include "api/actions.hpp"
#include "tern/sync/ticket_fields.hpp"

namespace tern::server::admin {
namespace {

constexpr std::string_view a_ticket =
    R"({"id":42,"number":"T-2026-0042","subject":"CRM does not synchronise","description":"Since the update contacts are missing.","status":"in_progress","priority":"urgent","category":"crm","portal_domain":"client.example","company_name":"Client Ltd","assigned_to":5,"assigned_name":"Ann Lee","creator_name":"John Smith","created_at":"2026-03-19T10:30:00.000Z","updated_at":"2026-03-20T08:15:00.000Z","status_exact":"in_progress","priority_exact":"urgent","sla_response_at":"2026-03-19T11:00:00.000Z","sla_response_breached":false,"sla_resolution_at":"2026-03-19T14:30:00.000Z","sla_resolution_breached":false,"estimate":{"hours":2.5,"description":"A new sensor"},"result":null,"csat":null,"tags":["pump"],"due_at":null,"conversation":null,"type":"bug","contact":7,"queue":"Field","order":"A-1007","custom":{"meter_no":"12"},"watchers":[5],"watching_contacts":[],"links":[{"id":40,"number":"T-2026-0040","kind":"related"}],"minutes":30})";
constexpr std::string_view a_whole_ticket =
    R"({"ticket":{"id":42,"subject":"CRM does not synchronise"},"messages":[{"id":101,"message":"Since the update contacts are missing.","author_type":"client","author_name":"John Smith","is_note":false,"created_at":"2026-03-19T10:30:00.000Z","files":[]}],"files":[]})";
constexpr std::string_view a_page =
    R"({"tickets":[{"id":42,"number":"T-2026-0042","subject":"CRM does not synchronise","status":"in_progress","priority":"urgent","category":"crm","portal_domain":"client.example","company_name":"Client Ltd","assigned_to":5,"assigned_name":"Ann Lee","creator_name":"John Smith","created_at":"2026-03-19T10:30:00.000Z","updated_at":"2026-03-20T08:15:00.000Z","status_exact":"in_progress","priority_exact":"urgent","message_count":7,"unread_count":2}],"total":156,"page":1,"limit":30,"total_exact":true,"next_cursor":"0100000000000000000000000000000023"})";

std::vector<std::string_view> priorities() {
  return {"low", "normal", "medium", "high", "urgent", "critical"};
}
AdminArg ticket_id() {
  return also_called(required("ticket_id", "The ticket's id", ArgKind::integer), {"id"});
}
AdminArg reason() {
  return optional("reason", "Why");
}
std::vector<AdminArg> ticket_and_tag() {
  return {ticket_id(), also_called(optional("tag", "The tag"), {"name"}),
          optional("tag_id", "Or its id", ArgKind::integer)};
}
AdminArg numbers_or_none(std::string_view name, std::string_view help) {
  return {name, ArgKind::integer, false, true, false, help};
}
std::vector<AdminArg> linked_tickets() {
  return {ticket_id(), also_called(required("target_id", "The other one", ArgKind::integer), {"target_ticket_id"}),
          otherwise(one_of(optional("kind", "What the first one is to it"),
                           {"related", "parent", "child", "duplicate", "blocks", "follow-up"}),
                    "related")};
}
std::vector<AdminArg> ticket_and_watcher() {
  return {ticket_id(), optional("operator_id", "An operator's id", ArgKind::integer),
          optional("contact", "Or a contact: id, address or name")};
}
/// What a ticket holds beside its subject, its priority and its category.
std::vector<AdminArg> with_content(std::vector<AdminArg> args) {
  const auto types = sync::ticket_types();
  for (AdminArg& arg : std::vector<AdminArg>{
           one_of(optional("type", "What kind of matter"), {types.begin(), types.end()}),
           optional("contact", "The customer: id, address or name"), optional("due_at", "Its own deadline"),
           optional("order", "The order that it is about"),
           optional("external_refs", "What others call it, by the kind of reference; null: no more", ArgKind::object),
           optional("custom", "Custom fields by their names; a list for several values, null: none", ArgKind::object),
           optional("queue", "Its name or id"), repeated("tags", "All of its tags"),
           numbers_or_none("watchers", "Ids of all operators who watch it"),
           numbers_or_none("watching_contacts", "Ids of all contacts who watch it")})
    args.push_back(std::move(arg));
  return args;
}
ApiFace writes_ticket(std::string_view action, std::string_view request, std::string_view answer = a_ticket) {
  return {action, ApiSurface::admin, {"write", "tickets"}, ApiRole::operator_, request, answer};
}
ApiFace by_supervisor(std::string_view action, std::string_view request, std::string_view answer) {
  return {action, ApiSurface::admin, {"write", "tickets"}, ApiRole::supervisor, request, answer};
}
ApiFace reads_ticket(std::string_view action, std::string_view request, std::string_view answer) {
  return {action, ApiSurface::admin, {"read", "tickets"}, ApiRole::operator_, request, answer};
}

}  // namespace

std::vector<AdminEntry> ticket_actions() {
  return {
      {offered(command("api list_tickets", "Tickets by filter, newest first",
                       "Example: ternd api list_tickets --status active",
                       {otherwise(optional("status", "active new in_progress done all, or a ticket's own"), "all"),
                        one_of(optional("priority", "urgent shows high ones, too"), priorities()),
                        optional("category", "Its code"),
                        optional("search", "Words of subject, description or messages; or a number: that ticket"),
                        optional("portal_domain", "The client's portal"),
                        optional("assigned_to", "An operator's id", ArgKind::integer),
                        optional("conversation", "Of which: CHANNEL:ID, as create_ticket was told"),
                        otherwise(one_of(optional("sort", "Relevance goes with a search"),
                                         {"newest", "oldest", "updated", "priority", "relevance"}),
                                  "newest"),
                        optional("cursor", "next_cursor of the page before, in place of a page"),
                        otherwise(optional("page", "From 1 on", ArgKind::integer), "1"),
                        otherwise(optional("limit", "At most 100", ArgKind::integer), "30")}),
               reads_ticket("list_tickets", R"({"status":"active","page":1})", a_page)),
       actions::list_tickets},
      {offered(command("api get_ticket", "One ticket with its messages and files",
                       "Example: ternd api get_ticket --ticket-id 42", {ticket_id()}),
               reads_ticket("get_ticket", R"({"ticket_id":42})", a_whole_ticket)),
       actions::get_ticket},
      {offered(
           command(
               "api create_ticket", "A new ticket",
               "Example: ternd api create_ticket --subject \"Pump leaks\" --description \"In hall 2.\"",
               with_content(
                   {required("subject", "What it is about"), required("description", "Shown as its first message"),
                    otherwise(one_of(optional("priority", "How urgent"), priorities()), "normal"),
                    optional("category", "Its code; one that is not there is made"),
                    optional("portal_domain", "The client's portal"),
                    optional("assigned_to", "An operator's id", ArgKind::integer),
                    optional("conversation",
                             "Out of which: id, channel, customer_name, customer_email, customer_phone, reason, and "
                             "messages of name, text and at",
                             ArgKind::object),
                    otherwise(one_of(optional("if_exists",
                                              "What a ticket of the same conversation that is not over is to "
                                              "that: reuse shows it, refuse is an error"),
                                     {"create", "reuse", "refuse"}),
                              "create")})),
           writes_ticket(
               "create_ticket",
               R"({"subject":"Server CPU > 90%","description":"host prod-01, CPU 94% for 5 min","priority":"urgent","category":"infrastructure"})",
               R"({"id":43,"subject":"Server CPU > 90%","status":"new","created_at":"2026-03-20T09:00:00.000Z","number":"T-2026-0043","duplicates":[]})")),
       actions::create_ticket},
      {offered(command("api update_ticket", "Changes fields of a ticket; what is as it was shown stays",
                       "Example: ternd api update_ticket --ticket-id 42 --priority urgent",
                       with_content({ticket_id(), optional("subject", "What it is about"),
                                     one_of(optional("priority", "How urgent"), priorities()),
                                     optional("category", "Its code; one that is not there is made"),
                                     optional("status", "Where it is to stand: the moves that lead there are made"),
                                     optional("portal_domain", "The client's portal"),
                                     one_of(repeated("clear", "Fields that are to be empty"),
                                            {"category", "priority", "type", "contact", "due_at", "order", "queue"}),
                                     optional("assigned_to", "An operator's id; 0: nobody", ArgKind::integer)})),
               writes_ticket("update_ticket", R"({"ticket_id":42,"priority":"urgent"})")),
       actions::update_ticket},
      {offered(command("api take_ticket", "Assigns a ticket to whom the key acts as",
                       "At this machine nobody is asked for: use reassign_ticket.\nExample: ternd api take_ticket "
                       "--ticket-id 42",
                       {ticket_id(), reason()}),
               writes_ticket("take_ticket", R"({"ticket_id":42})")),
       actions::take_ticket},
      {offered(command("api reassign_ticket", "Assigns a ticket to an operator",
                       "Example: ternd api reassign_ticket --ticket-id 42 --assigned-to 5",
                       {ticket_id(),
                        also_called(required("assigned_to", "An operator's id", ArgKind::integer), {"operator_id"}),
                        reason()}),
               writes_ticket("reassign_ticket", R"({"ticket_id":42,"assigned_to":5})")),
       actions::reassign_ticket},
      {offered(
           command("api set_estimate", "Says what it will take, for the client to approve",
                   "Example: ternd api set_estimate --ticket-id 42 --hours 2.5",
                   {ticket_id(), required("hours", "Of work", ArgKind::number), optional("description", "What for")}),
           writes_ticket("set_estimate", R"({"ticket_id":42,"hours":2.5,"description":"New sensor"})")),
       actions::set_estimate},
      {offered(command("api complete_ticket", "The ticket is done",
                       "Example: ternd api complete_ticket --ticket-id 42 --result \"Seal replaced.\"",
                       {ticket_id(), optional("result", "What was done")}),
               writes_ticket("complete_ticket", R"({"ticket_id":42,"result":"Service restarted"})")),
       actions::complete_ticket},
      {offered(command("api hold_ticket", "Puts a ticket on hold: its clock stands still",
                       "Example: ternd api hold_ticket --ticket-id 42",
                       {ticket_id(), reason(),
                        optional("wake_at", "Until when: whoever has it is told then, and it stays on hold")}),
               writes_ticket("hold_ticket", R"({"ticket_id":42})")),
       actions::hold_ticket},
      {offered(command("api resume_ticket", "Takes a ticket from hold to where it was before",
                       "Example: ternd api resume_ticket --ticket-id 42", {ticket_id()}),
               writes_ticket("resume_ticket", R"({"ticket_id":42})")),
       actions::resume_ticket},
      {offered(command("api reopen_ticket", "Opens a ticket that is done or closed",
                       "Example: ternd api reopen_ticket --ticket-id 42", {ticket_id(), reason()}),
               writes_ticket("reopen_ticket", R"({"ticket_id":42})")),
       actions::reopen_ticket},
      {offered(command("api merge_tickets", "Merges a ticket into another one, or takes that back",
                       "Example: ternd api merge_tickets --ticket-id 43 --target-id 42",
                       {also_called(required("ticket_id", "The one that goes", ArgKind::integer), {"source_id", "id"}),
                        also_called(required("target_id", "The one that stays", ArgKind::integer),
                                    {"target_ticket_id", "into"}),
                        otherwise(optional("undo", "Each is a ticket of its own again", ArgKind::flag), "false"),
                        reason()}),
               by_supervisor("merge_tickets", R"({"ticket_id":43,"target_id":42})", R"({"id":42,"merged_id":43})")),
       actions::merge_tickets},
      {offered(command("api delete_ticket", "Deletes a ticket; a supervisor can restore it",
                       "Example: ternd api delete_ticket --ticket-id 42", {ticket_id(), reason()}),
               by_supervisor("delete_ticket", R"({"ticket_id":42})", R"({"id":42})")),
       actions::delete_ticket},
      {offered(command("api restore_ticket", "Brings a deleted ticket back",
                       "Example: ternd api restore_ticket --ticket-id 42", {ticket_id(), reason()}),
               by_supervisor("restore_ticket", R"({"ticket_id":42})", a_ticket)),
       actions::restore_ticket},
      {offered(
           command(
               "api split_ticket",
               "Makes a new ticket of some of its messages; merge_tickets of the new one into the old one takes it "
               "back",
               "Example: ternd api split_ticket --ticket-id 42 --message-ids 101 --subject \"Second pump\"",
               with_content({ticket_id(), numbers("message_ids", "Which messages of the ticket go"),
                             required("subject", "What the new ticket is about"),
                             optional("description", "Shown as its first message"),
                             one_of(optional("priority", "How urgent"), priorities()),
                             optional("category", "Its code; one that is not there is made"),
                             optional("portal_domain", "The client's portal"),
                             optional("assigned_to", "An operator's id", ArgKind::integer),
                             otherwise(optional("inherit_clock",
                                                "Deadlines count from the oldest message, not from now", ArgKind::flag),
                                       "false"),
                             reason()})),
           by_supervisor(
               "split_ticket", R"({"ticket_id":42,"message_ids":[101],"subject":"Second pump"})",
               R"({"id":43,"subject":"Second pump","status":"new","created_at":"2026-03-20T09:00:00.000Z","number":"T-2026-0043","duplicates":[]})")),
       actions::split_ticket},
      {offered(command("api link_tickets", "Links a ticket to another one",
                       "Example: ternd api link_tickets --ticket-id 43 --target-id 42 --kind blocks", linked_tickets()),
               writes_ticket("link_tickets", R"({"ticket_id":43,"target_id":42,"kind":"blocks"})")),
       actions::link_tickets},
      {offered(
           command("api unlink_tickets", "Takes such a link away",
                   "Example: ternd api unlink_tickets --ticket-id 43 --target-id 42 --kind blocks", linked_tickets()),
           writes_ticket("unlink_tickets", R"({"ticket_id":43,"target_id":42,"kind":"blocks"})")),
       actions::unlink_tickets},
      {offered(command("api log_time", "Notes time that was spent on a ticket",
                       "Example: ternd api log_time --ticket-id 42 --minutes 30 --note \"Seal replaced.\"",
                       {ticket_id(), required("minutes", "How long", ArgKind::integer), optional("note", "On what"),
                        otherwise(one_of(optional("kind", "A call that was answered answers the customer"),
                                         {"work", "call", "call_unanswered"}),
                                  "work")}),
               writes_ticket("log_time", R"({"ticket_id":42,"minutes":30,"note":"Seal replaced."})")),
       actions::log_time},
      {offered(command("api add_ticket_watcher", "Lets an operator or a contact watch a ticket",
                       "Example: ternd api add_ticket_watcher --ticket-id 42 --operator-id 5", ticket_and_watcher()),
               writes_ticket("add_ticket_watcher", R"({"ticket_id":42,"operator_id":5})")),
       actions::add_ticket_watcher},
      {offered(command("api remove_ticket_watcher", "Somebody watches a ticket no more",
                       "Example: ternd api remove_ticket_watcher --ticket-id 42 --operator-id 5", ticket_and_watcher()),
               writes_ticket("remove_ticket_watcher", R"({"ticket_id":42,"operator_id":5})")),
       actions::remove_ticket_watcher},
      {offered(command("api bulk_delete_tickets", "Deletes tickets: all that are named, or none",
                       "Example: ternd api bulk_delete_tickets --ticket-ids 42 43",
                       {also_called(numbers("ticket_ids", "Their ids, at most 100"), {"ids"}), reason()}),
               by_supervisor("bulk_delete_tickets", R"({"ticket_ids":[42,43]})", R"({"deleted":2,"ids":[42,43]})")),
       actions::bulk_delete_tickets},
      {offered(command("api add_ticket_tag", "Gives a ticket a tag",
                       "Example: ternd api add_ticket_tag --ticket-id 42 --tag pump", ticket_and_tag()),
               writes_ticket("add_ticket_tag", R"({"ticket_id":42,"tag":"pump"})")),
       actions::add_ticket_tag},
      {offered(command("api remove_ticket_tag", "Takes a tag off a ticket",
                       "Example: ternd api remove_ticket_tag --ticket-id 42 --tag pump", ticket_and_tag()),
               writes_ticket("remove_ticket_tag", R"({"ticket_id":42,"tag":"pump"})")),
       actions::remove_ticket_tag},
  };
}

}  // namespace tern::server::admin
