#include "exchange/hand_back.hpp"

#include <algorithm>
#include <functional>
#include <map>

#include "replica/damaged_copy.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/wire.hpp"
#include "tern/v1/exchange.pb.h"
#include "tern/v1/ticket.pb.h"

namespace tern::client {
namespace {

constexpr std::size_t tickets_max = 64, request_bytes_max = 256 * limits::kib;  // of one request
constexpr std::size_t framing_bytes = 8;
constexpr std::string_view meta_followed = "restores_followed";  // for each: epoch (16 bytes), u64 version
constexpr std::size_t followed_bytes = EpochId::size_bytes + sizeof(std::uint64_t), followed_max = 64;
constexpr std::size_t part_bytes_max = 768 * limits::kib;  // a larger one would not fit beside the rest

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

Result<v1::TicketMessage> message_in(sqlite::Statement& rows, int column) {
  v1::TicketMessage message;
  if (!message.ParseFromArray(rows.blob(column).data(), static_cast<int>(rows.blob(column).size())))
    return damaged_copy("a message");
  return message;
}

/// In the copy's history nothing is of a later commit than the version of its row: such a one is of a history that a
/// restore gave up, which lowered the row.
bool is_given_up(const v1::TicketMessage& message) {
  return any_change(message,
                    [&](ByteView, ByteView, std::uint64_t commit_seq) { return commit_seq > message.version(); });
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
    TERN_TRY(v1::TicketMessage message, message_in(rows, 0));
    if (message.version() > kept_seq || any_change(message, later)) found.push_back(std::move(message));
  }
}

/// Tickets with something that a restore before this one gave up, by the version that this has had since.
Result<std::map<std::uint64_t, std::set<std::int64_t>>> given_up_earlier(sqlite::Database& replica) {
  std::map<std::uint64_t, std::set<std::int64_t>> found;
  {
    TERN_TRY(auto rows, replica.query("SELECT id, version, state FROM ticket WHERE state IS NOT NULL"));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) break;
      v1::TicketStateMessage state;
      if (!state.ParseFromArray(rows.blob(2).data(), static_cast<int>(rows.blob(2).size())))
        return damaged_copy("a ticket");
      const std::uint64_t version = rows.uint64(1);
      const bool later =
          any_change(state, [&](ByteView, ByteView, std::uint64_t commit_seq) { return commit_seq > version; });
      if (later) found[version].insert(rows.int64(0));
    }
  }
  TERN_TRY(auto rows, replica.query("SELECT ticket, data FROM message WHERE pending = 0"));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return found;
    TERN_TRY(const v1::TicketMessage message, message_in(rows, 1));
    if (is_given_up(message)) found[message.version()].insert(rows.int64(0));
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

/// Each with the state, and as many of the messages as fit.
std::vector<Bytes> in_parts(ByteView state, std::vector<v1::TicketMessage> messages) {
  std::vector<Bytes> parts;
  v1::Patch part;
  std::size_t bytes = 0;
  const auto end_part = [&] {
    parts.push_back(part.SerializeAsString());
    part.clear_messages();
    bytes = state.size();
  };
  part.set_state(Bytes(state));
  bytes = state.size();
  for (v1::TicketMessage& message : messages) {
    const std::size_t more = message.ByteSizeLong() + framing_bytes;
    if (bytes + more > part_bytes_max && part.messages_size() > 0) end_part();
    if (bytes + more > part_bytes_max) continue;  // not even alone
    bytes += more;
    *part.add_messages() = std::move(message);
  }
  if (state.size() <= part_bytes_max) end_part();
  return parts;
}

/// Empty: all of it comes by itself.
Result<std::vector<Bytes>> shown_of(sqlite::Database& replica, std::int64_t row, ByteView stored, const InOutbox& own,
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
  if (!worth) return std::vector<Bytes>();
  return in_parts(stored, std::move(messages));
}

/// A file that an older program made, and that this one may not write to, has no such table.
Result<bool> has_table(sqlite::Database& replica) {
  TERN_TRY(const auto found,
           replica.int64_of("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'given_up'"));
  return found.has_value();
}

}  // namespace

Result<std::vector<EarlierRestore>> restores_followed(Replica& replica) {
  std::vector<EarlierRestore> followed;
  TERN_TRY(const auto stored, replica.meta(meta_followed));
  if (!stored) return followed;
  protocol::ByteReader reader(*stored);
  for (std::size_t n = stored->size() / followed_bytes; n > 0; --n) {
    EarlierRestore restore;
    restore.given_up = reader.id<EpochId>("epoch");
    restore.lowered_to = reader.u64("version");
    followed.push_back(restore);
  }
  return followed;
}

Result<void> note_followed(Replica& replica, const EarlierRestore& restore) {
  TERN_TRY(const auto stored, replica.meta(meta_followed));
  protocol::ByteWriter writer;
  writer.id(restore.given_up).u64(restore.lowered_to);
  Bytes all = stored.value_or(Bytes()) + writer.bytes();
  if (all.size() > followed_max * followed_bytes) all.erase(0, all.size() - followed_max * followed_bytes);
  return replica.set_meta(meta_followed, all);
}

Result<void> keep_given_up(sqlite::Database& replica, Outbox& outbox, const EpochId& epoch, std::uint64_t kept_seq,
                           const std::vector<EarlierRestore>& earlier) {
  TERN_TRY(const bool there, has_table(replica));
  if (!there) return {};
  TERN_TRY(const InOutbox own, in_outbox(outbox));
  const auto keep_each = [&](const EpochId& of, std::uint64_t kept, Result<sqlite::Statement> found) -> Result<void> {
    TERN_TRY(auto rows, std::move(found));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) return {};
      TERN_TRY(const auto parts, shown_of(replica, rows.int64(0), rows.blob(2), own, kept));
      for (std::size_t part = 0; part < parts.size(); ++part)
        TERN_CHECKED(
            replica.run("INSERT INTO given_up (ticket_id, epoch, part, data) VALUES ($1, $2, $3, $4) ON CONFLICT "
                        "(ticket_id, epoch, part) DO NOTHING",
                        rows.id<TicketId>(1), of, static_cast<std::int64_t>(part), sqlite::Blob{parts[part]}));
    }
  };
  TERN_CHECKED(keep_each(
      epoch, kept_seq,
      replica.query("SELECT id, ticket_id, state FROM ticket WHERE version >= $1 AND state IS NOT NULL", kept_seq)));
  if (earlier.empty()) return {};
  TERN_TRY(const auto tickets, given_up_earlier(replica));
  for (const EarlierRestore& restore : earlier) {
    const auto found = tickets.find(restore.lowered_to);
    if (found == tickets.end()) continue;
    for (const std::int64_t ticket : found->second)
      TERN_CHECKED(keep_each(
          restore.given_up, restore.lowered_to,
          replica.query("SELECT id, ticket_id, state FROM ticket WHERE id = $1 AND state IS NOT NULL", ticket)));
  }
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
