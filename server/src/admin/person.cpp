// Customers who go: one by one, or by a rule (P2 and P3 of the design). What of them, and how: person_look,
// person_erase.
#include <algorithm>
#include <optional>

#include "admin/handlers.hpp"
#include "admin/person_erase.hpp"
#include "admin/record_writer.hpp"
#include "desk/person_attributes.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/text.hpp"
#include "time_text.hpp"

namespace tern::server::admin {
namespace {

constexpr std::size_t persons_without_second_max = 100;
constexpr std::int64_t persons_of_run_max = 1'000;
constexpr std::size_t elsewhere_shown_max = 1'000, open_shown_max = 10;

Json texts_json(const auto& texts, std::size_t most) {
  Json out = Json::array();
  for (const auto& text : texts)
    if (out.size() < most) out.push(Json(text));
  return out;
}

Result<Json> numbers_of(Tenant& tenant, const std::set<TicketId>& tickets) {
  Json out = Json::array();
  TERN_TRY(auto reader, tenant.reader());
  for (const TicketId& ticket : tickets) {
    if (out.size() == elsewhere_shown_max) break;
    TERN_TRY(auto rows, reader.db().query("SELECT number FROM ticket WHERE tenant_id = $1 AND ticket_id = $2",
                                          tenant.number(), ticket));
    TERN_TRY(const bool found, rows.step());
    out.push(Json(found ? std::string(rows.text(0)) : to_uuid_text(ticket.view())));
  }
  return out;
}

// ---- whether it may be ----

Result<void> check_not_held(const sync::Record& contact) {
  const std::string hold = legal_hold_of(contact);
  if (hold.empty()) return {};
  return fail(ErrorCode::not_permitted, "\"" + contact.name + "\" is under legal hold: " + hold + ".",
              "ternd contact set NAME --legal-hold \"\" ends it.", "contact");
}

/// As of now, of texts in these tickets: of all that are to go before anything goes, and on the strand before each
/// part.
Result<void> check_may_go(Tenant& tenant, const Subject& person, const std::set<TicketId>& tickets, bool with_open) {
  const auto now = tenant.find_record(sync::RecordKind::contact, person.record.id);
  if (now) TERN_CHECKED(check_not_held(*now));
  TERN_TRY(const Obstacles found, obstacles_of(tenant, person.record.id, tickets));
  if (!found.held.empty())
    return fail(ErrorCode::not_permitted,
                "Texts would go from tickets of who is under legal hold: " +
                    to_text(texts_json(found.held, open_shown_max)) + ".",
                "ternd contact set NAME --legal-hold \"\" ends it.", "contact");
  if (with_open || found.open.empty()) return {};
  return fail(ErrorCode::invalid,
              "Tickets with texts of theirs are still open: " + to_text(texts_json(found.open, open_shown_max)) + ".",
              "End them first, or erase all the same with --open-tickets.", "open_tickets");
}

ErasureHands hands_of(AdminCall& call, std::function<Result<void>(const Subject&, const std::set<TicketId>&)> allowed) {
  return {call.tenant(),
          call.parts().directory,
          [&call] { return call.is_stopped(); },
          [&call](const ErasureHands::Work& work) {
            return call.with_room([&] { return call.on_strand([&] { return work(); }); });
          },
          [&call](const ErasureHands::Work& work) { return call.with_room([&] { return work(); }); },
          std::move(allowed)};
}

Result<Json> say_of(AdminCall& call, const Subject& person, bool dry) {
  TERN_TRY(Json elsewhere, numbers_of(call.tenant(), person.elsewhere));
  Json out = Json::object({{"person", Json(dry ? person.record.name : erased_name(person.record))},
                           {"id", Json(to_uuid_text(person.record.id.view()))},
                           {"tickets", Json(person.tickets.size())},
                           {"texts", Json(person.said.size() + person.waiting.size())},
                           {"entries", Json(person.entries.size())},
                           {"named_elsewhere", std::move(elsewhere)},
                           {"named_in_records", texts_json(person.records, elsewhere_shown_max)}});
  if (!dry) return out;
  TERN_TRY(const Obstacles found,
           obstacles_of(call.tenant(), person.record.id, tickets_of(person, call.flag("everywhere"))));
  out.append_member("looked_for", texts_json(person.words.shown(), elsewhere_shown_max));
  out.append_member("open_tickets", texts_json(found.open, elsewhere_shown_max));
  out.append_member("under_legal_hold", texts_json(found.held, elsewhere_shown_max));
  out.append_member("dry_run", Json(true));
  return out;
}

// ---- by rule ----

struct ByRule {
  std::vector<Subject> persons;  // of this run
  std::vector<Json> rows;
  std::size_t all = 0;           // whom the rule finds
  std::optional<RecordId> next;  // behind it there are more
};

Result<ByRule> find_by_rule(AdminCall& call, std::int64_t before_ms) {
  const std::int64_t limit = std::min(call.integer("limit", persons_of_run_max), persons_of_run_max);
  if (limit < 1) return fail(ErrorCode::invalid, "A page has at least one person.", "", "limit");
  RecordId after;
  if (call.has("after")) {
    const auto raw = from_uuid_text(call.text("after"));
    if (!raw || raw->size() != RecordId::size_bytes)
      return fail(ErrorCode::invalid, "\"" + call.text("after") + "\" is no token of a page.",
                  "Take it from the page before.", "after");
    after = RecordId::or_zero(*raw);
  }
  Tenant& tenant = call.tenant();
  ByRule out;
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(auto found,
           reader.db().query("SELECT contact, count(*), max(ended_ms) FROM ticket WHERE tenant_id = $1 AND "
                             "length(contact) > 0 GROUP BY contact HAVING min(ended_ms) > 0 AND max(ended_ms) < $2 "
                             "ORDER BY contact",
                             tenant.number(), before_ms));
  for (;;) {
    TERN_TRY(const bool more, found.step());
    if (!more) return out;
    auto record = tenant.find_record(sync::RecordKind::contact, found.id<RecordId>(0));
    if (!record || is_erased(*record) || !check_not_held(*record)) continue;
    ++out.all;
    if (record->id <= after) continue;
    if (static_cast<std::int64_t>(out.persons.size()) == limit) {
      out.next = out.persons.back().record.id;
      continue;
    }
    out.rows.push_back(Json::object({{"contact", Json(record->name)},
                                     {"id", Json(to_uuid_text(record->id.view()))},
                                     {"tickets", Json(found.int64(1))},
                                     {"closed_at", Json(instant_text(found.int64(2)))}}));
    out.persons.push_back(subject_of(std::move(*record)));
  }
}

/// The rule may hold no more: a ticket was opened for them, or again.
Result<void> check_rule_holds(Tenant& tenant, const Subject& person, std::int64_t before_ms) {
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(const auto other,
           reader.db().int64_of("SELECT 1 FROM ticket WHERE tenant_id = $1 AND contact = $2 AND (ended_ms <= 0 OR "
                                "ended_ms >= $3) LIMIT 1",
                                tenant.number(), person.record.id, before_ms));
  if (!other) return {};
  return fail(ErrorCode::invalid, "A ticket of theirs is open, or was until lately.", "", "open_tickets");
}

/// Two administrators, each of whom says who they are by their own password.
class TwoAdministrators {
public:
  static Result<TwoAdministrators> who_say_so(AdminCall& call) {
    TERN_TRY(const OperatorId first, proven(call, "by"));
    TERN_TRY(const OperatorId second, proven(call, "second"));
    TwoAdministrators both(call.tenant(), first, second);
    TERN_CHECKED(both.check());
    return both;
  }
  /// What both are now.
  [[nodiscard]] Result<void> check() const {
    if (first_ == second_)
      return fail(ErrorCode::not_permitted, "That is one administrator twice.", "Name the other one with --second.",
                  "second");
    TERN_CHECKED(check_one(first_, "by"));
    return check_one(second_, "second");
  }
  /// For the ledger: who they were, whatever they are called one day.
  [[nodiscard]] std::string names() const { return name_of(first_) + " and " + name_of(second_); }

private:
  TwoAdministrators(Tenant& tenant, const OperatorId& first, const OperatorId& second)
      : tenant_(&tenant), first_(first), second_(second) {}

  static Result<OperatorId> proven(AdminCall& call, const std::string& which) {
    if (!call.has(which) || !call.has(which + "_password"))
      return fail(ErrorCode::not_permitted, "More than 100 persons: two administrators have to want it.",
                  "Name them with --by and --second, and let both type their password: --by-password-stdin "
                  "--second-password-stdin",
                  which);
    TERN_TRY(const sync::Record named, resolve_record(call.tenant(), sync::RecordKind::operator_, call.text(which)));
    const auto email = named.attributes.find("email");
    const std::string code = call.has(which + "_code") ? call.text(which + "_code") : std::string();
    auto person = call.parts().logins.identify(
        call.parts().directory, {&call.tenant()},
        {email == named.attributes.end() ? named.name : email->second, call.text(which + "_password"), code, {}});
    if (person && person->id == OperatorId::or_zero(named.id.view())) return person->id;
    if (!person && person.error().code != ErrorCode::login_refused) return tl::unexpected(person.error());
    const bool of_code = !person && person.error().field == "code";
    return fail(ErrorCode::login_refused,
                "\"" + named.name +
                    "\" did not prove who they are: " + (person ? "it is another's password" : person.error().message),
                of_code ? "--" + which + "-code" : "", which + (of_code ? "_code" : "_password"));
  }

  [[nodiscard]] std::string name_of(const OperatorId& who) const {
    const auto record = tenant_->find_record(sync::RecordKind::operator_, RecordId::or_zero(who.view()));
    return (record ? record->name : std::string("?")) + " (" + to_uuid_text(who.view()) + ")";
  }

  [[nodiscard]] Result<void> check_one(const OperatorId& who, const char* which) const {
    const auto actor = tenant_->find_actor(who);
    if (actor && actor->active && sync::has_right(actor->role, sync::Right::administer)) return {};
    return fail(ErrorCode::not_permitted, "Who is named with --" + std::string(which) + " is no administrator.", "",
                which);
  }

  Tenant* tenant_;
  OperatorId first_, second_;
};

bool is_of_administrators(const Error& error) {
  return error.field.starts_with("by") || error.field.starts_with("second");
}

}  // namespace

Result<Json> person_erase(AdminCall& call) {
  Tenant& tenant = call.tenant();
  TERN_TRY(const sync::Record record, resolve_with_removed(tenant, sync::RecordKind::contact, call.text("contact")));
  TERN_CHECKED(check_not_held(record));
  const std::string reason = call.has("reason") ? call.text("reason") : std::string{};
  TERN_CHECKED(protocol::check_text(reason, limits::result_bytes_max, "reason"));
  const bool everywhere = call.flag("everywhere"), with_open = call.flag("open_tickets");
  std::vector<Subject> persons;
  persons.push_back(subject_of(record));
  TERN_CHECKED(look_for(tenant, persons, [&call] { return call.is_stopped(); }));
  const Subject& person = persons.front();
  if (call.flag("dry_run")) return say_of(call, person, true);
  call.parts().directory.discard_idle_staging();
  const ErasureHands hands = hands_of(call, [&](const Subject& one, const std::set<TicketId>& tickets) {
    return check_may_go(tenant, one, tickets, with_open);
  });
  TERN_TRY(const std::size_t finished, finish_person(hands, person, reason));
  TERN_CHECKED(check_may_go(tenant, person, tickets_of(person, everywhere), with_open));
  TERN_TRY(const std::size_t gone, erase_person(hands, person, everywhere, reason));
  TERN_TRY(Json out, say_of(call, person, false));
  out.append_member("erased_changes", Json(finished + gone));
  return out;
}

Result<Json> person_anonymise(AdminCall& call) {
  Tenant& tenant = call.tenant();
  const auto before = parse_instant(call.text("closed_before"));
  if (!before || *before > tenant.now_ms())
    return fail(ErrorCode::invalid, "\"" + call.text("closed_before") + "\" is no instant of the past.",
                "Write it like 2026-06-03T00:00:00Z.", "closed_before");
  const bool apply = call.flag("apply");
  TERN_TRY(ByRule found, find_by_rule(call, *before));
  std::optional<TwoAdministrators> both;
  if (apply && found.all > persons_without_second_max) {
    TERN_TRY(both, TwoAdministrators::who_say_so(call));
  }
  TERN_CHECKED(look_for(tenant, found.persons, [&call] { return call.is_stopped(); }));
  const ErasureHands hands =
      hands_of(call, [&](const Subject& person, const std::set<TicketId>& tickets) -> Result<void> {
        if (both) TERN_CHECKED(both->check());
        TERN_CHECKED(check_rule_holds(tenant, person, *before));
        return check_may_go(tenant, person, tickets, false);
      });
  const std::string reason = both ? "anonymised by rule, as said by " + both->names() : "anonymised by rule";
  if (apply && !found.persons.empty()) call.parts().directory.discard_idle_staging();
  std::size_t erased = 0;
  for (std::size_t i = 0; i < found.persons.size(); ++i) {
    const Subject& person = found.persons[i];
    Result<void> may = check_may_go(tenant, person, tickets_of(person, false), false);
    if (may && apply) {
      const auto gone = erase_person(hands, person, false, reason);
      if (gone) ++erased;
      if (!gone && (is_of_administrators(gone.error()) ||
                    (gone.error().code != ErrorCode::not_permitted && gone.error().code != ErrorCode::invalid)))
        return tl::unexpected(gone.error());
      if (!gone) may = tl::unexpected(gone.error());
    }
    if (!may && may.error().code != ErrorCode::not_permitted && may.error().code != ErrorCode::invalid)
      return tl::unexpected(may.error());
    if (!may) found.rows[i].append_member("stays", Json(may.error().message));
  }
  Json rows = Json::array();
  for (Json& row : found.rows) rows.push(std::move(row));
  Json out = Json::object({{"erased", Json(erased)}, {"rows", std::move(rows)}});
  if (found.next) out.append_member("next", Json(to_uuid_text(found.next->view())));
  return out;
}

}  // namespace tern::server::admin
