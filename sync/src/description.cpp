// The description: edits of one long text, merged by line in the ticket's order.
#include <map>
#include <tuple>

#include "fold_parts.hpp"
#include "tern/protocol/mutant.hpp"

namespace tern::sync {
namespace {

struct Text {
  std::string text;
  bool erased = false;
};

enum class Step : std::uint8_t { replaced, merged, overlapped };

/// One edit onto what stands. `edit_is_later`: which of the two stands where they overlap.
Step step(Text& stands, const Change& edit, bool edit_is_later, std::size_t cells_max, std::size_t& cells_used) {
  if (edit.body_erased) {
    if (edit_is_later) stands = {{}, true};
    return Step::overlapped;
  }
  if (!stands.erased) {
    if (edit.base == stands.text && edit_is_later) {
      stands.text = edit.text;
      return Step::replaced;
    }
    if (edit.text == stands.text) return Step::merged;
    if (mutant(Mutant::description_last_write)) {
      stands.text = edit.text;
      return Step::replaced;
    }
    if (auto merged = merge_lines(edit.base, stands.text, edit.text, cells_max, &cells_used)) {
      stands.text = std::move(*merged);
      return Step::merged;
    }
  }
  if (edit_is_later) stands = {edit.text, false};
  return Step::overlapped;
}

Standing standing_of(Step step) {
  switch (step) {
    case Step::merged:
      return {Outcome::merged, Rule::text_merge, {}, {}};
    case Step::overlapped:
      return applied(Rule::text_overlap);
    default:
      return applied();
  }
}

/// Which edits no other edit had seen.
class Unseen {
public:
  void add(const Stamp& edit) {
    const bool sees_its_own_set = edit.sealed && edit.seen_seq >= edit.commit_seq;  // acts on what is there now
    seen_max_ = std::max(seen_max_, sees_its_own_set ? edit.commit_seq - 1 : std::min(edit.seen_seq, edit.commit_seq));
    add(chain_of(edit, edit.author), edit);
    if (sees_its_own_set) add(chain_of(edit, {}), edit);
  }
  [[nodiscard]] bool contains(const Stamp& stamp) const {
    if (stamp.kind == 0) return false;  // everybody saw the create
    const bool later_in_chain =
        is_before(stamp, chain_of(stamp, stamp.author)) || is_before(stamp, chain_of(stamp, {}));
    return !later_in_chain && stamp.commit_seq > seen_max_;
  }

private:
  /// What one sees of without a number: a device's chain; of the server's, one set by one author, or by nobody in
  /// particular.
  using Chain = std::tuple<DeviceId, std::uint64_t, std::uint64_t, OperatorId>;
  static Chain chain_of(const Stamp& stamp, const OperatorId& author) {
    if (!stamp.sealed) return {stamp.origin.device, stamp.origin.device_epoch, 0, {}};
    return {stamp.origin.device, stamp.origin.device_epoch, stamp.origin.chain_seq, author};
  }
  void add(const Chain& chain, const Stamp& edit) {
    auto& newest = newest_[chain];
    const auto later = newest.lower_bound(edit.origin);
    if (later != newest.end() && later->second >= edit.commit_seq) return;
    newest.insert_or_assign(later, edit.origin, edit.commit_seq);
    std::erase_if(newest, [&](const auto& one) { return one.first < edit.origin && one.second <= edit.commit_seq; });
  }
  /// A later one of the chain that was committed earlier did not see it: it was held, and let in since.
  [[nodiscard]] bool is_before(const Stamp& stamp, const Chain& chain) const {
    const auto newest = newest_.find(chain);
    if (newest == newest_.end()) return false;
    const auto later = newest->second.upper_bound(stamp.origin);
    return later != newest->second.end() && later->second >= stamp.commit_seq;
  }

  std::uint64_t seen_max_ = 0;
  // By place in the chain, those with their commit that none has both behind and above it: commits fall.
  std::map<Chain, std::map<Origin, std::uint64_t>> newest_;
};

class DescriptionFolder {
public:
  DescriptionFolder(std::span<const PlacedChange* const> edits, const TicketState& state)
      : edits_(edits), state_(state) {
    fold_.standings.resize(edits.size());
    for (const PlacedChange* edit : edits)
      if (merge_over(state_, edit->stamp) == nullptr) unseen_.add(edit->stamp);
  }

  DescriptionFold run() {
    for (const std::size_t index : in_order()) fold(index);
    fold_.text = std::move(stands_.text);
    fold_.erased = stands_.erased;
    return std::move(fold_);
  }

private:
  std::vector<std::size_t> in_order() const {
    std::vector<std::size_t> order(edits_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return before(edits_[a]->stamp, edits_[b]->stamp); });
    return order;
  }

  void fold(std::size_t index) {
    const PlacedChange& edit = *edits_[index];
    Standing& standing = fold_.standings[index];
    if (edit.change.intent == Intent::create) {
      stands_ = {edit.change.text, edit.change.body_erased};
      standing = applied();
      return;
    }
    if (const Stamp* merge = merge_over(state_, edit.stamp)) {
      standing = lost_to(Outcome::overtaken, Rule::merged_ticket, *merge);
      return;
    }
    const std::size_t cells_left = description_cells_max - std::min(cells_used_, description_cells_max);
    const Step done = step(stands_, edit.change, true, std::min(merge_cells_max, cells_left), cells_used_);
    standing = standing_of(done);
    if (done == Step::overlapped) supersede_unseen(edit.stamp, standing);
    if (unseen_.contains(edit.stamp)) standing_unseen_.push_back(index);
  }

  /// The later stands; those whose text nobody had seen are told.
  void supersede_unseen(const Stamp& by, Standing& own) {
    if (standing_unseen_.empty()) own = applied();
    for (const std::size_t index : standing_unseen_)
      fold_.standings[index] = lost_to(Outcome::superseded, Rule::text_overlap, by);
    standing_unseen_.clear();
  }

  std::span<const PlacedChange* const> edits_;
  const TicketState& state_;
  Unseen unseen_;
  DescriptionFold fold_;
  Text stands_;
  std::size_t cells_used_ = 0;
  std::vector<std::size_t> standing_unseen_;
};

}  // namespace

DescriptionFold fold_description(std::span<const PlacedChange* const> edits, const TicketState& state) {
  return DescriptionFolder(edits, state).run();
}

void fold_describe(TicketState& state, const PlacedChange& placed, FoldEffect& effect) {
  effect.description_changed = true;
  const bool later = !state.description_stamp || before(*state.description_stamp, placed.stamp);
  Text stands{std::move(state.description), state.description_erased};
  std::size_t cells_used = 0;
  effect.standing = standing_of(step(stands, placed.change, later, merge_cells_max, cells_used));
  state.description = std::move(stands.text);
  state.description_erased = stands.erased;
  if (later) state.description_stamp = placed.stamp;
}

}  // namespace tern::sync
