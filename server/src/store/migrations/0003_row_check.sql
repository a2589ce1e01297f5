-- From the next commit on the row check of a set covers its lo_ms too; those up to here keep the one they were given.
INSERT INTO meta (tenant_id, name, value) SELECT tenant_id, 'row_check_lo_after', value FROM meta WHERE name = 'commit_seq';
