// Changes and states to start from, and short names for ids.
#pragma once

#include <string>

#include "tern/sync/change.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::sync::sample {

template <typename Id>
Id id(std::uint8_t last) {
  Id out;
  out.bytes[0] = 0x51;
  out.bytes[Id::size_bytes - 1] = last;
  return out;
}
inline DeviceId device(std::uint8_t last) {
  return id<DeviceId>(last);
}
inline OperatorId person(std::uint8_t last) {
  return id<OperatorId>(last);
}
inline RecordId queue(std::uint8_t last) {
  return id<RecordId>(last);
}
inline TicketId ticket(std::uint8_t last) {
  return id<TicketId>(last);
}

template <typename Id>
Bytes raw(const Id& id) {
  return Bytes(id.view());
}

inline Change change(Intent intent) {
  Change out;
  out.ref = {device(1), id<ChangeId>(9)};
  out.ticket = ticket(1);
  out.intent = intent;
  out.wall_ms = 1'700'000'000'000;
  return out;
}

inline Change create(std::string subject) {
  Change out = change(Intent::create);
  out.fields = {{FieldId::subject, "", std::move(subject), false}};
  return out;
}

inline Change set(FieldId field, std::optional<Bytes> value, std::string key = {}) {
  Change out = change(Intent::set);
  out.fields = {{field, std::move(key), std::move(value), false}};
  return out;
}

inline Change message(std::string text, Visibility visibility = Visibility::open) {
  Change out = change(Intent::message);
  out.text = std::move(text);
  out.visibility = visibility;
  return out;
}

/// The least that `intent` needs.
inline Change smallest(Intent intent) {
  Change out = change(intent);
  const std::vector<ChangeRef> one_target = {{device(2), id<ChangeId>(7)}};
  switch (intent) {
    case Intent::create:
      return create("pump leaks");
    case Intent::set:
      return set(FieldId::priority, "3");
    case Intent::message:
      return message("on my way");
    case Intent::attach:
      out.visibility = Visibility::team;
      out.file_name = "pump.jpg";
      out.content_hash = Bytes(32, 'h');
      return out;
    case Intent::on_site:
      out.visibility = Visibility::open;
      out.text = "seal replaced";
      out.from_ms = out.wall_ms - 3'600'000;
      out.to_ms = out.wall_ms;
      return out;
    case Intent::edit_message:
      out.text = "on my way, 10 minutes";
      out.targets = one_target;
      return out;
    case Intent::delete_message:
    case Intent::send_message:
    case Intent::approve_estimate:
    case Intent::reject_estimate:
    case Intent::release:
    case Intent::erase:
      out.targets = one_target;
      return out;
    case Intent::rate:
      out.targets = one_target;
      out.number = 4;
      return out;
    case Intent::log_time:
    case Intent::estimate:
      out.number = 30;
      return out;
    case Intent::tag:
    case Intent::untag:
      out.label = "pump";
      return out;
    case Intent::link:
    case Intent::unlink:
      out.kind = 1;
      out.target = raw(ticket(2));
      return out;
    case Intent::split:
    case Intent::split_from:
      out.targets = one_target;
      out.target = raw(ticket(2));
      return out;
    case Intent::watch:
    case Intent::unwatch:
    case Intent::custody_end:
      out.target = raw(person(3));
      return out;
    case Intent::merge:
    case Intent::unmerge:
    case Intent::merged_from:
    case Intent::unmerged_from:
      out.target = raw(ticket(2));
      return out;
    default:
      return out;
  }
}

/// Newer with each `commit_seq`.
inline Stamp stamp(std::uint64_t commit_seq, std::int64_t order_ms, OperatorId author = person(1)) {
  Stamp out;
  out.order_ms = order_ms;
  out.origin = {device(1), 1, commit_seq, 0};
  out.change = id<ChangeId>(static_cast<std::uint8_t>(commit_seq));
  out.commit_seq = commit_seq;
  out.author = author;
  return out;
}

inline TicketState state() {
  TicketState out;
  out.id = ticket(1);
  out.version = 1;
  out.created = stamp(1, 1'000, person(9));
  out.created->kind = 0;
  return out;
}

}  // namespace tern::sync::sample
