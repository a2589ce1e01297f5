-- Since when the customer of a ticket waits for somebody. Derived with its SLA clock; open tickets are looked at again.
CREATE TABLE awaiting (
  tenant_id INTEGER NOT NULL,
  ticket_id BLOB NOT NULL,
  since_s INTEGER NOT NULL,
  root TEXT NOT NULL,            -- the change that nobody has answered
  PRIMARY KEY (tenant_id, ticket_id)
) WITHOUT ROWID;
CREATE INDEX awaiting_since ON awaiting (tenant_id, since_s);
UPDATE sla_clock SET look_s = 0 WHERE open = 1;

-- Which trigger acted on which ticket because of what: each once.
CREATE TABLE trigger_fired (
  tenant_id INTEGER NOT NULL,
  ticket_id BLOB NOT NULL,
  trigger_id BLOB NOT NULL,
  root TEXT NOT NULL,            -- the change that it acted on, or that nobody answered
  at_ms INTEGER NOT NULL,
  version INTEGER NOT NULL,      -- of the trigger then
  PRIMARY KEY (tenant_id, ticket_id, trigger_id, root)
) WITHOUT ROWID;
