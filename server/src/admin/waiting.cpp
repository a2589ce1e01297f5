// What waits for a person: changes that are held, and raw sets of a revoked or frozen key in quarantine.
#include <algorithm>

#include "admin/handlers.hpp"
#include "admin/list_page.hpp"
#include "admin/record_writer.hpp"
#include "admin/setting_export.hpp"
#include "admin/ticket_export.hpp"
#include "ingest/devices.hpp"
#include "ingest/handed_back.hpp"
#include "ingest/quarantine.hpp"
#include "time_text.hpp"

namespace tern::server::admin {
namespace {

constexpr std::size_t set_digits = 12, set_digits_min = 4;

std::string name_of(const sync::ChangeRef& ref) {
  return to_uuid_text(ref.device.view()) + ":" + to_hex(ref.id);
}

/// Number and subject as they are now; the id alone of a ticket that is not there.
struct TicketLabel {
  Json number, subject;
};
Result<TicketLabel> label_of(sqlite::Database& db, std::int64_t tenant, const TicketId& ticket) {
  TERN_TRY(auto rows,
           db.query("SELECT number, subject FROM ticket WHERE tenant_id = $1 AND ticket_id = $2", tenant, ticket));
  TERN_TRY(const bool found, rows.step());
  if (!found) return TicketLabel{Json(to_uuid_text(ticket.view())), Json()};
  return TicketLabel{Json(rows.text(0)), Json(rows.text(1))};
}

/// What a change would do: its intent, the first thing that it sets, and who made it.
Json effect_of(const sync::PlacedChange& placed, const Names& names) {
  const auto settings = settings_of(placed, {}, {}, names);
  const sync::IntentSpec* spec = sync::find_intent(placed.change.intent);
  const Json none = Json::object();
  const Json& first = settings.empty() ? none : settings.front();
  return Json::object({{"intent", spec == nullptr ? Json() : Json(spec->name)},
                       {"field", first["field"]},
                       {"key", first["key"]},
                       {"value", first["value"]},
                       {"author", names.author(placed.stamp.author, placed.stamp.author_kind)}});
}

Result<OperatorId> releasing(const AdminCall& call, sync::Right right) {
  return named_by(call, right, "release anything", "Name an administrator.");
}

// ---- quarantine ----

std::string short_name(const QuarantinedSet& set) {
  return to_hex(set.hash).substr(0, set_digits);
}

/// As quarantined_sets orders them.
std::string quarantine_key(const QuarantinedSet& set, std::size_t index) {
  return to_hex(set.device) + fmt::format("-{:06x}-{:010x}-{:012x}-{:04x}", set.device_epoch, set.chain_seq,
                                          static_cast<std::uint64_t>(set.received_ms), index);
}

/// By the beginning of a set's name, or all of a device.
Result<std::vector<QuarantinedSet>> chosen_sets(const AdminCall& call) {
  TERN_TRY(std::vector<QuarantinedSet> sets, quarantined_sets(call.tenant()));
  if (call.has("set") == call.has("device"))
    return fail(ErrorCode::usage, "Name a set, or with --device all of a device.", "See: ternd quarantine list", "set");
  if (call.has("device")) {
    TERN_TRY(const DeviceInfo device, resolve_device(call.tenant(), call.text("device")));
    std::erase_if(sets, [&](const QuarantinedSet& set) { return set.device != device.device; });
    if (sets.empty())
      return fail(ErrorCode::not_found, "Nothing of this device is in quarantine.", "See: ternd quarantine list",
                  "device");
    return sets;
  }
  const std::string& words = call.text("set");
  std::erase_if(sets, [&](const QuarantinedSet& set) {
    return words.size() < set_digits_min || !to_hex(set.hash).starts_with(words);
  });
  if (sets.size() == 1) return sets;
  return fail(sets.empty() ? ErrorCode::not_found : ErrorCode::ambiguous,
              sets.empty() ? "There is no set \"" + words + "\" in quarantine." : "Several sets begin so.",
              "See: ternd quarantine list", "set");
}

Json quarantined_json(const QuarantinedSet& set, const QuarantinedChange& held, const DeviceInfo& device,
                      const TicketLabel& label, const Names& names) {
  sync::PlacedChange placed;
  placed.change = held.change;
  placed.stamp.author = device.operator_id;
  Json row = Json::object({{"set", Json(short_name(set))},
                           {"device", Json(device.name)},
                           {"ticket", label.number},
                           {"subject", label.subject}});
  const Json effect = effect_of(placed, names);
  for (const auto& [name, value] : effect.members()) row.set(name, value);
  row.set("claimed_at", Json(instant_text(held.change.wall_ms)));
  row.set("not_before", held.lo_ms == 0 ? Json() : Json(instant_text(held.lo_ms)));
  row.set("not_after", Json(instant_text(held.hi_ms)));
  row.set("in_ledger", Json(held.in_ledger));
  row.set("change", Json(name_of(held.change.ref)));
  return row;
}

std::size_t refused_in(const ServerCommit& commit) {
  return static_cast<std::size_t>(std::count_if(
      commit.outcomes.begin(), commit.outcomes.end(),
      [](sync::Outcome outcome) { return outcome == sync::Outcome::rejected || outcome == sync::Outcome::held; }));
}

// ---- held ----

struct HeldPlace {
  std::string key;
  sync::ChangeRef ref;
};

Result<std::vector<HeldPlace>> held_changes(sqlite::Database& db, std::int64_t tenant) {
  // 6 is sync::Outcome::held, spelled so that the partial index serves.
  static_assert(static_cast<int>(sync::Outcome::held) == 6);
  TERN_TRY(auto rows,
           db.query("SELECT device_id, change_id, commit_seq, idx FROM change WHERE tenant_id = $1 AND standing = 6 "
                    "ORDER BY commit_seq, idx",
                    tenant));
  std::vector<HeldPlace> out;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    out.push_back(
        {fmt::format("{:016x}-{:04x}", rows.uint64(2), rows.uint64(3)), {rows.id<DeviceId>(0), rows.id<ChangeId>(1)}});
  }
}

Result<Json> held_json(sqlite::Database& db, std::int64_t tenant, const LedgerChange& held, const Names& names) {
  const sync::PlacedChange& placed = held.placed;
  TERN_TRY(const TicketLabel label, label_of(db, tenant, placed.change.ticket));
  Json row = Json::object(
      {{"change", Json(name_of(placed.change.ref))}, {"ticket", label.number}, {"subject", label.subject}});
  const Json effect = effect_of(placed, names);
  for (const auto& [name, value] : effect.members()) row.set(name, value);
  row.set("reason", Json(sync::to_string(placed.admission.reason)));
  row.set("made_at", Json(instant_text(placed.admission.effective_ms)));
  row.set("arrived_at", Json(instant_text(placed.admission.commit_ms)));
  return row;
}

/// "DEVICE:CHANGE", as the list shows it.
Result<LedgerChange> named_held(Tenant& tenant, const std::string& words) {
  TERN_TRY(const sync::ChangeRef ref, parse_change_name(words));
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(auto found, read_change(reader.db(), tenant.number(), ref));
  if (!found || found->standing != sync::Outcome::held)
    return fail(ErrorCode::not_found, "No change \"" + words + "\" is held.", "See: ternd held list", "change");
  return std::move(*found);
}

}  // namespace

Result<std::uint64_t> count_held(Tenant& tenant) {
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(const auto count,
           reader.db().int64_of("SELECT count(*) FROM change WHERE tenant_id = $1 AND standing = 6", tenant.number()));
  return static_cast<std::uint64_t>(count.value_or(0));
}

Result<Json> quarantine_list(AdminCall& call) {
  TERN_TRY(ListPage page, ListPage::of(call));
  TERN_TRY(const auto sets, quarantined_sets(call.tenant()));
  const Names names(call.tenant());
  TERN_TRY(auto reader, call.tenant().reader());
  for (const QuarantinedSet& set : sets) {
    const DeviceInfo device = find_device(call.tenant(), set.device).value_or(DeviceInfo{});
    for (std::size_t i = 0; i < set.changes.size(); ++i) {
      const QuarantinedChange& held = set.changes[i];
      std::string key = quarantine_key(set, i);
      if (!page.wants(key)) continue;
      TERN_TRY(const TicketLabel label, label_of(reader.db(), call.tenant().number(), held.change.ticket));
      page.add(std::move(key), quarantined_json(set, held, device, label, names));
    }
  }
  return std::move(page).answer();
}

Result<Json> quarantine_release(AdminCall& call) {
  TERN_TRY(const OperatorId by, releasing(call, sync::Right::administer));
  std::size_t sets_released = 0, skipped = 0;
  const auto release = [&]() -> Result<ServerCommit> {
    TERN_TRY(const auto sets, chosen_sets(call));
    sets_released = sets.size();
    for (const QuarantinedSet& set : sets) skipped += set.unreadable;
    return release_quarantined(call.tenant(), sets, by);
  };
  TERN_TRY(const ServerCommit commit, call.on_strand(release));
  const std::size_t refused = refused_in(commit);
  return Json::object({{"sets", Json(sets_released)},
                       {"changes", Json(commit.outcomes.size() - refused)},
                       {"refused", Json(refused)},
                       {"unreadable", Json(skipped)},
                       {"needs_attention", Json(refused + skipped > 0)}});
}

Result<Json> quarantine_drop(AdminCall& call) {
  std::size_t dropped = 0;
  const auto drop = [&]() -> Result<void> {
    TERN_TRY(const auto sets, chosen_sets(call));
    dropped = sets.size();
    return drop_quarantined(call.tenant(), sets);
  };
  TERN_CHECKED(call.on_strand(drop));
  return Json::object({{"sets", Json(dropped)}});
}

Result<Json> handed_back_list(AdminCall& call) {
  Tenant& tenant = call.tenant();
  TERN_TRY(ListPage page, ListPage::of(call));
  TERN_TRY(const auto changes, handed_back_changes(tenant));
  const Names names(tenant);
  TERN_TRY(auto reader, tenant.reader());
  std::uint64_t place = 0;
  for (const HandedBackChange& handed : changes) {
    std::string key = list_key(++place);
    if (!page.wants(key)) continue;
    TERN_TRY(const TicketLabel label, label_of(reader.db(), tenant.number(), handed.change.ticket));
    sync::PlacedChange placed;
    placed.change = handed.change;
    placed.stamp.author = OperatorId::or_zero(handed.change.principal_id);
    placed.stamp.author_kind = handed.change.principal_kind;
    const auto by = find_device(tenant, handed.by);
    Json row = Json::object({{"change", Json(name_of(handed.change.ref))},
                             {"from", by ? Json(by->name) : Json()},
                             {"comes_itself", Json(handed.comes_itself)},
                             {"ticket", label.number},
                             {"subject", label.subject}});
    const Json effect = effect_of(placed, names);
    for (const auto& [name, value] : effect.members()) row.set(name, value);
    row.set("made_at", Json(instant_text(handed.change.asserted_ms)));
    page.add(std::move(key), std::move(row));
  }
  return std::move(page).answer();
}

Result<Json> handed_back_take(AdminCall& call) {
  TERN_TRY(const ServerCommit commit, call.on_strand([&] { return say_handed_back(call.tenant()); }));
  TERN_TRY(const HandedBackCount left, count_handed_back(call.tenant()));
  const std::size_t refused = refused_in(commit);
  return Json::object({{"changes", Json(commit.outcomes.size() - refused)},
                       {"refused", Json(refused)},
                       {"left", Json(left.all)},
                       {"needs_attention", Json(refused > 0)}});
}

Result<Json> held_list(AdminCall& call) {
  const Names names(call.tenant());
  TERN_TRY(auto reader, call.tenant().reader());
  const std::int64_t tenant = call.tenant().number();
  TERN_TRY(const auto held, held_changes(reader.db(), tenant));
  TERN_TRY(ListPage page, ListPage::of(call));
  for (const HeldPlace& place : held) {
    if (!page.wants(place.key)) continue;
    TERN_TRY(const auto change, read_change(reader.db(), tenant, place.ref));
    if (!change) continue;
    TERN_TRY(Json row, held_json(reader.db(), tenant, *change, names));
    page.add(place.key, std::move(row));
  }
  return std::move(page).answer();
}

Result<Json> held_release(AdminCall& call) {
  TERN_TRY(const OperatorId by, releasing(call, sync::Right::release));
  const auto release = [&]() -> Result<ServerCommit> {
    TERN_TRY(const LedgerChange held, named_held(call.tenant(), call.text("change")));
    ServerChange entry;
    entry.acting = by;
    entry.change.intent = sync::Intent::release;
    entry.change.ticket = held.placed.change.ticket;
    entry.change.targets = {held.placed.change.ref};
    if (call.has("reason")) entry.change.reason = call.text("reason");
    std::vector<ServerChange> changes;
    changes.push_back(std::move(entry));
    return commit_server(call.tenant(), std::move(changes));
  };
  TERN_TRY(const ServerCommit commit, call.on_strand(release));
  const sync::Outcome outcome = commit.outcomes.front();
  if (outcome == sync::Outcome::rejected || outcome == sync::Outcome::held)
    return fail(ErrorCode::not_permitted,
                "It cannot take effect: " + std::string(sync::to_string(commit.reasons.front())) + ".",
                "Release first what it waits for: ternd held list", "change");
  return Json::object({{"released", Json(call.text("change"))}, {"commit_seq", Json(commit.commit_seq)}});
}

}  // namespace tern::server::admin
