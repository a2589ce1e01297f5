-- Links with which people set another password: one of each person, until it is used or over. Who loses the file loses no
-- link: only hashes are here.
CREATE TABLE reset_link (
  tenant_id INTEGER NOT NULL,
  operator_id BLOB NOT NULL,   -- a new one ends the one before
  link_id BLOB NOT NULL,
  secret_hash BLOB NOT NULL,
  ends_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, operator_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX reset_link_named ON reset_link (tenant_id, link_id);
