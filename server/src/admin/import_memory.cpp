#include "import_memory.hpp"

#include "tern/protocol/crypto.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::server {
namespace admin {
namespace {

std::uint64_t reference_hash(std::string_view type, std::string_view reference) {
  const Hash hash = protocol::hash("TRN1-REFERENCE", std::string(type) + '\0' + std::string(reference));
  std::uint64_t out = 0;
  for (const char c : hash.view().substr(0, 8)) out = out << 8 | static_cast<unsigned char>(c);
  return out;
}

}  // namespace

Result<bool> KnownReferences::has(const std::string& type, const std::string& reference) {
  if (type.empty()) return false;
  if (!read_.contains(type)) TERN_CHECKED(read(type));
  return known_.contains(reference_hash(type, reference));
}

Result<void> KnownReferences::read(const std::string& type) {
  read_.insert(type);
  TERN_TRY(auto reader, tenant_.reader());
  TERN_TRY(auto rows, reader.db().query("SELECT state FROM ticket WHERE tenant_id = $1", tenant_.number()));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return {};
    TERN_TRY(const sync::TicketState state, sync::decode_state(rows.blob(0)));
    if (const auto reference = sync::field_value(state, sync::FieldId::external_ref, type))
      known_.insert(reference_hash(type, *reference));
  }
}

}  // namespace admin

void ImportMemory::keep(std::string key, std::unique_ptr<admin::ImportKnown> known, std::int64_t now_ms) {
  const std::lock_guard guard(mutex_);
  if (key.empty()) known.reset();  // of a file that is not there by its name any more nobody can tell which it was
  key_ = std::move(key);
  known_ = std::move(known);
  since_ms_ = now_ms;
}

std::unique_ptr<admin::ImportKnown> ImportMemory::take(const std::string& key) {
  const std::lock_guard guard(mutex_);
  auto known = std::move(known_);
  known_.reset();
  if (key.empty() || key != key_) known.reset();
  return known;
}

void ImportMemory::drop_old(std::int64_t now_ms) {
  const std::lock_guard guard(mutex_);
  if (known_ && now_ms - since_ms_ >= kept_ms) known_.reset();
}

}  // namespace tern::server
