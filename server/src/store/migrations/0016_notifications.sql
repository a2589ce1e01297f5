-- What operators are told of, each once: written in the transaction that makes it so. No text of a ticket is here.
CREATE TABLE notification (
  tenant_id INTEGER NOT NULL,
  n INTEGER NOT NULL,            -- its integer id, in the order of when; never given twice
  operator BLOB NOT NULL,        -- who is told
  kind INTEGER NOT NULL,         -- NotificationKind
  ticket_id BLOB NOT NULL,
  cause BLOB NOT NULL,           -- a change: device id and change id; a deadline: ticket id and the alert's key
  at_ms INTEGER NOT NULL,        -- of the commit
  author BLOB,                   -- whose doing it was; null: the server's
  author_kind INTEGER NOT NULL,
  detail TEXT NOT NULL,          -- an intent, a field, a metric, a score: never words of people
  read_ms INTEGER NOT NULL,      -- 0 = not yet
  PRIMARY KEY (tenant_id, n)
) WITHOUT ROWID;
CREATE UNIQUE INDEX notification_once ON notification (tenant_id, operator, kind, cause);
CREATE INDEX notification_unread ON notification (tenant_id, operator, ticket_id) WHERE read_ms = 0;
CREATE INDEX notification_of ON notification (tenant_id, operator, n);

-- Up to which commit somebody has read a ticket through the API.
CREATE TABLE read_mark (
  tenant_id INTEGER NOT NULL,
  ticket_id BLOB NOT NULL,
  reader_kind INTEGER NOT NULL,  -- PrincipalKind: 1 an operator in a session, 2 a customer, 3 an API key
  reader BLOB NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, ticket_id, reader_kind, reader)
) WITHOUT ROWID;

-- How often customers read an article.
CREATE TABLE article_view (
  tenant_id INTEGER NOT NULL,
  article BLOB NOT NULL,
  views INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, article)
) WITHOUT ROWID;
