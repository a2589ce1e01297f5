-- The content of attachments, beside the ledger (tern.db) that says what each is called and who may read it.

-- One content, whole or on its way. Content that is whole is there once, however many changes refer to it.
CREATE TABLE content (
  tenant_id INTEGER NOT NULL,
  content_id INTEGER NOT NULL,
  content_hash BLOB,           -- SHA-256; null: not whole yet
  size_bytes INTEGER NOT NULL, -- that it has once it is whole
  have_bytes INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, content_id)
);
CREATE UNIQUE INDEX content_by_hash ON content (tenant_id, content_hash) WHERE content_hash IS NOT NULL;

-- 64 KiB each, but for the last one.
CREATE TABLE piece (
  tenant_id INTEGER NOT NULL,
  content_id INTEGER NOT NULL,
  n INTEGER NOT NULL,          -- from 0
  bytes BLOB NOT NULL,
  PRIMARY KEY (tenant_id, content_id, n)
);

-- Whose attachment it is: of a change that said its hash, and whose author sent all of it. Who only knows a hash has no
-- row here.
CREATE TABLE reference (
  tenant_id INTEGER NOT NULL,
  device_id BLOB NOT NULL,
  change_id BLOB NOT NULL,
  content_id INTEGER NOT NULL,
  touched_ms INTEGER NOT NULL, -- when something of it came last
  PRIMARY KEY (tenant_id, device_id, change_id)
) WITHOUT ROWID;
CREATE INDEX reference_by_content ON reference (tenant_id, content_id);
