// Whether somebody has written of the same matter already: shown to whoever makes a ticket, decided by nobody.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tern/protocol/bytes.hpp"
#include "tern/sqlite/database.hpp"

namespace tern::server {

inline constexpr std::int64_t duplicates_within_ms = 24LL * 3'600'000;

/// Without "Re:", "Fwd:" and what they are in other languages, however often they stand there, in lower case.
std::string canonical_subject(std::string_view subject);
/// At least three of five words of both are the same.
bool are_similar_subjects(std::string_view a, std::string_view b);

struct Requester {
  std::optional<RecordId> contact, organisation;  // a contact counts before their organisation
};
/// Tickets of the same requester with a similar subject that were made within a day, the newest first, at most 5.
Result<std::vector<TicketId>> similar_tickets(sqlite::Database& db, std::int64_t tenant, const Requester& requester,
                                              std::string_view subject, std::int64_t now_ms);

}  // namespace tern::server
