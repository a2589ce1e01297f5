-- What operators hold of tickets at work (new, open, in progress, reopened), kept with each commit, and the commit of
-- their newest assignment since this migration (meta's loads_from).
CREATE TABLE operator_load (
  tenant_id INTEGER NOT NULL,
  operator BLOB NOT NULL,
  tickets INTEGER NOT NULL,
  urgent INTEGER NOT NULL,       -- of these
  last_seq INTEGER NOT NULL,     -- 0 = none
  PRIMARY KEY (tenant_id, operator)
) WITHOUT ROWID;
INSERT INTO operator_load (tenant_id, operator, tickets, urgent, last_seq)
  SELECT tenant_id, assignee, count(*), sum(CASE WHEN priority = 4 THEN 1 ELSE 0 END), 0 FROM ticket
  WHERE assignee IS NOT NULL AND listed IN (1, 2, 4, 9) GROUP BY tenant_id, assignee;
INSERT INTO meta (tenant_id, name, value) SELECT tenant_id, 'loads_from', value FROM meta WHERE name = 'commit_seq';

-- Tickets that nobody holds, for those that wait in a queue.
CREATE INDEX ticket_unassigned ON ticket (tenant_id, queue, listed, category)
  WHERE assignee IS NULL AND queue IS NOT NULL AND ended_ms = 0;
