#include "api/dialect.hpp"

namespace tern::server {
namespace {

using sync::Status;

std::string_view shown_as(Status status) {
  switch (status) {
    case Status::open:
      return "new";
    case Status::waiting:
      return "in_progress";
    case Status::resolved:
      return "done";
    default:
      return sync::status_name(status);
  }
}

}  // namespace

std::string_view shown_status(const sync::TicketState& state) {
  if (state.merged_into && !state.merged_into->value.empty()) return sync::status_name(Status::closed);
  return shown_as(sync::status_view(state).status);
}

std::string_view shown_priority(std::uint8_t rank) {
  constexpr std::uint8_t high = 3;
  return sync::priority_name(rank == high ? high + 1 : rank);
}

std::optional<Status> status_of_word(std::string_view word) {
  if (word == "done") return Status::resolved;
  if (word == "pending") return Status::waiting;
  return sync::status_from_name(word);
}

std::optional<std::vector<Status>> statuses_of_filter(std::string_view word) {
  if (word == "all") return std::vector<Status>{};
  if (word == "new") return std::vector{Status::new_, Status::open};
  if (word == "in_progress") return std::vector{Status::in_progress, Status::waiting};
  if (word == "active")
    return std::vector{Status::new_,    Status::open,      Status::reopened, Status::in_progress,
                       Status::waiting, Status::estimated, Status::on_hold};
  const auto one = status_of_word(word);
  return one ? std::optional(std::vector{*one}) : std::nullopt;
}

std::string_view author_type(sync::PrincipalKind kind, bool of_description) {
  switch (kind) {
    case sync::PrincipalKind::contact:
      return "client";
    case sync::PrincipalKind::integration:
      return of_description ? "client" : "support";
    case sync::PrincipalKind::server:
      return of_description ? "client" : "system";
    default:
      return "support";
  }
}

}  // namespace tern::server
