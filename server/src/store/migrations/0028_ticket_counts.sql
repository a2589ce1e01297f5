-- How many tickets lists show so, of each client: what dashboards count does not grow with the tickets. Kept by the rows
-- themselves, whoever writes them.
CREATE TABLE ticket_count (
  tenant_id INTEGER NOT NULL,
  listed INTEGER NOT NULL,
  organisation BLOB NOT NULL,  -- of the ticket; empty: none
  contact BLOB NOT NULL,       -- of one that has no organisation; empty: none
  n INTEGER NOT NULL,          -- 0: there were some
  PRIMARY KEY (tenant_id, listed, organisation, contact)
) WITHOUT ROWID;
INSERT INTO ticket_count (tenant_id, listed, organisation, contact, n)
  SELECT tenant_id, listed, coalesce(organisation, x''),
    CASE WHEN organisation IS NULL THEN coalesce(contact, x'') ELSE x'' END, count(*)
  FROM ticket WHERE listed > 0 GROUP BY 1, 2, 3, 4;

CREATE TRIGGER ticket_counted AFTER INSERT ON ticket WHEN new.listed > 0 BEGIN
  INSERT INTO ticket_count (tenant_id, listed, organisation, contact, n)
    VALUES (new.tenant_id, new.listed, coalesce(new.organisation, x''),
      CASE WHEN new.organisation IS NULL THEN coalesce(new.contact, x'') ELSE x'' END, 1)
    ON CONFLICT (tenant_id, listed, organisation, contact) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER ticket_counted_anew AFTER UPDATE OF listed, organisation, contact ON ticket
  WHEN old.listed IS NOT new.listed OR old.organisation IS NOT new.organisation OR old.contact IS NOT new.contact BEGIN
  UPDATE ticket_count SET n = n - 1 WHERE old.listed > 0 AND tenant_id = old.tenant_id AND listed = old.listed
    AND organisation = coalesce(old.organisation, x'')
    AND contact = CASE WHEN old.organisation IS NULL THEN coalesce(old.contact, x'') ELSE x'' END;
  INSERT INTO ticket_count (tenant_id, listed, organisation, contact, n)
    SELECT new.tenant_id, new.listed, coalesce(new.organisation, x''),
      CASE WHEN new.organisation IS NULL THEN coalesce(new.contact, x'') ELSE x'' END, 1 WHERE new.listed > 0
    ON CONFLICT (tenant_id, listed, organisation, contact) DO UPDATE SET n = n + 1;
END;
