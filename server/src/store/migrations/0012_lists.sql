-- What lists and figures ask of tickets, and the words that search finds them by. Both stand in states and messages,
-- which only the program reads: it fills them when the file is opened (meta's lists_form).
ALTER TABLE ticket ADD COLUMN organisation BLOB;
ALTER TABLE ticket ADD COLUMN listed INTEGER NOT NULL DEFAULT 0;       -- its status in lists: merged is closed; 0 = deleted
ALTER TABLE ticket ADD COLUMN first_response_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ticket ADD COLUMN resolved_ms INTEGER NOT NULL DEFAULT 0;  -- 0 = it is not
ALTER TABLE ticket ADD COLUMN worked_ms INTEGER NOT NULL DEFAULT 0;    -- newest time entry; 0 = none
CREATE INDEX ticket_listed ON ticket (tenant_id, listed, priority, integer_id, queue, assignee, organisation, contact);
CREATE INDEX ticket_assignee ON ticket (tenant_id, assignee, listed, integer_id) WHERE assignee IS NOT NULL;
CREATE INDEX ticket_category ON ticket (tenant_id, category, listed, integer_id) WHERE category IS NOT NULL;
CREATE INDEX ticket_organisation ON ticket (tenant_id, organisation, listed, integer_id) WHERE organisation IS NOT NULL;
CREATE INDEX ticket_contact ON ticket (tenant_id, contact, listed, integer_id, organisation)
  WHERE contact IS NOT NULL AND organisation IS NULL;
CREATE INDEX ticket_answered ON ticket (tenant_id, first_response_ms, created_ms, listed, queue, assignee) WHERE first_response_ms > 0;
CREATE INDEX ticket_resolved ON ticket (tenant_id, resolved_ms, created_ms, listed, queue, assignee, organisation, contact) WHERE resolved_ms > 0;
CREATE INDEX ticket_worked ON ticket (tenant_id, worked_ms) WHERE worked_ms > 0;

-- One row for each message that says something, a description is its ticket's first. The row's number says which ticket,
-- which message and who reads it (store/words.hpp). No text is kept twice: a row is taken out by telling its words again,
-- and then they are gone from the pages, too.
CREATE VIRTUAL TABLE words USING fts5 (text, content = '', columnsize = 0, detail = none,
  tokenize = 'unicode61 remove_diacritics 2');
INSERT INTO words (words, rank) VALUES ('automerge', 16);
INSERT INTO words (words, rank) VALUES ('crisismerge', 64);
-- Which word stands in which row, to compare with the texts.
CREATE VIRTUAL TABLE words_of USING fts5vocab (words, instance);
