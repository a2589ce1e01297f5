#include "api/envelope.hpp"

#include <algorithm>

namespace tern::server {
namespace {

struct AnswerKind {
  ErrorCode code;
  int envelope, exact;
  std::string_view title;
};
constexpr std::string_view bad_value = "A value breaks a rule", refused = "Not permitted";
constexpr AnswerKind answer_kinds[] = {
    {ErrorCode::malformed, 400, 400, "The request is not in its form"},
    {ErrorCode::usage, 400, 422, bad_value},
    {ErrorCode::invalid, 400, 422, bad_value},
    {ErrorCode::unknown_field, 400, 422, bad_value},
    {ErrorCode::sort_field, 400, 422, bad_value},
    {ErrorCode::date_invalid, 400, 422, bad_value},
    {ErrorCode::url_not_public, 400, 422, bad_value},
    {ErrorCode::client_unknown, 400, 400, bad_value},
    {ErrorCode::operator_required, 400, 400, "The key acts as nobody"},
    {ErrorCode::not_found, 400, 404, "There is no such thing"},
    {ErrorCode::ambiguous, 400, 409, "Several go by that name"},
    {ErrorCode::bad_transition, 400, 409, "The ticket cannot move there"},
    {ErrorCode::idempotency_mismatch, 400, 409, "The key stands for another request"},
    {ErrorCode::key_required, 403, 401, "A credential is needed"},
    {ErrorCode::key_unknown, 403, 401, "The key is not known"},
    {ErrorCode::key_revoked, 403, 401, "The key counts no more"},
    {ErrorCode::session_unknown, 403, 401, "There is no such session"},
    {ErrorCode::login_refused, 403, 403, refused},
    {ErrorCode::not_permitted, 403, 403, refused},
    {ErrorCode::scope_missing, 403, 403, refused},
    {ErrorCode::plan_limit, 403, 403, refused},
    {ErrorCode::origin, 403, 403, refused},
    {ErrorCode::too_large, 413, 413, "Too large"},
    {ErrorCode::rate_limited, 429, 429, "Too many requests"},
    {ErrorCode::busy, 503, 503, "Busy"},
    {ErrorCode::storage_full, 507, 507, "The server's disk is full"},
};
constexpr AnswerKind internal{ErrorCode::internal, 500, 500, "Something went wrong on the server"};

const AnswerKind& kind_of(ErrorCode code) {
  const auto found = std::ranges::find(answer_kinds, code, &AnswerKind::code);
  return found == std::end(answer_kinds) ? internal : *found;
}

/// What parse_json found wrong has a name of its own, in its hint.
bool is_of_the_parser(const Error& error) {
  return error.code == ErrorCode::invalid && (error.hint.starts_with("json_") || error.hint == "text_encoding");
}

std::string lower_case_name(ErrorCode code) {
  std::string out(to_string(code));
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

/// What is told of an error.
Problem told(const Error& error, const std::string& request_id) {
  const AnswerKind& kind = kind_of(error.code);
  Problem out{kind.exact, "", std::string(kind.title), "", "", request_id};
  if (error.code == ErrorCode::invalid &&
      (error.hint == "file_name" || error.hint == "unmapped" || error.hint == "duplicate")) {
    out.code = error.hint;
    out.detail = error.message;
    out.field = error.field;
    return out;
  }
  if (is_of_the_parser(error)) {
    out.status = 400;
    out.code = error.hint;
    out.title = "The request is not in its form";
    out.detail = error.message;
    out.field = error.field;
    return out;
  }
  out.code = kind.code == ErrorCode::internal ? "internal"
             : error.code == ErrorCode::usage ? "invalid"
                                              : lower_case_name(error.code);
  if (kind.exact >= 500) return out;
  out.detail = error.message;
  out.field = error.field;
  if (!error.hint.empty()) out.detail += " " + error.hint;
  return out;
}

Response envelope(int status, const Problem& problem) {
  Json body = Json::object({{"ok", Json(false)},
                            {"error", Json(problem.detail.empty() ? problem.title + "." : problem.detail)},
                            {"code", Json(problem.code)}});
  if (!problem.field.empty()) body.append_member("field", Json(problem.field));
  body.append_member("request_id", Json(problem.request_id));
  return Response(status, "application/json", to_text(body));
}

}  // namespace

Response data_response(const Json& data) {
  Response response(200, "application/json", to_text(Json::object({{"ok", Json(true)}, {"data", data}})));
  response.set_header("cache-control", "no-store");
  return response;
}

Response refusal_in(ApiDialect dialect, const Error& error, const std::string& request_id) {
  const Problem problem = told(error, request_id);
  Response response =
      dialect == ApiDialect::problem ? problem_response(problem) : envelope(kind_of(error.code).envelope, problem);
  response.set_header("cache-control", "no-store");
  if (error.code == ErrorCode::busy) response.set_header("retry-after", "5");
  return response;
}

Response envelope_refusal(int status, const std::string& code, const std::string& sentence,
                          const std::string& request_id) {
  Response response = envelope(status, {status, code, "", sentence, "", request_id});
  response.set_header("cache-control", "no-store");
  return response;
}

}  // namespace tern::server
