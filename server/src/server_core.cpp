// The composition of the server's core: which object answers what, and who outlives whom.
#include "tern/server/server_core.hpp"

#include <atomic>
#include <mutex>

#include "access/directory.hpp"
#include "access/enrolment.hpp"
#include "access/external_logins.hpp"
#include "access/logins.hpp"
#include "access/mobile_tokens.hpp"
#include "access/open_tenants.hpp"
#include "access/recovery_sheet.hpp"
#include "access/reset_links.hpp"
#include "access/sessions.hpp"
#include "admin/admin.hpp"
#include "admin/import_memory.hpp"
#include "admin/operator_record.hpp"
#include "admin/person_erase.hpp"
#include "admin/record_writer.hpp"
#include "admin/replace_keys.hpp"
#include "admin/restore.hpp"
#include "exchange/exchange_service.hpp"
#include "files/sweep.hpp"
#include "inbound/inbound_rows.hpp"
#include "ingest/committer.hpp"
#include "ingest/devices.hpp"
#include "ingest/jobs.hpp"
#include "ingest/quarantine.hpp"
#include "ingest/send_out.hpp"
#include "metrics/metrics_writer.hpp"
#include "outgoing/postman.hpp"
#include "portal/portal_service.hpp"
#include "push/stream_hub.hpp"
#include "rating/rating_links.hpp"
#include "rating/rating_service.hpp"
#include "routes.hpp"
#include "runtime/disk_guard.hpp"
#include "tern/protocol/keys.hpp"

namespace tern::server {
namespace {

constexpr std::int64_t sweep_codes_every_ms = 60'000;
constexpr std::size_t resets_at_a_tick = 20;

Result<void> finish_erasures_of(Tenant& tenant, std::vector<sync::ChangeRef>& erased) {
  TERN_TRY(erased, admin::finish_erasures(tenant));
  return {};
}

class Core : public ServerCore {
public:
  Core(const ServerOptions& options, std::unique_ptr<Directory> directory, Environment& environment)
      : options_(options),
        environment_(environment),
        log_([this, sink = options.log_sink](std::string_view line) { hear(line, sink); }, environment),
        directory_(std::move(directory)),
        tenants_(*directory_, options.vfs, environment),
        committer_(make_inline_committer()),
        sessions_(environment),
        enrolment_(environment),
        factors_(*directory_, environment),
        logins_(environment, factors_),
        resets_(environment),
        external_(environment, tenants_, *directory_, factors_),
        exchange_(*committer_),
        streams_(exchange_),
        admin_{environment,
               options_,
               *directory_,
               tenants_,
               sessions_,
               enrolment_,
               factors_,
               logins_,
               resets_,
               external_,
               log_,
               [this]() -> Committer& { return *committer_; },
               [this] { make_room(); },
               naming_,
               errors_,
               imports_,
               [this](const std::string& host, std::uint16_t port) {
                 const Egress* const egress = egress_;
                 return egress != nullptr && egress->allows(host, port);
               }},
        api_(admin_),
        inbound_(admin_),
        rating_(admin_),
        portal_(admin_),
        routes_({environment, tenants_, sessions_, enrolment_, exchange_, streams_, api_, inbound_, rating_, portal_,
                 log_, [this]() -> Committer& { return *committer_; }, [this] { return metrics() + more_metrics(); },
                 [this] { return draining_.load(); }}),
        disk_(options.directory, options.ballast_bytes, options.disk_space),
        postman_({environment, tenants_, *directory_, options_, log_, [this]() -> Committer& { return *committer_; },
                  options.server_version}) {
    watch_commits();
    watch_foreign_sets();
    watch_histories();
  }
  ~Core() override { streams_.close_all(); }

  Result<void> open_tenants() {
    TERN_CHECKED(tenants_.open_good());
    TERN_CHECKED(tenants_.prepare_each([this](Tenant& tenant) { return refold_old_states_of(tenant); }));
    for (const ClosedTenant& closed : tenants_.closed())
      log_.write(LogLevel::error, "tenant_not_open",
                 {{"tenant", Json(to_uuid_text(closed.entry.id.view()))},
                  {"code", Json(to_string(closed.reason.code))},
                  {"reason", Json(closed.reason.message)}});
    watch_disk();
    return {};
  }

  Handler& handler() override { return routes_; }
  using ServerCore::administer;
  Result<Json> administer(const Json& command, const std::function<bool()>& stop) override {
    return run_command(admin_, command, stop);
  }
  Result<void> found_public_url(const std::string& url) override {
    return options_.public_url.empty() ? directory_->note_public_url(url) : Result<void>{};
  }
  void tick() override;
  void use_committer(std::unique_ptr<Committer> committer) override;
  void use_push_executor(std::function<void(std::function<void()>)> run_later) override {
    streams_.use_executor(std::move(run_later));
  }
  void use_answer_executor(std::function<void(std::function<void()>)> run_later) override {
    exchange_.use_executor(std::move(run_later));
  }
  void use_egress(Egress& egress, std::function<void(std::function<void()>)> run_later, std::size_t at_once) override {
    egress_ = &egress;
    external_.use(egress);
    postman_.use(egress, std::move(run_later), at_once);
  }
  void close_streams() override {
    draining_ = true;
    streams_.close_all();
  }
  std::string metrics() override;
  void add_metrics(std::function<std::string()> more) override {
    const std::lock_guard guard(metrics_mutex_);
    more_metrics_.push_back(std::move(more));
  }
  const Log& log() const override { return log_; }

private:
  void watch_commits();
  void watch_foreign_sets();
  void watch_histories();
  void log_device(const Tenant& tenant, const DeviceId& id) const;
  Result<void> refold_old_states_of(Tenant& tenant) const;
  void watch_disk();
  void make_room();
  Result<void> sweep_old_work(Tenant& tenant);
  void mail_reset_links();
  std::string more_metrics();

  /// Every line of the log.
  void hear(std::string_view line, const LogSink& sink) {
    errors_.take(line);
    if (sink) sink(line);
  }

  const ServerOptions options_;
  Environment& environment_;
  RecentErrors errors_;
  Log log_;
  std::unique_ptr<Directory> directory_;
  OpenTenants tenants_;
  std::unique_ptr<Committer> committer_;
  SessionRegistry sessions_;
  Enrolment enrolment_;
  SecondFactors factors_;
  Logins logins_;
  ResetRequests resets_;
  ExternalLogins external_;
  ExchangeService exchange_;
  StreamHub streams_;
  std::mutex naming_;
  ImportMemory imports_;
  std::atomic<const Egress*> egress_{nullptr};
  AdminParts admin_;
  ApiService api_;
  InboundService inbound_;
  RatingService rating_;
  PortalService portal_;
  Routes routes_;
  DiskGuard disk_;
  Postman postman_;
  std::atomic<bool> draining_{false};
  std::mutex metrics_mutex_;
  std::vector<std::function<std::string()>> more_metrics_;
  std::atomic<std::uint64_t> commits_{0}, quarantine_expired_{0};
  std::int64_t codes_swept_ms_ = 0;  // of tick's thread
};

void Core::watch_commits() {
  committer_->on_commit = [this](Tenant& tenant, const CommitNotice& notice) {
    if (notice.last_seq != 0) ++commits_;
    for (const DeviceId& id : notice.devices) log_device(tenant, id);
    if (notice.records) {
      sessions_.end_inactive(tenant);
      streams_.sweep();
    }
    streams_.on_commit(tenant, notice);
  };
}

void Core::watch_foreign_sets() {
  exchange_.on_foreign_set = [this](const Session& session, ErrorCode code) {
    log_.write(LogLevel::warning, "foreign_set",
               {{"tenant", Json(to_uuid_text(session.tenant->id().view()))},
                {"device", Json(to_uuid_text(session.device.view()))},
                {"code", Json(to_string(code))}});
  };
}

void Core::watch_histories() {
  exchange_.on_newer_history = [this](const Session& session) {
    log_.write(LogLevel::error, "older_files",
               {{"tenant", Json(to_uuid_text(session.tenant->id().view()))},
                {"device", Json(to_uuid_text(session.device.view()))},
                {"commits_here", Json(session.tenant->log_head().size)}});
  };
}

/// The audit's side of what admins are told of: `ternd device list` and `status` show the same.
void Core::log_device(const Tenant& tenant, const DeviceId& id) const {
  const auto device = find_device(tenant, id);
  if (!device) return;
  const bool forked = device->chain.device_epoch > 1 || device->key_state == protocol::KeyState::frozen;
  log_.write(forked ? LogLevel::warning : LogLevel::info, "device",
             {{"tenant", Json(to_uuid_text(tenant.id().view()))},
              {"device", Json(to_uuid_text(id.view()))},
              {"operator", Json(to_uuid_text(device->operator_id.view()))},
              {"state", Json(state_name(device->key_state))},
              {"device_epoch", Json(device->chain.device_epoch)},
              {"forked", Json(forked)}});
}

void Core::use_committer(std::unique_ptr<Committer> committer) {
  const auto before = std::exchange(committer_, std::move(committer));
  exchange_.use_committer(*committer_);
  watch_commits();
}

Result<void> Core::refold_old_states_of(Tenant& tenant) const {
  const Json id(to_uuid_text(tenant.id().view()));
  const auto differed = refold_old_states(tenant, [&](std::uint64_t tickets) {
    log_.write(LogLevel::info, "refolding", {{"tenant", id}, {"tickets", Json(tickets)}});
  });
  // Behind it: each ticket is looked at once.
  const auto filling = [&](std::uint64_t tickets) {
    log_.write(LogLevel::info, "filling_lists", {{"tenant", id}, {"tickets", Json(tickets)}});
  };
  const auto filled = fill_lists(tenant, filling);
  if (!filled && filled.error().code != ErrorCode::storage_full) return tl::unexpected(filled.error());
  const auto channels = fill_channels(tenant, filling);
  if (!channels && channels.error().code != ErrorCode::storage_full) return tl::unexpected(channels.error());
  // On a full disk they stay as they are until the next start.
  if (!differed && differed.error().code != ErrorCode::storage_full) return tl::unexpected(differed.error());
  if (differed && *differed != 0)
    log_.write(LogLevel::info, "refolded", {{"tenant", id}, {"differed", Json(*differed)}});
  return {};
}

void Core::watch_disk() {
  const bool was_scarce = disk_.is_scarce(), held = disk_.holds_ballast();
  bool write_failed = false;
  for (Tenant* tenant : tenants_.all())
    write_failed = write_failed || tenant->storage_trouble() == ErrorCode::storage_full;
  disk_.look(write_failed);
  for (Tenant* tenant : tenants_.all()) {
    tenant->take_no_work(disk_.is_scarce());
    tenant->take_no_files(disk_.is_low());
  }
  if (was_scarce == disk_.is_scarce() && held == disk_.holds_ballast()) return;
  log_.write(disk_.is_scarce() ? LogLevel::error : LogLevel::info, "disk",
             {{"takes_work", Json(!disk_.is_scarce())}, {"ballast", Json(disk_.holds_ballast())}});
}

void Core::make_room() {
  disk_.give_up();
  for (Tenant* tenant : tenants_.all()) tenant->take_no_work(disk_.is_scarce());
  log_.write(LogLevel::error, "disk", {{"takes_work", Json(!disk_.is_scarce())}, {"ballast", Json(false)}});
}

Result<void> Core::sweep_old_work(Tenant& tenant) {
  TERN_CHECKED(sweep_files(tenant));
  const auto drop_rows = [&](sqlite::Database& db) -> Result<void> {
    TERN_CHECKED(Notifications(db, tenant.number()).drop_older(tenant.now_ms() - notifications_kept_ms));
    TERN_CHECKED(drop_old_reset_links(db, tenant.number(), tenant.now_ms()));
    TERN_CHECKED(drop_old_rating_links(db, tenant.number(), tenant.now_ms()));
    TERN_CHECKED(drop_old_mobile_tokens(db, tenant.number(), tenant.now_ms()));
    TERN_CHECKED(InboundRows(db, tenant.number()).drop_older(tenant.now_ms() - inbound_kept_ms));
    return OutgoingRows(db, tenant.number()).drop_older(tenant.now_ms() - outgoing_kept_ms);
  };
  TERN_CHECKED(tenant.write(drop_rows));
  TERN_TRY(const std::uint64_t gone, sweep_quarantine(tenant));
  if (gone == 0) return {};
  quarantine_expired_ += gone;
  log_.write(LogLevel::warning, "quarantine_expired",
             {{"tenant", Json(to_uuid_text(tenant.id().view()))}, {"sets", Json(gone)}});
  return {};
}

void Core::mail_reset_links() {
  for (const std::string& login : resets_.take(resets_at_a_tick))
    for (Tenant* tenant : tenants_.all()) {
      const auto known = directory_->find_login(tenant->number(), login);
      if (!known || !*known) continue;
      Result<void> done;
      committer_->run(*tenant, [&] { done = send_reset_link(*tenant, (*known)->operator_id); });
      if (!done)
        log_.write(LogLevel::error, "job_failed",
                   {{"tenant", Json(to_uuid_text(tenant->id().view()))},
                    {"code", Json(to_string(done.error().code))},
                    {"reason", Json(done.error().message)}});
    }
}

void Core::tick() {
  watch_disk();
  const std::int64_t now_ms = environment_.boot_ms();
  const bool sweep_codes = codes_swept_ms_ == 0 || now_ms - codes_swept_ms_ >= sweep_codes_every_ms;
  if (sweep_codes) codes_swept_ms_ = now_ms;
  for (Tenant* tenant : tenants_.all()) {
    Result<void> done;
    std::vector<sync::ChangeRef> erased;
    committer_->run(*tenant, [&] {
      if (auto expired = expire_scopes(*tenant); !expired) done = tl::unexpected(std::move(expired).error());
      if (done && sweep_codes) done = enrolment_.sweep(*tenant);
      if (done && sweep_codes) done = sweep_old_work(*tenant);
      if (done) done = look_at_clocks(*tenant).map([](std::size_t) {});
      if (done) done = follow_up_silence(*tenant).map([](std::size_t) {});
      if (done) done = wake_held(*tenant).map([](std::size_t) {});
      Result<void> drained, finished;  // where these fail the rest goes on
      if (done) drained = drain_waiting(*tenant).map([](std::size_t) {});
      if (done) finished = finish_erasures_of(*tenant, erased);
      if (done) done = maintain(*tenant);
      if (done) done = std::move(drained);
      if (done) done = std::move(finished);
    });
    if (!erased.empty())
      if (auto noted = directory_->note_erased(tenant->id(), erased); done && !noted) done = std::move(noted);
    if (!done)
      log_.write(LogLevel::error, "job_failed",
                 {{"tenant", Json(to_uuid_text(tenant->id().view()))},
                  {"code", Json(to_string(done.error().code))},
                  {"reason", Json(done.error().message)}});
  }
  mail_reset_links();
  postman_.look();
  sessions_.sweep();
  streams_.sweep();
  imports_.drop_old(now_ms);
}

std::string Core::more_metrics() {
  const std::lock_guard guard(metrics_mutex_);
  std::string out;
  for (const auto& more : more_metrics_) out += more();
  return out;
}

std::string Core::metrics() {
  MetricsWriter out;
  const ExchangeCounters& exchange = exchange_.counters();
  const RouteCounters& routes = routes_.counters();
  out.gauge("disk_scarce", "1 while no work is taken in for want of room", disk_.is_scarce() ? 1 : 0)
      .counter("quarantine_expired_total", "Sets in quarantine that nobody released in 90 days", quarantine_expired_)
      .counter("commits_total", "Commits that changed something", commits_)
      .gauge("sessions", "Sessions now", sessions_.size())
      .gauge("streams", "Streams of devices now", streams_.size())
      .counter("pushes_total", "Patches pushed to streams", streams_.pushes())
      .counter("exchanges_total", "Exchanges answered", exchange.exchanges)
      .counter("exchange_sets_received_total", "Change sets received", exchange.sets_received)
      .counter("exchange_patches_sent_total", "Patches sent", exchange.patches_sent)
      .counter("exchange_checkpoints_total", "Scope digests sent", exchange.digest_checkpoints)
      .counter("exchange_bucket_repairs_total", "Repairs of a scope that differed", exchange.bucket_repairs)
      .counter("exchange_errors_total", "Exchanges answered with an error", exchange.errors)
      .counter("enrolments_total", "Devices enrolled", routes.enrolments)
      .counter("enrolments_refused_total", "Enrolments refused", routes.enrolments_refused)
      .counter("handshakes_total", "Handshakes begun", routes.handshakes)
      .counter("sessions_total", "Sessions begun", routes.sessions)
      .counter("sessions_refused_total", "Handshakes refused", routes.sessions_refused)
      .counter("macs_refused_total", "Requests whose MAC did not hold", routes.macs_refused)
      .counter("replays_refused_total", "Requests that came before", routes.replays_refused)
      .counter("api_requests_total", "Actions of the API that were done", api_.counters().done)
      .counter("api_requests_refused_total", "Actions of the API that were refused", api_.counters().refused)
      .counter("api_requests_limited_total", "Of these, for want of requests a minute", api_.counters().rate_limited)
      .counter("inbound_taken_total", "Events of others that tickets were made or went on with",
               inbound_.counters().taken)
      .counter("inbound_ignored_total", "Events of others that had nothing for tickets", inbound_.counters().ignored)
      .counter("inbound_refused_total", "Requests of others that were refused", inbound_.counters().refused);
  const PostmanCounters& sent = postman_.counters();
  out.counter("webhooks_sent_total", "Deliveries that a webhook took", sent.hooks_sent)
      .counter("webhooks_failed_total", "Attempts that it did not take", sent.hooks_failed)
      .counter("webhooks_dropped_total", "Deliveries that were not sent on purpose", sent.hooks_dropped)
      .counter("mails_sent_total", "Mails that the mail server took", sent.mails_sent)
      .counter("mails_failed_total", "Attempts that it did not take", sent.mails_failed)
      .counter("mails_dropped_total", "Mails that were not sent on purpose", sent.mails_dropped);
  OutgoingRows::Waiting waiting;
  for (Tenant* tenant : tenants_.all())
    if (auto reader = tenant->reader())
      if (const auto of_tenant = OutgoingRows(reader->db(), tenant->number()).waiting()) {
        waiting.hooks += of_tenant->hooks;
        waiting.mails += of_tenant->mails;
      }
  out.gauge("webhooks_waiting", "Deliveries that wait to be taken", waiting.hooks)
      .gauge("mails_waiting", "Mails that wait to be taken", waiting.mails);
  out.gauge("tenants_not_open", "Tenants whose file or key cannot be used", tenants_.closed().size());
  out.begin("commit_seq", "Newest commit of each tenant", "gauge");
  for (Tenant* tenant : tenants_.all())
    out.labelled("commit_seq", "tenant", to_uuid_text(tenant->id().view()), tenant->commit_seq());
  out.begin("backed_up_seq", "Newest commit in a verified backup", "gauge");
  for (Tenant* tenant : tenants_.all())
    out.labelled("backed_up_seq", "tenant", to_uuid_text(tenant->id().view()), tenant->backup_stable_seq());
  out.begin("wal_bytes", "Size of each tenant's write-ahead log; above 256 MiB something keeps it from shrinking",
            "gauge");
  for (Tenant* tenant : tenants_.all())
    out.labelled("wal_bytes", "tenant", to_uuid_text(tenant->id().view()), wal_bytes(*tenant));
  out.begin("clock_in_doubt", "1 while a tenant's clock is in doubt", "gauge");
  for (Tenant* tenant : tenants_.all())
    out.labelled("clock_in_doubt", "tenant", to_uuid_text(tenant->id().view()), tenant->clock_in_doubt() ? 1 : 0);
  return out.take();
}

/// The first tenant with its first admin.
Result<ServerCore::Initialised> fill(const ServerOptions& options, Directory& directory, const std::string& tenant_name,
                                     const std::string& email, const std::string& password_hash,
                                     Environment& environment) {
  OpenTenants tenants(directory, options.vfs, environment);
  TERN_TRY(Tenant * tenant, tenants.add(tenant_name, options.zone));
  const sync::Record record = admin::operator_record(email, email, "admin", environment);
  const OperatorId operator_id = OperatorId::or_zero(record.id.view());
  Result<void> written;
  make_inline_committer()->run(*tenant, [&] { written = admin::write_records(*tenant, {record}); });
  TERN_CHECKED(written);
  TERN_CHECKED(directory.put_login(tenant->number(), email, {tenant->number(), operator_id, password_hash}));
  return ServerCore::Initialised{{}, tenant->id(), operator_id};
}

}  // namespace

Result<ServerCore::Initialised> ServerCore::init(const ServerOptions& options, const std::string& tenant,
                                                 const std::string& admin_email, const std::string& password,
                                                 Environment& environment) {
  TERN_CHECKED(protocol::init_crypto());
  TERN_TRY(const std::string email, admin::email_of(admin_email));
  TERN_TRY(const std::string hash, admin::hashed_password(password));
  const auto recovery = protocol::RecoveryKey::generate(environment);
  TERN_TRY(auto directory, Directory::create(options.directory, recovery, options.encrypt, environment));
  auto made = fill(options, *directory, tenant, email, hash, environment);
  directory.reset();
  if (!made) {
    Directory::discard(options.directory);
    return tl::unexpected(std::move(made).error());
  }
  made->recovery_key = recovery.to_text();
  return made;
}

Result<std::string> ServerCore::write_recovery_sheet(const ServerOptions& options, const std::string& path,
                                                     const std::string& recovery_key) {
  return server::write_recovery_sheet(options.directory, path, recovery_key);
}

std::string ServerCore::recovery_sheet_path(const std::string& directory) {
  return server::recovery_sheet_path(directory);
}

Result<Json> ServerCore::administer_offline(const ServerOptions& options, const Json& command,
                                            Environment& environment) {
  TERN_CHECKED(protocol::init_crypto());
  TERN_TRY(const AdminEntry* entry, check_command(command));
  if (entry->command.name == "keys replace") return admin::replace_keys(options, command, environment);
  if (entry->command.name == "restore") return admin::restore(options, command, environment);
  return fail(ErrorCode::usage, std::string(entry->command.name) + " works on an open server.", "", "command");
}

Result<std::unique_ptr<ServerCore>> ServerCore::open(const ServerOptions& options, Environment& environment) {
  TERN_CHECKED(protocol::init_crypto());
  TERN_TRY(auto directory, Directory::open(options.directory));
  if (!options.public_url.empty()) {
    const auto noted = directory->note_public_url(options.public_url);
    if (!noted && noted.error().code != ErrorCode::storage_full) return tl::unexpected(noted.error());
  }
  auto core = std::make_unique<Core>(options, std::move(directory), environment);
  TERN_CHECKED(core->open_tenants());
  return std::unique_ptr<ServerCore>(std::move(core));
}

}  // namespace tern::server
