// What takes a tenant's file back to the schema of an older program, for tests that open it again.
#pragma once

namespace tern::test {

/// Before migration 11, to stand in front of what undoes earlier ones.
inline constexpr char before_message_ids[] =
    "DROP INDEX message_integer; DROP INDEX ticket_message; ALTER TABLE message DROP COLUMN integer_id; "
    "ALTER TABLE ticket DROP COLUMN message_id; DELETE FROM meta WHERE name = 'next_message_id';";

}  // namespace tern::test
