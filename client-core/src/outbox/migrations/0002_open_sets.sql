-- Sets without a receipt, found and counted without reading those that have one.
CREATE INDEX change_set_open ON change_set (device_epoch, chain_seq, change_count, first_position) WHERE commit_seq = 0;
