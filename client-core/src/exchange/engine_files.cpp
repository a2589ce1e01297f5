// Content of attachments: carried piece by piece once the exchanges of a round are over, each piece by a request of its
// own. What was saved meanwhile goes first.
#include <utility>

#include "exchange/engine_impl.hpp"
#include "exchange/unproven_answer.hpp"
#include "files/file_policy.hpp"

namespace tern::client {

bool Engine::begin_files() {
  if (!files_ || push_only()) return false;
  const auto any = files_taken_ ? files_->begin() : files_->tidy().map([] { return false; });
  if (files_->own_unreadable()) files_error_ = files_->own_unreadable();
  if (!any) stop_files(any.error());
  files_under_way_ = any && *any;
  if (!files_under_way_) return false;
  count_files();
  const auto waiting = outbox_.waiting();
  waiting_beside_files_ = waiting ? waiting->changes : 0;
  tickets_go_first_ = false;
  if (newest_server_time_ms_ != 0) state_.current_as_of_ms = newest_server_time_ms_;  // of the tickets it is true now
  return true;
}

/// What was saved since they are under way, and what a round that was asked for since may bring.
bool Engine::work_goes_first() {
  if (flight_) return false;
  if (tickets_go_first_) return true;
  const auto waiting = outbox_.waiting();
  return waiting && waiting->changes > waiting_beside_files_;
}

Result<std::optional<HttpRequest>> Engine::file_request() {
  TERN_TRY(auto piece, files_->next());
  if (!piece) return std::optional<HttpRequest>{};
  HttpRequest request;
  request.target = std::move(piece->target);
  request.headers = {{"content-type", "application/octet-stream"}};
  request.body = std::move(piece->body);
  Flight flight;
  flight.kind = Flight::Kind::file;
  flight.request_boot_ms = environment_.boot_ms();
  flight.mac = session_.seal(request, server_time_ms());
  flight_ = std::move(flight);
  return std::optional(std::move(request));
}

Result<void> Engine::on_file_answer(const HttpAnswer& answer) {
  if (!session_.proven(answer, flight_->mac)) {
    if (answer.status == 401 && renew_session()) return {};
    return fault(unproven_answer(answer), retry_after_ms(answer, Backoff::longest_ms()));
  }
  if (answer.status != 200) return on_file_refusal(answer);
  const Flight flight = std::move(*std::exchange(flight_, std::nullopt));
  session_renewed_ = clock_corrected_ = false;  // this session works
  const auto taken = files_->take(answer.body, environment_.boot_ms() - flight.request_boot_ms);
  count_files();
  if (!taken && taken.error().code == ErrorCode::malformed) return fault(taken.error());
  if (!taken) stop_files(taken.error());
  return {};
}

Result<void> Engine::on_file_refusal(const HttpAnswer& answer) {
  const auto problem = read_problem(answer);
  if (!problem) return fault(unproven_answer(answer), retry_after_ms(answer, Backoff::longest_ms()));
  const Error error{error_code_from_string(problem->code), problem->detail, {}, problem->field};
  const bool of_session = answer.status == 401 || error.code == ErrorCode::clock_skew;
  if (of_session && renew_session()) return {};
  const bool later = of_session || error.code == ErrorCode::busy || error.code == ErrorCode::rate_limited;
  if (later) return fault(error, retry_after_ms(answer, Backoff::longest_ms()));
  flight_.reset();
  if (error.code == ErrorCode::storage_full)
    files_error_ = Error{error.code, "The server has too little room for files; they are sent later.", {}, {}};
  if (error.code == ErrorCode::internal)  // of this one, as far as anybody knows
    files_error_ = Error{error.code, "The server failed over a file; it is tried again later.", {}, {}};
  if (const auto noted = files_->refused(error); !noted) stop_files(noted.error());
  return {};
}

/// Own changes whose content the server may lack, or its newest backup.
Result<std::vector<sync::ChangeRef>> Engine::kept_for_files(const protocol::Anchor& anchor) {
  std::vector<sync::ChangeRef> kept;
  if (parts_.outgoing == nullptr) return kept;
  TERN_TRY(const std::uint64_t sent_seq, load_files_sent_seq(outbox_));
  const bool backed_up = anchor.backup_stable_seq > sent_seq;
  TERN_TRY(const auto files, backed_up ? parts_.outgoing->unsent(anchor.epoch) : parts_.outgoing->all());
  for (const ShelvedFile& file : files) kept.push_back(file.change);
  return kept;
}

void Engine::stop_files(const Error& error) {
  files_error_ = error;
  files_.emplace(FileParts{*parts_.outgoing, *parts_.fetched, outbox_, replica_, parts_.identity});
}

void Engine::count_files() {
  const FileTransfers::Counts& counts = files_->counts();
  report_.files_sent = counts.sent;
  report_.files_fetched = counts.fetched;
  report_.file_bytes_done = counts.bytes_done;
  report_.file_bytes_due = counts.bytes_due;
}

}  // namespace tern::client
