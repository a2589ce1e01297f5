#include "api/conversations.hpp"

#include "inbound/inbound_rows.hpp"
#include "inbound/inbound_text.hpp"
#include "tern/protocol/limits.hpp"

namespace tern::server {
namespace {

constexpr std::size_t messages_kept_max = 50, part_characters_max = 90, line_bytes_max = 4'000;
constexpr std::int64_t tickets_listed_max = 100;

tl::unexpected<Error> no_conversation(const std::string& why) {
  return fail(ErrorCode::invalid, why,
              "{\"id\":\"77\",\"channel\":\"telegram\",\"customer_name\":\"Joe\",\"messages\":[...]}", "conversation");
}

std::string plain(const Json& value) {
  return value.is_integer() ? std::to_string(value.as_integer()) : value.as_string();
}

Hash conversation_key(const std::string& name) {
  return inbound_name(RecordId{}, conversation_ref, name);
}

}  // namespace

Result<Conversation> read_conversation(const Json& said) {
  constexpr std::string_view known[] = {"id",     "channel", "customer_name", "customer_email", "customer_phone",
                                        "reason", "messages"};
  for (const auto& [name, value] : said.members())
    if (std::ranges::find(known, name) == std::end(known))
      return no_conversation("A conversation has no \"" + name + "\".");
  const std::string id = one_line_of(plain(said["id"]), part_characters_max);
  const std::string channel = one_line_of(said["channel"].as_string(), part_characters_max);
  if (id.empty()) return no_conversation("The conversation has no id.");
  Conversation out;
  out.name = (channel.empty() ? "chat" : channel) + ":" + id;
  if (out.name.size() > limits::name_bytes_max) return no_conversation("The id is longer than 200 bytes.");
  out.customer.name = said["customer_name"].as_string();
  out.customer.email = said["customer_email"].as_string();
  out.customer.phone = said["customer_phone"].as_string();
  if (!out.customer.email.empty() && !looks_like_address(out.customer.email))
    return no_conversation("customer_email is no address.");
  if (!out.customer.name.empty()) out.customer.key = out.name;
  out.text = "Out of the conversation " + out.name;
  if (const std::string reason = one_line_of(said["reason"].as_string(), part_characters_max); !reason.empty())
    out.text += " (" + reason + ")";
  const Json& messages = said["messages"];
  if (!messages.is_null() && !messages.is_array()) return no_conversation("messages is a list.");
  const std::size_t first = messages.size() > messages_kept_max ? messages.size() - messages_kept_max : 0;
  for (std::size_t i = first; i < messages.size(); ++i) {
    const Json& message = messages.items()[i];
    if (is_nothing(message["text"].as_string())) return no_conversation("A message of it has no text.");
    const std::string name = one_line_of(message["name"].as_string(), part_characters_max);
    const std::string at = one_line_of(plain(message["at"]), part_characters_max);
    out.text += "\n" + (at.empty() ? "" : at + " ") + (name.empty() ? "?" : name) + ": " +
                shortened(message["text"].as_string(), line_bytes_max);
  }
  out.text = shortened(out.text, limits::text_bytes_max);
  return out;
}

Result<std::vector<TicketId>> tickets_of_conversation(sqlite::Database& db, std::int64_t tenant,
                                                      const std::string& name) {
  TERN_TRY(auto rows,
           db.query("SELECT k.ticket_id FROM ticket_key k JOIN ticket t ON t.tenant_id = k.tenant_id AND t.ticket_id = "
                    "k.ticket_id WHERE k.tenant_id = $1 AND k.source = $2 AND k.key = $3 AND t.listed <> 0 "
                    "ORDER BY k.n DESC LIMIT $4",
                    tenant, RecordId{}, conversation_key(name), tickets_listed_max));
  std::vector<TicketId> out;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    out.push_back(rows.id<TicketId>(0));
  }
}

Result<void> note_conversation(sqlite::Database& db, std::int64_t tenant, const std::string& name,
                               const TicketId& ticket) {
  return InboundRows(db, tenant).put_key(RecordId{}, conversation_key(name), ticket);
}

}  // namespace tern::server
