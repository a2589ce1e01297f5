#include "outgoing/outgoing_reader.hpp"

#include "desk/principals.hpp"

namespace tern::server {

using sync::PrincipalKind;
using sync::RecordKind;

std::string subject_of(const sync::TicketState& state) {
  return sync::field_value(state, sync::FieldId::subject).value_or("");
}

Result<std::optional<sync::TicketState>> OutgoingReader::ticket(const TicketId& id) {
  TERN_TRY(auto rows,
           db_.query("SELECT state FROM ticket WHERE tenant_id = $1 AND ticket_id = $2", tenant_.number(), id));
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::optional<sync::TicketState>();
  TERN_TRY(auto state, sync::decode_state(rows.blob(0)));
  return std::optional(std::move(state));
}

Result<std::optional<OutgoingReader::FoundText>> OutgoingReader::message(const sync::ChangeRef& ref) {
  TERN_TRY(auto rows, db_.query("SELECT data, integer_id FROM message WHERE tenant_id = $1 AND device_id = $2 AND "
                                "change_id = $3",
                                tenant_.number(), ref.device, ref.id));
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::optional<FoundText>();
  TERN_TRY(auto message, sync::decode_message(rows.blob(0)));
  return std::optional(FoundText{std::move(message), rows.uint64(1)});
}

Result<std::optional<OutgoingReader::FoundChange>> OutgoingReader::change(const sync::ChangeRef& ref) {
  TERN_TRY(auto rows, db_.query("SELECT intent, author, author_kind FROM change WHERE tenant_id = $1 AND device_id = "
                                "$2 AND change_id = $3",
                                tenant_.number(), ref.device, ref.id));
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::optional<FoundChange>();
  FoundChange out;
  out.intent = static_cast<sync::Intent>(rows.int64(0));
  out.author.id = OperatorId::or_zero(rows.blob(1));
  out.author.kind = static_cast<PrincipalKind>(rows.int64(2));
  const auto who = record_of_principal(tenant_, out.author.kind, RecordId::or_zero(out.author.id.view()));
  out.author.name = who && !who->name.empty() ? who->name : "System";
  return std::optional(std::move(out));
}

std::string OutgoingReader::record_name(RecordKind kind, const RecordId& id) const {
  const auto record = id.is_zero() ? std::nullopt : tenant_.find_record(kind, id);
  return record ? record->name : std::string();
}

}  // namespace tern::server
