-- Requests with an Idempotency-Key that were done within a day: which, and what they made. No text of a request is here.
CREATE TABLE done_once (
  tenant_id INTEGER NOT NULL,
  n INTEGER NOT NULL,      -- in the order in which they were done
  key BLOB NOT NULL,       -- H(whose, key)
  asks BLOB NOT NULL,      -- H(key, action, parameters)
  made BLOB NOT NULL,      -- id of what an answer shows
  done_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, n)
) WITHOUT ROWID;
CREATE UNIQUE INDEX done_once_key ON done_once (tenant_id, key);

-- Tokens of clients, until they end. Who loses the file loses no token: only hashes are here.
CREATE TABLE client_token (
  tenant_id INTEGER NOT NULL,
  token_id BLOB NOT NULL,
  secret_hash BLOB NOT NULL,
  contact BLOB NOT NULL,       -- whom it is for; there may be no record of them yet
  organisation BLOB NOT NULL,
  name TEXT NOT NULL,
  user_id INTEGER NOT NULL,    -- as the organisation's own pages know them; 0 = nobody that they know
  made_by BLOB NOT NULL,       -- API key; zero = at the server's own machine, or in a session
  made_ms INTEGER NOT NULL,
  ends_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, token_id)
) WITHOUT ROWID;
CREATE INDEX client_token_ends ON client_token (tenant_id, ends_ms);
