#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <filesystem>

#include "simulation/sim_vfs_inside.hpp"
#include "support/files.hpp"
#include "tern/protocol/error.hpp"

namespace tern::test {
namespace {

std::atomic<int> disks_made{0};

bool below(const std::string& path, const std::string& root) {
  return path.size() >= root.size() && path.compare(0, root.size(), root) == 0 &&
         (path.size() == root.size() || path[root.size()] == '/');
}

}  // namespace

SimDisk::SimDisk(Seed seed, bool plain)
    : name_("simulated-" + std::to_string(++disks_made)),
      random_(seed, "disk"),
      tears_in_sectors_(!plain),
      registered_(new Registered) {
  sector_bytes_ = random_.chance(500) ? 512 : 4096;
  sqlite3_initialize();
  sqlite3_vfs& vfs = registered_->vfs;
  set_calls(vfs);
  vfs.zName = name_.c_str();
  vfs.pAppData = this;
  check(sqlite3_vfs_register(&vfs, 0) == SQLITE_OK, "SQLite takes another VFS");
  add_machine("");
}

SimDisk::~SimDisk() {
  meet(nullptr);
  meet_statements(nullptr);
#if TERN_SQLITE_ENCRYPTION
  sqlite3mc_vfs_destroy(("multipleciphers-" + name_).c_str());
#endif
  sqlite3_vfs_unregister(&registered_->vfs);
}

void SimDisk::add_machine(const std::string& root) {
  auto& machine = machines_[root];
  if (machine) return;
  machine = std::make_unique<Machine>();
  machine->root = root;
}

SimDisk::Machine& SimDisk::machine_of(const std::string& path) {
  Machine* found = machines_.at("").get();
  for (const auto& [root, machine] : machines_)
    if (!root.empty() && below(path, root) && root.size() > found->root.size()) found = machine.get();
  return *found;
}

int SimDisk::enter(Machine& machine, unsigned call, int error) {
  if (looking_ > 0) return SQLITE_OK;
  last_errno_ = EIO;
  if (!machine.power) return error;
  ++machine.calls.all;
  if ((call & disk_call::changing) != 0) ++machine.calls.changing;
  if ((call & disk_call::changing) != 0 && machine.cut_in != 0 && --machine.cut_in == 0) {
    machine.power = false;
    ++seen_.power_cuts;
    if (on_power_lost) on_power_lost(machine.root);
    return error;
  }
  if ((call & machine.failing) == 0) return SQLITE_OK;
  if (machine.fails_in > 1) {
    --machine.fails_in;
    return SQLITE_OK;
  }
  if (!machine.for_ever) machine.failing = 0;
  ++seen_.errors;
  return error;
}

std::shared_ptr<SimDisk::File> SimDisk::make_file(Machine& machine) const {
  auto made = std::make_shared<File>();
  made->machine = &machine;
  if (tears_in_sectors_) made->sector = static_cast<std::size_t>(sector_bytes_);
  return made;
}

/// A real file that somebody has put there (a restored backup) is taken over.
std::shared_ptr<SimDisk::File> SimDisk::find_or_import(const std::string& path) {
  const auto found = files_.find(path);
  if (found != files_.end()) return found->second;
  std::error_code none;
  if (!std::filesystem::is_regular_file(path, none)) return nullptr;
  auto file = make_file(machine_of(path));
  file->live = content_of(path);
  file->durable = file->live;
  file->machine->used += file->live.size();
  std::filesystem::remove(path, none);
  return files_[path] = file;
}

void SimDisk::fail_call(const std::string& root, unsigned calls, std::uint64_t nth, bool for_ever) {
  Machine& machine = *machines_.at(root);
  machine.failing = calls;
  machine.fails_in = nth;
  machine.for_ever = for_ever;
}
void SimDisk::fail_memory(const std::string& root, std::uint64_t nth, std::uint64_t times) {
  MemoryFault& memory = machines_.at(root)->memory;
  memory.fails_in = nth;
  memory.left = times;
}
void SimDisk::fail_statement(const std::string& root, std::uint64_t nth) {
  machines_.at(root)->statements.fails_in = nth;
}
void SimDisk::give_memory() {
  Machine* running = looking_ > 0 || running_.empty() ? nullptr : machines_.at(running_).get();
  meet(running == nullptr ? nullptr : &running->memory);
  meet_statements(running == nullptr ? nullptr : &running->statements);
}
void SimDisk::look_without_faults(bool on) {
  looking_ += on ? 1 : -1;
  give_memory();
}
std::string SimDisk::runs(const std::string& root) {
  std::string before = std::exchange(running_, root);
  give_memory();
  return before;
}
DiskSeen SimDisk::seen() const {
  DiskSeen seen = seen_;
  for (const auto& [root, machine] : machines_) {
    seen.memory += machine->memory.failed;
    seen.statements += machine->statements.failed;
  }
  return seen;
}
void SimDisk::cut_power_at(const std::string& root, std::uint64_t nth_changing_call) {
  machines_.at(root)->cut_in = nth_changing_call;
}
void SimDisk::set_quota(const std::string& root, std::uint64_t bytes) {
  machines_.at(root)->quota = bytes;
}
std::uint64_t SimDisk::used(const std::string& root) const {
  return machines_.at(root)->used;
}
DiskCalls SimDisk::calls(const std::string& root) const {
  DiskCalls calls = machines_.at(root)->calls;
  calls.statements = machines_.at(root)->statements.begun;
  return calls;
}
void SimDisk::heal(const std::string& root) {
  Machine& machine = *machines_.at(root);
  machine.failing = 0;
  machine.cut_in = 0;
  machine.quota = no_quota;
  machine.memory.left = 0;
  machine.statements.fails_in = 0;
}

bool SimDisk::flip_bit(const std::string& path) {
  const auto found = files_.find(path);
  if (found == files_.end() || found->second->durable.empty()) return false;
  File& file = *found->second;
  const std::size_t at = random_.below(file.durable.size());
  const char bit = static_cast<char>(1U << random_.below(8));
  file.durable[at] = static_cast<char>(file.durable[at] ^ bit);
  if (at < file.live.size()) file.live[at] = static_cast<char>(file.live[at] ^ bit);
  ++seen_.flipped;
  return true;
}

std::string SimDisk::content(const std::string& path) const {
  const auto found = files_.find(path);
  return found == files_.end() ? std::string() : found->second->live;
}

std::string SimDisk::find(const std::string& path, std::string_view bytes) const {
  for (const auto& [name, file] : files_)
    if (name.compare(0, path.size(), path) == 0 &&
        (file->live.find(bytes) != std::string::npos || file->durable.find(bytes) != std::string::npos))
      return name;
  return {};
}

void SimDisk::damage(const std::string& path) {
  const auto file = find_or_import(path);
  if (!file) return;
  for (std::size_t at = file->live.size() / 8; at + 8 <= file->live.size(); at += 4096)
    file->live.replace(at, 8, "damaged!");
  file->durable = file->live;
  file->forget_unsynced();
}

void SimDisk::copy(const std::string& from, const std::string& to) {
  remove(to);
  std::vector<std::pair<std::string, std::shared_ptr<File>>> copies;
  for (const auto& [path, file] : files_) {
    if (path.compare(0, from.size() + 1, from + "/") != 0) continue;
    const std::string target = to + path.substr(from.size());
    auto made = make_file(machine_of(target));
    made->live = made->durable = file->live;
    made->machine->used += made->live.size();
    copies.emplace_back(target, std::move(made));
  }
  for (auto& [path, file] : copies) files_[path] = std::move(file);
}

/// The file, or all below the folder; with a database go its -wal and -journal.
void SimDisk::remove(const std::string& path) {
  std::erase_if(files_, [&](const auto& entry) {
    const bool gone = entry.first == path || entry.first.compare(0, path.size() + 1, path + "/") == 0 ||
                      entry.first == path + "-wal" || entry.first == path + "-journal";
    if (gone) entry.second->machine->used -= entry.second->live.size();
    return gone;
  });
}

void SimDisk::cut_power(const std::string& root) {
  machines_.at(root)->power = false;
}
bool SimDisk::has_power(const std::string& root) const {
  return machines_.at(root)->power;
}

void SimDisk::crash(File& file, unsigned kept_in_a_thousand) {
  std::string left = file.durable;
  if (file.resized && file.live.size() < left.size() && random_.chance(kept_in_a_thousand))
    left.resize(file.live.size());
  bool some = false, lost = false;
  for (const std::size_t at : file.unsynced) {
    const std::size_t from = at * file.sector;
    if (from >= file.live.size()) continue;
    const std::size_t bytes = std::min(file.sector, file.live.size() - from);
    if (!random_.chance(kept_in_a_thousand)) {
      lost = true;
      ++seen_.lost_sectors;
      continue;
    }
    some = true;
    if (left.size() < from + bytes) left.resize(from + bytes);
    left.replace(from, bytes, file.live, from, bytes);
  }
  if (some && lost) ++(file.is_wal ? seen_.torn_wals : seen_.torn_files);
  file.machine->used += left.size();
  file.machine->used -= file.live.size();
  file.live = file.durable = std::move(left);
  file.forget_unsynced();
}

void SimDisk::restore_power(const std::string& root) {
  Machine& machine = *machines_.at(root);
  ++seen_.crashes;
  // All of it reached the disk, or nothing, or any part.
  constexpr std::array<unsigned, 4> kept{0, 1000, 500, 100};
  const unsigned kept_in_a_thousand = kept[random_.below(kept.size())];
  for (const auto& [path, file] : files_) {
    if (file->machine != &machine) continue;
    crash(*file, kept_in_a_thousand);
    file->shm.clear();
  }
  machine.power = true;
  machine.cut_in = 0;
}

}  // namespace tern::test
