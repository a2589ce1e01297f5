#include "exchange/hand_back.hpp"

#include <algorithm>
#include <functional>

#include "replica/damaged_copy.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/v1/exchange.pb.h"
#include "tern/v1/ticket.pb.h"

namespace tern::client {
namespace {

constexpr std::size_t tickets_max = 64, request_bytes_max = 256 * limits::kib;  // of one request
constexpr std::size_t ticket_bytes_max = 768 * limits::kib;  // a larger one would not fit beside the rest

/// Every change that a ticket shows: who made it, what it is called, where it was committed. True: enough was seen.
using Look = std::function<bool(ByteView device, ByteView change, std::uint64_t commit_seq)>;

bool any_change(const v1::TicketStateMessage& state, const Look& look) {
  return std::ranges::any_of(state.stamps(), [&](const v1::StampMessage& stamp) {
    const bool named = stamp.device() < static_cast<std::uint32_t>(state.ids_size());
    return named && look(state.ids(static_cast<int>(stamp.device())), stamp.change_id(), stamp.commit_seq());
  });
}

bool any_change(const v1::TicketMessage& message, const Look& look) {
  const auto edits = [&](const auto& list) {
    return std::ranges::any_of(list, [&](const v1::MessageEditMessage& edit) {
      return look(edit.device_id(), edit.change_id(), edit.commit_seq());
    });
  };
  return look(message.device_id(), message.change_id(), message.commit_seq()) || edits(message.edits()) ||
         edits(message.deletes());
}

/// By their stamps, too: a restore before this one may have lowered their versions, and whoever was handed them then is
/// given up now.
Result<std::vector<v1::TicketMessage>> messages_above(sqlite::Database& replica, std::int64_t ticket,
                                                      std::uint64_t kept_seq) {
  const Look later = [&](ByteView, ByteView, std::uint64_t commit_seq) { return commit_seq > kept_seq; };
  std::vector<v1::TicketMessage> found;
  TERN_TRY(auto rows, replica.query("SELECT data FROM message WHERE ticket = $1 AND pending = 0", ticket));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return found;
    v1::TicketMessage message;
    if (!message.ParseFromArray(rows.blob(0).data(), static_cast<int>(rows.blob(0).size())))
      return damaged_copy("a message");
    if (message.version() > kept_seq || any_change(message, later)) found.push_back(std::move(message));
  }
}

/// What comes by itself. Another copy of this device may have done more under its name; and of what was confirmed long
/// ago the outbox has let go.
struct InOutbox {
  DeviceId device;
  std::set<ChangeId> changes;
};

Result<InOutbox> in_outbox(Outbox& outbox) {
  InOutbox own{outbox.owner().device, {}};
  TERN_TRY(auto rows, outbox.database().query("SELECT change_id FROM change"));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return own;
    own.changes.insert(rows.id<ChangeId>(0));
  }
}

/// Empty: all of it comes by itself.
Result<Bytes> shown_of(sqlite::Database& replica, std::int64_t row, ByteView stored, const InOutbox& own,
                       std::uint64_t kept_seq) {
  v1::TicketStateMessage state;
  if (!state.ParseFromArray(stored.data(), static_cast<int>(stored.size()))) return damaged_copy("a ticket");
  TERN_TRY(auto messages, messages_above(replica, row, kept_seq));
  const Look stays_out = [&](ByteView device, ByteView change, std::uint64_t commit_seq) {
    const bool comes = device == own.device.view() && own.changes.contains(ChangeId::or_zero(change));
    return commit_seq > kept_seq && !comes;
  };
  const bool worth =
      any_change(state, stays_out) ||
      std::ranges::any_of(messages, [&](const v1::TicketMessage& message) { return any_change(message, stays_out); });
  if (!worth) return Bytes();
  v1::Patch patch;
  patch.set_state(Bytes(stored));
  for (v1::TicketMessage& message : messages) *patch.add_messages() = std::move(message);
  Bytes data = patch.SerializeAsString();
  return data.size() <= ticket_bytes_max ? data : Bytes();
}

/// A file that an older program made, and that this one may not write to, has no such table.
Result<bool> has_table(sqlite::Database& replica) {
  TERN_TRY(const auto found,
           replica.int64_of("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'given_up'"));
  return found.has_value();
}

}  // namespace

Result<void> keep_given_up(sqlite::Database& replica, Outbox& outbox, const EpochId& epoch, std::uint64_t kept_seq,
                           const std::set<std::uint64_t>& lowered_to) {
  TERN_TRY(const bool there, has_table(replica));
  if (!there) return {};
  TERN_TRY(const InOutbox own, in_outbox(outbox));
  const auto keep_each = [&](Result<sqlite::Statement> found) -> Result<void> {
    TERN_TRY(auto rows, std::move(found));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) return {};
      TERN_TRY(const Bytes data, shown_of(replica, rows.int64(0), rows.blob(2), own, kept_seq));
      if (data.empty()) continue;
      TERN_CHECKED(
          replica.run("INSERT INTO given_up (ticket_id, epoch, data) VALUES ($1, $2, $3) ON CONFLICT "
                      "(ticket_id, epoch) DO NOTHING",
                      rows.id<TicketId>(1), epoch, sqlite::Blob{data}));
    }
  };
  TERN_CHECKED(keep_each(
      replica.query("SELECT id, ticket_id, state FROM ticket WHERE version >= $1 AND state IS NOT NULL", kept_seq)));
  for (const std::uint64_t version : lowered_to)
    if (version < kept_seq)
      TERN_CHECKED(keep_each(
          replica.query("SELECT id, ticket_id, state FROM ticket WHERE version = $1 AND state IS NOT NULL", version)));
  return {};
}

Result<bool> holds_given_up(Replica& replica) {
  TERN_TRY(const bool there, has_table(replica.database()));
  if (!there) return false;
  return replica.database().int64_of("SELECT 1 FROM given_up LIMIT 1").map([](const auto& row) {
    return row.has_value();
  });
}

Result<std::vector<std::int64_t>> add_handed_back(v1::ExchangeRequest& request, Replica& replica) {
  std::vector<std::int64_t> added;
  TERN_TRY(const bool there, has_table(replica.database()));
  if (!there) return added;
  std::size_t bytes = 0;
  TERN_TRY(auto rows,
           replica.database().query("SELECT id, epoch, data FROM given_up ORDER BY id LIMIT $1", tickets_max));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return added;
    bytes += rows.blob(2).size();
    if (!added.empty() && bytes > request_bytes_max) return added;
    v1::HandedBack& handed = *request.add_handed_back();
    handed.set_epoch(Bytes(rows.blob(1)));
    if (!handed.mutable_patch()->ParseFromArray(rows.blob(2).data(), static_cast<int>(rows.blob(2).size())))
      return damaged_copy("what was given up");
    added.push_back(rows.int64(0));
  }
}

Result<void> drop_given_up(Replica& replica, const std::vector<std::int64_t>& rows) {
  for (const std::int64_t row : rows) TERN_CHECKED(replica.database().run("DELETE FROM given_up WHERE id = $1", row));
  return {};
}

Result<void> forget_erased(Replica& replica, const std::set<sync::ChangeRef>& erased) {
  TERN_TRY(const bool there, has_table(replica.database()));
  if (!there || erased.empty()) return {};
  const Look named = [&](ByteView device, ByteView change, std::uint64_t) {
    return erased.contains({DeviceId::or_zero(device), ChangeId::or_zero(change)});
  };
  std::vector<std::int64_t> gone;
  TERN_TRY(auto rows, replica.database().query("SELECT id, data FROM given_up"));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    v1::Patch patch;
    v1::TicketStateMessage state;
    const bool whole = patch.ParseFromArray(rows.blob(1).data(), static_cast<int>(rows.blob(1).size())) &&
                       state.ParseFromString(patch.state());
    const bool shows = !whole || any_change(state, named) ||
                       std::ranges::any_of(patch.messages(), [&](const v1::TicketMessage& message) {
                         return any_change(message, named);
                       });
    if (shows) gone.push_back(rows.int64(0));
  }
  rows.reset();
  return drop_given_up(replica, gone);
}

}  // namespace tern::client
