#include "exchange/scope_check.hpp"

#include <algorithm>
#include <unordered_set>

#include "exchange/sync_state.hpp"
#include "tern/sync/rights.hpp"
#include "tern/sync/scope.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::client {
namespace {

// In the replica's meta, lost with it.
// How far all was named: up to this id; empty: nothing yet; or "all".
constexpr std::string_view meta_scope_checked = "scope_checked", scope_checked_all = "all";
// 16 bytes each; first whose turn is first.
constexpr std::string_view meta_unknown_tickets = "unknown_tickets";
// Of the history that was given up; empty: the reader's record was the same in both.
constexpr std::string_view meta_notes_then = "notes_then";
constexpr std::string_view notes_shown = "shown", notes_hidden = "hidden";

constexpr std::size_t unknown_named_max = 256;

std::string_view notes_of(const sync::Record& reader) {
  const auto name = reader.attributes.find("role");
  const auto role = name == reader.attributes.end() ? std::nullopt : sync::role_from_name(name->second);
  return role && sync::has_right(*role, sync::Right::restricted_note) ? notes_shown : notes_hidden;
}

std::vector<TicketId> split_ids(ByteView ids) {
  std::vector<TicketId> out;
  for (; ids.size() >= TicketId::size_bytes; ids.remove_prefix(TicketId::size_bytes))
    out.push_back(TicketId::or_zero(ids.substr(0, TicketId::size_bytes)));
  return out;
}

Result<std::vector<TicketId>> held_behind(Replica& replica, const TicketId& after, std::size_t count_max) {
  std::vector<TicketId> ids;
  TERN_TRY(auto rows,
           replica.database().query("SELECT ticket_id FROM ticket WHERE ticket_id > $1 AND state IS NOT NULL "
                                    "ORDER BY ticket_id LIMIT $2",
                                    after, count_max));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return ids;
    ids.push_back(rows.id<TicketId>(0));
  }
}

Result<HeldAsked> next_range(Replica& replica) {
  HeldAsked asked;
  asked.all = true;
  TERN_TRY(const auto checked, replica.meta(meta_scope_checked));
  asked.after = TicketId::or_zero(checked.value_or(Bytes{}));
  TERN_TRY(const auto ids, held_behind(replica, asked.after, sync::held_ids_max));
  if (ids.size() == sync::held_ids_max) asked.through = ids.back();
  for (const TicketId& id : ids) asked.ids += id.view();
  return asked;
}

Result<HeldAsked> next_unknown(Replica& replica) {
  HeldAsked asked;
  TERN_TRY(const auto unknown, replica.meta(meta_unknown_tickets));
  for (const TicketId& id : split_ids(unknown.value_or(Bytes{}))) {
    if (asked.ids.size() >= unknown_named_max * TicketId::size_bytes) break;
    asked.ids += id.view();
  }
  return asked;
}

}  // namespace

Result<void> begin_scope_check(Replica& replica, const OperatorId& reader, std::uint64_t kept_seq) {
  TERN_TRY(const auto record, replica.record(sync::RecordKind::operator_, RecordId::or_zero(reader.view())));
  if (record && record->version > kept_seq) TERN_CHECKED(replica.set_meta(meta_notes_then, notes_of(*record)));
  return replica.set_meta(meta_scope_checked, {});
}

Result<bool> notes_turned(Replica& replica, const OperatorId& reader) {
  TERN_TRY(const auto then, replica.meta(meta_notes_then));
  if (!then || then->empty()) return false;
  TERN_TRY(const auto record, replica.record(sync::RecordKind::operator_, RecordId::or_zero(reader.view())));
  if (record && notes_of(*record) != *then) return true;
  return replica.set_meta(meta_notes_then, {}).map([] { return false; });
}

Result<bool> scope_check_is_due(Replica& replica) {
  TERN_TRY(const auto checked, replica.meta(meta_scope_checked));
  if (checked) return *checked != scope_checked_all;
  TERN_TRY(const auto suspended, replica.meta(meta_digest_suspended));  // by a version that did not check
  return suspended.has_value();
}

Result<bool> holds_unknown_tickets(Replica& replica) {
  TERN_TRY(const auto unknown, replica.meta(meta_unknown_tickets));
  return unknown && !unknown->empty();
}

Result<std::optional<HeldAsked>> add_held_tickets(v1::ExchangeRequest& request, Replica& replica) {
  TERN_TRY(const bool due, scope_check_is_due(replica));
  TERN_TRY(HeldAsked asked, due ? next_range(replica) : next_unknown(replica));
  if (!due && asked.ids.empty()) return std::optional<HeldAsked>();
  v1::HeldTickets& held = *request.mutable_held();
  held.set_ids(asked.ids);
  held.set_all(asked.all);
  if (!asked.after.is_zero()) held.set_after(Bytes(asked.after.view()));
  if (!asked.through.is_zero()) held.set_through(Bytes(asked.through.view()));
  return std::optional(std::move(asked));
}

Result<void> note_held(Replica& replica, const HeldToNote& held) {
  const std::vector<TicketId> named = split_ids(held.asked.ids);
  const std::unordered_set<TicketId> asked(named.begin(), named.end());
  TERN_TRY(const auto before, replica.meta(meta_unknown_tickets));
  Bytes unknown;
  for (const TicketId& id : split_ids(before.value_or(Bytes{})))
    if (!asked.contains(id)) unknown += id.view();
  for (const TicketId& id : split_ids(held.unknown)) {
    TERN_TRY(const auto row, replica.held(id));
    if (row && asked.contains(id)) unknown += id.view();
  }
  if (unknown != before.value_or(Bytes{})) TERN_CHECKED(replica.set_meta(meta_unknown_tickets, unknown));
  if (!held.asked.all) return {};
  // Who does not get on is not asked again: it would be for ever.
  const TicketId reached = held.through.empty() ? held.asked.through : TicketId::or_zero(held.through);
  const bool goes_on = !reached.is_zero() && reached > held.asked.after;
  return replica.set_meta(meta_scope_checked, goes_on ? reached.view() : ByteView(scope_checked_all));
}

}  // namespace tern::client
