#include "problems.hpp"

namespace tern::server {
namespace {

struct Kind {
  ErrorCode code;
  int status;
  std::string_view title;
};
constexpr Kind kinds[] = {
    {ErrorCode::malformed, 400, "The request is not in its form"},
    {ErrorCode::invalid, 400, "A value breaks a rule"},
    {ErrorCode::content_mismatch, 400, "The body is not the one that was announced"},
    {ErrorCode::clock_skew, 400, "The clocks are too far apart"},
    {ErrorCode::mac_required, 401, "A session is needed"},
    {ErrorCode::mac_invalid, 401, "The request's MAC does not hold"},
    {ErrorCode::session_unknown, 401, "There is no such session"},
    {ErrorCode::replayed, 401, "The request came before"},
    {ErrorCode::key_unknown, 401, "The key is not known"},
    {ErrorCode::key_revoked, 401, "The key was revoked"},
    {ErrorCode::login_refused, 403, "Refused"},
    {ErrorCode::not_permitted, 403, "Not permitted"},
    {ErrorCode::not_found, 404, "There is no such thing"},
    {ErrorCode::too_large, 413, "Too large"},
    {ErrorCode::upgrade_required, 426, "Another version is needed"},
    {ErrorCode::rate_limited, 429, "Too many requests"},
    {ErrorCode::busy, 503, "Busy"},
    {ErrorCode::storage_full, 507, "The server's disk is full"},
};

const Kind* find_kind(ErrorCode code) {
  for (const Kind& kind : kinds)
    if (kind.code == code) return &kind;
  return nullptr;
}

}  // namespace

bool tells_the_peer(ErrorCode code) {
  return find_kind(code) != nullptr && code != ErrorCode::storage_full;
}

Response refusal(const Error& error, const std::string& request_id) {
  const Kind* kind = find_kind(error.code);
  Problem problem;
  problem.request_id = request_id;
  problem.status = kind == nullptr ? 500 : kind->status;
  problem.code = kind == nullptr ? std::string("internal") : std::string(to_string(error.code));
  problem.title = kind == nullptr ? std::string("Something went wrong on the server") : std::string(kind->title);
  if (tells_the_peer(error.code)) {
    problem.detail = error.message;
    if (!error.hint.empty()) problem.detail += " " + error.hint;
    problem.field = error.field;
  }
  Response response = problem_response(problem);
  if (problem.status == 429) response.set_header("retry-after", "60");
  if (problem.status == 503) response.set_header("retry-after", "5");
  return response;
}

}  // namespace tern::server
