// What must hold of a world. The numbers are those of the list of invariants that the tests and the documents share.
#include <algorithm>
#include <map>
#include <numeric>

#include "exchange/patch_writer.hpp"
#include "support/world.hpp"
#include "support/world_history.hpp"
#include "tern/protocol/change_set.hpp"
#include "tern/sync/quote.hpp"
#include "tern/v1/change.pb.h"

namespace tern::test {
namespace {

Result<std::unique_ptr<sqlite::Database>> try_read_own(const WorldDisk* disk, Device& device, const std::string& file,
                                                       const protocol::SecretKey& key) {
  sqlite::OpenOptions options;
  options.path = device.home() + "/" + file;
  options.role = sqlite::Role::reader;
  options.create = false;
  if (disk != nullptr) options.vfs = disk->vfs();
  if (sqlite::encryption_available()) options.key = sqlite::DatabaseKey::or_zero(key.view());
  return sqlite::Database::open(options);
}

std::unique_ptr<sqlite::Database> read_own(const WorldDisk* disk, Device& device, const std::string& file,
                                           const protocol::SecretKey& key) {
  return must(try_read_own(disk, device, file, key));
}

/// One that could not be made anew on a bad disk stands in memory until the program starts again (Replica::rebuild);
/// a file that was begun beside it may have every table, and no place in the history.
bool copy_is_on_disk(const WorldDisk* disk, Device& device) {
  const auto keys = device.keys();
  const auto copy = try_read_own(disk, device, "replica.db", keys.replica_key);
  if (!copy) return false;
  const auto place = (*copy)->int64_of("SELECT 1 FROM meta WHERE name = 'cursor'");
  return place && place->has_value();
}

/// Calls `row` for each row.
template <typename Row, typename... Values>
void for_each(sqlite::Database& database, std::string_view sql, Row row, const Values&... values) {
  auto rows = must(database.query(sql, values...));
  while (must(rows.step())) row(rows);
}

/// A change id as the replica's message rows keep it is of no use here: messages are compared by what they say.
using Messages = std::map<ChangeRef, sync::Message>;

void add_message(Messages& messages, ByteView data) {
  sync::Message message = must(sync::decode_message(data));
  messages[message.stamp.ref()] = std::move(message);
}

/// The first in which two lists differ.
std::string difference(const Messages& is, const Messages& due) {
  for (const auto& [ref, message] : due)
    if (const auto mine = is.find(ref); mine == is.end()) {
      return "\"" + message.text + "\" is missing";
    } else if (!(mine->second == message)) {
      return "\"" + mine->second.text + "\" of version " + std::to_string(mine->second.version) + " for \"" +
             message.text + "\" of version " + std::to_string(message.version);
    }
  for (const auto& [ref, message] : is)
    if (!due.contains(ref)) return "\"" + message.text + "\" is not there";
  return "nothing";
}

}  // namespace

void World::complain(std::string what) {
  complaints_.push_back(std::move(what));
}

bool World::invariants_hold() {
  const LookingOn looking(disk);
  for (const auto& device : devices_)
    if (device->is_open()) note_acknowledged(*device);
  note_secrets();
  for (const TenantId& tenant : server.tenants()) {
    check_ledger(tenant);
    check_saved_work(tenant);
    if (disk == nullptr && server.up()) {  // where the disk is simulated, many worlds share the time
      const auto lines = try_export_history(server, folder.path(), tenant);
      const auto proven = lines ? prove(*lines) : tl::unexpected(lines.error());
      if (lines) check_names_no_secret(std::accumulate(lines->begin(), lines->end(), std::string()), "an export");
      if (!proven) complain("an export does not prove the history: " + proven.error().message);
    }
  }
  check_acknowledged();
  for (const auto& device : devices_)
    if (device->is_open() && !device->gone) check_device(*device);
  check_names_no_secret(server.log_lines(), "the log");
  check_names_no_secret(server.refusals(), "an error");
  for (const std::string& complaint : complaints_) UNSCOPED_INFO(complaint);
  return complaints_.empty();
}

/// I36: what tests gave away, what devices keep, and what the server drew, its keys among it.
void World::note_secrets() {
  for (const std::string& secret : secrets) secrets_.add(secret);
  secrets_.add(server.recovery_key());
  for (const auto& drawn = server.drawn_secrets(); drawn_noted_ < drawn.size(); ++drawn_noted_)
    secrets_.add(drawn[drawn_noted_]);
  for (const auto& device : devices_)
    if (device->is_open() && !device->gone && !device->status().wiped) {
      const auto keys = device->keys();
      for (const std::string& key : {std::string(keys.data_key.view()), std::string(keys.replica_key.view()),
                                     std::string(keys.signing_key.seed().view())})
        if (key.find_first_not_of('\0') != std::string::npos) secrets_.add(key);
    }
}

void World::check_names_no_secret(const std::string& text, const std::string& what) {
  for (std::size_t i = secrets_.in(text).size(); i > 0; --i) complain("I36: " + what + " names a secret");
}

// ---- the server ----

void World::check_ledger(const TenantId& tenant) {
  const auto db = server.read(tenant);
  std::uint64_t due = 1;
  struct Chain {
    std::uint64_t seq = 0;
    Hash hash;
  };
  std::map<std::pair<DeviceId, std::uint64_t>, Chain> chains;
  for_each(
      *db,
      "SELECT commit_seq, device_id, device_epoch, chain_seq, set_hash, header FROM change_set ORDER BY commit_seq",
      [&](auto& row) {
        if (row.uint64(0) != due)
          complain("I1: commit " + std::to_string(row.uint64(0)) + " stands where " + std::to_string(due) + " is due");
        due = row.uint64(0) + 1;
        const auto device = row.template id<DeviceId>(1);
        Chain& chain = chains[{device, row.uint64(2)}];
        const auto header = must(protocol::decode_header(row.blob(5)));
        if (row.uint64(3) != chain.seq + 1)
          complain("I4: a hole in the chain of " + to_hex(device) + " before set " + std::to_string(row.uint64(3)));
        if (chain.seq != 0 && header.prev_hash != chain.hash)
          complain("I4: a set of " + to_hex(device) + " does not name the set before it");
        if (protocol::set_hash(row.blob(5)).view() != row.blob(4)) complain("I4: a set is not the one of its hash");
        chain = {row.uint64(3), row.template id<Hash>(4)};
      });
  std::int64_t time_ms = 0;
  for_each(*db, "SELECT time_ms FROM anchor ORDER BY anchor_seq", [&](auto& row) {
    if (row.int64(0) < time_ms) complain("I24: the time of anchors goes back");
    time_ms = row.int64(0);
  });
  if (auto whole = db->integrity_check(); !whole) complain("I29: " + whole.error().message);
  // I7, I10: every signature, chain and root; receipts and state folded again from zero.
  const auto verified = server.try_administer("verify", {}, to_uuid_text(tenant.view()));
  if (!verified) return complain("verify: " + verified.error().message);
  for (const Json& finding : (*verified)["findings"].items()) complain("I10: " + finding.as_string());
}

std::set<ChangeRef> World::deposited(const TenantId& tenant) {
  std::set<ChangeRef> found;
  const auto db = server.read(tenant);
  for_each(*db, "SELECT device_id, wire FROM quarantine", [&](auto& row) {
    const auto set = must(protocol::decode_change_set(row.blob(1)));
    for (const protocol::SealedChange& change : set.changes) {
      v1::Skeleton skeleton;
      skeleton.ParseFromString(change.skeleton);
      found.insert({row.template id<DeviceId>(0), ChangeId::or_zero(skeleton.id())});
    }
  });
  return found;
}

std::string World::place_of(const TenantId& tenant, const ChangeRef& ref) {
  const auto there = must(server.read(tenant)->int64_of("SELECT 1 FROM change WHERE device_id = $1 AND change_id = $2",
                                                        ref.device, ref.id));
  if (there) return "ledger";
  return deposited(tenant).contains(ref) ? "quarantine" : "nowhere";
}

/// I3, I8: every change that was saved has one place, and says what it says once.
void World::check_saved_work(const TenantId& tenant) {
  const auto db = server.read(tenant);
  const std::set<ChangeRef> kept = deposited(tenant);
  std::map<ChangeRef, std::pair<std::int64_t, Outcome>> places;
  for_each(*db, "SELECT device_id, change_id, outcome, standing FROM change", [&](auto& row) {
    auto& place = places[{row.template id<DeviceId>(0), row.template id<ChangeId>(1)}];
    ++place.first;
    place.second = static_cast<Outcome>(row.int64(3));
  });
  std::map<std::string, int> said;
  for_each(*db, "SELECT data FROM message", [&](auto& row) { ++said[must(sync::decode_message(row.blob(0))).text]; });
  std::map<std::string, int> expected;

  std::map<DeviceId, bool> settled;  // all that say they are this device are up to date
  for (const auto& device : devices_) {
    const bool done = device->is_open() && !device->gone && device->up_to_date();
    const auto [at, first] = settled.try_emplace(device->identity().device, done);
    at->second = at->second && done;
  }
  for (const SavedWork& work : saved_work) {
    if (work.tenant != tenant) continue;
    const auto place = places.find(work.ref);
    if (place == places.end()) {
      if (settled[work.device] && !work.may_be_lost && !kept.contains(work.ref))
        complain("I8: saved work has no outcome: " + to_hex(work.ref.id) + " of " + to_hex(work.device) + " at " +
                 std::to_string(work.saved_ms) + " " + work.text);
      continue;
    }
    if (place->second.first != 1) complain("I3: a change stands twice in the ledger");
    const bool refused = place->second.second == Outcome::held || place->second.second == Outcome::rejected;
    if (work.intent == Intent::message && !work.erased) expected[work.text] += refused ? 0 : 1;
  }
  for (const auto& [text, times] : expected)
    if (said[text] != times)
      complain("I3: \"" + text + "\" is there " + std::to_string(said[text]) + " times, not " + std::to_string(times));
}

EpochId World::epoch_of(Device& device) {
  const LookingOn looking(disk);
  const auto copy = try_read_own(disk, device, "replica.db", device.keys().replica_key);
  EpochId epoch;
  if (!copy) return epoch;
  auto rows = (*copy)->query("SELECT value FROM meta WHERE name = 'cursor'");
  if (rows && rows->step().value_or(false)) epoch = EpochId::or_zero(rows->blob(0).substr(0, EpochId::size_bytes));
  return epoch;
}

std::set<ChangeId> World::own_work(Device& device) {
  const LookingOn looking(disk);
  std::set<ChangeId> own;
  const auto outbox = try_read_own(disk, device, "outbox.db", device.keys().data_key);
  if (!outbox) return own;
  auto rows = (*outbox)->query("SELECT change_id FROM change");
  while (rows && rows->step().value_or(false)) own.insert(rows->id<ChangeId>(0));
  return own;
}

std::uint64_t World::sets_waiting(Device& device) {
  const LookingOn looking(disk);
  const auto outbox = try_read_own(disk, device, "outbox.db", device.keys().data_key);
  if (!outbox) return 0;
  return static_cast<std::uint64_t>(
      (*outbox)->int64_of("SELECT count(*) FROM change_set WHERE state < 3").value_or(0).value_or(0));
}

void World::note_acknowledged(Device& device) {
  const LookingOn looking(disk);
  const auto keys = device.keys();
  const auto db = read_own(disk, device, "outbox.db", keys.data_key);
  for_each(*db, "SELECT device_epoch, chain_seq, commit_seq, hash FROM change_set WHERE state >= 3 AND commit_seq > 0",
           [&](auto& row) {
             acknowledged_.insert({device.tenant(), device.identity().device, row.uint64(0), row.uint64(1),
                                   row.uint64(2), row.template id<Hash>(3)});
           });
}

bool World::acknowledged_is_kept() {
  const LookingOn looking(disk);
  for (const auto& device : devices_)
    if (device->is_open() && device->powered()) note_acknowledged(*device);
  check_acknowledged();
  return complaints_.empty();
}

/// I5
void World::check_acknowledged() {
  std::map<TenantId, std::unique_ptr<sqlite::Database>> ledgers;
  for (const Acknowledged& set : acknowledged_) {
    auto& db = ledgers[set.tenant];
    if (!db) db = server.read(set.tenant);
    const auto there =
        must(db->int64_of("SELECT commit_seq FROM change_set WHERE device_id = $1 AND device_epoch = $2 AND chain_seq "
                          "= $3 AND set_hash = $4",
                          set.device, set.device_epoch, set.chain_seq, set.hash));
    if (there != static_cast<std::int64_t>(set.commit_seq))
      complain("I5: an acknowledged set is not in the ledger: " + to_hex(set.device) + " epoch " +
               std::to_string(set.device_epoch) + " set " + std::to_string(set.chain_seq) + " commit " +
               std::to_string(set.commit_seq) + ", there " + std::to_string(there.value_or(0)));
  }
}

// ---- devices ----

void World::check_device(Device& device) {
  const auto history = device.history();
  const std::uint64_t newest = server.tenant(device.tenant()).commit_seq();
  // A question may meet damage that nobody had asked for before; the copy is empty then, and what was said of it void.
  if (device.up_to_date() && device.status().cursor == 0 && newest != 0) static_cast<void>(device.sync());
  if (device.up_to_date() && disk != nullptr && !copy_is_on_disk(disk, device)) {
    device.close();
    device.open();
    static_cast<void>(device.sync());
  }
  const client::SyncStatus status = device.status();
  if (status.cursor > newest && status.paused.empty())
    complain("I27: " + device.name() + " stands beyond the newest commit");
  if (!device.up_to_date()) return;
  if (status.saved_here != 0 || status.sent != 0)
    complain("I8: " + device.name() + " says it is done and still has something to send");
  for (const client::HistoryEntry& entry : history)
    if (entry.outcome == Outcome::unspecified)
      complain("I8: " + device.name() + " cannot say what became of " + entry.intent);
  if (status.cursor == newest) check_copy(device);
}

/// I8: what a copy shows of a ticket of which restores lost something is in the ledger or waits for an administrator,
/// itself or what it says again. Of a ticket of which something was erased nothing is handed back.
void World::check_known(Device& device, const TicketId& ticket, const ChangeRef& ref, const sync::Message& message) {
  if (message.erased) return;
  std::set<ChangeRef> here = deposited(device.tenant());
  const auto ledger = server.read(device.tenant());
  const std::string by_name = "SELECT device_id, change_id FROM ";
  for (const char* table : {"change", "handed_back"})
    for_each(*ledger, by_name + table, [&](auto& row) {
      here.insert({row.template id<DeviceId>(0), row.template id<ChangeId>(1)});
    });
  const bool said_again =
      ref.device == server.tenant(device.tenant()).keys().sealing_device &&
      std::ranges::any_of(here, [&](const ChangeRef& one) { return sync::quoting_id(one) == ref.id; });
  const bool erased =
      must(ledger->int64_of("SELECT 1 FROM erasure e JOIN change c ON c.device_id = e.device_id AND c.change_id = "
                            "e.change_id WHERE c.ticket_id = $1",
                            ticket))
          .has_value();
  if (!here.contains(ref) && !said_again && !erased)
    complain("I8: " + device.name() + " shows what nobody brought back: \"" + message.text + "\"");
}

/// I9, I17: the copy is what the server shows this operator, no more and no less.
void World::check_copy(Device& device) {
  const auto ledger = server.read(device.tenant());
  const auto actor = must(server.try_administer("operator list", {}, to_uuid_text(device.tenant().view())));
  const bool sees_restricted = std::ranges::any_of(actor["rows"].items(), [&](const Json& row) {
    const auto role = sync::role_from_name(row["role"].as_string());
    return from_uuid_text(row["id"].as_string()) == Bytes(device.operator_id().view()) && role &&
           sync::has_right(*role, sync::Right::restricted_note);
  });
  const bool all = must(ledger->int64_of("SELECT scope_all FROM device WHERE device_id = $1", device.identity().device))
                       .value_or(0) != 0;
  const server::ReaderScope scope{1, device.operator_id(), all, sees_restricted, 0};

  std::map<TicketId, sync::TicketState> due;
  std::map<TicketId, Messages> due_messages;
  for_each(*ledger, "SELECT ticket_id, state FROM ticket", [&](auto& row) {
    const auto id = row.template id<TicketId>(0);
    const bool member =
        all ||
        must(ledger->int64_of("SELECT 1 FROM scope_member WHERE operator_id = $1 AND ticket_id = $2 AND left_seq = 0",
                              device.operator_id(), id))
            .has_value();
    if (!member) return;
    due[id] = must(sync::decode_state(must(server::state_for(scope, row.blob(1)))));
    due_messages[id];
  });
  for_each(*ledger, "SELECT ticket_id, data, visibility FROM message", [&](auto& row) {
    const auto id = row.template id<TicketId>(0);
    if (!due.contains(id)) return;
    const bool hidden = !sees_restricted && row.int64(2) == static_cast<std::int64_t>(sync::Visibility::restricted) &&
                        must(sync::decode_message(row.blob(1))).stamp.author != device.operator_id();
    if (!hidden) add_message(due_messages[id], row.blob(1));
  });
  for_each(*ledger,
           "SELECT g.ticket_id, m.data, m.visibility FROM given_message g JOIN message m "
           "ON m.device_id = g.device_id AND m.change_id = g.change_id",
           [&](auto& row) {
             const auto id = row.template id<TicketId>(0);
             if (due.contains(id) && row.int64(2) != static_cast<std::int64_t>(sync::Visibility::restricted))
               add_message(due_messages[id], row.blob(1));
           });

  const auto keys = device.keys();
  const auto copy = read_own(disk, device, "replica.db", keys.replica_key);
  // Damage that was put there and that no question has met yet is nobody's fault, but what is read here may meet it.
  if (const auto whole = copy->integrity_check(); !whole) {
    if (!device.damaged_at_rest) complain("I29: " + device.name() + ": " + whole.error().message);
    return;
  }
  std::map<TicketId, sync::TicketState> held;
  std::map<TicketId, Messages> held_messages;
  std::map<std::int64_t, TicketId> names;
  for_each(*copy, "SELECT id, ticket_id, state, overlay FROM ticket", [&](auto& row) {
    const auto id = row.template id<TicketId>(1);
    if (row.is_null(2)) return complain("I9: " + device.name() + " still shows a ghost or a draft, though it is done");
    if (!row.is_null(3)) complain("I15: " + device.name() + " still has an overlay, though it is done");
    held[id] = must(sync::decode_state(row.blob(2)));
    names[row.int64(0)] = id;
    held_messages[id];
  });
  for_each(*copy, "SELECT ticket, data FROM message",
           [&](auto& row) { add_message(held_messages[names[row.int64(0)]], row.blob(1)); });

  for (const auto& [id, state] : held)
    if (!due.contains(id) && !torn_tickets.contains(id))
      complain("I17: " + device.name() + " holds a ticket outside its scope: " + state.number + " " + to_hex(id) +
               (must(ledger->int64_of("SELECT 1 FROM ticket WHERE ticket_id = $1", id)) ? "" : ", which is not there"));
  for (const TicketId& id : torn_tickets)
    for (const auto& [ref, message] : held_messages[id]) check_known(device, id, ref, message);
  for (const auto& [id, state] : due) {
    if (torn_tickets.contains(id)) continue;
    const auto mine = held.find(id);
    if (mine == held.end()) {
      complain("I9: " + device.name() + " lacks a ticket of its scope");
    } else if (!(mine->second == state)) {
      complain("I9: " + device.name() + " shows another state of " + state.number + ": version " +
               std::to_string(mine->second.version) + " where the server has " + std::to_string(state.version));
    } else if (held_messages[id] != due_messages[id]) {
      complain("I9: " + device.name() + " shows other messages of " + state.number + ": " +
               difference(held_messages[id], due_messages[id]));
    }
  }
}

}  // namespace tern::test
