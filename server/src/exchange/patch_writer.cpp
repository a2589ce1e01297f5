#include "patch_writer.hpp"

#include <google/protobuf/io/coded_stream.h>

#include "tern/protocol/mutant.hpp"
#include "tern/sync/ticket_fields.hpp"
#include "tern/sync/ticket_state.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::server {
namespace {

using google::protobuf::io::CodedInputStream;

constexpr std::uint32_t length_delimited = 2;

void put_varint(Bytes& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void put_field(Bytes& out, int number, ByteView content) {
  put_varint(out, static_cast<std::uint64_t>(number) << 3 | length_delimited);
  put_varint(out, content.size());
  out.append(content);
}

/// What a ticket shows: its own messages, and those that a split gave it, which count from the split on. Restricted
/// ones are read on the ticket that they were written to.
constexpr std::string_view shown_messages =
    "(SELECT data, visibility, version, device_id, change_id FROM message WHERE tenant_id = $1 AND ticket_id = $2 "
    "UNION ALL SELECT m.data, m.visibility, CASE WHEN m.version > g.commit_seq THEN m.version ELSE g.commit_seq END, "
    "m.device_id, m.change_id FROM given_message g JOIN message m ON m.tenant_id = g.tenant_id AND m.device_id = "
    "g.device_id AND m.change_id = g.change_id WHERE g.tenant_id = $1 AND g.ticket_id = $2 AND m.visibility <> $3) "
    "AS shown";

/// Whether any element of the state is a pin: a walk over the top level, without building the message.
bool has_pins(ByteView state) {
  CodedInputStream in(reinterpret_cast<const std::uint8_t*>(state.data()), static_cast<int>(state.size()));
  while (const std::uint32_t tag = in.ReadTag()) {
    const int number = static_cast<int>(tag >> 3);
    if ((tag & 7) == 0) {
      std::uint64_t skipped = 0;
      if (!in.ReadVarint64(&skipped)) return true;
    } else if ((tag & 7) == length_delimited) {
      std::uint32_t size = 0;
      if (!in.ReadVarint32(&size)) return true;
      if (number == v1::TicketStateMessage::kElementsFieldNumber) {
        v1::ElementMessage element;
        const auto limit = in.PushLimit(static_cast<int>(size));
        if (!element.MergeFromCodedStream(&in)) return true;
        in.PopLimit(limit);
        if (element.field() == static_cast<std::uint32_t>(sync::FieldId::pins)) return true;
      } else if (!in.Skip(static_cast<int>(size))) {
        return true;
      }
    } else {
      return true;  // no such wire type in a state: let the decoder say so
    }
  }
  return false;
}

}  // namespace

Result<Bytes> state_for(const ReaderScope& scope, ByteView state) {
  if (!has_pins(state)) return Bytes(state);
  TERN_TRY(auto decoded, sync::decode_state(state));
  std::erase_if(decoded.elements, [&](const auto& entry) {
    return entry.first.field == sync::FieldId::pins && entry.first.element != scope.operator_id.view();
  });
  return sync::encode_state(decoded);
}

MessagePlace MessagePlace::behind(std::uint64_t commit_seq) {
  MessagePlace place{commit_seq, {}, {}};
  place.device.bytes.fill(0xff);
  place.change.bytes.fill(0xff);
  return place;
}

Result<std::optional<MessagePlace>> PatchWriter::add_messages(const TicketId& ticket, const MessagePlace& after,
                                                              Bytes& patch) {
  static const std::string sql = "SELECT data, visibility, version, device_id, change_id FROM " +
                                 std::string(shown_messages) +
                                 " WHERE (version, device_id, change_id) > ($4, $5, $6) "
                                 "ORDER BY version, device_id, change_id";
  TERN_TRY(const auto given,
           db_.int64_of("SELECT 1 FROM given_message WHERE tenant_id = $1 AND ticket_id = $2", scope_.tenant, ticket));
  const auto query = [&]() -> Result<sqlite::Statement> {
    if (given)
      return db_.query(sql, scope_.tenant, ticket, sync::Visibility::restricted, after.version, after.device,
                       after.change);
    return db_.query(
        "SELECT data, visibility, version, device_id, change_id FROM message WHERE tenant_id = $1 AND ticket_id = $2 "
        "AND (version, device_id, change_id) > ($3, $4, $5) ORDER BY version, device_id, change_id",
        scope_.tenant, ticket, after.version, after.device, after.change);
  };
  TERN_TRY(auto rows, query());
  const std::size_t before = patch.size();
  std::optional<MessagePlace> last;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return std::optional<MessagePlace>();
    if (last && patch.size() - before + rows.blob(0).size() > limits::patch_messages_bytes_max) return last;
    last = MessagePlace{rows.uint64(2), rows.id<DeviceId>(3), rows.id<ChangeId>(4)};
    if (rows.int64(1) == static_cast<std::int64_t>(sync::Visibility::restricted) && !scope_.restricted_notes) {
      v1::TicketMessage message;
      if (!message.ParseFromArray(rows.blob(0).data(), static_cast<int>(rows.blob(0).size())))
        return fail(ErrorCode::corrupt, "A stored message cannot be read.");
      if (message.author() != scope_.operator_id.view() && !mutant(Mutant::restricted_sent)) continue;
    }
    put_field(patch, v1::Patch::kMessagesFieldNumber, rows.blob(0));
  }
}

/// Who does not hold the ticket was not told of its clock either.
Result<void> PatchWriter::add_clock(const TicketId& ticket) {
  if (!scope_.clocks) return {};
  TERN_TRY(auto rows,
           db_.query("SELECT told FROM sla_clock WHERE tenant_id = $1 AND ticket_id = $2", scope_.tenant, ticket));
  TERN_TRY(const bool found, rows.step());
  if (!found || rows.blob(0).empty()) return {};
  Bytes clock;
  put_field(clock, v1::TicketClock::kTicketIdFieldNumber, ticket.view());
  put_field(clock, v1::TicketClock::kClockFieldNumber, rows.blob(0));
  put_field(out_, v1::ExchangeResponse::kClocksFieldNumber, clock);
  return {};
}

Result<std::optional<MessagePlace>> PatchWriter::add(const TicketId& ticket, ByteView state, bool whole,
                                                     const MessagePlace& after, bool entered) {
  Bytes patch;
  TERN_TRY(const Bytes shown, state_for(scope_, state));
  patch.reserve(shown.size() + 64);
  put_field(patch, v1::Patch::kStateFieldNumber, shown);
  TERN_TRY(auto cut, add_messages(ticket, after, patch));
  if (whole) {
    put_varint(patch, v1::Patch::kWholeFieldNumber << 3);
    put_varint(patch, 1);
  }
  put_field(out_, v1::ExchangeResponse::kPatchesFieldNumber, patch);
  if (entered) put_field(out_, v1::ExchangeResponse::kEnteredFieldNumber, ticket.view());
  if (after == MessagePlace{}) TERN_CHECKED(add_clock(ticket));
  ++patches_;
  return cut;
}

bool PatchWriter::add_own_fold(const TicketId& ticket, std::uint64_t version, std::uint64_t cursor_seq, bool entered,
                               v1::ExchangeResponse& response) {
  constexpr std::size_t about_bytes = 32;
  const OwnFold* fold = own_folds_ == nullptr ? nullptr : own_folds_->find(ticket, version, cursor_seq);
  if (fold == nullptr || (entered && fold->base != 0)) return false;
  v1::OwnFolds& folds = *response.mutable_own_folds();
  folds.mutable_ticket_ids()->append(ticket.view());
  folds.add_bases(fold->base);
  folds.add_versions(fold->version);
  folds.mutable_checks()->append(fold->check.view());
  if (entered) put_field(out_, v1::ExchangeResponse::kEnteredFieldNumber, ticket.view());
  own_fold_bytes_ += about_bytes;
  ++patches_;
  return true;
}

Result<void> PatchWriter::add_for_repair(const TicketId& ticket, ByteView state) {
  static const std::string sql =
      "SELECT version, length(data) FROM " + std::string(shown_messages) + " ORDER BY version DESC";
  TERN_TRY(auto rows, db_.query(sql, scope_.tenant, ticket, sync::Visibility::restricted));
  std::size_t bytes = 0;
  std::optional<std::uint64_t> beyond;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    bytes += static_cast<std::size_t>(rows.uint64(1)) + 8;
    if (bytes <= limits::patch_messages_bytes_max) continue;
    beyond = rows.uint64(0);
    break;
  }
  rows.reset();
  TERN_CHECKED(add(ticket, state, !beyond, beyond ? MessagePlace::behind(*beyond) : MessagePlace{}, false));
  return beyond ? add_clock(ticket) : Result<void>{};
}

}  // namespace tern::server
