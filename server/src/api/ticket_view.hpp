// Tickets and messages as the API shows them: docs/api.md. Members are never left out; what is not there is null.
#pragma once

#include <optional>
#include <unordered_map>
#include <vector>

#include "admin/admin.hpp"
#include "desk/read_marks.hpp"
#include "store/words.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::server {

struct FoundTicket {
  sync::TicketState state;
  std::uint64_t message_id = 0;    // of its description
  std::uint64_t customer_seq = 0;  // up to which commit a customer has read it
};
struct FoundMessage {
  std::uint64_t integer_id = 0;
  sync::Message message;
  TicketId ticket = {};                  // whose it is: another one's, where it was merged or split off
  bool customer_read = false;            // a customer has read it
  bool read = false;                     // whoever asks has
  std::vector<FoundMessage> files = {};  // that were sent with it: messages of their own, shown with this one
};
/// A message, or the description as the first one.
struct NamedMessage {
  FoundTicket ticket;
  std::optional<FoundMessage> message;  // nothing: it is the description
};

/// As whom a caller reads.
Reader reader_of(const Caller& caller);
/// What was just shown is read by `reader`, and what they were told of the ticket. Nobody is kept from reading where
/// that cannot be written.
void note_read(const AdminCall& call, const Caller& reader, const FoundTicket& ticket,
               const std::vector<FoundMessage>& shown);

/// Whose organisation is that one, by their record.
std::vector<RecordId> contacts_of(const Tenant& tenant, const RecordId& organisation);
/// The organisation that a contact's record names, by its id or by its name.
class ClientsOfContacts {
public:
  explicit ClientsOfContacts(const Tenant& tenant);
  [[nodiscard]] std::optional<RecordId> of(const sync::Record& contact) const;

private:
  std::unordered_map<std::string, RecordId> by_name_;
};

/// One read connection of one tenant, for one caller: what the caller may not read is not there. A client reads the
/// tickets that name them as their contact, and of these what is written to customers.
class TicketView {
public:
  /// References outlive it.
  TicketView(const Tenant& tenant, sqlite::Database& db, const Caller& caller)
      : tenant_(tenant), db_(db), caller_(caller) {}

  /// `not_found` (field "ticket_id") for one that is not there, deleted, or not the caller's to read.
  Result<FoundTicket> find(std::int64_t integer_id);
  /// By its own id, whoever may read it.
  Result<FoundTicket> find(const TicketId& id);
  /// As `find` by its integer id, field "message_id".
  Result<NamedMessage> find_message(std::int64_t integer_id);
  /// What a ticket's integer id stands for, whoever may read it. Nothing: there is none.
  Result<std::optional<TicketId>> id_of(std::int64_t integer_id);
  [[nodiscard]] bool may_read(const sync::TicketState& state) const;
  /// Restricted notes are for people: a key that is nobody reads none.
  [[nodiscard]] bool may_read(const sync::Message& message) const;
  /// Up to whose words a search of the caller's finds. (A note that they wrote while they might is not among them.)
  [[nodiscard]] WordReaders most_secret() const;

  /// get_ticket's `ticket`.
  Result<Json> ticket(const sync::TicketState& state);
  /// A row of list_tickets.
  Result<Json> row(const FoundTicket& ticket);
  /// Of a change that this server sealed.
  Result<FoundMessage> find_message(const ChangeId& own);
  /// In order, with those of tickets that were merged into it; the description, which is the first, is not among them.
  /// Files that were sent with a message stand in it.
  Result<std::vector<FoundMessage>> messages(const FoundTicket& ticket);
  /// A file by its id, which is its message's. `not_found` (field "file_id") for what is not there, not the caller's to
  /// read, or was taken back, by itself or with its message.
  Result<FoundMessage> find_file(std::int64_t integer_id);
  /// The ticket that a message is of.
  Result<TicketId> ticket_of(const FoundMessage& message);
  /// The message with the files that were sent with it.
  Result<FoundMessage> with_files(const FoundTicket& ticket, FoundMessage message);
  Json message(const FoundMessage& message) const;
  Json description(const FoundTicket& ticket) const;
  Json file(const FoundMessage& message) const;

  /// The organisation of a ticket, by itself or by its contact.
  [[nodiscard]] std::optional<sync::Record> client_of(const sync::TicketState& state) const;

private:
  [[nodiscard]] std::optional<sync::Record> record(sync::RecordKind kind, const std::optional<Bytes>& id) const;
  [[nodiscard]] Json author_name(const OperatorId& id, sync::PrincipalKind kind) const;
  /// queued, delivered (the mail server took it), failed, read.
  [[nodiscard]] std::string_view delivery_status(const FoundMessage& found) const;
  [[nodiscard]] Json creator_name(const sync::TicketState& state) const;
  Result<void> gather_files(std::vector<FoundMessage>& all);
  Result<void> add_messages(const TicketId& ticket, const std::vector<sync::ChangeRef>* wanted,
                            std::vector<FoundMessage>& out);
  Result<FoundMessage> found_message(std::uint64_t integer_id, const TicketId& ticket, sync::Message message);
  [[nodiscard]] bool is_of_another_client(const sync::TicketState& state) const;
  Result<void> add_from_others(const sync::TicketState& state, std::vector<FoundMessage>& out);
  Result<void> add_common(const sync::TicketState& state, Json& out);
  Result<void> add_clock(const TicketId& id, Json& out);
  Result<void> add_content(const sync::TicketState& state, Json& out);

  const Tenant& tenant_;
  sqlite::Database& db_;
  const Caller& caller_;
  mutable std::optional<ClientsOfContacts> clients_;
};

/// How many messages of the customer came after the last reply, and were not read by whoever asks.
std::uint64_t unread_of(const std::vector<FoundMessage>& messages);
/// The attribute, or null.
Json attribute_json(const std::optional<sync::Record>& record, const char* name);

}  // namespace tern::server
