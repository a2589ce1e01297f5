// What both committers do around their commits: listen to what happens, and tell it afterwards.
#pragma once

#include <functional>
#include <mutex>
#include <utility>

#include "store/tenant_internals.hpp"

namespace tern::server {

/// The strand of a tenant while a committer works on it. Commits made meanwhile are told by `tell`, those made by
/// others are not this committer's.
class ListeningStrand {
public:
  ListeningStrand(Tenant& tenant, const std::function<void(Tenant&, const CommitNotice&)>& on_commit)
      : tenant_(tenant), on_commit_(on_commit), strand_(tenant.lock_writer()) {
    tenant_.internals().listening = true;
  }
  ~ListeningStrand() { tenant_.internals().listening = false; }
  ListeningStrand(const ListeningStrand&) = delete;
  ListeningStrand& operator=(const ListeningStrand&) = delete;

  void tell() {
    const std::vector<CommitNotice> notices = std::exchange(tenant_.internals().notices, {});
    if (!on_commit_) return;
    for (const CommitNotice& notice : notices) on_commit_(tenant_, notice);
  }

private:
  Tenant& tenant_;
  const std::function<void(Tenant&, const CommitNotice&)>& on_commit_;
  std::unique_lock<std::recursive_mutex> strand_;
};

}  // namespace tern::server
