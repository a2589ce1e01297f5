// A tenant in a folder of its own with operators and devices whose sets tests make by hand.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ingest/committer.hpp"
#include "ingest/devices.hpp"
#include "ingest/jobs.hpp"
#include "ingest/verify_tenant.hpp"
#include "store/ledger.hpp"
#include "store/tenant.hpp"
#include "support/persist.hpp"
#include "support/temp_dir.hpp"
#include "support/virtual_environment.hpp"
#include "tern/protocol/enrolment.hpp"
#include "tern/sync/fold.hpp"
#include "tern/sync/trusted_time.hpp"

namespace tern::test {

using sync::Change;
using sync::Intent;
using sync::Outcome;
using sync::ReasonCode;
using sync::Rule;

/// What a receipt says of one change.
struct Told {
  Outcome outcome = Outcome::unspecified;
  Rule rule = Rule::unspecified;
  ReasonCode reason = ReasonCode::none;
  std::int64_t effective_ms = 0, lo_ms = 0, hi_ms = 0;
  std::uint32_t time_flags = 0;
  std::uint64_t seen_seq = 0, integer_id = 0;
  std::string number;
};

class Desk;

/// One device: seals, keeps what it sealed, pushes. Its clock is the desk's plus an error of its own.
class Van {
public:
  Van(Desk& desk, OperatorId operator_id, bool scope_all);

  /// Saved: `seen` is what this device has seen of the ticket (its cursor) unless the test says otherwise.
  Change make(Intent intent, const TicketId& ticket);
  Change create(const TicketId& ticket, const std::string& subject = "pump leaks");
  Change set(const TicketId& ticket, sync::FieldId field, std::optional<Bytes> value, std::string key = {});
  Change note(const TicketId& ticket, const std::string& text, sync::Visibility visibility = sync::Visibility::team);

  /// Seals one set and keeps it until a push.
  const Bytes& seal(std::vector<Change> changes);
  /// A set that does not continue the chain, and is not kept.
  Bytes seal_apart(std::vector<Change> changes, protocol::ChainHead after);
  /// Everything sealed and not pushed yet.
  server::Push pushable();
  server::PushAnswer push();
  server::PushAnswer push(server::Push what);
  /// Pushes, takes an anchor and moves the cursor to what the server has.
  server::PushAnswer sync();
  void pull();
  /// Seals, pushes and tells what became of each change.
  std::vector<Told> send(std::vector<Change> changes);
  Told send(Change change) { return send(std::vector<Change>{std::move(change)}).front(); }

  Desk& desk;
  OperatorId operator_id;
  DeviceId id;
  std::unique_ptr<protocol::SigningKey> key;
  Bytes certificate;
  protocol::ChainHead head;
  Hash anchor;
  std::int64_t anchor_boot_ms = 0;
  std::uint64_t cursor = 0;
  std::int64_t wall_error_ms = 0;
  bool knows_mono = true;
  std::vector<Bytes> sealed;                     // not pushed yet
  std::vector<protocol::ChangeSet> sets;         // all, as sealed
  std::optional<protocol::ChangeSet> resign_of;  // the next seal_apart carries this original
};

class Desk {
public:
  explicit Desk(std::uint64_t seed = 1, const std::string& name = "Pumps Ltd",
                const std::string& zone = "Europe/Berlin");

  void reopen();
  server::TenantOptions options() const;
  protocol::SigningKey root() const;

  OperatorId add_operator(const std::string& name, sync::Role role = sync::Role::operator_,
                          std::vector<RecordId> queues = {});
  void change_operator(const OperatorId& id, sync::Role role, std::vector<RecordId> queues = {}, bool active = true);
  RecordId add_record(sync::RecordKind kind, const std::string& name);
  std::unique_ptr<Van> add_van(const OperatorId& operator_id, bool scope_all = false);
  server::ServerCommit act(Change change, const OperatorId& acting = {});

  std::vector<server::PushAnswer> commit(std::vector<server::Push> pushes);

  sync::TicketState state(const TicketId& ticket);
  std::vector<sync::Message> messages(const TicketId& ticket);
  Outcome standing(const sync::ChangeRef& ref);
  std::vector<OperatorId> members(const TicketId& ticket);
  std::int64_t count(const std::string& table);
  /// State, messages and standings of every ticket equal a fold from zero; empty when they do.
  std::string differs_from_zero();
  /// Membership rows against the rules of scope, asked of every operator with a device; empty when they agree.
  std::string wrong_members();
  server::Verification verify();
  TicketId new_ticket_id() { return random_id<TicketId>(environment); }

  TempDir folder;
  VirtualEnvironment environment;
  TenantId id;
  std::string seeds[2];
  DeviceId sealing_device;
  std::unique_ptr<server::Tenant> tenant;

private:
  server::TenantKeys keys() const;
};

std::vector<Told> told(const server::PushAnswer& answer);

/// A job, which waits while the storage is in trouble: until something was written again.
template <typename Job>
auto persist_job(server::Tenant& tenant, const Job& job) {
  bool again = false;
  return persist([&] {
    if (std::exchange(again, true))
      if (auto kept = server::maintain(tenant); !kept) return decltype(job())(tl::unexpected(std::move(kept).error()));
    return job();
  });
}

}  // namespace tern::test
