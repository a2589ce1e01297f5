-- What devices' copies hold of others' work that a restore lost: one change of then, as it would be said again. Waits for
-- an administrator.
CREATE TABLE handed_back (
  tenant_id INTEGER NOT NULL,
  device_id BLOB NOT NULL,       -- the change of then
  change_id BLOB NOT NULL,
  ticket_id BLOB NOT NULL,
  epoch BLOB NOT NULL,           -- that is over
  old_seq INTEGER NOT NULL,      -- its commit there
  from_device BLOB NOT NULL,     -- whose copy it was read out of
  integer_id INTEGER NOT NULL,   -- of a create: the ticket's
  number TEXT NOT NULL,
  skeleton BLOB NOT NULL,        -- both empty once it was said
  body BLOB NOT NULL,
  said_seq INTEGER NOT NULL,     -- commit of this history that says it; 0: it waits
  PRIMARY KEY (tenant_id, device_id, change_id)
) WITHOUT ROWID;
CREATE INDEX handed_back_said ON handed_back (tenant_id, said_seq);
CREATE INDEX handed_back_by_ticket ON handed_back (tenant_id, ticket_id);
