-- replica.db: the device's copy. Everything in it can be fetched again or folded again from outbox.db.

-- Cursor, page token of the first download, rights version ...
CREATE TABLE meta (
  name TEXT NOT NULL PRIMARY KEY,
  value BLOB NOT NULL
) WITHOUT ROWID;

-- A ticket: confirmed state as it was received, what own pending work makes of it, and the columns that lists show, which
-- are those of the overlay where there is one. Columns are named by the field table.
CREATE TABLE ticket (
  id INTEGER PRIMARY KEY,
  ticket_id BLOB NOT NULL,
  version INTEGER NOT NULL,           -- of the confirmed state; 0 = none
  state BLOB,                         -- tern.v1.TicketStateMessage; NULL: made here, or a ghost
  overlay BLOB,                       -- the same, with pending work folded in; NULL: nothing pending
  ghost INTEGER NOT NULL,             -- left the scope while own work on it is pending
  pending INTEGER NOT NULL,           -- own changes folded into what is shown
  pending_last INTEGER NOT NULL,      -- outbox position of the newest of them
  number TEXT NOT NULL,
  integer_id INTEGER NOT NULL,
  subject TEXT NOT NULL,
  status INTEGER NOT NULL,
  status_class INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  category_id BLOB,
  type TEXT,
  queue_id BLOB,
  assignee_id BLOB,
  contact_id BLOB,
  organisation_id BLOB,
  tags TEXT,                          -- each between two U+001F
  due_ms INTEGER,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  deleted INTEGER NOT NULL
);
CREATE UNIQUE INDEX ticket_by_id ON ticket (ticket_id);
CREATE INDEX ticket_by_updated ON ticket (updated_ms);
CREATE INDEX ticket_by_number ON ticket (number);
CREATE INDEX ticket_with_work ON ticket (id) WHERE pending > 0 OR ghost = 1;

-- Provisional and merged-away numbers.
CREATE TABLE ticket_alias (
  alias TEXT NOT NULL,
  ticket INTEGER NOT NULL REFERENCES ticket (id) ON DELETE CASCADE,
  PRIMARY KEY (alias, ticket)
) WITHOUT ROWID;
CREATE INDEX ticket_alias_by_ticket ON ticket_alias (ticket);

-- A message as it was received (tern.v1.TicketMessage). A pending one, or a pending edit of a confirmed one, is a row of
-- its own that stands before the confirmed row of the same change.
CREATE TABLE message (
  id INTEGER PRIMARY KEY,
  ticket INTEGER NOT NULL REFERENCES ticket (id) ON DELETE CASCADE,
  change_id INTEGER NOT NULL,         -- its 8 bytes as a number
  pending INTEGER NOT NULL,
  data BLOB NOT NULL
);
CREATE INDEX message_by_ticket ON message (ticket, change_id);
CREATE INDEX message_pending ON message (ticket) WHERE pending = 1;

CREATE TABLE record (
  kind INTEGER NOT NULL,
  record_id BLOB NOT NULL,
  version INTEGER NOT NULL,
  name TEXT NOT NULL,
  deleted INTEGER NOT NULL,
  data BLOB NOT NULL,                 -- tern.v1.Record
  PRIMARY KEY (kind, record_id)
) WITHOUT ROWID;

CREATE TABLE pack (
  kind INTEGER NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL
) WITHOUT ROWID;

-- Words of what is shown. No text is kept twice: rows are taken out by telling the index their words again.
CREATE VIRTUAL TABLE ticket_fts USING fts5 (subject, description, content = '', columnsize = 0, detail = none,
  tokenize = 'unicode61 remove_diacritics 2');
CREATE VIRTUAL TABLE message_fts USING fts5 (text, content = '', columnsize = 0, detail = none,
  tokenize = 'unicode61 remove_diacritics 2');
INSERT INTO ticket_fts (ticket_fts, rank) VALUES ('automerge', 16);
INSERT INTO ticket_fts (ticket_fts, rank) VALUES ('crisismerge', 64);
INSERT INTO message_fts (message_fts, rank) VALUES ('automerge', 16);
INSERT INTO message_fts (message_fts, rank) VALUES ('crisismerge', 64);
