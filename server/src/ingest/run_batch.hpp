// One batch of the server's own making, from begin to commit.
#pragma once

#include "route.hpp"

namespace tern::server {

/// `work` decides inside the batch; any error undoes all of it and is passed on. What `work` gives gets the notice of
/// the commit when it has a place for it.
template <typename Work>
auto run_batch(Tenant& tenant, Work work) -> decltype(work(std::declval<Batch&>())) {
  const auto strand = tenant.lock_writer();
  Batch batch(tenant);
  if (auto begun = batch.begin(); !begun) {
    note_failure(tenant, begun.error());
    return tl::unexpected(std::move(begun).error());
  }
  auto result = work(batch);
  if (!result) {
    note_failure(tenant, result.error());
    return result;
  }
  if (auto routed = route_noted(batch); !routed) {
    note_failure(tenant, routed.error());
    return tl::unexpected(std::move(routed).error());
  }
  auto notice = batch.finish();
  if (!notice) {
    note_failure(tenant, notice.error());
    return tl::unexpected(std::move(notice).error());
  }
  if constexpr (requires { result->notice; }) {
    result->notice = std::move(*notice);
  } else if constexpr (requires { result->commit.notice; }) {
    result->commit.notice = std::move(*notice);
  } else if constexpr (requires { (*result)->notice; }) {
    if (*result) (*result)->notice = std::move(*notice);
  }
  return result;
}

}  // namespace tern::server
