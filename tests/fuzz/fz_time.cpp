// Times that people, logs and clocks write: what reads is written and read back the same, nothing overflows, and
// trusted time stays in its window whatever clocks claim.
//
// Input: an instant (8 bytes), seven more of a device's and a server's clocks (8 each), then a text.
#include <limits>

#include "fuzz/fuzz_input.hpp"
#include "tern/server/incident_log.hpp"
#include "tern/sync/trusted_time.hpp"
#include "time_text.hpp"
#include "views/time_text.hpp"

namespace tern::fz_time {

namespace {

constexpr std::int64_t year_0_ms = -62'167'219'200'000, year_9999_ms = 253'402'300'799'999;

std::int64_t instant(fuzz::Input& input) {
  std::uint64_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 16 | input.u16();
  return static_cast<std::int64_t>(value);
}

void instant_is_stable(std::int64_t ms) {
  const std::string text = client::rfc3339(ms);
  check(text.size() == 24, "an instant has one form");
  if (ms >= year_0_ms && ms <= year_9999_ms) {
    const auto read = apps::parse_time(text, "field");
    if (client::year_of(ms) >= 1970)
      check(read && *read == ms - ms % 1000, "an instant survives its text, to the second");
  }
  static_cast<void>(client::clock_text(ms, 0));
  static_cast<void>(apps::local_minute(ms));
}

void text_is_an_instant_or_not(std::string_view text) {
  if (const auto read = apps::parse_time(text, "field")) {
    const auto again = apps::parse_time(client::rfc3339(*read), "field");
    check(again && *again == *read, "what reads is written and read back the same");
  } else {
    check(read.error().code == ErrorCode::invalid, "what is no time is invalid");
    check(read.error().field == "field", "and says where");
  }
  if (const auto read = server::parse_log_time(text)) {
    check(*read >= 0 && *read <= year_9999_ms, "a log's time is in the calendar");
    check(*read % 60'000 == 0, "a log's time is a minute");
  }
}

/// Whatever clocks claim, and whatever was stored before.
void trusted_is_in_its_window(fuzz::Input& input) {
  sync::SetEvidence set;
  set.anchor_ms = instant(input);
  set.received_ms = instant(input);
  set.previous_lo_ms = instant(input);
  set.mono_ms = static_cast<std::uint64_t>(instant(input));
  sync::ChangeEvidence change;
  change.wall_ms = instant(input);
  change.seen_commit_ms = instant(input);
  change.previous_effective_ms = instant(input);
  const sync::TrustedTime time = sync::trusted_time(set, change);
  check(time.lo_ms <= time.hi_ms, "a window has a beginning and an end");
}

void server_time_never_goes_back(fuzz::Input& input) {
  sync::ServerClock clock(instant(input));
  for (std::int64_t last = clock.last_issued_ms(); !input.rest().empty();) {
    const std::int64_t wall_ms = instant(input), mono_ms = instant(input);
    const std::int64_t now = clock.now(wall_ms, mono_ms);
    check(now >= last, "issued time never goes back");
    last = now;
    if (wall_ms % 3 == 0) clock.accept(wall_ms, mono_ms);
  }
}

}  // namespace

TERN_FUZZ_TARGET(fz_time) {
  fuzz::Input input(data, size_bytes);
  instant_is_stable(instant(input));
  trusted_is_in_its_window(input);
  text_is_an_instant_or_not(input.rest());
  server_time_never_goes_back(input);
  return 0;
}

}  // namespace tern::fz_time
