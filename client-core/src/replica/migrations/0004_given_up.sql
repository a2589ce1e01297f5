-- After a restore: tickets as they were shown in the history that was given up, where others had worked on them. Until the
-- server has looked at them.
CREATE TABLE given_up (
  id INTEGER PRIMARY KEY,
  ticket_id BLOB NOT NULL,
  epoch BLOB NOT NULL,
  data BLOB NOT NULL  -- tern.v1.Patch
);
CREATE UNIQUE INDEX given_up_once ON given_up (ticket_id, epoch);
