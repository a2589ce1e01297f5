// What the parts of the fold share: standings, order, and one function for each unit of a ticket.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "tern/sync/fold.hpp"

namespace tern::sync {

inline Standing applied(Rule rule = Rule::sequential) {
  return {Outcome::applied, rule, {}, {}};
}
inline Standing lost_to(Outcome outcome, Rule rule, const Stamp& stands) {
  return {outcome, rule, stands.ref(), stands.author};
}

/// Puts an item with a stamp at its place among items in order. Returns its index.
template <typename Item>
std::size_t insert_in_order(std::vector<Item>& items, Item item) {
  if (items.empty() || before(items.back().stamp, item.stamp)) {
    items.push_back(std::move(item));
    return items.size() - 1;
  }
  const auto place = std::upper_bound(items.begin(), items.end(), item,
                                      [](const Item& a, const Item& b) { return before(a.stamp, b.stamp); });
  const std::ptrdiff_t index = place - items.begin();
  items.insert(place, std::move(item));
  return static_cast<std::size_t>(index);
}

/// A standing among those that a fold may alter.
struct NamedStanding {
  ChangeRef change;
  Standing standing;
};
/// Adds to `altered` what differs between `before` and `after`; what is no longer in `after` counts as applied:
/// somebody who had seen it came later. `folded`: the change that was folded in, which is new to both.
void note_altered(const std::vector<NamedStanding>& before, const std::vector<NamedStanding>& after,
                  const ChangeRef& folded, std::vector<StandingChange>& altered);

// ---- one function for each unit -------------------------------------------------------------------------------------

/// Standing head of a register: its index, or nothing when there are no heads.
std::optional<std::size_t> standing_index(const Register& settings, FieldId field);

void fold_create(TicketState& state, const PlacedChange& placed, FoldEffect& effect);
void fold_setting(TicketState& state, const PlacedChange& placed, FoldEffect& effect);
void fold_element(TicketState& state, const PlacedChange& placed, FoldEffect& effect);
void fold_describe(TicketState& state, const PlacedChange& placed, FoldEffect& effect);
void fold_move(TicketState& state, const PlacedChange& placed, FoldEffect& effect);
void fold_message(TicketState& state, const PlacedChange& placed, FoldEffect& effect);
void fold_time_entry(TicketState& state, const PlacedChange& placed, FoldEffect& effect);
void fold_claim(TicketState& state, const PlacedChange& placed, FoldEffect& effect);
void fold_server_mark(TicketState& state, const PlacedChange& placed, FoldEffect& effect);
/// A fact that stands after the merge of its ticket.
void fold_after_merge(TicketState& state, const PlacedChange& placed, const Stamp& merge, bool append_only,
                      FoldEffect& effect);

/// `altered`: removes that had not seen it, and whose element is there now.
void add_element(TicketState& state, FieldId field, Bytes element, const Stamp& stamp,
                 std::vector<StandingChange>& altered);

/// True for what the lifecycle must see: a customer's public message that belongs to this ticket.
bool is_customer_message(const Change& change, const Stamp& stamp);
/// Puts a move (or a customer's message) at its place and says whose standing it alters. Returns its own standing.
Standing insert_move(TicketState& state, Move move, std::vector<StandingChange>& altered);

}  // namespace tern::sync
