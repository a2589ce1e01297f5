#include "triggers.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "jobs.hpp"
#include "run_batch.hpp"
#include "tell.hpp"
#include "tern/protocol/crypto.hpp"

namespace tern::server {
namespace {

using sync::FieldId;
using sync::Intent;
using sync::RecordKind;

constexpr std::int64_t trigger_hour_ms = 3'600'000, silence_look_every_ms = 60'000;
constexpr std::int64_t firings_per_hour_max = 5;  // of one trigger on one ticket
constexpr std::int64_t silent_tickets_per_look = 256;

TriggerDesk& triggers_of(Batch& batch) {
  std::shared_ptr<TriggerDesk>& desk = batch.in.triggers;
  if (!desk) {
    std::vector<sync::Record> records;
    for (const auto& [key, record] : batch.in.records)
      if (key.kind == RecordKind::trigger) records.push_back(record);
    desk = std::make_shared<TriggerDesk>(TriggerDesk{trigger_rules_of(records), {}});
  }
  return *desk;
}

std::string root_name(const sync::ChangeRef& change) {
  return to_uuid_text(change.device.view()) + ":" + to_hex(change.id);
}

class BatchNames : public TriggerNames {
public:
  explicit BatchNames(const Batch& batch) : batch_(batch) {}

  [[nodiscard]] std::vector<std::string> names(const sync::TicketState& state, std::string_view field) const override {
    if (field == "priority") return {std::string(sync::priority_name(sync::priority_of(state)))};
    if (field == "status") return {std::string(sync::status_name(sync::status_view(state).status))};
    if (field == "type") return {sync::field_value(state, FieldId::type).value_or("")};
    if (field == "tag") return sync::elements_of(state, FieldId::tags);
    if (field == "queue") {
      const auto queue = sync::queue_of(state);
      return of(RecordKind::queue, queue ? Bytes(queue->view()) : Bytes(), nullptr);
    }
    if (field == "category")
      return of(RecordKind::category, sync::field_value(state, FieldId::category).value_or(""), "code");
    return of(RecordKind::organisation, sync::field_value(state, FieldId::organisation).value_or(""), "portal_domain");
  }

private:
  [[nodiscard]] std::vector<std::string> of(RecordKind kind, const Bytes& id, const char* also) const {
    const sync::Record* record = id.empty() ? nullptr : batch_.find_record(kind, RecordId::or_zero(id));
    if (record == nullptr) return {};
    std::vector<std::string> out = {record->name};
    if (also != nullptr)
      if (const auto more = record->attributes.find(also); more != record->attributes.end())
        out.push_back(more->second);
    return out;
  }

  const Batch& batch_;
};

bool is_answer(const Entry& entry) {
  return entry.change->intent == Intent::message && entry.change->visibility == sync::Visibility::open &&
         entry.author_kind == sync::PrincipalKind::operator_;
}

/// The customer wrote behind the answer, or what its author had not read: somebody waits for staff, not they for them.
bool left_something_open(const sync::TicketState& state, const sync::Stamp& answer) {
  return std::ranges::any_of(state.moves, [&](const sync::Move& move) {
    return move.intent == Intent::message &&
           (sync::ordered_after(move.stamp, answer) || move.stamp.commit_seq > answer.seen_seq);
  });
}

/// What one change is to triggers.
std::vector<TriggerEvent> events_of(const Entry& entry) {
  const sync::Change& change = *entry.change;
  const sync::IntentSpec* spec = sync::find_intent(change.intent);
  if (spec == nullptr || change.intent == Intent::pin || change.intent == Intent::unpin) return {};
  if (change.intent == Intent::create) return {TriggerEvent::created};
  std::vector<TriggerEvent> out = {TriggerEvent::updated};
  const bool by_customer = entry.author_kind == sync::PrincipalKind::contact;
  if (entry.priority_before != 0 && entry.priority_before != sync::priority_of(entry.ticket->state))
    out.push_back(TriggerEvent::priority_changed);
  if (spec->unit == sync::Unit::status) out.push_back(TriggerEvent::status_changed);
  if (spec->unit == sync::Unit::assignee) out.push_back(TriggerEvent::assigned);
  if (change.intent == Intent::message && by_customer) out.push_back(TriggerEvent::customer_replied);
  if (is_answer(entry)) out.push_back(TriggerEvent::agent_replied);
  return out;
}

/// Whether answers set its tickets to waiting; empty: it says nothing.
std::string queue_says(const Batch& batch, const sync::TicketState& state) {
  const auto queue = sync::queue_of(state);
  const sync::Record* record = queue ? batch.find_record(RecordKind::queue, *queue) : nullptr;
  if (record == nullptr) return {};
  const auto said = record->attributes.find(answers_wait_attribute);
  return said == record->attributes.end() ? std::string() : said->second;
}

/// One trigger acting on one ticket because of one thing.
class Firing {
public:
  /// `author`: whose doing it was, who need not be told; zero: nobody's.
  Firing(Batch& batch, const TriggerRule& rule, const WorkingTicket& ticket, std::string root, const OperatorId& author)
      : batch_(batch), rule_(rule), state_(ticket.state), root_(std::move(root)), author_(author) {}
  Firing(Batch& batch, const TriggerRule& rule, const Entry& entry)
      : Firing(batch, rule, *entry.ticket, root_name(entry.change->ref), entry.author) {
    set_off_by_ = &entry;
  }

  /// Nothing: it acted on that before, or too often lately.
  Result<std::vector<ServerChange>> fire() {
    TERN_TRY(const bool may, note());
    if (!may) return std::vector<ServerChange>{};
    for (const TriggerAction& action : rule_.actions) TERN_CHECKED(act(action));
    explain();
    return std::move(changes_);
  }

private:
  Result<bool> note() {
    TERN_TRY(const auto lately,
             batch_.db().int64_of("SELECT count(*) FROM trigger_fired WHERE tenant_id = $1 AND ticket_id = $2 AND "
                                  "trigger_id = $3 AND at_ms > $4",
                                  batch_.number, state_.id, rule_.id, batch_.commit_ms - trigger_hour_ms));
    // People answer as often as they like; the queue's own asks for nothing that could go round.
    if (!rule_.id.is_zero() && lately.value_or(0) >= firings_per_hour_max) return false;
    TERN_TRY(
        const auto fresh,
        batch_.db().int64_of("INSERT INTO trigger_fired (tenant_id, ticket_id, trigger_id, root, at_ms, version) "
                             "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant_id, ticket_id, trigger_id, "
                             "root) DO NOTHING RETURNING 1",
                             batch_.number, state_.id, rule_.id, sqlite::Text{root_}, batch_.commit_ms, rule_.version));
    if (fresh) batch_.wrote = true;
    return fresh.has_value();
  }

  Result<void> act(const TriggerAction& action) {
    switch (action.deed) {
      case TriggerDeed::notify_team:
        return tell_all(team_of(batch_, state_), "the team");
      case TriggerDeed::notify_assignee:
        return tell_assignee();
      case TriggerDeed::notify_supervisors:
        return tell_all(supervisors_of(batch_, state_), "supervisors");
      case TriggerDeed::escalate:
        return escalate(action.words);
      case TriggerDeed::follow_up:
        said_.push_back("to be followed up");
        return sync::assignee_of(state_) ? tell_assignee() : tell_all(team_of(batch_, state_), "the team");
      case TriggerDeed::tag:
        add_tag(action.words);
        return {};
      case TriggerDeed::note:
        said_.push_back(action.words);
        return {};
      case TriggerDeed::priority:
        set_priority(action.words);
        return {};
      case TriggerDeed::wait:
        wait();
        return {};
    }
    return {};
  }

  /// As it is behind the whole set: who answered and resolved is not moved. What was put on hold stays there.
  void wait() {
    const sync::StatusClass now = sync::status_class(sync::status_view(state_).status);
    const bool at_work = now == sync::StatusClass::todo || now == sync::StatusClass::work;
    if (!at_work || set_off_by_ == nullptr || left_something_open(state_, set_off_by_->stamp)) return;
    if (queue_says(batch_, state_) == "0") return;
    add(Intent::wait);
    if (!rule_.id.is_zero()) said_.emplace_back("waits for the customer");  // the queue's own needs no words
  }

  Result<void> tell_all(const std::vector<OperatorId>& whom, std::string_view who) {
    std::size_t told = 0;
    for (const OperatorId& one : whom) {
      if (one == author_) continue;
      Notification what;
      what.kind = NotificationKind::trigger;
      what.ticket = state_.id;
      what.cause = Bytes(rule_.id.view()) + root_;
      what.detail = rule_.name;
      TERN_TRY(const bool now, tell(batch_, one, std::move(what)));
      told += now ? 1 : 0;
    }
    if (told > 0) said_.push_back(fmt::format("told {} ({})", who, told));
    return {};
  }
  Result<void> tell_assignee() {
    const auto assignee = sync::assignee_of(state_);
    return assignee ? tell_all({*assignee}, "who holds it") : Result<void>{};
  }

  /// To the queue that it names; then those are told who may give it to anybody.
  Result<void> escalate(const std::string& queue) {
    if (!queue.empty()) {
      const sync::Record* to = nullptr;
      for (const auto& [key, record] : batch_.in.records)
        if (key.kind == RecordKind::queue && !record.deleted && record.name == queue) to = &record;
      if (to == nullptr) {
        said_.push_back("there is no queue \"" + queue + "\"");
      } else if (sync::queue_of(state_) != to->id) {
        ServerChange& move = add(Intent::move_queue);
        move.change.target = Bytes(to->id.view());
        said_.push_back("moved to " + queue);
      }
    }
    return tell_all(supervisors_of(batch_, state_), "supervisors");
  }

  void add_tag(const std::string& name) {
    const auto tags = sync::elements_of(state_, FieldId::tags);
    if (std::ranges::find(tags, name) != tags.end()) return;
    add(Intent::tag).change.label = name;
    said_.push_back("tagged " + name);
  }

  void set_priority(const std::string& rank) {
    if (std::to_string(static_cast<int>(sync::priority_of(state_))) == rank) return;
    add(Intent::set).change.fields.push_back({FieldId::priority, {}, rank, false});
    said_.push_back("priority " + std::string(sync::priority_name(static_cast<std::uint8_t>(rank.front() - '0'))));
  }

  /// Nothing done is nothing said.
  void explain() {
    if (said_.empty()) return;
    std::string what;
    for (const std::string& one : said_) what += (what.empty() ? "" : "; ") + one;
    ServerChange& note = add(Intent::message);
    note.change.visibility = sync::Visibility::team;
    note.change.text = fmt::format("Trigger \"{}\" ({}): {}.", rule_.name, trigger_event_name(rule_.event), what);
  }

  /// Made of the same again, it has the same name: the ledger takes it once.
  ServerChange& add(Intent intent) {
    ServerChange change;
    change.change.intent = intent;
    change.change.ticket = state_.id;
    change.change.seen_now = true;
    protocol::Hasher hasher("TRN1-TRIGGER");
    const char n = static_cast<char>(changes_.size());
    const Hash hash = hasher.add(rule_.id.view()).add(state_.id.view()).add(root_).add(ByteView(&n, 1)).finish();
    change.change.ref.id = ChangeId::or_zero(hash.view().substr(0, ChangeId::size_bytes));
    return changes_.emplace_back(std::move(change));
  }

  Batch& batch_;
  const TriggerRule& rule_;
  const sync::TicketState& state_;
  const std::string root_;
  const OperatorId author_;
  const Entry* set_off_by_ = nullptr;
  std::vector<ServerChange> changes_;
  std::vector<std::string> said_;
};

bool stands_apart(const sync::TicketState& state) {
  return sync::is_deleted(state) || (state.merged_into && !state.merged_into->value.empty());
}

struct SilentTicket {
  TicketId ticket;
  std::string root;
};

/// Those who wait for longest first; `from` is moved on where there are more.
Result<std::vector<SilentTicket>> silent_for(Batch& batch, const TriggerRule& rule, std::int64_t& from) {
  TERN_TRY(auto rows,
           batch.db().query(
               "SELECT a.ticket_id, a.root, a.since_s FROM awaiting a JOIN ticket t ON t.tenant_id = a.tenant_id AND "
               "t.ticket_id = a.ticket_id WHERE a.tenant_id = $1 AND a.since_s <= $2 AND a.since_s >= $5 AND "
               "t.listed IN (1, 2, 4, 9) AND NOT EXISTS (SELECT 1 FROM trigger_fired f WHERE f.tenant_id = a.tenant_id "
               "AND f.ticket_id = a.ticket_id AND f.trigger_id = $3 AND f.root = a.root) ORDER BY "
               "a.since_s LIMIT $4",
               batch.number, batch.commit_ms / 1000 - rule.wait_s, rule.id, silent_tickets_per_look, from));
  std::vector<SilentTicket> out;
  const std::int64_t began = std::exchange(from, 0);
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    out.push_back({rows.id<TicketId>(0), std::string(rows.text(1))});
    const bool full = static_cast<std::int64_t>(out.size()) == silent_tickets_per_look;
    if (full) from = std::max(rows.int64(2), began + 1);
  }
}

struct Looked {
  std::size_t fired = 0;
};

}  // namespace

Result<void> fire_triggers(Batch& batch, SetWork& work) {
  const BatchNames names(batch);
  std::set<std::pair<RecordId, TicketId>> acted;  // however much of a set is about one ticket
  const auto fire = [&](const TriggerRule& rule, const Entry& entry) -> Result<void> {
    if (!acted.emplace(rule.id, entry.change->ticket).second) return {};
    TERN_TRY(auto changes, Firing(batch, rule, entry).fire());
    for (ServerChange& change : changes) work.follow_ups.push_back(std::move(change));
    return {};
  };
  const auto waits_already = [&](const TicketId& ticket) {
    return std::ranges::any_of(work.follow_ups, [&](const ServerChange& one) {
      return one.change.ticket == ticket && one.change.intent == Intent::wait;
    });
  };
  for (const Entry& entry : work.entries) {
    if (!is_news(entry) || stands_apart(entry.ticket->state)) continue;
    const auto& rules = triggers_of(batch).rules;
    const auto events = rules.empty() ? std::vector<TriggerEvent>() : events_of(entry);
    for (const TriggerRule& rule : rules)
      if (std::ranges::find(events, rule.event) != events.end() && conditions_hold(rule, entry.ticket->state, names))
        TERN_CHECKED(fire(rule, entry));
    if (is_answer(entry) && queue_says(batch, entry.ticket->state) == "1" && !waits_already(entry.change->ticket))
      TERN_CHECKED(fire(waiting_after_answers(), entry));
  }
  return {};
}

Result<std::size_t> follow_up_silence(Tenant& tenant) {
  const auto strand = tenant.lock_writer();
  Tenant::Internals& in = tenant.internals();
  if (in.trouble.load() != ErrorCode{} || in.takes_no_work || in.older_files) return std::size_t{0};
  const std::int64_t now_ms = in.environment.boot_ms();
  if (in.silence_looked_ms != 0 && now_ms - in.silence_looked_ms < silence_look_every_ms) return std::size_t{0};
  TERN_TRY(const Looked looked, run_batch(tenant, [](Batch& batch) -> Result<Looked> {
             Looked out;
             const BatchNames names(batch);
             for (const TriggerRule& rule : triggers_of(batch).rules) {
               if (rule.event != TriggerEvent::no_response) continue;
               TERN_TRY(const auto silent, silent_for(batch, rule, triggers_of(batch).looked_to[rule.id]));
               std::vector<ServerChange> all;
               for (const SilentTicket& one : silent) {
                 TERN_TRY(const WorkingTicket* ticket, batch.ticket(one.ticket));
                 if (ticket == nullptr || stands_apart(ticket->state)) continue;
                 if (!conditions_hold(rule, ticket->state, names)) continue;
                 TERN_TRY(auto changes, Firing(batch, rule, *ticket, one.root, {}).fire());
                 out.fired += changes.empty() ? 0 : 1;
                 for (ServerChange& change : changes) all.push_back(std::move(change));
               }
               if (all.empty()) continue;
               TERN_TRY(const ServerCommit done, server_set(batch, std::move(all)));
               static_cast<void>(done);
             }
             return out;
           }));
  if (looked.fired == 0) in.silence_looked_ms = now_ms;
  return looked.fired;
}

}  // namespace tern::server
