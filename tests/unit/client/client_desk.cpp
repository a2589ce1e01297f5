#include "unit/client/client_desk.hpp"

#include <algorithm>

namespace tern::test {
namespace {

const Bytes data_key(32, 'k');

}  // namespace

sync::Standing MiniLedger::fold(const Change& change, const sync::Origin& origin, const OperatorId& author,
                                sync::PrincipalKind kind, std::uint64_t seq) {
  Ticket& ticket = tickets[change.ticket];
  ticket.state.id = change.ticket;
  sync::PlacedChange placed;
  placed.change = change;
  sync::Admission& admission = placed.admission;
  admission.seen_seq = change.seen_seq;
  admission.effective_ms = admission.lo_ms = admission.hi_ms = change.wall_ms;
  admission.commit_ms = change.wall_ms + 1'000'000;
  admission.reopen_window_ms = 14 * 86'400'000LL;
  if (change.intent == Intent::create) {
    admission.integer_id = seq;
    admission.number = "T-2023-" + std::to_string(1000 + seq);
  }
  placed.stamp = sync::make_stamp(change, origin, seq, admission, author, kind);
  sync::judge_claim(ticket.state, change, placed.stamp, false, admission);
  sync::FoldEffect effect = sync::fold_in(ticket.state, placed);
  if (effect.message) ticket.messages[change.ref] = std::move(*effect.message);
  if (effect.edits_message) {
    const auto target = ticket.messages.find(change.targets.front());
    if (target != ticket.messages.end()) return sync::fold_message_edit(target->second, placed).standing;
  }
  return effect.standing;
}

v1::Patch MiniLedger::patch(const TicketId& id, bool whole) const {
  const Ticket& ticket = tickets.at(id);
  v1::Patch patch;
  patch.set_state(sync::encode_state(ticket.state));
  for (const auto& [ref, message] : ticket.messages) {
    patch.add_messages()->ParseFromString(sync::encode_message(message));
  }
  patch.set_whole(whole);
  return patch;
}

ClientDesk::ClientDesk(std::uint64_t seed) : env(seed), key(protocol::SigningKey::generate(env)) {
  identity.tenant = named<TenantId>("tenant");
  identity.device = named<DeviceId>("dev-me");
  identity.operator_id = named<OperatorId>("me");
  identity.operator_name = "Me";
  identity.key = key.id();
  identity.certificate = "certificate";
  reopen();
}

void ClientDesk::close() {
  views.reset();
  commands.reset();
  replica.reset();
  outbox.reset();
}

void ClientDesk::reopen() {
  close();
  outbox = must(Outbox::open(outbox_path(), data_key, {}));
  must(outbox->set_owner({identity.device, identity.operator_id}));
  auto opened = Replica::open(replica_path(), data_key, {});
  if (!opened && opened.error().code == ErrorCode::corrupt) {
    Replica::destroy(replica_path(), {});
    opened = Replica::open(replica_path(), data_key, {});
  }
  replica = must(std::move(opened));
  must(replica->catch_up(*outbox));
  commands = client::make_commands({*outbox, *replica, identity, key, env});
  views = client::make_views({*outbox, *replica, identity, env});
}

// ---- the agent ----

Change ClientDesk::change(Intent intent, const TicketId& ticket) const {
  Change made;
  made.intent = intent;
  made.ticket = ticket;
  return made;
}

Change ClientDesk::create(const std::string& subject, const std::string& text) const {
  Change made = change(Intent::create);
  made.fields = {{FieldId::subject, {}, subject, false}};
  made.text = text;
  return made;
}

Change ClientDesk::set(const TicketId& ticket, FieldId field, std::optional<Bytes> value, std::string key_name) const {
  Change made = change(Intent::set, ticket);
  made.fields = {{field, std::move(key_name), std::move(value), false}};
  return made;
}

Change ClientDesk::message(const TicketId& ticket, const std::string& text) const {
  Change made = change(Intent::message, ticket);
  made.text = text;
  made.visibility = sync::Visibility::team;
  return made;
}

SavedChange ClientDesk::save(Change made) {
  std::vector<Change> one;
  one.push_back(std::move(made));
  return must(commands->save(std::move(one))).front();
}

// ---- colleagues ----

Change ClientDesk::by(const std::string& who, Intent intent, const TicketId& ticket) {
  Change made;
  made.ref.device = named<DeviceId>("dev-" + who);
  const std::uint64_t id = ++next_id_;
  std::memcpy(made.ref.id.data(), &id, sizeof id);
  made.ticket = ticket;
  made.intent = intent;
  made.wall_ms = env.wall_ms();
  made.seen_seq = ledger.commit_seq;
  return made;
}

sync::Standing ClientDesk::commit(const std::string& who, Change made) {
  const sync::Origin origin{made.ref.device, 1, ++chains_[who], 0};
  const auto kind = who == "customer" ? sync::PrincipalKind::contact : sync::PrincipalKind::operator_;
  return ledger.commit(made, origin, named<OperatorId>(who), kind);
}

TicketId ClientDesk::colleagues_ticket(const std::string& who, const std::string& subject, const std::string& text) {
  Change made = by(who, Intent::create, {});
  made.ticket = named<TicketId>(subject);
  made.fields = {{FieldId::subject, {}, subject, false}};
  made.text = text;
  commit(who, made);
  return made.ticket;
}

// ---- the exchange ----

client::SealContext ClientDesk::seal_context() const {
  client::SealContext context;
  context.tenant = identity.tenant;
  context.device = identity.device;
  context.author = identity.operator_id;
  context.key = identity.key;
  context.certificate = identity.certificate;
  return context;
}

std::size_t ClientDesk::seal() {
  client::SealContext context = seal_context();
  context.anchor = must(outbox->anchor());
  context.seen_seq = must(replica->cursor()).commit_seq;
  return must(outbox->seal(key, context, env));
}

void ClientDesk::push(bool answered) {
  const auto head = must(outbox->head());
  const auto sets = must(outbox->sets_from(head.acked_seq + 1, 1000, 100 << 20));
  std::vector<client::StoredReceipt> receipts;
  for (const Bytes& wire : sets) {
    const auto set = must(protocol::decode_change_set(wire));
    const auto header = must(protocol::decode_header(set.header));
    v1::SetOutcomes outcomes;
    const std::uint64_t seq = ++ledger.commit_seq;
    for (std::uint32_t i = 0; i < set.changes.size(); ++i) {
      const Change made = must(sync::parse_change(set.changes[i].skeleton, set.changes[i].body, identity.device));
      v1::ChangeOutcome& outcome = *outcomes.add_outcomes();
      outcome.set_change_id(Bytes(made.ref.id.view()));
      outcome.set_effective_ms(made.wall_ms);
      if (const auto refused = refuse ? refuse(made) : std::nullopt) {
        outcome.set_outcome(static_cast<std::uint32_t>(refused->first));
        outcome.set_rule(static_cast<std::uint32_t>(sync::Rule::rights));
        outcome.set_reason(static_cast<std::uint32_t>(refused->second));
        continue;
      }
      const sync::Origin origin{identity.device, header.device_epoch, header.chain_seq, i};
      const sync::Standing standing =
          ledger.fold(made, origin, identity.operator_id, sync::PrincipalKind::operator_, seq);
      outcome.set_outcome(static_cast<std::uint32_t>(standing.outcome));
      outcome.set_rule(static_cast<std::uint32_t>(standing.rule));
      outcome.set_stands_device(Bytes(standing.stands.device.view()));
      outcome.set_stands_change(Bytes(standing.stands.id.view()));
      outcome.set_stands_author(Bytes(standing.stands_author.view()));
    }
    receipts.push_back(
        {header.device_epoch, header.chain_seq, seq, env.wall_ms(), set.hash(), outcomes.SerializeAsString()});
  }
  must(outbox->mark_sent(must(outbox->head()).chain_seq));
  const std::uint64_t newest = receipts.empty() ? 0 : receipts.back().commit_seq;
  if (!answered) return;
  must(outbox->store_receipts(receipts, {named<EpochId>("epoch"), "up to " + std::to_string(newest)}));
  replica->note_receipts();
}

std::unique_ptr<v1::ExchangeResponse> ClientDesk::page() {
  auto response = std::make_unique<v1::ExchangeResponse>();
  for (const auto& [id, ticket] : ledger.tickets) {
    *response->add_patches() = ledger.patch(id);
    response->add_entered(Bytes(id.view()));
  }
  for (const sync::Record& record : records) {
    v1::Pack& pack = *response->add_packs();
    pack.set_kind(static_cast<std::uint32_t>(record.kind));
    pack.set_version(1);
    pack.add_records()->ParseFromString(sync::encode_record(record));
  }
  response->mutable_cursor()->set_epoch(Bytes(ledger.epoch.view()));
  response->mutable_cursor()->set_commit_seq(ledger.commit_seq);
  response->set_server_time_ms(env.wall_ms());
  return response;
}

void ClientDesk::apply(std::unique_ptr<v1::ExchangeResponse> response, std::size_t row_budget) {
  const auto applier = replica->begin_page(std::move(response), *outbox);
  while (must(applier->apply(row_budget))) {
  }
}

void ClientDesk::leave(const TicketId& ticket) {
  auto response = std::make_unique<v1::ExchangeResponse>();
  v1::Left& left = *response->add_left();
  left.set_ticket_id(Bytes(ticket.view()));
  left.set_commit_seq(ledger.commit_seq);
  response->mutable_cursor()->set_epoch(Bytes(ledger.epoch.view()));
  response->mutable_cursor()->set_commit_seq(ledger.commit_seq);
  apply(std::move(response));
}

void ClientDesk::add_operator(const std::string& who, const std::string& role) {
  sync::Record record;
  record.kind = sync::RecordKind::operator_;
  record.id = RecordId::or_zero(named<OperatorId>(who).view());
  record.integer_id = records.size() + 1;
  record.name = who;
  record.version = 1;
  record.attributes = {{"role", role}, {"active", "1"}};
  records.push_back(record);
}

void ClientDesk::add_record(sync::RecordKind kind, const std::string& name) {
  sync::Record record;
  record.kind = kind;
  record.id = named<RecordId>(name);
  record.integer_id = records.size() + 1;
  record.name = name;
  record.version = 1;
  records.push_back(record);
}

}  // namespace tern::test
