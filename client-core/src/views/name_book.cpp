#include "views/name_book.hpp"

#include <charconv>

#include "replica/replica.hpp"
#include "tern/sqlite/database.hpp"
#include "views/time_text.hpp"

namespace tern::client {

using sync::FieldId;
using sync::RecordKind;

std::string NameBook::of(RecordKind kind, ByteView id) {
  const auto record_id = RecordId::from(id);
  if (!record_id || record_id->is_zero()) return {};
  auto [entry, fresh] = known_.try_emplace({kind, Bytes(id)});
  if (!fresh) return entry->second;
  if (kind == RecordKind::operator_ && id == identity_.operator_id.view()) entry->second = identity_.operator_name;
  if (const auto record = replica_.record(kind, *record_id); record && *record) entry->second = (*record)->name;
  if (entry->second.empty()) entry->second = to_uuid_text(id);
  return entry->second;
}

std::string NameBook::author(const OperatorId& id, sync::PrincipalKind kind) {
  switch (kind) {
    case sync::PrincipalKind::contact:
      return of(RecordKind::contact, id.view());
    case sync::PrincipalKind::server:
      return "the server";
    case sync::PrincipalKind::integration:
      return "an integration";
    case sync::PrincipalKind::unspecified:
    case sync::PrincipalKind::operator_:
      break;
  }
  return id.is_zero() ? "the server" : of(RecordKind::operator_, id.view());
}

std::string NameBook::ticket(ByteView id) {
  const auto ticket = TicketId::from(id);
  if (!ticket) return {};
  auto rows = replica_.database().query("SELECT number FROM ticket WHERE ticket_id = $1", *ticket);
  if (rows) {
    if (const auto found = rows->step(); found && *found && !rows->text(0).empty()) return std::string(rows->text(0));
  }
  return to_uuid_text(id);
}

std::string NameBook::value(FieldId field, const std::optional<Bytes>& value) {
  if (!value) return "none";
  if (const auto* spec = sync::find_field(field); spec != nullptr && spec->refers) return of(*spec->refers, *value);
  if (field == FieldId::priority && value->size() == 1) {
    return std::string(sync::priority_name(static_cast<std::uint8_t>(value->front() - '0')));
  }
  if (field == FieldId::due_at) {
    std::int64_t ms = 0;
    std::from_chars(value->data(), value->data() + value->size(), ms);
    return rfc3339(ms);
  }
  return *value;
}

}  // namespace tern::client
