// Messages: one row each, found by id for edits, by version for patches.
#include <algorithm>

#include "batch.hpp"
#include "store/words.hpp"

namespace tern::server {
namespace {

bool makes_message(const sync::Change& change) {
  const sync::IntentSpec* spec = sync::find_intent(change.intent);
  return change.intent == sync::Intent::create || (spec != nullptr && spec->unit == sync::Unit::message);
}

Result<bool> has_message_id(Batch& batch, std::uint64_t id) {
  const bool of_new = std::any_of(batch.tickets().begin(), batch.tickets().end(),
                                  [&](const auto& ticket) { return ticket.second->message_id == id; });
  if (of_new) return true;
  TERN_TRY(const auto message, batch.db().int64_of("SELECT 1 FROM message WHERE tenant_id = $1 AND integer_id = $2 "
                                                   "AND integer_id > 0",
                                                   batch.number, id));
  if (message) return true;
  TERN_TRY(const auto description, batch.db().int64_of("SELECT 1 FROM ticket WHERE tenant_id = $1 AND message_id = $2 "
                                                       "AND message_id > 0",
                                                       batch.number, id));
  return description.has_value();
}

}  // namespace

Result<void> give_message_id(Batch& batch, const sync::Change& change, const ProvenChange* proven,
                             sync::Admission& admission) {
  if (!makes_message(change)) return {};
  if (proven != nullptr && proven->message_id != 0) {
    TERN_TRY(const bool taken, has_message_id(batch, proven->message_id));
    if (!taken) {
      admission.message_id = proven->message_id;
      batch.next_message_id = std::max(batch.next_message_id, proven->message_id + 1);
      return {};
    }
  }
  admission.message_id = batch.next_message_id++;
  return {};
}

Result<std::optional<StoredMessage>> find_message(Batch& batch, const sync::ChangeRef& ref) {
  TERN_TRY(auto rows, batch.db().query("SELECT ticket_id, version, data, integer_id FROM message WHERE tenant_id = $1 "
                                       "AND device_id = $2 AND change_id = $3",
                                       batch.number, ref.device, ref.id));
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::optional<StoredMessage>{};
  StoredMessage stored{rows.id<TicketId>(0), rows.uint64(1), rows.uint64(3), {}};
  TERN_TRY(stored.message, sync::decode_message(rows.blob(2)));
  return std::optional(std::move(stored));
}

Result<void> insert_message_as(Batch& batch, const TicketId& ticket, const sync::Message& message,
                               std::uint64_t integer_id, std::uint64_t version) {
  const Bytes data = sync::encode_message(message);
  return batch.db().run(
      "INSERT INTO message (tenant_id, ticket_id, version, device_id, change_id, visibility, data, "
      "integer_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
      batch.number, ticket, version, message.stamp.origin.device, message.stamp.change, message.visibility,
      sqlite::Blob{data}, integer_id);
}

Result<void> insert_message(Batch& batch, const TicketId& ticket, const sync::Message& message,
                            std::uint64_t integer_id) {
  note_words(batch, ticket, integer_id, message.visibility, {}, words_text(message));
  return insert_message_as(batch, ticket, message, integer_id, message.version);
}

Result<void> replace_message(Batch& batch, const StoredMessage& before, const sync::Message& message) {
  TERN_CHECKED(batch.db().run(
      "DELETE FROM message WHERE tenant_id = $1 AND ticket_id = $2 AND version = $3 "
      "AND device_id = $4 AND change_id = $5",
      batch.number, before.ticket, before.version, before.message.stamp.origin.device, before.message.stamp.change));
  TERN_CHECKED(note_message_changed(batch, message.stamp.ref(), message.version));
  note_words(batch, before.ticket, before.integer_id, message.visibility, words_text(before.message),
             words_text(message));
  return insert_message_as(batch, before.ticket, message, before.integer_id, message.version);
}

Result<void> give_messages(Batch& batch, const sync::TicketState& state, const std::vector<sync::ChangeRef>& messages,
                           std::uint64_t commit_seq) {
  for (const sync::ChangeRef& message : messages)
    for (const sync::Claim& split : state.split_from)
      TERN_CHECKED(batch.db().run(
          "INSERT INTO given_message (tenant_id, device_id, change_id, ticket_id, commit_seq) "
          "SELECT tenant_id, device_id, change_id, $4, $5 FROM message WHERE tenant_id = $1 AND device_id = $2 AND "
          "change_id = $3 AND ticket_id = $6 ON CONFLICT (tenant_id, device_id, change_id) DO NOTHING",
          batch.number, message.device, message.id, state.id, commit_seq, sqlite::Blob{split.value}));
  return {};
}

Result<void> note_ticket_again(Batch& batch, const TicketId& ticket, std::uint64_t commit_seq) {
  return batch.db().run(
      "INSERT INTO refolded (tenant_id, commit_seq, ticket_id) VALUES ($1, $2, $3) "
      "ON CONFLICT (tenant_id, commit_seq, ticket_id) DO NOTHING",
      batch.number, commit_seq, ticket);
}

Result<void> note_message_changed(Batch& batch, const sync::ChangeRef& message, std::uint64_t commit_seq) {
  return batch.db().run(
      "INSERT INTO refolded (tenant_id, commit_seq, ticket_id) SELECT tenant_id, $4, ticket_id FROM given_message "
      "WHERE tenant_id = $1 AND device_id = $2 AND change_id = $3 "
      "ON CONFLICT (tenant_id, commit_seq, ticket_id) DO NOTHING",
      batch.number, message.device, message.id, commit_seq);
}

}  // namespace tern::server
