// Where in a tenant's file a person is: in the ledger, in what waits outside of it, and in records of others.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "admin/person_words.hpp"
#include "store/tenant.hpp"
#include "tern/protocol/json.hpp"
#include "tern/sync/change.hpp"

namespace tern::server::admin {

/// A change that says something of somebody.
struct FoundText {
  sync::ChangeRef ref;
  TicketId ticket;  // zero: of a record
};

/// One person whose data it is, and everything of theirs that was found.
struct Subject {
  sync::Record record;
  PersonWords words;                         // also those of earlier
  std::set<TicketId> tickets;                // of theirs, or with words of theirs
  std::vector<FoundText> said;               // by them, or in their tickets of them
  std::vector<sync::ChangeRef> entries;      // of their record
  std::set<TicketId> elsewhere;              // tickets of others that name them
  std::vector<FoundText> elsewhere_said;     // there, and in what records of others said once
  std::vector<FoundText> waiting;            // `said` of what is not in the ledger
  std::vector<FoundText> elsewhere_waiting;  // the same of `elsewhere_said`
  std::vector<std::uint64_t> requests;       // refused ones of others' programs that name them, by their numbers
  std::set<std::string> records;             // of others, that name them as they stand
};

/// With the words of the record as it stands.
Subject subject_of(sync::Record contact);

inline constexpr std::size_t finds_max = 1'000'000;  // changes and tickets of all persons of one look

/// Fills them in, in passes over the ledger and over what waits in quarantine and after a restore. `too_large` when
/// more than `most` were found. `stopped` ends it with `busy`.
Result<void> look_for(Tenant& tenant, std::vector<Subject>& persons, const std::function<bool()>& stopped,
                      std::size_t most = finds_max);

/// What stands against letting texts go: tickets that somebody works on, and persons under legal hold.
struct Obstacles {
  std::vector<std::string> open;  // numbers
  std::vector<std::string> held;  // "T-2026-0001 of Jo Smith: the reason"
};
/// As of now, of texts of that person in these tickets.
Result<Obstacles> obstacles_of(Tenant& tenant, const RecordId& person, const std::set<TicketId>& tickets);
/// In which texts of theirs go; with `everywhere` also those of others.
std::set<TicketId> tickets_of(const Subject& person, bool everywhere);

/// Everything of them was erased.
bool is_erased(const sync::Record& contact);
/// Why nothing of them may go; empty: nobody said so.
std::string legal_hold_of(const sync::Record& contact);

}  // namespace tern::server::admin
