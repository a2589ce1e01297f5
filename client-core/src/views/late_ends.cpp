#include "views/late_ends.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "follow_ups.hpp"
#include "outbox/outbox.hpp"
#include "replica/replica.hpp"
#include "tern/sync/ticket_state.hpp"
#include "views/name_book.hpp"
#include "views/time_text.hpp"

namespace tern::client {
namespace {

/// A close and how many moves of others it put aside.
struct LateClose {
  const sync::Move* move = nullptr;
  std::size_t put_aside = 0;
};

/// Nothing where the ticket is not closed, the assignee closed it, or what it put aside was the assignee's alone: of
/// their own work they are told by amendments.
std::optional<LateClose> late_close(const sync::TicketState& state, const OperatorId& assignee) {
  const sync::StatusView view = sync::status_view(state);  // nothing but a close leads to closed
  if (view.status != sync::Status::closed || state.merged_into || sync::is_deleted(state)) return std::nullopt;
  LateClose found;
  bool of_others = false;
  for (std::size_t i = 0; i < state.moves.size(); ++i) {
    const sync::Move& move = state.moves[i];
    if (view.move_changed_status[i]) {
      found = {&move, 0};
      of_others = false;
    }
    const bool had_receipt = found.move != nullptr && move.stamp.commit_seq < found.move->stamp.commit_seq;
    if (view.move_applied[i] || !had_receipt) continue;
    ++found.put_aside;
    of_others = of_others || move.stamp.author != assignee;
  }
  if (!of_others || found.move->stamp.author == assignee) return std::nullopt;
  return found;
}

std::string meta_of(const TicketId& ticket) {
  return "late_end:" + to_uuid_text(ticket.view());
}
Bytes name_of(const sync::ChangeRef& close) {
  return Bytes(close.device.view()) + Bytes(close.id.view());
}

Result<std::vector<TicketId>> ended_tickets_of(ListParts parts) {
  TERN_TRY(auto rows, parts.replica.database().query("SELECT ticket_id FROM ticket WHERE assignee_id = $1 AND "
                                                     "status_class = $2 AND ghost = 0 ORDER BY updated_ms DESC",
                                                     parts.names.identity().operator_id, sync::StatusClass::end));
  std::vector<TicketId> out;
  for (;;) {
    TERN_TRY(const bool row, rows.step());
    if (!row) return out;
    out.push_back(rows.id<TicketId>(0));
  }
}

/// Calls `visit(state, late close)` for each that was not dismissed.
template <typename Visit>
Result<void> each_late_end(ListParts parts, const Visit& visit) {
  TERN_TRY(const auto tickets, ended_tickets_of(parts));
  for (const TicketId& ticket : tickets) {
    TERN_TRY(const auto state, parts.replica.shown(ticket));
    if (!state) continue;
    const auto late = late_close(*state, parts.names.identity().operator_id);
    if (!late) continue;
    TERN_TRY(const auto dismissed, parts.outbox.meta(meta_of(ticket)));
    if (dismissed && *dismissed == name_of(late->move->stamp.ref())) continue;
    TERN_CHECKED(visit(*state, *late));
  }
  return {};
}

}  // namespace

Result<std::vector<HistoryEntry>> late_ends(ListParts parts, const ClockText& clock) {
  const ClockText time = clock ? clock : ClockText(clock_text);
  std::vector<HistoryEntry> out;
  TERN_CHECKED(each_late_end(parts, [&](const sync::TicketState& state, const LateClose& late) -> Result<void> {
    const sync::Stamp& stamp = late.move->stamp;
    TERN_TRY(const ListRow row, list_row(parts, state.id));
    HistoryEntry entry;
    entry.change = stamp.ref();
    entry.ticket = state.id;
    entry.number = row.number;
    entry.subject = row.subject;
    entry.intent = "close";
    entry.wall_ms = stamp.order_ms;
    entry.saved = Saved::needs_attention;
    entry.sentence = fmt::format("closed at {} by {}; that arrived after {} later {} no effect now",
                                 time(stamp.order_ms, state.updated_ms), parts.names.author(stamp), late.put_aside,
                                 late.put_aside == 1 ? "move, which has" : "moves, which have");
    for (const std::string_view label : {"reopen", "leave it as it is"})
      entry.follow_ups.push_back(make_follow_up(label, entry.change));
    out.push_back(std::move(entry));
    return {};
  }));
  return out;
}

Result<std::optional<OwnChange>> find_late_end(ListParts parts, const sync::ChangeRef& close) {
  std::optional<OwnChange> found;
  TERN_CHECKED(each_late_end(parts, [&](const sync::TicketState& state, const LateClose& late) -> Result<void> {
    if (late.move->stamp.ref() != close) return {};
    found.emplace();
    found->change.ref = close;
    found->change.ticket = state.id;
    found->change.intent = sync::Intent::close;
    return {};
  }));
  return found;
}

Result<void> dismiss_late_end(Outbox& outbox, const OwnChange& close) {
  return outbox.set_meta(meta_of(close.change.ticket), name_of(close.change.ref));
}

}  // namespace tern::client
