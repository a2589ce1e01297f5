#include "page_plan.hpp"

#include <algorithm>
#include <span>

#include "exchange/scope_news.hpp"
#include "tern/protocol/mutant.hpp"
#include "tern/protocol/wire.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::server {
namespace {

using Phase = PageToken::Phase;

/// What is left to send, in order.
Result<std::vector<TicketNews>> news_for(sqlite::Database& db, const ReaderScope& scope, const PageRequest& page) {
  TERN_TRY(auto news, read_news(db, scope, page.cursor_seq, page.snapshot_seq));
  if (!page.token) return news;
  const TicketNews sent{page.token->position, page.token->ticket};
  news.erase(news.begin(),
             std::ranges::find_if(news, [&](const TicketNews& item) { return sent.stands_before(item); }));
  return news;
}

Result<std::optional<MessagePlace>> write_item(sqlite::Database& db, const ReaderScope& scope, const TicketNews& item,
                                               std::uint64_t cursor_seq, PatchWriter& patches,
                                               v1::ExchangeResponse& response) {
  if (item.kind == NewsKind::left) {
    v1::Left& left = *response.add_left();
    left.set_ticket_id(Bytes(item.ticket.view()));
    left.set_reason(item.left_reason);
    left.set_commit_seq(item.position);
    return std::optional<MessagePlace>();
  }
  const bool changed = item.kind == NewsKind::changed, entered = item.kind == NewsKind::entered;
  if (changed && patches.add_own_fold(item.ticket, item.position, cursor_seq, false, response))
    return std::optional<MessagePlace>();
  TERN_TRY(auto row, db.query("SELECT state, version FROM ticket WHERE tenant_id = $1 AND ticket_id = $2", scope.tenant,
                              item.ticket));
  TERN_TRY(const bool found, row.step());
  if (!found) return fail(ErrorCode::corrupt, "A ticket of the scope has no state.");
  if (entered && patches.add_own_fold(item.ticket, row.uint64(1), cursor_seq, true, response))
    return std::optional<MessagePlace>();
  return patches.add(item.ticket, row.blob(0), !changed, changed ? MessagePlace::behind(cursor_seq) : MessagePlace{},
                     entered);
}

/// The messages that did not fit the page before, as long as their ticket is still in the scope.
Result<std::optional<MessagePlace>> write_rest(sqlite::Database& db, const ReaderScope& scope, const PageToken& token,
                                               PatchWriter& patches) {
  TERN_TRY(auto row, db.query("SELECT state FROM ticket WHERE tenant_id = $1 AND ticket_id = $2 AND ($3 = 1 OR EXISTS "
                              "(SELECT 1 FROM scope_member m "
                              "WHERE m.tenant_id = $1 AND m.operator_id = $4 AND m.ticket_id = $2 AND m.left_seq = 0))",
                              scope.tenant, token.ticket, scope.all, scope.operator_id));
  TERN_TRY(const bool found, row.step());
  if (!found) return std::optional<MessagePlace>();
  return patches.add(token.ticket, row.blob(0), false, *token.messages, false);
}

/// Whether a ticket that is still to come has messages of commits that a page ending at `complete` covers: the next
/// page would begin behind them.
Result<bool> leaves_messages(sqlite::Database& db, const ReaderScope& scope, std::span<const TicketNews> rest,
                             std::uint64_t cursor_seq, std::uint64_t complete) {
  if (complete <= cursor_seq) return false;
  for (const TicketNews& item : rest) {
    if (item.kind != NewsKind::changed) continue;
    TERN_TRY(
        const auto there,
        db.int64_of("SELECT 1 FROM message WHERE tenant_id = $1 AND ticket_id = $2 AND version > $3 AND version <= "
                    "$4 UNION ALL SELECT 1 FROM given_message g JOIN message m ON m.tenant_id = g.tenant_id AND "
                    "m.device_id = g.device_id AND m.change_id = g.change_id WHERE g.tenant_id = $1 AND "
                    "g.ticket_id = $2 AND (g.commit_seq > $3 OR m.version > $3) AND g.commit_seq <= $4 AND "
                    "m.version <= $4 LIMIT 1",
                    scope.tenant, item.ticket, cursor_seq, complete));
    if (there) return true;
  }
  return false;
}

/// What came after the cursor, in the order of its commits. Where a later page needs to know where this one began, the
/// cursor stays there and a token says how far it came. Never splits a commit without a token that says how far.
Result<PageEnd> write_news(sqlite::Database& db, const ReaderScope& scope, const PageRequest& page,
                           PatchWriter& patches, v1::ExchangeResponse& response) {
  TERN_TRY(const auto items, news_for(db, scope, page));
  std::uint64_t complete = page.cursor_seq;
  if (page.token && page.token->messages) {
    PageToken token = *page.token;
    TERN_TRY(token.messages, write_rest(db, scope, token, patches));
    if (token.messages || patches.size_bytes() >= page.bytes_max) return PageEnd{complete, token, true};
  }
  const auto end_behind = [&](std::size_t i, const std::optional<MessagePlace>& cut,
                              bool ends_commit) -> Result<PageEnd> {
    const PageToken token{Phase::in_commit, 0, items[i].position, items[i].ticket, cut, {}};
    TERN_TRY(const bool leaves, leaves_messages(db, scope, std::span(items).subspan(i + 1), page.cursor_seq, complete));
    if (leaves) return PageEnd{page.cursor_seq, token, true};
    return PageEnd{complete, ends_commit ? std::nullopt : std::optional(token), true};
  };
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto written = write_item(db, scope, items[i], page.cursor_seq, patches, response);
    if (!written && mutant(Mutant::cursor_past_failed_row)) written = std::optional<MessagePlace>();
    TERN_TRY(const auto cut, std::move(written));
    if (cut) return end_behind(i, cut, false);
    const bool last = i + 1 == items.size();
    const bool ends_commit = last || items[i + 1].position != items[i].position;
    if (ends_commit) complete = items[i].position;
    const std::size_t left_bytes = static_cast<std::size_t>(response.left_size()) * 32;
    if (last || patches.size_bytes() + left_bytes < page.bytes_max) continue;
    return end_behind(i, {}, ends_commit);
  }
  return PageEnd{page.snapshot_seq, std::nullopt, false};
}

Result<sqlite::Statement> first_replica_rows(sqlite::Database& db, const ReaderScope& scope, const PageToken& token) {
  // A ticket that became the operator's own after the download began may have been passed by the first phase: the
  // second takes it, since its version is above the base.
  const bool own = token.phase == Phase::own_open;
  if (scope.all && own)
    return db.query(
        "SELECT ticket_id, state FROM ticket WHERE tenant_id = $1 AND assignee = $2 AND ended_ms = 0 AND ticket_id > "
        "$3 ORDER BY ticket_id",
        scope.tenant, scope.operator_id, token.ticket);
  if (scope.all)
    return db.query(
        "SELECT ticket_id, state FROM ticket WHERE tenant_id = $1 AND ticket_id > $3 "
        "AND (assignee IS NULL OR assignee <> $2 OR ended_ms <> 0 OR version > $4) ORDER BY ticket_id",
        scope.tenant, scope.operator_id, token.ticket, token.base_seq);
  if (own)
    return db.query(
        "SELECT m.ticket_id, t.state FROM scope_member m JOIN ticket t ON t.tenant_id = m.tenant_id AND t.ticket_id = "
        "m.ticket_id "
        "WHERE m.tenant_id = $1 AND m.operator_id = $2 AND m.ticket_id > $3 AND m.left_seq = 0 AND t.assignee = $2 AND "
        "t.ended_ms = 0 "
        "ORDER BY m.ticket_id",
        scope.tenant, scope.operator_id, token.ticket);
  return db.query(
      "SELECT m.ticket_id, t.state FROM scope_member m JOIN ticket t ON t.tenant_id = m.tenant_id AND t.ticket_id = "
      "m.ticket_id "
      "WHERE m.tenant_id = $1 AND m.operator_id = $2 AND m.ticket_id > $3 AND m.left_seq = 0 "
      "AND (t.assignee IS NULL OR t.assignee <> $2 OR t.ended_ms <> 0 OR t.version > $4) ORDER BY m.ticket_id",
      scope.tenant, scope.operator_id, token.ticket, token.base_seq);
}

/// Own open tickets first, then the rest. The cursor stays at zero until the end and then stands where the download
/// began: whatever was committed meanwhile comes as news, whether or not a page already showed it.
Result<PageEnd> write_first_replica(sqlite::Database& db, const ReaderScope& scope, const PageRequest& page,
                                    PatchWriter& patches) {
  PageToken token = page.token.value_or(PageToken{Phase::own_open, page.snapshot_seq, 0, TicketId{}, {}, {}});
  if (token.messages) {
    TERN_TRY(token.messages, write_rest(db, scope, token, patches));
    if (token.messages || patches.size_bytes() >= page.bytes_max) return PageEnd{page.cursor_seq, token, true};
  }
  for (;;) {
    TERN_TRY(auto rows, first_replica_rows(db, scope, token));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) break;
      token.ticket = rows.id<TicketId>(0);
      TERN_TRY(token.messages, patches.add(token.ticket, rows.blob(1), false, MessagePlace{}, false));
      if (token.messages || patches.size_bytes() >= page.bytes_max) return PageEnd{page.cursor_seq, token, true};
    }
    if (token.phase == Phase::the_rest)
      return PageEnd{token.base_seq, std::nullopt, token.base_seq < page.snapshot_seq};
    token.phase = Phase::the_rest;
    token.ticket = {};
  }
}

}  // namespace

Bytes PageToken::encode() const {
  protocol::ByteWriter writer;
  writer.u8(static_cast<std::uint8_t>(phase)).u64(base_seq).u64(position).id(ticket);
  if (messages) writer.u64(messages->version).id(messages->device).id(messages->change);
  if (statements) writer.u8(statements->erasures ? 1 : 0).u64(statements->commit_seq).u64(statements->n);
  return writer.take();
}

Result<PageToken> PageToken::decode(ByteView bytes) {
  protocol::ByteReader reader(bytes);
  PageToken token;
  const auto phase = reader.u8("page_token");
  token.phase = static_cast<Phase>(phase);
  token.base_seq = reader.u64("page_token");
  token.position = reader.u64("page_token");
  token.ticket = reader.id<TicketId>("page_token");
  if (token.phase == Phase::statements) {
    token.statements.emplace();
    token.statements->erasures = reader.u8("page_token") != 0;
    token.statements->commit_seq = reader.u64("page_token");
    token.statements->n = reader.u64("page_token");
  } else if (reader.left() != 0) {
    token.messages.emplace();
    token.messages->version = reader.u64("page_token");
    token.messages->device = reader.id<DeviceId>("page_token");
    token.messages->change = reader.id<ChangeId>("page_token");
  }
  TERN_CHECKED(reader.finish());
  if (phase < 1 || phase > 4)
    return fail(ErrorCode::malformed, "That page token is none of this server's.", "", "page_token");
  return token;
}

Result<PageEnd> write_page(sqlite::Database& db, const ReaderScope& scope, const PageRequest& page,
                           PatchWriter& patches, v1::ExchangeResponse& response) {
  const bool in_download = page.token && page.token->phase != Phase::in_commit;
  if (in_download && page.token->base_seq > page.snapshot_seq)
    return fail(ErrorCode::malformed, "That page token is none of this server's.", "", "page_token");
  if (page.token && page.token->phase == Phase::statements)
    return PageEnd{page.token->base_seq, std::nullopt, page.token->base_seq < page.snapshot_seq};
  if (in_download || (page.cursor_seq == 0 && !page.token)) return write_first_replica(db, scope, page, patches);
  return write_news(db, scope, page, patches, response);
}

}  // namespace tern::server
