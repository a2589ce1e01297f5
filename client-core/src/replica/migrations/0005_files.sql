-- Which messages are files: what a device may fetch of its own tickets is looked up without reading all messages.
ALTER TABLE message ADD COLUMN is_file INTEGER NOT NULL DEFAULT 0;
CREATE INDEX message_files ON message (ticket) WHERE is_file = 1;
