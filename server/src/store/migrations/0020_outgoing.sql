-- What goes out because of commits: webhooks and mails, written in the transaction that makes them due, sent behind it.
-- No text of a ticket and no address is here: both are looked up when it is sent.
CREATE TABLE outgoing (
  tenant_id INTEGER NOT NULL,
  n INTEGER NOT NULL,            -- in the order of when; never given twice
  way INTEGER NOT NULL,          -- OutgoingWay
  target BLOB NOT NULL,          -- a channel (webhook), a contact, an operator
  event TEXT NOT NULL,
  ticket_id BLOB NOT NULL,       -- zero: of no ticket
  cause BLOB NOT NULL,           -- a change: device id and change id; else what made it due
  delivery BLOB NOT NULL,        -- 16 bytes of H(way, target, event, cause): the same however often it is sent
  at_ms INTEGER NOT NULL,        -- of the commit
  state INTEGER NOT NULL,        -- OutgoingState
  attempts INTEGER NOT NULL,
  due_ms INTEGER NOT NULL,       -- while it waits
  done_ms INTEGER NOT NULL,      -- 0 = not yet
  address BLOB NOT NULL,         -- keyed hash of where a mail went; empty: of none
  said TEXT NOT NULL,            -- the last answer: a code, or short words of this server's own
  PRIMARY KEY (tenant_id, n)
) WITHOUT ROWID;
CREATE UNIQUE INDEX outgoing_once ON outgoing (tenant_id, delivery);
CREATE INDEX outgoing_due ON outgoing (tenant_id, due_ms) WHERE state = 0;
CREATE INDEX outgoing_of ON outgoing (tenant_id, target, n);
CREATE INDEX outgoing_to ON outgoing (tenant_id, address, done_ms) WHERE length(address) > 0;
CREATE INDEX outgoing_because ON outgoing (tenant_id, cause) WHERE way = 2;
CREATE INDEX outgoing_done ON outgoing (tenant_id, done_ms) WHERE state <> 0;
