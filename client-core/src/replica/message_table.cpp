#include "replica/message_table.hpp"

#include <algorithm>
#include <cstring>

#include "replica/damaged_copy.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sync/quote.hpp"
#include "tern/v1/ticket.pb.h"

namespace tern::client {

using sqlite::Blob;

namespace {

std::int64_t change_number(ByteView change_id) {
  std::int64_t number = 0;
  if (change_id.size() == sizeof number) std::memcpy(&number, change_id.data(), sizeof number);
  return number;
}

Result<v1::TicketMessage> parse(ByteView data) {
  v1::TicketMessage message;
  if (!message.ParseFromArray(data.data(), static_cast<int>(data.size()))) {
    return damaged_copy("a message");
  }
  return message;
}

bool same_change(const v1::TicketMessage& a, const v1::TicketMessage& b) {
  return a.change_id() == b.change_id() && a.device_id() == b.device_id();
}

bool names_file(const v1::TicketMessage& message) {
  return message.kind() == static_cast<std::uint32_t>(sync::MessageKind::file);
}

}  // namespace

MessageTable::By MessageTable::writer_of(const v1::TicketMessage& message, const OperatorId& reader) {
  const bool own = message.author_kind() == static_cast<std::uint32_t>(sync::PrincipalKind::operator_) &&
                   message.author() == reader.view();
  return own ? By::reader : By::other;
}

Result<void> MessageTable::insert(std::int64_t ticket, const v1::TicketMessage& message, const OperatorId& reader) {
  return add(ticket, message, writer_of(message, reader));
}

Result<void> MessageTable::add(std::int64_t ticket, const v1::TicketMessage& message, By by) {
  if (message.device_id().size() != DeviceId::size_bytes || message.change_id().size() != ChangeId::size_bytes) {
    return fail(ErrorCode::corrupt, "a message has no name", {}, "row");
  }
  TERN_CHECKED(database_.run(
      "INSERT INTO message (ticket, change_id, pending, data, is_file, by_other) VALUES ($1, $2, $3, $4, $5, $6)",
      ticket, change_number(message.change_id()), by == By::reader_pending, Blob{message.SerializeAsString()},
      names_file(message), by == By::other));
  words_.added_message(database_.last_insert_rowid());
  return {};
}

/// Confirmed rows of that number: of this change, and of any other that shares the number.
Result<std::vector<MessageTable::Row>> MessageTable::confirmed(std::int64_t ticket, ByteView change) {
  std::vector<Row> rows;
  TERN_TRY(auto found,
           database_.query("SELECT id, data FROM message WHERE ticket = $1 AND change_id = $2 AND pending = 0", ticket,
                           change_number(change)));
  for (;;) {
    TERN_TRY(const bool row, found.step());
    if (!row) return rows;
    rows.push_back({found.int64(0), false, Bytes(found.blob(1))});
  }
}

Result<void> MessageTable::put(std::int64_t ticket, const v1::TicketMessage& message, const OperatorId& reader) {
  TERN_TRY(const std::vector<Row> same, confirmed(ticket, message.change_id()));
  for (const Row& row : same) {
    TERN_TRY(const v1::TicketMessage held, parse(row.data));
    if (!same_change(held, message)) continue;
    if (held.version() > message.version()) return {};
    TERN_CHECKED(remove_row(row.id, held));
  }
  return add(ticket, message, writer_of(message, reader));
}

Result<void> MessageTable::remove_quote(std::int64_t ticket, const v1::TicketMessage& original) {
  const ChangeId quote =
      sync::quoting_id({DeviceId::or_zero(original.device_id()), ChangeId::or_zero(original.change_id())});
  TERN_TRY(const std::vector<Row> named, confirmed(ticket, quote.view()));
  for (const Row& row : named) {
    TERN_TRY(const v1::TicketMessage held, parse(row.data));
    if (held.change_id() == quote.view()) TERN_CHECKED(remove_row(row.id, held));
  }
  return {};
}

/// Rows that an older version wrote.
template <typename Holds>
Result<void> MessageTable::find(const Holds& holds, std::string_view mark_sql) {
  std::vector<std::int64_t> found;
  TERN_TRY(auto all, database_.query("SELECT id, data FROM message WHERE pending = 0"));
  for (;;) {
    TERN_TRY(const bool row, all.step());
    if (!row) break;
    TERN_TRY(const v1::TicketMessage message, parse(all.blob(1)));
    if (holds(message)) found.push_back(all.int64(0));
  }
  for (const std::int64_t id : found) TERN_CHECKED(database_.run(mark_sql, id));
  return {};
}

Result<void> MessageTable::find_files() {
  return find(names_file, "UPDATE message SET is_file = 1 WHERE id = $1");
}

Result<void> MessageTable::find_others(const OperatorId& reader) {
  return find([&reader](const v1::TicketMessage& message) { return writer_of(message, reader) == By::other; },
              "UPDATE message SET by_other = 1 WHERE id = $1");
}

Result<void> MessageTable::insert_pending(std::int64_t ticket, const sync::Message& message) {
  TERN_TRY(const v1::TicketMessage wire, parse(sync::encode_message(message)));
  return add(ticket, wire, By::reader_pending);
}

Result<void> MessageTable::remove_pending(std::int64_t ticket) {
  return remove(ticket, true);
}
Result<void> MessageTable::remove_confirmed(std::int64_t ticket) {
  return remove(ticket, false);
}

Result<void> MessageTable::remove(std::int64_t ticket, bool pending) {
  std::vector<Row> gone;
  {
    TERN_TRY(auto found, database_.query(pending ? "SELECT id, data FROM message WHERE ticket = $1 AND pending = 1"
                                                 : "SELECT id, data FROM message WHERE ticket = $1 AND pending = 0",
                                         ticket));
    for (;;) {
      TERN_TRY(const bool row, found.step());
      if (!row) break;
      gone.push_back({found.int64(0), pending, Bytes(found.blob(1))});
    }
  }
  for (const Row& row : gone) {
    TERN_TRY(const v1::TicketMessage message, parse(row.data));
    TERN_CHECKED(remove_row(row.id, message));
  }
  return {};
}

Result<void> MessageTable::remove_row(std::int64_t id, const v1::TicketMessage& message) {
  TERN_CHECKED(words_.removed_message(database_, id, shown_text(message)));
  return database_.run("DELETE FROM message WHERE id = $1", id);
}

Result<std::vector<MessageTable::Row>> MessageTable::rows(std::int64_t ticket) {
  TERN_TRY(auto found, database_.query("SELECT id, pending, data FROM message WHERE ticket = $1", ticket));
  std::vector<Row> out;
  for (;;) {
    TERN_TRY(const bool row, found.step());
    if (!row) return out;
    out.push_back({found.int64(0), found.boolean(1), Bytes(found.blob(2))});
  }
}

Result<std::vector<sync::Message>> MessageTable::shown(std::int64_t ticket) {
  TERN_TRY(auto all, rows(ticket));
  std::stable_partition(all.begin(), all.end(), [](const Row& row) { return row.pending; });
  std::vector<sync::Message> out;
  std::vector<sync::ChangeRef> pending;
  for (const Row& row : all) {
    TERN_TRY(sync::Message message, of_copy(sync::decode_message(row.data)));
    if (row.pending) {
      pending.push_back(message.stamp.ref());
    } else if (std::ranges::find(pending, message.stamp.ref()) != pending.end()) {
      continue;
    }
    out.push_back(std::move(message));
  }
  std::ranges::stable_sort(out,
                           [](const sync::Message& a, const sync::Message& b) { return before(a.stamp, b.stamp); });
  return out;
}

Result<std::optional<sync::Message>> MessageTable::confirmed(std::int64_t ticket, const sync::ChangeRef& ref) {
  TERN_TRY(auto found, database_.query("SELECT data FROM message WHERE ticket = $1 AND change_id = $2 AND pending = 0",
                                       ticket, change_number(ref.id.view())));
  for (;;) {
    TERN_TRY(const bool row, found.step());
    if (!row) return std::nullopt;
    TERN_TRY(sync::Message message, of_copy(sync::decode_message(found.blob(0))));
    if (message.stamp.ref() == ref) return message;
  }
}

}  // namespace tern::client
