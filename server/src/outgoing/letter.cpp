#include "outgoing/letter.hpp"

#include <algorithm>

#include "access/reset_links.hpp"
#include "outgoing/letter_words.hpp"
#include "outgoing/mail_form.hpp"
#include "rating/rating_links.hpp"
#include "tern/protocol/text.hpp"
#include "tern/sync/rights.hpp"

namespace tern::server {
namespace {

using sync::RecordKind;

constexpr std::int64_t mail_minute_ms = 60'000, mail_hour_ms = 60 * mail_minute_ms, mail_day_ms = 24 * mail_hour_ms;
constexpr std::int64_t refused_for_ms = 60 * mail_day_ms;
constexpr std::int64_t references_max = 19;
constexpr std::uint64_t over_all_tickets = 3, mails_a_day_max = 200, links_a_day_max = 5;  // of one address

struct MailLimit {
  std::int64_t within_ms;
  std::uint64_t mails;
};
constexpr MailLimit mail_limits[] = {{10 * mail_minute_ms, 10},
                                     {30 * mail_minute_ms, 15},
                                     {mail_hour_ms, 25},
                                     {3 * mail_hour_ms, 50},
                                     {10 * mail_hour_ms, 100}};

std::string person_text(const sync::Record& record, const char* name) {
  const auto found = record.attributes.find(name);
  return found == record.attributes.end() ? std::string() : found->second;
}

/// Of a customer's record it is what somebody wrote there.
bool is_mailbox(std::string_view address) {
  const auto at = address.rfind('@');
  return address.size() <= 254 && at != std::string_view::npos && at != 0 && at + 1 < address.size() &&
         std::ranges::count(address, '@') == 1 && std::ranges::all_of(address, [](char c) {
           return c > 0x20 && c < 0x7f && std::string_view("<>()[],;:\\\"").find(c) == std::string_view::npos;
         });
}

/// An answer to the address that mails come from, or to a ticket's, would come back here.
bool is_own_address(std::string_view address, std::string_view own) {
  const std::string folded = protocol::fold_case(address), from = protocol::fold_case(own);
  const auto at = from.rfind('@');
  return folded == from || (folded.starts_with(from.substr(0, at) + "+") && folded.ends_with(from.substr(at)));
}

Result<bool> is_over_limit(OutgoingRows& rows, ByteView address, const Outgoing& outgoing, std::int64_t now_ms) {
  if (outgoing.event == "received") {
    TERN_TRY(const auto answered, rows.mails_to(address, now_ms - mail_day_ms, {}, outgoing.event));
    if (answered > 0) return true;
  }
  if (outgoing.event == event_reset) {
    TERN_TRY(const auto links, rows.mails_to(address, now_ms - mail_day_ms, {}, outgoing.event));
    if (links >= links_a_day_max) return true;
  }
  for (const MailLimit& limit : mail_limits) {
    TERN_TRY(const auto of_all, rows.mails_to(address, now_ms - limit.within_ms));
    if (of_all >= limit.mails * over_all_tickets) return true;
    if (outgoing.ticket.is_zero()) continue;
    TERN_TRY(const auto of_ticket, rows.mails_to(address, now_ms - limit.within_ms, outgoing.ticket));
    if (of_ticket >= limit.mails) return true;
  }
  TERN_TRY(const auto of_day, rows.mails_to(address, now_ms - mail_day_ms));
  return of_day >= mails_a_day_max;
}

class LetterMaker {
public:
  LetterMaker(OutgoingReader& reader, const MailSettings& settings, const MailSecrets& secrets,
              const Outgoing& outgoing, std::int64_t now_ms, const MakeLink& make_link)
      : reader_(reader),
        settings_(settings),
        make_link_(make_link),
        outgoing_(outgoing),
        now_ms_(now_ms),
        names_(secrets.reply_key, settings.from),
        to_customer_(outgoing.way == OutgoingWay::customer),
        automatic_(outgoing.event != "replied") {}

  Result<MadeLetter> make() {
    MadeLetter out;
    const auto record =
        reader_.tenant().find_record(to_customer_ ? RecordKind::contact : RecordKind::operator_, outgoing_.target);
    if (!record || record->deleted || person_text(*record, "active") == "0")
      return dropped(std::move(out), "no_address");
    whom_ = *record;
    const std::string address = person_text(whom_, "email");
    if (!is_mailbox(address)) return dropped(std::move(out), "no_address");
    if (is_nobodys_address(address) || is_own_address(address, settings_.from))
      return dropped(std::move(out), "address");
    out.address = names_.hashed(address);
    if (automatic_ && outgoing_.event != event_test) {
      OutgoingRows rows(reader_.db(), reader_.tenant().number());
      TERN_TRY(const bool over, is_over_limit(rows, out.address, outgoing_, now_ms_));
      if (over) return dropped(std::move(out), "limit");
      TERN_TRY(const bool refused, rows.refused_since(out.address, now_ms_ - refused_for_ms));
      if (refused) return dropped(std::move(out), "refused");
    }
    TERN_TRY(const bool there, find_values());
    if (!there) return dropped(std::move(out), "gone");
    TERN_TRY(const Letter letter, written(address));
    out.post.recipient = address;
    if (!automatic_) out.post.sender = settings_.from;  // of automatic ones nobody is told that they did not arrive
    out.post.content = to_mail(letter);
    return out;
  }

private:
  static MadeLetter dropped(MadeLetter letter, const char* why) {
    letter.dropped = why;
    return letter;
  }

  /// False: what it tells of is not there, or not theirs to read any more.
  Result<bool> find_values() {
    language_ = letter_language(person_text(whom_, "language"), settings_.language);
    values_["company"] = settings_.company;
    if (outgoing_.event == event_test) return true;
    if (outgoing_.event == event_reset) {
      // Who asked has given up by now, or found another way: no link comes out of the blue.
      if (!make_link_ || now_ms_ - outgoing_.at_ms >= mailed_link_ms) return false;
      TERN_TRY(values_["link"], make_link_());
      return !values_["link"].empty();
    }
    const auto kind = notification_from_name(outgoing_.event);
    values_["told"] = kind ? std::string(told_words(*kind, language_)) : "";
    values_["author"] = settings_.company;
    if (outgoing_.ticket.is_zero()) return kind == NotificationKind::hook_off;
    TERN_TRY(const auto state, reader_.ticket(outgoing_.ticket));
    if (!state || sync::is_deleted(*state)) return false;
    values_["number"] = state->number;
    values_["subject"] = subject_of(*state);
    if (!to_customer_) return may_be_told(*state);
    const auto theirs = sync::customers_of(*state);
    if (std::ranges::find(theirs, outgoing_.target) == theirs.end()) return false;
    watches_ = sync::field_value(*state, sync::FieldId::contact) != Bytes(outgoing_.target.view());
    return find_words(*state);
  }

  Result<bool> may_be_told(const sync::TicketState& state) {
    const auto actor = reader_.tenant().find_actor(OperatorId::or_zero(outgoing_.target.view()));
    if (!actor || !actor->active || !sync::may_read(*actor, state)) return false;
    TERN_CHECKED(find_author());
    return true;
  }

  Result<void> find_author() {
    const auto ref = change_of_cause(outgoing_.cause);
    if (!ref) return {};
    TERN_TRY(const auto change, reader_.change(*ref));
    if (!change || change->author.kind == sync::PrincipalKind::server) return {};
    values_["author"] = change->author.name;
    if (change->author.kind != sync::PrincipalKind::operator_) return {};
    const auto author =
        reader_.tenant().find_record(RecordKind::operator_, RecordId::or_zero(change->author.id.view()));
    const std::string signature = author ? person_text(*author, signature_attribute) : "";
    if (!signature.empty()) values_["signature"] = signature + "\n";
    return {};
  }

  /// What its author wrote to the customer, as it stands now.
  Result<bool> find_words(const sync::TicketState& state) {
    const auto ref = change_of_cause(outgoing_.cause);
    if (outgoing_.event == "received") return !watches_;
    if (!ref) return false;
    TERN_CHECKED(find_author());
    if (outgoing_.event == "resolved") {
      const auto move =
          std::ranges::find_if(state.moves, [&](const sync::Move& one) { return one.stamp.ref() == *ref; });
      if (move == state.moves.end()) return false;
      values_["words"] = move->text;
      if (settings_.csat_delay == csat_at_once) TERN_CHECKED(ask_for_rating(state, *ref));
      return true;
    }
    if (outgoing_.event == event_csat) {
      if (settings_.csat_delay == csat_never) return false;
      TERN_CHECKED(ask_for_rating(state, *ref));
      return !values_["rating"].empty();
    }
    TERN_TRY(const auto found, reader_.message(*ref));
    if (!found || found->message.visibility != sync::Visibility::open || found->message.withheld ||
        sync::is_deleted(found->message))
      return false;
    values_["words"] = sync::standing_text(found->message);
    return !values_["words"].empty();
  }

  /// Of who watches a ticket nobody asks it: a resolution is rated once.
  Result<void> ask_for_rating(const sync::TicketState& state, const sync::ChangeRef& resolution) {
    if (!make_link_ || !awaits_rating(state, {state.id, resolution, outgoing_.target})) return {};
    TERN_TRY(const std::string link, make_link_());
    if (link.empty()) return {};
    std::string links;
    for (const char* score : {"5", "4", "3", "2", "1"})
      links.append(score).append("  ").append(link).append(score) += '\n';
    const LetterWords words = letter_words("rating", language_);
    const std::string question = settings_.csat_question.empty() ? std::string(words.subject) : settings_.csat_question;
    values_["rating"] = filled_in(words.text, {{"question", question}, {"links", links}});
    return {};
  }

  Result<Letter> written(const std::string& address) {
    const LetterWords words = letter_words(outgoing_.event + (watches_ ? "_watched" : ""), language_);
    Letter out;
    out.from_address = settings_.from;
    out.from_name = settings_.company;
    out.to_address = address;
    out.to_name = outgoing_.event == "received" ? "" : whom_.name;
    out.subject = filled_in(words.subject, values_);
    const bool of_its_own = outgoing_.event == event_test || outgoing_.event == event_reset;
    if (outgoing_.ticket.is_zero() && !of_its_own) out.subject = values_["told"];
    out.text = filled_in(words.text, values_);
    out.at_ms = now_ms_;
    out.message_id = names_.message_id(outgoing_.ticket, outgoing_.n);
    if (automatic_) out.auto_submitted = outgoing_.event == "received" ? "auto-replied" : "auto-generated";
    if (!to_customer_) return out;
    out.reply_to = names_.reply_to(outgoing_.ticket, address);
    out.references.push_back(names_.message_id(outgoing_.ticket, 0));
    TERN_TRY(const auto before, OutgoingRows(reader_.db(), reader_.tenant().number())
                                    .mails_before(outgoing_.ticket, outgoing_.target, outgoing_.n, references_max));
    for (const std::uint64_t n : before) out.references.push_back(names_.message_id(outgoing_.ticket, n));
    return out;
  }

  OutgoingReader& reader_;
  const MailSettings& settings_;
  const MakeLink& make_link_;
  const Outgoing& outgoing_;
  const std::int64_t now_ms_;
  const ReplyNames names_;
  const bool to_customer_, automatic_;
  bool watches_ = false;  // the customer, without being the ticket's contact
  sync::Record whom_;
  LetterLanguage language_ = LetterLanguage::en;
  std::map<std::string_view, std::string> values_;
};

}  // namespace

Result<MadeLetter> make_letter(OutgoingReader& reader, const MailSettings& settings, const MailSecrets& secrets,
                               const Outgoing& outgoing, std::int64_t now_ms, const MakeLink& make_link) {
  return LetterMaker(reader, settings, secrets, outgoing, now_ms, make_link).make();
}

}  // namespace tern::server
