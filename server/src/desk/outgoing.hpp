// What goes out because of commits, each once: rows of one tenant's file, made beside the commits that make them due
// (ingest/send_out.cpp) and sent behind them (outgoing/postman.cpp). docs/webhooks.md, docs/mail.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tern/sqlite/database.hpp"
#include "tern/sync/change.hpp"

namespace tern::server {

using DeliveryId = FixedBytes<16, struct DeliveryIdTag>;

/// Numbers are stored.
enum class OutgoingWay : std::uint8_t { hook = 1, customer = 2, colleague = 3 };
enum class OutgoingState : std::uint8_t {
  waiting = 0,
  sent = 1,
  given_up = 2,  // the other side did not take it
  dropped = 3,   // not sent on purpose
};
std::string_view outgoing_state_name(OutgoingState state);

inline constexpr std::string_view event_test = "test", event_reset = "reset_link",
                                  event_csat = "csat";  // asks for a rating, when the mail of the resolution does not

struct Outgoing {
  std::uint64_t n = 0;
  OutgoingWay way = OutgoingWay::hook;
  RecordId target;
  std::string event;
  TicketId ticket;
  Bytes cause;
  DeliveryId delivery;
  std::int64_t at_ms = 0;
  OutgoingState state = OutgoingState::waiting;
  std::uint64_t attempts = 0;
  std::int64_t due_ms = 0, done_ms = 0;
  Bytes address;
  std::string said;
};
/// What names it for ever: said again after a restore, it is the same.
DeliveryId delivery_of(const Outgoing& outgoing);
/// The change that it is about; nothing: it is about none.
std::optional<sync::ChangeRef> change_of_cause(ByteView cause);

/// Rows of one tenant's file.
class OutgoingRows {
public:
  OutgoingRows(sqlite::Database& db, std::int64_t tenant) : db_(db), tenant_(tenant) {}

  /// Due at `due_ms`, or at once where that is over. True: it is new.
  Result<bool> put(const Outgoing& outgoing);
  Result<std::optional<Outgoing>> find(std::uint64_t n);
  /// Those that are due, the longest due first.
  Result<std::vector<Outgoing>> due(std::int64_t now_ms, std::int64_t limit);
  /// When the next one is due; nothing: none waits.
  Result<std::optional<std::int64_t>> next_due();
  /// Of the ways from `first` to `last` and, unless it is zero, of that target: the newest first, below `before`.
  Result<std::vector<Outgoing>> newest(OutgoingWay first, OutgoingWay last, const RecordId& target,
                                       std::uint64_t before, std::int64_t limit);
  /// State, attempts, times, address and what was said, of one that still waits: what was given up meanwhile stays so.
  Result<void> note(const Outgoing& outgoing);
  /// Those of a target that wait are not sent any more.
  Result<void> give_up(const RecordId& target, std::int64_t now_ms, std::string_view why);
  /// Likewise those of one event, on purpose: what they tell of is over.
  Result<void> drop_waiting(const RecordId& target, std::string_view event, std::int64_t now_ms, std::string_view why);
  /// Of mails, all that wait: after a restore nobody knows whether they went out.
  Result<void> drop_waiting_mails(std::int64_t now_ms, std::string_view why);
  /// How the mail stands that a change of that event was to the ticket's contact; nothing: there is none.
  Result<std::optional<OutgoingState>> mailed(const sync::ChangeRef& change, std::string_view event);
  /// Whether anything went to the target since then.
  Result<bool> sent_since(const RecordId& target, std::int64_t since_ms);
  /// Mails to an address since then, of one ticket or (zero) of all, of one event or (empty) of all.
  Result<std::uint64_t> mails_to(ByteView address, std::int64_t since_ms, const TicketId& ticket = {},
                                 std::string_view event = {});
  /// An address that a server refused for good since then.
  Result<bool> refused_since(ByteView address, std::int64_t since_ms);
  /// Mails of a ticket to the same contact, sent, below `before`: the newest `limit`, the oldest of them first.
  Result<std::vector<std::uint64_t>> mails_before(const TicketId& ticket, const RecordId& contact, std::uint64_t before,
                                                  std::int64_t limit);
  struct Waiting {
    std::uint64_t hooks = 0, mails = 0;
  };
  Result<Waiting> waiting();
  /// Those that ended before, but for the newest one of all: numbers go on behind it.
  Result<void> drop_older(std::int64_t before_ms);

private:
  sqlite::Database& db_;
  std::int64_t tenant_;
};

}  // namespace tern::server
