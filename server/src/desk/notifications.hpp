// What operators are told of: rows of one tenant's file, made beside the commits that make them so (ingest/tell.cpp,
// docs/notifications.md).
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tern/sqlite/database.hpp"
#include "tern/sync/change.hpp"
#include "tern/sync/record.hpp"

namespace tern::server {

/// Numbers are stored.
enum class NotificationKind : std::uint8_t {
  assigned = 1,
  customer_replied = 2,
  replied = 3,    // by a colleague, to the customer
  noted = 4,      // by a colleague, inside
  mentioned = 5,  // by name, whoever watches
  changed = 6,    // anything else that happens to a ticket
  estimate_decided = 7,
  rated = 8,
  sla_yellow = 9,
  sla_breach = 10,
  sla_late = 11,
  long_pause = 12,
  trigger = 13,
  sla_rescinded = 14,
  hook_off = 15,  // a webhook was turned off; of no ticket
  woken = 16,     // it was put on hold until now
};
std::string_view notification_name(NotificationKind kind);
std::optional<NotificationKind> notification_from_name(std::string_view name);
std::vector<std::string_view> notification_names();

/// The attribute of an operator's record that says what they do not want to be told of: names between spaces.
inline constexpr const char* muted_attribute = "muted";
std::set<NotificationKind> muted_by(const sync::Record& person);
std::string muted_text(const std::set<NotificationKind>& kinds);

struct Notification {
  std::uint64_t n = 0;
  OperatorId whom;
  NotificationKind kind = NotificationKind::changed;
  TicketId ticket;
  Bytes cause;  // with operator and kind what makes it this one: told once
  std::int64_t at_ms = 0;
  OperatorId author;
  sync::PrincipalKind author_kind = sync::PrincipalKind::server;
  std::string detail;
  std::int64_t read_ms = 0;
};
/// The change that something is told of.
Bytes cause_of(const sync::ChangeRef& change);

/// Rows of one tenant's file.
inline constexpr std::int64_t notifications_kept_ms = 90LL * 24 * 3'600'000;

class Notifications {
public:
  Notifications(sqlite::Database& db, std::int64_t tenant) : db_(db), tenant_(tenant) {}

  /// True: it is new.
  Result<bool> put(const Notification& notification);
  Result<std::uint64_t> unread(const OperatorId& whom);
  /// The newest first.
  Result<std::vector<Notification>> newest(const OperatorId& whom, std::int64_t limit, bool unread_only);
  Result<bool> any_unread(const OperatorId& whom, const TicketId& ticket);
  Result<void> read_all(const OperatorId& whom, std::int64_t now_ms);
  Result<void> read(const OperatorId& whom, const TicketId& ticket, std::int64_t now_ms);
  Result<void> read(const OperatorId& whom, std::uint64_t n, std::int64_t now_ms);
  /// Those of before among the oldest 10,000, but for the newest one of all: numbers go on behind it.
  Result<void> drop_older(std::int64_t before_ms);

private:
  sqlite::Database& db_;
  std::int64_t tenant_;
};

}  // namespace tern::server
