-- The change that gave the subject: an order to erase it takes the subject with it, also when the ticket is not here any
-- more. Of labels from before nobody knows that, so they keep the number only.
ALTER TABLE ticket_label ADD COLUMN subject_device BLOB;
ALTER TABLE ticket_label ADD COLUMN subject_change BLOB;
UPDATE ticket_label SET subject = '';
CREATE INDEX ticket_label_by_change ON ticket_label (subject_change, subject_device);
