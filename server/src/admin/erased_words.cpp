#include "admin/erased_words.hpp"

#include <string>

namespace tern::server::admin {

ErasedWords::ErasedWords(Tenant& tenant)
    : tenant_(tenant), key_(protocol::derive_key(tenant.keys().sealing.seed(), 1, "TRN1gone")) {}

Hash ErasedWords::hash_of(const PersonWords::Word& word) const {
  return protocol::keyed_hash("TRN1-ERASEDWORD", key_.view(),
                              (word.kind == PersonWords::Word::Kind::name ? "n" : "a") + word.text);
}

Result<void> ErasedWords::note(sqlite::Database& db, const RecordId& contact, const PersonWords& words) const {
  for (const PersonWords::Word& word : words.words())
    if (word.kind != PersonWords::Word::Kind::phone)
      TERN_CHECKED(
          db.run("INSERT INTO erased_word (tenant_id, word, contact) VALUES ($1, $2, $3) ON CONFLICT "
                 "(tenant_id, word) DO NOTHING",
                 tenant_.number(), hash_of(word), contact));
  return {};
}

Result<std::optional<RecordId>> ErasedWords::whose(std::string_view name, std::string_view address) const {
  PersonWords asked;
  asked.add_name(name);
  asked.add_address(address);
  TERN_TRY(auto reader, tenant_.reader());
  for (const PersonWords::Word& word : asked.words()) {
    TERN_TRY(auto rows, reader.db().query("SELECT contact FROM erased_word WHERE tenant_id = $1 AND word = $2",
                                          tenant_.number(), hash_of(word)));
    TERN_TRY(const bool found, rows.step());
    if (found) return std::optional(rows.id<RecordId>(0));
  }
  return std::optional<RecordId>{};
}

}  // namespace tern::server::admin
