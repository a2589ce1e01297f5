#include "floors.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "bench_environment.hpp"
#include "harness.hpp"
#include "tern/protocol/change_set.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/sqlite/transaction.hpp"

namespace tern::bench {
namespace {

using sqlite::Statement;
using sqlite::Text;
using sqlite::Transaction;

constexpr std::size_t tickets_per_transaction = 1'000;
constexpr std::int64_t message_time_ms = 1'760'000'000'000;

constexpr std::string_view rows_sql =
    "CREATE TABLE ticket (id INTEGER PRIMARY KEY, ticket_id BLOB NOT NULL, subject TEXT, description TEXT, type TEXT, "
    "priority INTEGER,"
    " category BLOB, contact BLOB, organisation BLOB, due_ms INTEGER, asset TEXT, location TEXT, model TEXT, assignee "
    "BLOB);"
    "CREATE UNIQUE INDEX ticket_by_id ON ticket (ticket_id);"
    "CREATE INDEX ticket_by_due ON ticket (due_ms);"
    "CREATE TABLE message (id INTEGER PRIMARY KEY, ticket_id BLOB NOT NULL, author BLOB, created_ms INTEGER, text "
    "TEXT);"
    "CREATE INDEX message_by_ticket ON message (ticket_id);"
    "CREATE INDEX message_by_time ON message (created_ms);";

constexpr std::string_view replica_search_sql =
    "CREATE VIRTUAL TABLE ticket_fts USING fts5 (subject, description, content = '', columnsize = 0, detail = none,"
    " tokenize = 'unicode61 remove_diacritics 2');"
    "CREATE VIRTUAL TABLE message_fts USING fts5 (text, content = '', columnsize = 0, detail = none,"
    " tokenize = 'unicode61 remove_diacritics 2');"
    "INSERT INTO ticket_fts (ticket_fts, rank) VALUES ('automerge', 16);"
    "INSERT INTO ticket_fts (ticket_fts, rank) VALUES ('crisismerge', 64);"
    "INSERT INTO message_fts (message_fts, rank) VALUES ('automerge', 16);"
    "INSERT INTO message_fts (message_fts, rank) VALUES ('crisismerge', 64);";

constexpr std::string_view stock_search_sql =
    "CREATE VIRTUAL TABLE ticket_fts USING fts5 (subject, description, content = 'ticket', content_rowid = 'id');"
    "CREATE VIRTUAL TABLE message_fts USING fts5 (text, content = 'message', content_rowid = 'id');";

constexpr std::string_view insert_ticket_sql =
    "INSERT INTO ticket (ticket_id, subject, description, type, priority, category, contact, organisation, due_ms, "
    "asset, location, model, assignee)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
constexpr std::string_view upsert_ticket_sql =
    "INSERT INTO ticket (ticket_id, subject, description, type, priority, category, contact, organisation, due_ms, "
    "asset, location, model, assignee)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (ticket_id) DO UPDATE SET subject = "
    "excluded.subject,"
    " description = excluded.description, type = excluded.type, priority = excluded.priority, category = "
    "excluded.category,"
    " contact = excluded.contact, organisation = excluded.organisation, due_ms = excluded.due_ms, asset = "
    "excluded.asset,"
    " location = excluded.location, model = excluded.model, assignee = excluded.assignee";

/// 16 bytes that look random and are always the same.
RecordId made_id(std::uint64_t kind, std::size_t number) {
  Draws draws(kind * 0x51ed2701 + number);
  RecordId id;
  for (std::size_t at = 0; at < id.size_bytes; at += 8) {
    const std::uint64_t word = draws.next();
    std::memcpy(id.data() + at, &word, 8);
  }
  return id;
}

enum : std::uint64_t { ticket_ids = 1, category_ids, contact_ids, organisation_ids, agent_ids };

void bind_ticket(Statement& statement, const TicketData& ticket, std::size_t number) {
  statement.bind_all(made_id(ticket_ids, number), Text{ticket.subject}, Text{ticket.description}, Text{ticket.type},
                     std::stoll(ticket.priority), made_id(category_ids, ticket.category),
                     made_id(contact_ids, ticket.contact), made_id(organisation_ids, ticket.organisation),
                     std::stoll(ticket.due_ms), Text{ticket.asset}, Text{ticket.location}, Text{ticket.model},
                     made_id(agent_ids, number / 100));
}

/// The file's own key: what it is does not matter, that there is one does.
std::optional<sqlite::DatabaseKey> plain_key() {
  if (!sqlite::encryption_available()) return std::nullopt;
  sqlite::DatabaseKey key;
  key.bytes.fill(0x37);
  return key;
}

}  // namespace

Result<std::unique_ptr<PlainStore>> PlainStore::make(const std::string& path, sqlite::Synchronous synchronous,
                                                     SearchIndex search) {
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path + suffix);
  sqlite::OpenOptions options;
  options.path = path;
  options.synchronous = synchronous;
  options.key = plain_key();
  TERN_TRY(auto database, sqlite::Database::open(options));
  TERN_CHECKED(database->exec(rows_sql));
  TERN_CHECKED(database->exec(search == SearchIndex::stock ? stock_search_sql : replica_search_sql));
  return std::unique_ptr<PlainStore>(new PlainStore(std::move(database)));
}

Result<void> PlainStore::insert_rows(const std::vector<TicketData>& tickets) {
  TERN_TRY(auto ticket_row, database_->prepare(insert_ticket_sql));
  TERN_TRY(auto message_row,
           database_->prepare("INSERT INTO message (ticket_id, author, created_ms, text) VALUES ($1, $2, $3, $4)"));
  std::int64_t time_ms = message_time_ms;
  for (std::size_t from = 0; from < tickets.size(); from += tickets_per_transaction) {
    TERN_TRY(auto transaction, Transaction::begin_write(*database_));
    for (std::size_t i = from; i < std::min(from + tickets_per_transaction, tickets.size()); ++i) {
      bind_ticket(ticket_row, tickets[i], i);
      TERN_CHECKED(ticket_row.run());
      for (const std::string& text : tickets[i].messages) {
        message_row.bind_all(made_id(ticket_ids, i), made_id(agent_ids, i / 100), time_ms += 1'000, Text{text});
        TERN_CHECKED(message_row.run());
      }
    }
    TERN_CHECKED(transaction.commit());
  }
  return {};
}

Result<void> PlainStore::index_texts(const std::vector<TicketData>& tickets) {
  TERN_TRY(auto ticket_row,
           database_->prepare("INSERT INTO ticket_fts (rowid, subject, description) VALUES ($1, $2, $3)"));
  TERN_TRY(auto message_row, database_->prepare("INSERT INTO message_fts (rowid, text) VALUES ($1, $2)"));
  std::int64_t ticket_id = 0, message_id = 0;
  for (std::size_t from = 0; from < tickets.size(); from += tickets_per_transaction) {
    TERN_TRY(auto transaction, Transaction::begin_write(*database_));
    for (std::size_t i = from; i < std::min(from + tickets_per_transaction, tickets.size()); ++i) {
      ticket_row.bind_all(++ticket_id, Text{tickets[i].subject}, Text{tickets[i].description});
      TERN_CHECKED(ticket_row.run());
      for (const std::string& text : tickets[i].messages) {
        message_row.bind_all(++message_id, Text{text});
        TERN_CHECKED(message_row.run());
      }
    }
    TERN_CHECKED(transaction.commit());
  }
  return {};
}

Result<void> PlainStore::upsert_one(Statement& statement, const TicketData& ticket, std::size_t number) {
  bind_ticket(statement, ticket, number);
  return statement.run();
}

Result<void> PlainStore::upsert(const std::vector<TicketData>& tickets, std::size_t transactions) {
  TERN_TRY(auto row, database_->prepare(upsert_ticket_sql));
  const std::size_t each = (tickets.size() + transactions - 1) / transactions;
  for (std::size_t from = 0; from < tickets.size(); from += each) {
    TERN_TRY(auto transaction, Transaction::begin_write(*database_));
    for (std::size_t i = from; i < std::min(from + each, tickets.size()); ++i)
      TERN_CHECKED(upsert_one(row, tickets[(i + 1) % tickets.size()], i));
    TERN_CHECKED(transaction.commit());
  }
  return {};
}

Result<void> PlainStore::commit_one(const TicketData& ticket, std::size_t number) {
  TERN_TRY(auto row, database_->statement(upsert_ticket_sql));
  TERN_TRY(auto transaction, Transaction::begin_write(*database_));
  TERN_CHECKED(upsert_one(row, ticket, number));
  return transaction.commit();
}

Result<std::uint64_t> PlainStore::size_bytes() {
  TERN_CHECKED(database_->checkpoint(sqlite::CheckpointMode::truncate));
  return static_cast<std::uint64_t>(std::filesystem::file_size(database_->path()));
}

Result<std::vector<double>> time_commits(PlainStore& store, const std::vector<TicketData>& tickets, std::size_t count) {
  std::vector<double> seconds;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t number = i % tickets.size();
    const Stopwatch watch;
    TERN_CHECKED(store.commit_one(tickets[number], number));
    seconds.push_back(watch.seconds());
  }
  return seconds;
}

Result<double> time_verifications(std::size_t count) {
  TERN_CHECKED(protocol::init_crypto());
  BenchEnvironment environment(7);
  const auto key = protocol::SigningKey::generate(environment);
  Bytes message(protocol::change_set_header_bytes + 8, 'h');
  const Signature signature = key.sign(message);
  const Stopwatch watch;
  bool good = true;
  for (std::size_t i = 0; i < count; ++i)
    good = protocol::verify_signature(key.public_key(), message, signature) && good;
  const double seconds = watch.seconds();
  if (!good) return fail(ErrorCode::verification_failed, "a good signature was refused");
  return seconds;
}

}  // namespace tern::bench
