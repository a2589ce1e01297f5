// Fields ruled by facts: registers (latest, highest) and sets (add wins).
#include "fold_parts.hpp"

namespace tern::sync {
namespace {

constexpr char rank_default = '2';  // none means normal

bool highest_rules(FieldId field) {
  const FieldSpec* spec = find_field(field);
  return spec != nullptr && spec->rule == FieldRule::highest;
}

char rank_of(const Head& head) {
  return head.value && !head.value->empty() ? head.value->front() : rank_default;
}

/// Two people set the same value unseen: nothing is lost. Asked of values in the skeleton only, which no erasure takes
/// away: a standing must not change when a body does.
bool says_the_same(const Head& a, const Head& b, FieldId field) {
  const FieldSpec* spec = find_field(field);
  return spec != nullptr && spec->place == Place::skeleton && a.value == b.value;
}

Standing standing_of(const Register& settings, std::size_t index, std::size_t stands, FieldId field) {
  const Rule rule = highest_rules(field) ? Rule::priority_highest : Rule::latest_wins;
  if (index == stands) return applied(settings.heads.size() > 1 ? rule : Rule::sequential);
  const Head& winner = settings.heads[stands];
  const bool same = says_the_same(settings.heads[index], winner, field);
  return lost_to(same ? Outcome::merged : Outcome::superseded, rule, winner.stamp);
}

std::vector<NamedStanding> standings_of(const Register& settings, FieldId field) {
  std::vector<NamedStanding> standings;
  const auto stands = standing_index(settings, field);
  for (std::size_t i = 0; i < settings.heads.size(); ++i)
    standings.push_back({settings.heads[i].stamp.ref(), standing_of(settings, i, *stands, field)});
  return standings;
}

bool knows_all(const Stamp& x, const std::vector<Head>& heads) {
  return std::ranges::all_of(heads, [&](const Head& head) { return knows(x, head.stamp); });
}

/// Heads stay those settings that no other setting had seen.
void add_head(Register& settings, Head head) {
  std::erase_if(settings.heads, [&](const Head& other) { return knows(head.stamp, other.stamp); });
  const bool seen =
      std::ranges::any_of(settings.heads, [&](const Head& other) { return knows(other.stamp, head.stamp); });
  if (!seen) insert_in_order(settings.heads, std::move(head));
}

/// `effect` null: nobody's standing depends on it (the values of a create).
void fold_head(Register& settings, FieldId field, Head head, FoldEffect* effect) {
  const ChangeRef folded = head.stamp.ref();
  const bool alone = settings.heads.size() <= 1 && knows_all(head.stamp, settings.heads);
  if (alone || effect == nullptr) {
    add_head(settings, std::move(head));
    if (effect != nullptr) effect->standing = applied();
    return;
  }
  const std::vector<NamedStanding> before = standings_of(settings, field);
  add_head(settings, std::move(head));
  const std::vector<NamedStanding> after = standings_of(settings, field);
  effect->standing = applied();  // when somebody who had seen it is there already
  for (const NamedStanding& named : after)
    if (named.change == folded) effect->standing = named.standing;
  note_altered(before, after, folded, effect->altered);
}

void fold_field(TicketState& state, const FieldSetting& setting, const Stamp& stamp, FoldEffect* effect) {
  const FieldSpec* spec = find_field(setting.field);
  if (spec == nullptr || (spec->rule != FieldRule::latest && spec->rule != FieldRule::highest)) return;
  fold_head(state.fields[FieldKey{setting.field, setting.key}], setting.field,
            Head{stamp, setting.value, setting.erased}, effect);
}

// ---- sets: an add stays until a remove that had seen it ----

void drop_seen(std::map<ElementKey, std::vector<Stamp>>& stamps, const ElementKey& key, const Stamp& by) {
  const auto found = stamps.find(key);
  if (found == stamps.end()) return;
  std::erase_if(found->second, [&](const Stamp& stamp) { return knows(by, stamp); });
  if (found->second.empty()) stamps.erase(found);
}

void put_in_order(std::vector<Stamp>& stamps, const Stamp& stamp) {
  stamps.insert(std::ranges::upper_bound(stamps, stamp, before), stamp);
}

/// Removes of an element that is there all the same, by adds that they had not seen.
std::vector<NamedStanding> removal_standings(const TicketState& state, const ElementKey& key) {
  std::vector<NamedStanding> standings;
  const auto removes = state.removals.find(key);
  if (removes == state.removals.end()) return standings;
  const auto adds = state.elements.find(key);
  for (const Stamp& remove : removes->second)
    standings.push_back({remove.ref(), adds == state.elements.end()
                                           ? applied()
                                           : lost_to(Outcome::superseded, Rule::add_wins, adds->second.back())});
  return standings;
}

void remove_element(TicketState& state, const ElementKey& key, const Stamp& stamp, FoldEffect& effect) {
  const std::vector<NamedStanding> before_it = removal_standings(state, key);
  drop_seen(state.elements, key, stamp);
  if (key.field == FieldId::pins) return;  // everybody's own: nobody else adds it
  drop_seen(state.removals, key, stamp);
  put_in_order(state.removals[key], stamp);
  const std::vector<NamedStanding> after_it = removal_standings(state, key);
  for (const NamedStanding& named : after_it)
    if (named.change == stamp.ref()) effect.standing = named.standing;
  note_altered(before_it, after_it, stamp.ref(), effect.altered);
}

struct SetIntent {
  Intent intent;
  FieldId field;
  bool adds;
};
constexpr SetIntent set_intents[] = {
    {Intent::tag, FieldId::tags, true},       {Intent::untag, FieldId::tags, false},
    {Intent::watch, FieldId::watchers, true}, {Intent::unwatch, FieldId::watchers, false},
    {Intent::link, FieldId::links, true},     {Intent::unlink, FieldId::links, false},
    {Intent::pin, FieldId::pins, true},       {Intent::unpin, FieldId::pins, false},
};

}  // namespace

std::optional<std::size_t> standing_index(const Register& settings, FieldId field) {
  if (settings.heads.empty()) return std::nullopt;
  std::size_t stands = settings.heads.size() - 1;  // heads are in order: the latest
  if (!highest_rules(field)) return stands;
  for (std::size_t i = stands; i-- > 0;)
    if (rank_of(settings.heads[i]) > rank_of(settings.heads[stands])) stands = i;
  return stands;
}

void note_altered(const std::vector<NamedStanding>& before, const std::vector<NamedStanding>& after,
                  const ChangeRef& folded, std::vector<StandingChange>& altered) {
  for (const NamedStanding& old : before) {
    if (old.change == folded) continue;
    const auto same = std::ranges::find(after, old.change, &NamedStanding::change);
    const Standing now = same == after.end() ? applied() : same->standing;
    if (now != old.standing) altered.push_back({old.change, old.standing, now});
  }
}

void fold_setting(TicketState& state, const PlacedChange& placed, FoldEffect& effect) {
  effect.standing = applied();
  for (const FieldSetting& setting : placed.change.fields) fold_field(state, setting, placed.stamp, &effect);
}

void fold_create(TicketState& state, const PlacedChange& placed, FoldEffect& effect) {
  const Change& change = placed.change;
  effect.standing = applied();
  for (const FieldSetting& setting : change.fields) fold_field(state, setting, placed.stamp, nullptr);
  if (!state.created || before(placed.stamp, *state.created)) state.created = placed.stamp;
  if (placed.admission.integer_id != 0) state.integer_id = placed.admission.integer_id;
  if (!placed.admission.number.empty()) state.number = placed.admission.number;
  if (!change.provisional_number.empty()) {
    const auto place = std::ranges::lower_bound(state.aliases, change.provisional_number);
    if (place == state.aliases.end() || *place != change.provisional_number)
      state.aliases.insert(place, change.provisional_number);
  }
  if (!state.description_stamp) {
    state.description = change.text;
    state.description_erased = change.body_erased;
    state.description_stamp = placed.stamp;
  }
}

void add_element(TicketState& state, FieldId field, Bytes element, const Stamp& stamp,
                 std::vector<StandingChange>& altered) {
  const ElementKey key{field, std::move(element)};
  const std::vector<NamedStanding> before_it = removal_standings(state, key);
  std::vector<Stamp>& adds = state.elements[key];
  // An earlier add of the same chain says nothing more: whoever had seen this one had seen that one.
  std::erase_if(adds, [&](const Stamp& add) {
    return add.origin.device == stamp.origin.device && add.origin.device_epoch == stamp.origin.device_epoch &&
           knows(stamp, add);
  });
  put_in_order(adds, stamp);
  if (before_it.empty()) return;
  drop_seen(state.removals, key, stamp);  // added again by somebody who knew
  note_altered(before_it, removal_standings(state, key), stamp.ref(), altered);
}

void fold_element(TicketState& state, const PlacedChange& placed, FoldEffect& effect) {
  effect.standing = applied();
  for (const SetIntent& row : set_intents) {
    if (row.intent != placed.change.intent) continue;
    Bytes element = element_of(placed.change, placed.stamp.author);
    if (row.adds)
      add_element(state, row.field, std::move(element), placed.stamp, effect.altered);
    else
      remove_element(state, ElementKey{row.field, std::move(element)}, placed.stamp, effect);
  }
}

}  // namespace tern::sync
