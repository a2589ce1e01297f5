// What a device asks, as it came.
#pragma once

#include <memory>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"

namespace tern::v1 {
class ExchangeRequest;
}

namespace tern::server {

/// Within all limits; `malformed` or `too_large` otherwise, at once and without memory for what is over them.
Result<std::unique_ptr<v1::ExchangeRequest>> parse_request(ByteView message);

/// Whether an encoded ExchangeRequest says that its answer may be packed against it.
bool takes_packing_against(ByteView request);

}  // namespace tern::server
