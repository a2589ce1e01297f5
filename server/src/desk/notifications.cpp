#include "desk/notifications.hpp"

#include <algorithm>
#include <utility>

namespace tern::server {
namespace {

constexpr std::pair<NotificationKind, std::string_view> notification_kinds[] = {
    {NotificationKind::assigned, "assigned"},
    {NotificationKind::customer_replied, "customer_replied"},
    {NotificationKind::replied, "replied"},
    {NotificationKind::noted, "noted"},
    {NotificationKind::mentioned, "mentioned"},
    {NotificationKind::changed, "changed"},
    {NotificationKind::estimate_decided, "estimate_decided"},
    {NotificationKind::rated, "rated"},
    {NotificationKind::sla_yellow, "sla_yellow"},
    {NotificationKind::sla_breach, "sla_breach"},
    {NotificationKind::sla_late, "sla_late"},
    {NotificationKind::long_pause, "long_pause"},
    {NotificationKind::trigger, "trigger"},
    {NotificationKind::sla_rescinded, "sla_rescinded"},
    {NotificationKind::hook_off, "webhook_off"},
    {NotificationKind::woken, "woken"},
};

Notification notification_of(const sqlite::Statement& row) {
  Notification out;
  out.n = row.uint64(0);
  out.whom = row.id<OperatorId>(1);
  out.kind = static_cast<NotificationKind>(row.int64(2));
  out.ticket = row.id<TicketId>(3);
  out.cause = Bytes(row.blob(4));
  out.at_ms = row.int64(5);
  out.author = OperatorId::or_zero(row.blob(6));
  out.author_kind = static_cast<sync::PrincipalKind>(row.int64(7));
  out.detail = std::string(row.text(8));
  out.read_ms = row.int64(9);
  return out;
}

}  // namespace

std::string_view notification_name(NotificationKind kind) {
  for (const auto& [known, name] : notification_kinds)
    if (known == kind) return name;
  return "unknown";
}

std::optional<NotificationKind> notification_from_name(std::string_view name) {
  for (const auto& [kind, known] : notification_kinds)
    if (known == name) return kind;
  return std::nullopt;
}

std::vector<std::string_view> notification_names() {
  std::vector<std::string_view> out;
  for (const auto& [kind, name] : notification_kinds) out.push_back(name);
  return out;
}

std::set<NotificationKind> muted_by(const sync::Record& person) {
  std::set<NotificationKind> out;
  const auto muted = person.attributes.find(muted_attribute);
  std::string_view rest = muted == person.attributes.end() ? std::string_view() : std::string_view(muted->second);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    if (const auto kind = notification_from_name(rest.substr(0, end))) out.insert(*kind);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

std::string muted_text(const std::set<NotificationKind>& kinds) {
  std::string out;
  for (const NotificationKind kind : kinds) out += (out.empty() ? "" : " ") + std::string(notification_name(kind));
  return out;
}

Bytes cause_of(const sync::ChangeRef& change) {
  return Bytes(change.device.view()) + Bytes(change.id.view());
}

Result<bool> Notifications::put(const Notification& notification) {
  const std::optional<OperatorId> author =
      notification.author.is_zero() ? std::nullopt : std::optional(notification.author);
  TERN_TRY(const auto made,
           db_.int64_of("INSERT INTO notification (tenant_id, n, operator, kind, ticket_id, cause, at_ms, author, "
                        "author_kind, detail, read_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0) "
                        "ON CONFLICT (tenant_id, operator, kind, cause) DO NOTHING RETURNING n",
                        tenant_, notification.n, notification.whom, notification.kind, notification.ticket,
                        sqlite::Blob{notification.cause}, notification.at_ms, author, notification.author_kind,
                        sqlite::Text{notification.detail}));
  return made.has_value();
}

Result<std::uint64_t> Notifications::unread(const OperatorId& whom) {
  TERN_TRY(const auto count,
           db_.int64_of("SELECT count(*) FROM notification WHERE tenant_id = $1 AND operator = $2 AND "
                        "read_ms = 0",
                        tenant_, whom));
  return static_cast<std::uint64_t>(count.value_or(0));
}

Result<std::vector<Notification>> Notifications::newest(const OperatorId& whom, std::int64_t limit, bool unread_only) {
  TERN_TRY(auto rows, db_.query("SELECT n, operator, kind, ticket_id, cause, at_ms, author, author_kind, detail, "
                                "read_ms FROM notification WHERE tenant_id = $1 AND operator = $2 AND ($3 = 0 OR "
                                "read_ms = 0) ORDER BY n DESC LIMIT $4",
                                tenant_, whom, unread_only, limit));
  std::vector<Notification> out;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    out.push_back(notification_of(rows));
  }
}

Result<bool> Notifications::any_unread(const OperatorId& whom, const TicketId& ticket) {
  TERN_TRY(const auto found, db_.int64_of("SELECT 1 FROM notification WHERE tenant_id = $1 AND operator = $2 AND "
                                          "ticket_id = $3 AND read_ms = 0 LIMIT 1",
                                          tenant_, whom, ticket));
  return found.has_value();
}

Result<void> Notifications::read_all(const OperatorId& whom, std::int64_t now_ms) {
  return db_.run("UPDATE notification SET read_ms = $3 WHERE tenant_id = $1 AND operator = $2 AND read_ms = 0", tenant_,
                 whom, now_ms);
}

Result<void> Notifications::read(const OperatorId& whom, const TicketId& ticket, std::int64_t now_ms) {
  return db_.run(
      "UPDATE notification SET read_ms = $4 WHERE tenant_id = $1 AND operator = $2 AND ticket_id = $3 AND read_ms = 0",
      tenant_, whom, ticket, now_ms);
}

Result<void> Notifications::read(const OperatorId& whom, std::uint64_t n, std::int64_t now_ms) {
  return db_.run(
      "UPDATE notification SET read_ms = $4 WHERE tenant_id = $1 AND n = $3 AND operator = $2 AND read_ms = 0", tenant_,
      whom, n, now_ms);
}

Result<void> Notifications::drop_older(std::int64_t before_ms) {
  constexpr std::int64_t at_once = 10'000;
  return db_.run(
      "DELETE FROM notification WHERE tenant_id = $1 AND at_ms < $2 AND n < (SELECT max(n) FROM notification "
      "WHERE tenant_id = $1) AND n < (SELECT min(n) FROM notification WHERE tenant_id = $1) + $3",
      tenant_, before_ms, at_once);
}

}  // namespace tern::server
