// One device of a world: a real client on real files, the agent who uses it, and what may happen to it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "keys/key_file.hpp"
#include "support/virtual_environment.hpp"
#include "support/world_files.hpp"
#include "support/world_network.hpp"
#include "tern/client/client.hpp"
#include "tern/sync/change.hpp"
#include "tern/sync/ticket_fields.hpp"

namespace tern::test {

using Field = sync::FieldId;
using sync::ChangeRef;
using sync::Intent;
using sync::Outcome;
using sync::ReasonCode;
using sync::Rule;

class World;

/// What a device promised its agent to keep.
struct SavedWork {
  DeviceId device;
  TenantId tenant;
  ChangeRef ref;
  TicketId ticket;
  Intent intent = Intent::unspecified;
  std::string text;
  std::int64_t saved_ms = 0;  // what the server's clock said then, or should have
  std::uint64_t held = 0;     // newest commit that the device held then: its cursor, or of this ticket a later one
  bool may_be_lost = false;   // somebody put an older disk under it
  bool erased = false;
};

class Device {
public:
  /// In an enrolled home.
  Device(World& world, std::string name, std::string home, std::string address, Seed seed);

  // ---- the agent: each of these is saved on the device when it returns ----
  TicketId create(const std::string& subject, const std::string& description = {});
  ChangeRef set(const TicketId& ticket, Field field, std::optional<Bytes> value, std::string key = {});
  ChangeRef note(const TicketId& ticket, const std::string& text, sync::Visibility visibility = sync::Visibility::team);
  ChangeRef reply(const TicketId& ticket, const std::string& text) {
    return note(ticket, text, sync::Visibility::open);
  }
  /// start, wait, hold, resume, resolve, close, reopen, put_back, take, pin ...
  ChangeRef act(const TicketId& ticket, Intent intent, const std::string& text = {});
  ChangeRef assign(const TicketId& ticket, const OperatorId& to, const std::string& reason = "handing over");
  ChangeRef move_to(const TicketId& ticket, const RecordId& queue);
  ChangeRef tag(const TicketId& ticket, const std::string& label);
  ChangeRef save(sync::Change change);
  /// A change is promised when this returns it, and the power is still there.
  Result<std::vector<client::SavedChange>> try_save(std::vector<sync::Change> changes);

  // ---- what the agent sees ----
  client::TicketView show(const TicketId& ticket);
  /// All that everybody sees alike, as text to be compared.
  std::string view(const TicketId& ticket);
  bool holds(const TicketId& ticket);
  std::vector<client::ListRow> list();
  Result<std::vector<client::ListRow>> try_list();
  std::vector<client::HistoryEntry> history();
  /// What became of one change.
  client::HistoryEntry fate(const ChangeRef& ref);
  std::vector<client::HistoryEntry> attention();
  bool needs_attention(const ChangeRef& ref);
  client::SyncStatus status();
  client::Client& client() { return *client_; }

  // ---- going online ----
  /// Begins a round; what happens then is the world's to run.
  void begin_round();
  /// A whole round, or as far as it comes before it would wait; meanwhile time passes for everybody.
  Result<void> sync();
  /// Opens the stream (a session must be open) and keeps it until something breaks it.
  void go_live();
  [[nodiscard]] bool live() const { return live_; }
  /// Something is on its way, or rows wait to be applied.
  [[nodiscard]] bool busy() const { return in_flight_ || slice_due_; }
  /// The last round came to its end, and nothing went wrong since.
  [[nodiscard]] bool up_to_date() const { return up_to_date_; }
  [[nodiscard]] unsigned waits() const { return waits_; }
  /// For who asks its client something as the device does.
  [[nodiscard]] Running running() const;
  [[nodiscard]] const std::optional<Error>& fault() const { return fault_; }

  // ---- what may happen to it ----
  void open();
  /// The same where the disk may refuse.
  Result<void> try_open();
  void close();
  /// False between the moment it loses power and the crash that follows from it.
  [[nodiscard]] bool powered() const;
  /// Ends as a killed process ends, at this point, and comes back. What is shown afterwards must be what was shown.
  void crash();
  /// Stops as when the power goes: its files are what the disk kept. Only where the world has a disk of its own; does
  /// not come back by itself.
  void lose_power();
  /// crash, and the machine boots: the boot clock begins anew.
  void reboot();
  /// Somebody copies the home, and puts it back later over what was done since.
  std::string copy_home();
  void put_back(const std::string& copy);
  void delete_replica();
  void damage_replica();
  /// Behind its back, while it is open.
  void change_copy(const std::string& sql);
  [[nodiscard]] bool is_open() const { return client_ != nullptr; }

  // ---- for those who look inside ----
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& home() const { return home_; }
  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] const client::DeviceIdentity& identity() const { return identity_; }
  [[nodiscard]] OperatorId operator_id() const { return identity_.operator_id; }
  [[nodiscard]] const TenantId& tenant() const { return identity_.tenant; }
  client::OpenedKeys keys();

  VirtualEnvironment environment;
  std::size_t row_budget = 500;
  bool damaged_at_rest = false;  // its copy was
  bool gone = false;             // stolen, lost, given up: nobody waits for it any more

private:
  void pump();
  void pump_stream();
  void send(client::HttpRequest request);
  void send_ahead(client::HttpRequest request);
  void take(const Result<client::HttpAnswer>& answer);
  void apply_slice();
  void wait_until(std::int64_t boot_ms);
  std::map<TicketId, std::string> everything_shown();
  void keep(const std::vector<sync::Change>& changes, const std::vector<client::SavedChange>& saved);

  World& world_;
  std::string name_, home_, address_;
  client::DeviceIdentity identity_;
  std::unique_ptr<client::Client> client_;
  std::uint64_t life_ = 0;  // events of an earlier one are void
  bool in_flight_ = false, slice_due_ = false, up_to_date_ = false, live_ = false;
  std::uint64_t aheads_ = 0;   // requests that were sent while a page was applied
  bool awaits_ahead_ = false;  // the answer to the last of them, which is then `in_flight_`
  std::optional<Result<client::HttpAnswer>> came_ahead_;
  std::optional<std::int64_t> wake_at_ms_;
  unsigned waits_ = 0;
  std::optional<Error> fault_;
  std::shared_ptr<Network::Stream> stream_;
};

}  // namespace tern::test
