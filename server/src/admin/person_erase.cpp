#include "person_erase.hpp"

#include <algorithm>

#include "admin/interrupted.hpp"
#include "admin/record_writer.hpp"
#include "desk/outgoing.hpp"
#include "desk/person_attributes.hpp"
#include "ingest/jobs.hpp"

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
    TERN_CHECKED(end_waiting());
    TERN_CHECKED(erase_all(person_.said));
    TERN_CHECKED(strip_outside(person_.waiting));
    if (everywhere) {
      TERN_CHECKED(erase_all(person_.elsewhere_said));
      TERN_CHECKED(strip_outside(person_.elsewhere_waiting));
    }
    if (!person_.record.name.empty()) TERN_CHECKED(write_bare());
    TERN_CHECKED(erase_all(person_.entries));
    return erased_;
  }

private:
  Result<void> on_strand(const ErasureHands::Work& work) {
    return hands_.on_strand([&]() -> Result<void> {
      if (hands_.allowed) TERN_CHECKED(hands_.allowed(person_));
      return work();
    });
  }

  /// What of them is beside the ledger: tokens carry their name, refused requests of others are kept as they came, and
  /// what waits for them is not sent any more.
  Result<void> end_waiting() {
    return on_strand([&] {
      return tenant_.write([&](sqlite::Database& db) -> Result<void> {
        TERN_CHECKED(db.run("DELETE FROM client_token WHERE tenant_id = $1 AND contact = $2", tenant_.number(),
                            person_.record.id));
        TERN_CHECKED(strip_requests(db));
        return OutgoingRows(db, tenant_.number()).give_up(person_.record.id, tenant_.now_ms(), "the person was erased");
      });
    });
  }

  Result<void> strip_requests(sqlite::Database& db) {
    std::vector<std::uint64_t> named;
    {
      TERN_TRY(auto rows, db.query("SELECT n, request, said FROM inbound WHERE tenant_id = $1 AND state = 1 AND "
                                   "(length(request) > 0 OR length(said) > 0)",
                                   tenant_.number()));
      for (;;) {
        TERN_TRY(const bool more, rows.step());
        if (!more) break;
        const bool names = person_.words.in(readings_of(rows.text(1))) == FoundHow::plainly ||
                           person_.words.in(readings_of(rows.text(2))) == FoundHow::plainly;
        if (names) named.push_back(rows.uint64(0));
      }
    }
    for (const std::uint64_t n : named)
      TERN_CHECKED(
          db.run("UPDATE inbound SET request = '', said = '' WHERE tenant_id = $1 AND n = $2", tenant_.number(), n));
    return {};
  }

  /// Work in quarantine, and what was handed back after a restore: it loses its texts, and should it come again, too.
  Result<void> strip_outside(const std::vector<sync::ChangeRef>& changes) {
    std::vector<sync::ChangeRef> due;
    for (const sync::ChangeRef& ref : changes)
      if (!tenant_.is_erased(ref)) due.push_back(ref);
    if (due.empty()) return {};
    TERN_CHECKED(on_strand([&] { return expect_erased(tenant_, due); }));
    return hands_.beside_strand([&] { return hands_.directory.note_erased(tenant_.id(), due); });
  }

  Result<void> erase_all(const std::vector<sync::ChangeRef>& changes) {
    for (std::size_t at = 0; at < changes.size(); at += changes_per_erasure) {
      TERN_CHECKED(check_not_interrupted(hands_.stopped && hands_.stopped(), "what is erased by now stays so"));
      std::vector<sync::ChangeRef> gone;
      TERN_CHECKED(on_strand([&]() -> Result<void> {
        // What quotes an earlier one may have gone with it.
        std::vector<sync::ChangeRef> part;
        for (std::size_t i = at; i < std::min(changes.size(), at + changes_per_erasure); ++i)
          if (!tenant_.is_erased(changes[i])) part.push_back(changes[i]);
        if (part.empty()) return {};
        TERN_TRY(Erased erased, erase(tenant_, part, OperatorId{}, reason_));
        gone = std::move(erased.changes);
        return {};
      }));
      erased_ += gone.size();
      if (gone.empty()) continue;
      TERN_CHECKED(hands_.beside_strand([&] { return hands_.directory.note_erased(tenant_.id(), gone); }));
    }
    return {};
  }

  Result<void> write_bare() {
    sync::Record bare;
    bare.kind = sync::RecordKind::contact;
    bare.id = person_.record.id;
    bare.integer_id = person_.record.integer_id;
    bare.name = erased_name(person_.record);
    bare.deleted = person_.record.deleted;
    bare.attributes[std::string(erased_attribute)] = "1";
    bare.version = person_.record.version;
    if (bare.name == person_.record.name && bare.attributes == person_.record.attributes) return {};
    TERN_CHECKED(on_strand([&]() -> Result<void> {
      const auto now = tenant_.find_record(sync::RecordKind::contact, bare.id);
      if (now && now->version != person_.record.version)
        return fail(ErrorCode::busy, "Their record was written meanwhile.", "Run it again.", "contact");
      return write_records(tenant_, {bare});
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
  return "erased #" + std::to_string(person.integer_id);
}

Result<std::size_t> erase_person(const ErasureHands& hands, const Subject& person, bool everywhere,
                                 const std::string& reason) {
  return PersonErasure(hands, person, reason).run(everywhere);
}

Result<std::size_t> erase_persons_again(const ErasureHands& hands, const std::vector<RecordId>& persons) {
  std::size_t erased = 0;
  for (std::size_t at = 0; at < persons.size(); at += persons_per_look) {
    std::vector<Subject> some;
    for (std::size_t i = at; i < std::min(persons.size(), at + persons_per_look); ++i) {
      const auto record = hands.tenant.find_record(sync::RecordKind::contact, persons[i]);
      sync::Record nobody;  // the backup has no record of them: what is theirs by their id goes all the same
      nobody.kind = sync::RecordKind::contact;
      nobody.id = persons[i];
      some.push_back(subject_of(record ? *record : nobody));
    }
    TERN_CHECKED(look_for(hands.tenant, some, hands.stopped));
    for (const Subject& person : some) {
      TERN_TRY(const std::size_t changes, erase_person(hands, person, false, {}));
      erased += changes;
    }
  }
  return erased;
}

}  // namespace tern::server::admin
