-- What the newest change of a ticket says of its latest facts (as in change), beside the state: found with one look.
ALTER TABLE ticket ADD COLUMN last_commit INTEGER NOT NULL DEFAULT 0;  -- with a change of it, of any outcome
ALTER TABLE ticket ADD COLUMN top_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ticket ADD COLUMN top_device BLOB;
ALTER TABLE ticket ADD COLUMN top_epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ticket ADD COLUMN second_ms INTEGER NOT NULL DEFAULT 0;
UPDATE ticket SET (last_commit, top_ms, top_device, top_epoch, second_ms) =
  (SELECT c.commit_seq, c.top_ms, c.top_device, c.top_epoch, c.second_ms FROM change c
   WHERE c.tenant_id = ticket.tenant_id AND c.ticket_id = ticket.ticket_id ORDER BY c.commit_seq DESC, c.idx DESC LIMIT 1)
WHERE EXISTS (SELECT 1 FROM change c WHERE c.tenant_id = ticket.tenant_id AND c.ticket_id = ticket.ticket_id);
