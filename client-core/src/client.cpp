#include "tern/client/client.hpp"

#include "commands.hpp"
#include "exchange/engine.hpp"
#include "exchange/sync_state.hpp"
#include "files/file_shelf.hpp"
#include "home_lock.hpp"
#include "keys/kept_certificate.hpp"
#include "keys/key_file.hpp"
#include "keys/secure_file.hpp"
#include "outbox/outbox.hpp"
#include "outbox/salvage_files.hpp"
#include "replica/replica.hpp"
#include "tern/protocol/statements.hpp"
#include "views.hpp"

namespace tern::client {
namespace {

constexpr std::string_view in_memory = ":memory:";

/// For those who only look: nothing to do, ever.
class NoEngine final : public SyncEngine {
public:
  void start_round() override {}
  void retry_now() override {}
  void send_ahead(bool) override {}
  EngineStep next() override {
    EngineStep step;
    step.kind = EngineStep::Kind::wait;
    step.reason = refusal();
    return step;
  }
  Result<void> on_answer(const Result<HttpAnswer>&) override { return tl::unexpected(refusal()); }
  Result<bool> apply_slice(std::size_t) override { return tl::unexpected(refusal()); }
  std::optional<HttpRequest> stream_upgrade() override { return std::nullopt; }
  Result<void> on_stream_open(const HttpAnswer&) override { return tl::unexpected(refusal()); }
  [[nodiscard]] bool is_over() const override { return false; }
  [[nodiscard]] bool files_under_way() const override { return false; }
  [[nodiscard]] bool stream_answer_is_overdue() const override { return false; }
  Result<void> on_stream_message(ByteView) override { return tl::unexpected(refusal()); }
  std::optional<Bytes> next_stream_message() override { return std::nullopt; }
  void on_stream_closed() override {}
  const EngineReport& report() const override { return report_; }

private:
  static Error refusal() {
    return Error{
        ErrorCode::busy, "this home was opened to look only", "try again when the other program has ended", {}};
  }
  EngineReport report_;
};

class ClientImpl final : public Client {
public:
  ClientImpl(HomePaths paths, std::unique_ptr<HomeLock> lock, OpenedKeys keys, std::unique_ptr<Outbox> outbox,
             std::unique_ptr<Replica> replica, ShelfOptions outgoing, ShelfOptions fetched)
      : paths_(std::move(paths)),
        lock_(std::move(lock)),
        keys_(std::move(keys)),
        outbox_(std::move(outbox)),
        replica_(std::move(replica)),
        outgoing_(std::move(outgoing)),
        fetched_(std::move(fetched)) {}

  Result<void> compose(const ClientOptions& options, Environment& environment) {
    const bool writable = !options.read_only_views;
    TERN_CHECKED(read_wipe(keys_.wipe_order));
    if (wipe_.obeyed && writable) TERN_CHECKED(fetched_.leave_disk());
    commands_ = make_commands(
        {*outbox_, *replica_, keys_.identity, keys_.signing_key, environment, writable, &wipe_, &outgoing_, &fetched_});
    views_ = make_views({*outbox_, *replica_, keys_.identity, environment, writable, &wipe_, &outgoing_, &fetched_});
    if (!writable) {
      engine_ = std::make_unique<NoEngine>();
      return {};
    }
    EngineParts parts{*outbox_,    *replica_,   keys_.identity, keys_.signing_key,
                      environment, keys_.roots, keys_.key_list, wipe_.obeyed,
                      {},          {},          &outgoing_,     &fetched_};
    parts.wipe = [this, home = options.home](ByteView order) -> Result<void> {
      TERN_CHECKED(read_wipe(order));
      TERN_CHECKED(replica_->leave_disk());
      TERN_CHECKED(fetched_.leave_disk());
      return destroy_replica(home, order);
    };
    parts.keep_certificate = [home = options.home](ByteView certificate) {
      return client::keep_certificate(HomePaths(home), certificate);
    };
    TERN_TRY(engine_, make_sync_engine(std::move(parts)));
    return {};
  }

  Commands& commands() override { return *commands_; }
  Views& views() override { return *views_; }
  SyncEngine& engine() override { return *engine_; }
  const DeviceIdentity& identity() const override { return keys_.identity; }

  Result<void> keep_authorities(const std::string& ca_file) override {
    if (lock_ == nullptr) return fail(ErrorCode::busy, "this home was opened to look only");
    TERN_CHECKED(copy_authorities(paths_, ca_file));
    keys_.identity.ca_file = paths_.ca;
    return {};
  }

private:
  /// The signature was checked before the order was obeyed.
  Result<void> read_wipe(ByteView order) {
    if (order.empty()) return {};
    TERN_TRY(const auto read, read_stored_statement<protocol::WipeOrder>(order));
    wipe_ = {true, read.time_ms};
    return {};
  }

  const HomePaths paths_;
  Wipe wipe_;
  std::unique_ptr<HomeLock> lock_;
  OpenedKeys keys_;
  std::unique_ptr<Outbox> outbox_;
  std::unique_ptr<Replica> replica_;
  FileShelf outgoing_, fetched_;
  std::unique_ptr<Commands> commands_;
  std::unique_ptr<Views> views_;
  std::unique_ptr<SyncEngine> engine_;
};

/// Whatever is wrong with the copy, it can be fetched again; the outbox is not touched by it.
Result<std::unique_ptr<Replica>> open_or_rebuild(const std::string& path, const OpenedKeys& keys,
                                                 const std::string& vfs) {
  auto replica = Replica::open(path, keys.replica_key.view(), vfs);
  const bool useless =
      !replica && (replica.error().code == ErrorCode::corrupt || replica.error().code == ErrorCode::upgrade_required);
  if (!useless) return replica;
  TERN_CHECKED(Replica::destroy(path, vfs));
  return Replica::open(path, keys.replica_key.view(), vfs);
}

tl::unexpected<Error> outbox_lost(const std::string& path) {
  return fail(ErrorCode::corrupt,
              "the outbox of this device, " + path + ", is missing or empty: work that was not sent yet is not here",
              hint_salvage);
}

/// Enrolment made it; a new one would hide that what it held is gone.
Result<void> check_outbox_is_there(const HomePaths& paths, const std::string& vfs) {
  TERN_TRY(const bool interrupted, is_there(SalvageFiles(paths.outbox).finished));
  if (interrupted)
    return fail(ErrorCode::corrupt, "a salvage of this home was interrupted", "to finish it, run: tern salvage");
  if (!vfs.empty()) return {};
  TERN_TRY(const bool missing, outbox_is_missing(paths));
  return missing ? Result<void>(outbox_lost(paths.outbox)) : Result<void>();
}

/// A copy that kept no modes, or a umask that let others in: what the home holds is private again.
Result<void> close_home_files(const HomePaths& paths) {
  for (const std::string& database : {paths.outbox, paths.replica, paths.outbox_files, paths.replica_files})
    for (const char* suffix : {"", "-wal", "-shm"}) TERN_CHECKED(close_to_others(database + suffix));
  return close_to_others(paths.lock);
}

}  // namespace

Result<std::unique_ptr<Client>> Client::open(const ClientOptions& options, Environment& environment) {
  TERN_CHECKED(protocol::init_crypto());
  const HomePaths paths(options.home);
  TERN_TRY(const bool enrolled, is_there(paths.device_key));
  if (!enrolled) return no_device(paths);
  const sqlite::Role role = options.read_only_views ? sqlite::Role::reader : sqlite::Role::writer;
  std::unique_ptr<HomeLock> lock;
  if (role == sqlite::Role::writer) {
    TERN_CHECKED(make_private_directory(options.home));
    TERN_TRY(lock, HomeLock::take(paths.lock));
    TERN_CHECKED(close_home_files(paths));
  }
  TERN_TRY(OpenedKeys keys, open_keys(options.home, options.passphrase, environment));
  TERN_CHECKED(check_outbox_is_there(paths, options.vfs));
  TERN_TRY(auto outbox, Outbox::open(paths.outbox, keys.data_key.view(), options.vfs, role));
  if (outbox->owner().device.is_zero()) return outbox_lost(paths.outbox);
  TERN_TRY(const SyncState state, load_sync_state(*outbox));
  apply_certificate(keys.identity, state);

  std::unique_ptr<Replica> replica;
  if (role == sqlite::Role::writer) {
    if (!state.certificate.empty())
      static_cast<void>(keep_certificate(paths, state.certificate));  // a full disk does not keep anybody out
    TERN_CHECKED(outbox->set_owner({keys.identity.device, keys.identity.operator_id}));
    TERN_CHECKED(outbox->give_salts(environment));
  }
  if (!keys.wipe_order.empty()) {  // an empty copy, so that there is one
    TERN_TRY(replica, Replica::open(std::string(in_memory), keys.replica_key.view(), {}));
  } else if (role == sqlite::Role::reader) {
    TERN_TRY(replica, Replica::open(paths.replica, keys.replica_key.view(), options.vfs, role));
  } else {
    TERN_TRY(replica, open_or_rebuild(paths.replica, keys, options.vfs));
    TERN_CHECKED(replica->catch_up(*outbox));
  }
  ShelfOptions outgoing{paths.outbox_files, protocol::SecretKey::from(keys.data_key.view()), options.vfs, role};
  ShelfOptions fetched{paths.replica_files, protocol::SecretKey::from(keys.replica_key.view()), options.vfs, role};
  fetched.synchronous = sqlite::Synchronous::normal;
  fetched.can_be_fetched_again = true;
  auto client = std::make_unique<ClientImpl>(paths, std::move(lock), std::move(keys), std::move(outbox),
                                             std::move(replica), std::move(outgoing), std::move(fetched));
  TERN_CHECKED(client->compose(options, environment));
  return std::unique_ptr<Client>(std::move(client));
}

}  // namespace tern::client
