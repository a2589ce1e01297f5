// Writes TicketStateMessage.
#include <unordered_map>
#include <utility>

#include "state_wire.hpp"

namespace tern::sync {
namespace {

using namespace state_wire;

// ---------------------------------------------------------------------------------------------------------

/// Indexes of values in the order of their first use. A ticket has few: a walk from the newest is the fast way; a large
/// one gets a table.
template <typename Value, typename Hash>
class Numbering {
public:
  std::uint64_t index_of(const Value& value) {
    if (values_.size() <= walk_max) {
      for (std::size_t i = values_.size(); i-- > 0;)
        if (values_[i] == value) return i;
      values_.push_back(value);
      return values_.size() - 1;
    }
    if (table_.empty())
      for (std::size_t i = 0; i < values_.size(); ++i) table_.emplace(values_[i], i);
    const auto [found, fresh] = table_.emplace(value, values_.size());
    if (fresh) values_.push_back(value);
    return found->second;
  }
  [[nodiscard]] const std::vector<Value>& values() const { return values_; }

private:
  static constexpr std::size_t walk_max = 16;
  std::vector<Value> values_;
  std::unordered_map<Value, std::size_t, Hash> table_;
};

struct StampHash {
  std::size_t operator()(const Stamp& stamp) const {
    return std::hash<ChangeId>{}(stamp.change) ^ static_cast<std::size_t>(stamp.commit_seq * 0x9E3779B97F4A7C15ULL);
  }
};

class StateWriter {
public:
  Bytes write(const TicketState& state) {
    write_parts(state);
    write_stamps();
    ProtoWriter out;
    out.reserve(body_.view().size() + stamps_out_.view().size() + 256);
    out.element(f_ticket_id, state.id.view());
    out.number(f_version, state.version);
    out.number(f_integer_id, state.integer_id);
    out.bytes(f_number, state.number);
    for (const std::string& alias : state.aliases) out.element(f_aliases, alias);
    for (const Id& id : ids_.values()) out.element(f_ids, id.view());
    out.append(stamps_out_.view());
    out.append(body_.view());
    return out.take();
  }

private:
  std::uint64_t stamp(const Stamp& value) { return stamps_.index_of(value); }
  std::uint64_t optional_stamp(const std::optional<Stamp>& value) { return value ? 1 + stamp(*value) : 0; }
  /// Ids of every kind share one table; all are 16 bytes, compared as such.
  template <typename AnyId>
  std::uint64_t id(const AnyId& value) {
    static_assert(AnyId::size_bytes == Id::size_bytes);
    return ids_.index_of(Id{value.bytes});
  }

  void write_parts(const TicketState& state) {
    body_.number(f_created, optional_stamp(state.created));
    for (const auto& [key, settings] : state.fields) write_field(key, settings);
    for (const auto& [key, adds] : state.elements) write_element(f_elements, key, adds);
    for (const auto& [key, removes] : state.removals) write_element(f_removals, key, removes);
    for (const Move& move : state.moves) write_move(move);
    body_.bytes(f_description, state.description);
    body_.number(f_description_stamp, optional_stamp(state.description_stamp));
    body_.flag(f_description_erased, state.description_erased);
    write_claim(f_assignee, state.assignee);
    write_claim(f_queue, state.queue);
    write_claim(f_merged_into, state.merged_into);
    for (const Claim& claim : state.merged_from) write_claim(f_merged_from, claim);
    for (const Claim& claim : state.split_from) write_claim(f_split_from, claim);
    write_claim(f_deletion, state.deletion);
    for (const Custody& mark : state.custody) write_custody(mark);
    for (const TimeEntry& entry : state.time_entries) write_time_entry(entry);
    for (const EstimateDecision& decision : state.estimate_decisions) write_decision(decision);
    body_.number(f_message_count, state.message_count);
    body_.sint64(f_updated, state.updated_ms);
    body_.sint64(f_first_response, state.first_response_ms);
    for (const ChangeRef& ref : state.split_messages)
      body_.element(f_split_messages, Bytes(ref.device.view()) + Bytes(ref.id.view()));
    for (const Split& split : state.splits) write_split(split);
    for (const Rating& rating : state.ratings) write_rating(rating);
    for (const UndoneMerge& undone : state.undone_merges) write_undone_merge(undone);
  }

  void write_undone_merge(const UndoneMerge& undone) {
    outer_.clear();
    outer_.number(1, stamp(undone.merge.stamp));
    outer_.number(2, stamp(undone.undo));
    outer_.bytes(3, undone.merge.value);
    body_.element(f_undone_merges, outer_.view());
  }

  void write_rating(const Rating& rating) {
    outer_.clear();
    outer_.number(1, stamp(rating.stamp));
    outer_.bytes(2, rating.resolution.device.view());
    outer_.bytes(3, rating.resolution.id.view());
    outer_.number(4, rating.score);
    outer_.bytes(5, rating.comment);
    outer_.flag(6, rating.erased);
    body_.element(f_ratings, outer_.view());
  }

  void write_split(const Split& split) {
    outer_.clear();
    outer_.number(1, stamp(split.stamp));
    for (const ChangeRef& ref : split.messages) outer_.element(2, Bytes(ref.device.view()) + Bytes(ref.id.view()));
    body_.element(f_splits, outer_.view());
  }

  void write_field(const FieldKey& key, const Register& settings) {
    outer_.clear();
    outer_.number(1, static_cast<std::uint64_t>(key.field));
    outer_.bytes(2, key.key);
    for (const Head& head : settings.heads) {
      inner_.clear();
      inner_.number(1, stamp(head.stamp));
      if (head.value) inner_.bytes(2, *head.value);
      inner_.flag(3, !head.value);
      inner_.flag(4, head.erased);
      outer_.element(3, inner_.view());
    }
    body_.element(f_fields, outer_.view());
  }

  void write_element(std::uint32_t field, const ElementKey& key, const std::vector<Stamp>& stamps) {
    outer_.clear();
    outer_.number(1, static_cast<std::uint64_t>(key.field));
    outer_.bytes(2, key.element);
    inner_.clear();
    for (const Stamp& one : stamps) inner_.packed(stamp(one));
    outer_.element(3, inner_.view());
    body_.element(field, outer_.view());
  }

  void write_move(const Move& move) {
    outer_.clear();
    outer_.number(1, stamp(move.stamp));
    outer_.number(2, static_cast<std::uint64_t>(move.intent));
    outer_.bytes(3, move.text);
    outer_.int64(4, move.number);
    outer_.flag(5, move.erased);
    body_.element(f_moves, outer_.view());
  }

  void write_claim(std::uint32_t field, const std::optional<Claim>& claim) {
    if (claim) write_claim(field, *claim);
  }
  void write_claim(std::uint32_t field, const Claim& claim) {
    outer_.clear();
    outer_.number(1, stamp(claim.stamp));
    outer_.bytes(2, claim.value);
    body_.element(field, outer_.view());
  }

  void write_custody(const Custody& mark) {
    outer_.clear();
    outer_.bytes(1, mark.operator_id.view());
    outer_.int64(2, mark.since_ms);
    outer_.number(3, mark.commit_seq);
    body_.element(f_custody, outer_.view());
  }

  void write_time_entry(const TimeEntry& entry) {
    outer_.clear();
    outer_.number(1, stamp(entry.stamp));
    outer_.int64(2, entry.minutes);
    outer_.bytes(3, entry.note);
    outer_.flag(4, entry.erased);
    outer_.number(5, static_cast<std::uint64_t>(entry.kind));
    body_.element(f_time_entries, outer_.view());
  }

  void write_decision(const EstimateDecision& decision) {
    outer_.clear();
    outer_.bytes(1, decision.estimate.device.view());
    outer_.bytes(2, decision.estimate.id.view());
    outer_.flag(3, decision.approved);
    outer_.number(4, stamp(decision.stamp));
    body_.element(f_estimates, outer_.view());
  }

  void write_stamps() {
    for (const Stamp& value : stamps_.values()) {
      outer_.clear();
      outer_.sint64(1, value.order_ms);
      outer_.number(2, value.kind);
      outer_.number(3, id(value.origin.device));
      outer_.number(4, value.origin.device_epoch);
      outer_.number(5, value.origin.chain_seq);
      outer_.number(6, value.origin.index);
      outer_.number(7, value.commit_seq);
      outer_.number(8, value.seen_seq);
      outer_.bytes(9, value.change.view());
      outer_.number(10, value.author.is_zero() ? 0 : 1 + id(value.author));
      outer_.number(11, static_cast<std::uint64_t>(value.author_kind));
      outer_.flag(12, value.sealed);
      stamps_out_.element(f_stamps, outer_.view());
    }
  }

  Numbering<Stamp, StampHash> stamps_;
  Numbering<Id, std::hash<Id>> ids_;
  ProtoWriter body_, stamps_out_, outer_, inner_;
};

}  // namespace

Bytes encode_state(const TicketState& state) {
  return StateWriter().write(state);
}

}  // namespace tern::sync
