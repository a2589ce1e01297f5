// One device on real files, and a ledger in miniature that answers it: no network, no signatures of the server.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "commands.hpp"
#include "outbox/outbox.hpp"
#include "replica/replica.hpp"
#include "support/catch.hpp"
#include "support/fold_desk.hpp"
#include "support/must.hpp"
#include "support/temp_dir.hpp"
#include "support/virtual_environment.hpp"
#include "tern/sync/fold.hpp"
#include "tern/v1/exchange.pb.h"
#include "views.hpp"

namespace tern::test {

using client::Commands;
using client::Outbox;
using client::Replica;
using client::SavedChange;
using client::Views;
using sync::Change;
using sync::FieldId;
using sync::Intent;

/// What the server holds: every change folds into its ticket as it is committed.
class MiniLedger {
public:
  struct Ticket {
    sync::TicketState state;
    std::map<sync::ChangeRef, sync::Message> messages;
  };

  /// Commits one change as a set of its own. Rejects it when told to.
  sync::Standing commit(const Change& change, const sync::Origin& origin, const OperatorId& author,
                        sync::PrincipalKind kind = sync::PrincipalKind::operator_) {
    return fold(change, origin, author, kind, ++commit_seq);
  }
  sync::Standing fold(const Change& change, const sync::Origin& origin, const OperatorId& author,
                      sync::PrincipalKind kind, std::uint64_t seq);

  [[nodiscard]] v1::Patch patch(const TicketId& id, bool whole = true) const;

  std::map<TicketId, Ticket> tickets;
  std::uint64_t commit_seq = 0;
  EpochId epoch = named<EpochId>("epoch-one");
};

class ClientDesk {
public:
  explicit ClientDesk(std::uint64_t seed = 1);

  /// As a process that ended and began again.
  void reopen();
  void close();

  // ---- the agent ----
  Change change(Intent intent, const TicketId& ticket = {}) const;
  Change create(const std::string& subject, const std::string& text = {}) const;
  Change set(const TicketId& ticket, FieldId field, std::optional<Bytes> value, std::string key = {}) const;
  Change message(const TicketId& ticket, const std::string& text) const;
  SavedChange save(Change change);
  client::TicketView show(const TicketId& ticket) { return must(views->ticket(ticket)); }
  client::ListPage search(std::string_view words) { return must(views->search(words, 50, {})); }
  std::vector<client::HistoryEntry> attention() { return must(views->attention()); }

  // ---- colleagues, straight on the ledger ----
  /// Sees the newest commit unless told otherwise.
  Change by(const std::string& who, Intent intent, const TicketId& ticket);
  sync::Standing commit(const std::string& who, Change change);
  TicketId colleagues_ticket(const std::string& who, const std::string& subject, const std::string& text = {});

  // ---- the exchange ----
  std::size_t seal();
  /// What the ledger makes of the sealed sets: receipts are stored when `answered`.
  void push(bool answered = true);
  /// Changes that the ledger refuses from now on.
  std::function<std::optional<std::pair<sync::Outcome, sync::ReasonCode>>(const Change&)> refuse;
  /// Every ticket, whole, and the newest cursor.
  std::unique_ptr<v1::ExchangeResponse> page();
  void apply(std::unique_ptr<v1::ExchangeResponse> response, std::size_t row_budget = 500);
  void pull() { apply(page()); }
  /// The server says that the ticket has left.
  void leave(const TicketId& ticket);
  void sync() {
    seal();
    push();
    pull();
  }
  void add_operator(const std::string& who, const std::string& role = "operator");
  void add_record(sync::RecordKind kind, const std::string& name);

  TempDir dir;
  VirtualEnvironment env;
  client::DeviceIdentity identity;
  protocol::SigningKey key;
  MiniLedger ledger;
  std::unique_ptr<Outbox> outbox;
  std::unique_ptr<Replica> replica;
  std::unique_ptr<Commands> commands;
  std::unique_ptr<Views> views;
  std::vector<sync::Record> records;

  [[nodiscard]] std::string outbox_path() const { return dir.file("outbox.db"); }
  [[nodiscard]] std::string replica_path() const { return dir.file("replica.db"); }
  [[nodiscard]] client::SealContext seal_context() const;

private:
  std::map<std::string, std::uint64_t> chains_;
  std::uint64_t next_id_ = 0;
  std::uint64_t pushed_ = 0;
};

}  // namespace tern::test
