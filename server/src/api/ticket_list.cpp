#include "api/ticket_list.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tern/protocol/text.hpp"

namespace tern::server {
namespace {

constexpr std::string_view from_ticket =
    "FROM ticket WHERE tenant_id = $1 AND deleted = 0 AND ($2 IS NULL OR category = $2) AND ($3 IS NULL OR assignee = "
    "$3)";

/// Numbers of our own enumerations: nothing of a request is in it.
template <typename T>
std::string numbers(const std::vector<T>& values) {
  std::string out;
  for (const T value : values) out += (out.empty() ? "" : ", ") + std::to_string(static_cast<int>(value));
  return out;
}

/// What was merged is closed, whatever it was before.
std::string conditions(const TicketFilter& filter) {
  std::string out(from_ticket);
  if (!filter.priorities.empty()) out += " AND priority IN (" + numbers(filter.priorities) + ")";
  if (filter.statuses.empty()) return out;
  const bool closed = std::ranges::find(filter.statuses, sync::Status::closed) != filter.statuses.end();
  out += " AND (status IN (" + numbers(filter.statuses) + ")";
  return out + (closed ? " OR merged_into IS NOT NULL)" : ") AND merged_into IS NULL");
}

bool asks_every_ticket(const TicketFilter& filter, const Caller& caller) {
  const bool sees_all = !caller.actor || sync::queue_scope_all(caller.actor->role);
  return filter.organisation || !filter.words.empty() || !sees_all;
}

bool has_words(const sync::TicketState& state, const std::string& folded) {
  const auto holds = [&](std::string_view text) { return protocol::fold_case(text).find(folded) != std::string::npos; };
  return protocol::fold_case(state.number) == folded || holds(state.description) ||
         holds(sync::field_value(state, sync::FieldId::subject).value_or(Bytes{}));
}

Result<TicketPage> from_index(sqlite::Database& db, const Tenant& tenant, const TicketFilter& filter,
                              std::uint64_t skip, std::uint64_t limit) {
  TicketPage page;
  const std::string where = conditions(filter);
  TERN_TRY(auto count, db.prepare("SELECT count(*) " + where));
  count.bind_all(tenant.number(), filter.category, filter.assignee);
  TERN_TRY(const bool counted, count.step());
  page.total = counted ? count.uint64(0) : 0;
  TERN_TRY(auto rows, db.prepare(fmt::format("SELECT state, message_id {} ORDER BY integer_id DESC LIMIT {} OFFSET {}",
                                             where, limit, skip)));
  rows.bind_all(tenant.number(), filter.category, filter.assignee);
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return page;
    TERN_TRY(sync::TicketState state, sync::decode_state(rows.blob(0)));
    page.tickets.push_back({std::move(state), rows.uint64(1)});
  }
}

}  // namespace

Result<TicketPage> list_page(sqlite::Database& db, const Tenant& tenant, const Caller& caller, const TicketView& view,
                             const TicketFilter& filter, std::uint64_t skip, std::uint64_t limit) {
  if (!asks_every_ticket(filter, caller)) return from_index(db, tenant, filter, skip, limit);
  TicketPage page;
  const std::string folded = protocol::fold_case(filter.words);
  TERN_TRY(auto rows, db.prepare("SELECT state, message_id " + conditions(filter) + " ORDER BY integer_id DESC"));
  rows.bind_all(tenant.number(), filter.category, filter.assignee);
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return page;
    TERN_TRY(sync::TicketState state, sync::decode_state(rows.blob(0)));
    if (!view.may_read(state) || (!folded.empty() && !has_words(state, folded))) continue;
    if (filter.organisation) {
      const auto client = view.client_of(state);
      if (!client || client->id != *filter.organisation) continue;
    }
    if (page.total++ >= skip && page.tickets.size() < limit) page.tickets.push_back({std::move(state), rows.uint64(1)});
  }
}

}  // namespace tern::server
