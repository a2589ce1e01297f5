// One exchange: sets up, receipts and patches down. Source: protocol.md "Exchange".
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "access/sessions.hpp"
#include "exchange/digest_cache.hpp"
#include "exchange/page_plan.hpp"
#include "ingest/committer.hpp"
#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"

namespace tern::v1 {
class ExchangeRequest;
class ExchangeResponse;
}  // namespace tern::v1

namespace tern::server {

struct ExchangeCounters {
  std::atomic<std::uint64_t> exchanges{0}, sets_received{0}, patches_sent{0}, digest_checkpoints{0}, bucket_repairs{0},
      errors{0};
};

/// What a replica has.
struct ReplicaPlace {
  std::uint64_t commit_seq = 0;         // 0: not known
  std::optional<std::uint64_t> clocks;  // nothing: it takes none
  bool operator==(const ReplicaPlace&) const = default;
};

/// Thread-safe.
class ExchangeService {
public:
  /// References outlive it.
  explicit ExchangeService(Committer& committer) : committer_(&committer) {}
  void use_committer(Committer& committer) { committer_ = &committer; }
  /// Where answers are made once their commit returned. Without it `answer_later` waits for the commit.
  void use_executor(std::function<void(std::function<void()>)> run_later) { run_later_ = std::move(run_later); }

  /// `message`: an ExchangeRequest, uncompressed; the answer is an ExchangeResponse, uncompressed. What goes wrong with
  /// the sets or the history is inside the answer (SyncErrorMessage). Errors: `malformed`, `too_large` (the message is
  /// none, or over a limit), `busy`, `storage_full`, `storage_failed` (nothing was stored).
  Result<Bytes> answer(Session& session, ByteView message);
  /// The same, giving the thread back while the commit is under way, so that many can wait for one: `done` is called
  /// once, before this returns or on the executor; not at all when that drops it.
  void answer_later(const std::shared_ptr<Session>& session, ByteView message, std::function<void(Result<Bytes>)> done);
  /// The same, with where the replica stands once it has applied the answer.
  struct Answered {
    Bytes response;
    ReplicaPlace reached;
  };
  Result<Answered> answer_on_stream(Session& session, ByteView message);

  /// Patches for a replica that stands at `base` of this epoch, with the records and clocks that are new since, as a
  /// push; nothing when there is nothing. `reached`: where the replica stands afterwards; zero when there is too much
  /// for a push, which then only says so: the device asks.
  struct Pushed {
    Bytes response;
    ReplicaPlace reached;
  };
  Result<std::optional<Pushed>> push(Session& session, const ReplicaPlace& base);

  [[nodiscard]] const ExchangeCounters& counters() const { return counters_; }

  /// A session pushed a set of another organisation, author or device. From any thread.
  std::function<void(const Session& session, ErrorCode code)> on_foreign_set;
  /// A device proved that this tenant's files are old ones. Once, for no other exchange gets that far. From any thread.
  std::function<void(const Session& session)> on_newer_history;

private:
  static Pushed hint_of(Tenant& tenant, std::uint64_t newest_seq);

  struct Asked;
  Result<std::unique_ptr<Asked>> begin(Session& session, ByteView message);
  VerifiedPush verified_push(Asked& asked);
  void take_push_answer(Asked& asked, PushAnswer answer);
  Result<void> add_history(Asked& asked);
  Result<void> add_own_sets(Asked& asked, sqlite::Database& db);
  static bool add_receipt(Asked& asked, Bytes receipt);
  Result<PageEnd> write_tickets(Asked& asked, sqlite::Database& db, PageRequest& page);
  Result<void> take_copies(Asked& asked);
  Result<void> add_buckets(Asked& asked, sqlite::Database& db);
  Result<void> add_held(Asked& asked, sqlite::Database& db);
  Result<void> add_epochs(Asked& asked, sqlite::Database& db);
  static Result<bool> add_clocks(Asked& asked, sqlite::Database& db, std::size_t want, bool tickets_left);
  Result<void> pull(Asked& asked, sqlite::Database& db);
  Result<Answered> build(Asked& asked);
  bool refuse_history(Asked& asked);
  bool shows_newer_history(const Asked& asked);

  Committer* committer_;
  std::function<void(std::function<void()>)> run_later_;
  DigestCache digests_;
  ExchangeCounters counters_;
};

}  // namespace tern::server
