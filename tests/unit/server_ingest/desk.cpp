#include "desk.hpp"

#include <algorithm>
#include <set>

#include "support/must.hpp"
#include "support/persist.hpp"
#include "tern/sync/scope.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::test {

// ---- van ----

Van::Van(Desk& d, OperatorId op, bool scope_all) : desk(d), operator_id(op), id(random_id<DeviceId>(d.environment)) {
  key = std::make_unique<protocol::SigningKey>(protocol::SigningKey::generate(desk.environment));
  protocol::Certificate made;
  made.tenant = desk.id;
  made.author = operator_id;
  made.device = id;
  made.public_key = key->public_key();
  made.server_epoch = desk.tenant->epoch();
  made.issued_ms = desk.environment.wall_ms();
  certificate = protocol::sign_statement(made, desk.tenant->keys().log).wire;
  must(persist([&] {
    return server::add_device(*desk.tenant,
                              {id, operator_id, key->public_key(), certificate, scope_all, "van", "linux x86_64", {}});
  }));
  head = {1, 0, protocol::genesis_prev_hash(certificate)};
  pull();
}

Change Van::make(Intent intent, const TicketId& ticket) {
  Change change;
  change.ref = {id, random_id<ChangeId>(desk.environment)};
  change.ticket = ticket;
  change.intent = intent;
  change.wall_ms = desk.environment.wall_ms() + wall_error_ms;
  change.seen_seq = cursor;
  return change;
}

Change Van::create(const TicketId& ticket, const std::string& subject) {
  Change change = make(Intent::create, ticket);
  change.fields.push_back({sync::FieldId::subject, {}, subject, false});
  change.seen_seq = 0;
  return change;
}

Change Van::set(const TicketId& ticket, sync::FieldId field, std::optional<Bytes> value, std::string name) {
  Change change = make(Intent::set, ticket);
  change.fields.push_back({field, std::move(name), std::move(value), false});
  return change;
}

Change Van::note(const TicketId& ticket, const std::string& text, sync::Visibility visibility) {
  Change change = make(Intent::message, ticket);
  change.text = text;
  change.visibility = visibility;
  return change;
}

Bytes Van::seal_apart(std::vector<Change> changes, protocol::ChainHead after) {
  std::vector<protocol::SealedChange> content;
  for (const Change& change : changes) {
    sync::EncodedChange encoded = sync::encode_change(change);
    content.push_back({std::move(encoded.skeleton), random_id<Salt>(desk.environment), std::move(encoded.body), {}});
  }
  protocol::ChangeSetHeader header;
  header.tenant = desk.id;
  header.device = id;
  header.author = operator_id;
  header.device_epoch = after.device_epoch;
  header.chain_seq = after.chain_seq + 1;
  header.prev_hash = after.hash;
  header.wall_ms = desk.environment.wall_ms() + wall_error_ms;
  header.mono_ms =
      knows_mono ? static_cast<std::uint64_t>(desk.environment.boot_ms() - anchor_boot_ms) : protocol::mono_unknown;
  header.boot = desk.environment.boot_id();
  header.anchor_hash = anchor;
  header.seen_seq = cursor;
  const protocol::ChangeSet set = resign_of ? must(protocol::seal_again(*resign_of, header, *key))
                                            : must(protocol::seal(header, std::move(content), *key));
  resign_of.reset();
  sets.push_back(set);
  return protocol::encode(set);
}

const Bytes& Van::seal(std::vector<Change> changes) {
  sealed.push_back(seal_apart(std::move(changes), head));
  head = {head.device_epoch, head.chain_seq + 1, sets.back().hash()};
  return sealed.back();
}

server::Push Van::pushable() {
  server::Push push;
  push.device = id;
  push.change_sets = std::exchange(sealed, {});
  push.declared = head;
  push.cursor_seq = cursor;
  return push;
}

server::PushAnswer Van::push(server::Push what) {
  std::vector<server::Push> pushes;
  pushes.push_back(std::move(what));
  return desk.commit(std::move(pushes)).front();
}

server::PushAnswer Van::push() {
  return push(pushable());
}

void Van::pull() {
  const auto issued = must(persist([&] { return desk.tenant->anchor(); }));
  if (issued) {
    anchor = issued->hash;
    anchor_boot_ms = desk.environment.boot_ms();
  }
  cursor = desk.tenant->commit_seq();
  server::ExchangeNote note;
  note.device = id;
  note.declared = head;
  note.cursor_seq = cursor;
  note.outbox_pending = sealed.size();
  note.sent_seq = cursor;
  if (server::note_exchange(*desk.tenant, note)) must(persist([&] { return server::end_custody(*desk.tenant, id); }));
}

server::PushAnswer Van::sync() {
  server::PushAnswer answer = push();
  pull();
  return answer;
}

std::vector<Told> Van::send(std::vector<Change> changes) {
  seal(std::move(changes));
  const server::PushAnswer answer = push();
  if (answer.fault) FAIL(to_string(answer.fault->error.code) << ": " << answer.fault->error.message);
  return told(answer);
}

// ---- desk ----

Desk::Desk(std::uint64_t seed, const std::string& name, const std::string& zone) : environment(seed) {
  id = random_id<TenantId>(environment);
  sealing_device = random_id<DeviceId>(environment);
  for (std::string& one : seeds) {
    one.resize(32);
    environment.random(one.data(), one.size());
  }
  tenant = must(server::Tenant::create(options(), keys(), name, zone, environment));
}

server::TenantOptions Desk::options() const {
  server::TenantOptions options;
  options.directory = folder.path();
  options.number = 7;
  options.id = id;
  return options;
}

protocol::SigningKey Desk::root() const {
  return protocol::SigningKey::from_seed(protocol::SecretKey::from(Bytes(32, 'r')));
}

server::TenantKeys Desk::keys() const {
  return {protocol::SigningKey::from_seed(protocol::SecretKey::from(seeds[0])),
          protocol::SigningKey::from_seed(protocol::SecretKey::from(seeds[1])),
          sealing_device,
          {},
          {root().public_key()},
          {}};
}

void Desk::reopen() {
  tenant.reset();
  tenant = must(persist([&] { return server::Tenant::open(options(), keys(), environment); }));
}

server::ServerCommit Desk::act(Change change, const OperatorId& acting) {
  return must(persist([&] {
    std::vector<server::ServerChange> changes;
    changes.push_back({change, acting});
    return server::commit_server(*tenant, std::move(changes));
  }));
}

namespace {

Change record_change(const sync::Record& record) {
  Change change;
  change.intent = Intent::record;
  change.record_kind = static_cast<std::uint32_t>(record.kind);
  change.record = sync::encode_record(record);
  return change;
}

}  // namespace

RecordId Desk::add_record(sync::RecordKind kind, const std::string& name) {
  sync::Record record;
  record.kind = kind;
  record.id = random_id<RecordId>(environment);
  record.name = name;
  CHECK(act(record_change(record)).outcomes.front() == Outcome::applied);
  return record.id;
}

OperatorId Desk::add_operator(const std::string& name, sync::Role role, std::vector<RecordId> queues) {
  sync::Record record;
  record.kind = sync::RecordKind::operator_;
  record.id = random_id<RecordId>(environment);
  record.name = name;
  record.attributes["role"] = std::string(sync::role_name(role));
  record.refs = std::move(queues);
  CHECK(act(record_change(record)).outcomes.front() == Outcome::applied);
  return OperatorId::or_zero(record.id.view());
}

void Desk::change_operator(const OperatorId& who, sync::Role role, std::vector<RecordId> queues, bool active) {
  auto record = tenant->find_record(sync::RecordKind::operator_, RecordId::or_zero(who.view()));
  REQUIRE(record);
  record->attributes["role"] = std::string(sync::role_name(role));
  record->attributes["active"] = active ? "1" : "0";
  record->refs = std::move(queues);
  CHECK(act(record_change(*record)).outcomes.front() == Outcome::applied);
}

std::unique_ptr<Van> Desk::add_van(const OperatorId& operator_id, bool scope_all) {
  return std::make_unique<Van>(*this, operator_id, scope_all);
}

std::vector<server::PushAnswer> Desk::commit(std::vector<server::Push> pushes) {
  const auto none_is_at_fault = [](const Result<server::BatchResult>& done) {
    return done && std::ranges::none_of(done->answers, [](const auto& answer) { return answer.fault.has_value(); });
  };
  auto done = persist(
      [&] {
        std::vector<server::VerifiedPush> verified;
        for (const server::Push& push : pushes) verified.push_back(server::verify_push(*tenant, push));
        return server::commit_batch(*tenant, verified);
      },
      none_is_at_fault);
  return must(std::move(done)).answers;
}

sync::TicketState Desk::state(const TicketId& ticket) {
  auto reader = must(tenant->reader());
  auto rows = must(
      reader.db().query("SELECT state FROM ticket WHERE tenant_id = $1 AND ticket_id = $2", tenant->number(), ticket));
  if (!must(rows.step())) return {};
  return must(sync::decode_state(rows.blob(0)));
}

std::vector<sync::Message> Desk::messages(const TicketId& ticket) {
  auto reader = must(tenant->reader());
  auto rows = must(
      reader.db().query("SELECT data FROM message WHERE tenant_id = $1 AND ticket_id = $2", tenant->number(), ticket));
  std::vector<sync::Message> messages;
  while (must(rows.step())) messages.push_back(must(sync::decode_message(rows.blob(0))));
  std::sort(messages.begin(), messages.end(),
            [](const sync::Message& a, const sync::Message& b) { return sync::before(a.stamp, b.stamp); });
  return messages;
}

Outcome Desk::standing(const sync::ChangeRef& ref) {
  auto reader = must(tenant->reader());
  const auto change = must(server::read_change(reader.db(), tenant->number(), ref));
  return change ? change->standing : Outcome::unspecified;
}

std::vector<OperatorId> Desk::members(const TicketId& ticket) {
  auto reader = must(tenant->reader());
  auto rows =
      must(reader.db().query("SELECT operator_id FROM scope_member WHERE tenant_id = $1 AND ticket_id = $2 "
                             "AND left_seq = 0 ORDER BY operator_id",
                             tenant->number(), ticket));
  std::vector<OperatorId> members;
  while (must(rows.step())) members.push_back(rows.id<OperatorId>(0));
  return members;
}

std::int64_t Desk::count(const std::string& table) {
  auto reader = must(tenant->reader());
  auto rows = must(reader.db().prepare("SELECT count(*) FROM " + table));
  REQUIRE(must(rows.step()));
  return rows.int64(0);
}

std::string Desk::differs_from_zero() {
  auto reader = must(tenant->reader());
  auto rows = must(reader.db().query("SELECT ticket_id FROM ticket WHERE tenant_id = $1", tenant->number()));
  while (must(rows.step())) {
    const auto ticket = rows.id<TicketId>(0);
    const auto zero = must(server::refold_from_zero(reader.db(), tenant->number(), ticket));
    if (sync::encode_state(zero.fold.state) != sync::encode_state(state(ticket))) return "state of " + to_hex(ticket);
    if (zero.fold.messages != messages(ticket)) return "messages of " + to_hex(ticket);
    for (std::size_t i = 0; i < zero.changes.size(); ++i)
      if (standing(zero.changes[i].change.ref) != zero.fold.standings[i].outcome)
        return "standing of a " + std::string(sync::find_intent(zero.changes[i].change.intent)->name);
  }
  return {};
}

std::string Desk::wrong_members() {
  std::map<TicketId, sync::TicketState> states;
  auto reader = must(tenant->reader());
  auto rows = must(reader.db().query("SELECT state FROM ticket WHERE tenant_id = $1", tenant->number()));
  while (must(rows.step())) {
    sync::TicketState state = must(sync::decode_state(rows.blob(0)));
    states.emplace(state.id, std::move(state));
  }
  std::set<OperatorId> operators;
  for (const server::DeviceInfo& device : server::devices(*tenant))
    if (device.purpose == protocol::KeyPurpose::device) operators.insert(device.operator_id);
  for (const auto& [ticket_id, ticket] : states) {
    std::vector<OperatorId> due;
    for (const OperatorId& who : operators) {
      const auto actor = tenant->find_actor(who);
      // Whoever holds a target holds what was merged into it.
      bool holds = false;
      for (const sync::TicketState* at = &ticket; at != nullptr && !holds;) {
        holds = sync::in_scope(*at, {who, actor->queues, sync::queue_scope_all(actor->role)}, tenant->now_ms());
        const auto& merged = at->merged_into;
        at = merged && !merged->value.empty() ? &states.at(TicketId::or_zero(merged->value)) : nullptr;
      }
      if (holds && actor->active) due.push_back(who);
    }
    std::sort(due.begin(), due.end());
    if (due != members(ticket_id)) return to_hex(ticket_id);
  }
  return {};
}

server::Verification Desk::verify() {
  return must(persist([&] { return server::verify_tenant(*tenant); }, only_whole));
}

std::vector<Told> told(const server::PushAnswer& answer) {
  std::vector<Told> all;
  for (const Bytes& wire : answer.receipts) {
    const protocol::Receipt receipt = must(protocol::decode_receipt(wire));
    v1::SetOutcomes outcomes;
    REQUIRE(outcomes.ParseFromString(receipt.outcomes));
    for (const v1::ChangeOutcome& one : outcomes.outcomes())
      all.push_back({static_cast<Outcome>(one.outcome()), static_cast<Rule>(one.rule()),
                     static_cast<ReasonCode>(one.reason()), one.effective_ms(), one.lo_ms(), one.hi_ms(),
                     one.time_flags(), one.seen_seq(), one.integer_id(), one.number()});
  }
  return all;
}

}  // namespace tern::test
