// A device as its ledger record, and the end of a key: what devices.cpp and forks.cpp share.
#pragma once

#include "batch.hpp"

namespace tern::server {

/// The ledger's entry for a device as its row says: who, which key, in what state.
ServerChange device_record(Batch& batch, const DeviceRow& device, const OperatorId& acting = {});

/// forks.cpp. The device's next certificate, of device epoch `epoch`, and an empty chain under it; the one it had is
/// kept. The caller says so in the ledger and to the device.
Result<void> begin_device_epoch(Batch& batch, DeviceRow& device, std::uint64_t epoch);

/// Ends or freezes a key inside the batch: row, signed statement, ledger record.
Result<Bytes> end_key(Batch& batch, DeviceRow& device, protocol::RevocationReason reason, const OperatorId& acting);

}  // namespace tern::server
