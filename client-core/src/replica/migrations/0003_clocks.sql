-- What the server told of a ticket's SLA clock. Its own, not of the state: it changes without the ticket.
CREATE TABLE clock (
  ticket INTEGER PRIMARY KEY REFERENCES ticket (id) ON DELETE CASCADE,
  due_s INTEGER,                      -- the nearest of what is open; NULL: all of it is paused
  clock BLOB NOT NULL                 -- tern.v1.SlaClock
);
