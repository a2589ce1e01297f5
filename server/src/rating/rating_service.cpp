#include "rating/rating_service.hpp"

#include "api/head_text.hpp"
#include "api/request_body.hpp"
#include "api/ticket_writer.hpp"
#include "api/widgets.hpp"
#include "desk/outgoing_settings.hpp"
#include "http/problems.hpp"
#include "outgoing/outgoing_reader.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/text.hpp"

namespace tern::server {
namespace {

constexpr unsigned address_requests_per_minute = 300;
constexpr std::string_view form_type = "application/x-www-form-urlencoded";
// A comment as a form writes it, each byte as three, and room for the rest.
constexpr std::uint64_t form_bytes_max = 3 * limits::result_bytes_max + 4 * limits::kib;

std::string language_of(const sync::Record& contact) {
  const auto said = contact.attributes.find("language");
  return said == contact.attributes.end() ? std::string() : said->second;
}

MailSettings settings_of(const Tenant& tenant) {
  MailSettings out;
  tenant.each_record(sync::RecordKind::channel, [&](const sync::Record& record) {
    if (auto mail = mail_of(record)) out = std::move(*mail);
  });
  if (out.company.empty()) out.company = tenant.name();
  return out;
}

/// As a form sends lines, they end in CR LF.
Result<std::string> comment_of(std::string text) {
  std::erase(text, '\r');
  TERN_TRY(std::string normal, protocol::normalise_nfc(text));
  if (normal.size() > limits::result_bytes_max)
    return fail(ErrorCode::too_large, "A comment has at most 8,192 bytes.", "", "comment");
  return normal;
}

}  // namespace

/// What a request says, in its form.
struct RatingService::Sent {
  std::string token, comment;
  std::int64_t score = 0;  // 0: a GET says none
};

/// What an offered token opens.
struct RatingService::Open {
  AskedRating asked;
  sync::TicketState state;
  MailSettings settings;
  LetterLanguage language = LetterLanguage::en;
};

HeadVerdict RatingService::on_head(const Request& head) {
  if (head.method == "GET") return HeadAccept{0, RatingAccepted{false}};
  if (head.method != "POST") {
    Response response =
        problem_response({405, "method_not_allowed", "Another method is needed", "", "", head.request_id});
    response.set_header("allow", "GET, POST");
    return response;
  }
  const std::string_view type = head.header("content-type");
  if (lower_of(unpadded(type.substr(0, type.find(';')))) != form_type)
    return problem_response({415, "content_type", "Another content type is needed",
                             "Send " + std::string(form_type) + ".", "content-type", head.request_id});
  if (head.content_length && *head.content_length > form_bytes_max)
    return problem_response({413, "body_too_large", "The body is too large", "", "", head.request_id});
  return HeadAccept{form_bytes_max, RatingAccepted{true}};
}

/// `invalid` for what is no score, whatever the token is.
Result<RatingService::Sent> RatingService::read(const Request& request, const RatingAccepted& accepted) {
  const RequestBody asked = accepted.rates ? request.body : RequestBody(request.query);
  TERN_TRY(const DecodedBody form, decode_request_body(form_type, asked));
  Sent out;
  out.token = form.parameters["token"].as_string();
  TERN_TRY(out.comment, comment_of(form.parameters["comment"].as_string()));
  const std::string& score = form.parameters["score"].as_string();
  if (score.empty() && !accepted.rates) return out;
  if (score.size() != 1 || score[0] < '1' || score[0] > '5') return fail(ErrorCode::invalid, "A rating is 1 to 5.");
  out.score = score[0] - '0';
  return out;
}

/// Nothing: it opens nothing, or does not any more.
Result<std::optional<RatingService::Open>> RatingService::find(Tenant& tenant, const OfferedRating& offered) {
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(const auto asked, find_rating_link(reader.db(), tenant, offered));
  if (!asked) return std::optional<Open>();
  TERN_TRY(auto state, OutgoingReader(tenant, reader.db()).ticket(asked->ticket));
  const auto contact = tenant.find_record(sync::RecordKind::contact, asked->contact);
  if (!state || !contact || contact->deleted || !awaits_rating(*state, *asked)) return std::optional<Open>();
  Open out{*asked, std::move(*state), settings_of(tenant)};
  out.language = letter_language(language_of(*contact), out.settings.language);
  return std::optional(std::move(out));
}

/// On the strand: between looking and writing nothing else is rated or reopened. The link ends in the commit that
/// rates. False: it opens nothing any more.
Result<bool> RatingService::rate(Tenant& tenant, const OfferedRating& offered, const Sent& sent,
                                 LetterLanguage& language) const {
  if (!tenant.takes_work()) return fail(ErrorCode::storage_full, "There is too little room on the server's disk.");
  TERN_TRY(const auto open, find(tenant, offered));
  if (!open) return false;
  language = open->language;
  Caller contact;
  contact.kind = sync::PrincipalKind::contact;
  contact.id = Bytes(open->asked.contact.view());
  ServerChange rating = change_by(contact, sync::Intent::rate, open->asked.ticket);
  rating.change.targets = {open->asked.resolution};
  rating.change.number = sent.score;
  rating.change.text = sent.comment;
  bool refused = false;  // the ticket has no room for it, say
  const auto end_links = [&](sqlite::Database& db, const ServerCommit& commit) -> Result<void> {
    auto judged = judge_outcomes(commit);
    refused = !judged;
    return refused ? judged : end_rating_links(db, tenant.number(), open->asked.ticket);
  };
  const auto commit = commit_server(tenant, {std::move(rating)}, end_links);
  if (!commit && !refused) return tl::unexpected(commit.error());
  return commit.has_value();
}

Result<Response> RatingService::perform(const Request& request, const RatingAccepted& accepted, LetterLanguage reader) {
  TERN_TRY(const Sent sent, read(request, accepted));
  const auto offered = read_rating_token(sent.token);
  if (!offered) return rating_page(RatingPage::gone, reader);
  TERN_TRY(Tenant * tenant, parts_.tenants.serving(offered->tenant));
  if (tenant == nullptr) return rating_page(RatingPage::gone, reader);
  if (!accepted.rates) {
    TERN_TRY(const auto open, find(*tenant, *offered));
    if (!open) return rating_page(RatingPage::gone, reader);
    return rating_form({open->language, open->settings.company, open->state.number, open->settings.csat_question,
                        sent.token, sent.score});
  }
  Result<bool> rated = false;
  parts_.committer().run(*tenant, [&] { rated = rate(*tenant, *offered, sent, reader); });
  TERN_CHECKED(rated);
  return rating_page(*rated ? RatingPage::thanks : RatingPage::gone, reader);
}

Response RatingService::answer(const Request& request, const RatingAccepted& accepted) {
  const LetterLanguage reader = language_accepted(request.header("accept-language"));
  const auto rate =
      rates_.take(bucket_of_address(request.peer_address), address_requests_per_minute, parts_.environment.boot_ms());
  if (!rate.allowed) {
    Response response = rating_page(RatingPage::too_many, reader);
    response.set_header("retry-after", std::to_string(rate.retry_in_s));
    return response;
  }
  auto done = perform(request, accepted, reader);
  if (done) return std::move(*done);
  const ErrorCode code = done.error().code;
  if (code == ErrorCode::invalid || code == ErrorCode::malformed || code == ErrorCode::too_large)
    return rating_page(RatingPage::wrong, reader);
  if (!tells_the_peer(code))
    parts_.log.write(LogLevel::error, "request_failed",
                     {{"request_id", Json(request.request_id)},
                      {"path", Json(request.path)},
                      {"code", Json(to_string(code))},
                      {"reason", Json(done.error().message)}});
  return rating_page(RatingPage::later, reader);
}

}  // namespace tern::server
