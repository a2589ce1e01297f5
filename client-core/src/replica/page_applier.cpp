// A page of the server's answer becomes rows.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "outbox/outbox.hpp"
#include "replica/confirmed_fold.hpp"
#include "replica/damaged_copy.hpp"
#include "replica/replica_impl.hpp"
#include "tern/protocol/mutant.hpp"
#include "tern/sqlite/transaction.hpp"
#include "tern/sync/own_fold.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::client {

using sqlite::Blob;
using sqlite::Text;
using sqlite::Transaction;

/// Owner: the sync engine. The replica and the outbox outlive it.
class PageApplierImpl final : public PageApplier {
public:
  PageApplierImpl(Replica& replica, std::unique_ptr<v1::ExchangeResponse> page, Outbox& outbox, bool round_goes_on)
      : replica_(replica),
        page_(std::move(page)),
        outbox_(outbox),
        round_goes_on_(round_goes_on),
        life_(replica.life()) {
    for (const std::string& id : page_->entered()) entered_.insert(TicketId::or_zero(id));
    for (const v1::Left& left : page_->left()) left_.insert(TicketId::or_zero(left.ticket_id()));
  }

  Result<bool> apply(std::size_t row_budget) override {
    if (done_) return false;
    if (life_ != replica_.life()) return begun_anew();  // a view or a command met the damage, between two slices
    auto applied = applied_ ? index_slice() : slice(std::max<std::size_t>(row_budget, 1));
    if (applied || !replica_.heal(outbox_, applied.error())) return applied;
    return begun_anew();
  }

private:
  static constexpr int pages_per_commit_max = 4;
  static constexpr int small_pages_per_commit_max = 16;

  /// Where the next slice begins.
  struct Place {
    int pack = 0, record = 0, left = 0, bucket = 0, patch = 0, own = 0, clock = 0;
    bool operator==(const Place&) const = default;
  };

  Replica::Impl& impl() { return *replica_.impl_; }

  tl::unexpected<Error> begun_anew() {
    done_ = true;
    return fail(ErrorCode::storage_failed,
                "the copy of the tickets on this device was damaged and is being fetched again", "sync again",
                std::string(field_copy));
  }

  /// A slice that fails takes those back that share its transaction. Were they of pages before this one, the cursor is
  /// there again, and this page of no use.
  Result<bool> slice(std::size_t row_budget) {
    // SQLite takes a whole transaction back for an I/O error of anybody who reads on the connection, between two pages
    // or slices, too. What came next would be stored without it, and the cursor with that.
    if (impl().open_page && !impl().database->in_transaction()) {
      lost_ = impl().open_pages > 0;
      impl().drop_page();
      begun_ = committed_;
    }
    if (lost_) return fail(ErrorCode::storage_failed, "the page before this one could not be stored", "sync again");
    if (!impl().open_page) committed_ = begun_;
    const bool shares = impl().open_pages > 0;
    auto applied = try_slice(row_budget);
    if (applied) return applied;
    lost_ = shares;
    impl().drop_page();
    begun_ = committed_;
    return applied;
  }

  Result<bool> try_slice(std::size_t row_budget) {
    if (std::exchange(impl().page_lost, false)) {
      return fail(ErrorCode::storage_failed, "a page of tickets could not be stored", "check the disk; sync again");
    }
    TERN_TRY(const sync::ScopeDigest* held, impl().held_digest());
    digest_ = *held;
    place_ = begun_;
    touched_.clear();
    patched_.clear();
    TERN_TRY(rights_version_, impl().number(replica_meta::rights_version));
    TERN_TRY(cursor_, impl().cursor());
    TERN_TRY(restored_, impl().meta(replica_meta::restored));
    TERN_TRY(reading_, impl().number(replica_meta::reading));
    TERN_TRY(clocks_, impl().clocks_place());

    if (!impl().open_page) {
      settled_.clear();  // somebody else may have written since
      inserted_.clear();
      TERN_TRY(auto transaction, Transaction::begin_write(*impl().database));
      impl().open_page.emplace(std::move(transaction));
      TERN_CHECKED(impl().words.begin(*impl().database));
    }
    TERN_CHECKED(leave_clocks_of_another_epoch());
    std::size_t rows = 0;
    while (rows < row_budget && !at_end()) {
      TERN_TRY(const std::size_t used, next_row());
      rows += used;
    }
    const bool last = at_end();
    if (last) TERN_CHECKED(finish_page());
    TERN_CHECKED(refold());
    bool words_wait = false;
    if (last) {
      TERN_TRY(words_wait, words_due());
    }
    begun_ = place_;
    impl().digest = digest_;
    if (!last) return true;
    // A row that the next page touches lies mostly beside one of this page: what both write is written once.
    const int pages_max = page_->more() ? pages_per_commit_max : small_pages_per_commit_max;
    const bool together = follows() && !something_left_ && ++impl().open_pages < pages_max;
    if (!together) TERN_CHECKED(impl().settle());
    applied_ = true;
    done_ = !words_wait;
    if (something_left_) static_cast<void>(impl().database->checkpoint(sqlite::CheckpointMode::truncate));
    return !done_;
  }

  Result<void> refold() {
    // A patched ticket holds whatever was committed up to the end of its page: own work of those commits is no longer
    // pending on it, though the cursor gets there only with the last slice. (Cut off in between, it is still shown.)
    const std::uint64_t page_seq = next_cursor().commit_seq;
    // One snapshot, and no lock for each question.
    TERN_TRY(auto own_work, Transaction::begin_read(outbox_.database()));
    for (const TicketId& ticket : patched_) TERN_CHECKED(impl().refold_ticket(outbox_, ticket, page_seq));
    for (const TicketId& ticket : touched_)
      if (!patched_.contains(ticket) && !settled_.contains(ticket))
        TERN_CHECKED(impl().refold_ticket(outbox_, ticket, cursor_.commit_seq));
    return {};
  }

  /// Nobody waits for the index who only wants to see what came: it gets a slice of its own behind the last page, or
  /// once there is enough for a batch. What leaves, leaves it at once.
  Result<bool> words_due() {
    if (something_left_) TERN_CHECKED(impl().words.work_off_changed(*impl().database, word_batch_rows));
    TERN_TRY(const std::uint64_t waiting, impl().words.backlog(*impl().database));
    return waiting >= word_batch_rows || (waiting != 0 && !follows());
  }

  Result<bool> index_slice() {
    TERN_CHECKED(impl().settle());
    TERN_TRY(auto transaction, Transaction::begin_write(*impl().database));
    TERN_CHECKED(impl().words.begin(*impl().database));
    TERN_CHECKED(impl().words.work_off(*impl().database, word_batch_rows));
    TERN_TRY(const std::uint64_t waiting, impl().words.backlog(*impl().database));
    TERN_CHECKED(impl().words.store(*impl().database));
    TERN_CHECKED(transaction.commit());
    done_ = waiting == 0 || (waiting < word_batch_rows && follows());
    return !done_;
  }

  /// Another page, as far as is known.
  [[nodiscard]] bool follows() const { return page_->more() || round_goes_on_; }

  [[nodiscard]] bool at_end() const {
    return place_.pack >= page_->packs_size() && place_.left >= page_->left_size() &&
           place_.bucket >= page_->buckets_size() && place_.patch >= page_->patches_size() &&
           place_.own >= page_->own_folds().versions_size() && place_.clock >= page_->clocks_size();
  }

  /// Records first, for names; then what leaves; then what is there, and what its clocks say.
  Result<std::size_t> next_row() {
    if (place_.pack < page_->packs_size()) return next_record();
    if (place_.left < page_->left_size()) {
      TERN_CHECKED(leave(TicketId::or_zero(page_->left(place_.left++).ticket_id())));
      return 1;
    }
    if (place_.bucket < page_->buckets_size()) return repair(page_->buckets(place_.bucket++));
    if (place_.patch >= page_->patches_size()) {
      const bool folds = place_.own < page_->own_folds().versions_size();
      TERN_CHECKED(folds ? fold_own(place_.own++) : put_clock(page_->clocks(place_.clock++)));
      return 1;
    }
    const v1::Patch& patch = page_->patches(place_.patch++);
    TERN_CHECKED(apply_patch(patch));
    return 1 + static_cast<std::size_t>(patch.messages_size());
  }

  // ---- records ----

  Result<std::size_t> next_record() {
    const v1::Pack& pack = page_->packs(place_.pack);
    if (place_.record == 0 && pack.whole()) {
      TERN_CHECKED(impl().database->run("DELETE FROM record WHERE kind = $1", pack.kind()));
    }
    if (place_.record >= pack.records_size()) {
      TERN_CHECKED(
          impl().database->run("INSERT INTO pack (kind, version) VALUES ($1, $2) ON CONFLICT (kind) DO UPDATE SET "
                               "version = max(version, excluded.version)",
                               pack.kind(), pack.version()));
      ++place_.pack;
      place_.record = 0;
      return 1;
    }
    const v1::Record& record = pack.records(place_.record++);
    const auto id = RecordId::from(record.id());
    if (!id) return fail(ErrorCode::corrupt, "the server sent a record that cannot be read", {}, "row");
    TERN_CHECKED(impl().database->run(
        "INSERT INTO record (kind, record_id, version, name, deleted, data) VALUES ($1, $2, $3, $4, $5, $6) ON "
        "CONFLICT "
        "(kind, record_id) DO UPDATE SET version = excluded.version, name = excluded.name, deleted = excluded.deleted, "
        "data = excluded.data WHERE excluded.version >= record.version",
        record.kind() == 0 ? pack.kind() : record.kind(), *id, record.version(), Text{record.name()},
        record.deleted() ? 1 : 0, Blob{record.SerializeAsString()}));
    return 1;
  }

  // ---- tickets ----

  Result<void> leave(const TicketId& ticket) {
    TERN_TRY(const auto row, impl().tickets().find(ticket));
    if (!row || !row->has_state || mutant(Mutant::scope_leaves_rows)) return {};
    digest_.remove(ticket, row->version, rights_version_);
    something_left_ = true;
    TERN_CHECKED(impl().messages().remove_confirmed(row->id));
    if (row->pending > 0) {
      touched_.insert(ticket);
      TERN_CHECKED(impl().clocks().forget(row->id));
      TERN_TRY(const auto label, outbox_.label(ticket));
      return impl().tickets().make_ghost(row->id, label ? label->subject : "");
    }
    return impl().tickets().remove(row->id);
  }

  /// Every ticket of this part of a bucket that the server does not name leaves. Those that differ come as whole
  /// patches.
  Result<std::size_t> repair(const v1::Bucket& bucket) {
    std::unordered_set<TicketId> named;
    for (const std::string& id : bucket.ticket_ids()) named.insert(TicketId::or_zero(id));
    TicketId from, to;
    from.bytes[0] = static_cast<std::uint8_t>(bucket.bucket());
    to.bytes.fill(0xff);
    to.bytes[0] = from.bytes[0];
    const auto after = TicketId::from(bucket.after()), through = TicketId::from(bucket.through());
    if (after && after->bytes[0] == from.bytes[0]) from = *after;
    if (through && through->bytes[0] == from.bytes[0]) to = *through;
    std::vector<TicketId> gone;
    {
      TERN_TRY(auto rows,
               impl().database->query("SELECT ticket_id FROM ticket WHERE ticket_id BETWEEN $1 AND $2 AND state "
                                      "IS NOT NULL",
                                      from, to));
      for (;;) {
        TERN_TRY(const bool row, rows.step());
        if (!row) break;
        if (const auto id = rows.id<TicketId>(0); !named.contains(id) && id != after) gone.push_back(id);
      }
    }
    for (const TicketId& ticket : gone) TERN_CHECKED(leave(ticket));
    return 1 + gone.size();
  }

  Result<void> apply_patch(const v1::Patch& patch) {
    auto state = sync::decode_state(patch.state());
    if (!state) return unreadable();
    const TicketId ticket = state->id;
    const bool whole = patch.whole() || entered_.contains(ticket);
    if (!whole && left_.contains(ticket)) return {};  // it was there before it left
    TERN_TRY(const auto row, impl().tickets().find(ticket));
    if (!row) {
      TERN_TRY(const std::int64_t id,
               impl().tickets().insert(ticket, state->version, patch.state(), columns_of(*state)));
      digest_.add(ticket, state->version, rights_version_);
      inserted_.emplace(ticket, id);
      if (reading_ != 0 && !made_by_reader(*state)) TERN_CHECKED(impl().marks().note_new(ticket));
      return add_messages(id, patch);
    }
    if (row->pending > 0 || row->ghost || !row->has_state) patched_.insert(ticket);
    if (whole) TERN_CHECKED(impl().messages().remove_confirmed(row->id));
    if (whole || !row->has_state || state->version >= row->version) {
      if (row->has_state) digest_.remove(ticket, row->version, rights_version_);
      TERN_CHECKED(impl().tickets().update_confirmed(row->id, state->version, patch.state(), columns_of(*state)));
      digest_.add(ticket, state->version, rights_version_);
    }
    for (const v1::TicketMessage& message : patch.messages()) {
      if (restored_) TERN_CHECKED(impl().messages().remove_quote(row->id, message));
      TERN_CHECKED(impl().messages().put(row->id, message, reader()));
    }
    return {};
  }

  [[nodiscard]] const OperatorId& reader() const { return outbox_.owner().operator_id; }

  [[nodiscard]] bool made_by_reader(const sync::TicketState& state) const {
    return state.created && state.created->author_kind == sync::PrincipalKind::operator_ &&
           state.created->author == reader();
  }

  // ---- "as your own fold of it" ----

  static tl::unexpected<Error> other_fold() {
    return fail(ErrorCode::verification_failed, "own work on a ticket came to something else than the server's",
                "sync again", std::string(field_own_fold));
  }

  /// Own changes of the commits of this page, by ticket: read once, in the order they lie in.
  Result<void> read_own_work() {
    if (own_work_read_) return {};
    const v1::OwnFolds& folds = page_->own_folds();
    const auto count = static_cast<std::size_t>(folds.versions_size());
    const bool one_each = folds.ticket_ids().size() == count * TicketId::size_bytes &&
                          folds.checks().size() == count * sync::OwnFoldCheck::size_bytes &&
                          static_cast<std::size_t>(folds.bases_size()) == count;
    if (!one_each) return other_fold();
    std::uint64_t newest = 0;
    for (const std::uint64_t version : folds.versions()) newest = std::max(newest, version);
    TERN_TRY(auto changes, outbox_.committed(cursor_.commit_seq, newest));
    for (OwnChange& own : changes) own_work_[own.change.ticket].push_back(std::move(own));
    own_work_read_ = true;
    return {};
  }

  Result<void> fold_own(int index) {
    TERN_CHECKED(read_own_work());
    const v1::OwnFolds& folds = page_->own_folds();
    const auto at = static_cast<std::size_t>(index);
    const auto ticket =
        TicketId::or_zero(ByteView(folds.ticket_ids()).substr(at * TicketId::size_bytes, TicketId::size_bytes));
    const auto check = sync::OwnFoldCheck::or_zero(
        ByteView(folds.checks()).substr(at * sync::OwnFoldCheck::size_bytes, sync::OwnFoldCheck::size_bytes));
    const std::uint64_t base = folds.bases(index), version = folds.versions(index);
    if (left_.contains(ticket) && !entered_.contains(ticket)) return {};
    TERN_TRY(const auto held, impl().tickets().held_state(ticket));
    const bool has_state = held && held->row.has_state;
    const std::uint64_t here = has_state ? held->row.version : 0;
    if (here >= version) return {};  // it is there
    if (here < base) return other_fold();
    sync::TicketState state;
    state.id = ticket;
    if (has_state) {
      TERN_TRY(state, of_copy(sync::decode_state(held->state)));
    }
    const std::vector<std::string> aliases = state.aliases;
    const std::vector<OwnChange> own = own_work_of(ticket, here, version);
    TERN_TRY(const ConfirmedFold folded, fold_confirmed(std::move(state), own, outbox_.owner().operator_id));
    const Bytes encoded = sync::encode_state(folded.state);
    if (folded.state.version != version || sync::own_fold_check(encoded, folded.messages) != check) return other_fold();
    const TicketColumns columns = columns_of(folded.state);
    if (has_state) digest_.remove(ticket, here, rights_version_);
    digest_.add(ticket, version, rights_version_);
    if (!held) {
      TERN_TRY(const std::int64_t id, impl().tickets().insert(ticket, version, encoded, columns));
      return add_own_messages(id, folded.messages);
    }
    const bool all = !held->row.ghost && held->row.pending == own.size() && !own.empty() &&
                     held->row.pending_last == own.back().position;
    if (all) {
      TERN_CHECKED(impl().tickets().settle(*held, version, encoded, columns, has_state && aliases == columns.aliases));
      if (std::ranges::any_of(own, shows_messages)) TERN_CHECKED(impl().messages().remove_pending(held->row.id));
      settled_.insert(ticket);
    } else {
      TERN_CHECKED(impl().tickets().update_confirmed(held->row.id, version, encoded, columns));
      patched_.insert(ticket);
    }
    return add_own_messages(held->row.id, folded.messages);
  }

  std::vector<OwnChange> own_work_of(const TicketId& ticket, std::uint64_t above, std::uint64_t up_to) {
    const auto found = own_work_.find(ticket);
    if (found == own_work_.end()) return {};
    std::vector<OwnChange> own = std::move(found->second);
    own_work_.erase(found);
    std::erase_if(own, [&](const OwnChange& one) { return one.commit_seq <= above || one.commit_seq > up_to; });
    return own;
  }

  /// Whether rows of pending messages may stand for it.
  static bool shows_messages(const OwnChange& own) {
    const sync::IntentSpec* spec = sync::find_intent(own.change.intent);
    return spec == nullptr || spec->unit == sync::Unit::message || spec->unit == sync::Unit::message_edit;
  }

  Result<void> add_own_messages(std::int64_t row, const std::vector<Bytes>& messages) {
    for (const Bytes& encoded : messages) {
      v1::TicketMessage message;
      check(message.ParseFromString(encoded), "a message that was just written");
      TERN_CHECKED(impl().messages().put(row, message, reader()));
    }
    return {};
  }

  Result<void> add_messages(std::int64_t row, const v1::Patch& patch) {
    for (const v1::TicketMessage& message : patch.messages())
      TERN_CHECKED(impl().messages().insert(row, message, reader()));
    return {};
  }

  static tl::unexpected<Error> unreadable() {
    return fail(ErrorCode::corrupt, "the server sent a ticket that cannot be read; syncing stops here",
                "upgrade this program", "row");
  }

  // ---- clocks ----

  /// Whether the page goes on from what this copy was told of clocks. What came on another way is newer, or comes
  /// again.
  [[nodiscard]] bool clocks_follow() const {
    const std::uint64_t upto = clocks_.epoch == next_cursor().epoch ? clocks_.commit_seq : 0;
    return page_->clocks_from() == upto;
  }

  /// Numbers of a history that was given up say nothing here: all are told again.
  Result<void> leave_clocks_of_another_epoch() {
    if (clocks_.epoch.is_zero() || clocks_.epoch == next_cursor().epoch) return {};
    clocks_ = {};
    TERN_CHECKED(impl().remove_meta(replica_meta::clocks));
    return impl().clocks().forget_all();
  }

  /// Of a ticket that is held; nothing: it is not.
  Result<std::optional<std::int64_t>> row_of(const TicketId& ticket) {
    if (const auto found = inserted_.find(ticket); found != inserted_.end()) return std::optional(found->second);
    TERN_TRY(const auto row, impl().tickets().find(ticket));
    return row && row->has_state ? std::optional(row->id) : std::nullopt;
  }

  Result<void> put_clock(const v1::TicketClock& clock) {
    TERN_TRY(const auto row, row_of(TicketId::or_zero(clock.ticket_id())));
    if (!row) return {};
    auto put = impl().clocks().put(*row, clock.clock(), clocks_follow());
    const bool unread = !put && (put.error().code == ErrorCode::malformed || put.error().code == ErrorCode::too_large);
    return unread ? Result<void>(unreadable()) : put;
  }

  Result<void> move_clocks() {
    if (page_->clocks_upto() == 0 || !clocks_follow()) return {};
    return impl().set_clocks_place({next_cursor().epoch, page_->clocks_upto()});
  }

  // ---- the end of a page ----

  Result<void> finish_page() {
    TERN_CHECKED(move_clocks());
    TERN_CHECKED(move_cursor());
    TERN_CHECKED(adopt_rights());
    if (page_->page_token().empty()) {
      TERN_CHECKED(impl().remove_meta(replica_meta::page_token));
    } else {
      TERN_CHECKED(impl().set_meta(replica_meta::page_token, page_->page_token()));
    }
    if (page_->tickets_in_scope() > 0)
      TERN_CHECKED(impl().set_number(replica_meta::in_scope, page_->tickets_in_scope()));
    if (page_->more()) return {};
    impl().healed = false;  // the copy is whole again
    if (page_->page_token().empty()) {
      TERN_CHECKED(impl().set_number(replica_meta::complete, 1));
      TERN_CHECKED(begin_reading());
    }
    return impl().set_number(replica_meta::current_as_of, static_cast<std::uint64_t>(page_->server_time_ms()));
  }

  /// The first download was here before anybody could read it.
  Result<void> begin_reading() {
    if (reading_ != 0) return {};
    TERN_CHECKED(impl().marks().begin());
    return impl().set_number(replica_meta::reading, 1);
  }

  /// Where the replica stands behind this page.
  [[nodiscard]] CursorHeld next_cursor() const {
    const auto epoch = EpochId::from(page_->cursor().epoch());
    if (!epoch) return cursor_;
    const std::uint64_t seq = page_->cursor().commit_seq();
    return {*epoch, *epoch == cursor_.epoch ? std::max(seq, cursor_.commit_seq) : seq};
  }

  Result<void> move_cursor() {
    const CursorHeld next = next_cursor();
    if (next != cursor_) TERN_CHECKED(impl().set_cursor(next));
    TERN_TRY(const auto settled, outbox_.settled_tickets(cursor_.commit_seq, next.commit_seq));
    touched_.insert(settled.begin(), settled.end());
    cursor_ = next;
    return {};
  }

  Result<void> adopt_rights() {
    if (!page_->has_checkpoint() || page_->checkpoint().rights_version() == rights_version_) return {};
    rights_version_ = page_->checkpoint().rights_version();
    TERN_CHECKED(impl().set_number(replica_meta::rights_version, rights_version_));
    TERN_TRY(digest_, impl().count_digest(rights_version_));
    return {};
  }

  Replica& replica_;
  std::unique_ptr<v1::ExchangeResponse> page_;
  Outbox& outbox_;
  const bool round_goes_on_;
  const std::uint64_t life_;  // of the copy that the page was asked for
  std::unordered_set<TicketId> entered_, left_;
  bool own_work_read_ = false;
  std::unordered_map<TicketId, std::vector<OwnChange>> own_work_;
  std::unordered_set<TicketId> settled_;                 // in this transaction, with nothing left pending
  std::unordered_map<TicketId, std::int64_t> inserted_;  // in this transaction: their rows
  Place begun_, place_, committed_;
  bool applied_ = false, done_ = false, something_left_ = false, lost_ = false;

  // of the running slice
  sync::ScopeDigest digest_;
  std::unordered_set<TicketId> touched_, patched_;
  std::uint64_t rights_version_ = 0, reading_ = 0;
  std::optional<Bytes> restored_;  // the copy may show what a history that was given up had
  CursorHeld cursor_, clocks_;
};

std::unique_ptr<PageApplier> Replica::begin_page(std::unique_ptr<v1::ExchangeResponse> response, Outbox& outbox,
                                                 bool round_goes_on) {
  return std::make_unique<PageApplierImpl>(*this, std::move(response), outbox, round_goes_on);
}

}  // namespace tern::client
