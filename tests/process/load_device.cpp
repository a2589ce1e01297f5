// A device that works and syncs without a pause until it is killed: the load under which tests kill programs.
//
//   load_device HOME [--row-budget N] [--sync-every N] [--pause-ms N] [--seed N]
//
// For each change that was saved it writes "saved DEVICE:CHANGE" to stdout, for each round that was completed "synced".
// Errors of the network are lived with; any other ends it with exit code 1.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "system_environment.hpp"
#include "tern/client/client.hpp"
#include "tern/client_poco/http_transport.hpp"
#include "tern/protocol/bytes.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/sync/record.hpp"

namespace {

using namespace tern;
using sync::Change;
using sync::FieldId;
using sync::Intent;

struct Options {
  std::string home;
  std::size_t row_budget = 500;
  int sync_every = 3;
  useconds_t pause_us = 0;
  std::uint64_t seed = 1;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const auto number = [&] { return i + 1 < argc ? std::strtoull(argv[++i], nullptr, 10) : 0; };
    if (word == "--row-budget")
      options.row_budget = number();
    else if (word == "--sync-every")
      options.sync_every = static_cast<int>(number());
    else if (word == "--seed")
      options.seed = number();
    else if (word == "--pause-ms")
      options.pause_us = static_cast<useconds_t>(number() * 1000);
    else
      options.home = word;
  }
  return options;
}

void tell(const std::string& line) {
  const std::string text = line + "\n";
  if (::write(STDOUT_FILENO, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::exit(1);
}

[[noreturn]] void end(const Error& error) {
  std::fprintf(stderr, "%s: %s\n", std::string(to_string(error.code)).c_str(), error.message.c_str());
  std::exit(1);
}

class Worker {
public:
  Worker(const Options& options, client::Client& client) : options_(options), client_(client), random_(options.seed) {}

  void save_something() {
    client::ListFilter filter;
    filter.status = "all";
    const auto tickets = client_.views().list(filter);
    if (!tickets) end(tickets.error());
    std::vector<Change> changes;
    if (tickets->rows.empty() || below(20) == 0) {
      changes = new_ticket();
    } else {
      const TicketId ticket = tickets->rows[below(tickets->rows.size())].id;
      const std::size_t count = 1 + below(3);
      for (std::size_t i = 0; i < count; ++i) changes.push_back(change_on(ticket));
    }
    const auto saved = client_.commands().save(changes);
    if (!saved) end(saved.error());
    for (const auto& change : *saved)
      tell("saved " + to_uuid_text(change.ref.device.view()) + ":" + to_hex(change.ref.id));
  }

  /// False when the server was not there.
  bool sync(client::Transport& transport) {
    const auto done = client_.engine().run_round(transport, options_.row_budget);
    if (done)
      tell("synced");
    else if (done.error().code != ErrorCode::no_connection)
      std::fprintf(stderr, "round: %s\n", done.error().message.c_str());
    return done.has_value();
  }

private:
  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }

  std::vector<Change> new_ticket() {
    Change create, move;
    create.intent = Intent::create;
    create.fields.push_back({FieldId::subject, "", "under load", false});
    move.intent = Intent::move_queue;
    const auto queue = client_.commands().find_record(static_cast<std::uint32_t>(sync::RecordKind::queue), "Field");
    if (!queue) end(queue.error());
    move.target = Bytes(queue->view());
    return {create, move};
  }

  Change change_on(const TicketId& ticket) {
    Change change;
    change.ticket = ticket;
    switch (below(4)) {
      case 0:
        change.intent = Intent::set;
        change.fields.push_back({FieldId::custom, "location", "Hall " + std::to_string(below(100)), false});
        break;
      case 1:
        change.intent = Intent::set;
        change.fields.push_back({FieldId::priority, "", std::string(1, static_cast<char>('1' + below(4))), false});
        break;
      default:
        change.intent = Intent::message;
        change.visibility = sync::Visibility::team;
        change.text = "reading " + std::to_string(below(100'000));
    }
    return change;
  }

  const Options& options_;
  client::Client& client_;
  std::mt19937_64 random_;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  if (const auto ready = protocol::init_crypto(); !ready) end(ready.error());
  apps::SystemEnvironment environment;
  client::ClientOptions home;
  home.home = options.home;
  const auto client = client::Client::open(home, environment);
  if (!client) end(client.error());
  client::TransportOptions to;
  to.server_url = (*client)->identity().server_url;
  to.ca_file = (*client)->identity().ca_file;
  auto transport = client::HttpTransport::open(to);
  if (!transport) end(transport.error());
  tell("ready");
  Worker worker(options, **client);
  for (int turn = 1;; ++turn) {
    worker.save_something();
    ::usleep(options.pause_us);
    if (turn % options.sync_every != 0) continue;
    if (!worker.sync(**transport)) ::usleep(50'000);  // the server is away
  }
}
