#include "support/world_server.hpp"

#include "admin/restore.hpp"
#include "support/must.hpp"
#include "support/persist.hpp"
#include "support/world_files.hpp"

namespace tern::test {
namespace {

client::HttpAnswer to_answer(const server::Response& response) {
  client::HttpAnswer answer;
  answer.status = response.status;
  for (const auto& header : response.headers()) answer.headers.emplace_back(header.name, header.value);
  answer.body = response.body;
  return answer;
}

server::Request to_request(const client::HttpRequest& sent, const std::string& address, std::uint64_t number) {
  server::Request request;
  request.method = sent.method;
  request.target = sent.target;
  request.path = sent.target.substr(0, sent.target.find('?'));
  for (const auto& [name, value] : sent.headers) request.headers.push_back({name, value});
  request.content_length = sent.body.size();
  request.peer_address = address;
  request.request_id = "world-" + std::to_string(number);
  return request;
}

}  // namespace

/// Commits at once, as the inline committer does, and knows the tenants it worked for.
class Server::Watcher final : public server::Committer {
public:
  explicit Watcher(Server& server) : server_(server), inner_(server::make_inline_committer()) {}

  Result<server::PushAnswer> commit(server::Tenant& tenant, server::VerifiedPush push) override {
    inner_->on_commit = on_commit;
    if (server_.before_commit) inner_->run(tenant, [&] { server_.before_commit(tenant); });
    std::vector<protocol::ChangeSetHeader> sets;
    for (const protocol::VerifiedSet& set : push.sets) sets.push_back(set.header);
    auto answer = inner_->commit(tenant, std::move(push));
    if (!answer) return answer;
    for (std::size_t i = 0; i < sets.size() && i < answer->receipts.size(); ++i)
      if (!server_.acknowledged_.emplace(sets[i].device, sets[i].device_epoch, sets[i].chain_seq).second)
        ++server_.acknowledged_again_;
    return answer;
  }
  void run(server::Tenant& tenant, const std::function<void()>& work) override {
    inner_->on_commit = on_commit;
    server_.open_tenants_[tenant.id()] = &tenant;
    inner_->run(tenant, work);
  }

private:
  Server& server_;
  std::unique_ptr<server::Committer> inner_;
};

Server::Server(const std::string& folder, Seed seed, WorldDisk* disk)
    : environment(seed.child("server").value), disk_(disk), folder_(folder) {
  if (disk_ != nullptr) disk_->add_machine(directory());
  const auto made = must(server::ServerCore::init(options(), "World", "admin@example.org", "correct horse", drawing_));
  recovery_key_ = made.recovery_key;
  first_tenant_ = made.tenant;
  open();
}

Server::~Server() {
  close();
}

server::ServerOptions Server::options() {
  server::ServerOptions made;
  made.directory = directory();
  made.public_url = "http://127.0.0.1:8470";
  made.allow_plain_http = true;
  if (disk_ != nullptr) made.vfs = disk_->vfs();
  made.log_sink = [this](std::string_view line) { log_lines_.append(line).append("\n"); };
  return made;
}

// ---- life ----

void Server::open() {
  must(try_open());
}

Result<void> Server::try_open() {
  const Running machine = running();
  TERN_TRY(core_, persist([&] { return server::ServerCore::open(options(), drawing_); }, only_whole));
  auto watcher = std::make_unique<Watcher>(*this);
  committer_ = watcher.get();
  core_->use_committer(std::move(watcher));
  core_->use_push_executor([this, life = ++lives_](const std::function<void()>& push) {
    const auto here = [this, life, push] {
      if (!core_ || life != lives_) return;  // whose it was is gone, though there may be another one by now
      const Running pushing = running();
      push();
    };
    if (run_pushes_later) return run_pushes_later(here);
    here();
  });
  if (on_open) on_open(*core_);
  ++opened_;
  core_->tick();
  return {};
}

void Server::close() {
  if (!core_) return;
  const Running machine = running();
  if (before_going) before_going();
  open_tenants_.clear();
  core_.reset();
}

void Server::crash() {
  if (disk_ != nullptr) {
    disk_->cut_power(directory());
    close();
    return disk_->restore_power(directory());
  }
  if (!core_) return;
  const std::string left = folder_ + "/server-crashed";
  copy_files(directory(), left);
  close();
  std::filesystem::remove_all(directory());
  std::filesystem::rename(left, directory());
}

// ---- backups ----

ServerCopy Server::copy() {
  ServerCopy made{folder_ + "/server-copy-" + std::to_string(++copies_)};
  copy_files(directory(), made.path);
  if (disk_ != nullptr) disk_->copy(directory(), made.path);
  return made;
}

void Server::put_back(const ServerCopy& copy) {
  close();
  copy_files(copy.path, directory());
  if (disk_ != nullptr) disk_->copy(copy.path, directory());
  open();
}

std::string Server::backup() {
  const std::string folder = folder_ + "/backup-" + std::to_string(++copies_);
  std::filesystem::create_directory(folder);
  const std::string path = folder + "/tern.backup";
  administer("backup", {{"to", Json(path)}});
  return path;
}

Result<void> Server::replace_keys(bool stolen) {
  close();
  const Json command = Json::object(
      {{"command", Json("keys replace")}, {"recovery-key", Json(recovery_key_)}, {"stolen", Json(stolen)}});
  const auto replaced = server::ServerCore::administer_offline(options(), command, drawing_);
  open();
  return replaced.map([](const Json&) {});
}

void Server::restore(const std::string& backup) {
  close();
  const Json command = Json::object({{"command", Json("restore")},
                                     {"from", Json(backup)},
                                     {"recovery-key", Json(recovery_key_)},
                                     {"replace", Json(true)}});
  server::ServerOptions wish = options();
  wish.vfs.clear();  // made of real files; the disk takes them over when they are opened
  if (disk_ != nullptr) disk_->remove(directory());
  bool again = false;
  must(persist([&] {
    if (std::exchange(again, true)) environment.advance(1000);  // what is replaced is named after its time
    return server::admin::restore(wish, command, drawing_);
  }));
  open();
}

// ---- requests ----

Result<client::HttpAnswer> Server::handle(const client::HttpRequest& sent, const std::string& address) {
  if (!core_ || !powered()) return fail(ErrorCode::no_connection, "Nobody listens there.");
  const Running machine = running();
  server::Request request = to_request(sent, address, ++requests_);
  server::Handler& handler = core_->handler();
  auto verdict = handler.on_head(request);
  if (const auto* refusal = std::get_if<server::Response>(&verdict)) {
    refusals_ += refusal->body;
    return to_answer(*refusal);
  }
  const auto& accept = std::get<server::HeadAccept>(verdict);
  if (sent.body.size() > accept.body_bytes_max)
    return fail(ErrorCode::no_connection, "The server hung up: the body is too large.");
  request.body = server::RequestBody(sent.body);
  auto answer = to_answer(handler.handle(std::move(request), accept.context));
  if (answer.status >= 400) refusals_ += answer.body;
  if (!powered()) return fail(ErrorCode::no_connection, "The server went away.");
  return answer;
}

server::UpgradeVerdict Server::upgrade(const client::HttpRequest& sent, const std::string& address) {
  const Running machine = running();
  if (!core_) return server::Response(503);
  return core_->handler().on_upgrade(to_request(sent, address, ++requests_));
}

void Server::tick() {
  const Running machine = running();
  if (!core_ || !powered()) return;
  persist(
      [this] {
        core_->tick();
        return 0;
      },
      only_whole);
}

// ---- administration ----

Result<Json> Server::try_administer(const std::string& command, std::initializer_list<Json::Member> arguments,
                                    const std::string& tenant) {
  Json asked = Json::object({{"command", Json(command)}});
  if (!tenant.empty()) asked.set("tenant", Json(tenant));
  for (const auto& [name, value] : arguments) asked.set(name, value);
  return persist([&] { return core_->administer(asked); });
}

Json Server::administer(const std::string& command, std::initializer_list<Json::Member> arguments,
                        const std::string& tenant) {
  return must(try_administer(command, arguments, tenant));
}

server::Tenant& Server::tenant(const TenantId& id) const {
  const auto found = open_tenants_.find(id);
  check(found != open_tenants_.end(), "a tenant of this server");
  return *found->second;
}

std::vector<TenantId> Server::tenants() const {
  std::vector<TenantId> ids;
  for (const auto& [id, tenant] : open_tenants_) ids.push_back(id);
  return ids;
}

void Server::on_strand(const TenantId& id, const std::function<Result<void>(server::Tenant&)>& work) {
  const Running machine = running();
  must(persist([&] {
    Result<void> done;
    committer_->run(tenant(id), [&] { done = work(tenant(id)); });
    return done;
  }));
}

server::ServerCommit Server::act(const TenantId& id, sync::Change change, const OperatorId& acting) {
  server::ServerCommit committed;
  if (change.intent != sync::Intent::record) change.seen_now = true;
  on_strand(id, [&](server::Tenant& there) -> Result<void> {
    std::vector<server::ServerChange> changes;
    changes.push_back({change, acting});
    TERN_TRY(committed, server::commit_server(there, std::move(changes)));
    return {};
  });
  return committed;
}

std::unique_ptr<sqlite::Database> Server::read(const TenantId& id) const {
  sqlite::OpenOptions opened;
  opened.path = directory() + "/tenants/" + to_hex(id) + "/tern.db";
  opened.role = sqlite::Role::reader;
  opened.create = false;
  if (disk_ != nullptr) opened.vfs = disk_->vfs();
  return must(sqlite::Database::open(opened));
}

}  // namespace tern::test
