// What the three parts of Outbox share.
#pragma once

#include <memory>
#include <string_view>

#include "outbox/outbox.hpp"
#include "tern/sqlite/statement.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::client {

struct Outbox::Impl {
  std::unique_ptr<sqlite::Database> database;
  Owner owner;
  struct FreshReceipt {
    std::int64_t set_id = 0;
    std::uint64_t commit_seq = 0;
  };
  std::vector<FreshReceipt> fresh_receipts;        // since settled_tickets was last asked
  std::unique_ptr<v1::SetOutcomes> last_outcomes;  // of outcomes_set, as read last
  std::int64_t outcomes_set = 0;
  std::uint64_t provisional = 0;              // last number given; stored with the next save
  std::optional<std::uint64_t> open_changes;  // of sealed sets without a receipt; nothing: to be counted

  Result<void> load();
  Result<std::optional<Bytes>> meta(std::string_view name);
  Result<void> set_meta(std::string_view name, ByteView value);
  Result<Head> head();
  Result<void> set_chain(const Head& head);
  /// Parses the rows of `SELECT * FROM own_change ...`, and commit_ms behind them.
  Result<std::vector<OwnChange>> read(sqlite::Statement rows);
  /// `most` of them, in chain order; -1: all.
  Result<std::vector<OwnChange>> pending_of(const TicketId& ticket, std::uint64_t cursor_seq, std::int64_t most);
  Result<Bytes> outcome_of(std::int64_t set_id, std::int64_t index);
  Result<void> add_draft(const sync::Change& change, Environment& environment);
  Result<void> keep_label(const TicketLabel& label);
  Result<void> erase_subjects(const sync::ChangeRef& given_by, std::vector<TicketId>& tickets);
  struct AnsweredSet {
    std::int64_t id = 0;
    std::uint64_t changes = 0;
  };
  /// The set that now has it; nothing when there was one, or there is no such set.
  Result<std::optional<AnsweredSet>> store_receipt(const StoredReceipt& receipt);
  Result<void> keep_proof(const std::vector<std::int64_t>& sets, const SignedReceipts& signed_list);
  Result<void> flag_unhappy(std::int64_t first_position, const v1::SetOutcomes& outcomes);
  Result<void> raise_acked();
  Result<std::uint64_t> count_open();
  Result<std::size_t> remove_sets(std::int64_t kept_from_ms, const std::vector<sync::ChangeRef>& kept);
  /// Header, signatures and changes, as they travel.
  Result<protocol::ChangeSet> stored_set(std::int64_t set_id);
};

}  // namespace tern::client
