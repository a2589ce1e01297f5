// A ticket's ledger in the words of the SLA clock (docs/sla.md).
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tern/sla/event.hpp"
#include "tern/sync/fold.hpp"
#include "tern/sync/record.hpp"

namespace tern::server {

/// What rules call things by: names of records, paths of categories, and what contacts and organisations are.
class SlaNames {
public:
  explicit SlaNames(const std::vector<sync::Record>& records);
  /// Empty when there is no such record.
  [[nodiscard]] std::string name(sync::RecordKind kind, ByteView id) const;
  [[nodiscard]] std::string attribute(sync::RecordKind kind, ByteView id, const std::string& attribute) const;
  /// "hardware/printer"
  [[nodiscard]] std::string category_path(ByteView id) const;

private:
  [[nodiscard]] const sync::Record* find(sync::RecordKind kind, ByteView id) const;
  std::map<std::pair<sync::RecordKind, RecordId>, sync::Record> records_;
};

/// `folded`: what of the ticket's ledger is folded, by commit. Nothing for a ledger without its create. Times in whole
/// seconds. Of an offline change the lower bound is its window's begin, as the ledger keeps no other.
std::vector<sla::Event> sla_events(const std::vector<sync::PlacedChange>& folded, const SlaNames& names);

}  // namespace tern::server
