// The ledger of an export in commit order: chains, signatures, the log, trusted time, receipts, amendments.
#pragma once

#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "tern/protocol/merkle.hpp"
#include "tern/protocol/receipt.hpp"
#include "tern/sync/record.hpp"
#include "tern/v1/exchange.pb.h"
#include "ticket_fold.hpp"
#include "trust.hpp"

namespace tern::verify {

struct ChangeRefHash {
  std::size_t operator()(const sync::ChangeRef& ref) const noexcept {
    return std::hash<DeviceId>{}(ref.device) * 31 + std::hash<ChangeId>{}(ref.id);
  }
};

class Ledger {
public:
  explicit Ledger(const Trust& trust) : trust_(trust) {}

  Result<void> take_anchor(const Json& line);
  Result<void> take_set(const Json& line);
  Result<void> take_amendment(const Json& line);
  /// Nothing more comes.
  Result<void> finish();

  [[nodiscard]] const protocol::MerkleFrontier& log() const { return log_; }
  [[nodiscard]] const std::map<TicketId, std::unique_ptr<TicketFold>>& tickets() const { return tickets_; }
  [[nodiscard]] const std::map<std::pair<std::uint8_t, RecordId>, Bytes>& records() const { return records_; }
  [[nodiscard]] std::uint64_t changes() const { return changes_; }
  [[nodiscard]] std::uint64_t erased() const { return erased_; }
  [[nodiscard]] std::size_t authors() const { return authors_.size(); }
  [[nodiscard]] std::size_t devices() const { return devices_.size(); }

private:
  /// Where a device stands in its current epoch.
  struct ChainEnd {
    std::uint64_t device_epoch = 0, chain_seq = 0;
    Hash hash;
    std::int64_t lo_ms = 0, effective_ms = 0;
  };
  /// What later lines ask of a change.
  struct KnownChange {
    Hash content;  // whichever set says it
    sync::Outcome outcome = sync::Outcome::unspecified, standing = sync::Outcome::unspecified;
    bool came_back = false;  // with a receipt of an epoch that is over, which admitted it
  };
  struct KnownAnchor {
    EpochId epoch;
    std::int64_t time_ms = 0;
    bool withdrawn = false;
  };
  struct Note {
    bool dark = false;
    std::int64_t reopen_ms = 0;
    const Json* released = nullptr;
  };
  /// What a set was in an epoch that is over.
  struct Proven {
    std::int64_t time_ms = 0;
    std::uint64_t commit = 0;
    v1::SetOutcomes outcomes;
  };
  /// What a change was there.
  struct Then {
    std::int64_t time_ms = 0;
    const v1::ChangeOutcome* said = nullptr;
    [[nodiscard]] sync::Standing standing() const;
    [[nodiscard]] bool admitted() const;
  };
  /// One set on its way through.
  struct Work {
    protocol::VerifiedSet set;
    std::uint64_t commit = 0;
    Hash leaf;
    std::int64_t time_ms = 0, lo_ms = 0;
    v1::SetOutcomes outcomes;
    std::map<std::uint32_t, Note> notes;
    bool sealed = false;         // by the server
    std::vector<Proven> proven;  // oldest first
    ChainEnd* chain = nullptr;
    std::vector<sync::Standing> due;
    std::vector<bool> judged;  // whether folding can tell
    std::map<ChangeId, std::size_t> mine;
  };
  struct Entry {
    sync::PlacedChange placed;
    const v1::ChangeOutcome* said = nullptr;
    std::optional<Then> then;
    TicketFold* ticket = nullptr;  // when it is made
    Note note;
    bool readable = true;
  };
  using Alterations = std::map<sync::ChangeRef, std::pair<sync::Outcome, sync::Outcome>>;

  Result<void> take_whole_set(const Json& line);
  Result<void> begin(const Json& line, Work& work) const;
  Result<void> read_notes(const Json& line, Work& work) const;
  Result<void> read_old_receipts(const Json& line, Work& work) const;
  Result<void> check_chain(Work& work);
  Result<void> check_change(Work& work, std::size_t index, TicketId& ticket_said);
  Result<Entry> read_change(const Work& work, std::size_t index, TicketId& ticket_said) const;
  Result<bool> judge_again(Work& work, const Entry& entry, std::size_t index);
  Result<void> read_admission(const Work& work, Entry& entry) const;
  Result<void> check_time(const Work& work, const Entry& entry) const;
  Result<void> check_device_time(const Work& work, const Entry& entry) const;
  Result<void> check_server_time(const Work& work, const Entry& entry) const;
  Result<TicketFold::Step> fold(Work& work, Entry& entry);
  Result<TicketFold::Step> fold_release(const Work& work, Entry& entry);
  [[nodiscard]] static std::optional<Then> then_of(const Work& work, std::size_t index);
  [[nodiscard]] TicketFold::CameBack came_back() const;
  Result<void> fold_record(const Work& work, const Entry& entry);
  void note_altered(Work& work, const std::vector<sync::StandingChange>& altered);
  void count(const Work& work, const Entry& entry);
  Result<void> check_receipts(const Work& work);
  Result<void> end_commit();
  Result<void> check_epoch_end() const;

  const Trust& trust_;
  protocol::MerkleFrontier log_;
  std::uint64_t anchored_size_ = 0;  // up to here the log was signed for
  std::map<EpochId, std::pair<protocol::Anchor, Hash>> newest_anchor_;
  std::unordered_map<Hash, KnownAnchor> anchors_;
  std::vector<std::int64_t> commit_times_{0};  // by commit
  std::unordered_map<DeviceId, ChainEnd> chains_;
  std::unordered_map<sync::ChangeRef, KnownChange, ChangeRefHash> known_;
  std::map<TicketId, std::unique_ptr<TicketFold>> tickets_;
  std::unordered_set<std::uint64_t> integer_ids_;
  std::map<std::pair<std::uint8_t, RecordId>, Bytes> records_;
  Alterations altered_;                  // by the newest commit
  bool alterations_untellable_ = false;  // some of them went through a description that is erased
  std::set<std::pair<sync::PrincipalKind, OperatorId>> authors_;
  std::set<DeviceId> devices_;
  std::uint64_t changes_ = 0, erased_ = 0;
};

}  // namespace tern::verify
