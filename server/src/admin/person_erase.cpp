#include "person_erase.hpp"

#include <algorithm>
#include <span>

#include "admin/erased_words.hpp"
#include "admin/interrupted.hpp"
#include "admin/record_writer.hpp"
#include "desk/outgoing.hpp"
#include "desk/person_attributes.hpp"
#include "ingest/jobs.hpp"
#include "tern/sqlite/transaction.hpp"

namespace tern::server::admin {
namespace {

constexpr std::size_t changes_per_erasure = 200;
constexpr std::size_t persons_per_look = 100;

class PersonErasure {
public:
  PersonErasure(const ErasureHands& hands, const Subject& person, const std::string& reason)
      : hands_(hands), tenant_(hands.tenant), person_(person), reason_(reason) {}

  /// Texts first and the record last: what is interrupted is found again by its words.
  Result<std::size_t> run(bool everywhere) {
    TERN_CHECKED(finish());
    TERN_CHECKED(end_waiting());
    TERN_CHECKED(erase_all(person_.said));
    TERN_CHECKED(strip_outside(person_.waiting));
    if (everywhere) {
      TERN_CHECKED(erase_all(person_.elsewhere_said, HandedBackGoes::what_quotes));
      TERN_CHECKED(strip_outside(person_.elsewhere_waiting, HandedBackGoes::what_quotes));
    }
    if (!person_.record.name.empty()) TERN_CHECKED(write_bare(tickets_of(person_, everywhere)));
    TERN_CHECKED(erase_entries());
    return erased_;
  }
  Result<std::size_t> finish() {
    if (!is_erased(person_.record) || person_.entries.empty()) return erased_;
    const auto note = [&](sqlite::Database& db) -> Result<void> {
      TERN_TRY(auto transaction, sqlite::Transaction::begin_write(db));
      TERN_CHECKED(note_entries(db));
      return transaction.commit();
    };
    TERN_CHECKED(hands_.on_strand([&] { return tenant_.write(note); }));
    TERN_CHECKED(erase_entries());
    return erased_;
  }

private:
  /// What of a record that is bare still says who it was: nothing speaks against it any more, nor stops it.
  Result<void> erase_entries() {
    for (;;) {
      std::vector<sync::ChangeRef> gone;
      TERN_CHECKED(hands_.on_strand([&]() -> Result<void> {
        TERN_TRY(gone, finish_erasures(tenant_));
        return {};
      }));
      if (gone.empty()) return {};
      erased_ += gone.size();
      TERN_CHECKED(hands_.beside_strand([&] { return hands_.directory.note_erased(tenant_.id(), gone); }));
    }
  }

  Result<void> on_strand(const std::set<TicketId>& tickets, const ErasureHands::Work& work) {
    return hands_.on_strand([&]() -> Result<void> {
      if (hands_.allowed) TERN_CHECKED(hands_.allowed(person_, tickets));
      return work();
    });
  }

  static std::set<TicketId> tickets_in(const std::vector<FoundText>& texts) {
    std::set<TicketId> out;
    for (const FoundText& text : texts)
      if (!text.ticket.is_zero()) out.insert(text.ticket);
    return out;
  }

  Result<void> note_entries(sqlite::Database& db) {
    for (const sync::ChangeRef& entry : person_.entries)
      if (!tenant_.is_erased(entry))
        TERN_CHECKED(
            db.run("INSERT INTO entry_to_erase (tenant_id, device_id, change_id, reason) VALUES ($1, $2, $3, "
                   "$4) ON CONFLICT (tenant_id, device_id, change_id) DO NOTHING",
                   tenant_.number(), entry.device, entry.id, sqlite::Text{reason_}));
    return {};
  }

  /// What of them is beside the ledger: tokens carry their name, refused requests of others are kept as they came, and
  /// what waits for them is not sent any more.
  Result<void> end_waiting() {
    return on_strand({}, [&] {
      return tenant_.write([&](sqlite::Database& db) -> Result<void> {
        TERN_CHECKED(db.run("DELETE FROM client_token WHERE tenant_id = $1 AND contact = $2", tenant_.number(),
                            person_.record.id));
        TERN_CHECKED(strip_requests(db));
        return OutgoingRows(db, tenant_.number()).give_up(person_.record.id, tenant_.now_ms(), "the person was erased");
      });
    });
  }

  /// Refused requests of others' programs: those that the look found.
  Result<void> strip_requests(sqlite::Database& db) {
    for (const std::uint64_t n : person_.requests)
      TERN_CHECKED(
          db.run("UPDATE inbound SET request = '', said = '' WHERE tenant_id = $1 AND n = $2", tenant_.number(), n));
    return {};
  }

  /// Work in quarantine, and what was handed back after a restore: it loses its texts, and should it come again, too.
  Result<void> strip_outside(const std::vector<FoundText>& texts, HandedBackGoes goes = HandedBackGoes::whole_tickets) {
    std::vector<sync::ChangeRef> due;
    for (const FoundText& text : texts)
      if (!tenant_.is_erased(text.ref)) due.push_back(text.ref);
    if (due.empty()) return {};
    TERN_CHECKED(on_strand(tickets_in(texts), [&] { return expect_erased(tenant_, due, goes); }));
    return hands_.beside_strand([&] { return hands_.directory.note_erased(tenant_.id(), due); });
  }

  Result<void> erase_all(const std::vector<FoundText>& texts, HandedBackGoes goes = HandedBackGoes::whole_tickets) {
    for (std::size_t at = 0; at < texts.size(); at += changes_per_erasure) {
      TERN_CHECKED(check_not_interrupted(hands_.stopped && hands_.stopped(), "what is erased by now stays so"));
      const auto from = texts.begin() + static_cast<std::ptrdiff_t>(at);
      const std::vector<FoundText> here(
          from, from + static_cast<std::ptrdiff_t>(std::min(changes_per_erasure, texts.size() - at)));
      std::vector<sync::ChangeRef> gone;
      TERN_CHECKED(on_strand(tickets_in(here), [&]() -> Result<void> {
        // What quotes an earlier one may have gone with it.
        std::vector<sync::ChangeRef> part;
        for (const FoundText& text : here)
          if (!tenant_.is_erased(text.ref)) part.push_back(text.ref);
        if (part.empty()) return {};
        TERN_TRY(Erased erased, erase(tenant_, part, OperatorId{}, reason_, goes));
        gone = std::move(erased.changes);
        return {};
      }));
      erased_ += gone.size();
      if (gone.empty()) continue;
      TERN_CHECKED(hands_.beside_strand([&] { return hands_.directory.note_erased(tenant_.id(), gone); }));
    }
    return {};
  }

  /// With it is kept what is left to do, and by what an import knows them again: all of it, or nothing.
  Result<void> write_bare(const std::set<TicketId>& tickets) {
    sync::Record bare;
    bare.kind = sync::RecordKind::contact;
    bare.id = person_.record.id;
    bare.integer_id = person_.record.integer_id;
    bare.name = erased_name(person_.record);
    bare.deleted = person_.record.deleted;
    bare.attributes[std::string(erased_attribute)] = "1";
    bare.version = person_.record.version;
    if (bare.name == person_.record.name && bare.attributes == person_.record.attributes) return {};
    const auto note = [&](sqlite::Database& db, const ServerCommit&) -> Result<void> {
      TERN_CHECKED(note_entries(db));
      return ErasedWords(tenant_).note(db, bare.id, person_.words);
    };
    TERN_CHECKED(on_strand(tickets, [&]() -> Result<void> {
      const auto now = tenant_.find_record(sync::RecordKind::contact, bare.id);
      if (now && now->version != person_.record.version)
        return fail(ErrorCode::busy, "Their record was written meanwhile.", "Run it again.", "contact");
      return write_records(tenant_, {bare}, note);
    }));
    return hands_.beside_strand([&] { return hands_.directory.note_person(tenant_.id(), bare.id); });
  }

  const ErasureHands& hands_;
  Tenant& tenant_;
  const Subject& person_;
  const std::string& reason_;
  std::size_t erased_ = 0;
};

}  // namespace

std::string erased_name(const sync::Record& person) {
  return std::string(erased_name_start) + std::to_string(person.integer_id);
}

Result<std::size_t> erase_person(const ErasureHands& hands, const Subject& person, bool everywhere,
                                 const std::string& reason) {
  return PersonErasure(hands, person, reason).run(everywhere);
}

Result<std::size_t> finish_person(const ErasureHands& hands, const Subject& person, const std::string& reason) {
  return PersonErasure(hands, person, reason).finish();
}

Result<std::vector<sync::ChangeRef>> finish_erasures(Tenant& tenant) {
  const auto strand = tenant.lock_writer();
  std::vector<sync::ChangeRef> noted;
  std::string reason;
  {
    TERN_TRY(auto rows, tenant.writer().query("SELECT device_id, change_id, reason FROM entry_to_erase WHERE tenant_id "
                                              "= $1 ORDER BY reason LIMIT $2",
                                              tenant.number(), static_cast<std::int64_t>(changes_per_erasure)));
    for (;;) {
      TERN_TRY(const bool more, rows.step());
      if (!more || (!noted.empty() && rows.text(2) != reason)) break;
      noted.push_back({rows.id<DeviceId>(0), rows.id<ChangeId>(1)});
      reason = rows.text(2);
    }
  }
  std::vector<sync::ChangeRef> due, gone;
  for (const sync::ChangeRef& entry : noted)
    if (!tenant.is_erased(entry)) due.push_back(entry);
  if (!due.empty()) {
    TERN_TRY(Erased erased, erase(tenant, due, OperatorId{}, reason));
    gone = std::move(erased.changes);
  }
  if (noted.empty()) return gone;
  const auto forget = [&](sqlite::Database& db) -> Result<void> {
    TERN_TRY(auto transaction, sqlite::Transaction::begin_write(db));
    for (const sync::ChangeRef& entry : noted)
      TERN_CHECKED(db.run("DELETE FROM entry_to_erase WHERE tenant_id = $1 AND device_id = $2 AND change_id = $3",
                          tenant.number(), entry.device, entry.id));
    return transaction.commit();
  };
  TERN_CHECKED(tenant.write(forget));
  return gone;
}

namespace {

/// Those whose finds are too many for one look are looked for in halves.
Result<std::size_t> erase_some_again(const ErasureHands& hands, std::span<const RecordId> persons) {
  std::vector<Subject> some;
  for (const RecordId& id : persons) {
    const auto record = hands.tenant.find_record(sync::RecordKind::contact, id);
    sync::Record nobody;  // the backup has no record of them: what is theirs by their id goes all the same
    nobody.kind = sync::RecordKind::contact;
    nobody.id = id;
    some.push_back(subject_of(record ? *record : nobody));
  }
  std::size_t erased = 0;
  if (const auto looked = look_for(hands.tenant, some, hands.stopped, hands.finds); !looked) {
    if (looked.error().code != ErrorCode::too_large || persons.size() == 1) return tl::unexpected(looked.error());
    some.clear();
    const std::size_t half = persons.size() / 2;
    for (const auto part : {persons.first(half), persons.subspan(half)}) {
      TERN_TRY(const std::size_t changes, erase_some_again(hands, part));
      erased += changes;
    }
    return erased;
  }
  for (const Subject& person : some) {
    TERN_TRY(const std::size_t changes, erase_person(hands, person, false, {}));
    erased += changes;
  }
  return erased;
}

}  // namespace

Result<std::size_t> erase_persons_again(const ErasureHands& hands, const std::vector<RecordId>& persons) {
  std::size_t erased = 0;
  for (std::size_t at = 0; at < persons.size(); at += persons_per_look) {
    const auto some = std::span(persons).subspan(at, std::min(persons_per_look, persons.size() - at));
    TERN_TRY(const std::size_t changes, erase_some_again(hands, some));
    erased += changes;
  }
  return erased;
}

}  // namespace tern::server::admin
