// The lines of erasures.log: what a restore lets come back first. Ids only.
//
// `revoke TENANT DEVICE #SUM`, `freeze TENANT DEVICE #SUM`, `epoch TENANT EPOCH TIME #SUM`, `erase TENANT DEVICE CHANGE
// #SUM`, `person TENANT CONTACT #SUM`: ids in hex, that of a revoked API key's record in place of a device; TIME is
// that of the epoch's record, in ms; SUM is the first 8 hex digits of the SHA-256 of what stands before ` #`. Older
// lines have no TIME, still older ones no SUM.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tern/protocol/bytes.hpp"
#include "tern/sync/change.hpp"

namespace tern::server {

struct LogLine {
  enum class Verb : std::uint8_t { revoke, freeze, epoch, erase, person };
  Verb verb = Verb::revoke;
  TenantId tenant;
  DeviceId device;            // of epoch and person: none
  EpochId epoch;              // of epoch
  ChangeId change;            // of erase
  RecordId contact = {};      // of person: who was erased
  std::int64_t epoch_ms = 0;  // of epoch; 0: an older line, which does not say

  friend bool operator==(const LogLine&, const LogLine&) = default;
};

/// With its sum and a newline.
std::string to_log_line(const LogLine& line);
/// Nothing when it is none of ours, or not what was written. Without its newline.
std::optional<LogLine> parse_log_line(std::string_view line);

struct LogText {
  std::vector<std::string> lines;    // that are whole, each once, as they are written today; sorted
  std::vector<std::string> damaged;  // "line 3 (revoke 4f0c...)", in their order
};
LogText read_log_text(ByteView text);

/// Without lines that a power cut left unfinished, for a tenant whose ledger is at hand: what begins like one of `due`,
/// all lines that the ledger asks for, and an unfinished last line of this tenant, whose append was never answered.
/// `epoch_line`, that of the epoch in force, is finished. All else stays as it is.
Bytes mend_torn_lines(ByteView text, const TenantId& tenant, const std::set<std::string>& due,
                      const std::string& epoch_line);

/// What both hold, each once. Lines that cannot be read stay as they are: somebody may still know what they said.
Bytes merge_logs(ByteView a, ByteView b);

}  // namespace tern::server
