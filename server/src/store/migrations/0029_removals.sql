-- What takes tickets out of figures and back in (merge, delete, restore, unmerge, and what a merge's target is told):
-- rare, and looked for by reports of past periods (docs/reports.md, H7).
CREATE INDEX change_removals ON change (tenant_id, commit_seq, ticket_id) WHERE intent IN (43, 45, 46, 50, 60, 65);
