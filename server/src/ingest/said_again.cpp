#include "said_again.hpp"

namespace tern::server {
namespace {

constexpr std::string_view from_the_device = ", from the device \"";

}  // namespace

std::string heading_of(std::string_view author, std::string_view device) {
  return std::string(author) + std::string(from_the_device) + std::string(device) + "\":\n";
}

std::string_view own_text(const sync::Change& change) {
  const std::string_view text = change.text;
  if (change.intent != sync::Intent::message || change.quotes.id.is_zero()) return text;
  const std::size_t end = text.find('\n');
  const bool headed = end != std::string_view::npos && text.substr(0, end).find(from_the_device) != text.npos;
  return headed ? text.substr(end + 1) : text;
}

Result<bool> in_ledger(sqlite::Database& db, std::int64_t tenant, const sync::ChangeRef& ref) {
  TERN_TRY(const auto found,
           db.int64_of("SELECT 1 FROM change WHERE tenant_id = $1 AND device_id = $2 AND change_id = $3", tenant,
                       ref.device, ref.id));
  return found.has_value();
}

bool names_it(const std::set<sync::ChangeRef>& names, const DeviceId& sealing_device, const sync::ChangeRef& ref) {
  if (names.empty()) return false;
  return names.contains(ref) || names.contains({sealing_device, quoting_id(ref)});
}

bool is_gone(const Batch& batch, const sync::ChangeRef& ref) {
  const DeviceId& sealing_device = batch.in.keys.sealing_device;
  return names_it(batch.in.erased_changes, sealing_device, ref) || names_it(batch.in.erasure_due, sealing_device, ref);
}

Result<sync::ChangeRef> named_now(const Batch& batch, const sync::ChangeRef& named) {
  if (named.device == batch.in.keys.sealing_device) return named;
  TERN_TRY(const bool known, in_ledger(*batch.in.writer, batch.number, named));
  return known ? named : sync::ChangeRef{batch.in.keys.sealing_device, quoting_id(named)};
}

}  // namespace tern::server
