// The one way in for tickets from elsewhere, whatever form they come in: judged, said line by line, or made.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "admin/admin.hpp"
#include "ingest/ingest.hpp"
#include "tern/server/incident_mapping.hpp"

namespace tern::server::admin {

/// Records that tickets name. Zero: not known yet.
using WantedRecords = std::map<std::pair<sync::RecordKind, std::string>, RecordId>;

/// One ticket of a file.
struct ImportItem {
  std::size_t line = 0;   // where it begins
  std::string reference;  // what it is called in the file
  TicketId ticket;        // as which it comes in; zero: its line cannot be read
  std::string type;       // of the external reference that it is known by; empty: by its id alone
};

/// Where the rows of each incident of a log lie.
struct IncidentIndex;

struct ImportKnown;

/// A file as tickets, in its order. Not thread-safe.
class ImportSource {
public:
  virtual ~ImportSource() = default;
  /// Nothing at the end. An error: what comes behind it cannot be read either.
  virtual Result<std::optional<ImportItem>> next() = 0;
  /// Of the ticket that came last, sealed by nobody yet. The error names the line.
  virtual Result<std::vector<ServerChange>> changes(const RecordLookup& lookup) = 0;
  /// Behind the ticket that came last, for `go_to`.
  [[nodiscard]] virtual std::string place() const = 0;
  /// `invalid` with field "after".
  virtual Result<void> go_to(const std::string& place) = 0;
  /// Everything that can be wrong with it was found by now, and `add_records` knows all that it names.
  [[nodiscard]] virtual bool is_judged() const { return false; }
  /// Records that are wanted whatever tickets name.
  virtual void add_records(WantedRecords&) const {}
  [[nodiscard]] virtual std::shared_ptr<const IncidentIndex> index() const { return {}; }
};

/// The id that a ticket of a reference gets: the same each time, also when the reference itself was erased since.
TicketId imported_id(const TenantId& tenant, std::string_view type, std::string_view reference);

/// "Line 7: ..."
tl::unexpected<Error> error_at(std::size_t line, ErrorCode code, const std::string& what,
                               const std::string& hint = "Nothing was imported.");

/// {"tickets","skipped","changes","refused","records","stay_erased"?,"rows"?,"next"?}. With `dry_run` nothing is
/// written, and `rows` says of each ticket what would become of it. The whole file is judged before its first ticket is
/// made. `limit` tickets are looked at; `after` goes on behind those of an answer before. What is there already is
/// passed over. `known`: of the part before, if it is still known.
Result<Json> run_import(const AdminCall& call, ImportSource& source, std::unique_ptr<ImportKnown> known);
/// What was kept of the part before the one that is asked for. Null: nothing, or none was before.
std::unique_ptr<ImportKnown> known_of_import(const AdminCall& call);

}  // namespace tern::server::admin
