#include "desk/horizon.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "ingest/devices.hpp"
#include "ingest/ticket_columns.hpp"
#include "store/tenant_internals.hpp"
#include "time_text.hpp"

namespace tern::server {
namespace {

/// What the device may hold: what its operator holds now, was sent before it fell silent and it has not been told to
/// drop; what it keeps a custody mark on.
constexpr std::string_view held_tickets_sql =
    "SELECT integer_id, listed, first_response_ms, resolved_ms FROM ticket WHERE tenant_id = $1 AND ticket_id IN "
    "(SELECT "
    "ticket_id FROM scope_member WHERE tenant_id = $1 AND operator_id = $2 AND (left_seq = 0 OR left_seq > $3) AND "
    "entered_seq <= $4 UNION SELECT ticket_id FROM ticket_interest WHERE tenant_id = $1 AND operator_id = $2 AND kind "
    "= "
    "$6) AND listed > 0 AND created_ms < $5";

/// What a device with the whole tenant may hold of what is open, or was resolved or answered since it fell silent.
constexpr std::string_view every_ticket_sql =
    "SELECT integer_id, listed, first_response_ms, resolved_ms FROM ticket WHERE tenant_id = $1 AND ticket_id IN "
    "(SELECT "
    "ticket_id FROM ticket WHERE tenant_id = $1 AND listed IN (1, 2, 3, 4, 5, 6, 9) UNION SELECT ticket_id FROM ticket "
    "WHERE tenant_id = $1 AND resolved_ms > $2 AND resolved_ms > 0 UNION SELECT ticket_id FROM ticket WHERE tenant_id "
    "= "
    "$1 AND first_response_ms > $2 AND first_response_ms > 0) AND listed > 0 AND created_ms <= $2 AND created_ms < $3";

bool is_open(std::int64_t listed) {
  const auto shown = static_cast<sync::Status>(listed);
  return shown != sync::Status::resolved && shown != sync::Status::closed;
}

bool is_silent(const DeviceInfo& device, const HorizonQuestion& question, std::int64_t now_ms) {
  if (device.purpose != protocol::KeyPurpose::device || device.key_state != protocol::KeyState::active) return false;
  const std::int64_t heard_ms = now_ms - question.silent_after_ms;
  if (device.last_seen_ms == 0 || device.last_seen_ms >= heard_ms) return false;  // a new one holds nothing yet
  return device.last_seen_ms < question.until_ms || device.outbox_pending > 0;
}

class HorizonReader {
public:
  HorizonReader(Tenant& tenant, sqlite::Database& db, const HorizonQuestion& question)
      : tenant_(tenant), db_(db), question_(question) {
    out_.as_of_ms = tenant.now_ms();
    out_.silent_after_ms = question.silent_after_ms;
  }

  Result<Horizon> read() {
    for (const DeviceInfo& device : devices(tenant_)) {
      if (!is_silent(device, question_, out_.as_of_ms)) continue;
      const auto who = tenant_.find_actor(device.operator_id);
      if (who && who->active) TERN_CHECKED(add(device));
    }
    std::ranges::sort(out_.devices, {}, [](const SilentDevice& one) { return std::pair(one.since_ms, one.device); });
    TERN_CHECKED(count_uncounted());
    TERN_TRY(const auto provisional,
             db_.int64_of("SELECT count(*) FROM sla_breach WHERE tenant_id = $1 AND state = 0", tenant_.number()));
    out_.provisional_breaches = static_cast<std::uint64_t>(provisional.value_or(0));
    return std::move(out_);
  }

private:
  Result<void> add(const DeviceInfo& device) {
    SilentDevice silent;
    silent.device = device.device;
    silent.operator_id = device.operator_id;
    silent.name = device.name;
    const auto person = tenant_.find_record(sync::RecordKind::operator_, RecordId::or_zero(device.operator_id.view()));
    if (person) silent.person = person->name;
    silent.since_ms = device.last_seen_ms;
    silent.pending = device.outbox_pending;
    silent.holds_every_ticket = device.scope_all;
    const std::string_view held = device.scope_all ? every_ticket_sql : held_tickets_sql;
    TERN_TRY(auto rows, db_.prepare(std::string(held) + question_.readable));
    if (device.scope_all)
      rows.bind_all(tenant_.number(), device.last_seen_ms, question_.until_ms);
    else
      rows.bind_all(tenant_.number(), device.operator_id, device.cursor_seq, device.sent_seq, question_.until_ms,
                    interest_custody);
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) break;
      const bool open = is_open(rows.int64(1));
      if (!open && rows.int64(2) <= silent.since_ms && rows.int64(3) <= silent.since_ms) continue;
      ++silent.tickets;
      const auto [known, anew] = out_.unsure.try_emplace(rows.uint64(0), silent.since_ms);
      known->second = std::min(known->second, silent.since_ms);
      if (anew && open) ++out_.open_tickets;
    }
    if (silent.tickets == 0 && silent.pending == 0) return {};
    out_.pending += silent.pending;
    out_.devices.push_back(std::move(silent));
    return {};
  }

  Result<void> count_uncounted() {
    TERN_TRY(const auto looked, read_meta(db_, tenant_.number(), meta_sla_seq));
    TERN_TRY(const auto filled, read_meta(db_, tenant_.number(), meta_figures_to));
    TERN_TRY(const auto waiting, db_.int64_of("SELECT count(*) FROM ticket WHERE tenant_id = $1 AND version > $2",
                                              tenant_.number(), meta_number(looked)));
    std::int64_t unfilled = 0;
    if (const std::uint64_t to = meta_number(filled); to != UINT64_MAX) {
      TERN_TRY(const auto older,
               db_.int64_of("SELECT count(*) FROM ticket WHERE tenant_id = $1 AND integer_id > $2 AND version <= $3",
                            tenant_.number(), to, meta_number(looked)));
      unfilled = older.value_or(0);
    }
    // Whose clock is to be looked at by now: what passed while the server was down, and what a new rule says of it.
    TERN_TRY(const auto due, db_.int64_of("SELECT count(*) FROM sla_clock c CROSS JOIN ticket t ON t.tenant_id = "
                                          "c.tenant_id AND t.ticket_id = c.ticket_id AND t.version <= $3 WHERE "
                                          "c.tenant_id = $1 AND c.look_s < $2",
                                          tenant_.number(), tenant_.now_ms() / 1'000, meta_number(looked)));
    out_.uncounted = static_cast<std::uint64_t>(waiting.value_or(0) + unfilled + due.value_or(0));
    return {};
  }

  Tenant& tenant_;
  sqlite::Database& db_;
  const HorizonQuestion& question_;
  Horizon out_;
};

std::string so_many(std::uint64_t n, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", n, n == 1 ? one : many);
}

/// "van 7 of Ada, van 9 of Bob and 3 more"
std::string names_of_devices(const std::vector<SilentDevice>& devices) {
  constexpr std::size_t named_max = 4;
  std::string out;
  for (std::size_t i = 0; i < devices.size() && i < named_max; ++i)
    out += fmt::format("{}{} of {}", i == 0 ? "" : ", ", devices[i].name, devices[i].person);
  if (devices.size() > named_max) out += fmt::format(" and {} more", devices.size() - named_max);
  return out;
}

}  // namespace

std::string Horizon::sentence() const {
  std::string out;
  if (devices.empty()) {
    out = fmt::format("Complete: no device that holds work has been silent for longer than {}.",
                      so_many(static_cast<std::uint64_t>(silent_after_ms / 60'000), "minute", "minutes"));
  } else {
    const std::string told = pending == 0
                                 ? "none of them told of pending changes"
                                 : so_many(pending, "change was", "changes were") + " pending when last heard of";
    out =
        fmt::format("{} behind {} silent since {} ({}); {}; what was done there since is not known.",
                    so_many(unsure.size(), "ticket sits", "tickets sit"), so_many(devices.size(), "device", "devices"),
                    instant_text(devices.front().since_ms), names_of_devices(devices), told);
    const auto all = std::ranges::count_if(devices, &SilentDevice::holds_every_ticket);
    if (all > 0)
      out += fmt::format(" {} every ticket.", all == 1 ? "1 of them holds" : fmt::format("{} of them hold", all));
  }
  if (provisional_breaches > 0)
    out += fmt::format(" {} provisional.", so_many(provisional_breaches, "breach is", "breaches are"));
  if (uncounted > 0) out += fmt::format(" {} still to be counted.", so_many(uncounted, "ticket is", "tickets are"));
  return out;
}

Json Horizon::to_json() const {
  Json silent = Json::array();
  for (const SilentDevice& device : devices)
    silent.push(Json::object({{"device", Json(to_uuid_text(device.device.view()))},
                              {"name", Json(device.name)},
                              {"operator", Json(device.person)},
                              {"silent_since", Json(instant_text(device.since_ms))},
                              {"tickets", Json(device.tickets)},
                              {"pending_changes", Json(device.pending)},
                              {"holds_every_ticket", Json(device.holds_every_ticket)}}));
  return Json::object({{"sentence", Json(sentence())},
                       {"as_of", Json(instant_text(as_of_ms))},
                       {"complete", Json(complete())},
                       {"tickets", Json(unsure.size())},
                       {"open_tickets", Json(open_tickets)},
                       {"pending_changes", Json(pending)},
                       {"silent_since", devices.empty() ? Json() : Json(instant_text(devices.front().since_ms))},
                       {"silent_after_minutes", Json(silent_after_ms / 60'000)},
                       {"provisional_breaches", Json(provisional_breaches)},
                       {"not_counted_yet", Json(uncounted)},
                       {"devices", std::move(silent)}});
}

Result<Horizon> horizon_of(Tenant& tenant, sqlite::Database& db, const HorizonQuestion& question) {
  return HorizonReader(tenant, db, question).read();
}

}  // namespace tern::server
