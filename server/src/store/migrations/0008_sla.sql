-- What SLA clocks say. Ledgers from here on may hold SLA rules and calendars, which no program before this can read.
-- One row for each ticket with a clock, as of when it was looked at last. Derived: from its changes, rules and calendars.
CREATE TABLE sla_clock (
  tenant_id INTEGER NOT NULL,
  ticket_id BLOB NOT NULL,
  looked_s INTEGER NOT NULL,     -- as of then; seconds of server time, as all of these
  look_s INTEGER,                -- when to look again: null = nothing changes by itself, 0 = at once
  open INTEGER NOT NULL,         -- one of its cycles is open
  colour INTEGER NOT NULL,       -- sla::Colour, the worst of the open ones
  due_s INTEGER,                 -- the nearest of the open ones
  clock TEXT NOT NULL,           -- the cycles, JSON
  PRIMARY KEY (tenant_id, ticket_id)
) WITHOUT ROWID;
CREATE INDEX sla_clock_look ON sla_clock (tenant_id, look_s) WHERE look_s IS NOT NULL;
CREATE INDEX sla_clock_due ON sla_clock (tenant_id, due_s) WHERE open = 1;

-- Breach records. What a record became stays as it was told.
CREATE TABLE sla_breach (
  tenant_id INTEGER NOT NULL,
  ticket_id BLOB NOT NULL,
  metric INTEGER NOT NULL,
  cycle_id TEXT NOT NULL,        -- the change that starts it
  number INTEGER NOT NULL,       -- of the cycle, for display
  target_s INTEGER NOT NULL,
  due_s INTEGER NOT NULL,
  breached_s INTEGER NOT NULL,
  detected_s INTEGER NOT NULL,
  cause INTEGER NOT NULL,
  state INTEGER NOT NULL,        -- 0 provisional, 1 confirmed, 2 rescinded, 3 excused
  rule TEXT NOT NULL,
  calendar TEXT NOT NULL,
  book_version INTEGER NOT NULL,
  calendar_version INTEGER NOT NULL,
  assignee TEXT NOT NULL,        -- id, then
  queue TEXT NOT NULL,           -- then
  history TEXT NOT NULL,         -- evidence and steps, JSON
  PRIMARY KEY (tenant_id, ticket_id, metric, cycle_id)
) WITHOUT ROWID;
CREATE INDEX sla_breach_provisional ON sla_breach (tenant_id, ticket_id) WHERE state = 0;

-- What is to be told of a clock, once.
CREATE TABLE sla_alert (
  tenant_id INTEGER NOT NULL,
  ticket_id BLOB NOT NULL,
  alert_key TEXT NOT NULL,
  level INTEGER NOT NULL,
  metric INTEGER NOT NULL,
  cycle_id TEXT NOT NULL,
  at_s INTEGER NOT NULL,         -- when the level was reached
  noticed_s INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, ticket_id, alert_key)
) WITHOUT ROWID;
CREATE INDEX sla_alert_noticed ON sla_alert (tenant_id, noticed_s);
