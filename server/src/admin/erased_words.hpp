// By which words erased persons are known again: their names and addresses, each as a hash under a key of the tenant
// that is not in its file. Source: docs/decisions/names-of-the-erased.md.
#pragma once

#include <optional>
#include <string_view>

#include "admin/person_words.hpp"
#include "store/tenant.hpp"
#include "tern/protocol/crypto.hpp"

namespace tern::server::admin {

inline constexpr std::size_t stay_erased_max = 1'000;  // names of such persons in one answer

/// Thread-safe but for `note`.
class ErasedWords {
public:
  explicit ErasedWords(Tenant& tenant);

  /// Inside the transaction that takes these words away. Telephones are left out: others share them.
  Result<void> note(sqlite::Database& db, const RecordId& contact, const PersonWords& words) const;
  /// Who was erased and had that name, or that address; either may be empty. Nothing: nobody.
  [[nodiscard]] Result<std::optional<RecordId>> whose(std::string_view name, std::string_view address = {}) const;

private:
  [[nodiscard]] Hash hash_of(const PersonWords::Word& word) const;

  Tenant& tenant_;
  protocol::SecretKey key_;
};

}  // namespace tern::server::admin
