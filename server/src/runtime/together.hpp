// One piece of work on several threads.
#pragma once

#include <cstddef>
#include <functional>

namespace tern::server {

/// Runs a task on another thread: soon, late, or not at all.
using RunElsewhere = std::function<void(std::function<void()>)>;

/// Calls `part(i)` for each i below `count`, in about this order, on the caller's thread and on up to `helpers` others,
/// no more than there are processors; returns when each has ended. It waits for no task that has not begun, so callers
/// may be tasks of the same threads. A part that throws ends alone: the caller sees by what it left.
void work_together(std::size_t count, std::size_t helpers, const RunElsewhere& elsewhere,
                   std::function<void(std::size_t)> part);

}  // namespace tern::server
