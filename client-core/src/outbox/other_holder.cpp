#include "outbox/other_holder.hpp"

#include <algorithm>

#include "tern/protocol/wire.hpp"
#include "tern/v1/change.pb.h"

namespace tern::client {
namespace {

constexpr std::string_view meta_others = "other_holder";
constexpr std::uint8_t others_form = 1;

Result<void> store_others(Outbox& outbox, const std::vector<OthersChange>& changes) {
  protocol::ByteWriter writer;
  writer.u8(others_form).u32(static_cast<std::uint32_t>(changes.size()));
  for (const OthersChange& change : changes)
    writer.id(change.id).id(change.ticket).u8(static_cast<std::uint8_t>(change.intent)).i64(change.wall_ms);
  return outbox.set_meta(meta_others, writer.bytes());
}

}  // namespace

Result<std::vector<OthersChange>> others_changes(Outbox& outbox) {
  std::vector<OthersChange> changes;
  TERN_TRY(const auto stored, outbox.meta(meta_others));
  if (!stored) return changes;
  protocol::ByteReader reader(*stored);
  reader.version(others_form);
  const std::uint32_t count = reader.u32("changes");
  for (std::uint32_t i = 0; i < count && i < others_changes_max && reader.ok(); ++i) {
    OthersChange change;
    change.id = reader.id<ChangeId>("change");
    change.ticket = reader.id<TicketId>("ticket");
    change.intent = static_cast<sync::Intent>(reader.u8("intent"));
    change.wall_ms = reader.i64("wall_ms");
    changes.push_back(change);
  }
  if (!reader.finish())
    return fail(ErrorCode::corrupt, "the outbox's note about another copy of this device is damaged", hint_salvage,
                "outbox");
  return changes;
}

Result<void> add_others_sets(Outbox& outbox, const std::vector<Bytes>& sets) {
  TERN_TRY(auto changes, others_changes(outbox));
  for (const Bytes& wire : sets) {
    TERN_TRY(const protocol::ChangeSet set, protocol::decode_change_set(wire));
    for (const protocol::SealedChange& sealed : set.changes) {
      v1::Skeleton skeleton;
      if (changes.size() >= others_changes_max || !skeleton.ParseFromString(sealed.skeleton)) continue;
      const ChangeId id = ChangeId::or_zero(skeleton.id());
      TERN_TRY(const auto own, outbox.find({outbox.owner().device, id}));
      const bool listed = std::ranges::any_of(changes, [&](const OthersChange& known) { return known.id == id; });
      if (own || listed) continue;
      changes.push_back({id, TicketId::or_zero(skeleton.ticket_id()), static_cast<sync::Intent>(skeleton.intent()),
                         skeleton.wall_ms()});
    }
  }
  return store_others(outbox, changes);
}

Result<void> settle_others_change(Outbox& outbox, const ChangeId& id) {
  TERN_TRY(auto changes, others_changes(outbox));
  if (std::erase_if(changes, [&](const OthersChange& change) { return change.id == id; }) == 0) return {};
  return store_others(outbox, changes);
}

}  // namespace tern::client
