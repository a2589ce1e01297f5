#include "person_look.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "admin/interrupted.hpp"
#include "desk/person_attributes.hpp"
#include "ingest/quarantine.hpp"
#include "tern/protocol/change_set.hpp"
#include "tern/sync/lifecycle.hpp"
#include "tern/sync/ticket_fields.hpp"

namespace tern::server::admin {
namespace {

constexpr std::uint64_t commits_per_look = 1'000;
constexpr std::int64_t first_done_class = static_cast<std::int64_t>(sync::StatusClass::done);

void add_words_of(const sync::Record& contact, PersonWords& words) {
  if (is_erased(contact)) return;
  words.add_name(contact.name);
  if (const auto email = contact.attributes.find("email"); email != contact.attributes.end())
    words.add_address(email->second);
  if (const auto phone = contact.attributes.find("phone"); phone != contact.attributes.end())
    words.add_phone(phone->second);
}

/// Whose change it is: who wrote it, and who signed it.
std::vector<RecordId> contacts_of(const sync::Change& change) {
  std::vector<RecordId> out;
  if (change.principal_kind == sync::PrincipalKind::contact) out.push_back(RecordId::or_zero(change.principal_id));
  if (change.intent == sync::Intent::on_site) out.push_back(RecordId::or_zero(change.target));
  return out;
}

/// One look at all that the tenant's file still says.
class PersonLook {
public:
  PersonLook(Tenant& tenant, std::vector<Subject>& persons, const std::function<bool()>& stopped, std::size_t most)
      : tenant_(tenant), persons_(persons), stopped_(stopped), most_(most) {
    for (std::size_t i = 0; i < persons.size(); ++i) by_id_[persons[i].record.id] = i;
  }

  Result<void> run() {
    for (Subject& person : persons_) TERN_CHECKED(find_tickets(person));
    // What their records said before is looked for, too: first all of that.
    TERN_CHECKED(each_part([this](std::uint64_t from) { return look_at_entries(from); }));
    std::vector<const PersonWords*> words;
    for (const Subject& person : persons_) words.push_back(&person.words);
    matcher_.emplace(words);
    TERN_CHECKED(each_part([this](std::uint64_t from) { return look_at_changes(from); }));
    TERN_CHECKED(look_at_repeats());
    TERN_CHECKED(look_at_quarantine());
    TERN_CHECKED(look_at_handed_back());
    TERN_CHECKED(look_at_requests());
    for (Subject& person : persons_) {
      std::set<sync::ChangeRef> once;
      std::erase_if(person.said, [&](const FoundText& text) { return !once.insert(text.ref).second; });
    }
    return {};
  }

private:
  template <typename Look>
  Result<void> each_part(Look look) {
    for (std::uint64_t from = 0; from <= tenant_.commit_seq(); from += commits_per_look) {
      TERN_CHECKED(check_not_interrupted(stopped_ && stopped_(), "nothing was erased"));
      TERN_CHECKED(look(from));
    }
    return {};
  }

  Result<void> find_tickets(Subject& person) {
    TERN_TRY(auto reader, tenant_.reader());
    TERN_TRY(auto rows, reader.db().query("SELECT ticket_id FROM ticket WHERE tenant_id = $1 AND contact = $2 UNION "
                                          "SELECT ticket_id FROM change WHERE tenant_id = $1 AND author = $2 AND "
                                          "author_kind = $3 AND ticket_id IS NOT NULL",
                                          tenant_.number(), person.record.id, sync::PrincipalKind::contact));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) return {};
      person.tickets.insert(rows.id<TicketId>(0));
      TERN_CHECKED(count_one());
    }
  }

  Result<void> look_at_entries(std::uint64_t from) {
    TERN_TRY(auto reader, tenant_.reader());
    TERN_TRY(auto rows, reader.db().query("SELECT device_id, change_id, skeleton, body FROM change WHERE tenant_id = "
                                          "$1 AND commit_seq >= $2 AND commit_seq < $3 AND intent = $4 AND "
                                          "body_commitment IS NULL AND length(body) > 0",
                                          tenant_.number(), from, from + commits_per_look, sync::Intent::record));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) return {};
      const sync::ChangeRef ref{rows.id<DeviceId>(0), rows.id<ChangeId>(1)};
      TERN_TRY(const sync::Change change, sync::parse_change(rows.blob(2), rows.blob(3), ref.device));
      if (change.record_kind != static_cast<std::uint32_t>(sync::RecordKind::contact)) continue;
      TERN_TRY(const sync::Record record, sync::decode_record(change.record));
      const auto found = by_id_.find(record.id);
      if (found == by_id_.end() || is_erased(record)) continue;
      add_words_of(record, persons_[found->second].words);
      persons_[found->second].entries.push_back(ref);
      TERN_CHECKED(count_one());
    }
  }

  Result<void> look_at_changes(std::uint64_t from) {
    TERN_TRY(auto reader, tenant_.reader());
    TERN_TRY(auto rows, reader.db().query(
                            "SELECT device_id, change_id, ticket_id, intent, author, author_kind, skeleton, body, "
                            "commit_seq FROM change WHERE tenant_id = $1 AND commit_seq >= $2 AND commit_seq < $3 AND "
                            "body_commitment IS NULL AND length(body) > 0 AND intent <> $4",
                            tenant_.number(), from, from + commits_per_look, sync::Intent::erase));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) return {};
      TERN_CHECKED(look_at_row(rows));
    }
  }

  Result<void> look_at_row(const sqlite::Statement& row) {
    const sync::ChangeRef ref{row.id<DeviceId>(0), row.id<ChangeId>(1)};
    const auto intent = static_cast<sync::Intent>(row.int64(3));
    if (row.is_null(2)) return look_at_record(ref, row);
    const TicketId ticket = row.id<TicketId>(2);
    std::vector<RecordId> theirs;
    if (static_cast<sync::PrincipalKind>(row.int64(5)) == sync::PrincipalKind::contact)
      theirs.push_back(row.id<RecordId>(4));
    if (intent == sync::Intent::on_site) {
      TERN_TRY(const sync::Change change, sync::parse_change(row.blob(6), row.blob(7), ref.device));
      theirs.push_back(RecordId::or_zero(change.target));
    }
    return judge({ref, ticket}, theirs, readings_of_body(row.blob(7)), false);
  }

  /// A record of somebody else's, or of something else.
  Result<void> look_at_record(const sync::ChangeRef& ref, const sqlite::Statement& row) {
    TERN_TRY(const sync::Change change, sync::parse_change(row.blob(6), row.blob(7), ref.device));
    if (change.record.empty()) return {};
    TERN_TRY(const sync::Record record, sync::decode_record(change.record));
    if (record.kind == sync::RecordKind::contact && by_id_.contains(record.id)) return {};
    for (const auto& [which, how] : matcher_->in(readings_of_body(row.blob(7)))) {
      if (how != FoundHow::plainly) continue;
      Subject& person = persons_[which];
      const auto stands = tenant_.find_record(record.kind, record.id);
      if (stands && stands->version == row.uint64(8))
        person.records.insert(std::string(sync::to_string(record.kind)) + " " + record.name);
      else
        TERN_CHECKED(keep(person.elsewhere_said, {ref, {}}));
    }
    return {};
  }

  /// What later sets said under the name of a change goes with the change.
  Result<void> look_at_repeats() {
    TERN_TRY(auto reader, tenant_.reader());
    TERN_TRY(auto rows, reader.db().query("SELECT device_id, change_id, skeleton, body FROM change_again WHERE "
                                          "tenant_id = $1 AND same_content = 0 AND body_commitment IS NULL AND "
                                          "length(body) > 0",
                                          tenant_.number()));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) return {};
      const DeviceId device = rows.id<DeviceId>(0);
      TERN_CHECKED(look_outside(rows.blob(2), rows.blob(3), device, false));
    }
  }

  Result<void> look_at_quarantine() {
    return each_quarantined(tenant_, [this](const DeviceId& device, const protocol::SealedChange& sealed) {
      return look_outside(sealed.skeleton, sealed.body, device, true);
    });
  }

  Result<void> look_at_handed_back() {
    TERN_TRY(auto reader, tenant_.reader());
    TERN_TRY(auto rows, reader.db().query("SELECT device_id, skeleton, body FROM handed_back WHERE tenant_id = $1 AND "
                                          "said_seq = 0 ORDER BY epoch, old_seq",
                                          tenant_.number()));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) return {};
      TERN_CHECKED(look_outside(rows.blob(1), rows.blob(2), rows.id<DeviceId>(0), true));
    }
  }

  Result<void> look_at_requests() {
    TERN_TRY(auto reader, tenant_.reader());
    TERN_TRY(auto rows, reader.db().query("SELECT n, request, said FROM inbound WHERE tenant_id = $1 AND state = 1 AND "
                                          "(length(request) > 0 OR length(said) > 0)",
                                          tenant_.number()));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more) return {};
      TERN_CHECKED(check_not_interrupted(stopped_ && stopped_(), "nothing was erased"));
      auto readings = readings_of(rows.text(1));
      for (std::string& reading : readings_of(rows.text(2))) readings.push_back(std::move(reading));
      for (const auto& [which, how] : matcher_->in(readings)) {
        if (how != FoundHow::plainly) continue;
        persons_[which].requests.push_back(rows.uint64(0));
        TERN_CHECKED(count_one());
      }
    }
  }

  Result<void> look_outside(ByteView skeleton, ByteView body, const DeviceId& device, bool waits) {
    TERN_CHECKED(check_not_interrupted(stopped_ && stopped_(), "nothing was erased"));
    const auto change = sync::parse_change(skeleton, body, device);
    if (!change || change->ticket.is_zero()) return {};
    for (const sync::FieldSetting& one : change->fields) {
      if (one.field != sync::FieldId::contact || !one.value) continue;
      const auto opened_for = by_id_.find(RecordId::or_zero(*one.value));
      if (opened_for != by_id_.end()) persons_[opened_for->second].tickets.insert(change->ticket);
    }
    return judge({change->ref, change->ticket}, contacts_of(*change), readings_of_body(body), waits);
  }

  /// `theirs`: whose it is by whoever wrote or signed it, whatever it says.
  Result<void> judge(const FoundText& text, const std::vector<RecordId>& theirs,
                     const std::vector<std::string>& readings, bool waits) {
    std::set<std::size_t> kept;
    const auto keep_as_theirs = [&](std::size_t which) -> Result<void> {
      if (!kept.insert(which).second) return {};
      Subject& person = persons_[which];
      person.tickets.insert(text.ticket);
      return keep(waits ? person.waiting : person.said, text);
    };
    for (const RecordId& id : theirs)
      if (const auto found = by_id_.find(id); found != by_id_.end()) TERN_CHECKED(keep_as_theirs(found->second));
    for (const auto& [which, how] : matcher_->in(readings)) {
      Subject& person = persons_[which];
      if (person.tickets.contains(text.ticket)) {
        TERN_CHECKED(keep_as_theirs(which));
      } else if (how == FoundHow::plainly) {
        person.elsewhere.insert(text.ticket);
        TERN_CHECKED(keep(waits ? person.elsewhere_waiting : person.elsewhere_said, text));
      }
    }
    return {};
  }

  Result<void> keep(std::vector<FoundText>& where, const FoundText& text) {
    where.push_back(text);
    return count_one();
  }
  Result<void> count_one() {
    if (++found_ <= most_) return {};
    return fail(ErrorCode::too_large, "More texts and tickets of these persons were found than one run holds.",
                "Erase fewer persons at once, or tickets of theirs with: ternd erase --ticket");
  }

  Tenant& tenant_;
  std::vector<Subject>& persons_;
  const std::function<bool()>& stopped_;
  const std::size_t most_;
  std::map<RecordId, std::size_t> by_id_;
  std::optional<PersonMatcher> matcher_;
  std::size_t found_ = 0;
};

}  // namespace

Subject subject_of(sync::Record contact) {
  Subject out;
  out.record = std::move(contact);
  add_words_of(out.record, out.words);
  return out;
}

Result<void> look_for(Tenant& tenant, std::vector<Subject>& persons, const std::function<bool()>& stopped,
                      std::size_t most) {
  if (persons.empty()) return {};
  return PersonLook(tenant, persons, stopped, most).run();
}

bool is_erased(const sync::Record& contact) {
  return contact.attributes.contains(std::string(erased_attribute));
}

std::string legal_hold_of(const sync::Record& contact) {
  const auto hold = contact.attributes.find(std::string(legal_hold_attribute));
  return hold == contact.attributes.end() ? std::string() : hold->second;
}

std::set<TicketId> tickets_of(const Subject& person, bool everywhere) {
  std::set<TicketId> tickets = person.tickets;
  if (everywhere) tickets.insert(person.elsewhere.begin(), person.elsewhere.end());
  return tickets;
}

Result<Obstacles> obstacles_of(Tenant& tenant, const RecordId& person, const std::set<TicketId>& tickets) {
  Obstacles out;
  TERN_TRY(auto reader, tenant.reader());
  for (const TicketId& ticket : tickets) {
    TERN_TRY(auto rows, reader.db().query("SELECT number, contact, status_class, deleted, merged_into FROM ticket "
                                          "WHERE tenant_id = $1 AND ticket_id = $2",
                                          tenant.number(), ticket));
    TERN_TRY(const bool found, rows.step());
    if (!found) continue;  // it waits outside of the ledger
    const std::string number(rows.text(0));
    if (rows.int64(2) < first_done_class && rows.int64(3) == 0 && rows.is_null(4)) out.open.push_back(number);
    if (rows.is_null(1) || rows.blob(1).empty() || rows.id<RecordId>(1) == person) continue;
    const auto other = tenant.find_record(sync::RecordKind::contact, rows.id<RecordId>(1));
    const std::string hold = other ? legal_hold_of(*other) : std::string();
    if (!hold.empty()) out.held.push_back(number + " of " + other->name + ": " + hold);
  }
  return out;
}

}  // namespace tern::server::admin
