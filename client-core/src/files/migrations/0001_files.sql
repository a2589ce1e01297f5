-- Content of attachments on a device: outbox-files.db holds what was attached here, replica-files.db what was fetched.

CREATE TABLE content (
  id INTEGER PRIMARY KEY,
  device_id BLOB NOT NULL,       -- of the change that attaches it
  change_id BLOB NOT NULL,
  ticket_id BLOB NOT NULL,       -- on which it is read
  content_hash BLOB NOT NULL,    -- SHA-256, as the change says; zero: it is still being read in here
  size_bytes INTEGER NOT NULL,
  have_bytes INTEGER NOT NULL,
  sent_in BLOB,                  -- the epoch in which the server said that it has all of it
  asked INTEGER NOT NULL,        -- 1: somebody asked for it, so no bound of the policy counts
  failures INTEGER NOT NULL,     -- in a row
  problem TEXT NOT NULL          -- why it goes no further, for people; empty: it does
);
CREATE UNIQUE INDEX content_by_change ON content (device_id, change_id);

-- 64 KiB each, but for the last one.
CREATE TABLE piece (
  content INTEGER NOT NULL REFERENCES content (id) ON DELETE CASCADE,
  n INTEGER NOT NULL,            -- from 0
  bytes BLOB NOT NULL,
  PRIMARY KEY (content, n)
);
