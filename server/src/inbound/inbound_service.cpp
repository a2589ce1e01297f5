#include "inbound/inbound_service.hpp"

#include <algorithm>

#include "api/ticket_view.hpp"
#include "api/widgets.hpp"
#include "inbound/inbound_desk.hpp"
#include "tern/protocol/limits.hpp"

namespace tern::server {
namespace {

constexpr unsigned address_requests_per_minute = 300, hook_requests_per_minute = 300;
constexpr std::string_view hook_door = "/api/hook/", channel_door = "/api/channel-webhook",
                           channel_file = "/api/channel-webhook.php";

/// The first value of that name.
std::string query_value(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view one = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (one.starts_with(name) && one.substr(name.size()).starts_with('='))
      return percent_decoded(one.substr(name.size() + 1)).value_or(std::string());
  }
  return {};
}

std::optional<RecordId> hook_id(std::string_view hex) {
  const auto raw = from_hex(hex);
  return raw ? RecordId::from(*raw) : std::nullopt;
}

/// The same for a hook that is not there, is off, and for a proof that does not hold.
tl::unexpected<Error> nobody_met() {
  return fail(ErrorCode::key_unknown, "No webhook here knows this sender.",
              "See: ternd inbound list, and what its proof is.");
}

}  // namespace

/// Whose hook it is, by what the request proves.
struct InboundService::Met {
  Tenant* tenant = nullptr;
  InboundHook hook;
};

bool InboundService::owns(std::string_view path) {
  return path.starts_with(hook_door) || path == channel_door || path == channel_file;
}

HeadVerdict InboundService::on_head(const Request& head) {
  InboundAccepted accepted;
  if (head.path.starts_with(hook_door)) {
    accepted.hook = hook_id(std::string_view(head.path).substr(hook_door.size()));
    if (!accepted.hook) return refusal_in(accepted.dialect, nobody_met().value(), head.request_id);
  } else {
    accepted.dialect = ApiDialect::envelope;
    accepted.form = inbound_form(query_value(head.query, "type"));
    if (const std::string named = query_value(head.query, "hook"); !named.empty()) {
      accepted.hook = hook_id(named);
      if (!accepted.hook) return refusal_in(accepted.dialect, nobody_met().value(), head.request_id);
    }
    if (!accepted.form || *accepted.form == InboundForm::mapped)
      return envelope_refusal(400, "invalid", "type is whatsapp, telegram or email.", head.request_id);
  }
  if (head.method != "POST") {
    Response response = accepted.dialect == ApiDialect::problem
                            ? problem_response({405, "method_not_allowed", "Another method is needed",
                                                "Webhooks are posted.", "", head.request_id})
                            : envelope_refusal(405, "method_not_allowed", "Webhooks are posted.", head.request_id);
    response.set_header("allow", "POST");
    return response;
  }
  if (head.content_length && *head.content_length > inbound_body_bytes_max)
    return problem_response({413, "body_too_large", "The body is too large", "", "", head.request_id});
  return HeadAccept{inbound_body_bytes_max, accepted};
}

Result<void> InboundService::count(const RecordId& who, unsigned per_minute, std::int64_t& retry_in_s) {
  const auto rate = rates_.take(who, per_minute, parts_.environment.boot_ms());
  if (rate.allowed) return {};
  retry_in_s = rate.retry_in_s;
  return fail(ErrorCode::rate_limited, "There were as many requests as there may be in a minute.",
              "Wait as long as Retry-After says.");
}

/// Parses what came only once it is proven, or where its proof may stand inside.
Result<InboundService::Met> InboundService::meet(const InboundAccepted& accepted, const Request& request,
                                                 InboundRequest& read) const {
  std::vector<Met> candidates;
  for (Tenant* tenant : parts_.tenants.all())
    tenant->each_record(sync::RecordKind::channel, [&](const sync::Record& record) {
      if (accepted.hook && record.id != *accepted.hook) return;
      auto hook = inbound_of(record);
      if (!hook || !hook->active || hook->form != accepted.form.value_or(InboundForm::mapped)) return;
      // Each would be another signature of the whole body.
      if (hook->proof == InboundProof::hmac && !accepted.hook) return;
      candidates.push_back({tenant, std::move(*hook)});
    });
  std::optional<Met> met;
  const auto ask = [&](Met& one) -> Result<void> {
    TERN_TRY(const auto kept, parts_.directory.channel_secret(one.tenant->number(), one.hook.id));
    if (!kept || !proves_sender(one.hook, parse_hook_secrets(*kept), read, parts_.environment.wall_ms())) return {};
    if (met) return fail(ErrorCode::ambiguous, "Several webhooks have this secret.", "Say which: &hook=ID.", "hook");
    met = std::move(one);
    return {};
  };
  const auto inside = std::stable_partition(candidates.begin(), candidates.end(),
                                            [](const Met& one) { return !is_proven_inside(one.hook); });
  for (auto one = candidates.begin(); one != inside; ++one) TERN_CHECKED(ask(*one));
  if (met || inside != candidates.end()) TERN_CHECKED(parse_inbound(request, read));
  for (auto one = inside; one != candidates.end(); ++one) TERN_CHECKED(ask(*one));
  if (met) return std::move(*met);
  if (!parts_.tenants.closed().empty())
    return fail(ErrorCode::busy, "Whose webhook this is cannot be said: not every organisation is open.",
                "Try again later.");
  return nobody_met();
}

Result<Response> InboundService::perform(const Request& request, const InboundAccepted& accepted,
                                         std::int64_t& retry_in_s) {
  TERN_CHECKED(count(bucket_of_address(request.peer_address), address_requests_per_minute, retry_in_s));
  if (const std::string_view coding = request.header("content-encoding"); !coding.empty() && coding != "identity")
    return fail(ErrorCode::malformed, "Bodies are read as they are, without a coding.", "", "Content-Encoding");
  TERN_TRY(InboundRequest read, receive_inbound(request));
  TERN_TRY(const Met met, meet(accepted, request, read));
  TERN_CHECKED(count(met.hook.id, hook_requests_per_minute, retry_in_s));
  InboundDesk desk(parts_, *met.tenant, met.hook);
  TERN_TRY(const InboundOutcome done, desk.take(read));
  ++(done.state == InboundState::taken ? counters_.taken : counters_.ignored);
  if (accepted.form) return Response(200, "application/json", to_text(Json::object({{"ok", Json(true)}})));
  Json data = Json::object({{"did", Json(done.state == InboundState::taken ? done.did : std::string("ignored"))},
                            {"repeated", Json(done.repeated)},
                            {"ticket", Json()}});
  TERN_TRY(auto reader, met.tenant->reader());
  const Caller server;
  TicketView view(*met.tenant, reader.db(), server);
  if (const auto found = view.find(done.ticket))
    data.set("ticket", Json::object({{"id", Json(found->state.integer_id)}, {"number", Json(found->state.number)}}));
  return data_response(data);
}

/// Which hook it was stands in its own log; here, what the server's operator is to know.
Response InboundService::answer(const Request& request, const InboundAccepted& accepted) {
  std::int64_t retry_in_s = 0;
  const auto done = perform(request, accepted, retry_in_s);
  if (done) return *done;
  ++counters_.refused;
  const bool ours = refusal_in(ApiDialect::problem, done.error(), request.request_id).status == 500;
  parts_.log.write(ours ? LogLevel::error : LogLevel::info, "inbound_refused",
                   {{"request_id", Json(request.request_id)},
                    {"code", Json(done.error().hint == "unmapped" ? "unmapped" : to_string(done.error().code))},
                    {"reason", ours ? Json(done.error().message) : Json()}});
  Response response = refusal_in(accepted.dialect, done.error(), request.request_id);
  if (retry_in_s > 0) response.set_header("retry-after", std::to_string(retry_in_s));
  return response;
}

}  // namespace tern::server
