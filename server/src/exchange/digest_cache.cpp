#include "digest_cache.hpp"

namespace tern::server {

std::shared_ptr<DigestCache::Entry> DigestCache::entry_of(const Key& key) {
  const std::lock_guard guard(mutex_);
  if (const auto found = entries_.find(key); found != entries_.end()) {
    recent_.splice(recent_.begin(), recent_, found->second.second);
    return found->second.first;
  }
  if (entries_.size() >= digest_scopes_max) {
    entries_.erase(recent_.back());
    recent_.pop_back();
  }
  recent_.push_front(key);
  auto entry = std::make_shared<Entry>();
  entries_[key] = {entry, recent_.begin()};
  return entry;
}

Result<void> DigestCache::bring_to(Entry& entry, sqlite::Database& db, const ReaderScope& scope, std::uint64_t seq) {
  if (entry.rights_version != scope.rights_version) {  // every term changes
    entry.digest = {};
    entry.versions.clear();
    entry.seq = 0;
    entry.rights_version = scope.rights_version;
  }
  if (entry.seq == seq) return {};
  const auto take_out = [&](const TicketId& ticket) {
    const auto held = entry.versions.find(ticket);
    if (held == entry.versions.end()) return;
    entry.digest.remove(ticket, held->second, scope.rights_version);
    entry.versions.erase(held);
  };
  if (!scope.all) {
    TERN_TRY(auto left,
             db.query("SELECT ticket_id FROM scope_member WHERE tenant_id = $1 AND operator_id = $2 AND left_seq > $3",
                      scope.tenant, scope.operator_id, entry.seq));
    for (;;) {
      TERN_TRY(const bool more, left.step());
      if (!more) break;
      take_out(left.id<TicketId>(0));
    }
  }
  const auto put_in = [&](sqlite::Statement rows) -> Result<void> {
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) return {};
      const auto ticket = rows.id<TicketId>(0);
      take_out(ticket);
      entry.versions[ticket] = rows.uint64(1);
      entry.digest.add(ticket, rows.uint64(1), scope.rights_version);
    }
  };
  TERN_TRY(auto changed, changed_tickets(db, scope, entry.seq, seq));
  TERN_CHECKED(put_in(std::move(changed)));
  if (!scope.all) {
    TERN_TRY(auto entered, db.query("SELECT m.ticket_id, t.version FROM scope_member m CROSS JOIN ticket t WHERE "
                                    "m.tenant_id = $1 AND m.operator_id = $2 AND m.entered_seq > $3 AND m.left_seq = 0 "
                                    "AND t.tenant_id = m.tenant_id AND t.ticket_id = m.ticket_id",
                                    scope.tenant, scope.operator_id, entry.seq));
    TERN_CHECKED(put_in(std::move(entered)));
  }
  entry.seq = seq;
  return {};
}

Result<std::optional<sync::ScopeDigest>> DigestCache::at(sqlite::Database& db, const ReaderScope& scope,
                                                         std::uint64_t seq) {
  const auto entry = entry_of({scope.tenant, scope.operator_id, scope.all});
  const std::lock_guard guard(entry->mutex);
  if (entry->seq > seq) return std::optional<sync::ScopeDigest>();
  if (auto done = bring_to(*entry, db, scope, seq); !done) {
    entry->rights_version = ~scope.rights_version;  // half done: begin anew next time
    return tl::unexpected(std::move(done).error());
  }
  return std::optional(entry->digest);
}

}  // namespace tern::server
