// The replica's rows of messages, with their search index. Used inside a transaction of its caller.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "replica/word_index.hpp"
#include "tern/protocol/error.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::client {

class MessageTable {
public:
  MessageTable(sqlite::Database& database, WordIndex& words) : database_(database), words_(words) {}

  /// A confirmed message of a ticket whose row is new. `reader`: what others than they wrote is something to read.
  Result<void> insert(std::int64_t ticket, const v1::TicketMessage& message, const OperatorId& reader);
  /// The same for a ticket that may hold it already: the newer version stays.
  Result<void> put(std::int64_t ticket, const v1::TicketMessage& message, const OperatorId& reader);
  /// Confirmed: what the server had said again for the author of this one, in a history that was given up.
  Result<void> remove_quote(std::int64_t ticket, const v1::TicketMessage& original);
  Result<void> insert_pending(std::int64_t ticket, const sync::Message& message);
  Result<void> remove_pending(std::int64_t ticket);
  Result<void> remove_confirmed(std::int64_t ticket);

  /// Marks those that are files, once; those that others than `reader` wrote.
  Result<void> find_files();
  Result<void> find_others(const OperatorId& reader);

  /// What is shown, in order: pending rows stand before the confirmed row of the same change.
  Result<std::vector<sync::Message>> shown(std::int64_t ticket);
  Result<std::optional<sync::Message>> confirmed(std::int64_t ticket, const sync::ChangeRef& ref);

private:
  struct Row {
    std::int64_t id;
    bool pending;
    Bytes data;
  };
  enum class By : std::uint8_t { reader_pending, reader, other };
  static By writer_of(const v1::TicketMessage& message, const OperatorId& reader);
  Result<void> add(std::int64_t ticket, const v1::TicketMessage& message, By by);
  template <typename Holds>
  Result<void> find(const Holds& holds, std::string_view mark_sql);
  Result<std::vector<Row>> rows(std::int64_t ticket);
  Result<std::vector<Row>> confirmed(std::int64_t ticket, ByteView change);
  Result<void> remove(std::int64_t ticket, bool pending);
  Result<void> remove_row(std::int64_t id, const v1::TicketMessage& message);

  sqlite::Database& database_;
  WordIndex& words_;
};

}  // namespace tern::client
