-- outbox.db: what the agent did on this device, until it is prunable.

-- Small values that must survive a lost replica: anchor held, head ladder, key list, counters, orders of the server.
CREATE TABLE meta (
  name TEXT NOT NULL PRIMARY KEY,
  value BLOB NOT NULL
) WITHOUT ROWID;

-- The newest sealed set of this device: one row.
CREATE TABLE chain (
  only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
  device_epoch INTEGER NOT NULL,
  chain_seq INTEGER NOT NULL,
  hash BLOB NOT NULL,
  acked_seq INTEGER NOT NULL
);
INSERT INTO chain (only_row, device_epoch, chain_seq, hash, acked_seq) VALUES (1, 1, 0, x'', 0);

-- A sealed set: what was signed. Its changes are rows of their own.
CREATE TABLE change_set (
  id INTEGER PRIMARY KEY,
  device_epoch INTEGER NOT NULL,
  chain_seq INTEGER NOT NULL,
  origin_epoch INTEGER NOT NULL,      -- of the first signature: the set's place in the order of its ticket
  origin_seq INTEGER NOT NULL,
  state INTEGER NOT NULL,             -- SetState
  hash BLOB NOT NULL,
  header BLOB NOT NULL,               -- 236 bytes, as signed
  signature BLOB NOT NULL,
  original_header BLOB,               -- when signed again under a new device epoch
  original_signature BLOB,
  first_position INTEGER NOT NULL,    -- of its first change
  change_count INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,        -- on the wire
  sealed_wall_ms INTEGER NOT NULL,
  commit_seq INTEGER NOT NULL,        -- of the receipt; 0 = none
  commit_ms INTEGER NOT NULL,
  outcomes BLOB                       -- tern.v1.SetOutcomes
);
CREATE UNIQUE INDEX change_set_chain ON change_set (device_epoch, chain_seq);
CREATE INDEX change_set_commit ON change_set (commit_seq);

-- One change, in the order it was made.
CREATE TABLE change (
  position INTEGER PRIMARY KEY,
  set_id INTEGER REFERENCES change_set (id) ON DELETE CASCADE,  -- NULL: in the open set
  ticket_id BLOB NOT NULL,
  change_id BLOB NOT NULL,
  skeleton BLOB NOT NULL,
  salt BLOB,                          -- drawn at sealing; gone when erased
  body BLOB,                          -- gone when erased
  erased_commitment BLOB,             -- then this is left
  saved_wall_ms INTEGER NOT NULL,
  saved_boot_ms INTEGER NOT NULL,
  saved_boot BLOB NOT NULL,
  attention INTEGER NOT NULL,         -- 1: its author has not dealt with it yet
  dismissed INTEGER NOT NULL,
  amendment BLOB                      -- the newest signed statement about it
);
CREATE UNIQUE INDEX change_by_id ON change (change_id);
CREATE INDEX change_by_set ON change (set_id);
CREATE INDEX change_by_ticket ON change (ticket_id);
CREATE INDEX change_attention ON change (position) WHERE attention = 1;

-- How a ticket was called on this screen when something was done to it: outlives the replica's row.
CREATE TABLE ticket_label (
  ticket_id BLOB NOT NULL PRIMARY KEY,
  number TEXT NOT NULL,
  subject TEXT NOT NULL
) WITHOUT ROWID;

-- A change with what its set says of it.
CREATE VIEW own_change AS
  SELECT c.position, c.set_id, c.ticket_id, c.change_id, c.skeleton, c.body, c.erased_commitment, c.saved_wall_ms,
         c.saved_boot_ms, c.saved_boot, c.attention, c.dismissed, c.amendment, s.state, s.commit_seq, s.origin_epoch,
         s.origin_seq, s.first_position
  FROM change c LEFT JOIN change_set s ON s.id = c.set_id;
