-- Links with which customers rate what was done: until one of a ticket is used, or they are over. Each attempt to mail one
-- makes another. Who loses the file loses no link: only hashes are here.
CREATE TABLE rating_link (
  tenant_id INTEGER NOT NULL,
  token_hash BLOB NOT NULL,
  ticket_id BLOB NOT NULL,
  device_id BLOB NOT NULL,     -- with change_id the resolution that is rated
  change_id BLOB NOT NULL,
  contact BLOB NOT NULL,       -- whom it was mailed to
  ends_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, token_hash)
) WITHOUT ROWID;
CREATE INDEX rating_link_of ON rating_link (tenant_id, ticket_id);
CREATE INDEX rating_link_ends ON rating_link (tenant_id, ends_ms);
