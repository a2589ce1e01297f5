#include "unit/client/client_desk.hpp"

#include <algorithm>

#include "support/persist.hpp"

namespace tern::test {
namespace {

const Bytes data_key(32, 'k');

class PersistentCommands final : public Commands {
public:
  PersistentCommands(std::unique_ptr<Commands> commands, Replica& replica, Outbox& outbox)
      : inner_(std::move(commands)), replica_(replica), outbox_(outbox) {}

  Result<std::vector<SavedChange>> save(std::vector<Change> changes) override {
    return shown(persist([&] { return inner_->save(changes); }));
  }
  Result<void> check_offered(const Change& change) override {
    return persist([&] { return inner_->check_offered(change); });
  }
  Result<TicketId> find_ticket(std::string_view name) override {
    return persist([&] { return inner_->find_ticket(name); });
  }
  Result<RecordId> find_record(std::uint32_t kind, std::string_view name) override {
    return persist([&] { return inner_->find_record(kind, name); });
  }
  Result<std::vector<SavedChange>> apply_macro(const TicketId& ticket, std::string_view macro) override {
    return shown(persist([&] { return inner_->apply_macro(ticket, macro); }));
  }
  Result<std::vector<SavedChange>> attach(const client::NewFiles& files) override {
    return shown(persist([&] { return inner_->attach(files); }));
  }
  Result<void> want_file(const TicketId& ticket, const sync::ChangeRef& file) override {
    return persist([&] { return inner_->want_file(ticket, file); });
  }
  Result<client::FilePolicy> file_policy() override {
    return persist([&] { return inner_->file_policy(); });
  }
  Result<void> set_file_policy(const client::FilePolicy& policy) override {
    return persist([&] { return inner_->set_file_policy(policy); });
  }
  Result<void> mark_read(const TicketId& ticket, std::int64_t read_mark) override {
    return persist([&] { return inner_->mark_read(ticket, read_mark); });
  }
  Result<void> mark_all_read() override {
    return persist([&] { return inner_->mark_all_read(); });
  }
  Result<void> dismiss(const sync::ChangeRef& ref) override {
    return persist([&] { return inner_->dismiss(ref); });
  }
  Result<void> dismiss_notice() override {
    return persist([&] { return inner_->dismiss_notice(); });
  }
  Result<client::FollowedUp> follow_up(const sync::ChangeRef& ref, std::string_view id,
                                       std::string_view reason) override {
    return shown(persist([&] { return inner_->follow_up(ref, id, reason); }));
  }

private:
  /// Work that is saved and could not be shown is shown by the next opening.
  template <typename Saved>
  Saved shown(Saved saved) {
    if (saved && fails_here()) must(replica_.catch_up(outbox_));
    return saved;
  }

  std::unique_ptr<Commands> inner_;
  Replica& replica_;
  Outbox& outbox_;
};

/// A name that could not be read is shown as an id.
class PersistentViews final : public Views {
public:
  explicit PersistentViews(std::unique_ptr<Views> views) : inner_(std::move(views)) {}

  Result<client::ListPage> list(const client::ListFilter& filter) override {
    return persist([&] { return inner_->list(filter); }, only_whole);
  }
  Result<client::TicketView> ticket(const TicketId& id, const client::ClockText& clock) override {
    return persist([&] { return inner_->ticket(id, clock); }, only_whole);
  }
  Result<client::ListPage> search(std::string_view text, std::size_t limit, std::string_view after) override {
    return persist([&] { return inner_->search(text, limit, after); }, only_whole);
  }
  Result<std::vector<client::HistoryEntry>> attention(const client::ClockText& clock) override {
    return persist([&] { return inner_->attention(clock); }, only_whole);
  }
  Result<std::vector<client::HistoryEntry>> history(const std::optional<TicketId>& ticket,
                                                    const client::ClockText& clock) override {
    return persist([&] { return inner_->history(ticket, clock); }, only_whole);
  }
  Result<client::SyncStatus> status() override {
    return persist([&] { return inner_->status(); }, only_whole);
  }
  Result<client::UnreadCount> unread() override {
    return persist([&] { return inner_->unread(); }, only_whole);
  }
  Result<std::vector<client::FileView>> files(const TicketId& id) override {
    return persist([&] { return inner_->files(id); }, only_whole);
  }
  Result<Bytes> read_file(const client::FileView& file, std::uint64_t offset, std::size_t length) override {
    return persist([&] { return inner_->read_file(file, offset, length); }, only_whole);
  }
  Result<std::vector<client::QuickReply>> quick_replies() override {
    return persist([&] { return inner_->quick_replies(); }, only_whole);
  }
  Result<client::QuickReply> quick_reply(std::string_view name) override {
    return persist([&] { return inner_->quick_reply(name); }, only_whole);
  }
  Result<std::vector<client::Macro>> macros() override {
    return persist([&] { return inner_->macros(); }, only_whole);
  }
  Result<std::vector<client::SavedView>> saved_views() override {
    return persist([&] { return inner_->saved_views(); }, only_whole);
  }
  Result<client::SavedView> saved_view(std::string_view name) override {
    return persist([&] { return inner_->saved_view(name); }, only_whole);
  }
  Result<std::vector<client::Article>> articles(std::string_view text) override {
    return persist([&] { return inner_->articles(text); }, only_whole);
  }
  Result<client::Article> article(std::string_view name) override {
    return persist([&] { return inner_->article(name); }, only_whole);
  }

private:
  std::unique_ptr<Views> inner_;
};

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
  const auto open_replica = [&] { return persist([&] { return Replica::open(replica_path(), data_key, {}); }); };
  outbox = must(persist([&] { return Outbox::open(outbox_path(), data_key, {}); }));
  must(persist([&] { return outbox->set_owner({identity.device, identity.operator_id}); }));
  auto opened = open_replica();
  if (!opened && opened.error().code == ErrorCode::corrupt) {
    Replica::destroy(replica_path(), {});
    opened = open_replica();
  }
  replica = must(std::move(opened));
  must(persist([&] { return replica->catch_up(*outbox); }));
  commands = std::make_unique<PersistentCommands>(client::make_commands({*outbox, *replica, identity, key, env}),
                                                  *replica, *outbox);
  views = std::make_unique<PersistentViews>(client::make_views({*outbox, *replica, identity, env}));
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
  return must(persist([&] { return outbox->seal(key, context, env); }));
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
  const std::uint64_t newest_set = must(outbox->head()).chain_seq;
  must(persist([&] { return outbox->mark_sent(newest_set); }));
  const std::uint64_t newest = receipts.empty() ? 0 : receipts.back().commit_seq;
  if (!answered) return;
  must(persist([&] {
    return outbox->store_receipts(receipts, {named<EpochId>("epoch"), "up to " + std::to_string(newest)});
  }));
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
  const auto apply_page = [&]() -> Result<void> {
    const auto applier = replica->begin_page(std::make_unique<v1::ExchangeResponse>(*response), *outbox);
    for (;;) {
      TERN_TRY(const bool more, applier->apply(row_budget));
      if (!more) return {};
    }
  };
  // What was lost of an earlier page is told with the next.
  must(persist(apply_page, [](const auto& done) { return is_good(done); }, {.more = 2}));
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
