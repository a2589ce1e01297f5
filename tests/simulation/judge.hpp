// The judge of a run: what must be true of the ledger and of every copy, told without the product's ledger code. The
// numbers are those of docs/reliability.md; those of World (world_invariants.cpp) were asked before.
#pragma once

#include "simulation/run.hpp"

namespace tern::test {

/// Need not come to rest: its key is revoked or frozen on the server.
bool excused(Run& run, Device& device);

/// Complains to the run's world.
void judge_history(Run& run);

}  // namespace tern::test
