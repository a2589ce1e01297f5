// The sync engine: a pure state machine. Requests come out, answers go in; it never blocks, sleeps or opens a socket.
// Source: protocol.md "Sessions", "Exchange"; fold.md "Optimistic state".
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tern/client/transport.hpp"
#include "tern/protocol/error.hpp"

namespace tern::client {

/// What to do next.
struct EngineStep {
  enum class Kind : std::uint8_t {
    send,        // send `request`, then on_answer
    apply,       // call apply_slice: rows of a received page wait
    wait,        // nothing before boot clock `wake_at_boot_ms` (back-off), or until work is saved
    done,        // everything sent, everything applied, up to date as of the server's head
    send_ahead,  // send `request`; its answer is for the `fetch` step, if that comes
    fetch,       // on_answer with the answer to the last `send_ahead`
  };
  Kind kind = Kind::done;
  HttpRequest request;
  std::int64_t wake_at_boot_ms = 0;
  std::optional<Error> reason;  // of a wait: the fault behind it
};

struct EngineReport {
  std::uint64_t sets_sent = 0, changes_sent = 0, receipts = 0, amendments = 0, patches = 0, exchanges = 0, bytes_up = 0,
                bytes_down = 0;
  std::uint64_t scope_repairs = 0, own_folds_failed = 0;
  std::uint64_t files_sent = 0, files_fetched = 0;
  std::uint64_t file_bytes_done = 0, file_bytes_due = 0;  // of what this round carries
  bool first_replica = false;
  std::uint64_t tickets_held = 0, tickets_in_scope = 0;
};

class SyncEngine {
public:
  virtual ~SyncEngine() = default;

  /// Starts a round: seals the open set, and goes on until `done` or `wait`. Harmless while one runs or waits.
  virtual void start_round() = 0;
  /// Ends a back-off: a person asks, or the network is said to be back.
  virtual void retry_now() = 0;
  /// From now on a page of the first download is asked for while the one before is applied: steps `send_ahead` and
  /// `fetch`. Off unless the driver can do so.
  virtual void send_ahead(bool on) = 0;
  /// Asked again before on_answer, a `send` step goes out anew: the answer to the first is then refused.
  virtual EngineStep next() = 0;
  /// The answer to the request of the last `send` step. Whatever it is, outbox and cursor stay as they were unless it
  /// is proven to come from the enrolled server and to answer that request. Returns the one clear sentence of a fault.
  virtual Result<void> on_answer(const Result<HttpAnswer>& answer) = 0;
  /// Applies at most `row_budget` rows of the received page in one transaction. True while more wait. Work that was
  /// saved in between is sealed first. After an error the page is fetched again by a later round.
  virtual Result<bool> apply_slice(std::size_t row_budget) = 0;

  /// Headers for the upgrade of GET /sync/v1/stream under the running session; nothing without a session.
  virtual std::optional<HttpRequest> stream_upgrade() = 0;
  /// The upgrade's answer headers (status 101). Starts a round, which then travels on the stream: `next` gives no
  /// `send` while the stream is open. Error: not the enrolled server.
  virtual Result<void> on_stream_open(const HttpAnswer& answer) = 0;
  /// A whole binary message. Pushed patches wait for `apply` steps. Any error but one of the answer's own content
  /// (`mac_invalid`, `replayed`, `malformed`, `too_large`) leaves the stream open; after those, close it.
  virtual Result<void> on_stream_message(ByteView message) = 0;
  /// The next message to send on the stream, if any: ask after start_round, on_stream_message and the last apply_slice.
  virtual std::optional<Bytes> next_stream_message() = 0;
  virtual void on_stream_closed() = 0;
  /// The request on the stream has waited too long for its answer (15 s, and a second for every 8 KiB that it is long):
  /// where nothing else is heard either, the line has fallen silent. Close the stream and sync anew.
  [[nodiscard]] virtual bool stream_answer_is_overdue() const = 0;

  /// Content of attachments is on its way, by `next` and on_answer also while the stream is open.
  [[nodiscard]] virtual bool files_under_way() const = 0;

  /// The server has proven that this device's key has ended, and everything that it had is handed in: there is nothing
  /// to come back for.
  [[nodiscard]] virtual bool is_over() const = 0;

  virtual const EngineReport& report() const = 0;

  /// Drives a whole round over a blocking transport; what `tern sync` and the replay call. Does not wait out a
  /// back-off. Returns when done; `no_connection` and the like when the round could not complete (work is saved).
  Result<EngineReport> run_round(Transport& transport, std::size_t row_budget = 2000);
};

}  // namespace tern::client
