// Clients, contacts and everything else that tickets name, going out: in the form that `record load` takes, or as CSV.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "admin/admin.hpp"
#include "tern/sync/record.hpp"

namespace tern::server::admin {

struct ExportedKind {
  std::string_view word;  // "contacts"
  sync::RecordKind kind;
};
/// In the order in which they can be loaded: what names others stands behind them.
std::span<const ExportedKind> exported_kinds();

/// {"head"?,"records","total"?,"rows","next"?} of these kinds. CSV is of one kind. `invalid` with field "after".
Result<Json> export_records(const AdminCall& call, std::span<const ExportedKind> kinds, bool csv, std::int64_t limit);

}  // namespace tern::server::admin
