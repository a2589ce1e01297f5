-- Tokens of programs on telephones, until they end. Who loses the file loses no token: only hashes are here.
CREATE TABLE mobile_token (
  tenant_id INTEGER NOT NULL,
  token_id BLOB NOT NULL,
  operator_id BLOB NOT NULL,
  secret_hash BLOB NOT NULL,
  made_ms INTEGER NOT NULL,
  ends_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, token_id)
) WITHOUT ROWID;
CREATE INDEX mobile_token_of ON mobile_token (tenant_id, operator_id, ends_ms);
CREATE INDEX mobile_token_ends ON mobile_token (tenant_id, ends_ms);
