// A tenant's own SLA rules and calendars, all versions, out of the ledger's records (docs/sla.md, K11, K12).
#pragma once

#include <memory>
#include <vector>

#include "desk/sla_events.hpp"
#include "tern/sla/calendars.hpp"
#include "tern/sla/policy.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sync/record.hpp"

namespace tern::server {

struct RecordVersion {
  sync::Record record;
  sla::Instant committed_at = 0;
};
/// Rules, calendars, categories and tariffs that promise something, by commit; and orders to judge anew.
Result<std::vector<RecordVersion>> read_sla_versions(sqlite::Database& db, std::int64_t tenant);

/// What the clock asks. The calendars in it are expanded as far as they were asked, so it is kept. Not for two threads
/// at once.
class SlaSettings {
public:
  /// Versions that were committed after `known_by` take no part. What cannot be read (an erased record) has no version.
  /// `categories`: what stands above which, for those that promise something; null: nothing does.
  SlaSettings(const std::vector<RecordVersion>& versions, sla::Instant known_by = INT64_MAX,
              const std::shared_ptr<const CategoryNames>& categories = {});

  [[nodiscard]] const sla::RuleBooks& books() const { return books_; }
  [[nodiscard]] const sla::Calendars& calendars() const { return calendars_; }
  sla::Calendars& calendars() { return calendars_; }
  /// The rules in force then are the tenant's; else those of a tenant that has written none.
  [[nodiscard]] bool has_own_rules(sla::Instant at) const;
  /// Ranks, from 4 down, of which a ticket of nobody's in particular is promised neither a response nor an end, and no
  /// rule says that this is meant.
  [[nodiscard]] std::vector<int> priorities_without_target(sla::Instant at) const;

private:
  sla::Calendars calendars_;
  sla::RuleBooks books_;
};

}  // namespace tern::server
