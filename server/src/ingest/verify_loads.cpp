// What operators hold, as rows that commits keep, against the tickets folded from zero.
#include <limits>

#include "ticket_columns.hpp"
#include "verify_parts.hpp"

namespace tern::server {

Result<void> expect_loads(VerifyRun& run, const Refolded& zero, const ScopeFacts& facts) {
  TERN_TRY(const auto from, read_meta(run.db, run.number, meta_loads_from));
  add_burden(run.loads, columns_of(zero.fold.state, facts, {}).lists, 1);
  for (const sync::PlacedChange& placed : zero.changes)
    if (placed.stamp.commit_seq > meta_number(from))
      if (const auto given = assigned_to(placed)) run.loads[*given].add({0, 0, placed.stamp.commit_seq});
  return {};
}

Result<void> check_loads(VerifyRun& run) {
  const bool filled = run.lists_to == std::numeric_limits<std::uint64_t>::max();
  if (!filled || !run.unreadable.empty() || run.unreadable_any) return {};
  TERN_TRY(OperatorLoads kept, read_loads(run.db, run.number));
  std::erase_if(kept, [](const auto& one) { return one.second == OperatorLoad{}; });
  std::erase_if(run.loads, [](const auto& one) { return one.second == OperatorLoad{}; });
  for (const auto& [who, load] : run.loads) {
    const auto found = kept.find(who);
    if (found == kept.end() || found->second != load)
      run.find("operator {}: what is kept of their load is not what their tickets say", to_hex(who));
    if (found != kept.end()) kept.erase(found);
  }
  for (const auto& [who, load] : kept) run.find("operator {}: a load is kept of who holds nothing", to_hex(who));
  return {};
}

}  // namespace tern::server
