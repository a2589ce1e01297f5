// What cannot be answered by a receipt, as it travels. Codes and retries: reliability.md part 5, rows 30 to 45;
// docs/protocol.md.
#pragma once

#include <string_view>

#include "ingest/ingest.hpp"
#include "tern/protocol/error.hpp"

namespace tern::v1 {
class SyncErrorMessage;
}

namespace tern::server {

/// NEVER, LATER, REBASE, REAUTH or UPGRADE: what the device does about it.
std::string_view retry_of(ErrorCode code);
void write_error(const Error& error, v1::SyncErrorMessage& out);
void write_fault(const PushFault& fault, v1::SyncErrorMessage& out);

}  // namespace tern::server
