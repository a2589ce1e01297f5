// A ticket's ledger in the words of the SLA clock (docs/sla.md).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tern/sla/event.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sync/fold.hpp"
#include "tern/sync/record.hpp"

namespace tern::server {

/// Categories by name, for the paths that they stand in.
using CategoryNames = std::map<std::string, sync::Record>;
std::shared_ptr<const CategoryNames> category_names(const std::vector<sync::Record>& categories);

/// What rules call things by: names of records, paths of categories, and what contacts and organisations are. Keeps
/// what it was told: for the time of one transaction.
class SlaNames {
public:
  using Find = std::function<std::optional<sync::Record>(sync::RecordKind, const RecordId&)>;
  SlaNames(Find find, std::shared_ptr<const CategoryNames> categories);
  /// Those and no others.
  explicit SlaNames(const std::vector<sync::Record>& records);

  /// Null when there is none; until the next call otherwise.
  [[nodiscard]] const sync::Record* find(sync::RecordKind kind, ByteView id) const;
  /// Empty when there is no such record.
  [[nodiscard]] std::string name(sync::RecordKind kind, ByteView id) const;
  [[nodiscard]] std::string attribute(sync::RecordKind kind, ByteView id, const std::string& attribute) const;
  /// "hardware/printer"
  [[nodiscard]] std::string category_path(ByteView id) const;

private:
  Find find_;
  std::shared_ptr<const CategoryNames> categories_;
  mutable std::map<std::pair<sync::RecordKind, RecordId>, std::optional<sync::Record>> known_;
};

/// A change that its device made before the server had it. Seconds.
struct LateChange {
  sla::Instant received = 0, at = 0;
  sync::ChangeRef change;
  sync::Intent intent = sync::Intent::unspecified;
  OperatorId author;
  auto operator<=>(const LateChange&) const = default;
};

/// What the customer said of a resolution. Seconds.
struct RatedResolution {
  sla::Instant at = 0;
  std::int64_t score = 0;
  Bytes by;  // whose resolution it was: an operator's id; empty: nobody's
};

/// What of a ticket's ledger the clock reads.
struct SlaTicket {
  std::vector<sla::Event> events;  // none for a ledger without its create
  std::vector<OperatorId> people;  // who holds or watches it now: their silent devices may hold an answer (K19)
  std::optional<TicketId> merged_into;
  bool imported = false;  // an import asserts when it was made
  // For reports:
  Bytes category;                // its id; empty: none
  std::vector<LateChange> late;  // sorted
  std::vector<RatedResolution> ratings;
};

/// Since when the customer of another ticket had waited for a first response as of an instant; nothing: somebody had
/// answered, or nobody waited (K22).
using WaitsElsewhere = std::function<std::optional<sla::Instant>(const TicketId& ticket, sla::Instant as_of)>;

/// `folded`: what of the ticket's ledger is folded, by commit. Times in whole seconds. Of an offline change the lower
/// bound is its window's begin, as the ledger keeps no other.
SlaTicket sla_ticket(const std::vector<sync::PlacedChange>& folded, const SlaNames& names,
                     const WaitsElsewhere& waits = {});
std::optional<sla::Instant> waits_for_first_response(const std::vector<sla::Event>& events, sla::Instant as_of);

/// The same out of the ledger up to that commit, with the tickets that were merged into it.
Result<SlaTicket> read_sla_ticket(sqlite::Database& db, std::int64_t tenant, const TicketId& ticket,
                                  const SlaNames& names, std::uint64_t up_to = UINT64_MAX);

}  // namespace tern::server
