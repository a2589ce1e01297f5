// One enrolled device with real files and real keys, and what the tests ask of it.
#pragma once

#include "support/catch.hpp"

#include "exchange/engine.hpp"
#include "exchange/sync_state.hpp"
#include "keys/key_file.hpp"
#include "outbox/outbox.hpp"
#include "replica/replica.hpp"
#include "support/fake_server.hpp"
#include "support/persist.hpp"
#include "support/temp_dir.hpp"
#include "support/virtual_environment.hpp"
#include "tern/client/enrolment.hpp"
#include "tern/client/sync_engine.hpp"

namespace tern::client::test {

using tern::test::FakeServer;
using tern::test::persist;
using tern::test::TempDir;
using tern::test::VirtualEnvironment;

/// The value behind a Result that must be good.
template <typename T>
T good(Result<T> result) {
  if (!result)
    FAIL("refused: " << to_string(result.error().code) << " " << result.error().field << ": "
                     << result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

template <typename T>
std::string outcome(const Result<T>& result) {
  return result ? "good" : std::string(to_string(result.error().code));
}

/// A network in which a test may stand in the middle.
class Wire final : public Transport {
public:
  explicit Wire(Transport& server) : server_(server) {}
  Result<HttpAnswer> send(const HttpRequest& request) override {
    ++sent;
    targets.push_back(request.target);
    if (before) {
      if (auto instead = before(request)) return *instead;
    }
    auto answer = server_.send(request);
    if (after && answer) return after(request, std::move(*answer));
    return answer;
  }

  std::function<std::optional<Result<HttpAnswer>>(const HttpRequest&)> before;  // the server never sees it
  std::function<Result<HttpAnswer>(const HttpRequest&, HttpAnswer)> after;      // the answer on its way back
  int sent = 0;
  std::vector<std::string> targets;

private:
  Transport& server_;
};

inline tl::unexpected<Error> cut() {
  return fail(ErrorCode::no_connection, "The connection broke.");
}

inline EnrolmentRequest enrolment(const TempDir& dir, const std::string& code,
                                  std::optional<std::string> passphrase = {}) {
  EnrolmentRequest request;
  request.home = dir.file("home");
  request.server_url = "https://desk.example";
  request.code = code;
  request.device_name = "van";
  request.platform = "linux";
  request.passphrase = std::move(passphrase);
  return request;
}

inline bool yes(const EnrolmentOffer&) {
  return true;
}

class SyncDevice {
public:
  SyncDevice(FakeServer& server, VirtualEnvironment& environment) : wire(server), environment_(environment) {
    good(enrol(enrolment(dir_, server.new_code()), wire, environment, yes));
    open();
  }

  void open() {
    const HomePaths paths(dir_.file("home"));
    keys_ = std::make_unique<OpenedKeys>(good(open_keys(paths.home, std::nullopt, environment_)));
    outbox_ = good(persist([&] { return Outbox::open(paths.outbox, keys_->data_key.view(), ""); }));
    auto replica = persist([&] { return Replica::open(paths.replica, keys_->replica_key.view(), ""); });
    if (!replica) {
      Replica::destroy(paths.replica, {});
      replica_ = good(Replica::open(paths.replica, keys_->replica_key.view(), ""));
    } else {
      replica_ = std::move(*replica);
    }
    good(persist([&] { return replica_->catch_up(*outbox_); }));
    EngineParts parts{*outbox_,
                      *replica_,
                      keys_->identity,
                      keys_->signing_key,
                      environment_,
                      keys_->roots,
                      keys_->key_list,
                      !keys_->wipe_order.empty(),
                      {}};
    parts.wipe = [this](ByteView order) -> Result<void> {
      TERN_CHECKED(replica_->leave_disk());
      return destroy_replica(dir_.file("home"), order);
    };
    engine_ = good(make_sync_engine(std::move(parts)));
  }
  void close() {
    engine_.reset();
    replica_.reset();
    outbox_.reset();
    keys_.reset();
  }
  void restart() {
    close();
    open();
  }

  /// A new ticket, saved here.
  TicketId create(const std::string& subject) {
    sync::Change change = fresh(sync::Intent::create, random_id<TicketId>(environment_));
    change.fields = {{sync::FieldId::subject, "", subject, false}};
    save(change);
    return change.ticket;
  }
  void set_subject(const TicketId& ticket, const std::string& subject) {
    sync::Change change = fresh(sync::Intent::set, ticket);
    change.fields = {{sync::FieldId::subject, "", subject, false}};
    save(change);
  }
  void save(const sync::Change& change) {
    good(persist([&] { return outbox_->save({change}, environment_); }));
    good(persist([&] { return replica_->refold(*outbox_, {change.ticket}); }));
  }
  sync::Change fresh(sync::Intent intent, const TicketId& ticket) {
    sync::Change change;
    change.ref = {keys_->identity.device, random_id<ChangeId>(environment_)};
    change.ticket = ticket;
    change.intent = intent;
    change.wall_ms = environment_.wall_ms();
    return change;
  }

  Result<EngineReport> sync() {
    return persist([&] { return engine_->run_round(wire, 7); }, [](const auto& done) { return done.has_value(); },
                   {.more = 3});
  }

  std::string subject(const TicketId& ticket) {
    const auto shown = good(replica_->shown(ticket));
    return shown ? sync::field_value(*shown, sync::FieldId::subject).value_or("none") : "not here";
  }
  std::size_t pending() { return good(outbox_->pending(cursor(), std::nullopt)).size(); }
  std::uint64_t cursor() { return good(replica_->cursor()).commit_seq; }
  SyncState state() { return good(load_sync_state(*outbox_)); }
  Outbox::Head head() { return good(outbox_->head()); }

  Outbox& outbox() { return *outbox_; }
  Replica& replica() { return *replica_; }
  SyncEngine& engine() { return *engine_; }
  [[nodiscard]] const DeviceIdentity& identity() const { return keys_->identity; }
  [[nodiscard]] std::string home() const { return dir_.file("home"); }

private:
  TempDir dir_;

public:
  Wire wire;

private:
  VirtualEnvironment& environment_;
  std::unique_ptr<OpenedKeys> keys_;
  std::unique_ptr<Outbox> outbox_;
  std::unique_ptr<Replica> replica_;
  std::unique_ptr<SyncEngine> engine_;
};

/// A server, a device and a clock.
struct Desk {
  VirtualEnvironment environment;
  FakeServer server{environment};
  SyncDevice device{server, environment};
};

}  // namespace tern::client::test
