-- When those who have a ticket on hold want to think of it again: told once, then taken out.
CREATE TABLE waking (
  tenant_id INTEGER NOT NULL,
  ticket_id BLOB NOT NULL,
  wake_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, ticket_id)
) WITHOUT ROWID;
CREATE INDEX waking_due ON waking (tenant_id, wake_ms);
