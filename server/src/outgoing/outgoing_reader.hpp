// What goes out, looked up when it is sent: as it stands now, not as it stood at the commit.
#pragma once

#include <optional>
#include <string>

#include "desk/outgoing.hpp"
#include "store/tenant.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::server {

struct OutgoingAuthor {
  OperatorId id;
  sync::PrincipalKind kind = sync::PrincipalKind::server;
  std::string name;  // as their record has it now; "System" where there is none
};

/// One read connection; references outlive it.
class OutgoingReader {
public:
  OutgoingReader(const Tenant& tenant, sqlite::Database& db) : tenant_(tenant), db_(db) {}

  Result<std::optional<sync::TicketState>> ticket(const TicketId& id);
  struct FoundText {
    sync::Message message;
    std::uint64_t integer_id = 0;
  };
  Result<std::optional<FoundText>> message(const sync::ChangeRef& ref);
  struct FoundChange {
    sync::Intent intent = sync::Intent::unspecified;
    OutgoingAuthor author;
  };
  Result<std::optional<FoundChange>> change(const sync::ChangeRef& ref);
  [[nodiscard]] std::string record_name(sync::RecordKind kind, const RecordId& id) const;
  [[nodiscard]] const Tenant& tenant() const { return tenant_; }
  sqlite::Database& db() { return db_; }

private:
  const Tenant& tenant_;
  sqlite::Database& db_;
};

/// Subject, "" where there is none.
std::string subject_of(const sync::TicketState& state);

}  // namespace tern::server
