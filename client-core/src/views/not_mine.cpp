#include "views/not_mine.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "exchange/sync_state.hpp"
#include "follow_ups.hpp"
#include "outbox/other_holder.hpp"
#include "outbox/outbox.hpp"
#include "replica/replica.hpp"
#include "views/time_text.hpp"

namespace tern::client {
namespace {

Result<void> name_ticket(ListParts parts, HistoryEntry& entry) {
  TERN_TRY(auto rows,
           parts.replica.database().query("SELECT number, subject FROM ticket WHERE ticket_id = $1", entry.ticket));
  TERN_TRY(const bool found, rows.step());
  if (!found) return {};
  entry.number = rows.text(0);
  entry.subject = rows.text(1);
  return {};
}

}  // namespace

Result<std::vector<HistoryEntry>> others_entries(ListParts parts, const ClockText& clock) {
  const ClockText time = clock ? clock : ClockText(clock_text);
  TERN_TRY(const SyncState state, load_sync_state(parts.outbox));
  TERN_TRY(const auto changes, others_changes(parts.outbox));
  std::vector<HistoryEntry> out;
  for (const OthersChange& change : changes) {
    HistoryEntry entry;
    entry.change = {parts.outbox.owner().device, change.id};
    entry.ticket = change.ticket;
    TERN_CHECKED(name_ticket(parts, entry));
    const sync::IntentSpec* spec = sync::find_intent(change.intent);
    entry.intent = spec == nullptr ? "change" : std::string(spec->name);
    entry.wall_ms = change.wall_ms;
    entry.saved = Saved::needs_attention;
    entry.sentence = fmt::format("made at {} under this device's key, but not by this copy of it: it landed",
                                 time(change.wall_ms, state.current_as_of_ms));
    for (const std::string_view label : {"not mine", "see the ticket", "leave it as it is"})
      entry.follow_ups.push_back(make_follow_up(label, entry.change));
    out.push_back(std::move(entry));
  }
  std::ranges::reverse(out);
  return out;
}

Result<std::optional<OwnChange>> find_others_change(Outbox& outbox, const sync::ChangeRef& ref) {
  if (ref.device != outbox.owner().device) return std::nullopt;
  TERN_TRY(const auto changes, others_changes(outbox));
  const auto found = std::ranges::find_if(changes, [&](const OthersChange& change) { return change.id == ref.id; });
  if (found == changes.end()) return std::nullopt;
  OwnChange change;
  change.change.ref = ref;
  change.change.ticket = found->ticket;
  change.change.intent = found->intent;
  change.change.wall_ms = found->wall_ms;
  return change;
}

}  // namespace tern::client
