// The parts of `ternd verify`: each reads its tables, compares them with what the ledger says and names what differs.
//
// Order: erasures and devices first (the ledger's signatures ask for them), then the ledger in commit order, which
// leaves behind what everything else is derived from. Damage is a finding, never the end of the run.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "desk/operator_loads.hpp"
#include "ledger_fold.hpp"
#include "store/tenant_internals.hpp"
#include "store/words.hpp"
#include "tern/sqlite/word_splitter.hpp"
#include "verify_tenant.hpp"
#include "working_ticket.hpp"

namespace tern::server {

/// Where the chain of a device ended in one of its epochs.
struct ChainEnd {
  std::uint64_t chain_seq = 0;
  Hash hash;
  std::int64_t lo_ms = 0, effective_ms = 0;
};

struct VerifyRun {
  VerifyRun(Tenant& t, sqlite::Database& database, const std::function<bool()>& stop_)
      : tenant(t), in(t.internals()), db(database), number(t.number()), stop(stop_) {
    if (stop) db.set_keep_going([this] { return !is_stopped(); });
  }
  ~VerifyRun() { db.set_keep_going({}); }
  VerifyRun(const VerifyRun&) = delete;
  VerifyRun& operator=(const VerifyRun&) = delete;

  /// What is found from then on says nothing.
  bool is_stopped() { return stopped = stopped || (stop && stop()); }

  static constexpr std::size_t findings_of_part_max = 40;

  template <typename... Args>
  void find(fmt::format_string<Args...> text, Args&&... args) {
    ++in_part;
    if (in_part <= findings_of_part_max) out.findings.push_back(fmt::format(text, std::forward<Args>(args)...));
  }
  /// A part that could not be read to its end is a finding of its own.
  template <typename Part>
  void check(std::string_view what, Part part) {
    if (is_stopped()) return;
    in_part = 0;
    const Result<void> done = part(*this);
    if (!done) find("{}: cannot be read to the end: {}", what, done.error().message);
    if (in_part > findings_of_part_max)
      out.findings.push_back(fmt::format("{}: and {} more", what, in_part - findings_of_part_max));
  }

  Tenant& tenant;
  Tenant::Internals& in;
  sqlite::Database& db;
  const std::int64_t number;
  const std::function<bool()>& stop;
  bool stopped = false;
  Verification out;
  std::size_t in_part = 0;

  // ---- before the ledger ----
  std::map<DeviceId, Device> devices;
  std::set<std::pair<DeviceId, Hash>> erased;
  std::set<sync::ChangeRef> erased_changes;

  // ---- what the ledger says ----
  std::uint64_t last_commit = 0;
  std::map<std::pair<DeviceId, std::uint64_t>, ChainEnd> chains;
  std::vector<Hash> roots;                     // of the log, by size
  std::map<TicketId, TicketInLedger> tickets;  // those that were made
  std::set<TicketId> unreadable;               // a change of theirs cannot be read: nothing else can be said of them
  bool unreadable_any = false;
  std::map<std::pair<std::uint8_t, RecordId>, sync::Record> records;
  std::map<std::tuple<std::uint8_t, RecordId, std::uint64_t>, Bytes> history;  // of kinds that keep one

  // ---- what the tickets' fold says ----
  std::map<TicketId, sync::TicketState> states;
  OperatorLoads loads;
  std::uint64_t highest_message_id = 0;
  std::uint64_t lists_to = 0;  // up to which ticket lists and search are filled in
  std::optional<sqlite::WordSplitter> splitter;
  std::map<std::uint64_t, std::uint64_t> word_sums;  // what tickets are to be found by; by integer id
};

Result<void> check_erasures(VerifyRun& run);  // verify_devices.cpp
Result<void> check_ledger(VerifyRun& run);    // verify_ledger.cpp
Result<void> check_devices(VerifyRun& run);
Result<void> check_anchors(VerifyRun& run);
Result<void> check_records(VerifyRun& run);  // verify_records.cpp
Result<void> check_tickets(VerifyRun& run);  // verify_tickets.cpp
/// verify_words.cpp. By what a ticket is to be found; then the index is compared with all that was expected.
Result<void> expect_words(VerifyRun& run, const sync::TicketState& state, std::uint64_t message_id,
                          const std::vector<std::pair<std::uint64_t, const sync::Message*>>& messages);
Result<void> check_words(VerifyRun& run);
Result<void> check_scopes(VerifyRun& run);  // verify_scopes.cpp
/// verify_loads.cpp. What a ticket and its changes are to the loads of operators; then the rows are compared with that.
Result<void> expect_loads(VerifyRun& run, const Refolded& zero, const ScopeFacts& facts);
Result<void> check_loads(VerifyRun& run);
Result<void> check_counts(VerifyRun& run);  // of tickets, by their rows
Result<void> check_files(VerifyRun& run);   // verify_files.cpp

}  // namespace tern::server
