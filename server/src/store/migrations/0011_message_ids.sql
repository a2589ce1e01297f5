-- Integer ids of messages, as integrations name them. A ticket's description is its first message. What was there before
-- is numbered in the order of the ledger.
ALTER TABLE message ADD COLUMN integer_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ticket ADD COLUMN message_id INTEGER NOT NULL DEFAULT 0;  -- its description's
CREATE TABLE numbered (
  tenant_id INTEGER NOT NULL,
  device_id BLOB NOT NULL,
  change_id BLOB NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, device_id, change_id)
) WITHOUT ROWID;
-- Intents create, message, attach, on_site, also of what is held: what is released later moves no number.
INSERT INTO numbered (tenant_id, device_id, change_id, n)
  SELECT tenant_id, device_id, change_id, row_number() OVER (PARTITION BY tenant_id ORDER BY commit_seq, idx)
  FROM change WHERE intent IN (1, 4, 8, 17);
UPDATE message SET integer_id = coalesce((SELECT d.n FROM numbered d WHERE d.tenant_id = message.tenant_id
  AND d.device_id = message.device_id AND d.change_id = message.change_id), 0);
UPDATE ticket SET message_id = coalesce((SELECT min(d.n) FROM change c JOIN numbered d ON d.tenant_id = c.tenant_id
  AND d.device_id = c.device_id AND d.change_id = c.change_id WHERE c.tenant_id = ticket.tenant_id
  AND c.ticket_id = ticket.ticket_id AND c.intent = 1), 0);
DROP TABLE numbered;
CREATE UNIQUE INDEX message_integer ON message (tenant_id, integer_id) WHERE integer_id > 0;
CREATE UNIQUE INDEX ticket_message ON ticket (tenant_id, message_id) WHERE message_id > 0;
