// Status moves: kept with their stamps; the lifecycle table decides at their place.
#include "fold_parts.hpp"
#include "status_replay.hpp"
#include "tern/protocol/mutant.hpp"

namespace tern::sync {
namespace {

std::vector<MoveVerdict> verdicts_of(const TicketState& state) {
  StatusReplay replay(state);
  std::vector<MoveVerdict> verdicts;
  verdicts.reserve(state.moves.size());
  for (const Move& move : state.moves) verdicts.push_back(replay.step(move));
  return verdicts;
}

std::vector<Standing> standings_of(const TicketState& state) {
  std::vector<Standing> standings;
  for (const MoveVerdict& verdict : verdicts_of(state)) standings.push_back(standing_of(verdict));
  return standings;
}

/// The common case: nothing that stands before it can change, so only the newcomer is judged.
Standing append_move(TicketState& state, Move move) {
  state.moves.push_back(std::move(move));
  return standing_of(verdicts_of(state).back());
}

/// Moves that carry words. Of the others nothing is missing when their body was erased.
bool speaks(Intent intent) {
  return intent == Intent::hold || intent == Intent::estimate || intent == Intent::resolve ||
         intent == Intent::reopen || intent == Intent::estimate_approved || intent == Intent::estimate_rejected;
}

/// What an overtaken change of another kind wrote, kept as a move that goes nowhere. Nothing when it is no text; that
/// is asked of its kind, never of the words, so that an erasure changes no order.
std::optional<Move> words_of(const PlacedChange& placed) {
  const Change& change = placed.change;
  if (change.intent == Intent::describe || change.intent == Intent::edit_message)
    return Move{placed.stamp, change.intent, change.text, 0, change.body_erased};
  if (change.intent != Intent::set || change.fields.empty()) return std::nullopt;
  const FieldSetting& setting = change.fields.front();
  const FieldSpec* spec = find_field(setting.field);
  if (spec == nullptr || spec->place != Place::body) return std::nullopt;
  return Move{placed.stamp, change.intent, setting.value.value_or(Bytes{}), 0, setting.erased};
}

}  // namespace

Standing insert_move(TicketState& state, Move move, std::vector<StandingChange>& altered) {
  if (state.moves.empty() || before(state.moves.back().stamp, move.stamp)) return append_move(state, std::move(move));
  const std::vector<Standing> old = standings_of(state);
  const std::size_t place = insert_in_order(state.moves, std::move(move));
  const std::vector<Standing> now = standings_of(state);
  for (std::size_t i = 0; i < old.size(); ++i) {
    const std::size_t at = i < place ? i : i + 1;
    const bool judged = state.moves[at].intent != Intent::message;  // messages are append-only whatever they move
    if (judged && now[at] != old[i]) altered.push_back({state.moves[at].stamp.ref(), old[i], now[at]});
  }
  return now[place];
}

void fold_move(TicketState& state, const PlacedChange& placed, FoldEffect& effect) {
  const Change& change = placed.change;
  Move move{placed.stamp, change.intent, change.text, change.number, change.body_erased && speaks(change.intent)};
  effect.standing = insert_move(state, std::move(move), effect.altered);
}

void fold_after_merge(TicketState& state, const PlacedChange& placed, const Stamp& merge, bool append_only,
                      FoldEffect& effect) {
  if (append_only && !mutant(Mutant::merge_loses_late)) {
    if (placed.change.intent == Intent::log_time)
      fold_time_entry(state, placed, effect);
    else
      fold_message(state, placed, effect);
    effect.standing = lost_to(Outcome::redirected, Rule::merged_ticket, merge);
    return;
  }
  if (find_intent(placed.change.intent)->unit == Unit::status)
    fold_move(state, placed, effect);
  else if (auto words = words_of(placed))
    insert_move(state, std::move(*words), effect.altered);
  effect.standing = lost_to(Outcome::overtaken, Rule::merged_ticket, merge);
}

}  // namespace tern::sync
