// Who runs commits: at once in the caller's thread, or grouped on one strand per tenant.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "ingest.hpp"

namespace tern::server {

class Committer {
public:
  virtual ~Committer() = default;
  /// Blocks until the batch that held this push has been committed (or failed). Thread-safe.
  virtual Result<PushAnswer> commit(Tenant& tenant, VerifiedPush push) = 0;
  /// The same without waiting, for a push that is yet to be verified: `verify` is called once, before this returns;
  /// `done` once with what `commit` would have given, before this returns or later on the committer's own thread, which
  /// must not be kept. Thread-safe.
  virtual void commit_later(Tenant& tenant, const std::function<VerifiedPush()>& verify,
                            std::function<void(Result<PushAnswer>)> done) {
    done(commit(tenant, verify()));
  }
  /// Runs `work` on the tenant's committer strand, between batches; blocks until it is done. Thread-safe; not from
  /// inside other work of the same tenant.
  virtual void run(Tenant& tenant, const std::function<void()>& work) = 0;
  /// Called on the strand after each commit that changed something, those made inside `run` too. Set before the first
  /// call of the others; must not commit itself.
  std::function<void(Tenant&, const CommitNotice&)> on_commit;
};

/// Commits at once under the tenant's writer lock. For tests, the replay and the command line.
std::unique_ptr<Committer> make_inline_committer();
/// How long a small batch waits for pushes that are being verified: about what a commit costs on a quick disk.
inline constexpr std::chrono::microseconds batch_wait{1'000};

/// One strand per tenant on a pool of min(cores, 4) threads; everything that waits is one batch. server/src/runtime.
/// Ends what was begun when it is destroyed. `busy` when the system gives no threads.
Result<std::unique_ptr<Committer>> make_group_committer(unsigned threads, std::chrono::microseconds wait = batch_wait);

}  // namespace tern::server
