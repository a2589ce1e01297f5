// What one customer is to this desk: given to them, erased, or found by a rule and erased (P2 to P4 of the design).
#include "person.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "access/private_file.hpp"
#include "admin/handlers.hpp"
#include "admin/interrupted.hpp"
#include "admin/record_writer.hpp"
#include "admin/ticket_export.hpp"
#include "desk/outgoing.hpp"
#include "ingest/jobs.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/text.hpp"
#include "time_text.hpp"

namespace tern::server::admin {
namespace {

constexpr std::uint64_t commits_per_look = 1'000;
constexpr std::size_t changes_per_erasure = 200;
constexpr std::size_t word_bytes_min = 4;  // shorter ones stand in anybody's texts
constexpr std::size_t persons_without_second_max = 100;
constexpr std::size_t elsewhere_shown_max = 1'000;
constexpr std::int64_t class_done = static_cast<std::int64_t>(sync::StatusClass::done);

std::string lowered(ByteView text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

/// One person whose data it is, and everything in the ledger that is theirs.
struct Subject {
  sync::Record record;
  std::vector<std::string> words;        // name, address, telephone, in lower case
  std::set<TicketId> tickets;            // of theirs, or with words of theirs
  std::vector<sync::ChangeRef> said;     // by them, or in their tickets of them
  std::vector<sync::ChangeRef> entries;  // of their record
  std::set<TicketId> elsewhere;          // tickets of others that name them
  std::vector<sync::ChangeRef> elsewhere_said;
};

Subject person_of(sync::Record record) {
  Subject out;
  out.record = std::move(record);
  const auto add = [&](const std::string& word) {
    if (word.size() >= word_bytes_min) out.words.push_back(lowered(word));
  };
  if (!out.record.attributes.contains(std::string(erased_attribute))) add(out.record.name);
  for (const char* attribute : {"email", "phone"})
    if (const auto found = out.record.attributes.find(attribute); found != out.record.attributes.end())
      add(found->second);
  return out;
}

Result<void> check_not_held(const sync::Record& record) {
  const auto hold = record.attributes.find(std::string(legal_hold_attribute));
  if (hold == record.attributes.end() || hold->second.empty()) return {};
  return fail(ErrorCode::not_permitted, "\"" + record.name + "\" is under legal hold: " + hold->second + ".",
              "ternd contact set NAME --legal-hold \"\" ends it.", "contact");
}

Result<void> find_tickets(sqlite::Database& db, std::int64_t tenant, Subject& person) {
  TERN_TRY(auto rows, db.query("SELECT ticket_id FROM ticket WHERE tenant_id = $1 AND contact = $2 UNION SELECT "
                               "ticket_id FROM change WHERE tenant_id = $1 AND author = $2 AND author_kind = $3 AND "
                               "ticket_id IS NOT NULL",
                               tenant, person.record.id, sync::PrincipalKind::contact));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return {};
    person.tickets.insert(rows.id<TicketId>(0));
  }
}

/// One pass over all that the ledger still says.
class LedgerLook {
public:
  LedgerLook(const AdminCall& call, std::vector<Subject>& persons) : call_(call), persons_(persons) {
    for (std::size_t i = 0; i < persons.size(); ++i) by_id_[persons[i].record.id] = i;
  }

  Result<void> run() {
    Tenant& tenant = call_.tenant();
    {
      TERN_TRY(auto reader, tenant.reader());
      for (Subject& person : persons_) TERN_CHECKED(find_tickets(reader.db(), tenant.number(), person));
    }
    for (std::uint64_t from = 0; from <= tenant.commit_seq(); from += commits_per_look) {
      TERN_CHECKED(check_not_interrupted(call_.is_stopped(), "nothing was erased"));
      TERN_CHECKED(look_at(from));
    }
    return {};
  }

private:
  Result<void> look_at(std::uint64_t from) {
    TERN_TRY(auto reader, call_.tenant().reader());
    TERN_TRY(
        auto rows,
        reader.db().query("SELECT device_id, change_id, ticket_id, intent, author, author_kind, skeleton, body FROM "
                          "change WHERE tenant_id = $1 AND commit_seq >= $2 AND commit_seq < $3 AND body_commitment IS "
                          "NULL AND length(body) > 0 AND intent <> $4",
                          call_.tenant().number(), from, from + commits_per_look, sync::Intent::erase));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) return {};
      TERN_CHECKED(look(rows));
    }
  }

  Result<void> look(const sqlite::Statement& row) {
    const sync::ChangeRef ref{row.id<DeviceId>(0), row.id<ChangeId>(1)};
    const auto intent = static_cast<sync::Intent>(row.int64(3));
    if (row.is_null(2)) return intent == sync::Intent::record ? look_at_record(ref, row) : Result<void>{};
    const TicketId ticket = row.id<TicketId>(2);
    const bool by_contact = static_cast<sync::PrincipalKind>(row.int64(5)) == sync::PrincipalKind::contact;
    const auto author = by_contact ? by_id_.find(row.id<RecordId>(4)) : by_id_.end();
    RecordId signer;
    if (intent == sync::Intent::on_site) {
      TERN_TRY(const sync::Change change, sync::parse_change(row.blob(6), row.blob(7), ref.device));
      signer = RecordId::or_zero(change.target);
    }
    const std::string body = lowered(row.blob(7));
    for (Subject& person : persons_) {
      const bool theirs =
          (author != by_id_.end() && &persons_[author->second] == &person) || signer == person.record.id;
      const bool names = std::ranges::any_of(
          person.words, [&](const std::string& word) { return body.find(word) != std::string::npos; });
      if (theirs || (names && person.tickets.contains(ticket))) {
        person.said.push_back(ref);
        person.tickets.insert(ticket);
      } else if (names) {
        person.elsewhere.insert(ticket);
        person.elsewhere_said.push_back(ref);
      }
    }
    return {};
  }

  Result<void> look_at_record(const sync::ChangeRef& ref, const sqlite::Statement& row) {
    TERN_TRY(const sync::Change change, sync::parse_change(row.blob(6), row.blob(7), ref.device));
    if (change.record_kind != static_cast<std::uint32_t>(sync::RecordKind::contact)) return {};
    TERN_TRY(const sync::Record record, sync::decode_record(change.record));
    if (record.attributes.contains(std::string(erased_attribute))) return {};  // what is left of them
    if (const auto found = by_id_.find(record.id); found != by_id_.end())
      persons_[found->second].entries.push_back(ref);
    return {};
  }

  const AdminCall& call_;
  std::vector<Subject>& persons_;
  std::map<RecordId, std::size_t> by_id_;
};

// ---- erasing ----

Result<void> erase_all(AdminCall& call, const std::vector<sync::ChangeRef>& changes, const std::string& reason) {
  for (std::size_t at = 0; at < changes.size(); at += changes_per_erasure) {
    TERN_CHECKED(check_not_interrupted(call.is_stopped(), "what is erased by now stays so"));
    // What quotes an earlier one may have gone with it.
    std::vector<sync::ChangeRef> part;
    for (std::size_t i = at; i < std::min(changes.size(), at + changes_per_erasure); ++i)
      if (!call.tenant().is_erased(changes[i])) part.push_back(changes[i]);
    if (part.empty()) continue;
    TERN_TRY(const Erased erased, call.with_room([&] {
      return call.on_strand([&] { return erase(call.tenant(), part, OperatorId{}, reason); });
    }));
    TERN_CHECKED(
        call.with_room([&] { return call.parts().directory.note_erased(call.tenant().id(), erased.changes); }));
  }
  return {};
}

/// What of them is beside the ledger: tokens carry their name, refused requests of others are kept as they came, and
/// what waits for them is not sent any more.
Result<void> end_waiting(AdminCall& call, const Subject& person) {
  return call.on_strand([&] {
    Tenant& tenant = call.tenant();
    return tenant.write([&](sqlite::Database& db) -> Result<void> {
      TERN_CHECKED(
          db.run("DELETE FROM client_token WHERE tenant_id = $1 AND contact = $2", tenant.number(), person.record.id));
      for (const std::string& word : person.words)
        TERN_CHECKED(
            db.run("UPDATE inbound SET request = '', said = '' WHERE tenant_id = $1 AND state = 1 AND "
                   "(instr(lower(request), $2) > 0 OR instr(lower(said), $2) > 0)",
                   tenant.number(), sqlite::Text{word}));
      return OutgoingRows(db, tenant.number()).give_up(person.record.id, tenant.now_ms(), "the person was erased");
    });
  });
}

std::string erased_name(const sync::Record& person) {
  return "erased #" + std::to_string(person.integer_id);
}

/// Texts first and the record last: what is interrupted is found again by its words.
Result<void> erase_person(AdminCall& call, Subject& person, bool everywhere, const std::string& reason) {
  TERN_CHECKED(end_waiting(call, person));
  TERN_CHECKED(erase_all(call, person.said, reason));
  if (everywhere) TERN_CHECKED(erase_all(call, person.elsewhere_said, reason));
  sync::Record bare;
  bare.kind = sync::RecordKind::contact;
  bare.id = person.record.id;
  bare.integer_id = person.record.integer_id;
  bare.name = erased_name(person.record);
  bare.deleted = person.record.deleted;
  bare.attributes[std::string(erased_attribute)] = "1";
  bare.version = person.record.version;
  if (bare.name != person.record.name || bare.attributes != person.record.attributes)
    TERN_CHECKED(call.on_strand([&] { return write_records(call.tenant(), {bare}); }));
  return erase_all(call, person.entries, reason);
}

Result<std::string> number_of_ticket(sqlite::Database& db, std::int64_t tenant, const TicketId& ticket) {
  TERN_TRY(auto rows, db.query("SELECT number FROM ticket WHERE tenant_id = $1 AND ticket_id = $2", tenant, ticket));
  TERN_TRY(const bool found, rows.step());
  return found ? std::string(rows.text(0)) : to_uuid_text(ticket.view());
}

Result<Json> numbers_of(Tenant& tenant, const std::set<TicketId>& tickets, std::size_t most) {
  Json out = Json::array();
  TERN_TRY(auto reader, tenant.reader());
  for (const TicketId& ticket : tickets) {
    if (out.size() == most) break;
    TERN_TRY(const std::string number, number_of_ticket(reader.db(), tenant.number(), ticket));
    out.push(Json(number));
  }
  return out;
}

/// Tickets of theirs that somebody still works on.
Result<std::set<TicketId>> open_tickets(Tenant& tenant, const RecordId& person) {
  std::set<TicketId> out;
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(auto rows, reader.db().query("SELECT ticket_id FROM ticket WHERE tenant_id = $1 AND contact = $2 AND "
                                        "status_class < $3 AND deleted = 0 AND merged_into IS NULL",
                                        tenant.number(), person, class_done));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    out.insert(rows.id<TicketId>(0));
  }
}

Result<sync::Record> contact_asked(const AdminCall& call) {
  TERN_TRY(sync::Record record, resolve_record(call.tenant(), sync::RecordKind::contact, call.text("contact")));
  return record;
}

Result<Json> say_of(AdminCall& call, const Subject& person, bool dry) {
  TERN_TRY(Json elsewhere, numbers_of(call.tenant(), person.elsewhere, elsewhere_shown_max));
  Json out = Json::object({{"person", Json(dry ? person.record.name : erased_name(person.record))},
                           {"id", Json(to_uuid_text(person.record.id.view()))},
                           {"tickets", Json(person.tickets.size())},
                           {"texts", Json(person.said.size())},
                           {"entries", Json(person.entries.size())},
                           {"named_elsewhere", std::move(elsewhere)}});
  if (dry) out.append_member("dry_run", Json(true));
  return out;
}

// ---- what is theirs ----

std::string html_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string html_value(const Json& value) {
  if (value.is_null()) return {};
  return html_text(value.is_string() ? value.as_string() : to_text(value));
}

std::string html_of(const Json& all) {
  std::string out = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" +
                    html_value(all["profile"]["name"]) + "</title></head><body>\n<h1>" +
                    html_value(all["profile"]["name"]) + "</h1>\n<table>\n";
  for (const auto& [name, value] : all["profile"].members())
    out += "<tr><th>" + html_text(name) + "</th><td>" + html_value(value) + "</td></tr>\n";
  out += "</table>\n";
  for (const Json& ticket : all["tickets"].items()) {
    out += "<h2>" + html_value(ticket["number"]) + " " + html_value(ticket["subject"]) + "</h2>\n<p>" +
           html_value(ticket["status"]) + ", " + html_value(ticket["created_at"]) + "</p>\n<pre>" +
           html_value(ticket["description"]) + "</pre>\n";
    for (const Json& message : ticket["messages"].items())
      out += "<h3>" + html_value(message["author"]) + ", " + html_value(message["at"]) + "</h3>\n<pre>" +
             html_value(message["text"]) + html_value(message["file_name"]) + "</pre>\n";
    for (const Json& rating : ticket["ratings"].items())
      out += "<p>Rated " + html_value(rating["rating"]) + ": " + html_value(rating["comment"]) + "</p>\n";
  }
  return out + "</body></html>\n";
}

/// Public messages: their own and the desk's, which speaks as one. Of another customer there is nothing.
Json messages_for(const Json& messages, const sync::Record& person) {
  Json out = Json::array();
  for (const Json& message : messages.items()) {
    if (message["visibility"].as_string() != "public" || message["text"].is_null()) continue;
    const bool contact = message["author_kind"].as_string() == "contact";
    if (contact && message["author"].as_string() != person.name) continue;
    Json one = Json::object(
        {{"at", message["at"]}, {"author", contact ? Json(person.name) : Json("support")}, {"text", message["text"]}});
    if (const Json* file = message.find("file_name")) one.append_member("file_name", *file);
    out.push(std::move(one));
  }
  return out;
}

Result<Json> tickets_for(AdminCall& call, const sync::Record& person) {
  Tenant& tenant = call.tenant();
  Json out = Json::array();
  const Names names(tenant, true);
  TERN_TRY(auto reader, tenant.reader());
  TicketExport from(reader.db(), tenant.number(), names);
  TERN_TRY(auto rows,
           reader.db().query("SELECT state FROM ticket WHERE tenant_id = $1 AND contact = $2 AND deleted = 0 "
                             "ORDER BY integer_id",
                             tenant.number(), person.id));
  const Json own = names.of(sync::RecordKind::contact, person.id.view());
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    TERN_CHECKED(check_not_interrupted(call));
    TERN_TRY(const sync::TicketState state, sync::decode_state(rows.blob(0)));
    TERN_TRY(const Json fields, from.fields(state));
    TERN_TRY(const Json messages, from.messages(state));
    sync::Record as_written = person;
    as_written.name = own.as_string();
    Json ticket = Json::object({});
    for (const char* name : {"number", "status", "subject", "description", "category", "priority", "custom", "result",
                             "created_at", "resolved_at", "closed_at"})
      ticket.append_member(name, fields[name]);
    ticket.append_member("messages", messages_for(messages, as_written));
    ticket.append_member("ratings", fields["csat"]);
    out.push(std::move(ticket));
  }
}

}  // namespace

Result<Json> person_export(AdminCall& call) {
  const std::string format = call.has("format") ? call.text("format") : "json";
  if (format != "json" && format != "html")
    return fail(ErrorCode::invalid, "There is no format \"" + format + "\".", "Formats: json, html.", "format");
  if (format == "html" && !call.has("to"))
    return fail(ErrorCode::usage, "A page goes into a file: --to FILE.", "", "to");
  if (call.flag("replace") && !call.has("to"))
    return fail(ErrorCode::usage, "--replace goes with --to.", "", "replace");
  TERN_TRY(const sync::Record person, contact_asked(call));
  Json profile = Json::object({{"name", Json(person.name)}});
  for (const auto& [name, value] : person.attributes) profile.append_member(name, Json(value));
  TERN_TRY(Json tickets, tickets_for(call, person));
  const std::size_t count = tickets.size();
  Json all = Json::object({{"exported_at", Json(instant_text(call.tenant().now_ms()))},
                           {"profile", std::move(profile)},
                           {"tickets", std::move(tickets)}});
  if (!call.has("to")) return all;
  TERN_CHECKED(check_output_file(call.text("to"), call.flag("replace"), "to"));
  TERN_CHECKED(write_private_file(call.text("to"), format == "html" ? html_of(all) : to_text(all) + "\n"));
  return Json::object({{"person", Json(person.name)}, {"to", Json(call.text("to"))}, {"tickets", Json(count)}});
}

Result<Json> person_erase(AdminCall& call) {
  TERN_TRY(const sync::Record record, contact_asked(call));
  TERN_CHECKED(check_not_held(record));
  const std::string reason = call.has("reason") ? call.text("reason") : std::string{};
  TERN_CHECKED(protocol::check_text(reason, limits::result_bytes_max, "reason"));
  const bool dry = call.flag("dry_run");
  TERN_TRY(const auto open, open_tickets(call.tenant(), record.id));
  if (!open.empty() && !dry && !call.flag("open_tickets")) {
    TERN_TRY(const Json numbers, numbers_of(call.tenant(), open, 10));
    return fail(ErrorCode::invalid, "Tickets of theirs are still open: " + to_text(numbers) + ".",
                "End them first, or erase all the same with --open-tickets.", "open_tickets");
  }
  std::vector<Subject> persons;
  persons.push_back(person_of(record));
  TERN_CHECKED(LedgerLook(call, persons).run());
  if (dry) return say_of(call, persons.front(), true);
  call.parts().directory.discard_idle_staging();
  TERN_CHECKED(erase_person(call, persons.front(), call.flag("everywhere"), reason));
  return say_of(call, persons.front(), false);
}

Result<Json> person_anonymise(AdminCall& call) {
  const auto before = parse_instant(call.text("closed_before"));
  if (!before || *before > call.tenant().now_ms())
    return fail(ErrorCode::invalid, "\"" + call.text("closed_before") + "\" is no instant of the past.",
                "Write it like 2026-06-03T00:00:00Z.", "closed_before");
  std::vector<Subject> persons;
  Json rows = Json::array();
  {
    TERN_TRY(auto reader, call.tenant().reader());
    TERN_TRY(auto found,
             reader.db().query("SELECT contact, count(*), max(ended_ms) FROM ticket WHERE tenant_id = $1 AND "
                               "length(contact) > 0 GROUP BY contact HAVING min(ended_ms) > 0 AND max(ended_ms) < $2",
                               call.tenant().number(), *before));
    for (;;) {
      TERN_TRY(const bool more, found.step());
      if (!more) break;
      const auto record = call.tenant().find_record(sync::RecordKind::contact, found.id<RecordId>(0));
      if (!record || record->attributes.contains(std::string(erased_attribute)) || !check_not_held(*record)) continue;
      rows.push(Json::object({{"contact", Json(record->name)},
                              {"id", Json(to_uuid_text(record->id.view()))},
                              {"tickets", Json(found.int64(1))},
                              {"closed_at", Json(instant_text(found.int64(2)))}}));
      persons.push_back(person_of(*record));
    }
  }
  const bool apply = call.flag("apply");
  if (apply && persons.size() > persons_without_second_max) {
    TERN_TRY(const OperatorId first,
             named_by(call, sync::Right::administer, "erase persons", "Name an administrator."));
    if (!call.has("second"))
      return fail(ErrorCode::not_permitted, "More than 100 persons: two administrators have to want it.",
                  "Name the other one with --second.", "second");
    TERN_TRY(const sync::Record second,
             resolve_record(call.tenant(), sync::RecordKind::operator_, call.text("second")));
    const auto actor = call.tenant().find_actor(OperatorId::or_zero(second.id.view()));
    if (!actor || !actor->active || !sync::has_right(actor->role, sync::Right::administer) || actor->id == first)
      return fail(ErrorCode::not_permitted, "\"" + second.name + "\" is no second administrator.", "", "second");
  }
  if (apply && !persons.empty()) {
    TERN_CHECKED(LedgerLook(call, persons).run());
    call.parts().directory.discard_idle_staging();
    for (Subject& person : persons) TERN_CHECKED(erase_person(call, person, false, "anonymised by rule"));
  }
  return Json::object({{"erased", Json(apply ? persons.size() : 0)}, {"rows", std::move(rows)}});
}

}  // namespace tern::server::admin
