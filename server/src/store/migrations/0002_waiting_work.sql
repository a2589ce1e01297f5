-- What waits for a person: raw sets in quarantine, changes that are held.
-- 0 waits, 1 released, 2 dropped. Kept until it is 90 days old: the same set pushed again is known.
ALTER TABLE quarantine ADD COLUMN settled INTEGER NOT NULL DEFAULT 0;
CREATE INDEX change_held ON change (tenant_id, commit_seq, idx) WHERE standing = 6;
