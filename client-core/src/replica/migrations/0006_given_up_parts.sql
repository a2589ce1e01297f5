-- A ticket that showed more than goes into one request is kept in parts: each with its state, and some of its messages.
ALTER TABLE given_up ADD COLUMN part INTEGER NOT NULL DEFAULT 0;
DROP INDEX given_up_once;
CREATE UNIQUE INDEX given_up_once ON given_up (ticket_id, epoch, part);
