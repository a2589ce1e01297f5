#include "page_plan.hpp"

#include <algorithm>
#include <span>

#include "tern/protocol/mutant.hpp"
#include "tern/protocol/wire.hpp"
#include "tern/sync/record.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::server {
namespace {

using Phase = PageToken::Phase;

/// One thing that happened to the scope after the cursor.
struct Item {
  std::uint64_t position = 0;
  TicketId ticket;
  bool entered = false;
  bool left = false;
  std::uint32_t left_reason = 0;
  bool again = false;  // whole, because what its reader may see of it changed
  [[nodiscard]] bool stands_before(const Item& other) const {
    return position != other.position ? position < other.position : ticket < other.ticket;
  }
};

/// At the commit that brought it in, whatever was committed to it since: behind a page that ends between the two it
/// would count as held, and come without its older messages.
Result<void> gather_entered(sqlite::Database& db, const ReaderScope& scope, std::uint64_t after,
                            std::vector<Item>& items) {
  TERN_TRY(auto rows, db.query("SELECT ticket_id, entered_seq FROM scope_member "
                               "WHERE tenant_id = $1 AND operator_id = $2 AND entered_seq > $3 AND left_seq = 0",
                               scope.tenant, scope.operator_id, after));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return {};
    items.push_back({rows.uint64(1), rows.id<TicketId>(0), true});
  }
}

Result<void> gather_left(sqlite::Database& db, const ReaderScope& scope, std::uint64_t after,
                         std::vector<Item>& items) {
  TERN_TRY(auto rows, db.query("SELECT ticket_id, left_seq, left_reason FROM scope_member WHERE tenant_id = $1 AND "
                               "operator_id = $2 AND left_seq > $3",
                               scope.tenant, scope.operator_id, after));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return {};
    items.push_back({rows.uint64(1), rows.id<TicketId>(0), false, true, static_cast<std::uint32_t>(rows.int64(2))});
  }
}

Result<void> gather_changed(sqlite::Database& db, const ReaderScope& scope, const PageRequest& page,
                            std::vector<Item>& items) {
  TERN_TRY(auto rows, changed_tickets(db, scope, page.cursor_seq, page.snapshot_seq));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return {};
    items.push_back({rows.uint64(1), rows.id<TicketId>(0)});
  }
}

/// The newest commit after the cursor that let the reader see restricted notes, or took that away. Nothing: none did.
Result<std::optional<std::uint64_t>> rights_turned(sqlite::Database& db, const ReaderScope& scope,
                                                   std::uint64_t after) {
  TERN_TRY(auto rows, db.query("SELECT version, data FROM record_history WHERE tenant_id = $1 AND kind = $2 AND "
                               "record_id = $3 AND version >= "
                               "(SELECT max(version) FROM record_history WHERE tenant_id = $1 AND kind = $2 AND "
                               "record_id = $3 AND version <= $4) "
                               "ORDER BY version",
                               scope.tenant, sync::RecordKind::operator_, scope.operator_id, after));
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
Result<void> gather_again(sqlite::Database& db, const ReaderScope& scope, std::uint64_t after,
                          std::vector<Item>& items) {
  TERN_TRY(const auto turned, rights_turned(db, scope, after));
  if (!turned) return {};
  const auto query = [&]() -> Result<sqlite::Statement> {
    if (scope.all)
      return db.query("SELECT DISTINCT ticket_id FROM message WHERE tenant_id = $1 AND visibility = $2", scope.tenant,
                      sync::Visibility::restricted);
    return db.query(
        "SELECT DISTINCT m.ticket_id FROM scope_member m JOIN message n ON n.tenant_id = m.tenant_id AND n.ticket_id = "
        "m.ticket_id "
        "WHERE m.tenant_id = $1 AND m.operator_id = $2 AND m.left_seq = 0 AND m.entered_seq <= $3 AND n.visibility = "
        "$4",
        scope.tenant, scope.operator_id, after, sync::Visibility::restricted);
  };
  TERN_TRY(auto rows, query());
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return {};
    Item item{*turned, rows.id<TicketId>(0)};
    item.again = true;
    items.push_back(item);
  }
}

/// Tickets the reader holds in a form of before they were folded anew.
Result<void> gather_refolded(sqlite::Database& db, const ReaderScope& scope, std::uint64_t after,
                             std::vector<Item>& items) {
  TERN_TRY(auto rows,
           db.query("SELECT ticket_id, max(commit_seq) FROM refolded r WHERE tenant_id = $1 AND commit_seq > "
                    "$2 AND ($3 = 1 OR EXISTS (SELECT 1 FROM scope_member m WHERE m.tenant_id = $1 AND "
                    "m.operator_id = $4 AND m.ticket_id = r.ticket_id AND m.left_seq = 0 AND m.entered_seq "
                    "<= $2)) GROUP BY ticket_id",
                    scope.tenant, after, scope.all, scope.operator_id));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return {};
    Item item{rows.uint64(1), rows.id<TicketId>(0)};
    item.again = true;
    items.push_back(item);
  }
}

/// Tickets with something that is held since a restore. Whoever saw it take effect in the history that was given up
/// shows it still, and nobody else tells of it: not the version, which is that of what does take effect. Where the
/// ticket came back later than what is held, it is told of then.
Result<void> gather_held_again(sqlite::Database& db, const ReaderScope& scope, std::uint64_t after,
                               std::vector<Item>& items) {
  TERN_TRY(const auto kept, db.int64_of("SELECT max(kept_seq) FROM past_epoch WHERE tenant_id = $1", scope.tenant));
  if (!kept) return {};
  TERN_TRY(auto rows,
           db.query("WITH held AS (SELECT ticket_id, commit_seq AS position FROM change WHERE tenant_id = $1 AND "
                    "standing = 6 AND commit_seq > max($2, $3) UNION ALL SELECT t.ticket_id, made.commit_seq FROM "
                    "ticket t JOIN change made ON made.tenant_id = t.tenant_id AND made.ticket_id = t.ticket_id AND "
                    "made.commit_seq > $2 AND made.intent = $4 WHERE t.tenant_id = $1 AND t.version > $2 AND EXISTS "
                    "(SELECT 1 FROM change c WHERE c.tenant_id = $1 AND c.ticket_id = t.ticket_id AND c.standing = 6 "
                    "AND c.commit_seq > $3)) SELECT h.ticket_id, max(h.position) FROM held h JOIN ticket t ON "
                    "t.tenant_id = $1 AND t.ticket_id = h.ticket_id WHERE $5 = 1 OR EXISTS (SELECT 1 FROM scope_member "
                    "m WHERE m.tenant_id = $1 AND m.operator_id = $6 AND m.ticket_id = h.ticket_id AND m.left_seq = 0) "
                    "GROUP BY h.ticket_id",
                    scope.tenant, after, *kept, sync::Intent::create, scope.all, scope.operator_id));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return {};
    Item item{rows.uint64(1), rows.id<TicketId>(0)};
    item.again = true;
    items.push_back(item);
  }
}

Result<std::vector<Item>> gather(sqlite::Database& db, const ReaderScope& scope, const PageRequest& page) {
  std::vector<Item> items;
  TERN_CHECKED(gather_changed(db, scope, page, items));
  TERN_CHECKED(gather_again(db, scope, page.cursor_seq, items));
  TERN_CHECKED(gather_refolded(db, scope, page.cursor_seq, items));
  TERN_CHECKED(gather_held_again(db, scope, page.cursor_seq, items));
  if (!scope.all) {
    TERN_CHECKED(gather_entered(db, scope, page.cursor_seq, items));
    TERN_CHECKED(gather_left(db, scope, page.cursor_seq, items));
  }
  std::sort(items.begin(), items.end(), [](const Item& a, const Item& b) { return a.stands_before(b); });
  if (page.token) {
    const Item sent{page.token->position, page.token->ticket};
    items.erase(items.begin(),
                std::find_if(items.begin(), items.end(), [&](const Item& item) { return sent.stands_before(item); }));
  }
  return items;
}

Result<std::optional<MessagePlace>> write_item(sqlite::Database& db, const ReaderScope& scope, const Item& item,
                                               std::uint64_t cursor_seq, PatchWriter& patches,
                                               v1::ExchangeResponse& response) {
  if (item.left) {
    v1::Left& left = *response.add_left();
    left.set_ticket_id(Bytes(item.ticket.view()));
    left.set_reason(item.left_reason);
    left.set_commit_seq(item.position);
    return std::optional<MessagePlace>();
  }
  const bool moved = !item.entered && !item.again;
  if (moved && patches.add_own_fold(item.ticket, item.position, cursor_seq, false, response))
    return std::optional<MessagePlace>();
  TERN_TRY(auto row, db.query("SELECT state, version FROM ticket WHERE tenant_id = $1 AND ticket_id = $2", scope.tenant,
                              item.ticket));
  TERN_TRY(const bool found, row.step());
  if (!found) return fail(ErrorCode::corrupt, "A ticket of the scope has no state.");
  if (item.entered && patches.add_own_fold(item.ticket, row.uint64(1), cursor_seq, true, response))
    return std::optional<MessagePlace>();
  const bool whole = item.entered || item.again;
  return patches.add(item.ticket, row.blob(0), whole, whole ? MessagePlace{} : MessagePlace::behind(cursor_seq),
                     item.entered);
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
Result<bool> leaves_messages(sqlite::Database& db, const ReaderScope& scope, std::span<const Item> rest,
                             std::uint64_t cursor_seq, std::uint64_t complete) {
  if (complete <= cursor_seq) return false;
  for (const Item& item : rest) {
    if (item.left || item.entered || item.again) continue;
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
  TERN_TRY(const auto items, gather(db, scope, page));
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

Result<void> write_pack(sqlite::Database& db, const ReaderScope& scope, sync::RecordKind kind, std::uint64_t held,
                        std::size_t& budget, bool& more, v1::ExchangeResponse& response) {
  TERN_TRY(auto rows, db.query("SELECT data, version FROM record WHERE tenant_id = $1 AND kind = $2 AND version > $3 "
                               "ORDER BY version, record_id",
                               scope.tenant, kind, held));
  v1::Pack pack;
  for (;;) {
    TERN_TRY(const bool found, rows.step());
    if (!found) break;
    const std::uint64_t version = rows.uint64(1);
    if (budget == 0 && version != pack.version()) {  // a version is never split
      more = true;
      break;
    }
    TERN_TRY(const auto record, sync::decode_record(rows.blob(0)));
    const Bytes shown = sync::encode_record(sync::for_devices(record));
    if (!pack.add_records()->ParseFromString(shown)) return fail(ErrorCode::corrupt, "A stored record cannot be read.");
    pack.set_version(version);
    budget -= std::min(budget, shown.size() + 8);
  }
  if (pack.records_size() == 0) return {};
  pack.set_kind(static_cast<std::uint32_t>(kind));
  *response.add_packs() = std::move(pack);
  return {};
}

/// The operator's own devices: who reads of one that they did not ask for can say so. They are few, and come whole. The
/// pack's version passes the others' too, so that those are not looked through again.
Result<void> write_own_devices(sqlite::Database& db, const ReaderScope& scope, std::uint64_t held, std::size_t& budget,
                               v1::ExchangeResponse& response) {
  TERN_TRY(const auto newest, db.int64_of("SELECT max(version) FROM record WHERE tenant_id = $1 AND kind = $2",
                                          scope.tenant, sync::RecordKind::device));
  if (static_cast<std::uint64_t>(newest.value_or(0)) <= held) return {};
  const std::string owner = to_uuid_text(scope.operator_id.view());
  TERN_TRY(auto rows, db.query("SELECT data FROM record WHERE tenant_id = $1 AND kind = $2 AND version > $3 AND "
                               "instr(data, $4) > 0 ORDER BY version, record_id",
                               scope.tenant, sync::RecordKind::device, held, sqlite::Blob{owner}));
  v1::Pack pack;
  for (;;) {
    TERN_TRY(const bool found, rows.step());
    if (!found) break;
    TERN_TRY(const auto record, sync::decode_record(rows.blob(0)));
    const auto of = record.attributes.find("operator");
    if (of == record.attributes.end() || of->second != owner) continue;
    const Bytes shown = sync::encode_record(sync::for_devices(record));
    if (!pack.add_records()->ParseFromString(shown)) return fail(ErrorCode::corrupt, "A stored record cannot be read.");
    budget -= std::min(budget, shown.size() + 8);
  }
  pack.set_kind(static_cast<std::uint32_t>(sync::RecordKind::device));
  pack.set_version(static_cast<std::uint64_t>(*newest));
  *response.add_packs() = std::move(pack);
  return {};
}

}  // namespace

bool reads_restricted(const sync::Record& reader) {
  const auto name = reader.attributes.find("role");
  const auto role = name == reader.attributes.end() ? std::nullopt : sync::role_from_name(name->second);
  return role && sync::has_right(*role, sync::Right::restricted_note);
}

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

Result<std::uint64_t> tickets_in_scope(sqlite::Database& db, const ReaderScope& scope) {
  if (scope.all) {
    TERN_TRY(const auto count, db.int64_of("SELECT count(*) FROM ticket WHERE tenant_id = $1", scope.tenant));
    return static_cast<std::uint64_t>(count.value_or(0));
  }
  TERN_TRY(const auto count,
           db.int64_of("SELECT count(*) FROM scope_member WHERE tenant_id = $1 AND operator_id = $2 AND left_seq = 0",
                       scope.tenant, scope.operator_id));
  return static_cast<std::uint64_t>(count.value_or(0));
}

Result<bool> write_packs(sqlite::Database& db, const ReaderScope& scope,
                         const std::vector<std::pair<std::uint32_t, std::uint64_t>>& held, std::size_t bytes_max,
                         v1::ExchangeResponse& response) {
  std::size_t budget = bytes_max;
  bool more = false;
  for (auto number = static_cast<std::uint32_t>(sync::RecordKind::operator_);
       number <= static_cast<std::uint32_t>(sync::RecordKind::custom_field); ++number) {
    const auto kind = static_cast<sync::RecordKind>(number);
    const bool own_only = kind == sync::RecordKind::device;
    if (!own_only && !sync::travels_to_devices(kind)) continue;
    const auto known = std::find_if(held.begin(), held.end(), [&](const auto& entry) { return entry.first == number; });
    const std::uint64_t held_seq = known == held.end() ? 0 : known->second;
    TERN_CHECKED(own_only ? write_own_devices(db, scope, held_seq, budget, response)
                          : write_pack(db, scope, kind, held_seq, budget, more, response));
  }
  return more;
}

}  // namespace tern::server
