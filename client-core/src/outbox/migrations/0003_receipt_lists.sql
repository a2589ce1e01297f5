-- Receipts as the server signed them: what they prove outlives a restore of the server.
CREATE TABLE receipt_list (
  id INTEGER PRIMARY KEY,
  epoch BLOB NOT NULL,                -- of the server
  wire BLOB NOT NULL                  -- protocol/receipt.hpp: encode(ReceiptList)
);
-- Which sets a list holds a receipt of.
CREATE TABLE receipt_proof (
  set_id INTEGER NOT NULL REFERENCES change_set (id) ON DELETE CASCADE,
  list_id INTEGER NOT NULL,
  PRIMARY KEY (set_id, list_id)
) WITHOUT ROWID;
CREATE INDEX receipt_proof_list ON receipt_proof (list_id);
