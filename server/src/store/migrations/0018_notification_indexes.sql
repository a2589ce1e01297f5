-- A deadline of nobody's ticket tells many people at once: what is of one cause, and of one ticket, lies together.
DROP INDEX notification_once;
CREATE UNIQUE INDEX notification_once ON notification (tenant_id, cause, kind, operator);
DROP INDEX notification_unread;
CREATE INDEX notification_unread ON notification (tenant_id, ticket_id, operator) WHERE read_ms = 0;
DROP INDEX notification_of;
CREATE INDEX notification_of ON notification (tenant_id, operator, n, read_ms);
