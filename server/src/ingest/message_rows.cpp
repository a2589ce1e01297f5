// Messages: one row each, found by id for edits, by version for patches.
#include "batch.hpp"

namespace tern::server {

Result<std::optional<StoredMessage>> find_message(Batch& batch, const sync::ChangeRef& ref) {
  TERN_TRY(auto rows, batch.db().query("SELECT ticket_id, version, data FROM message WHERE tenant_id = $1 "
                                       "AND device_id = $2 AND change_id = $3",
                                       batch.number, ref.device, ref.id));
  TERN_TRY(const bool found, rows.step());
  if (!found) return std::optional<StoredMessage>{};
  StoredMessage stored{rows.id<TicketId>(0), rows.uint64(1), {}};
  TERN_TRY(stored.message, sync::decode_message(rows.blob(2)));
  return std::optional(std::move(stored));
}

Result<void> insert_message_as(Batch& batch, const TicketId& ticket, const sync::Message& message,
                               std::uint64_t version) {
  const Bytes data = sync::encode_message(message);
  return batch.db().run(
      "INSERT INTO message (tenant_id, ticket_id, version, device_id, change_id, visibility, data) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7)",
      batch.number, ticket, version, message.stamp.origin.device, message.stamp.change, message.visibility,
      sqlite::Blob{data});
}

Result<void> insert_message(Batch& batch, const TicketId& ticket, const sync::Message& message) {
  return insert_message_as(batch, ticket, message, message.version);
}

Result<void> replace_message(Batch& batch, const StoredMessage& before, const sync::Message& message) {
  TERN_CHECKED(batch.db().run(
      "DELETE FROM message WHERE tenant_id = $1 AND ticket_id = $2 AND version = $3 "
      "AND device_id = $4 AND change_id = $5",
      batch.number, before.ticket, before.version, before.message.stamp.origin.device, before.message.stamp.change));
  TERN_CHECKED(note_message_changed(batch, message.stamp.ref(), message.version));
  return insert_message(batch, before.ticket, message);
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

Result<void> note_message_changed(Batch& batch, const sync::ChangeRef& message, std::uint64_t commit_seq) {
  return batch.db().run(
      "INSERT INTO refolded (tenant_id, commit_seq, ticket_id) SELECT tenant_id, $4, ticket_id FROM given_message "
      "WHERE tenant_id = $1 AND device_id = $2 AND change_id = $3 "
      "ON CONFLICT (tenant_id, commit_seq, ticket_id) DO NOTHING",
      batch.number, message.device, message.id, commit_seq);
}

}  // namespace tern::server
