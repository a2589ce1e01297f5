// Administration: from one command as JSON to what it does. The registry is commands.cpp.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "access/directory.hpp"
#include "access/enrolment.hpp"
#include "access/external_logins.hpp"
#include "access/logins.hpp"
#include "access/open_tenants.hpp"
#include "access/reset_links.hpp"
#include "access/sessions.hpp"
#include "api/once.hpp"
#include "api/sent_files.hpp"
#include "ingest/committer.hpp"
#include "log/recent_errors.hpp"
#include "tern/protocol/json.hpp"
#include "tern/server/admin.hpp"
#include "tern/server/log.hpp"
#include "tern/server/server_core.hpp"

namespace tern::server {

class ImportMemory;

/// What commands work on. References outlive the administration.
struct AdminParts {
  Environment& environment;
  const ServerOptions& options;
  Directory& directory;
  OpenTenants& tenants;
  SessionRegistry& sessions;
  Enrolment& enrolment;
  SecondFactors& factors;
  Logins& logins;
  ResetRequests& resets;
  ExternalLogins& external;
  const Log& log;
  std::function<Committer&()> committer;
  std::function<void()> make_room;  // gives the ballast up
  std::mutex& naming;               // of who makes records: two of one name are not made at once
  const RecentErrors& errors;
  ImportMemory& imports;  // between parts of an import
  /// What the operator of this server lets out to (Egress::allows): nothing while nothing is sent.
  std::function<bool(const std::string& host, std::uint16_t port)> egress_allows;
};

/// Who a command is for. By itself: the administrator of this machine, who may everything.
struct Caller {
  sync::PrincipalKind kind = sync::PrincipalKind::server;
  Bytes id;                                         // of the operator or of the API key; empty: the server itself
  std::optional<sync::Actor> actor;                 // whose rights count; nothing: judged where the caller was let in
  RecordId key;                                     // the API key; zero: none
  std::string peer;                                 // where the request came from; empty: from this machine
  RecordId organisation = {};                       // of a client; zero: none is known
  std::string name = {};                            // of a client, as their record will have it if there is none
  std::map<std::string, std::string> details = {};  // likewise: its other attributes
  std::string site = {};                            // where links lead, "https://desk.example"; empty: nobody said
  Hash session = {};                                // the name of theirs, of who is in one

  [[nodiscard]] bool is_client() const { return kind == sync::PrincipalKind::contact; }
  [[nodiscard]] OperatorId acting() const { return actor ? actor->id : OperatorId{}; }
};

/// One command on its way. Arguments were checked against the registry: a required one is there, each has its kind.
class AdminCall {
public:
  /// `stop` is asked by what takes long; empty: never. References outlive the call.
  AdminCall(AdminParts& parts, const Json& command, Tenant* tenant, const std::function<bool()>& stop,
            Caller caller = {})
      : parts_(parts), command_(command), tenant_(tenant), stop_(stop), caller_(std::move(caller)) {}

  [[nodiscard]] AdminParts& parts() const { return parts_; }
  [[nodiscard]] Tenant& tenant() const {
    check(tenant_ != nullptr, "the command names a tenant");
    return *tenant_;
  }
  [[nodiscard]] const Caller& caller() const { return caller_; }
  /// A session that the handler has begun, for who answers over HTTP: it becomes a cookie, never part of the answer.
  void begin_session(std::string token) { session_ = std::move(token); }
  [[nodiscard]] const std::string& session() const { return session_; }
  [[nodiscard]] const std::string& name() const { return command_["command"].as_string(); }
  [[nodiscard]] bool has(std::string_view arg) const { return command_.find(arg) != nullptr; }
  [[nodiscard]] const std::string& text(std::string_view arg) const { return command_[arg].as_string(); }
  [[nodiscard]] bool flag(std::string_view arg) const { return command_[arg].as_bool(); }
  [[nodiscard]] std::int64_t integer(std::string_view arg, std::int64_t fallback) const {
    return command_[arg].as_integer(fallback);
  }
  [[nodiscard]] double number(std::string_view arg, double fallback) const { return command_[arg].as_double(fallback); }
  /// Milliseconds UTC. Error `date_invalid`.
  [[nodiscard]] Result<std::int64_t> instant(std::string_view arg) const;
  [[nodiscard]] const Json& object(std::string_view arg) const { return command_[arg]; }  // null: not said
  [[nodiscard]] const Json::Array& list(std::string_view arg) const { return command_[arg].items(); }

  /// Files that came with the request: judged, and taken in by nobody yet.
  void bring(SentFiles sent) { sent_ = std::move(sent); }
  [[nodiscard]] const SentFiles& sent() const { return sent_; }

  /// Whoever asked is gone, or this process is to end: what takes long ends without its result.
  [[nodiscard]] bool is_stopped() const {
    const auto& interrupted = parts_.options.interrupted;
    return (stop_ && stop_()) || (interrupted && interrupted());
  }

  /// Held by who looks whether a name is free and then takes it. `busy` while somebody else does, which may be long.
  [[nodiscard]] Result<std::unique_lock<std::mutex>> lock_names() const {
    std::unique_lock lock(parts_.naming, std::try_to_lock);
    if (!lock.owns_lock()) return fail(ErrorCode::busy, "Records are being loaded.", "Wait until that is done.");
    return lock;
  }

  /// Runs work that returns a Result on the tenant's committer strand.
  template <typename Work>
  auto on_strand(Work work) const -> decltype(work()) {
    std::optional<decltype(work())> out;
    parts_.committer().run(tenant(), [&] { out = work(); });
    check(out.has_value(), "the strand runs what it is given");
    return std::move(*out);
  }

  /// The request has an Idempotency-Key.
  void do_once(OnceRequest request) { doing_->once = request; }
  /// It was done before: what it made then is shown again.
  [[nodiscard]] bool is_repeated() const { return doing_->repeated; }
  /// What an answer is read by: said before it is committed.
  void makes(ByteView id) const { doing_->made = Bytes(id); }
  /// For the commit that does what is asked: where it did, an Idempotency-Key is committed with it.
  [[nodiscard]] WriteBeside beside() const;
  /// The same inside of another transaction, that does what is asked.
  Result<void> note_in(sqlite::Database& db) const;
  /// On the strand: it was done before, says an Idempotency-Key. For what takes several commits; `change` asks by
  /// itself.
  Result<bool> was_done() const;
  /// Runs work that gives Result<void> on the strand, at most once for an Idempotency-Key: gives what it `makes`, then
  /// or the first time. Every action that writes goes through here.
  template <typename Work>
  Result<Bytes> change(Work work) const {
    return on_strand([&]() -> Result<Bytes> {
      TERN_TRY(const bool done, was_done());
      if (!done) {
        TERN_CHECKED(work());
        TERN_CHECKED(note_done());
      }
      return doing_->made;
    });
  }

  /// Once more, on a disk without room, when the ballast is given up: what must go through there.
  template <typename Work>
  auto with_room(Work work) const -> decltype(work()) {
    auto out = work();
    if (out || out.error().code != ErrorCode::storage_full) return out;
    parts_.make_room();
    return work();
  }

private:
  struct Doing {
    std::optional<OnceRequest> once;
    Bytes made;
    bool noted = false, repeated = false;
  };
  /// Where nothing had to be changed there was no commit to go with.
  Result<void> note_done() const;

  std::unique_ptr<Doing> doing_ = std::make_unique<Doing>();
  AdminParts& parts_;
  const Json& command_;
  Tenant* tenant_;
  const std::function<bool()>& stop_;
  Caller caller_;
  std::string session_;
  SentFiles sent_;
};

using AdminHandler = Result<Json> (*)(AdminCall&);
struct AdminEntry {
  AdminCommand command;
  AdminHandler run = nullptr;         // null: offline only, ServerCore::administer_offline
  std::string_view json_member = {};  // an argument that only JSON has
};
std::span<const AdminEntry> admin_entries();
const AdminEntry* find_admin_entry(std::string_view name);
/// Null: there is no such action at that door.
const AdminEntry* find_action(ApiSurface surface, std::string_view action);

/// `usage` for a command, an argument or a kind of value that the registry does not know. `entry` becomes what it
/// names.
Result<const AdminEntry*> check_command(const Json& command);

/// Checks, finds the tenant, runs, logs. Thread-safe. `stop` as ServerCore::administer.
Result<Json> run_command(AdminParts& parts, const Json& command, const std::function<bool()>& stop);

}  // namespace tern::server
