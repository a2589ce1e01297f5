-- What reports count, derived with a ticket's SLA clock. One row for each thing that happened to a ticket once, in the
-- order of when: a period is one walk. Tickets that were there before are filled in by the program (meta's figures_to).
CREATE TABLE figure (
  tenant_id INTEGER NOT NULL,
  kind INTEGER NOT NULL,         -- 1 created, 2 first response, 3 next response, 4 resolved, 10 + SLA metric: a promise ended
  at_s INTEGER NOT NULL,         -- when, by what counts
  ticket_id BLOB NOT NULL,
  number INTEGER NOT NULL,       -- of its kind, from 1
  known_s INTEGER NOT NULL,      -- when the server had it
  wall_s INTEGER NOT NULL,       -- how long it took; of what was resolved without pauses
  business_s INTEGER NOT NULL,   -- the same in working time
  more_wall_s INTEGER NOT NULL,  -- until delivered; of what was resolved with pauses
  more_business_s INTEGER NOT NULL,
  outcome INTEGER NOT NULL,      -- of a promise: 1 met, 2 breached, 3 breached provisionally, 4 excused
  touches INTEGER NOT NULL,      -- public messages of people on staff until it was resolved
  reopened_s INTEGER NOT NULL,   -- 0 = it was not
  next_s INTEGER NOT NULL,       -- when it was resolved again; 0 = never
  assignee BLOB,                 -- then
  category BLOB,                 -- of the ticket
  PRIMARY KEY (tenant_id, kind, at_s, ticket_id, number)
) WITHOUT ROWID;
CREATE INDEX figure_of_ticket ON figure (tenant_id, ticket_id);

-- Changes that devices made before the server had them: what a past period was not told in time.
CREATE TABLE late_change (
  tenant_id INTEGER NOT NULL,
  received_s INTEGER NOT NULL,
  ticket_id BLOB NOT NULL,
  device_id BLOB NOT NULL,
  change_id BLOB NOT NULL,
  at_s INTEGER NOT NULL,         -- when it counts as made
  intent INTEGER NOT NULL,
  author BLOB NOT NULL,
  PRIMARY KEY (tenant_id, received_s, ticket_id, device_id, change_id)
) WITHOUT ROWID;
CREATE INDEX late_of_ticket ON late_change (tenant_id, ticket_id);
