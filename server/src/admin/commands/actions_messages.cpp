// Actions of the API on messages.
#include "admin/commands/describe.hpp"
#include "api/actions.hpp"

namespace tern::server::admin {
namespace {

constexpr std::string_view a_message =
    R"({"id":102,"message":"I look into it.","author_type":"support","author_name":"Ann Lee","is_note":false,"created_at":"2026-03-19T10:45:00.000Z","delivery_status":"queued","files":[{"id":103,"name":"pump.jpg","size":48213,"mime":"image/jpeg","url":"https://desk.example/api/files/103","created_at":"2026-03-19T10:45:00.000Z"}]})";

ApiFace with_files(ApiFace face) {
  face.takes_files = true;
  return face;
}
ApiFace writes_message(std::string_view action, std::string_view request, std::string_view answer) {
  return {action, ApiSurface::admin, {"write", "messages"}, ApiRole::operator_, request, answer};
}
AdminArg message_id() {
  return also_called(required("message_id", "The message's id", ArgKind::integer), {"id"});
}

}  // namespace

std::vector<AdminEntry> message_actions() {
  return {
      {offered(command("api add_message", "A reply to the customer, or an internal note",
                       "Example: ternd api add_message --ticket-id 42 --message \"I look into it.\"",
                       {also_called(required("ticket_id", "The ticket's id", ArgKind::integer), {"id"}),
                        also_called(required("message", "The text"), {"text"}),
                        otherwise(optional("is_note", "The customer does not see it", ArgKind::flag), "false"),
                        optional("seen_message_id", "The newest message that its author had read", ArgKind::integer),
                        otherwise(one_of(optional("send_stale",
                                                  "Of a reply when the customer has written since: hold it back until "
                                                  "send_message, send it, or refuse it so that they are asked"),
                                         {"hold", "send", "ask"}),
                                  "hold")}),
               with_files(writes_message("add_message", R"({"ticket_id":42,"message":"I look into it."})", a_message))),
       actions::add_message},
      {offered(command("api edit_message", "Another text; the customer sees that it was edited",
                       "Of a description, too.\nExample: ternd api edit_message --message-id 102 --message \"Done.\"",
                       {message_id(), also_called(required("message", "The text"), {"text"})}),
               writes_message("edit_message", R"({"message_id":102,"message":"Done."})", R"({"id":102})")),
       actions::edit_message},
      {offered(command("api send_message", "Sends a reply that is withheld, with its files",
                       "By its author, whoever has the ticket, or a supervisor.\nExample: ternd api send_message "
                       "--message-id 102",
                       {message_id()}),
               writes_message("send_message", R"({"message_id":102})", R"({"id":102})")),
       actions::send_message},
      {offered(command("api delete_message", "Takes a message back; its place stays",
                       "Example: ternd api delete_message --message-id 102", {message_id()}),
               writes_message("delete_message", R"({"message_id":102})", R"({"id":102})")),
       actions::delete_message},
  };
}

}  // namespace tern::server::admin
