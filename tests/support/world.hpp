// A world: real client-core and real server core in one thread, from a seed, through the encoded bytes of the wire.
//
// Virtual time moves only when the world is run. Files are real; what a crash leaves is what was written at that
// moment.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "support/catch.hpp"
#include "support/must.hpp"
#include "support/secret_search.hpp"
#include "support/world_device.hpp"
#include "support/world_files.hpp"
#include "support/world_network.hpp"
#include "support/world_random.hpp"
#include "support/world_schedule.hpp"
#include "support/world_server.hpp"

namespace tern::test {

constexpr std::int64_t minutes_ms(std::int64_t n) {
  return n * 60'000;
}
constexpr std::int64_t hours_ms(std::int64_t n) {
  return n * 3'600'000;
}
constexpr std::int64_t days_ms(std::int64_t n) {
  return n * 86'400'000;
}

/// Whose device it is.
struct DeviceOptions {
  std::string person;  // operator's name; empty: the device's name
  std::string role = "supervisor";
  std::vector<std::string> queues;
  bool scope_all = true;
  std::string tenant;  // name; empty: the first
};

class World {
public:
  /// SQLite files lie on `disk` when there is one; it outlives the world.
  explicit World(Seed seed, WorldDisk* disk = nullptr);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // ---- who is there ----
  /// Enrols a device, with an operator made for it when there is none of that name, and syncs it once.
  Device& add_device(const std::string& name, const DeviceOptions& options = {});
  OperatorId add_operator(const std::string& name, const std::string& role = "supervisor",
                          const std::vector<std::string>& queues = {}, const std::string& tenant = {});
  RecordId add_record(const std::string& kind, const std::string& name, const std::string& tenant = {});
  void change_role(const std::string& person, const std::string& role);
  /// Somebody copies a device's home: another device that says it is the same one.
  Device& clone(Device& of, const std::string& name);
  /// All files, wherever they lie, as they are at this moment. `to` is replaced.
  void copy_home(const std::string& from, const std::string& to);
  [[nodiscard]] Device& device(std::size_t index) { return *devices_[index]; }
  [[nodiscard]] std::size_t device_count() const { return devices_.size(); }
  Result<client::DeviceIdentity> enrol(const std::string& home, const std::string& code, client::Transport& transport,
                                       Environment& environment);
  std::string enrolment_code(const std::string& person, bool scope_all = true, const std::string& tenant = {});

  // ---- time ----
  /// Time passes; what is due happens.
  void pass(std::int64_t ms);
  /// Runs while `busy` says so and anything is left to happen, at most an hour.
  void run_while(const std::function<bool()>& busy);
  /// Everybody who reaches the server syncs again and again until nothing changes any more. False when that never came.
  bool run_until_quiet();

  /// Where a change is: "ledger", "quarantine" or "nowhere". On the server, that is.
  std::string place_of(const TenantId& tenant, const ChangeRef& ref);

  // ---- what must hold, at any time; more of it once all is quiet ----
  /// Nothing acknowledged or saved was lost or counted twice, and who is up to date shows what the server holds. What
  /// does not hold is printed with the failure.
  bool invariants_hold();
  [[nodiscard]] const std::vector<std::string>& complaints() const { return complaints_; }
  /// Something an actor noticed. Kept for invariants_hold.
  void complain(std::string what);
  /// Of the server's history that this device's copy follows; zero: of none.
  EpochId epoch_of(Device& device);
  /// All that this device has of its own work, sent or not: what it can bring back after a restore.
  std::set<ChangeId> own_work(Device& device);
  /// Sets of this device that are sealed and without a receipt.
  std::uint64_t sets_waiting(Device& device);
  /// What this device has receipts for, from now on, must stay in the ledger.
  void note_acknowledged(Device& device);
  /// Only that: what devices hold receipts for stands in the ledger. For the middle of a run.
  bool acknowledged_is_kept();
  /// After a restore: what was acknowledged above the copy's size is the devices' to bring back, so it is not looked
  /// for.
  void forget_acknowledged() { acknowledged_.clear(); }

  /// Tickets of which a restore lost something for good: who saw it keeps it, so copies of them differ.
  std::set<TicketId> torn_tickets;

  const Seed seed;
  WorldDisk* const disk;
  WorldFolder folder;
  Schedule schedule;
  Server server;
  Network network;
  Random random;  // of the test's own
  std::vector<SavedWork> saved_work;
  std::int64_t server_clock_off_ms = 0;  // by which somebody has set it wrong
  std::vector<std::string> secrets;      // codes, keys, tokens: never in a log line or an error

private:
  void move_clocks(std::int64_t by_ms);
  std::string progress() const;
  std::set<ChangeRef> deposited(const TenantId& tenant);
  void check_ledger(const TenantId& tenant);
  void check_saved_work(const TenantId& tenant);
  void check_acknowledged();
  void note_secrets();
  void check_names_no_secret(const std::string& text, const std::string& what);
  void check_device(Device& device);
  void check_copy(Device& device);
  void check_known(Device& device, const TicketId& ticket, const ChangeRef& ref, const sync::Message& message);

  /// A receipt that a device has held: what it names must stay.
  struct Acknowledged {
    TenantId tenant;
    DeviceId device;
    std::uint64_t device_epoch = 0, chain_seq = 0, commit_seq = 0;
    Hash hash;
    auto operator<=>(const Acknowledged&) const = default;
  };

  std::vector<std::unique_ptr<Device>> devices_;
  std::map<std::string, OperatorId> operators_;
  std::set<Acknowledged> acknowledged_;
  std::vector<std::string> complaints_;
  SecretSearch secrets_;
  std::size_t drawn_noted_ = 0;
  std::int64_t ticked_ms_ = 0;
  Catch::ScopedMessage seed_shown_;
};

}  // namespace tern::test
