-- tern.db of one tenant: ledger, state, log, devices. SQL in the subset that PostgreSQL shares.
-- Every primary key begins with tenant_id: the tenant's number in server.db.

-- Counters and settings of the tenant: epoch, commit_seq, last_issued_ms, log frontier, counters. Values are bytes.
CREATE TABLE meta (
  tenant_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  value BLOB NOT NULL,
  PRIMARY KEY (tenant_id, name)
) WITHOUT ROWID;

-- The ledger: one row for each accepted change set, as it travelled, with its receipt. Never updated but by erasure of bodies (in change).
CREATE TABLE change_set (
  tenant_id INTEGER NOT NULL,
  commit_seq INTEGER NOT NULL,
  device_id BLOB NOT NULL,
  device_epoch INTEGER NOT NULL,
  chain_seq INTEGER NOT NULL,
  set_hash BLOB NOT NULL,
  header BLOB NOT NULL,          -- 236 bytes
  signature BLOB NOT NULL,
  original BLOB,                 -- original header and signature, when signed again
  change_count INTEGER NOT NULL,
  commit_ms INTEGER NOT NULL,
  leaf_index INTEGER NOT NULL,
  outcomes BLOB NOT NULL,        -- tern.v1.SetOutcomes, as hashed into the leaf
  lo_ms INTEGER NOT NULL,        -- lower bound of its window: the next set's previous_lo
  row_check INTEGER NOT NULL,    -- SipHash of the row
  PRIMARY KEY (tenant_id, commit_seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX change_set_chain ON change_set (tenant_id, device_id, device_epoch, chain_seq);

-- Each change of a set. A body is removed by erasure; its commitment stays.
CREATE TABLE change (
  tenant_id INTEGER NOT NULL,
  commit_seq INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  ticket_id BLOB,                -- null for records
  device_id BLOB NOT NULL,
  change_id BLOB NOT NULL,
  intent INTEGER NOT NULL,
  skeleton BLOB NOT NULL,
  salt BLOB,
  body BLOB,
  body_commitment BLOB,          -- only once erased
  admission BLOB NOT NULL,       -- sync::Admission, encoded by the store
  author BLOB NOT NULL,
  author_kind INTEGER NOT NULL,
  outcome INTEGER NOT NULL,      -- as in the receipt, never altered
  standing INTEGER NOT NULL,     -- today
  standing_rule INTEGER NOT NULL,
  -- The two latest effective times of its ticket's facts up to and with this change, of different chains: what a later
  -- change that saw it must come after. Zero: none.
  top_ms INTEGER NOT NULL,
  top_device BLOB,
  top_epoch INTEGER NOT NULL,
  second_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, commit_seq, idx)
) WITHOUT ROWID;
CREATE UNIQUE INDEX change_by_id ON change (tenant_id, device_id, change_id);
CREATE INDEX change_by_ticket ON change (tenant_id, ticket_id, commit_seq, idx) WHERE ticket_id IS NOT NULL;

-- A change whose id the ledger already held when it came: part of its set, without effect. Never counted again.
CREATE TABLE change_again (
  tenant_id INTEGER NOT NULL,
  commit_seq INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  device_id BLOB NOT NULL,
  change_id BLOB NOT NULL,
  skeleton BLOB NOT NULL,
  salt BLOB,
  body BLOB,
  body_commitment BLOB,          -- only once erased
  same_content INTEGER NOT NULL, -- 0: held, duplicate_content
  PRIMARY KEY (tenant_id, commit_seq, idx)
) WITHOUT ROWID;
CREATE INDEX change_again_by_id ON change_again (tenant_id, device_id, change_id);

CREATE TABLE amendment (
  tenant_id INTEGER NOT NULL,
  commit_seq INTEGER NOT NULL,   -- of the commit that caused it
  n INTEGER NOT NULL,
  ticket_id BLOB NOT NULL,
  statement BLOB NOT NULL,       -- signed -AM
  PRIMARY KEY (tenant_id, commit_seq, n)
) WITHOUT ROWID;
-- Who is told: the authors' devices of the amended changes and of the cause.
CREATE TABLE amendment_reader (
  tenant_id INTEGER NOT NULL,
  device_id BLOB NOT NULL,
  commit_seq INTEGER NOT NULL,
  n INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, device_id, commit_seq, n)
) WITHOUT ROWID;

-- The folded state, and the columns that lists ask for.
CREATE TABLE ticket (
  tenant_id INTEGER NOT NULL,
  ticket_id BLOB NOT NULL,
  integer_id INTEGER NOT NULL,
  number TEXT NOT NULL,
  version INTEGER NOT NULL,
  status INTEGER NOT NULL,
  status_class INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  assignee BLOB,
  queue BLOB,
  category BLOB,
  contact BLOB,
  subject TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  ended_ms INTEGER NOT NULL,     -- since when it is in the end class (closed, merged, deleted); 0 = it is not
  merged_into BLOB,
  deleted INTEGER NOT NULL,
  change_count INTEGER NOT NULL, -- changes of the ledger that name it, of any outcome
  state BLOB NOT NULL,           -- TicketStateMessage
  PRIMARY KEY (tenant_id, ticket_id)
) WITHOUT ROWID;
CREATE INDEX ticket_version ON ticket (tenant_id, version);
CREATE UNIQUE INDEX ticket_integer ON ticket (tenant_id, integer_id);
CREATE INDEX ticket_ended ON ticket (tenant_id, ended_ms) WHERE ended_ms > 0;

-- Whom a ticket concerns beside its assignee and its queue: watchers and pins (kind 1), custody marks (kind 2).
CREATE TABLE ticket_interest (
  tenant_id INTEGER NOT NULL,
  operator_id BLOB NOT NULL,
  ticket_id BLOB NOT NULL,
  kind INTEGER NOT NULL,
  commit_seq INTEGER NOT NULL,   -- custody: of the claim that took the ticket away; else 0
  PRIMARY KEY (tenant_id, operator_id, ticket_id, kind)
) WITHOUT ROWID;
CREATE INDEX ticket_interest_by_ticket ON ticket_interest (tenant_id, ticket_id);

CREATE TABLE ticket_name (         -- numbers and provisional numbers, for ever
  tenant_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  ticket_id BLOB NOT NULL,
  PRIMARY KEY (tenant_id, name)
) WITHOUT ROWID;

CREATE TABLE message (
  tenant_id INTEGER NOT NULL,
  ticket_id BLOB NOT NULL,
  version INTEGER NOT NULL,      -- newest commit that touched it
  device_id BLOB NOT NULL,
  change_id BLOB NOT NULL,
  visibility INTEGER NOT NULL,
  data BLOB NOT NULL,            -- TicketMessage
  PRIMARY KEY (tenant_id, ticket_id, version, device_id, change_id)
) WITHOUT ROWID;
CREATE INDEX message_by_id ON message (tenant_id, device_id, change_id);

CREATE TABLE record (
  tenant_id INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  record_id BLOB NOT NULL,
  integer_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  deleted INTEGER NOT NULL,
  data BLOB NOT NULL,            -- tern.v1.Record
  PRIMARY KEY (tenant_id, kind, record_id)
) WITHOUT ROWID;
CREATE INDEX record_version ON record (tenant_id, kind, version);

-- What an operator was at an earlier commit: rights as of `seen` are judged by it.
CREATE TABLE record_history (
  tenant_id INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  record_id BLOB NOT NULL,
  version INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (tenant_id, kind, record_id, version)
) WITHOUT ROWID;

-- Which operator holds which ticket: changed only in commits. left_seq 0 = holds it now. Kept for operators that have a
-- device, without regard to a device's scope_all.
CREATE TABLE scope_member (
  tenant_id INTEGER NOT NULL,
  operator_id BLOB NOT NULL,
  ticket_id BLOB NOT NULL,
  entered_seq INTEGER NOT NULL,
  left_seq INTEGER NOT NULL,
  left_reason INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, operator_id, ticket_id)
) WITHOUT ROWID;
CREATE INDEX scope_by_ticket ON scope_member (tenant_id, ticket_id);
CREATE INDEX scope_entered ON scope_member (tenant_id, operator_id, entered_seq);
CREATE INDEX scope_left ON scope_member (tenant_id, operator_id, left_seq);

CREATE TABLE device (
  tenant_id INTEGER NOT NULL,
  device_id BLOB NOT NULL,
  operator_id BLOB NOT NULL,
  key_id BLOB NOT NULL,
  public_key BLOB NOT NULL,
  suite INTEGER NOT NULL,
  purpose INTEGER NOT NULL,      -- 0 device, 1 sealing key of the server
  key_state INTEGER NOT NULL,    -- protocol::KeyState
  device_epoch INTEGER NOT NULL,
  chain_seq INTEGER NOT NULL,    -- newest processed
  chain_hash BLOB NOT NULL,
  last_lo_ms INTEGER NOT NULL,
  last_effective_ms INTEGER NOT NULL,
  sent_seq INTEGER NOT NULL,     -- highest commit_seq sent to it in this epoch
  declared_seq INTEGER NOT NULL, -- newest chain_seq it declared, with
  declared_ms INTEGER NOT NULL,  -- the time of that exchange
  previous_declared_seq INTEGER NOT NULL,
  previous_declared_ms INTEGER NOT NULL,
  cursor_seq INTEGER NOT NULL,
  outbox_pending INTEGER NOT NULL,
  last_seen_ms INTEGER NOT NULL,
  forked_ms INTEGER NOT NULL,    -- last fork that healed; 0 = none
  forked_hash BLOB,              -- the set that made it: pushed again it gets the same answer
  certificate BLOB NOT NULL,
  scope_all INTEGER NOT NULL,
  name TEXT NOT NULL,
  platform TEXT NOT NULL,
  wipe_order BLOB,               -- signed statement waiting for it
  revocation BLOB,               -- signed statement
  PRIMARY KEY (tenant_id, device_id)
) WITHOUT ROWID;
CREATE INDEX device_by_operator ON device (tenant_id, operator_id);

CREATE TABLE anchor (
  tenant_id INTEGER NOT NULL,
  anchor_hash BLOB NOT NULL,
  anchor_seq INTEGER NOT NULL,
  time_ms INTEGER NOT NULL,
  wire BLOB NOT NULL,
  epoch BLOB NOT NULL,
  withdrawn INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, anchor_hash)
) WITHOUT ROWID;
CREATE INDEX anchor_by_seq ON anchor (tenant_id, anchor_seq);

-- Histories before this one: commits up to kept_seq are this one's too, with the same numbers.
CREATE TABLE past_epoch (
  tenant_id INTEGER NOT NULL,
  epoch BLOB NOT NULL,
  kept_seq INTEGER NOT NULL,
  record BLOB NOT NULL,          -- signed epoch record
  PRIMARY KEY (tenant_id, epoch)
) WITHOUT ROWID;

-- Evidence of a chain that split: what came second, and what stands in its place.
CREATE TABLE fork (
  tenant_id INTEGER NOT NULL,
  device_id BLOB NOT NULL,
  set_hash BLOB NOT NULL,
  device_epoch INTEGER NOT NULL,
  chain_seq INTEGER NOT NULL,
  known_hash BLOB,
  header BLOB NOT NULL,
  signature BLOB NOT NULL,
  seen_ms INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, device_id, set_hash)
) WITHOUT ROWID;

-- Nodes of the Merkle log that never change again.
CREATE TABLE log_node (
  tenant_id INTEGER NOT NULL,
  level INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (tenant_id, level, idx)
) WITHOUT ROWID;

CREATE TABLE erasure (
  tenant_id INTEGER NOT NULL,
  device_id BLOB NOT NULL,
  change_id BLOB NOT NULL,
  change_commitment BLOB NOT NULL,
  commit_seq INTEGER NOT NULL,
  statement BLOB NOT NULL,
  PRIMARY KEY (tenant_id, device_id, change_id)
) WITHOUT ROWID;

-- Raw sets of a revoked or frozen key, outside the ledger.
CREATE TABLE quarantine (
  tenant_id INTEGER NOT NULL,
  device_id BLOB NOT NULL,
  set_hash BLOB NOT NULL,
  received_ms INTEGER NOT NULL,
  wire BLOB NOT NULL,
  PRIMARY KEY (tenant_id, device_id, set_hash)
) WITHOUT ROWID;

-- Codes that may still be used. K is kept until then.
CREATE TABLE enrolment_code (
  tenant_id INTEGER NOT NULL,
  enrolment_id BLOB NOT NULL,
  code_key BLOB NOT NULL,
  operator_id BLOB NOT NULL,
  scope_all INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  used_by BLOB,                  -- public key
  answer BLOB,                   -- returned again to the same key until expiry
  PRIMARY KEY (tenant_id, enrolment_id)
) WITHOUT ROWID;

CREATE TABLE number_counter (
  tenant_id INTEGER NOT NULL,
  year INTEGER NOT NULL,
  next INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, year)
) WITHOUT ROWID;
