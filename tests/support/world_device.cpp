#include "support/world_device.hpp"

#include <filesystem>
#include <fstream>

#include "support/must.hpp"
#include "support/persist.hpp"
#include "support/world.hpp"
#include "support/world_files.hpp"

namespace tern::test {

using client::EngineStep;

Device::Device(World& world, std::string name, std::string home, std::string address, Seed seed)
    : environment(seed.value),
      world_(world),
      name_(std::move(name)),
      home_(std::move(home)),
      address_(std::move(address)) {}

// ---- the agent ----

TicketId Device::create(const std::string& subject, const std::string& description) {
  sync::Change change;
  change.intent = Intent::create;
  change.fields = {{Field::subject, {}, subject, false}};
  change.text = description;
  std::vector<sync::Change> one{change};
  return must(try_save(std::move(one))).front().ticket;
}

ChangeRef Device::set(const TicketId& ticket, Field field, std::optional<Bytes> value, std::string key) {
  sync::Change change;
  change.intent = Intent::set;
  change.ticket = ticket;
  change.fields = {{field, std::move(key), std::move(value), false}};
  return save(std::move(change));
}

ChangeRef Device::note(const TicketId& ticket, const std::string& text, sync::Visibility visibility) {
  sync::Change change;
  change.intent = Intent::message;
  change.ticket = ticket;
  change.visibility = visibility;
  change.text = text;
  return save(std::move(change));
}

ChangeRef Device::act(const TicketId& ticket, Intent intent, const std::string& text) {
  sync::Change change;
  change.intent = intent;
  change.ticket = ticket;
  change.text = text;
  return save(std::move(change));
}

ChangeRef Device::assign(const TicketId& ticket, const OperatorId& to, const std::string& reason) {
  sync::Change change;
  change.intent = Intent::assign;
  change.ticket = ticket;
  change.target = Bytes(to.view());
  change.reason = reason;
  return save(std::move(change));
}

ChangeRef Device::move_to(const TicketId& ticket, const RecordId& queue) {
  sync::Change change;
  change.intent = Intent::move_queue;
  change.ticket = ticket;
  change.target = Bytes(queue.view());
  return save(std::move(change));
}

ChangeRef Device::tag(const TicketId& ticket, const std::string& label) {
  sync::Change change;
  change.intent = Intent::tag;
  change.ticket = ticket;
  change.label = label;
  return save(std::move(change));
}

ChangeRef Device::save(sync::Change change) {
  std::vector<sync::Change> one;
  one.push_back(std::move(change));
  return must(try_save(std::move(one))).front().ref;
}

Result<std::vector<client::SavedChange>> Device::try_save(std::vector<sync::Change> changes) {
  const Running machine(world_.disk, home_);
  auto saved = persist([&] { return client_->commands().save(changes); });
  if (!saved) return saved;
  if (!powered()) return fail(ErrorCode::storage_failed, "The power went.");
  keep(changes, *saved);
  up_to_date_ = false;
  return saved;
}

void Device::keep(const std::vector<sync::Change>& changes, const std::vector<client::SavedChange>& saved) {
  const auto held = [this](const TicketId& ticket) -> std::uint64_t {
    if (world_.disk == nullptr) return 0;
    const LookingOn looking(world_.disk);
    const auto shown = client_->views().ticket(ticket);
    return std::max(status().cursor, shown ? shown->version : 0);
  };
  for (std::size_t i = 0; i < saved.size(); ++i)
    world_.saved_work.push_back({identity_.device, identity_.tenant, saved[i].ref, saved[i].ticket, changes[i].intent,
                                 changes[i].text, world_.server.environment.wall_ms() - world_.server_clock_off_ms,
                                 held(saved[i].ticket)});
}

// ---- what the agent sees ----

client::TicketView Device::show(const TicketId& ticket) {
  return must(persist([&] { return client_->views().ticket(ticket); }));
}

std::string Device::view(const TicketId& ticket) {
  client::TicketView seen = show(ticket);
  seen.pinned = false;
  seen.row.saved = client::Saved::confirmed;
  for (client::TimelineEntry& entry : seen.timeline) {
    entry.saved = client::Saved::confirmed;
    entry.unread = false;
  }
  seen.row.unread = 0;  // each device's own
  seen.read_mark = 0;
  seen.sla.clear();  // by each device's clock, as of its own last exchange
  seen.row.sla.reset();
  seen.waits_since_ms.reset();
  seen.sla_as_of_ms = 0;
  return to_text(client::to_json(seen));
}

bool Device::holds(const TicketId& ticket) {
  const auto there = client_->views().ticket(ticket);
  return there && !there->row.ghost;
}

std::vector<client::ListRow> Device::list() {
  return must(try_list());
}

Result<std::vector<client::ListRow>> Device::try_list() {
  const Running machine(world_.disk, home_);
  client::ListFilter filter;
  filter.status = "all";
  filter.limit = 500;
  std::vector<client::ListRow> rows;
  do {
    TERN_TRY(client::ListPage page, persist([&] { return client_->views().list(filter); }));
    rows.insert(rows.end(), page.rows.begin(), page.rows.end());
    filter.after = page.next;
  } while (!filter.after.empty());
  return rows;
}

std::vector<client::HistoryEntry> Device::history() {
  return must(persist([&] { return client_->views().history(std::nullopt); }));
}
std::vector<client::HistoryEntry> Device::attention() {
  return must(persist([&] { return client_->views().attention(); }));
}
client::SyncStatus Device::status() {
  return must(persist([&] { return client_->views().status(); }));
}

client::HistoryEntry Device::fate(const ChangeRef& ref) {
  for (client::HistoryEntry& entry : history())
    if (entry.change == ref) return entry;
  FAIL(name_ << " does not know this change any more");
  return {};
}

bool Device::needs_attention(const ChangeRef& ref) {
  for (const client::HistoryEntry& entry : attention())
    if (entry.change == ref) return true;
  return false;
}

// ---- going online ----

void Device::begin_round() {
  if (!client_) return;
  const Running machine(world_.disk, home_);
  client_->engine().retry_now();
  client_->engine().start_round();
  wake_at_ms_.reset();
  waits_ = 0;
  up_to_date_ = false;
  pump();
}

Result<void> Device::sync() {
  return persist([&]() -> Result<void> {
    begin_round();
    world_.run_while([this] { return busy() || (stream_ && !up_to_date_ && waits_ == 0); });
    if (fault_) return tl::unexpected(*fault_);
    return {};
  });
}

/// Goes on until something has to come from outside.
void Device::pump() {
  const Running machine(world_.disk, home_);
  while (client_ && !busy() && powered()) {
    EngineStep step = client_->engine().next();
    switch (step.kind) {
      case EngineStep::Kind::send:
        send(std::move(step.request));
        break;
      case EngineStep::Kind::send_ahead:
        send_ahead(std::move(step.request));
        break;
      case EngineStep::Kind::fetch:
        in_flight_ = awaits_ahead_ = !came_ahead_;
        if (came_ahead_) static_cast<void>(client_->engine().on_answer(*std::exchange(came_ahead_, std::nullopt)));
        break;
      case EngineStep::Kind::apply:
        slice_due_ = true;
        world_.schedule.after(1, [this, life = life_] {
          if (life == life_) apply_slice();
        });
        break;
      case EngineStep::Kind::wait:
        pump_stream();
        if (!stream_ || step.reason) {
          ++waits_;
          fault_ = step.reason;
        }
        wait_until(step.wake_at_boot_ms);
        return;
      case EngineStep::Kind::done:
        pump_stream();
        fault_.reset();
        up_to_date_ = true;
        wake_at_ms_.reset();
        return;
    }
  }
}

void Device::send(client::HttpRequest request) {
  in_flight_ = true;
  world_.network.carry(address_, std::move(request), [this, life = life_](const Result<client::HttpAnswer>& answer) {
    if (life == life_ && powered()) take(answer);
  });
}

void Device::take(const Result<client::HttpAnswer>& answer) {
  const Running machine(world_.disk, home_);
  in_flight_ = awaits_ahead_ = false;
  static_cast<void>(client_->engine().on_answer(answer));
  pump();
}

void Device::send_ahead(client::HttpRequest request) {
  came_ahead_.reset();
  world_.network.carry(address_, std::move(request),
                       [this, life = life_, ahead = ++aheads_](const Result<client::HttpAnswer>& answer) {
                         if (life != life_ || ahead != aheads_ || !powered()) return;
                         if (awaits_ahead_) return take(answer);
                         came_ahead_ = answer;
                       });
}

void Device::apply_slice() {
  const Running machine(world_.disk, home_);
  slice_due_ = false;
  static_cast<void>(client_->engine().apply_slice(row_budget));
  pump();
}

void Device::wait_until(std::int64_t boot_ms) {
  if (wake_at_ms_ && *wake_at_ms_ == boot_ms) return;
  wake_at_ms_ = boot_ms;
  world_.schedule.after(std::max<std::int64_t>(boot_ms - environment.boot_ms(), 1), [this, life = life_, boot_ms] {
    if (life != life_ || wake_at_ms_ != boot_ms) return;
    wake_at_ms_.reset();
    pump();
  });
}

void Device::go_live() {
  if (!client_ || stream_) return;
  const auto upgrade = client_->engine().stream_upgrade();
  if (!upgrade) return;
  const auto mine = [this, life = life_](auto what) {
    return [this, life, what](const auto&... arguments) {
      const Running machine(world_.disk, home_);
      if (life == life_) what(arguments...);
    };
  };
  Network::StreamEnds ends;
  ends.opened = mine([this](const client::HttpAnswer& answer) {
    live_ = client_->engine().on_stream_open(answer).has_value();
    if (!live_) return stream_->close();
    pump();
  });
  ends.message = mine([this](const Bytes& message) {
    if (auto taken = client_->engine().on_stream_message(message); !taken) {
      const ErrorCode code = taken.error().code;
      const bool over = code == ErrorCode::mac_invalid || code == ErrorCode::replayed || code == ErrorCode::malformed ||
                        code == ErrorCode::too_large;
      if (over && stream_) stream_->close();
    }
    up_to_date_ = false;
    pump();
  });
  ends.closed = mine([this] {
    live_ = false;
    stream_.reset();
    client_->engine().on_stream_closed();
    pump();
  });
  stream_ = world_.network.open_stream(address_, *upgrade, std::move(ends));
}

void Device::pump_stream() {
  while (stream_ && live_ && powered()) {
    auto message = client_->engine().next_stream_message();
    if (!message) return;
    stream_->send(std::move(*message));
  }
}

// ---- what may happen to it ----

void Device::open() {
  must(try_open());
}

Result<void> Device::try_open() {
  const Running machine(world_.disk, home_);
  client::ClientOptions options;
  options.home = home_;
  if (world_.disk != nullptr) options.vfs = world_.disk->vfs();
  TERN_TRY(client_, persist([&] { return client::Client::open(options, environment); }));
  client_->engine().send_ahead(true);
  identity_ = client_->identity();
  return {};
}

Running Device::running() const {
  return {world_.disk, home_};
}

bool Device::powered() const {
  return world_.disk == nullptr || world_.disk->has_power(home_);
}

void Device::close() {
  const Running machine(world_.disk, home_);
  ++life_;
  if (const auto stream = std::exchange(stream_, nullptr)) stream->close();
  client_.reset();
  in_flight_ = slice_due_ = up_to_date_ = live_ = awaits_ahead_ = false;
  came_ahead_.reset();
  wake_at_ms_.reset();
  fault_.reset();
}

std::map<TicketId, std::string> Device::everything_shown() {
  std::map<TicketId, std::string> shown;
  for (const client::ListRow& row : list())
    shown[row.id] = to_text(row.ghost ? client::to_json(row) : client::to_json(show(row.id)));
  return shown;
}

void Device::crash() {
  if (world_.disk != nullptr) {
    lose_power();
    return open();
  }
  world_.note_acknowledged(*this);
  const auto before = everything_shown();
  const std::string left = home_ + "-crashed";
  copy_files(home_, left);
  close();
  std::filesystem::remove_all(home_);
  std::filesystem::rename(left, home_);
  open();
  const auto after = everything_shown();
  if (before == after) return;
  for (const auto& [ticket, text] : before)
    if (const auto now = after.find(ticket); now == after.end()) {
      world_.complain("I15: " + name_ + " shows a ticket no more after a crash: " + text);
    } else if (now->second != text) {
      world_.complain("I15: " + name_ + " shows something else after a crash:\n  " + text + "\n  " + now->second);
    }
  if (after.size() > before.size()) world_.complain("I15: " + name_ + " shows more after a crash");
}

void Device::lose_power() {
  world_.disk->cut_power(home_);
  close();
  world_.disk->restore_power(home_);
}

void Device::reboot() {
  crash();
  close();
  environment.reboot();
  open();
}

std::string Device::copy_home() {
  std::string copy = home_ + "-copy-" + std::to_string(world_.schedule.now_ms());
  world_.copy_home(home_, copy);
  return copy;
}

void Device::put_back(const std::string& copy) {
  close();
  world_.copy_home(copy, home_);
  open();
}

void Device::delete_replica() {
  close();
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(home_ + "/replica.db" + suffix);
  if (world_.disk != nullptr) world_.disk->remove(home_ + "/replica.db");
  open();
}

void Device::damage_replica() {
  close();
  const std::string path = home_ + "/replica.db";
  if (world_.disk != nullptr) {
    world_.disk->damage(path);
    return open();
  }
  const auto size = std::filesystem::file_size(path);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  for (std::uintmax_t at = size / 8; at < size; at += 4096) {
    file.seekp(static_cast<std::streamoff>(at));
    file.write("damaged!", 8);
  }
  file.close();
  open();
}

void Device::change_copy(const std::string& sql) {
  const auto opened = keys();
  sqlite::OpenOptions options;
  options.path = home_ + "/replica.db";
  if (sqlite::encryption_available()) options.key = sqlite::DatabaseKey::or_zero(opened.replica_key.view());
  must(must(sqlite::Database::open(options))->exec(sql));
}

client::OpenedKeys Device::keys() {
  return must(client::open_keys(home_, std::nullopt, environment));
}

}  // namespace tern::test
