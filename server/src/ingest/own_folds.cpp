#include "own_folds.hpp"

#include <algorithm>
#include <iterator>

namespace tern::server {

void OwnFolds::add(std::vector<OwnFold> later) {
  if (later.empty()) return;
  std::ranges::sort(later, {}, &OwnFold::ticket);
  std::vector<OwnFold> both;
  both.reserve(folds_.size() + later.size());
  auto before = folds_.begin();
  for (OwnFold& fold : later) {
    for (; before != folds_.end() && before->ticket < fold.ticket; ++before) both.push_back(*before);
    if (before != folds_.end() && before->ticket == fold.ticket) {
      // Nobody else came between the two: one way leads over both.
      if (before->version == fold.base) fold.base = before->base;
      ++before;
    }
    both.push_back(fold);
  }
  both.insert(both.end(), before, folds_.end());
  folds_ = std::move(both);
}

void OwnFolds::forget_up_to(std::uint64_t cursor_seq) {
  std::erase_if(folds_, [&](const OwnFold& fold) { return fold.version <= cursor_seq; });
  if (folds_.empty()) folds_ = {};
}

const OwnFold* OwnFolds::find(const TicketId& ticket, std::uint64_t version, std::uint64_t cursor_seq) const {
  const auto found = std::ranges::lower_bound(folds_, ticket, {}, &OwnFold::ticket);
  if (found == folds_.end() || found->ticket != ticket) return nullptr;
  return found->version == version && found->base <= cursor_seq ? &*found : nullptr;
}

void OwnFolds::keep_at_most(std::size_t folds_max) {
  if (folds_.size() > folds_max) folds_.resize(folds_max);
  folds_.shrink_to_fit();
}

}  // namespace tern::server
