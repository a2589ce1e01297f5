-- The words under which the search index still holds a ticket that changed. Worked off in batches.
CREATE TABLE ticket_words_before (
  id INTEGER PRIMARY KEY,             -- of the ticket
  subject TEXT NOT NULL,
  description TEXT NOT NULL
);
