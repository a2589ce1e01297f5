-- Tickets whose state was written anew without a change of their own: whoever holds them gets them again.
CREATE TABLE IF NOT EXISTS refolded (
  tenant_id INTEGER NOT NULL,
  commit_seq INTEGER NOT NULL,
  ticket_id BLOB NOT NULL,
  PRIMARY KEY (tenant_id, commit_seq, ticket_id)
) WITHOUT ROWID;

-- Messages that a split gave to another ticket, which its readers are sent with it. Each is given away once.
CREATE TABLE IF NOT EXISTS given_message (
  tenant_id INTEGER NOT NULL,
  device_id BLOB NOT NULL,
  change_id BLOB NOT NULL,
  ticket_id BLOB NOT NULL,       -- that shows it
  commit_seq INTEGER NOT NULL,   -- since
  PRIMARY KEY (tenant_id, device_id, change_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS given_to ON given_message (tenant_id, ticket_id);

-- Certificates of device epochs that are over. Of those that ended before this version nothing is kept.
CREATE TABLE IF NOT EXISTS past_certificate (
  tenant_id INTEGER NOT NULL,
  device_id BLOB NOT NULL,
  device_epoch INTEGER NOT NULL,
  certificate BLOB NOT NULL,
  PRIMARY KEY (tenant_id, device_id, device_epoch)
) WITHOUT ROWID;
