// The old outbox goes aside and the new one into its place. The rename to `finished` is the point of no return: from
// then on a home that was interrupted is finished by the next salvage, and opens to nobody else.
#pragma once

#include <string>

#include "keys/key_file.hpp"
#include "tern/protocol/error.hpp"

namespace tern::client {

/// In the new outbox's meta: what its reader has not dismissed yet.
inline constexpr std::string_view meta_salvage_notice = "salvage_notice";

struct SalvageFiles {
  explicit SalvageFiles(const std::string& outbox_path);

  [[nodiscard]] Result<void> remove_unfinished() const;
  /// The old outbox and its log as `unfinished`, with room behind it: of a file that was cut nothing is read before it
  /// is as long as it says.
  [[nodiscard]] Result<void> copy_lengthened() const;
  [[nodiscard]] Result<void> finish() const;
  /// Gives the path of the old file; empty when there was none. A repeat after an interruption is fine.
  [[nodiscard]] Result<std::string> put_in_place() const;

  std::string outbox, unfinished, finished;
};

/// For a home without device.key. With an outbox in it its keys are lost, and with them whatever it held.
tl::unexpected<Error> no_device(const HomePaths& paths);

/// Whether there is neither an outbox nor a log of its writes, or they are empty. Errors: those of is_there.
Result<bool> outbox_is_missing(const HomePaths& paths);

}  // namespace tern::client
