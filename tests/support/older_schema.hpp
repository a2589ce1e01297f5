// What takes a tenant's file, or a device's copy, back to the schema of an older program, for tests that open it again.
#pragma once

#include <string>

namespace tern::test {

/// Before migration 30, to stand in front of what undoes earlier ones.
inline const std::string before_channels =
    "DROP INDEX ticket_without_channel; ALTER TABLE ticket DROP COLUMN channel; ";

/// Before migration 29, the same.
inline const std::string before_removals = before_channels + "DROP INDEX change_removals; ";

/// Before migration 28, the same.
inline const std::string before_ticket_counts =
    before_removals + "DROP TRIGGER ticket_counted; DROP TRIGGER ticket_counted_anew; DROP TABLE ticket_count; ";

/// Before migration 27, the same.
inline const std::string before_rating_links = before_ticket_counts + "DROP TABLE rating_link; ";

/// Before migration 26, the same.
inline const std::string before_erased_words =
    before_rating_links + "DROP TABLE erased_word; DROP TABLE entry_to_erase; ";

/// Before migration 25, the same.
inline const std::string before_links_of_mails =
    before_erased_words +
    "CREATE TABLE links_now (tenant_id INTEGER NOT NULL, operator_id BLOB NOT NULL, link_id BLOB NOT NULL, "
    "secret_hash BLOB NOT NULL, ends_ms INTEGER NOT NULL, PRIMARY KEY (tenant_id, operator_id)) WITHOUT ROWID; "
    "INSERT INTO links_now SELECT tenant_id, operator_id, link_id, secret_hash, ends_ms FROM reset_link WHERE mail = "
    "0; DROP TABLE reset_link; ALTER TABLE links_now RENAME TO reset_link; "
    "CREATE UNIQUE INDEX reset_link_named ON reset_link (tenant_id, link_id); ";

/// Before migration 24, the same.
inline const std::string before_waking = before_links_of_mails + "DROP TABLE waking;";

/// Before migration 23, the same.
inline const std::string before_inbound = before_waking + "DROP TABLE inbound; DROP TABLE ticket_key;";

/// Before migration 21, the same.
inline const std::string before_sign_ins = before_inbound + "DROP TABLE reset_link; DROP TABLE mobile_token; ";

/// Before migration 20, the same.
inline const std::string before_outgoing =
    before_sign_ins + "DROP TABLE outgoing; DELETE FROM meta WHERE name = 'next_outgoing';";

/// Before migration 19, the same.
inline const std::string before_routing =
    before_outgoing +
    "DROP TABLE operator_load; DROP INDEX ticket_unassigned; DELETE FROM meta WHERE name = 'loads_from';";

/// Before migration 15, the same.
inline const std::string before_notifications =
    before_routing +
    "DROP TABLE notification; DROP TABLE read_mark; DROP TABLE article_view; DROP TABLE awaiting; "
    "DROP TABLE trigger_fired; DELETE FROM meta WHERE name = 'next_notification';";

/// Before migration 14, the same.
inline const std::string before_api = before_notifications + "DROP TABLE done_once; DROP TABLE client_token;";

/// Before migration 13, the same.
inline const std::string before_figures =
    before_api + "DROP TABLE figure; DROP TABLE late_change; DELETE FROM meta WHERE name = 'figures_to';";

/// Before migration 12, the same.
inline const std::string before_lists =
    before_figures +
    "DROP TABLE words_of; DROP TABLE words; DROP INDEX ticket_listed; DROP INDEX ticket_assignee; "
    "DROP INDEX ticket_category; DROP INDEX ticket_organisation; DROP INDEX ticket_contact; "
    "DROP INDEX ticket_answered; DROP INDEX ticket_resolved; DROP INDEX ticket_worked; "
    "ALTER TABLE ticket DROP COLUMN organisation; ALTER TABLE ticket DROP COLUMN listed; "
    "ALTER TABLE ticket DROP COLUMN first_response_ms; ALTER TABLE ticket DROP COLUMN resolved_ms; "
    "ALTER TABLE ticket DROP COLUMN worked_ms; DELETE FROM meta WHERE name IN ('lists_form', 'lists_to');";

/// Before migration 11, the same.
inline const std::string before_message_ids =
    before_lists +
    "DROP INDEX message_integer; DROP INDEX ticket_message; ALTER TABLE message DROP COLUMN integer_id; "
    "ALTER TABLE ticket DROP COLUMN message_id; DELETE FROM meta WHERE name = 'next_message_id';";

/// A device's copy before its migration 7, the same.
inline const std::string before_read_marks =
    "DROP INDEX message_by_others; ALTER TABLE message DROP COLUMN by_other; DROP TABLE read_mark; DELETE FROM meta "
    "WHERE "
    "name IN ('others_found', 'reading_begun'); ";

}  // namespace tern::test
