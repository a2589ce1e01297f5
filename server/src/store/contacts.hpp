// By which addresses and numbers contacts are found: kept beside the records, so that nobody looks through all of them.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "tern/sync/record.hpp"

namespace tern::server {

/// A number as it is compared: however it was written.
std::string phone_digits(std::string_view phone);

/// Has contacts that are not removed; of several with the same the one whose id is lowest is found.
class ContactIndex {
public:
  /// `before` is what the record was, null: nothing.
  void put(const sync::Record* before, const sync::Record& now);
  void clear();
  /// However an address is written; an empty one is nobody's.
  [[nodiscard]] std::optional<RecordId> with_email(std::string_view email) const;
  [[nodiscard]] std::optional<RecordId> with_phone(std::string_view phone) const;

private:
  using Named = std::unordered_map<std::string, std::set<RecordId>>;
  static std::optional<RecordId> first_of(const Named& named, const std::string& name);
  static void note(Named& named, const std::string& name, const RecordId& id, bool there);

  Named by_email_, by_phone_;
};

}  // namespace tern::server
