// A person goes: the same for who is asked to, and for a restore of a backup that still knows them.
#pragma once

#include <functional>
#include <string>

#include "access/directory.hpp"
#include "admin/person_look.hpp"

namespace tern::server::admin {

/// How an erasure reaches a tenant: beside a server that runs, or a tenant that nobody else has open.
struct ErasureHands {
  using Work = std::function<Result<void>()>;
  Tenant& tenant;
  Directory& directory;
  std::function<bool()> stopped;                           // empty: never
  std::function<Result<void>(const Work&)> on_strand;      // with room made for it
  std::function<Result<void>(const Work&)> beside_strand;  // likewise
  /// On the strand before each part: whether texts of that person may go from these tickets. Empty: it was done before.
  std::function<Result<void>(const Subject&, const std::set<TicketId>&)> allowed = {};
  std::size_t finds = finds_max;  // that one look holds
};

/// Everything of them that `look_for` found, with what is beside the ledger: tokens, refused requests of others'
/// programs, mails that wait. Their record goes last, and behind that nobody is asked any more. Gives how many changes
/// lost their text.
Result<std::size_t> erase_person(const ErasureHands& hands, const Subject& person, bool everywhere,
                                 const std::string& reason);

/// Of somebody who is erased already: what is left of their record's entries of before. Gives how many went.
Result<std::size_t> finish_person(const ErasureHands& hands, const Subject& person, const std::string& reason);

/// Committer strand. What of persons' records is still to go where an erasure was stopped behind their last part: some
/// hundred entries. Gives what went.
Result<std::vector<sync::ChangeRef>> finish_erasures(Tenant& tenant);

/// After a restore: these persons, of whom it says only who they were, are erased again with all that the backup has.
Result<std::size_t> erase_persons_again(const ErasureHands& hands, const std::vector<RecordId>& persons);

/// "erased #12"
std::string erased_name(const sync::Record& person);

}  // namespace tern::server::admin
