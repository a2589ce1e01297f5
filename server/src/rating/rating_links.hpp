// Links with which customers rate what was done: mailed, single-use, over after 7 days, kept as hashes. docs/mail.md,
// L15.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "store/tenant.hpp"
#include "tern/protocol/environment.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::server {

inline constexpr std::int64_t rating_link_ms = 7LL * 24 * 3'600'000;  // from when it is mailed

/// What a link is for: one resolution of one ticket, and who was asked.
struct AskedRating {
  TicketId ticket;
  sync::ChangeRef resolution;
  RecordId contact;
};
/// Whether that is still to be rated: the resolution stands, nobody has rated it, and the ticket is theirs.
bool awaits_rating(const sync::TicketState& state, const AskedRating& asked);

/// Of a server that is reached there, up to the score, which goes behind it.
std::string rating_link(std::string public_url, std::string_view token);

/// 128 random bits behind the tenant. As one statement or inside of a transaction; wipe it after showing.
Result<std::string> make_rating_token(sqlite::Database& db, Tenant& tenant, const AskedRating& asked,
                                      Environment& environment);

struct OfferedRating {
  TenantId tenant;
  Bytes kept;  // what would be stored of it
};
/// Nothing: it is no such token.
std::optional<OfferedRating> read_rating_token(std::string_view text);
/// Nothing: it is not there, was used, or is over.
Result<std::optional<AskedRating>> find_rating_link(sqlite::Database& db, Tenant& tenant, const OfferedRating& offered);

/// Inside of a transaction or as one statement: those of a ticket open nothing any more.
Result<void> end_rating_links(sqlite::Database& db, std::int64_t tenant, const TicketId& ticket);
/// Likewise: those that are over go.
Result<void> drop_old_rating_links(sqlite::Database& db, std::int64_t tenant, std::int64_t now_ms);

}  // namespace tern::server
