#include "outgoing/postman.hpp"

#include <algorithm>
#include <limits>
#include <new>
#include <optional>

#include "access/reset_links.hpp"
#include "ingest/send_out.hpp"
#include "outgoing/hook_body.hpp"
#include "outgoing/letter.hpp"
#include "outgoing/mail_form.hpp"
#include "rating/rating_links.hpp"
#include "tern/protocol/crash_point.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/protocol/mutant.hpp"

namespace tern::server {
namespace {

constexpr std::int64_t first_delay_ms = 5'000, delay_max_ms = 4LL * 3'600'000;
constexpr std::int64_t due_at_a_look = 256;
constexpr int status_gone = 410;

/// The channel that a row needs: of a webhook itself, of mails the mail server. Nothing: it is not set up, or off.
std::optional<Hook> hook_for(const Tenant& tenant, const Outgoing& outgoing) {
  const auto record = tenant.find_record(sync::RecordKind::channel, outgoing.target);
  auto hook = record ? hook_of(*record) : std::nullopt;
  return hook && hook->active ? hook : std::nullopt;
}

std::optional<MailSettings> mail_for(const Tenant& tenant) {
  std::optional<MailSettings> out;
  tenant.each_record(sync::RecordKind::channel, [&](const sync::Record& record) {
    if (auto mail = mail_of(record); mail && mail->active) out = std::move(mail);
  });
  return out;
}

/// A link goes to nobody in the clear, and to no address that was only guessed.
bool mails_lead_to(const ServerOptions& options) {
  return options.public_url_told && options.public_url.starts_with("https://");
}

MailSecurity mail_security_of(const std::string& word) {
  return word == "plain" ? MailSecurity::plain : word == "tls" ? MailSecurity::tls : MailSecurity::starttls;
}

}  // namespace

std::int64_t outgoing_delay_ms(std::uint64_t attempts) {
  std::int64_t delay_ms = first_delay_ms;
  for (std::uint64_t i = 1; i < attempts && delay_ms < delay_max_ms; ++i) delay_ms *= 3;
  return std::min(delay_ms, delay_max_ms);
}

std::int64_t Postman::jittered(std::int64_t delay_ms) {
  std::uint32_t chance = 0;
  parts_.environment.random(&chance, sizeof chance);
  const std::int64_t fifth = delay_ms / 5;
  return delay_ms - fifth + static_cast<std::int64_t>(chance % static_cast<std::uint64_t>(2 * fifth + 1));
}

void Postman::use(Egress& egress, std::function<void(std::function<void()>)> run_later, std::size_t at_once) {
  const std::lock_guard guard(mutex_);
  egress_ = &egress;
  run_later_ = std::move(run_later);
  at_once_ = at_once;
}

void Postman::look() {
  std::vector<Tenant*> tenants = parts_.tenants.all();
  std::size_t of_each = 0;
  {
    const std::lock_guard guard(mutex_);
    if (egress_ == nullptr || tenants.empty() || busy_.size() >= at_once_) return;
    std::ranges::rotate(tenants, tenants.begin() + static_cast<std::ptrdiff_t>(turn_++ % tenants.size()));
    of_each = tenants.size() == 1 ? at_once_ : std::max<std::size_t>(1, at_once_ / 2);
  }
  for (Tenant* tenant : tenants) {
    // What cannot be noted is not sent; and older files do not know what went out since.
    if (tenant->has_older_files() || tenant->storage_trouble()) continue;
    const std::int64_t now_ms = tenant->now_ms();
    if (tenant->internals().outgoing_due_ms.load() > now_ms) continue;
    if (const auto looked = look_at(*tenant, now_ms, of_each); !looked)
      log_trouble(*tenant, to_string(looked.error().code), looked.error().message);
  }
}

void Postman::log_trouble(const Tenant& tenant, std::string_view code, std::string_view reason) const {
  parts_.log.write(
      LogLevel::error, "outgoing_failed",
      {{"tenant", Json(to_uuid_text(tenant.id().view()))}, {"code", Json(code)}, {"reason", Json(reason)}});
}

Result<void> Postman::look_at(Tenant& tenant, std::int64_t now_ms, std::size_t of_each) {
  // Set before the rows are read: a commit behind that says 0 again.
  std::atomic<std::int64_t>& due_ms = tenant.internals().outgoing_due_ms;
  due_ms = std::numeric_limits<std::int64_t>::max();
  std::vector<Outgoing> rows;
  {
    auto reader = tenant.reader();
    if (!reader) {
      due_ms = 0;
      return tl::unexpected(std::move(reader).error());
    }
    OutgoingRows outgoing(reader->db(), tenant.number());
    auto found = outgoing.due(now_ms, due_at_a_look);
    const auto next = outgoing.next_due();
    if (!found || !next) {
      due_ms = 0;
      return tl::unexpected(!found ? found.error() : next.error());
    }
    rows = std::move(*found);
    if (*next) {
      std::int64_t highest = std::numeric_limits<std::int64_t>::max();
      due_ms.compare_exchange_strong(highest, **next);
    }
  }
  std::optional<std::optional<MailSettings>> mail;
  for (Outgoing& row : rows) {
    Busy busy{tenant.number(), row.target};
    if (row.way != OutgoingWay::hook) {
      if (!mail) mail = mail_for(tenant);
      busy.second = *mail ? (*mail)->id : RecordId{};
    }
    bool full = false;
    if (take_slot(busy, of_each, full))
      run_later_([this, &tenant, busy, row = std::move(row)] { work_on(tenant, busy, row); });
    else if (full)
      return {};
  }
  return {};
}

/// False: something goes there already, or no more may go at a time (`full`).
bool Postman::take_slot(const Busy& busy, std::size_t of_each, bool& full) {
  const std::lock_guard guard(mutex_);
  const auto of_tenant = std::ranges::count(busy_, busy.first, &Busy::first);
  full = busy_.size() >= at_once_ || static_cast<std::size_t>(of_tenant) >= of_each;
  return !full && busy_.insert(busy).second;
}

void Postman::work_on(Tenant& tenant, const Busy& busy, const Outgoing& due) {
  try {
    deliver(tenant, due.n);
  } catch (const std::bad_alloc&) {
    count(due.way, {});  // no memory to say more: it is due again later
  } catch (const std::exception& error) {
    count(due.way, {});
    log_trouble(tenant, "internal", error.what());
  }
  tenant.internals().outgoing_due_ms = 0;
  const std::lock_guard ended(mutex_);
  busy_.erase(busy);
}

void Postman::deliver(Tenant& tenant, std::uint64_t n) {
  auto claimed = claim(tenant, n);
  if (!claimed) return log_trouble(tenant, to_string(claimed.error().code), claimed.error().message);
  if (!*claimed) return;
  const Outgoing& outgoing = **claimed;
  crash_point("before_send");
  auto sent = send(tenant, outgoing);
  crash_point("after_send");
  Outcome outcome;
  if (sent) {
    outcome = std::move(*sent);
  } else {
    outcome.inner = true;
    outcome.said = std::string(to_string(sent.error().code));
  }
  count(outgoing.way, outcome);
  const auto noted = note(tenant, outgoing, outcome);
  const Error* trouble = !sent ? &sent.error() : !noted ? &noted.error() : nullptr;
  parts_.log.write(trouble == nullptr ? LogLevel::info : LogLevel::error, "outgoing",
                   {{"tenant", Json(to_uuid_text(tenant.id().view()))},
                    {"delivery", Json(to_uuid_text(outgoing.delivery.view()))},
                    {"event", Json(outgoing.event)},
                    {"attempt", Json(outgoing.attempts)},
                    {"sent", Json(outcome.sent)},
                    {"said", Json(trouble == nullptr ? outcome.said : trouble->message)}});
}

/// Counts the attempt, and says when the next one is due, before anything is sent: what cannot be noted is not sent,
/// and what ends in between is not sent at once again. Nothing: it does not wait any more, or is not due.
Result<std::optional<Outgoing>> Postman::claim(Tenant& tenant, std::uint64_t n) {
  std::optional<Outgoing> claimed;
  Result<void> done;
  const auto write = [&](sqlite::Database& db) -> Result<void> {
    OutgoingRows rows(db, tenant.number());
    TERN_TRY(auto row, rows.find(n));
    const std::int64_t now_ms = tenant.now_ms();
    if (!row || row->state != OutgoingState::waiting || row->due_ms > now_ms) return {};
    ++row->attempts;
    row->due_ms = now_ms + jittered(outgoing_delay_ms(row->attempts));
    TERN_CHECKED(rows.note(*row));
    claimed = std::move(row);
    return {};
  };
  parts_.committer().run(tenant, [&] { done = tenant.write(write); });
  if (!done) return tl::unexpected(std::move(done).error());
  return claimed;
}

void Postman::count(OutgoingWay way, const Outcome& outcome) {
  const bool hook = way == OutgoingWay::hook;
  if (outcome.sent)
    ++(hook ? counters_.hooks_sent : counters_.mails_sent);
  else if (outcome.ended == OutgoingState::dropped)
    ++(hook ? counters_.hooks_dropped : counters_.mails_dropped);
  else
    ++(hook ? counters_.hooks_failed : counters_.mails_failed);
}

Result<Postman::Outcome> Postman::send(Tenant& tenant, const Outgoing& outgoing) {
  TERN_TRY(auto reader, tenant.reader());
  return outgoing.way == OutgoingWay::hook ? send_to_hook(tenant, reader.db(), outgoing)
                                           : send_mail(tenant, reader.db(), outgoing);
}

Result<Postman::Outcome> Postman::send_to_hook(Tenant& tenant, sqlite::Database& db, const Outgoing& outgoing) {
  Outcome out;
  const auto hook = hook_for(tenant, outgoing);
  TERN_TRY(const auto kept, parts_.directory.channel_secret(tenant.number(), outgoing.target));
  if (!hook || !kept) {
    out.for_good = true;
    out.said = "off";
    return out;
  }
  OutgoingReader reader(tenant, db);
  TERN_TRY(auto body, hook_body(reader, *hook, outgoing));
  if (!body) {
    out.for_good = true;
    out.ended = OutgoingState::dropped;
    out.said = "gone";
    return out;
  }
  WebPost post;
  post.url = hook->url;
  post.headers = {{"Content-Type", "application/json"},
                  {"User-Agent", "Tern/" + parts_.version},
                  {"Tern-Delivery", to_uuid_text(outgoing.delivery.view())},
                  {"Tern-Event", outgoing.event},
                  {"Tern-Attempt", std::to_string(outgoing.attempts)},
                  {"Tern-Signature", hook_signature(parse_hook_secrets(*kept), parts_.environment.wall_ms(), *body)}};
  post.body = std::move(*body);
  const auto status = egress_->post(post);
  out.sent = (status && *status / 100 == 2) || mutant(Mutant::sent_though_refused);
  out.hook_gone = status && *status == status_gone;
  out.said = status ? std::to_string(*status) : status.error().message;
  return out;
}

/// Each attempt makes another one: what is kept of it can be mailed to nobody. Empty: the mail is not wanted any more,
/// as its person has another password by now.
Result<std::string> Postman::fresh_link(Tenant& tenant, const Outgoing& outgoing) const {
  std::string token;
  Result<void> done;
  parts_.committer().run(tenant, [&] {
    done = tenant.write([&](sqlite::Database& db) -> Result<void> {
      TERN_TRY(const auto row, OutgoingRows(db, tenant.number()).find(outgoing.n));
      if (!row || row->state != OutgoingState::waiting) return {};
      const auto person = OperatorId::or_zero(outgoing.target.view());
      TERN_TRY(token, make_reset_token(db, tenant, person, outgoing.n, mailed_link_ms, parts_.environment));
      return {};
    });
  });
  TERN_CHECKED(done);
  std::string link = token.empty() ? std::string() : reset_link(parts_.options.public_url, token);
  protocol::wipe(token);
  return link;
}

/// Each attempt makes another one here, too; all of them open until one is used. Empty: it would lead nowhere safe.
Result<std::string> Postman::fresh_rating_link(Tenant& tenant, const Outgoing& outgoing) const {
  const auto resolution = change_of_cause(outgoing.cause);
  if (!resolution || !mails_lead_to(parts_.options)) return std::string();
  const AskedRating asked{outgoing.ticket, *resolution, outgoing.target};
  std::string token;
  Result<void> done;
  parts_.committer().run(tenant, [&] {
    done = tenant.write([&](sqlite::Database& db) -> Result<void> {
      TERN_TRY(token, make_rating_token(db, tenant, asked, parts_.environment));
      return {};
    });
  });
  TERN_CHECKED(done);
  std::string link = rating_link(parts_.options.public_url, token);
  protocol::wipe(token);
  return link;
}

Result<Postman::Outcome> Postman::send_mail(Tenant& tenant, sqlite::Database& db, const Outgoing& outgoing) {
  Outcome out;
  const auto settings = mail_for(tenant);
  std::optional<MailSecrets> secrets;
  const bool is_link = outgoing.event == event_reset || outgoing.event == event_csat;
  if (is_link && !mails_lead_to(parts_.options)) {
    out.for_good = true;
    out.ended = OutgoingState::dropped;
    out.said = "no_url";
    return out;
  }
  if (settings) {
    TERN_TRY(const auto kept, parts_.directory.channel_secret(tenant.number(), settings->id));
    if (kept) secrets = parse_mail_secrets(*kept);
  }
  if (!secrets) {
    out.for_good = true;
    out.ended = OutgoingState::dropped;
    out.said = "off";
    return out;
  }
  OutgoingReader reader(tenant, db);
  const auto link = [&] {
    return outgoing.event == event_reset ? fresh_link(tenant, outgoing) : fresh_rating_link(tenant, outgoing);
  };
  TERN_TRY(const MadeLetter letter, make_letter(reader, *settings, *secrets, outgoing, tenant.now_ms(), link));
  out.address = letter.address;
  if (!letter.dropped.empty()) {
    out.for_good = true;
    out.ended = OutgoingState::dropped;
    out.said = letter.dropped;
    return out;
  }
  const MailServer server{settings->host,
                          static_cast<std::uint16_t>(settings->port),
                          mail_security_of(settings->security),
                          settings->user,
                          secrets->password,
                          domain_of(settings->from)};
  const auto answer = egress_->mail(server, letter.post);
  out.sent = answer && answer->code / 100 == 2;
  out.for_good = answer && answer->code / 100 == 5;
  out.said = answer ? std::to_string(answer->code) : answer.error().message;
  // A code alone says that the address was refused (OutgoingRows::refused_since).
  if (answer && answer->of_message && !out.sent) out.said = "message refused (" + out.said + ")";
  return out;
}

Result<void> Postman::note(Tenant& tenant, Outgoing row, const Outcome& outcome) {
  const std::int64_t now_ms = tenant.now_ms();
  const std::int64_t patience_ms = row.way == OutgoingWay::hook ? hook_given_up_ms : mail_given_up_ms;
  row.said = outcome.said;
  row.address = outcome.address;
  row.due_ms = now_ms + jittered(outgoing_delay_ms(row.attempts));
  const bool late = row.due_ms - row.at_ms > patience_ms && row.attempts >= attempts_before_giving_up;
  if (outcome.sent)
    row.state = OutgoingState::sent;
  else if (outcome.for_good || outcome.hook_gone || late)
    row.state = outcome.ended;
  if (row.state != OutgoingState::waiting) row.done_ms = now_ms;
  Result<void> done;
  parts_.committer().run(tenant, [&] {
    bool dead = outcome.hook_gone;
    done = tenant.write([&](sqlite::Database& db) -> Result<void> {
      OutgoingRows rows(db, tenant.number());
      const bool took_none = row.state == OutgoingState::given_up && !outcome.for_good && !outcome.inner;
      if (row.way == OutgoingWay::hook && took_none && !dead) {
        TERN_TRY(const bool lives, rows.sent_since(row.target, row.at_ms));
        dead = !lives;
      }
      TERN_CHECKED(rows.note(row));
      if (!outcome.sent || row.event != event_reset) return {};
      return end_links_before(db, tenant.number(), OperatorId::or_zero(row.target.view()), row.n);
    });
    if (done && dead) done = turn_off_hook(tenant, row.target, row.said);
  });
  return done;
}

}  // namespace tern::server
