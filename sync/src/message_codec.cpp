// TicketMessage of ticket.proto: one message with the edits and deletes that no other had seen.
#include "proto_wire.hpp"
#include "stamp_kind.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::sync {
namespace {

Bytes write_edit(const MessageEdit& edit) {
  const Stamp& stamp = edit.stamp;
  ProtoWriter out;
  out.bytes(1, stamp.origin.device.view());
  out.bytes(2, stamp.change.view());
  out.sint64(3, stamp.order_ms);
  out.number(4, stamp.origin.device_epoch);
  out.number(5, stamp.origin.chain_seq);
  out.number(6, stamp.origin.index);
  out.number(7, stamp.commit_seq);
  out.number(8, stamp.seen_seq);
  if (!stamp.author.is_zero()) out.bytes(9, stamp.author.view());
  out.bytes(10, edit.text);
  out.flag(11, edit.erased);
  out.number(12, static_cast<std::uint64_t>(stamp.author_kind));
  out.flag(13, stamp.sealed);
  return out.take();
}

MessageEdit read_edit(ProtoReader& outer) {
  ProtoReader in(outer.bytes());
  MessageEdit edit;
  Stamp& stamp = edit.stamp;
  stamp.kind = fact_kind;
  stamp.author_kind = PrincipalKind::unspecified;
  while (in.next()) {
    switch (in.field()) {
      case 1:
        stamp.origin.device = in.id<DeviceId>();
        break;
      case 2:
        stamp.change = in.id<ChangeId>();
        break;
      case 3:
        stamp.order_ms = in.sint64();
        break;
      case 4:
        stamp.origin.device_epoch = in.number();
        break;
      case 5:
        stamp.origin.chain_seq = in.number();
        break;
      case 6:
        stamp.origin.index = static_cast<std::uint32_t>(in.number(UINT32_MAX));
        break;
      case 7:
        stamp.commit_seq = in.number();
        break;
      case 8:
        stamp.seen_seq = in.number();
        break;
      case 9:
        stamp.author = in.id<OperatorId>();
        break;
      case 10:
        edit.text = in.bytes();
        break;
      case 11:
        edit.erased = in.flag();
        break;
      case 12:
        stamp.author_kind = static_cast<PrincipalKind>(in.number(UINT8_MAX));
        break;
      case 13:
        stamp.sealed = in.flag();
        break;
      default:
        break;
    }
  }
  if (in.bad()) outer.refuse();
  return edit;
}

Bytes write_on_site(const OnSite& report) {
  ProtoWriter out;
  out.int64(1, report.from_ms);
  out.int64(2, report.to_ms);
  out.bytes(3, report.contact);
  out.bytes(4, report.signed_by);
  out.bytes(5, report.media_type);
  out.bytes(6, report.signature);
  return out.take();
}

OnSite read_on_site(ProtoReader& outer) {
  ProtoReader in(outer.bytes());
  OnSite report;
  while (in.next()) {
    switch (in.field()) {
      case 1:
        report.from_ms = in.int64();
        break;
      case 2:
        report.to_ms = in.int64();
        break;
      case 3:
        report.contact = Bytes(in.id<RecordId>().view());
        break;
      case 4:
        report.signed_by = in.bytes();
        break;
      case 5:
        report.media_type = in.bytes();
        break;
      case 6:
        report.signature = in.bytes();
        break;
      default:
        break;
    }
  }
  if (in.bad()) outer.refuse();
  return report;
}

void push_in_order(ProtoReader& in, std::vector<MessageEdit>& edits, MessageEdit edit) {
  if (!edits.empty() && !before(edits.back().stamp, edit.stamp)) return in.refuse();
  edits.push_back(std::move(edit));
}

/// Who made it, when, and where it stands.
void read_stamp(ProtoReader& in, Stamp& stamp) {
  switch (in.field()) {
    case 1:
      stamp.origin.device = in.id<DeviceId>();
      break;
    case 2:
      stamp.change = in.id<ChangeId>();
      break;
    case 3:
      stamp.order_ms = in.sint64();
      break;
    case 4:
      stamp.origin.device_epoch = in.number();
      break;
    case 5:
      stamp.origin.chain_seq = in.number();
      break;
    case 6:
      stamp.origin.index = static_cast<std::uint32_t>(in.number(UINT32_MAX));
      break;
    case 7:
      stamp.commit_seq = in.number();
      break;
    case 9:
      stamp.author = in.id<OperatorId>();
      break;
    case 10:
      stamp.author_kind = static_cast<PrincipalKind>(in.number(UINT8_MAX));
      break;
    case 25:
      stamp.seen_seq = in.number();
      break;
    case 26:
      stamp.sealed = in.flag();
      break;
    default:
      break;
  }
}

void read_content(ProtoReader& in, Message& message) {
  switch (in.field()) {
    case 8:
      message.version = in.number();
      break;
    case 11:
      message.visibility = static_cast<Visibility>(in.number(static_cast<std::uint64_t>(Visibility::restricted)));
      break;
    case 12:
      message.kind = static_cast<MessageKind>(in.number(static_cast<std::uint64_t>(MessageKind::overtaken_note)));
      break;
    case 13:
      message.text = in.bytes();
      break;
    case 14:
      message.erased = in.flag();
      break;
    case 16:
      push_in_order(in, message.edits, read_edit(in));
      break;
    case 17:
      push_in_order(in, message.deletes, read_edit(in));
      break;
    case 18:
      message.window_lo_ms = in.int64();
      break;
    case 19:
      message.window_hi_ms = in.int64();
      break;
    case 20:
      message.time_flags = static_cast<std::uint32_t>(in.number(UINT32_MAX));
      break;
    case 21:
      message.file_name = in.bytes();
      break;
    case 22:
      message.media_type = in.bytes();
      break;
    case 23:
      message.size_bytes = in.number();
      break;
    case 24:
      message.content_hash = in.bytes();
      break;
    case 27:
      message.on_site = read_on_site(in);
      break;
    case 28:
      message.withheld = in.flag();
      break;
    default:
      break;
  }
}

}  // namespace

Bytes encode_message(const Message& message) {
  const Stamp& stamp = message.stamp;
  ProtoWriter out;
  out.bytes(1, stamp.origin.device.view());
  out.bytes(2, stamp.change.view());
  out.sint64(3, stamp.order_ms);
  out.number(4, stamp.origin.device_epoch);
  out.number(5, stamp.origin.chain_seq);
  out.number(6, stamp.origin.index);
  out.number(7, stamp.commit_seq);
  out.number(8, message.version);
  if (!stamp.author.is_zero()) out.bytes(9, stamp.author.view());
  out.number(10, static_cast<std::uint64_t>(stamp.author_kind));
  out.number(11, static_cast<std::uint64_t>(message.visibility));
  // Who does not know reports from on site reads a message: kind 0, and a field to skip.
  const bool on_site = message.kind == MessageKind::on_site;
  out.number(12, on_site ? 0 : static_cast<std::uint64_t>(message.kind));
  out.bytes(13, message.text);
  out.flag(14, message.erased);
  for (const MessageEdit& edit : message.edits) out.element(16, write_edit(edit));
  for (const MessageEdit& removal : message.deletes) out.element(17, write_edit(removal));
  out.int64(18, message.window_lo_ms);
  out.int64(19, message.window_hi_ms);
  out.number(20, message.time_flags);
  out.bytes(21, message.file_name);
  out.bytes(22, message.media_type);
  out.number(23, message.size_bytes);
  out.bytes(24, message.content_hash);
  out.number(25, stamp.seen_seq);
  out.flag(26, stamp.sealed);
  if (on_site) out.element(27, write_on_site(message.on_site));
  out.flag(28, message.withheld);
  return out.take();
}

Result<Message> decode_message(ByteView bytes) {
  ProtoReader in(bytes);
  Message message;
  message.visibility = Visibility::unspecified;
  message.stamp.kind = fact_kind;
  message.stamp.author_kind = PrincipalKind::unspecified;
  bool on_site = false;
  while (in.next()) {
    read_stamp(in, message.stamp);
    read_content(in, message);
    on_site = on_site || in.field() == 27;
  }
  if (on_site) message.kind = MessageKind::on_site;  // whatever `kind` says, before it or behind it
  if (in.bad() || message.stamp.change.is_zero()) return fail(ErrorCode::corrupt, "A stored message cannot be read.");
  return message;
}

}  // namespace tern::sync
