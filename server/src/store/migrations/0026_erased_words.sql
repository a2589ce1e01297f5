-- By which words erased persons are known again when an import would make their record anew: hashes under a key that is
-- not in this file.
CREATE TABLE erased_word (
  tenant_id INTEGER NOT NULL,
  word BLOB NOT NULL,            -- H(key, name or address)
  contact BLOB NOT NULL,         -- whose it was
  PRIMARY KEY (tenant_id, word)
) WITHOUT ROWID;
-- What of records of erased persons is still to go: written with the record that stands in their place.
CREATE TABLE entry_to_erase (
  tenant_id INTEGER NOT NULL,
  device_id BLOB NOT NULL,
  change_id BLOB NOT NULL,
  reason TEXT NOT NULL,          -- of the erasure
  PRIMARY KEY (tenant_id, device_id, change_id)
) WITHOUT ROWID;
