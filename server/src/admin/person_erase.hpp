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
  /// On the strand before each part: whether it may still be. Empty: it was done before.
  std::function<Result<void>(const Subject&)> allowed = {};
};

/// Everything of them that `look_for` found, with what is beside the ledger: tokens, refused requests of others'
/// programs, mails that wait. Their record goes last. Gives how many changes lost their text.
Result<std::size_t> erase_person(const ErasureHands& hands, const Subject& person, bool everywhere,
                                 const std::string& reason);

/// After a restore: these persons, of whom it says only who they were, are erased again with all that the backup has.
Result<std::size_t> erase_persons_again(const ErasureHands& hands, const std::vector<RecordId>& persons);

/// "erased #12"
std::string erased_name(const sync::Record& person);

}  // namespace tern::server::admin
