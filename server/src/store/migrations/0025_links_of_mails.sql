-- A link that somebody asks for by mail ends no other before that mail has gone out: one of each mail, and one that an
-- administrator made. Those that are there count as an administrator's: they end within a day.
CREATE TABLE links_before (
  tenant_id INTEGER NOT NULL,
  operator_id BLOB NOT NULL,
  link_id BLOB NOT NULL,
  secret_hash BLOB NOT NULL,
  ends_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, operator_id)
) WITHOUT ROWID;
INSERT INTO links_before (tenant_id, operator_id, link_id, secret_hash, ends_ms)
  SELECT tenant_id, operator_id, link_id, secret_hash, ends_ms FROM reset_link;
DROP TABLE reset_link;
CREATE TABLE reset_link (
  tenant_id INTEGER NOT NULL,
  operator_id BLOB NOT NULL,
  mail INTEGER NOT NULL,       -- number of the outgoing row that it goes with; 0: an administrator's
  link_id BLOB NOT NULL,
  secret_hash BLOB NOT NULL,
  ends_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, operator_id, mail)  -- a new one of the same ends the one before
) WITHOUT ROWID;
CREATE UNIQUE INDEX reset_link_named ON reset_link (tenant_id, link_id);
INSERT INTO reset_link (tenant_id, operator_id, mail, link_id, secret_hash, ends_ms)
  SELECT tenant_id, operator_id, 0, link_id, secret_hash, ends_ms FROM links_before;
DROP TABLE links_before;
