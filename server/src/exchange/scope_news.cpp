#include "exchange/scope_news.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "store/ledger.hpp"
#include "tern/sync/conflict.hpp"
#include "tern/sync/intent.hpp"
#include "tern/sync/record.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::server {
namespace {

/// (ticket_id, position) of what is held above $3, and of the tickets made above $2 of which something is held above
/// $4. From one end or the other: since a reader who is near few were made, and before one who is far few are held.
std::string held_query(bool near) {
  // 6 is sync::Outcome::held, spelled so that the partial index serves.
  static_assert(static_cast<int>(sync::Outcome::held) == 6);
  constexpr std::string_view from_made =
      "SELECT made.ticket_id, made.commit_seq FROM change made WHERE made.tenant_id = $1 AND made.commit_seq > $2 AND "
      "made.intent = $5 AND EXISTS (SELECT 1 FROM change c WHERE c.tenant_id = $1 AND c.ticket_id = made.ticket_id AND "
      "c.commit_seq > $4 AND c.standing = 6)";
  constexpr std::string_view from_held =
      "SELECT made.ticket_id, made.commit_seq FROM (SELECT DISTINCT ticket_id FROM change WHERE tenant_id = $1 AND "
      "standing = 6 AND commit_seq > $4) AS c CROSS JOIN change made WHERE made.tenant_id = $1 AND made.ticket_id = "
      "c.ticket_id AND made.commit_seq > $2 AND made.intent = $5";
  return "WITH held (ticket_id, position) AS (SELECT ticket_id, commit_seq FROM change WHERE tenant_id = $1 AND "
         "standing = 6 AND commit_seq > $3 UNION ALL " +
         std::string(near ? from_made : from_held) +
         ") SELECT h.ticket_id, max(h.position) FROM held h CROSS JOIN ticket t WHERE t.tenant_id = $1 AND t.ticket_id "
         "= h.ticket_id AND ($6 = 1 OR EXISTS (SELECT 1 FROM scope_member m WHERE m.tenant_id = $1 AND m.operator_id "
         "= $7 AND m.ticket_id = h.ticket_id AND m.left_seq = 0)) GROUP BY h.ticket_id";
}

class NewsReader {
public:
  NewsReader(sqlite::Database& db, const ReaderScope& scope, std::uint64_t after, std::uint64_t now)
      : db_(db), scope_(scope), after_(after), now_(now) {}

  Result<std::vector<TicketNews>> read() {
    TERN_CHECKED(add_each(NewsKind::changed, changed_tickets(db_, scope_, after_, now_)));
    TERN_CHECKED(add_shown_otherwise());
    TERN_CHECKED(add_each(NewsKind::again, refolded()));
    TERN_CHECKED(add_held_since_restore());
    TERN_CHECKED(add_each(NewsKind::again, said_again()));
    if (!scope_.all) {
      TERN_CHECKED(add_each(NewsKind::entered, entered()));
      TERN_CHECKED(add_each(NewsKind::left, left()));
    }
    std::sort(news_.begin(), news_.end(), [](const TicketNews& a, const TicketNews& b) { return a.stands_before(b); });
    return std::move(news_);
  }

private:
  /// Rows of (ticket_id, position), and the reason of what left.
  Result<void> add_each(NewsKind kind, Result<sqlite::Statement> found) {
    TERN_TRY(auto rows, std::move(found));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) return {};
      const auto reason = kind == NewsKind::left ? static_cast<std::uint32_t>(rows.int64(2)) : 0;
      news_.push_back({rows.uint64(1), rows.id<TicketId>(0), kind, reason});
    }
  }

  /// At the commit that brought it in, whatever was committed to it since: behind a page that ends between the two it
  /// would count as held, and come without its older messages.
  Result<sqlite::Statement> entered() {
    return db_.query(
        "SELECT ticket_id, entered_seq FROM scope_member "
        "WHERE tenant_id = $1 AND operator_id = $2 AND entered_seq > $3 AND left_seq = 0",
        scope_.tenant, scope_.operator_id, after_);
  }

  Result<sqlite::Statement> left() {
    return db_.query(
        "SELECT ticket_id, left_seq, left_reason FROM scope_member WHERE tenant_id = $1 AND "
        "operator_id = $2 AND left_seq > $3",
        scope_.tenant, scope_.operator_id, after_);
  }

  /// The newest commit after the cursor that let the reader see restricted notes, or took that away. Nothing: none did.
  Result<std::optional<std::uint64_t>> rights_turned() {
    TERN_TRY(auto rows, db_.query("SELECT version, data FROM record_history WHERE tenant_id = $1 AND kind = $2 AND "
                                  "record_id = $3 AND version >= "
                                  "(SELECT max(version) FROM record_history WHERE tenant_id = $1 AND kind = $2 AND "
                                  "record_id = $3 AND version <= $4) "
                                  "ORDER BY version",
                                  scope_.tenant, sync::RecordKind::operator_, scope_.operator_id, after_));
    std::optional<bool> before;
    std::optional<std::uint64_t> turned;
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) return turned;
      TERN_TRY(const auto record, sync::decode_record(rows.blob(1)));
      const bool now = reads_restricted(record);
      if (before && *before != now) turned = rows.uint64(0);
      before = now;
    }
  }

  /// Tickets the reader holds with notes that it may see only now, or must not see any more.
  Result<void> add_shown_otherwise() {
    TERN_TRY(const auto turned, rights_turned());
    if (!turned) return {};
    if (scope_.all)
      return add_each(NewsKind::again,
                      db_.query("SELECT DISTINCT ticket_id, $3 FROM message WHERE tenant_id = $1 AND visibility = $2",
                                scope_.tenant, sync::Visibility::restricted, *turned));
    return add_each(
        NewsKind::again,
        db_.query("SELECT DISTINCT m.ticket_id, $5 FROM scope_member m JOIN message n ON n.tenant_id = m.tenant_id AND "
                  "n.ticket_id = m.ticket_id "
                  "WHERE m.tenant_id = $1 AND m.operator_id = $2 AND m.left_seq = 0 AND m.entered_seq <= $3 AND "
                  "n.visibility = $4",
                  scope_.tenant, scope_.operator_id, after_, sync::Visibility::restricted, *turned));
  }

  /// Tickets the reader holds in a form of before they were folded anew.
  Result<sqlite::Statement> refolded() {
    return db_.query(
        "SELECT ticket_id, max(commit_seq) FROM refolded r WHERE tenant_id = $1 AND commit_seq > $2 AND ($3 = 1 OR "
        "EXISTS (SELECT 1 FROM scope_member m WHERE m.tenant_id = $1 AND m.operator_id = $4 AND m.ticket_id = "
        "r.ticket_id AND m.left_seq = 0 AND m.entered_seq <= $2)) GROUP BY ticket_id",
        scope_.tenant, after_, scope_.all, scope_.operator_id);
  }

  /// Tickets with something that is held since a restore. Whoever saw it take effect in the history that was given up
  /// shows it still, and nobody else tells of it: not the version, which is that of what does take effect. Where the
  /// ticket came back later than what is held, it is told of then.
  Result<void> add_held_since_restore() {
    // The first one: who was away for two of them has seen the history that ended there.
    TERN_TRY(const auto kept, db_.int64_of("SELECT min(kept_seq) FROM past_epoch WHERE tenant_id = $1", scope_.tenant));
    if (!kept) return {};
    const auto kept_seq = static_cast<std::uint64_t>(*kept);
    TERN_TRY(const auto newest, newest_held_above(db_, scope_.tenant, kept_seq));
    if (!newest) return {};
    const bool near = is_few_commits_behind(after_, now_);
    return add_each(NewsKind::again, db_.query(held_query(near), scope_.tenant, after_, std::max(after_, kept_seq),
                                               kept_seq, sync::Intent::create, scope_.all, scope_.operator_id));
  }

  /// Tickets with something that was read out of a device's copy after a restore: whoever saw it in the history that
  /// was given up shows it still, under the name that it had there.
  Result<sqlite::Statement> said_again() {
    return db_.query(
        "SELECT ticket_id, max(said_seq) FROM handed_back h WHERE tenant_id = $1 AND said_seq > $2 AND EXISTS (SELECT "
        "1 "
        "FROM ticket t WHERE t.tenant_id = $1 AND t.ticket_id = h.ticket_id) AND ($3 = 1 OR "
        "EXISTS (SELECT 1 FROM scope_member m WHERE m.tenant_id = $1 AND m.operator_id = $4 AND m.ticket_id = "
        "h.ticket_id AND m.left_seq = 0 AND m.entered_seq <= $2)) GROUP BY ticket_id",
        scope_.tenant, after_, scope_.all, scope_.operator_id);
  }

  sqlite::Database& db_;
  const ReaderScope& scope_;
  const std::uint64_t after_, now_;
  std::vector<TicketNews> news_;
};

}  // namespace

Result<std::vector<TicketNews>> read_news(sqlite::Database& db, const ReaderScope& scope, std::uint64_t after,
                                          std::uint64_t now) {
  return NewsReader(db, scope, after, now).read();
}

}  // namespace tern::server
