// What is counted as commits go: what operators hold, against the tickets folded from zero; tickets, against their
// rows.
#include <algorithm>
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

Result<void> check_counts(VerifyRun& run) {
  constexpr std::string_view counted =
      "SELECT listed, coalesce(organisation, x''), CASE WHEN organisation IS NULL THEN coalesce(contact, x'') ELSE x'' "
      "END, count(*) FROM ticket WHERE tenant_id = $1 AND listed > 0 GROUP BY 1, 2, 3";
  constexpr std::string_view kept =
      "SELECT listed, organisation, contact, n FROM ticket_count WHERE tenant_id = $1 AND n <> 0";
  const auto beyond = [&](std::string_view these, std::string_view those) {
    return run.db.int64_of(fmt::format("SELECT count(*) FROM ({} EXCEPT {})", these, those), run.number);
  };
  TERN_TRY(const auto uncounted, beyond(counted, kept));
  TERN_TRY(const auto miscounted, beyond(kept, counted));
  if (uncounted.value_or(0) + miscounted.value_or(0) > 0)
    run.find("{} of the numbers kept of tickets are not what their rows say",
             std::max(uncounted.value_or(0), miscounted.value_or(0)));
  return {};
}

}  // namespace tern::server
