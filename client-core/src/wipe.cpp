#include "wipe.hpp"

#include "exchange/sync_state.hpp"

namespace tern::client {

Result<void> check_not_wiped(const Wipe* wipe, Outbox& outbox) {
  if (wipe == nullptr || !wipe->obeyed) return {};
  const auto state = load_sync_state(outbox);
  const Error handed_in = wiped_error(true);
  return tl::unexpected(state && state->paused == handed_in.message ? handed_in : wiped_error());
}

}  // namespace tern::client
