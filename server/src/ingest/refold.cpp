// Folding tickets again: after an erasure, and where an older program wrote states that hold less.
#include "refold.hpp"

#include "jobs.hpp"
#include "run_batch.hpp"
#include "store/words.hpp"

namespace tern::server {
namespace {

constexpr std::size_t tickets_per_step = 200;
constexpr std::string_view meta_after = "refold_after";

/// Messages as they are now, sent anew to whoever holds the ticket.
Result<void> rewrite_messages(Batch& batch, const TicketId& ticket, const std::vector<sync::Message>& messages) {
  for (const sync::Message& message : messages) {
    TERN_TRY(const auto stored, find_message(batch, message.stamp.ref()));
    if (!stored || stored->message == message) continue;
    TERN_CHECKED(batch.db().run(
        "DELETE FROM message WHERE tenant_id = $1 AND ticket_id = $2 AND version = $3 "
        "AND device_id = $4 AND change_id = $5",
        batch.number, stored->ticket, stored->version, message.stamp.origin.device, message.stamp.change));
    TERN_CHECKED(note_message_changed(batch, message.stamp.ref(), batch.commit_seq));
    note_words(batch, ticket, stored->integer_id, message.visibility, words_text(stored->message), words_text(message));
    TERN_CHECKED(insert_message_as(batch, ticket, message, stored->integer_id, batch.commit_seq));
  }
  return {};
}

}  // namespace

Result<void> refold_ticket(Batch& batch, const TicketId& id) {
  TERN_TRY(Refolded zero, refold_from_zero(batch.db(), batch.number, id));
  TERN_CHECKED(rewrite_messages(batch, id, zero.fold.messages));
  for (std::size_t i = 0; i < zero.changes.size(); ++i)
    TERN_CHECKED(
        batch.db().run("UPDATE change SET standing = $4, standing_rule = $5 WHERE tenant_id = $1 AND device_id = $2 "
                       "AND change_id = $3 AND standing <> $4",
                       batch.number, zero.changes[i].change.ref.device, zero.changes[i].change.ref.id,
                       zero.fold.standings[i].outcome, zero.fold.standings[i].rule));
  TERN_TRY(WorkingTicket * ticket, batch.ticket(id));
  if (ticket == nullptr) return {};  // only held changes name it
  TERN_CHECKED(give_messages(batch, zero.fold.state, zero.fold.state.split_messages, batch.commit_seq));
  ticket->state = std::move(zero.fold.state);
  ticket->dirty = true;
  ticket->moved.alone = false;
  ticket->describes.reset();
  return {};
}

namespace {

// ---- states of an older form ----

struct Step {
  std::vector<TicketId> looked_at;
  std::vector<TicketId> differ;
};

Result<std::vector<TicketId>> tickets_after(sqlite::Database& db, std::int64_t tenant, const Bytes& after) {
  TERN_TRY(auto rows,
           db.query("SELECT ticket_id FROM ticket WHERE tenant_id = $1 AND ticket_id > $2 ORDER BY ticket_id "
                    "LIMIT $3",
                    tenant, sqlite::Blob{after}, tickets_per_step));
  std::vector<TicketId> out;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    out.push_back(rows.id<TicketId>(0));
  }
}

Result<bool> messages_differ(sqlite::Database& db, std::int64_t tenant, const std::vector<sync::Message>& due) {
  for (const sync::Message& message : due) {
    TERN_TRY(auto row, db.query("SELECT data FROM message WHERE tenant_id = $1 AND device_id = $2 AND change_id = $3",
                                tenant, message.stamp.origin.device, message.stamp.change));
    TERN_TRY(const bool found, row.step());
    if (found && row.blob(0) != sync::encode_message(message)) return true;
  }
  return false;
}

Result<bool> standings_differ(sqlite::Database& db, std::int64_t tenant, const Refolded& zero) {
  for (std::size_t i = 0; i < zero.changes.size(); ++i) {
    const sync::ChangeRef& ref = zero.changes[i].change.ref;
    TERN_TRY(const auto standing, db.int64_of("SELECT standing FROM change WHERE tenant_id = $1 AND device_id = $2 "
                                              "AND change_id = $3",
                                              tenant, ref.device, ref.id));
    if (standing && *standing != static_cast<std::int64_t>(zero.fold.standings[i].outcome)) return true;
  }
  return false;
}

Result<bool> differs(sqlite::Database& db, std::int64_t tenant, const TicketId& id) {
  auto zero = refold_from_zero(db, tenant, id);
  if (!zero && zero.error().code != ErrorCode::storage_failed && zero.error().code != ErrorCode::storage_full)
    return false;  // damaged: `verify` names it
  TERN_CHECKED(zero);
  if (!zero->fold.state.split_messages.empty()) return true;  // its readers may lack what it was given
  {
    TERN_TRY(auto row, db.query("SELECT state FROM ticket WHERE tenant_id = $1 AND ticket_id = $2", tenant, id));
    TERN_TRY(const bool found, row.step());
    if (found && row.blob(0) != sync::encode_state(zero->fold.state)) return true;
  }
  TERN_TRY(const bool messages, messages_differ(db, tenant, zero->fold.messages));
  return messages ? Result<bool>(true) : standings_differ(db, tenant, *zero);
}

Result<Step> look(sqlite::Database& db, std::int64_t tenant) {
  TERN_TRY(const auto after, read_meta(db, tenant, meta_after));
  Step step;
  TERN_TRY(step.looked_at, tickets_after(db, tenant, after.value_or(Bytes{})));
  for (const TicketId& id : step.looked_at) {
    TERN_TRY(const bool other, differs(db, tenant, id));
    if (other) step.differ.push_back(id);
  }
  return step;
}

/// How far it came; at the end, that all have the form of this program.
Result<void> note_step(sqlite::Database& db, std::int64_t tenant, const Step& step) {
  if (step.looked_at.size() == tickets_per_step)
    return write_meta(db, tenant, meta_after, step.looked_at.back().view());
  TERN_CHECKED(db.run("DELETE FROM meta WHERE tenant_id = $1 AND name = $2", tenant, sqlite::Text{meta_after}));
  return write_meta(db, tenant, meta_state_form, meta_number(state_form));
}

Result<void> note_step_alone(sqlite::Database& db, std::int64_t tenant, const Step& step) {
  TERN_TRY(auto transaction, sqlite::Transaction::begin_write(db));
  TERN_CHECKED(note_step(db, tenant, step));
  return transaction.commit();
}

/// The commit that devices learn of it by: the tenant's record, as it is.
Result<void> begin_commit(Batch& batch) {
  const sync::Record* record = batch.find_record(sync::RecordKind::tenant, RecordId::or_zero(batch.tenant.id().view()));
  if (record == nullptr) return fail(ErrorCode::corrupt, "the tenant's record is missing", "ternd verify");
  ServerChange entry;
  entry.change.intent = sync::Intent::record;
  entry.change.record_kind = static_cast<std::uint32_t>(record->kind);
  entry.change.record = sync::encode_record(*record);
  std::vector<ServerChange> entries;
  entries.push_back(std::move(entry));
  return server_set(batch, std::move(entries)).map([](const ServerCommit&) {});
}

Result<ServerCommit> refold_step(Batch& batch, const Step& step) {
  TERN_CHECKED(begin_commit(batch));
  for (const TicketId& id : step.differ) {
    TERN_CHECKED(refold_ticket(batch, id));
    TERN_CHECKED(note_ticket_again(batch, id, batch.commit_seq));
  }
  TERN_CHECKED(note_step(batch.db(), batch.number, step));
  return ServerCommit{};
}

}  // namespace

Result<std::uint64_t> refold_old_states(Tenant& tenant, const std::function<void(std::uint64_t)>& done) {
  const auto strand = tenant.lock_writer();
  Tenant::Internals& in = tenant.internals();
  std::uint64_t looked_at = 0, differed = 0;
  for (;;) {
    TERN_CHECKED(in.ensure_writer());
    TERN_TRY(const auto form, read_meta(*in.writer, tenant.number(), meta_state_form));
    if (meta_number(form) >= state_form) return differed;
    TERN_TRY(const Step step, look(*in.writer, tenant.number()));
    if (step.differ.empty()) {
      TERN_CHECKED(tenant.write([&](sqlite::Database& db) { return note_step_alone(db, tenant.number(), step); }));
    } else {
      TERN_CHECKED(run_batch(tenant, [&](Batch& batch) { return refold_step(batch, step); }));
    }
    looked_at += step.looked_at.size();
    differed += step.differ.size();
    done(looked_at);
  }
}

}  // namespace tern::server
