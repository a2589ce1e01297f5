#include "tern/protocol/error.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace tern {
namespace {

// Errors about sets and epochs are spelt as docs/protocol.md spells them, the others as HTTP answers do.
constexpr std::pair<ErrorCode, std::string_view> names[] = {
    {ErrorCode::internal, "internal"},
    {ErrorCode::usage, "usage"},
    {ErrorCode::invalid, "invalid"},
    {ErrorCode::not_found, "not_found"},
    {ErrorCode::ambiguous, "ambiguous"},
    {ErrorCode::not_permitted, "not_permitted"},
    {ErrorCode::bad_transition, "bad_transition"},
    {ErrorCode::no_connection, "no_connection"},
    {ErrorCode::not_enrolled, "not_enrolled"},
    {ErrorCode::key_required, "key_required"},
    {ErrorCode::login_refused, "login_refused"},
    {ErrorCode::locked, "locked"},
    {ErrorCode::busy, "busy"},
    {ErrorCode::rate_limited, "rate_limited"},
    {ErrorCode::storage_full, "storage_full"},
    {ErrorCode::storage_failed, "storage_failed"},
    {ErrorCode::corrupt, "corrupt"},
    {ErrorCode::verification_failed, "verification_failed"},
    {ErrorCode::too_large, "too_large"},
    {ErrorCode::malformed, "MALFORMED"},
    {ErrorCode::upgrade_required, "UPGRADE_REQUIRED"},
    {ErrorCode::tenant_mismatch, "TENANT_MISMATCH"},
    {ErrorCode::key_unknown, "KEY_UNKNOWN"},
    {ErrorCode::key_revoked, "KEY_REVOKED"},
    {ErrorCode::signature_invalid, "SIGNATURE_INVALID"},
    {ErrorCode::author_mismatch, "AUTHOR_MISMATCH"},
    {ErrorCode::content_missing, "CONTENT_MISSING"},
    {ErrorCode::content_mismatch, "CONTENT_MISMATCH"},
    {ErrorCode::chain_gap, "CHAIN_GAP"},
    {ErrorCode::chain_forked, "CHAIN_FORKED"},
    {ErrorCode::server_behind, "SERVER_BEHIND"},
    {ErrorCode::epoch_changed, "EPOCH_CHANGED"},
    {ErrorCode::server_rollback, "SERVER_ROLLBACK"},
    {ErrorCode::quarantine_full, "QUARANTINE_FULL"},
    {ErrorCode::session_unknown, "session_unknown"},
    {ErrorCode::mac_required, "mac_required"},
    {ErrorCode::mac_invalid, "mac_invalid"},
    {ErrorCode::replayed, "replayed"},
    {ErrorCode::clock_skew, "clock_skew"},
    {ErrorCode::scope_missing, "scope_missing"},
    {ErrorCode::plan_limit, "plan_limit"},
    {ErrorCode::operator_required, "operator_required"},
    {ErrorCode::client_unknown, "client_unknown"},
    {ErrorCode::unknown_field, "unknown_field"},
    {ErrorCode::sort_field, "sort_field"},
    {ErrorCode::date_invalid, "date_invalid"},
    {ErrorCode::url_not_public, "url_not_public"},
    {ErrorCode::origin, "origin"},
    {ErrorCode::idempotency_mismatch, "idempotency_mismatch"},
    {ErrorCode::csv_invalid, "csv_invalid"},
};

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

std::string_view to_string(ErrorCode code) {
  for (const auto& [known, name] : names) {
    if (known == code) return name;
  }
  return "internal";
}

ErrorCode error_code_from_string(std::string_view name) {
  for (const auto& [code, known] : names) {
    if (same_word(known, name)) return code;
  }
  return ErrorCode::internal;
}

void check(bool condition, const char* what, std::source_location where) {
  if (condition) [[likely]]
    return;
  std::fprintf(stderr, "check failed: %s (%s:%u, %s)\n", what, where.file_name(), where.line(), where.function_name());
  std::abort();
}

}  // namespace tern
