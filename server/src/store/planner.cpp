// What SQLite's planner should believe of the tables. Every index begins with tenant_id, which in a file of one tenant
// tells nothing; without these numbers the planner takes it for a good filter and walks whole tables in key order.
#include <string>

#include "tenant_internals.hpp"

namespace tern::server {
namespace {

/// Rows in all, then rows for each equal prefix of the index's columns. The index of a primary key goes by its table;
/// its first prefix is a little smaller, so that who reads everything reads it in key order.
struct Hint {
  std::string_view table, index, numbers;
};

constexpr Hint hints[] = {
    {"change", "change", "1000000 800000 20 1"},
    {"change", "change_by_id", "1000000 1000000 5000 1"},
    {"change", "change_by_ticket", "1000000 1000000 30 5 1"},
    {"change", "change_held", "1000 1000 2 1"},
    {"change_set", "change_set", "100000 80000 1"},
    {"change_set", "change_set_chain", "100000 100000 1000 1000 1"},
    {"change_again", "change_again", "1000 800 2 1"},
    {"change_again", "change_again_by_id", "1000 1000 100 1"},
    {"amendment", "amendment", "10000 8000 2 1"},
    {"amendment_reader", "amendment_reader", "20000 16000 100 2 1"},
    {"ticket", "ticket", "100000 80000 1"},
    {"ticket", "ticket_version", "100000 100000 2"},
    {"ticket", "ticket_integer", "100000 100000 1"},
    {"ticket", "ticket_ended", "50000 50000 1"},
    {"ticket", "ticket_listed", "100000 100000 15000 5000 1 1 1 1 1"},
    {"ticket", "ticket_assignee", "80000 80000 1000 200 1"},
    {"ticket", "ticket_category", "80000 80000 5000 1000 1"},
    {"ticket", "ticket_organisation", "50000 50000 200 50 1"},
    {"ticket", "ticket_contact", "50000 50000 20 5 1 1"},
    {"ticket", "ticket_answered", "80000 80000 1 1 1 1 1"},
    {"ticket", "ticket_resolved", "80000 80000 1 1 1 1 1 1 1"},
    {"ticket", "ticket_worked", "20000 20000 1"},
    {"ticket", "ticket_unassigned", "5000 5000 1000 300 100"},
    {"ticket_interest", "ticket_interest", "20000 16000 100 1 1"},
    {"ticket_interest", "ticket_interest_by_ticket", "20000 20000 2"},
    {"ticket_name", "ticket_name", "100000 80000 1"},
    {"message", "message", "500000 400000 10 1 1 1"},
    {"message", "message_by_id", "500000 500000 5000 1"},
    {"record", "record", "10000 8000 2000 1"},
    {"record", "record_version", "10000 10000 2000 1"},
    {"record_history", "record_history", "1000 800 1000 3 1"},
    {"sla_clock", "sla_clock", "100000 80000 1"},
    {"sla_clock", "sla_clock_look", "10000 10000 2"},
    {"sla_clock", "sla_clock_due", "10000 10000 2"},
    {"sla_clock", "sla_clock_told", "100000 100000 2"},
    {"sla_breach", "sla_breach", "10000 8000 2 2 1"},
    {"sla_breach", "sla_breach_provisional", "100 100 1"},
    {"sla_alert", "sla_alert", "10000 8000 3 1"},
    {"sla_alert", "sla_alert_noticed", "10000 10000 2"},
    {"figure", "figure", "500000 400000 80000 2 1 1"},
    {"figure", "figure_of_ticket", "500000 500000 5"},
    {"late_change", "late_change", "100000 80000 2 2 1 1"},
    {"late_change", "late_of_ticket", "100000 100000 3"},
    {"scope_member", "scope_member", "100000 80000 1000 1"},
    {"scope_member", "scope_by_ticket", "100000 100000 3"},
    {"scope_member", "scope_entered", "100000 100000 1000 2"},
    {"scope_member", "scope_left", "100000 100000 1000 500"},
    {"device", "device", "1000 800 1"},
    {"device", "device_by_operator", "1000 1000 2"},
    {"anchor", "anchor", "100000 80000 1"},
    {"anchor", "anchor_by_seq", "100000 100000 1"},
    {"log_node", "log_node", "200000 160000 10000 1"},
    {"erasure", "erasure", "1000 800 100 1"},
    {"quarantine", "quarantine", "1000 800 100 1"},
    {"notification", "notification", "100000 80000 1"},
    {"notification", "notification_once", "100000 100000 1000 100 1"},
    {"notification", "notification_unread", "1000 1000 20 2"},
    {"notification", "notification_of", "100000 100000 1000 1"},
    {"outgoing", "outgoing", "100000 80000 1"},
    {"outgoing", "outgoing_once", "100000 100000 1"},
    {"outgoing", "outgoing_due", "100 100 2"},
    {"outgoing", "outgoing_of", "100000 100000 1000 1"},
    {"outgoing", "outgoing_to", "50000 50000 20 1"},
    {"outgoing", "outgoing_because", "50000 50000 1"},
    {"outgoing", "outgoing_done", "100000 100000 1"},
    {"awaiting", "awaiting", "10000 8000 1"},
    {"awaiting", "awaiting_since", "10000 10000 2"},
    {"trigger_fired", "trigger_fired", "10000 8000 3 2 1"},
    {"operator_load", "operator_load", "1000 800 1"},
    {"read_mark", "read_mark", "100000 80000 2 2 1"},
    {"handed_back", "handed_back", "1000 800 100 1"},
    {"handed_back", "handed_back_said", "1000 1000 2"},
    {"handed_back", "handed_back_by_ticket", "1000 1000 5"},
};

}  // namespace

Result<void> hint_planner(sqlite::Database& db) {
  TERN_CHECKED(db.exec("ANALYZE"));  // makes the table the numbers stand in
  TERN_CHECKED(db.exec("DELETE FROM sqlite_stat1"));
  for (const Hint& hint : hints)
    TERN_CHECKED(db.run("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ($1, $2, $3)", sqlite::Text{hint.table},
                        sqlite::Text{hint.index}, sqlite::Text{hint.numbers}));
  return {};
}

}  // namespace tern::server
