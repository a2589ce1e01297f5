#include "load/phases.hpp"

namespace tern::fleet {
namespace {

constexpr int pushes = 5;
constexpr double push_p99_ms_max = 500, server_mib_max = 1536;
constexpr std::size_t streams_before_memory = 100;  // warm by then
constexpr auto push_patience = std::chrono::seconds(20);

template <typename Condition>
bool wait_until(Condition&& condition, Clock::time_point end) {
  while (!condition()) {
    if (Clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

double mib(std::uint64_t kib) {
  return static_cast<double>(kib) / 1024;
}

Result<void> open_streams(LoadRun& run, StreamCrowd& crowd, std::size_t count) {
  const std::size_t in_use = std::min(run.devices.size(), std::max<std::size_t>(1, run.options.streams / 8));
  for (std::size_t i = crowd.open(); i < count; ++i) {
    LoadDevice& device = *run.devices[i % in_use];
    TERN_TRY(const auto transport, run.connect());
    if (i < in_use) TERN_CHECKED(device.begin_session(*transport, run.environment));
    TERN_TRY(auto stream, device.open_stream(*transport, run.environment));
    crowd.add(std::move(stream));
    if (!run.has_time()) return fail(ErrorCode::busy, "There was no time to open all streams.");
  }
  if (!wait_until([&] { return crowd.answered() >= count; }, run.ends))
    return fail(ErrorCode::no_connection, "Not every stream was answered.");
  return {};
}

Result<void> push_once(LoadRun& run, StreamCrowd& crowd, const TicketId& ticket, bool first,
                       std::vector<double>& times) {
  LoadDevice& device = *run.devices.back();
  TERN_TRY(const auto transport, run.connect());
  TERN_CHECKED(device.begin_session(*transport, run.environment));
  sync::Change change =
      first ? device.new_ticket(ticket, run.environment) : device.note(ticket, "pushed", run.environment);
  TERN_TRY(const Bytes set, device.seal({std::move(change)}, run.environment));
  v1::ExchangeRequest request = device.request();
  request.add_change_sets(set);
  crowd.expect_push();
  const auto sent = Clock::now();
  TERN_TRY(const auto response, device.exchange(*transport, request, run.environment));
  if (response.has_error()) return fail(ErrorCode::internal, "The push was refused: " + response.error().code());
  const std::size_t wanted = crowd.open();
  wait_until([&] { return crowd.arrivals().size() >= wanted; }, sent + push_patience);
  const auto arrivals = crowd.arrivals();
  run.summary.pushes_missed += wanted - std::min(wanted, arrivals.size());
  for (const auto& at : arrivals) times.push_back(ms_between(sent, at));
  return {};
}

}  // namespace

Result<void> idle_streams(LoadRun& run, const ChildServer& server, StreamCrowd& crowd) {
  LoadSummary& summary = run.summary;
  const std::size_t warm = std::min(streams_before_memory, run.options.streams / 2);
  run.say("opening " + std::to_string(run.options.streams) + " streams");
  const auto began = Clock::now();
  TERN_CHECKED(open_streams(run, crowd, warm));
  TERN_TRY(const ProcessUse before, server.use());
  TERN_CHECKED(open_streams(run, crowd, run.options.streams));
  summary.open_seconds = ms_between(began, Clock::now()) / 1000;
  TERN_TRY(const ProcessUse after, server.use());
  summary.streams = crowd.open();
  summary.server_mib = mib(after.resident_kib);
  const auto more = static_cast<double>(std::max<std::size_t>(1, summary.streams - warm));
  summary.kib_per_stream =
      (static_cast<double>(after.anonymous_kib) - static_cast<double>(before.anonymous_kib)) / more;

  run.say("pushing to them");
  const auto ticket = random_id<TicketId>(run.environment);
  std::vector<double> times;
  for (int i = 0; i < pushes && run.has_time(); ++i) TERN_CHECKED(push_once(run, crowd, ticket, i == 0, times));
  summary.push = times_of(std::move(times));
  if (summary.streams < run.options.streams) run.fails("Streams were closed while they idled.");
  if (summary.server_mib > server_mib_max) run.fails("The server holds more than 1.5 GiB for its streams.");
  if (summary.pushes_missed > 0) run.fails("A push did not reach every stream.");
  if (summary.push.p99 > push_p99_ms_max) run.fails("A push took one stream in a hundred more than 500 ms.");
  return {};
}

}  // namespace tern::fleet
