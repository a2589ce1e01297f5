-- What a set that was sent again after a restore had been in a history that is over, proved by the receipt of then.
CREATE TABLE old_receipt (
  tenant_id INTEGER NOT NULL,
  commit_seq INTEGER NOT NULL,   -- in this history
  epoch BLOB NOT NULL,           -- that is over
  old_commit_seq INTEGER NOT NULL,
  old_commit_ms INTEGER NOT NULL,
  shown_size INTEGER NOT NULL,   -- how far the log had come that its device was shown with it
  list_hash BLOB NOT NULL,
  PRIMARY KEY (tenant_id, commit_seq, epoch)
) WITHOUT ROWID;
-- The signed lists that prove it, as they came.
CREATE TABLE old_receipt_list (
  tenant_id INTEGER NOT NULL,
  list_hash BLOB NOT NULL,       -- as signed in its head
  wire BLOB NOT NULL,
  PRIMARY KEY (tenant_id, list_hash)
) WITHOUT ROWID;
