// What streams cost that say nothing: the server in one process, the devices' ends in this one.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <thread>

#include "child_server.hpp"
#include "unit/edge/test_certificate.hpp"
#include "works.hpp"

namespace tern::bench {
namespace {

constexpr double threads_max = 16, kib_per_stream_max = 4;
constexpr std::size_t reader = 19;         // Desk::reader_name
constexpr std::size_t warm_streams = 100;  // counted before the first look at the memory
constexpr std::size_t answer_pings_every = 500;
constexpr auto rest = std::chrono::seconds(3);

/// Open streams of one device's session. The engine speaks for the newest; the others only answer pings.
class IdleStreams {
public:
  IdleStreams(client::SyncEngine& engine, client::HttpTransport& transport) : engine_(engine), transport_(transport) {}

  Result<void> open_until(std::size_t count) {
    while (streams_.size() < count) {
      TERN_TRY(auto stream, open_stream(engine_, transport_));
      streams_.push_back(std::move(stream));
      if (streams_.size() % answer_pings_every == 0) TERN_CHECKED(answer_pings());
    }
    return answer_pings();
  }
  Result<void> answer_pings() {
    for (const auto& stream : streams_) TERN_CHECKED(stream->receive(0));
    return {};
  }

private:
  client::SyncEngine& engine_;
  client::HttpTransport& transport_;
  std::vector<std::unique_ptr<client::StreamConnection>> streams_;
};

struct IdleUse {
  double kib_per_stream = 0, threads = 0, whole_mib = 0;
};

Result<IdleUse> measure(const fleet::ChildServer& server, const std::string& home, const std::string& ca_file,
                        Environment& environment, std::size_t count) {
  BenchDevice device;
  client::ClientOptions options;
  options.home = home;
  TERN_TRY(device.client, client::Client::open(options, environment));
  TERN_TRY(device.transport, connect(server.first_line(), ca_file));
  TERN_CHECKED(device.sync());
  IdleStreams streams(device.client->engine(), *device.transport);
  TERN_CHECKED(streams.open_until(std::min(warm_streams, count / 2)));
  TERN_TRY(const fleet::ProcessUse before, server.use());
  TERN_CHECKED(streams.open_until(count));
  std::this_thread::sleep_for(rest);
  TERN_CHECKED(streams.answer_pings());
  TERN_TRY(const fleet::ProcessUse after, server.use());
  const auto more = static_cast<double>(count - std::min(warm_streams, count / 2));
  return IdleUse{(static_cast<double>(after.anonymous_kib) - static_cast<double>(before.anonymous_kib)) / more,
                 static_cast<double>(after.threads), static_cast<double>(after.anonymous_kib) / 1024};
}

void add_rows(Report& report, const std::string& suffix, const std::string& what, std::size_t count, const IdleUse& use,
              bool with_goals) {
  Row memory;
  memory.name = "idle" + suffix;
  memory.title = fmt::format("user memory of the server for each of {} idle streams, {}", count, what);
  memory.value = use.kib_per_stream;
  memory.unit = "KiB";
  if (with_goals) memory.goal = kib_per_stream_max;
  memory.goal_of = GoalOf::value;
  memory.detail = Json::object({{"server_mib", Json(rounded(use.whole_mib))}});
  report.add(std::move(memory));
  Row threads;
  threads.name = "idle_threads" + suffix;
  threads.title = fmt::format("threads of the server with {} idle streams, {}", count, what);
  threads.value = use.threads;
  threads.unit = "threads";
  if (with_goals) threads.goal = threads_max;
  threads.goal_of = GoalOf::value;
  report.add(std::move(threads));
}

Result<IdleUse> measure_with(Desk& desk, const std::string& program, const test::TestCertificate* certificate,
                             std::size_t count) {
  const auto world = desk.copy_of_server();
  const std::string home = world->path("reader");
  {
    TERN_TRY(auto server, RunningServer::start(world->path(Desk::server_home), desk.environment()));
    TERN_CHECKED(enrol_device(*server, Desk::reader_name(reader), false, home, desk.environment()));
  }
  std::vector<std::string> arguments = {"--serve-idle", world->path(Desk::server_home), "--clock-offset",
                                        std::to_string(desk.environment().offset_ms())};
  if (certificate != nullptr)
    arguments.insert(arguments.end(),
                     {"--tls-cert", certificate->certificate_file(), "--tls-key", certificate->key_file()});
  TERN_TRY(const auto server, fleet::ChildServer::start(program, arguments));
  return measure(*server, home, certificate != nullptr ? certificate->certificate_file() : "", desk.environment(),
                 count);
}

}  // namespace

Result<void> measure_idle_streams(Desk& desk, Report& report, const std::string& program) {
  if (!report.wants("idle")) return {};
  TERN_CHECKED(desk.prepare());
  const std::uint64_t descriptors = server::raise_descriptor_limit();
  const std::size_t wanted = desk.options().idle_streams != 0 ? desk.options().idle_streams
                             : desk.options().quick           ? 500
                                                              : 10'000;
  const std::size_t count = std::min<std::size_t>(wanted, static_cast<std::size_t>(descriptors) - 200);
  say(fmt::format("opening {} streams ...", count));
  TERN_TRY(const IdleUse plain, measure_with(desk, program, nullptr, count));
  add_rows(report, "", "plain TCP", count, plain, true);
  const test::TestCertificate certificate;
  const std::size_t tls_count = std::max<std::size_t>(count / 5, 200);
  TERN_TRY(const IdleUse tls, measure_with(desk, program, &certificate, tls_count));
  add_rows(report, "_tls", "TLS", tls_count, tls, false);
  return {};
}

Result<void> serve_idle_streams(const std::string& directory, const std::int64_t clock_offset_ms, const TlsFiles& tls) {
  server::raise_descriptor_limit();
  BenchEnvironment environment(static_cast<std::uint64_t>(::getpid()), clock_offset_ms);
  TERN_TRY(const auto server, RunningServer::start(directory, environment, tls));
  std::printf("%s\n", server->url().c_str());
  std::fflush(stdout);
  for (char c = 0; ::read(STDIN_FILENO, &c, 1) == 1;) {
  }
  return {};
}

}  // namespace tern::bench
