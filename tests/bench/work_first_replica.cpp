// W1: what a new device waits for. W5 and W6 are weighed on the way.
#include <fmt/format.h>

#include <filesystem>

#include "floors.hpp"
#include "tern/protocol/zstd.hpp"
#include "works.hpp"

namespace tern::bench {
namespace {

namespace fs = std::filesystem;

constexpr double w1_ratio_max = 1.5, w6_ratio_max = 1.45, w5_mb_max = 13;
constexpr std::size_t page_bytes = 256 * 1024;
constexpr std::size_t search_bytes = 40;  // at most: a few whole words

struct Floor {
  double insert_seconds = 0, index_seconds = 0, cpu_seconds = 0;
  double size_bytes = 0;
  [[nodiscard]] double seconds() const { return insert_seconds + index_seconds; }
};

struct Work {
  double seconds = 0, cpu_seconds = 0, size_bytes = 0, wire_bytes = 0;
  std::uint64_t exchanges = 0;
};

Result<Floor> measure_floor(Desk& desk, SearchIndex search) {
  const std::string path = desk.fresh_path("plain") + ".db";
  TERN_TRY(auto store, PlainStore::make(path, sqlite::Synchronous::normal, search));
  Floor floor;
  const Stopwatch inserting;
  TERN_CHECKED(store->insert_rows(desk.tickets()));
  floor.insert_seconds = inserting.seconds();
  floor.cpu_seconds = inserting.cpu_seconds();
  const Stopwatch indexing;
  TERN_CHECKED(store->index_texts(desk.tickets()));
  floor.index_seconds = indexing.seconds();
  floor.cpu_seconds += indexing.cpu_seconds();
  TERN_TRY(const std::uint64_t size, store->size_bytes());
  floor.size_bytes = static_cast<double>(size);
  store.reset();
  fs::remove(path);
  return floor;
}

/// A replica that lacks something, or does not find it, was not built.
Result<void> check_replica(Desk& desk, client::Client& client) {
  TERN_TRY(const auto status, client.views().status());
  if (status.tickets != desk.size().tickets())
    return fail(ErrorCode::internal, fmt::format("the replica holds {} tickets", status.tickets));
  const std::string& text = desk.tickets().back().messages.back();
  TERN_TRY(const auto found, client.views().search(text.substr(0, text.find_last_of(' ', search_bytes)), 10, ""));
  if (found.rows.empty()) return fail(ErrorCode::internal, "the replica's search index finds nothing");
  return {};
}

Result<Work> measure_work(Desk& desk, RunningServer& server, std::size_t reader) {
  const std::string home = desk.fresh_path("reader");
  TERN_CHECKED(enrol_device(server, Desk::reader_name(reader), true, home, desk.environment()));
  Work work;
  {
    TERN_TRY(BenchDevice device, open_device(home, server, desk.environment()));
    const server::EdgeCounters before = server.counters();
    const Stopwatch watch;
    TERN_TRY(const client::EngineReport done, device.sync());
    work.seconds = watch.seconds();
    work.cpu_seconds = watch.cpu_seconds();
    const server::EdgeCounters after = server.counters();
    work.wire_bytes = static_cast<double>(after.bytes_in - before.bytes_in + after.bytes_out - before.bytes_out);
    work.exchanges = done.exchanges;
    TERN_CHECKED(check_replica(desk, *device.client));
  }
  work.size_bytes = static_cast<double>(fs::file_size(home + "/replica.db"));
  fs::remove_all(home);
  return work;
}

/// The same values one after the other, packed page by page as the exchange packs.
double packed_bytes(const std::vector<TicketData>& tickets) {
  double total = 0;
  Bytes page;
  const auto pack = [&] {
    total += static_cast<double>(protocol::compress(page).size());
    page.clear();
  };
  for (std::size_t i = 0; i < tickets.size(); ++i) {
    const TicketData& ticket = tickets[i];
    Draws ids(i);
    const auto add_id = [&] {
      for (int word = 0; word < 2; ++word) {
        const std::uint64_t bits = ids.next();
        page.append(reinterpret_cast<const char*>(&bits), sizeof bits);
      }
    };
    add_id();
    page += ticket.subject + ticket.description + ticket.type + ticket.priority + ticket.due_ms + ticket.asset +
            ticket.location + ticket.model;
    page += static_cast<char>(ticket.category);
    page += static_cast<char>(ticket.contact);
    page += static_cast<char>(ticket.organisation);
    for (const std::string& text : ticket.messages) {
      const std::uint64_t id = ids.next();
      page.append(reinterpret_cast<const char*>(&id), sizeof id);
      page += text;
    }
    if (page.size() >= page_bytes) pack();
  }
  pack();
  return total;
}

}  // namespace

Result<void> measure_first_replica(Desk& desk, Report& report) {
  if (!report.wants("W1") && !report.wants("W5") && !report.wants("W6")) return {};
  TERN_CHECKED(desk.prepare());
  const auto world = desk.copy_of_server();
  TERN_TRY(const auto server, RunningServer::start(world->path(Desk::server_home), desk.environment()));
  Pairs time, cpu, stock_time, size;
  std::vector<double> inserts, indexing, wire, exchanges;
  Floor stock;
  for (std::size_t i = 0; i < desk.options().pairs(); ++i) {
    TERN_TRY(const Floor floor, measure_floor(desk, SearchIndex::as_replica));
    TERN_TRY(const Work work, measure_work(desk, *server, i));
    TERN_TRY(stock, measure_floor(desk, SearchIndex::stock));
    time.add(floor.seconds(), work.seconds);
    cpu.add(floor.cpu_seconds, work.cpu_seconds);
    stock_time.add(stock.seconds(), work.seconds);
    size.add(floor.size_bytes / bytes_per_mb, work.size_bytes / bytes_per_mb);
    inserts.push_back(floor.insert_seconds);
    indexing.push_back(floor.index_seconds);
    wire.push_back(work.wire_bytes / bytes_per_mb);
    exchanges.push_back(static_cast<double>(work.exchanges));
    say(fmt::format("  first replica {:.3f} s ({:.3f} of CPU) over {:.3f} s ({:.3f})", work.seconds, work.cpu_seconds,
                    floor.seconds(), floor.cpu_seconds));
  }
  const double full_share = static_cast<double>(desk.size().tickets()) / 10'000;

  Row w1 = row_of("W1",
                  fmt::format("first replica: {} tickets, {} messages, with search index", desk.size().tickets(),
                              desk.size().messages()),
                  time, "s", w1_ratio_max);
  w1.detail = Json::object({{"floor_inserts_s", Json(rounded(median(inserts)))},
                            {"floor_fts5_s", Json(rounded(median(indexing)))},
                            {"ratio_to_stock_fts5", Json(rounded(stock_time.ratio()))},
                            {"cpu_s", Json(rounded(cpu.work()))},
                            {"floor_cpu_s", Json(rounded(cpu.floor()))},
                            {"cpu_ratio", Json(rounded(cpu.ratio()))},
                            {"exchanges", Json(median(exchanges))}});
  report.add(std::move(w1));

  Row w5;
  w5.name = "W5";
  w5.title = "bytes on the wire for W1, both ways, heads included";
  w5.value = median(wire);
  w5.unit = "MB";
  w5.floor = packed_bytes(desk.tickets()) / bytes_per_mb;
  w5.ratio = w5.value / *w5.floor;
  w5.goal = w5_mb_max * full_share;
  w5.goal_of = GoalOf::value;
  report.add(std::move(w5));

  Row w6 =
      row_of("W6", "replica.db after W1 over plain rows, two indexes each and the same FTS5", size, "MB", w6_ratio_max);
  w6.detail = Json::object({{"ratio_to_stock_fts5", Json(rounded(size.work() * bytes_per_mb / stock.size_bytes))}});
  report.add(std::move(w6));
  return {};
}

}  // namespace tern::bench
