// What search finds tickets by, written with the rows it is about. A deleted ticket has no words until it is restored.
#include <algorithm>

#include "batch.hpp"
#include "store/words.hpp"
#include "tern/sqlite/search_index.hpp"

namespace tern::server {
namespace {

struct RowChange {
  std::int64_t row = 0;
  WordsChange change;
};

/// Every word of the ticket goes, or comes back.
Result<void> note_all(Batch& batch, const TicketId& id, const WorkingTicket& ticket, bool deleted, WordsOfTicket& out) {
  TERN_TRY(std::vector<WordsRow> rows, words_of_messages(batch.db(), batch.number, id));
  for (WordsRow& row : rows) {
    const auto [at, fresh] = out.try_emplace(row.place);
    if (deleted && fresh) at->second.before = std::move(row.text);
    if (!deleted) at->second.after = std::move(row.text);
  }
  const auto [at, fresh] = out.try_emplace(words_place(ticket.message_id, WordReaders::everybody));
  if (deleted && fresh) at->second.before = ticket.words_before;
  if (!deleted) at->second.after = words_text(ticket.state);
  return {};
}

}  // namespace

void note_words(Batch& batch, const TicketId& ticket, std::uint64_t message_id, sync::Visibility visibility,
                std::string_view before, std::string_view after) {
  if (before == after || message_id == 0) return;
  const auto [at, fresh] = batch.words[ticket].try_emplace(words_place(message_id, readers_of(visibility)));
  if (fresh) at->second.before = before;
  at->second.after = after;
}

void note_words(Batch& batch, const TicketId& id, const WorkingTicket& ticket, const ScopeFacts& facts) {
  note_words(batch, id, ticket.message_id, sync::Visibility::open, ticket.words_before, words_text(ticket.state));
  if (ticket.stored && ticket.scope_before.deleted != facts.deleted) batch.words.try_emplace(id);
}

Result<void> write_words(Batch& batch) {
  std::vector<RowChange> rows;
  for (auto& [id, changes] : batch.words) {
    TERN_TRY(const WorkingTicket* ticket, batch.ticket(id));
    if (ticket == nullptr || ticket->state.integer_id > batch.in.lists_to) continue;  // filled later
    const bool was_deleted = ticket->stored && ticket->scope_before.deleted, deleted = sync::is_deleted(ticket->state);
    if (ticket->stored && was_deleted != deleted) TERN_CHECKED(note_all(batch, id, *ticket, deleted, changes));
    for (auto& [place, change] : changes) {
      if (was_deleted) change.before.clear();
      if (deleted) change.after.clear();
      if (change.before != change.after)
        rows.push_back({words_row(ticket->state.integer_id, place), std::move(change)});
    }
  }
  batch.words.clear();
  // Ascending: else the index begins a segment of its own with each row.
  std::ranges::sort(rows, {}, &RowChange::row);
  const auto says = [](const RowChange& row) { return !row.change.before.empty(); };
  if (std::ranges::any_of(rows, says)) {
    for (const RowChange& row : rows) TERN_CHECKED(take_out_words(batch.db(), row.row, row.change.before));
    TERN_CHECKED(sqlite::settle_search_index(batch.db()));
  }
  for (const RowChange& row : rows) TERN_CHECKED(add_words(batch.db(), row.row, row.change.after));
  return {};
}

}  // namespace tern::server
