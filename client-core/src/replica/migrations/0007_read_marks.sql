-- What others wrote, counted: how much of it was looked at here. A number of messages, not a place in the history, which a
-- restore would move. Kept where a ticket leaves the device; -1: the ticket itself is new here, too.
ALTER TABLE message ADD COLUMN by_other INTEGER NOT NULL DEFAULT 0;
CREATE INDEX message_by_others ON message (ticket) WHERE by_other = 1;
CREATE TABLE read_mark (
  ticket_id BLOB NOT NULL PRIMARY KEY,
  messages INTEGER NOT NULL
) WITHOUT ROWID;
