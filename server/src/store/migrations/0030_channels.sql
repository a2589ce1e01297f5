-- Which way a ticket came in, for reports. It stands in states, which only the program reads: it fills it in when the file
-- is opened.
ALTER TABLE ticket ADD COLUMN channel TEXT;  -- NULL: an older program wrote the row
CREATE INDEX ticket_without_channel ON ticket (tenant_id) WHERE channel IS NULL;
