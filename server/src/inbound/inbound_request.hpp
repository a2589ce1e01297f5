// A request of somebody else's program: read, bounded, and without what nobody else may read.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "desk/outgoing_settings.hpp"
#include "inbound/inbound_hook.hpp"
#include "tern/protocol/json.hpp"
#include "tern/server/http.hpp"

namespace tern::server {

inline constexpr std::uint64_t inbound_body_bytes_max = 1024 * 1024;  // with the files of a mail, which are not taken
inline constexpr std::size_t inbound_kept_bytes_max = 32 * 1024;
inline constexpr std::size_t inbound_secret_bytes_min = 8;  // one that is shorter is guessed, and proves nothing
inline constexpr std::string_view inbound_hidden = "***";   // in the place of what is not kept

struct InboundRequest {
  Bytes body;                                  // as it came
  Json payload;                                // an object: JSON, or the fields of a form
  std::vector<std::string> files;              // names of files that came with it
  std::map<std::string, std::string> headers;  // by name in lower case
  Hash digest;                                 // of the body
  std::optional<Hash> event;                   // of one out of the log: as it is called there
};

/// Its body, digest and headers; nothing of it is parsed. `too_large`.
Result<InboundRequest> receive_inbound(const Request& request);
/// Its payload and files: `malformed` for what is neither a JSON object nor a form; else as parse_json.
Result<void> parse_inbound(const Request& request, InboundRequest& out);

/// What proves its sender may stand in the payload; else it is shown before anything is parsed.
bool is_proven_inside(const InboundHook& hook);

/// Whether the request shows that its sender knows the secret of the hook, or for a while the one before. `now_ms`: of
/// the wall, for signatures that say when they were made.
bool proves_sender(const InboundHook& hook, const HookSecrets& secrets, const InboundRequest& request,
                   std::int64_t now_ms);

/// The payload as it may be kept: what is called like a secret, and every text, number and name with one of the hook's
/// own, is "***". Empty when it is too large to keep.
std::string without_secrets(const Json& payload, const HookSecrets& secrets);

}  // namespace tern::server
