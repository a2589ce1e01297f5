// What to tell a person about an answer that proves nothing: a captive portal, a proxy, a server in trouble.
#pragma once

#include <optional>
#include <string>

#include "tern/client/transport.hpp"
#include "tern/protocol/error.hpp"

namespace tern::client {

/// The RFC 9457 problem in an answer's body. Nothing when the body is none.
struct ProblemRead {
  std::string code;
  std::string detail;  // detail, else title
  std::string field;
};
std::optional<ProblemRead> read_problem(const HttpAnswer& answer);

/// One sentence for an answer that nothing vouches for. Always a network fault (`no_connection`), whatever its status
/// says: nothing else may be concluded from it.
Error unproven_answer(const HttpAnswer& answer);

/// A refusal by a server that has no way to prove itself yet (enrolment, handshake): its code when it is one that may
/// come there, else as `unproven_answer`. Good for a sentence and an exit code; nothing is discarded because of it.
Error refusal(const HttpAnswer& answer);

/// Seconds the answer asks to wait, in ms, at most `ms_max`; 0 when it does not ask.
std::int64_t retry_after_ms(const HttpAnswer& answer, std::int64_t ms_max);

}  // namespace tern::client
