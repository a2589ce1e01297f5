#include "exchange/sync_state.hpp"

#include "replica/replica.hpp"
#include "tern/protocol/enrolment.hpp"

namespace tern::client {
namespace {

using protocol::ByteReader;
using protocol::ByteWriter;

constexpr std::string_view meta_key = "sync_state";
constexpr std::uint8_t state_version = 1;
constexpr std::size_t heads_max = 10'000;
constexpr std::size_t records_max = 64;
constexpr std::uint8_t records_form = 1;

std::string_view bounded(std::string_view text) {
  return text.substr(0, state_text_bytes_max);
}

Bytes encode_records(const std::vector<Bytes>& records) {
  if (records.empty()) return {};
  ByteWriter writer;
  const std::size_t first = records.size() > records_max ? records.size() - records_max : 0;
  writer.u8(records_form).u32(static_cast<std::uint32_t>(records.size() - first));
  for (std::size_t i = first; i < records.size(); ++i) writer.sized(records[i]);
  return writer.take();
}

/// Older versions kept the newest one alone, as it is: it begins with its tag.
Result<std::vector<Bytes>> decode_records(ByteView bytes) {
  std::vector<Bytes> records;
  if (bytes.empty()) return records;
  if (bytes.front() != static_cast<char>(records_form)) return std::vector<Bytes>{Bytes(bytes)};
  ByteReader reader(bytes);
  reader.version(records_form);
  const std::uint32_t count = reader.u32("records");
  if (count > records_max) reader.refuse(ErrorCode::corrupt, "records", "too many epochs");
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i)
    records.emplace_back(reader.sized(protocol::statement_bytes_max, "epoch_record"));
  TERN_CHECKED(reader.finish());
  return records;
}

Bytes encode(const SyncState& state) {
  ByteWriter writer;
  writer.u8(state_version).u32(static_cast<std::uint32_t>(state.ladder.size()));
  for (const LadderHead& entry : state.ladder) {
    writer.id(entry.head.epoch).u64(entry.head.size).id(entry.head.root).i64(entry.time_ms);
  }
  writer.sized(state.key_list).sized(state.certificate).sized(encode_records(state.epoch_records));
  writer.i64(state.current_as_of_ms).i64(state.server_offset_ms);
  writer.sized(bounded(state.paused)).sized(bounded(state.last_error)).sized(bounded(state.notice));
  writer.u64(state.deposited_epoch).u64(state.deposited_seq).u64(state.scope_repairs);
  writer.u64(state.others_epoch).u64(state.others_seq);
  return writer.take();
}

Result<SyncState> decode(ByteView bytes) {
  ByteReader reader(bytes);
  reader.version(state_version);
  SyncState state;
  const std::uint32_t heads = reader.u32("heads");
  if (heads > heads_max) reader.refuse(ErrorCode::corrupt, "heads", "too many heads");
  for (std::uint32_t i = 0; i < heads && reader.ok(); ++i) {
    LadderHead entry;
    entry.head.epoch = reader.id<EpochId>("epoch");
    entry.head.size = reader.u64("size");
    entry.head.root = reader.id<Hash>("root");
    entry.time_ms = reader.i64("time_ms");
    state.ladder.push_back(entry);
  }
  state.key_list = Bytes(reader.sized(protocol::statement_bytes_max, "key_list"));
  state.certificate = Bytes(reader.sized(protocol::statement_bytes_max, "certificate"));
  const Bytes records(reader.sized(2 * records_max * protocol::statement_bytes_max, "epoch_records"));
  state.current_as_of_ms = reader.i64("current_as_of_ms");
  state.server_offset_ms = reader.i64("server_offset_ms");
  state.paused = std::string(reader.sized(state_text_bytes_max, "paused"));
  state.last_error = std::string(reader.sized(state_text_bytes_max, "last_error"));
  state.notice = std::string(reader.sized(state_text_bytes_max, "notice"));
  state.deposited_epoch = reader.u64("deposited_epoch");
  state.deposited_seq = reader.u64("deposited_seq");
  state.scope_repairs = reader.u64("scope_repairs");
  if (reader.left() != 0) {  // older versions end here
    state.others_epoch = reader.u64("others_epoch");
    state.others_seq = reader.u64("others_seq");
  }
  if (!reader.finish())
    return fail(ErrorCode::corrupt, "the outbox's note about syncing is damaged", hint_salvage, "outbox");
  TERN_TRY(state.epoch_records, decode_records(records));
  return state;
}

}  // namespace

Result<SyncState> load_sync_state(Outbox& outbox) {
  TERN_TRY(const std::optional<Bytes> stored, outbox.meta(meta_key));
  if (!stored) return SyncState{};
  return decode(*stored);
}

Result<void> store_sync_state(Outbox& outbox, const SyncState& state) {
  return outbox.set_meta(meta_key, encode(state));
}

void apply_certificate(DeviceIdentity& identity, const SyncState& state) {
  if (state.certificate.empty()) return;
  const auto certificate = read_stored_statement<protocol::Certificate>(state.certificate);
  if (!certificate || certificate->device_epoch < identity.device_epoch) return;
  identity.certificate = state.certificate;
  identity.device_epoch = certificate->device_epoch;
}

Result<SealContext> seal_context(Outbox& outbox, Replica& replica, const DeviceIdentity& identity) {
  TERN_TRY(const SyncState state, load_sync_state(outbox));
  TERN_TRY(AnchorHeld anchor, outbox.anchor());
  TERN_TRY(const CursorHeld cursor, replica.cursor());
  SealContext context;
  context.tenant = identity.tenant;
  context.device = identity.device;
  context.author = identity.operator_id;
  context.key = identity.key;
  context.certificate = state.certificate.empty() ? identity.certificate : state.certificate;
  context.seen_seq = cursor.epoch == anchor.epoch ? cursor.commit_seq : 0;
  context.anchor = std::move(anchor);
  return context;
}

}  // namespace tern::client
