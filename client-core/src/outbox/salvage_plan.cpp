#include "outbox/salvage_plan.hpp"

#include <algorithm>

#include "exchange/sync_state.hpp"
#include "keys/secure_file.hpp"
#include "outbox/salvage_files.hpp"
#include "tern/protocol/change_set.hpp"
#include "tern/sync/change.hpp"

namespace tern::client {
namespace {

using protocol::ChangeSet;
using Found = SalvageReport::Found;

/// By its signature, as far as its rows are here.
bool is_whole(const DamagedOutbox& old, const Cells& row, const OpenedKeys& keys) {
  ChangeSet set;
  set.header = Bytes(bytes_in(row, col::header));
  set.signature = Signature::or_zero(bytes_in(row, col::signature));
  if (!is_null(row, col::first_header))
    set.original = protocol::OriginalHeader{Bytes(bytes_in(row, col::first_header)),
                                            Signature::or_zero(bytes_in(row, col::first_signature))};
  const std::int64_t first = number_in(row, col::first_position), count = number_in(row, col::count);
  if (first < 1 || count < 1 || count > static_cast<std::int64_t>(limits::changes_per_set_max)) return false;
  for (std::int64_t position = first; position < first + count; ++position) {
    const auto at = old.changes.find(position);
    if (at == old.changes.end() || number_in(at->second, col::set) != number_in(row, 0)) return false;
    const Cells& change = at->second;
    protocol::SealedChange sealed;
    sealed.skeleton = Bytes(bytes_in(change, col::skeleton));
    if (is_null(change, col::erased)) {
      sealed.salt = Salt::or_zero(bytes_in(change, col::salt));
      sealed.body = Bytes(bytes_in(change, col::body));
    } else {
      sealed.erased_commitment = Hash::or_zero(bytes_in(change, col::erased));
    }
    set.changes.push_back(std::move(sealed));
  }
  protocol::VerifyContext context;
  context.tenant = keys.identity.tenant;
  context.find_key = [&keys](const TenantId&, const DeviceId& device,
                             const KeyId&) -> std::optional<protocol::KeyRecord> {
    if (device != keys.identity.device) return std::nullopt;
    protocol::KeyRecord key;
    key.public_key = keys.signing_key.public_key();
    key.author = keys.identity.operator_id;
    return key;
  };
  context.is_erased = [](const DeviceId&, const Hash&) { return true; };
  const auto verified = protocol::verify(std::move(set), context);
  return verified && verified->hash.view() == bytes_in(row, col::hash);
}

/// The chain from a place that is sure (its beginning, or a set the server has) to the first hole: what lies behind it
/// cannot be chained to, and waits in the open set for what the server has.
void find_chain(SalvagePlan& plan, const OpenedKeys& keys) {
  const DamagedOutbox& old = plan.old;
  for (const auto& [id, row] : old.sets)
    plan.epoch = std::max(plan.epoch, static_cast<std::uint64_t>(number_in(row, col::epoch)));
  if (!old.chain.empty()) plan.epoch = static_cast<std::uint64_t>(number_in(old.chain.front(), 1));
  plan.epoch = std::max(plan.epoch, keys.identity.device_epoch);
  plan.head = {plan.epoch, 0, Hash{}, 0};
  std::map<std::uint64_t, const Cells*> chain;
  for (const auto& [id, row] : old.sets) {
    if (static_cast<std::uint64_t>(number_in(row, col::epoch)) == plan.epoch)
      chain.emplace(static_cast<std::uint64_t>(number_in(row, col::seq)), &row);
    else if (number_in(row, col::commit) != 0 && is_whole(old, row, keys))
      plan.sets.push_back(id);
  }
  if (chain.empty() && old.set_places.empty() && !old.chain.empty()) {
    // All that it ever sealed was confirmed and removed: it goes on where it was.
    const Cells& end = old.chain.front();
    const Outbox::Head head{static_cast<std::uint64_t>(number_in(end, 1)),
                            static_cast<std::uint64_t>(number_in(end, 2)), Hash::or_zero(bytes_in(end, 3)),
                            static_cast<std::uint64_t>(number_in(end, 4))};
    if (head.device_epoch == plan.epoch && head.acked_seq == head.chain_seq) plan.head = head;
  }
  for (const auto& [seq, row] : chain) {
    const bool acked = number_in(*row, col::commit) != 0;
    const bool first = plan.head.chain_seq == 0;
    if (first ? !acked && seq != 1 : seq != plan.head.chain_seq + 1) return;
    if (!is_whole(old, *row, keys)) return;
    const auto header = protocol::decode_header(bytes_in(*row, col::header));
    if (!header || (!first && header->prev_hash != plan.head.hash)) return;
    plan.sets.push_back(number_in(*row, 0));
    if (acked && (first || plan.head.acked_seq + 1 == seq)) plan.head.acked_seq = seq;
    plan.head.chain_seq = seq;
    plan.head.hash = Hash::or_zero(bytes_in(*row, col::hash));
  }
}

std::string beginning(ByteView subject) {
  std::size_t bytes = std::min<std::size_t>(subject.size(), 60);
  while (bytes > 0 && bytes < subject.size() && (static_cast<unsigned char>(subject[bytes]) & 0xc0) == 0x80) --bytes;
  return std::string(subject.substr(0, bytes)) + (bytes < subject.size() ? "..." : "");
}

std::string ticket_name(const DamagedOutbox& old, const Bytes& ticket) {
  for (const Cells& label : old.labels)
    if (bytes_in(label, 0) == ticket && !bytes_in(label, 1).empty())
      return std::string(bytes_in(label, 1)) + " " + beginning(bytes_in(label, 2));
  return to_hex(TicketId::or_zero(ticket));
}

/// Of sets whose rows are gone, behind the newest that is known to be confirmed.
std::vector<std::uint64_t> lost_sets(const SalvagePlan& plan) {
  const DamagedOutbox& old = plan.old;
  std::set<std::uint64_t> there;
  std::uint64_t acked = 0, last = 0;
  for (const auto& [id, row] : old.sets) {
    if (static_cast<std::uint64_t>(number_in(row, col::epoch)) != plan.epoch) continue;
    const auto seq = static_cast<std::uint64_t>(number_in(row, col::seq));
    if (number_in(row, col::commit) != 0) acked = std::max(acked, seq);
    there.insert(seq);
    last = std::max(last, seq);
  }
  for (const auto& [epoch, seq] : old.set_places)
    if (static_cast<std::uint64_t>(epoch) == plan.epoch) last = std::max(last, static_cast<std::uint64_t>(seq));
  if (!old.chain.empty()) {
    last = std::max(last, static_cast<std::uint64_t>(number_in(old.chain.front(), 2)));
    acked = std::max(acked, static_cast<std::uint64_t>(number_in(old.chain.front(), 4)));
  }
  constexpr std::size_t named_max = 1000;
  std::vector<std::uint64_t> lost;
  for (std::uint64_t seq = acked + 1; seq <= last && lost.size() < named_max; ++seq)
    if (!there.contains(seq)) lost.push_back(seq);
  return lost;
}

/// Changes that are known to have been there, by indexes and the sets' own counts, and are not confirmed.
std::set<std::int64_t> lost_positions(const DamagedOutbox& old) {
  std::set<std::int64_t> gone, confirmed;
  for (const auto& [position, ticket] : old.change_tickets) gone.insert(position);
  for (const auto& [id, row] : old.sets) {
    const std::int64_t first = number_in(row, col::first_position);
    const std::int64_t count = std::clamp<std::int64_t>(number_in(row, col::count), 0, limits::changes_per_set_max);
    for (std::int64_t i = 0; i < count; ++i) (number_in(row, col::commit) != 0 ? confirmed : gone).insert(first + i);
  }
  std::erase_if(gone,
                [&](std::int64_t position) { return old.changes.contains(position) || confirmed.contains(position); });
  return gone;
}

void name_lost(SalvagePlan& plan) {
  plan.report.lost_sets = lost_sets(plan);
  const std::set<std::int64_t> positions = lost_positions(plan.old);
  plan.report.lost = positions.size();
  std::set<std::string> tickets;
  for (const std::int64_t position : positions) {
    const auto known = plan.old.change_tickets.find(position);
    if (known != plan.old.change_tickets.end() && !known->second.empty())
      tickets.insert(ticket_name(plan.old, known->second));
  }
  plan.report.lost_tickets.assign(tickets.begin(), tickets.end());
}

bool reads_well(const Cells& change, const DeviceId& device) {
  const auto body = is_null(change, col::erased) ? std::optional(bytes_in(change, col::body)) : std::nullopt;
  return sync::parse_change(bytes_in(change, col::skeleton), body, device).has_value();
}

/// Rows may be whole whose content is not.
Result<bool> is_usable(const HomePaths& paths, const OpenedKeys& keys, const std::string& vfs) {
  const auto used = [&]() -> Result<void> {
    TERN_TRY(const auto outbox, Outbox::open(paths.outbox, keys.data_key.view(), vfs, sqlite::Role::reader));
    TERN_CHECKED(outbox->anchor().map([](const AnchorHeld&) {}));
    return load_sync_state(*outbox).map([](const SyncState&) {});
  }();
  if (!used && used.error().code != ErrorCode::corrupt) return tl::unexpected(used.error());
  return used.has_value();
}

/// A file that was cut is read from a copy that is long enough.
Result<DamagedOutbox> read_what_is_there(const HomePaths& paths, const OpenedKeys& keys, const std::string& vfs) {
  auto read = read_damaged_outbox(paths.outbox, keys.data_key.view(), vfs);
  if (read || read.error().code != ErrorCode::corrupt || !vfs.empty()) return read;
  const SalvageFiles files(paths.outbox);
  TERN_CHECKED(files.copy_lengthened());
  read = read_damaged_outbox(files.unfinished, keys.data_key.view(), vfs);
  TERN_CHECKED(files.remove_unfinished());
  if (read) read->whole = false;
  return read;
}

bool holds_owner(const DamagedOutbox& old) {
  return std::any_of(old.meta.begin(), old.meta.end(),
                     [](const Cells& row) { return bytes_in(row, 0) == "owner.device"; });
}

/// What of the old file can be read, as rows and in content; `whole` or not is judged by their sum.
Result<void> read_old(SalvagePlan& plan, const HomePaths& paths, const OpenedKeys& keys, const std::string& vfs) {
  plan.report.found = Found::missing;
  if (vfs.empty()) {
    TERN_TRY(const bool missing, outbox_is_missing(paths));
    if (missing) return {};
  }
  auto read = read_what_is_there(paths, keys, vfs);
  if (!read && read.error().code != ErrorCode::corrupt && read.error().code != ErrorCode::not_found)
    return tl::unexpected(read.error());  // of the disk: tried again, it may be read
  plan.report.found = Found::unreadable;
  if (!read) return {};
  plan.old = std::move(*read);
  const std::size_t rows = plan.old.changes.size();
  std::erase_if(plan.old.changes, [&](const auto& at) { return !reads_well(at.second, keys.identity.device); });
  plan.old.whole = plan.old.whole && plan.old.changes.size() == rows;
  const bool empty = plan.old.whole && !holds_owner(plan.old) && plan.old.changes.empty();
  plan.report.found = empty ? Found::missing : Found::damaged;
  return {};
}

/// Changes without a receipt in the new outbox.
std::uint64_t count_to_send(const SalvagePlan& plan) {
  const std::set<std::int64_t> kept(plan.sets.begin(), plan.sets.end());
  return static_cast<std::uint64_t>(std::ranges::count_if(plan.old.changes, [&](const auto& at) {
    const auto set = plan.old.sets.find(number_in(at.second, col::set));
    return set == plan.old.sets.end() || !kept.contains(set->first) || number_in(set->second, col::commit) == 0;
  }));
}

/// Nothing of it would become any better in a new file.
Result<bool> nothing_is_wrong(const SalvagePlan& plan, const HomePaths& paths, const OpenedKeys& keys,
                              const std::string& vfs) {
  const bool all_there = plan.report.found == Found::damaged && plan.old.whole && plan.old.chain.size() == 1 &&
                         holds_owner(plan.old) && plan.sets.size() == plan.old.sets.size();
  return all_there ? is_usable(paths, keys, vfs) : Result<bool>(false);
}

}  // namespace

Result<SalvagePlan> plan_salvage(const HomePaths& paths, const OpenedKeys& keys, const std::string& vfs) {
  SalvagePlan plan;
  TERN_CHECKED(read_old(plan, paths, keys, vfs));
  find_chain(plan, keys);
  name_lost(plan);
  plan.report.kept = plan.old.changes.size();
  plan.report.to_send = count_to_send(plan);
  TERN_TRY(const bool whole, nothing_is_wrong(plan, paths, keys, vfs));
  if (whole) plan.report.found = Found::whole;
  return plan;
}

}  // namespace tern::client
