-- What devices are told of SLA clocks. Told anew to whoever has those up to an earlier number; the next look makes them.
ALTER TABLE sla_clock ADD COLUMN told BLOB NOT NULL DEFAULT X'';    -- tern.v1.SlaClock; empty: nothing is open
ALTER TABLE sla_clock ADD COLUMN told_seq INTEGER NOT NULL DEFAULT 0;  -- since when so; 0 = never told of
CREATE INDEX sla_clock_told ON sla_clock (tenant_id, told_seq);
UPDATE sla_clock SET look_s = 0 WHERE open = 1;
