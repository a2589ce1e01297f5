// Outcomes a caller can act on (`Result<T>`), and `check` for bugs.
#pragma once

#include <cstdint>
#include <source_location>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace tern {

/// One code for each reaction a caller may have. The wire name is `to_string(code)`.
/// Order is not meaningful and values are never sent: only names travel.
enum class ErrorCode : std::uint8_t {
  internal,             // a bug on the other side; retry later
  usage,                // the caller's words are off
  invalid,              // a value breaks a rule; `field` names it
  not_found,            // no such thing
  ambiguous,            // several things match; the message lists them
  not_permitted,        // rights
  bad_transition,       // the lifecycle table does not offer this move
  no_connection,        // network fault; work is saved; retry
  not_enrolled,         // this home has no device
  key_required,         // no credential was given
  login_refused,        // one refusal for wrong, used and expired
  locked,               // passphrase needed or wrong
  busy,                 // somebody else holds the lock; retry later
  rate_limited,         // retry after a while
  storage_full,         // not saved
  storage_failed,       // not saved: I/O error
  corrupt,              // stored or received bytes fail their checks
  verification_failed,  // signatures, proofs or comparisons do not agree
  too_large,            // over a limit of limits.hpp
  // Checks of a change set, in the words of docs/protocol.md.
  malformed,         // sizes, framing, tag
  upgrade_required,  // version, suite, flags, schema or intent unknown here
  tenant_mismatch,
  key_unknown,
  key_revoked,
  signature_invalid,
  author_mismatch,
  content_missing,
  content_mismatch,  // a commitment or changes_root does not match
  chain_gap,
  chain_forked,
  server_behind,
  epoch_changed,
  server_rollback,
  quarantine_full,
  // Sessions.
  session_unknown,
  mac_required,
  mac_invalid,
  replayed,
  clock_skew,
  // The API.
  scope_missing,         // the key may not do this
  plan_limit,            // the organisation's plan has no more of it
  operator_required,     // the key acts as nobody, and this needs somebody
  client_unknown,        // no organisation has this portal
  unknown_field,         // a parameter that the action does not have
  sort_field,            // an order that lists do not come in
  date_invalid,          // no instant that is on a calendar
  url_not_public,        // an address that the internet does not reach
  origin,                // asked out of a page that may not
  idempotency_mismatch,  // the same Idempotency-Key with another request
  // Tables.
  csv_invalid,  // `field` says line and column
};

std::string_view to_string(ErrorCode code);
/// Unknown names give `internal`.
ErrorCode error_code_from_string(std::string_view name);

/// What went wrong, in one sentence a person can act on. Never holds a secret.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  std::string hint;   // what to do; may be empty
  std::string field;  // which field or flag; may be empty
};

template <typename T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(ErrorCode code, std::string message, std::string hint = {}, std::string field = {}) {
  return tl::unexpected<Error>(Error{code, std::move(message), std::move(hint), std::move(field)});
}

/// For bugs only: never reachable from input. On in every build; prints place and condition, then aborts.
void check(bool condition, const char* what = "", std::source_location where = std::source_location::current());

}  // namespace tern

// Passes an error on: `TERN_TRY(auto x, f());` or `TERN_CHECKED(g());`. The only macros of the project's core.
#define TERN_CONCAT_(a, b) a##b
#define TERN_CONCAT(a, b) TERN_CONCAT_(a, b)
#define TERN_TRY_(tmp, decl, expr)                         \
  auto tmp = (expr);                                       \
  if (!tmp) return tl::unexpected(std::move(tmp).error()); \
  decl = std::move(*tmp)
#define TERN_TRY(decl, expr) TERN_TRY_(TERN_CONCAT(tern_try_, __LINE__), decl, expr)
#define TERN_CHECKED(expr) \
  if (auto tern_checked = (expr); !tern_checked) return tl::unexpected(std::move(tern_checked).error())
