#include "simulation/judge.hpp"

#include <algorithm>

#include "desk/outgoing.hpp"
#include "property/fold_history.hpp"
#include "store/ledger.hpp"
#include "tern/protocol/receipt.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::test {
namespace {

constexpr std::int64_t clock_slack_ms = 2'000;
// A window's beginning may be the arrival, less 30 s, of a message that was on its way when the change was made,
// however late that came; and after a crash the server's clock goes on from the latest time it may have issued.
constexpr std::int64_t way_ms = 132'000;
constexpr std::uint64_t way_allowed_ms = 30'000;

class Judge {
public:
  explicit Judge(Run& run) : run_(run), world_(run.world_), tenant_(run.world_.server.first_tenant()) {
    db_ = world_.server.read(tenant_);
  }

  void judge() {
    outcomes();
    times();
    tickets();
    rights();
    revocations();
    erasures();
    neighbours();
    for (const auto& seat : run_.seats_)
      if (!seat->neighbour && seat->device->is_open() && seat->device->up_to_date()) own_view(*seat->device);
    numbers();
    effects();
    secrets();
    count();
  }

private:
  void complain(const std::string& what) { world_.complain(what); }

  /// I8: work of devices whose keys ended is in the ledger or waits for an administrator.
  void outcomes() {
    if (run_.restored_) return;  // whose key ended does not bring back what a restore lost
    std::set<DeviceId> ended;
    for (const auto& seat : run_.seats_)
      if (excused(run_, *seat->device) && !seat->neighbour) ended.insert(seat->device->identity().device);
    for (const SavedWork& work : world_.saved_work)
      if (ended.contains(work.device) && !work.may_be_lost && world_.place_of(work.tenant, work.ref) == "nowhere")
        complain("I8: work of a device whose key ended is nowhere: " + work.text);
  }

  /// I21: what is said about the time of a change is true: it lies in its window, and so does the moment at which it
  /// really was made, whatever the device's clock said. But where two machines write one chain, what one declares at an
  /// exchange bounds what the other made before and sends later (protocol.md): such a window may begin too late. It
  /// never ends too early.
  void times() {
    // Where the server took a wrong clock for right, nothing that it says is truer than that was.
    const std::int64_t wrong_ms = run_.believed_wrong_ms_;
    const std::int64_t early_ms = (nothing_came_late() ? clock_slack_ms : way_ms) + wrong_ms;
    std::set<DeviceId> once, twice;
    for (const auto& seat : run_.seats_)
      if (!once.insert(seat->device->identity().device).second) twice.insert(seat->device->identity().device);
    for (const SavedWork& work : world_.saved_work) {
      if (work.tenant != tenant_) continue;
      const auto change = must(server::read_change(*db_, number(), work.ref));
      if (!change) continue;
      const sync::Admission& told = change->placed.admission;
      const std::string who = to_hex(work.ref.id) + " " + work.text;
      if (told.hi_ms > told.commit_ms + clock_slack_ms)
        complain("I21: the window of a change ends after its receipt: " + who);
      const auto* spec = sync::find_intent(change->placed.change.intent);
      if (spec != nullptr && spec->ruling == sync::Ruling::fact && change->placed.stamp.order_ms != told.effective_ms)
        complain("I10: a fact does not stand at its effective time: " + who);
      if (!run_.restored_ && work.held != 0 && told.seen_seq > work.held)
        complain("I10: a change counts as having seen commit " + std::to_string(told.seen_seq) +
                 ", but its device held " + std::to_string(work.held) + ": " + who);
      const bool raised = (told.time_flags & (sync::time_flag_raised_chain | sync::time_flag_raised_seen)) != 0;
      if (told.effective_ms < told.lo_ms || (told.effective_ms > told.hi_ms && !raised))
        complain("I21: the time of a change lies outside its window: " + who);
      const bool doubtful = run_.restored_ || (told.time_flags & sync::time_flag_doubtful_clock) != 0;
      const bool too_late = work.saved_ms < told.lo_ms - early_ms && !twice.contains(work.device);
      if (!doubtful && (too_late || work.saved_ms > told.hi_ms + clock_slack_ms + wrong_ms))
        complain("I21: a change was made at " + std::to_string(work.saved_ms) + ", outside the window " +
                 std::to_string(told.lo_ms) + " to " + std::to_string(told.hi_ms) + ": " + who);
    }
  }

  /// The server's clock never went on from what it may have issued, and all messages came within what it allows them.
  [[nodiscard]] bool nothing_came_late() const {
    const auto met = [&](const char* marker) { return run_.met(marker); };
    const FaultsSeen& net = world_.network.seen();
    return !met("server crash") && !met("server lost power") && net.duplicated == 0 && net.reordered == 0 &&
           net.clogged == 0 && !met("server's clock set ahead") && !met("server's clock set back") &&
           run_.profile_.delay_ms <= way_allowed_ms;
  }

  /// I10, I12, I13, I14: every ticket is what the plain rules say of its ledger.
  void tickets() {
    auto rows = must(db_->query("SELECT ticket_id, state FROM ticket ORDER BY ticket_id"));
    while (must(rows.step())) {
      const auto id = rows.id<TicketId>(0);
      const auto ledger = must(server::read_ticket(*db_, number(), id));
      // What depends on words that are gone cannot be told again.
      if (std::ranges::any_of(ledger, [](const auto& change) { return change.placed.change.body_erased; })) continue;
      const FoldModel rules(server::folded_changes(ledger), decided_then(ledger));
      std::vector<sync::Message> messages;
      auto said = must(db_->query("SELECT data FROM message WHERE ticket_id = $1", id));
      while (must(said.step())) messages.push_back(must(sync::decode_message(said.blob(0))));
      std::ranges::sort(messages, [](const auto& a, const auto& b) { return sync::before(a.stamp, b.stamp); });
      compare(must(sync::decode_state(rows.blob(1))), std::move(messages), ledger, rules.observed());
    }
  }

  /// What the receipts of given-up histories say of the changes of a ticket that came back: of each the first that let
  /// it count.
  std::map<ChangeRef, sync::Standing> decided_then(const std::vector<server::LedgerChange>& ledger) {
    std::map<ChangeRef, sync::Standing> then;
    if (!run_.restored_) return then;
    for (const server::LedgerChange& entry : ledger)
      for (const v1::ChangeOutcome& one : old_outcomes(entry)) {
        const auto outcome = static_cast<Outcome>(one.outcome());
        if (outcome == Outcome::held || outcome == Outcome::rejected) continue;
        then.try_emplace(entry.placed.change.ref, sync::Standing{outcome,
                                                                 static_cast<sync::Rule>(one.rule()),
                                                                 {DeviceId::or_zero(one.stands_device()),
                                                                  ChangeId::or_zero(one.stands_change())},
                                                                 OperatorId::or_zero(one.stands_author())});
      }
    return then;
  }

  /// What its old receipts say of a change, oldest first.
  std::vector<v1::ChangeOutcome> old_outcomes(const server::LedgerChange& entry) {
    std::vector<v1::ChangeOutcome> out;
    auto rows =
        must(db_->query("SELECT l.wire FROM old_receipt o JOIN old_receipt_list l ON l.tenant_id = o.tenant_id AND "
                        "l.list_hash = o.list_hash WHERE o.commit_seq = $1 ORDER BY o.old_commit_ms, o.old_commit_seq",
                        entry.commit_seq));
    while (must(rows.step()))
      for (const Bytes& wire : must(protocol::decode_receipt_list(rows.blob(0))).receipts) {
        v1::SetOutcomes said;
        said.ParseFromString(must(protocol::decode_receipt(wire)).outcomes);
        for (v1::ChangeOutcome& one : *said.mutable_outcomes())
          if (ChangeId::or_zero(one.change_id()) == entry.placed.change.ref.id) out.push_back(std::move(one));
      }
    return out;
  }

  void compare(const sync::TicketState& state, std::vector<sync::Message> messages,
               const std::vector<server::LedgerChange>& ledger, const Observed& due) {
    const std::size_t complaints = world_.complaints().size();
    Observed is = observe(state, std::move(messages), {});
    std::erase_if(is.elements, [](const auto& key) { return key.field == sync::FieldId::links; });  // not modelled
    const auto same = [&](const char* what, const auto& a, const auto& b) {
      if (!(a == b))
        complain(std::string("I10: ticket ") + state.number + " has another " + what + " than the rules give");
    };
    same("set of fields", is.fields, due.fields);
    same("set of elements", is.elements, due.elements);
    same("status", is.status, due.status);
    same("description", is.description, due.description);
    same("assignee", is.assignee, due.assignee);
    same("queue", is.queue, due.queue);
    same("merge", is.merged_into, due.merged_into);
    same("deletion", is.deleted, due.deleted);
    same("set of messages", is.messages, due.messages);
    same("count of messages", is.message_count, due.message_count);
    for (const server::LedgerChange& change : ledger) {
      const auto standing = due.standings.find(change.placed.change.ref);
      if (standing == due.standings.end() || change.placed.change.intent == sync::Intent::release) continue;
      if (change.standing != standing->second.outcome)
        complain("I10: ticket " + state.number + ": a change stands as " +
                 std::string(sync::to_string(change.standing)) + " where the rules give " +
                 std::string(sync::to_string(standing->second.outcome)));
    }
    if (world_.complaints().size() != complaints) show(ledger, due);
  }

  /// The changes of a ticket that somebody complained of, for whoever reads the trace.
  void show(const std::vector<server::LedgerChange>& ledger, const Observed& due) {
    for (const server::LedgerChange& entry : ledger) {
      const sync::PlacedChange& placed = entry.placed;
      const sync::Stamp& stamp = placed.stamp;
      const auto* spec = sync::find_intent(placed.change.intent);
      const auto standing = due.standings.find(placed.change.ref);
      run_.note("  commit " + std::to_string(stamp.commit_seq) + "." + std::to_string(stamp.origin.index) + " of " +
                to_hex(stamp.origin.device).substr(0, 6) + "/" + std::to_string(stamp.origin.device_epoch) + "/" +
                std::to_string(stamp.origin.chain_seq) + " " + (spec != nullptr ? std::string(spec->name) : "?") +
                ", seen " + std::to_string(stamp.seen_seq) + ", at " + std::to_string(stamp.order_ms) + ", stands as " +
                std::string(sync::to_string(entry.standing)) +
                (standing == due.standings.end() ? std::string()
                                                 : ", due " + std::string(sync::to_string(standing->second.outcome))) +
                receipts_of(entry) + ": " + placed.change.text + placed.change.label);
    }
  }

  std::string receipts_of(const server::LedgerChange& entry) {
    std::string told;
    for (const v1::ChangeOutcome& one : old_outcomes(entry))
      told += ", then " + std::string(sync::to_string(static_cast<Outcome>(one.outcome())));
    return told;
  }

  /// I18: nothing counts that its author was not allowed when it was committed.
  void rights() {
    if (run_.restored_) return;  // commits have other numbers then
    auto rows =
        must(db_->query("SELECT commit_seq, idx FROM change WHERE author = $1 AND author_kind = $2 AND outcome "
                        "NOT IN ($3, $4)",
                        ben(), sync::PrincipalKind::operator_, Outcome::held, Outcome::rejected));
    std::vector<std::pair<std::uint64_t, std::uint64_t>> places;
    while (must(rows.step())) places.emplace_back(rows.uint64(0), rows.uint64(1));
    for (const auto& [seq, index] : places) {
      std::string role = "operator";
      for (const auto& [from, name] : run_.roles_of_ben_)
        if (from < seq) role = name;
      for (const server::LedgerChange& change : must(server::read_commit(*db_, number(), seq))) {
        if (change.index != index) continue;
        const auto* spec = sync::find_intent(change.placed.change.intent);
        const auto known = sync::role_from_name(role);
        if (spec != nullptr && known && !sync::has_right(*known, spec->right) && !is_message(change))
          complain("I18: " + std::string(spec->name) + " counts at commit " + std::to_string(seq) + ", by one who is " +
                   role);
      }
    }
  }
  /// Whose it is and who may read it counts there, too.
  static bool is_message(const server::LedgerChange& change) {
    const auto intent = change.placed.change.intent;
    return intent == sync::Intent::message || intent == sync::Intent::edit_message ||
           intent == sync::Intent::delete_message || intent == sync::Intent::send_message;
  }
  OperatorId ben() const {
    for (const auto& seat : run_.seats_)
      if (seat->device->name() == "ben") return seat->device->operator_id();
    return {};
  }

  /// I19
  void revocations() {
    if (run_.restored_) return;
    for (const auto& [device, seq] : run_.revoked_at_) {
      const auto newest = must(db_->int64_of("SELECT max(commit_seq) FROM change_set WHERE device_id = $1", device));
      if (newest && static_cast<std::uint64_t>(*newest) > seq)
        complain("I19: a set of a revoked device was committed after the revocation");
    }
  }

  /// What was erased stands in no file of the server's databases.
  void erasures() {
    for (const std::string& text : run_.erased_texts_)
      if (const std::string file = run_.disk_.find(world_.server.directory() + "/", text); !file.empty())
        complain("I13: the server's files still hold what was erased: " + text + " in " + file + rows_with(text));
  }

  /// Which rows of the first organisation hold it; none: it lies in a page that nobody uses, or in the WAL.
  std::string rows_with(const std::string& text) {
    std::string found;
    auto columns =
        must(db_->query("SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c "
                        "WHERE m.type = 'table' AND m.sql NOT LIKE 'CREATE VIRTUAL%'"));
    while (must(columns.step())) {
      const std::string table(columns.text(0)), column(columns.text(1));
      const auto times = must(
          db_->int64_of("SELECT count(*) FROM \"" + table + "\" WHERE instr(CAST(\"" + column + "\" AS BLOB), $1) > 0",
                        sqlite::Blob{text}));
      if (times.value_or(0) != 0) found += ", " + std::to_string(*times) + " of " + table + "." + column;
    }
    return found;
  }

  /// I8: each device says of its own work what the ledger says, and shows nothing of what was erased.
  void own_view(Device& device) {
    for (const client::HistoryEntry& entry : device.history()) {
      if (run_.erased_texts_.contains(entry.text))
        complain("I13: " + device.name() + " still holds what was erased: " + entry.text);
      if (run_.restored_) continue;
      const auto change = must(server::read_change(*db_, number(), entry.change));
      if (change && change->standing != entry.standing.outcome)
        complain("I8: " + device.name() + " says " + std::string(sync::to_string(entry.standing.outcome)) + " of a " +
                 entry.intent + " that stands as " + std::string(sync::to_string(change->standing)));
    }
    if (!run_.restored_ && device.client().engine().report().scope_repairs != 0)
      complain("I9: " + device.name() + " had to repair its copy");
  }

  /// I6: no number names two tickets, whoever still shows one of them, nor did at any time.
  void numbers() {
    run_.note_numbers();
    std::map<std::string, std::string> named;
    const auto name = [&](const std::string& number_text, const std::string& id) {
      if (number_text.empty()) return;
      const auto [at, first] = named.try_emplace(number_text, id);
      if (at->second != id) complain("I6: " + number_text + " names two tickets");
    };
    auto rows = must(db_->query("SELECT ticket_id, state FROM ticket"));
    while (must(rows.step())) name(must(sync::decode_state(rows.blob(1))).number, to_hex(rows.id<TicketId>(0)));
    for (const auto& seat : run_.seats_)
      if (!seat->neighbour && seat->device->is_open())
        for (const client::ListRow& row : seat->device->list())
          if (row.number.find('x') == std::string::npos) name(row.number, to_hex(row.id));
  }

  /// I30: what went out was committed, and what counts as sent went out. I3, I5 of what was asked for over the API.
  void effects() {
    if (!run_.integration_) return;
    run_.integration_->judge(tenant_, !run_.restored_);
    if (run_.restored_) return;
    std::map<std::string, std::int64_t> rows;
    auto outgoing = must(db_->query("SELECT delivery, state FROM outgoing WHERE way = $1", server::OutgoingWay::hook));
    while (must(outgoing.step())) rows[to_uuid_text(outgoing.blob(0))] = outgoing.int64(1);
    for (const auto& [name, delivery] : run_.outside_.deliveries())
      if (!rows.contains(name))
        complain("I30: " + delivery.event + " went out, and nothing that was committed asks for it");
    for (const auto& [name, state] : rows) {
      if (state != static_cast<std::int64_t>(server::OutgoingState::sent)) continue;
      const auto delivery = run_.outside_.deliveries().find(name);
      if (delivery == run_.outside_.deliveries().end() || delivery->second.taken == 0)
        complain("I30: a webhook counts as sent, and nobody got it");
    }
  }

  /// I36: no file of the server's databases holds a secret that is kept as a hash of it, or not at all.
  void secrets() {
    std::vector<std::string> all = {run_.api_key_, run_.newest_token_, world_.server.recovery_key()};
    for (const auto& seat : run_.seats_)
      if (seat->device->is_open() && !seat->device->gone && !seat->device->status().wiped) {
        const auto keys = seat->device->keys();
        for (const auto& key : {std::string(keys.data_key.view()), std::string(keys.replica_key.view()),
                                std::string(keys.signing_key.seed().view())})
          all.push_back(key);
      }
    for (const std::string& secret : all)
      if (secret.find_first_not_of('\0') != std::string::npos &&
          !run_.disk_.find(world_.server.directory() + "/", secret).empty())
        complain("I36: the server's files hold a secret that was given away");
  }

  /// I16
  void neighbours() {
    if (run_.profile_.neighbours == 0) return;
    if (!run_.disk_.find(world_.server.directory() + "/tenants/" + to_hex(tenant_), " neighbour ").empty())
      complain("I16: the files of one organisation hold words of another");
  }

  void count() {
    const auto counted = [&](const char* marker, std::string_view sql) {
      const auto times = must(db_->int64_of(sql)).value_or(0);
      if (times > 0) run_.mark(marker, static_cast<std::uint64_t>(times));
    };
    counted("fork refused", "SELECT count(*) FROM fork");
    counted("epoch bump", "SELECT count(*) FROM device WHERE device_epoch > 1");
    counted("key frozen", "SELECT count(*) FROM device WHERE key_state = 1");
    counted("work given back after a restore", "SELECT count(*) FROM old_receipt");
    counted("deadline missed", "SELECT count(*) FROM sla_breach");
    counted("ticket left a scope", "SELECT count(*) FROM scope_member WHERE left_seq != 0");
    run_.mark("sets", static_cast<std::uint64_t>(must(db_->int64_of("SELECT count(*) FROM change_set")).value_or(0)));
    const auto standing = [&](const char* marker, std::string_view column, auto value) {
      const auto times =
          must(db_->int64_of("SELECT count(*) FROM change WHERE " + std::string(column) + " = $1", value));
      if (times.value_or(0) > 0) run_.mark(marker, static_cast<std::uint64_t>(*times));
    };
    standing("merge with late work", "standing_rule", sync::Rule::merged_ticket);
    standing("held or refused", "outcome", Outcome::held);
    standing("held or refused", "outcome", Outcome::rejected);
    standing("overtaken", "standing", Outcome::overtaken);
    standing("superseded", "standing", Outcome::superseded);
  }

  std::int64_t number() const { return world_.server.tenant(tenant_).number(); }

  Run& run_;
  World& world_;
  TenantId tenant_;
  std::unique_ptr<sqlite::Database> db_;
};

}  // namespace

bool excused(Run& run, Device& device) {
  const LookingOn looking(&run.disk_);
  const auto state =
      must(run.world_.server.read(device.tenant())
               ->int64_of("SELECT key_state FROM device WHERE device_id = $1", device.identity().device));
  if (!state) return run.ended_.contains(device.identity().device);
  return *state != static_cast<std::int64_t>(protocol::KeyState::active);
}

void judge_history(Run& run) {
  const LookingOn looking(&run.disk_);
  Judge(run).judge();
}

}  // namespace tern::test
