// Reads TicketStateMessage, from bytes that nobody has checked.
#include <iterator>
#include <utility>

#include "state_wire.hpp"

namespace tern::sync {
namespace {

using namespace state_wire;

// ---------------------------------------------------------------------------------------------------------

/// Fails for good with the first thing that is not as StateWriter writes it.
class StateReader {
public:
  Result<TicketState> read(ByteView bytes) {
    ProtoReader in(bytes);
    while (in.next()) read_part(in);
    if (in.bad() || state_.id.is_zero()) return broken();
    return std::move(state_);
  }

private:
  static tl::unexpected<Error> broken() {
    return fail(ErrorCode::corrupt, "The stored state of a ticket cannot be read.",
                "A device rebuilds its replica; on a server run `ternd verify`.");
  }

  void read_part(ProtoReader& in) {
    switch (in.field()) {
      case f_ticket_id:
        state_.id = in.id<TicketId>();
        break;
      case f_version:
        state_.version = in.number();
        break;
      case f_integer_id:
        state_.integer_id = in.number();
        break;
      case f_number:
        state_.number = in.bytes();
        break;
      case f_aliases:
        state_.aliases.emplace_back(in.bytes());
        break;
      case f_ids:
        ids_.push_back(in.id<Id>());
        break;
      case f_stamps:
        inside(in, &StateReader::read_stamp);
        break;
      case f_created:
        state_.created = optional_stamp(in);
        break;
      case f_fields:
        inside(in, &StateReader::read_field);
        break;
      case f_elements:
        inside(in, &StateReader::read_element);
        break;
      case f_moves:
        inside(in, &StateReader::read_move);
        break;
      case f_description:
        state_.description = in.bytes();
        break;
      case f_description_stamp:
        state_.description_stamp = optional_stamp(in);
        break;
      case f_description_erased:
        state_.description_erased = in.flag();
        break;
      default:
        read_later_part(in);
        break;
    }
  }

  void read_later_part(ProtoReader& in) {
    switch (in.field()) {
      case f_assignee:
        state_.assignee = read_claim(in);
        break;
      case f_queue:
        state_.queue = read_claim(in);
        break;
      case f_merged_into:
        state_.merged_into = read_claim(in);
        break;
      case f_merged_from:
        push_in_order(in, state_.merged_from, read_claim(in));
        break;
      case f_split_from:
        push_in_order(in, state_.split_from, read_claim(in));
        break;
      case f_deletion:
        state_.deletion = read_claim(in);
        break;
      case f_custody:
        inside(in, &StateReader::read_custody);
        break;
      case f_time_entries:
        inside(in, &StateReader::read_time_entry);
        break;
      case f_estimates:
        inside(in, &StateReader::read_decision);
        break;
      case f_message_count:
        state_.message_count = static_cast<std::uint32_t>(in.number(UINT32_MAX));
        break;
      case f_updated:
        state_.updated_ms = in.sint64();
        break;
      case f_first_response:
        state_.first_response_ms = in.sint64();
        break;
      case f_split_messages:
        state_.split_messages.push_back(read_ref(in));
        break;
      case f_splits:
        inside(in, &StateReader::read_split);
        break;
      case f_ratings:
        inside(in, &StateReader::read_rating);
        break;
      case f_undone_merges:
        inside(in, &StateReader::read_undone_merge);
        break;
      case f_removals:
        inside(in, &StateReader::read_removals);
        break;
      default:
        break;  // of a newer version
    }
  }

  /// Walks over the message in the field that `in` stands at.
  void inside(ProtoReader& in, void (StateReader::*read_message)(ProtoReader&)) {
    ProtoReader inner(in.bytes());
    (this->*read_message)(inner);
    if (inner.bad()) in.refuse();
  }

  template <typename Value>
  const Value& at(ProtoReader& in, const std::vector<Value>& table, std::uint64_t index) {
    static const Value none{};
    if (index < table.size()) return table[static_cast<std::size_t>(index)];
    in.refuse();
    return none;
  }
  /// A message that names no stamp names the first: Protobuf leaves out zero.
  const Stamp& stamp(ProtoReader& in, std::uint64_t index) { return at(in, stamps_, index); }
  std::optional<Stamp> optional_stamp(ProtoReader& in) {
    const std::uint64_t number = in.number();
    if (number == 0) return std::nullopt;
    return stamp(in, number - 1);
  }

  template <typename Item>
  static void push_in_order(ProtoReader& in, std::vector<Item>& items, Item item) {
    if (!items.empty() && !before(items.back().stamp, item.stamp)) return in.refuse();
    items.push_back(std::move(item));
  }

  void read_stamp(ProtoReader& in) {
    Stamp value;
    value.kind = 0;
    value.author_kind = PrincipalKind::unspecified;
    std::uint64_t device = 0, author = 0;
    while (in.next()) {
      switch (in.field()) {
        case 1:
          value.order_ms = in.sint64();
          break;
        case 2:
          value.kind = static_cast<std::uint8_t>(in.number(2));
          break;
        case 3:
          device = in.number();
          break;
        case 4:
          value.origin.device_epoch = in.number();
          break;
        case 5:
          value.origin.chain_seq = in.number();
          break;
        case 6:
          value.origin.index = static_cast<std::uint32_t>(in.number(UINT32_MAX));
          break;
        case 7:
          value.commit_seq = in.number();
          break;
        case 8:
          value.seen_seq = in.number();
          break;
        case 9:
          value.change = in.id<ChangeId>();
          break;
        case 10:
          author = in.number();
          break;
        case 11:
          value.author_kind = static_cast<PrincipalKind>(in.number(UINT8_MAX));
          break;
        case 12:
          value.sealed = in.flag();
          break;
        default:
          break;
      }
    }
    value.origin.device.bytes = at(in, ids_, device).bytes;
    if (author != 0) value.author.bytes = at(in, ids_, author - 1).bytes;
    stamps_.push_back(value);
  }

  void read_field(ProtoReader& in) {
    FieldKey key;
    Register settings;
    while (in.next()) {
      switch (in.field()) {
        case 1:
          key.field = static_cast<FieldId>(in.number(UINT16_MAX));
          break;
        case 2:
          key.key = in.bytes();
          break;
        case 3:
          push_in_order(in, settings.heads, read_head(in));
          break;
        default:
          break;
      }
    }
    if (settings.heads.empty() || key.field == FieldId::unspecified) return in.refuse();
    if (!state_.fields.append(std::move(key), std::move(settings))) in.refuse();
  }

  Head read_head(ProtoReader& outer) {
    ProtoReader in(outer.bytes());
    Head head;
    std::uint64_t index = 0;
    bool none = false;
    while (in.next()) {
      switch (in.field()) {
        case 1:
          index = in.number();
          break;
        case 2:
          head.value = Bytes(in.bytes());
          break;
        case 3:
          none = in.flag();
          break;
        case 4:
          head.erased = in.flag();
          break;
        default:
          break;
      }
    }
    if (none && head.value) in.refuse();
    if (!none && !head.value) head.value.emplace();
    head.stamp = stamp(in, index);
    if (in.bad()) outer.refuse();
    return head;
  }

  void read_element(ProtoReader& in) { read_stamps_of(in, state_.elements); }
  void read_removals(ProtoReader& in) { read_stamps_of(in, state_.removals); }

  void read_stamps_of(ProtoReader& in, std::map<ElementKey, std::vector<Stamp>>& elements) {
    ElementKey key;
    std::vector<Stamp> adds;
    while (in.next()) {
      switch (in.field()) {
        case 1:
          key.field = static_cast<FieldId>(in.number(UINT16_MAX));
          break;
        case 2:
          key.element = in.bytes();
          break;
        case 3:
          read_adds(in, adds);
          break;
        default:
          break;
      }
    }
    if (adds.empty() || key.field == FieldId::unspecified) return in.refuse();
    if (!elements.empty() && !(std::prev(elements.end())->first < key)) return in.refuse();
    elements.emplace_hint(elements.end(), std::move(key), std::move(adds));
  }

  void read_adds(ProtoReader& outer, std::vector<Stamp>& adds) {
    ProtoReader in(outer.bytes());
    std::uint64_t index = 0;
    while (in.next_packed(index)) {
      const Stamp& add = stamp(in, index);
      if (!adds.empty() && !before(adds.back(), add)) in.refuse();
      adds.push_back(add);
    }
    if (in.bad()) outer.refuse();
  }

  void read_move(ProtoReader& in) {
    Move move;
    std::uint64_t index = 0;
    while (in.next()) {
      switch (in.field()) {
        case 1:
          index = in.number();
          break;
        case 2:
          move.intent = static_cast<Intent>(in.number(UINT8_MAX));
          break;
        case 3:
          move.text = in.bytes();
          break;
        case 4:
          move.number = in.int64();
          break;
        case 5:
          move.erased = in.flag();
          break;
        default:
          break;
      }
    }
    move.stamp = stamp(in, index);
    push_in_order(in, state_.moves, std::move(move));
  }

  Claim read_claim(ProtoReader& outer) {
    ProtoReader in(outer.bytes());
    Claim claim;
    std::uint64_t index = 0;
    while (in.next()) {
      if (in.field() == 1) index = in.number();
      if (in.field() == 2) claim.value = in.bytes();
    }
    claim.stamp = stamp(in, index);
    if (in.bad()) outer.refuse();
    return claim;
  }

  void read_custody(ProtoReader& in) {
    Custody mark;
    while (in.next()) {
      if (in.field() == 1) mark.operator_id = in.id<OperatorId>();
      if (in.field() == 2) mark.since_ms = in.int64();
      if (in.field() == 3) mark.commit_seq = in.number();
    }
    state_.custody.push_back(mark);
  }

  void read_time_entry(ProtoReader& in) {
    TimeEntry entry;
    std::uint64_t index = 0;
    while (in.next()) {
      if (in.field() == 1) index = in.number();
      if (in.field() == 2) entry.minutes = in.int64();
      if (in.field() == 3) entry.note = in.bytes();
      if (in.field() == 4) entry.erased = in.flag();
      if (in.field() == 5) entry.kind = time_entry_kind_from_number(in.number()).value_or(TimeEntryKind::work);
    }
    entry.stamp = stamp(in, index);
    push_in_order(in, state_.time_entries, std::move(entry));
  }

  void read_decision(ProtoReader& in) {
    EstimateDecision decision;
    std::uint64_t index = 0;
    while (in.next()) {
      if (in.field() == 1) decision.estimate.device = in.id<DeviceId>();
      if (in.field() == 2) decision.estimate.id = in.id<ChangeId>();
      if (in.field() == 3) decision.approved = in.flag();
      if (in.field() == 4) index = in.number();
    }
    decision.stamp = stamp(in, index);
    state_.estimate_decisions.push_back(decision);
  }

  void read_rating(ProtoReader& in) {
    Rating rating;
    std::uint64_t index = 0, score = 0;
    while (in.next()) {
      if (in.field() == 1) index = in.number();
      if (in.field() == 2) rating.resolution.device = in.id<DeviceId>();
      if (in.field() == 3) rating.resolution.id = in.id<ChangeId>();
      if (in.field() == 4) score = in.number();
      if (in.field() == 5) rating.comment = in.bytes();
      if (in.field() == 6) rating.erased = in.flag();
    }
    if (score < 1 || score > 5) in.refuse();
    rating.score = static_cast<std::uint8_t>(score);
    rating.stamp = stamp(in, index);
    state_.ratings.push_back(std::move(rating));
  }

  void read_undone_merge(ProtoReader& in) {
    UndoneMerge undone;
    std::uint64_t merge = 0, undo = 0;
    while (in.next()) {
      if (in.field() == 1) merge = in.number();
      if (in.field() == 2) undo = in.number();
      if (in.field() == 3) undone.merge.value = in.bytes();
    }
    if (undone.merge.value.size() != TicketId::size_bytes) in.refuse();
    undone.merge.stamp = stamp(in, merge);
    undone.undo = stamp(in, undo);
    state_.undone_merges.push_back(std::move(undone));
  }

  ChangeRef read_ref(ProtoReader& in) {
    const ByteView raw = in.bytes();
    if (raw.size() != ref_bytes) {
      in.refuse();
      return {};
    }
    const auto device = DeviceId::or_zero(raw.substr(0, DeviceId::size_bytes));
    return {device, ChangeId::or_zero(raw.substr(DeviceId::size_bytes))};
  }

  void read_split(ProtoReader& in) {
    Split split;
    std::uint64_t index = 0;
    while (in.next()) {
      switch (in.field()) {
        case 1:
          index = in.number();
          break;
        case 2:
          split.messages.push_back(read_ref(in));
          break;
        default:
          break;
      }
    }
    split.stamp = stamp(in, index);
    push_in_order(in, state_.splits, std::move(split));
  }

  TicketState state_;
  std::vector<Id> ids_;
  std::vector<Stamp> stamps_;
};

}  // namespace

Result<TicketState> decode_state(ByteView bytes) {
  return StateReader().read(bytes);
}

}  // namespace tern::sync
