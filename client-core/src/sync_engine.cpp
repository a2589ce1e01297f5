#include "tern/client/sync_engine.hpp"

#include <utility>

namespace tern::client {

Result<EngineReport> SyncEngine::run_round(Transport& transport, std::size_t row_budget) {
  retry_now();
  start_round();
  send_ahead(true);
  Error last{ErrorCode::no_connection, "Syncing waits.", "Your work is saved here and is sent later.", {}};
  for (;;) {
    EngineStep step = next();
    switch (step.kind) {
      case EngineStep::Kind::done:
        return report();
      case EngineStep::Kind::wait:
        return tl::unexpected(step.reason ? std::move(*step.reason) : std::move(last));
      case EngineStep::Kind::send_ahead:
        transport.send_ahead(step.request);
        break;
      case EngineStep::Kind::send:
      case EngineStep::Kind::fetch: {
        const bool fetch = step.kind == EngineStep::Kind::fetch;
        const Result<HttpAnswer> answer = fetch ? transport.fetch() : transport.send(step.request);
        if (auto taken = on_answer(answer); !taken) last = std::move(taken).error();
        break;
      }
      case EngineStep::Kind::apply: {
        if (auto applied = apply_slice(row_budget); !applied) last = std::move(applied).error();
        break;
      }
    }
  }
}

}  // namespace tern::client
