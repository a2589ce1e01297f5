// Group commit: what waits for a tenant while one batch is being written is the next batch, so that an fsync is paid by
// the batch and not by the device. The only threads of ingest.
#include <algorithm>
#include <condition_variable>
#include <deque>
#include <future>
#include <thread>

#include "ingest/committer.hpp"
#include "ingest/notices.hpp"
#include "runtime/thread.hpp"

namespace tern::server {
namespace {

// A batch holds readers' checkpoints up and everybody in it waits for the last: some tens of milliseconds of work.
constexpr std::size_t changes_per_batch_max = 4'000;

// With fewer, the fsync is most of what a batch costs, and waiting for another push saves more than it takes.
constexpr std::size_t changes_worth_an_fsync = 64;

struct Waiting {
  VerifiedPush push;
  std::function<void(Result<PushAnswer>)> done;
};

struct Work {
  std::function<void()> work;
  std::promise<void> done;
};

/// What waits for one tenant. At most one thread works on it at a time.
struct Strand {
  explicit Strand(Tenant& t) : tenant(t) {}
  Tenant& tenant;
  std::deque<Waiting> pushes;
  std::deque<Work> works;
  std::size_t changes = 0;    // in the pushes
  std::size_t verifying = 0;  // pushes that will be here soon
  bool queued = false;        // among the ready ones, or being worked on
};

std::size_t change_count(const VerifiedPush& push) {
  std::size_t count = 1;
  for (const auto& changes : push.changes) count += changes.size();
  return count;
}

class GroupCommitter final : public Committer {
public:
  explicit GroupCommitter(std::chrono::microseconds wait) : wait_(wait) {}

  Result<void> start(unsigned threads) {
    for (unsigned i = 0; i < std::clamp(threads, 1U, 4U); ++i) {
      TERN_TRY(std::thread thread, start_thread([this] { serve(); }));
      threads_.push_back(std::move(thread));
    }
    return {};
  }

  ~GroupCommitter() override {
    {
      std::lock_guard lock(mutex_);
      ending_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  Result<PushAnswer> commit(Tenant& tenant, VerifiedPush push) override {
    std::promise<Result<PushAnswer>> promise;
    enqueue(tenant, {std::move(push), [&](Result<PushAnswer> answer) { promise.set_value(std::move(answer)); }});
    return promise.get_future().get();
  }

  void commit_later(Tenant& tenant, const std::function<VerifiedPush()>& verify,
                    std::function<void(Result<PushAnswer>)> done) override {
    const Verifying verifying(*this, tenant);
    enqueue(tenant, {verify(), std::move(done)});
  }

  void run(Tenant& tenant, const std::function<void()>& work) override {
    Work waiting{work, {}};
    std::future<void> done = waiting.done.get_future();
    put(tenant, [&](Strand& strand) { strand.works.push_back(std::move(waiting)); });
    done.get();
  }

private:
  /// While it lives, a small batch of the tenant waits a moment. The push is enqueued before it ends.
  struct Verifying {
    Verifying(GroupCommitter& all, Tenant& of) : committer(all), tenant(of) {
      const std::lock_guard lock(committer.mutex_);
      ++committer.strand_of(tenant).verifying;
    }
    ~Verifying() {
      {
        const std::lock_guard lock(committer.mutex_);
        Strand& strand = committer.strand_of(tenant);
        --strand.verifying;
        committer.forget_idle(strand);
      }
      committer.arrived_.notify_all();
    }
    Verifying(const Verifying&) = delete;
    Verifying& operator=(const Verifying&) = delete;
    GroupCommitter& committer;
    Tenant& tenant;
  };

  void enqueue(Tenant& tenant, Waiting waiting) {
    const std::size_t changes = change_count(waiting.push);
    put(tenant, [&](Strand& strand) {
      strand.changes += changes;
      strand.pushes.push_back(std::move(waiting));
    });
  }

  template <typename Put>
  void put(Tenant& tenant, Put put) {
    {
      std::lock_guard lock(mutex_);
      Strand& strand = strand_of(tenant);
      put(strand);
      if (strand.queued) return;
      strand.queued = true;
      ready_.push_back(&strand);
    }
    wake_.notify_one();
  }

  /// Mutex held.
  Strand& strand_of(Tenant& tenant) {
    std::unique_ptr<Strand>& strand = strands_[&tenant];
    if (!strand) strand = std::make_unique<Strand>(tenant);
    return *strand;
  }

  /// Mutex held. A strand that nobody needs is forgotten: its tenant may be closed after this.
  void forget_idle(Strand& strand) {
    if (!strand.queued && strand.verifying == 0) strands_.erase(&strand.tenant);
  }

  void serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return ending_ || !ready_.empty(); });
      if (ready_.empty()) return;
      Strand& strand = *ready_.front();
      ready_.pop_front();
      arrived_.wait_for(lock, wait_, [&] { return ending_ || !may_grow(strand); });
      std::deque<Work> works = std::exchange(strand.works, {});
      std::vector<Waiting> batch = next_batch(strand);
      lock.unlock();
      auto results = work_on(strand.tenant, works, batch);
      lock.lock();
      rest(strand);
      lock.unlock();
      // Told last: whoever hears it may close the tenant.
      answer(results, batch);
      for (Work& work : works) work.done.set_value();
      lock.lock();
    }
  }

  static bool may_grow(const Strand& strand) {
    return strand.verifying > 0 && !strand.pushes.empty() && strand.works.empty() &&
           strand.changes < changes_worth_an_fsync;
  }

  /// Mutex held.
  void rest(Strand& strand) {
    strand.queued = !strand.pushes.empty() || !strand.works.empty();
    if (!strand.queued) return forget_idle(strand);
    ready_.push_back(&strand);
    wake_.notify_one();
  }

  static std::vector<Waiting> next_batch(Strand& strand) {
    std::vector<Waiting> batch;
    std::size_t changes = 0;
    while (!strand.pushes.empty()) {
      const std::size_t more = change_count(strand.pushes.front().push);
      if (!batch.empty() && changes + more > changes_per_batch_max) break;
      changes += more;
      strand.changes -= more;
      batch.push_back(std::move(strand.pushes.front()));
      strand.pushes.pop_front();
    }
    return batch;
  }

  Result<BatchResult> work_on(Tenant& tenant, std::deque<Work>& works, std::vector<Waiting>& batch) {
    ListeningStrand strand(tenant, on_commit);
    Result<BatchResult> result;
    if (!batch.empty()) {
      std::vector<VerifiedPush> pushes;
      pushes.reserve(batch.size());
      for (Waiting& waiting : batch) pushes.push_back(std::move(waiting.push));
      result = commit_batch(tenant, pushes);
      strand.tell();
    }
    for (Work& work : works) {
      work.work();
      strand.tell();
    }
    return result;
  }

  static void answer(Result<BatchResult>& result, std::vector<Waiting>& batch) {
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (result) {
        batch[i].done(std::move(result->answers[i]));
      } else {
        batch[i].done(tl::unexpected(result.error()));
      }
    }
  }

  std::mutex mutex_;
  const std::chrono::microseconds wait_;
  std::condition_variable wake_;
  std::condition_variable arrived_;  // a push was verified
  std::unordered_map<Tenant*, std::unique_ptr<Strand>> strands_;
  std::deque<Strand*> ready_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

Result<std::unique_ptr<Committer>> make_group_committer(unsigned threads, std::chrono::microseconds wait) {
  auto committer = std::make_unique<GroupCommitter>(wait);
  TERN_CHECKED(committer->start(threads));
  return std::unique_ptr<Committer>(std::move(committer));
}

}  // namespace tern::server
