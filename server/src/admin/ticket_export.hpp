// One ticket as one JSON object: standing values with names for references, and every folded setting in the fold's
// order.
#pragma once

#include <map>
#include <string>
#include <unordered_map>

#include "store/ledger.hpp"
#include "store/tenant.hpp"
#include "tern/protocol/json.hpp"
#include "tern/sync/record.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::server::admin {

/// "operator", "contact", "integration", "server".
std::string_view author_kind_name(sync::PrincipalKind kind);

/// Type of the external reference that keeps the number which an imported ticket had elsewhere.
inline constexpr std::string_view imported_number_key = "tern";

/// The names behind ids, as of when it was made.
class Names {
public:
  /// `unambiguous`: where several records of a kind share a name, each goes by its id.
  explicit Names(const Tenant& tenant, bool unambiguous = false);
  /// Null for none; the uuid of a record that is not known.
  [[nodiscard]] Json of(sync::RecordKind kind, ByteView id) const;
  [[nodiscard]] Json author(const OperatorId& id, sync::PrincipalKind kind) const;

private:
  std::map<std::pair<sync::RecordKind, RecordId>, std::string> names_;
};

/// Reads through `db`, whose snapshot the caller holds where it matters.
class TicketExport {
public:
  TicketExport(sqlite::Database& db, std::int64_t tenant, const Names& names)
      : db_(db), tenant_(tenant), names_(names) {}

  Result<Json> ticket(const sync::TicketState& state, std::uint64_t change_count);
  /// All of it but messages and history.
  Result<Json> fields(const sync::TicketState& state);
  /// As they stand, in order; with the notes that keep texts of overtaken moves.
  Result<Json> messages(const sync::TicketState& state);
  Result<Json> history(const sync::TicketState& state);

private:
  Result<Json> number_of(ByteView ticket);
  Result<Json> clocks(const sync::TicketState& state);
  Json watchers(const sync::TicketState& state) const;
  Result<Json> links(const sync::TicketState& state);
  Json on_site_json(const sync::Message& message) const;
  Json message_json(const sync::Message& message) const;

  sqlite::Database& db_;
  const std::int64_t tenant_;
  const Names& names_;
};

}  // namespace tern::server::admin
