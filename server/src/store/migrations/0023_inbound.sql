-- What came in through webhooks of others: which events were taken, and the newest that were not, without their
-- secrets. What an event is called is kept as a hash; text is in refused ones alone.
CREATE TABLE inbound (
  tenant_id INTEGER NOT NULL,
  n INTEGER NOT NULL,            -- in the order in which they came
  hook BLOB NOT NULL,            -- a channel
  event BLOB NOT NULL,           -- H(hook, what its sender calls it)
  state INTEGER NOT NULL,        -- InboundState
  at_ms INTEGER NOT NULL,        -- when it came last
  tries INTEGER NOT NULL,        -- how often it came
  ticket_id BLOB NOT NULL,       -- zero: none
  code TEXT NOT NULL,            -- of a refused one; "created", "continued" of a taken one
  said TEXT NOT NULL,            -- why nothing was done
  request TEXT NOT NULL,         -- of a refused one: JSON, without its secrets; may be empty
  PRIMARY KEY (tenant_id, n)
) WITHOUT ROWID;
CREATE UNIQUE INDEX inbound_event ON inbound (tenant_id, hook, event);
CREATE INDEX inbound_of ON inbound (tenant_id, hook, n);
CREATE INDEX inbound_refused ON inbound (tenant_id, hook, n) WHERE state = 1;

-- By which names of theirs senders go on with tickets: a chat, an alert. Names are hashes.
CREATE TABLE ticket_key (
  tenant_id INTEGER NOT NULL,
  source BLOB NOT NULL,          -- a channel
  key BLOB NOT NULL,             -- H(source, name)
  n INTEGER NOT NULL,            -- the newest counts
  ticket_id BLOB NOT NULL,
  PRIMARY KEY (tenant_id, source, key, n)
) WITHOUT ROWID;
