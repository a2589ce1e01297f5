#include "floors.hpp"
#include "works.hpp"

namespace tern::bench {
namespace {

constexpr double ms_per_s = 1'000;

}  // namespace

Result<void> measure_floors(Desk& desk, Report& report) {
  if (!report.wants("floor")) return {};
  const std::size_t count = desk.options().quick ? 500 : 3'000;
  TERN_TRY(auto store,
           PlainStore::make(desk.fresh_path("commits"), sqlite::Synchronous::full, SearchIndex::as_replica));
  std::vector<double> verify_us, commit_ms;
  for (std::size_t i = 0; i < desk.options().pairs(); ++i) {
    TERN_TRY(const double seconds, time_verifications(count));
    verify_us.push_back(seconds / static_cast<double>(count) * 1e6);
    TERN_TRY(const auto commits, time_commits(*store, desk.tickets(), count / 5));
    for (const double each : commits) commit_ms.push_back(each * ms_per_s);
  }
  Row verify;
  verify.name = "floor_verify";
  verify.title = "one Ed25519 verification on one core";
  verify.value = median(verify_us);
  verify.unit = "us";
  report.add(verify);
  Row commit;
  commit.name = "floor_commit";
  commit.title = "one durable commit of one row";
  commit.value = median(commit_ms);
  commit.unit = "ms";
  commit.detail = Json::object({{"p99_ms", Json(rounded(quantile(commit_ms, 0.99)))}});
  report.add(commit);
  return {};
}

}  // namespace tern::bench
