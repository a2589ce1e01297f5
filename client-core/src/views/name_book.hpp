// Ids become names. Kept for one call: records change while a client lives.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "tern/client/enrolment.hpp"
#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"
#include "tern/sync/order.hpp"
#include "tern/sync/record.hpp"
#include "tern/sync/ticket_fields.hpp"

namespace tern::client {

class Replica;

class NameBook {
public:
  NameBook(Replica& replica, const DeviceIdentity& identity) : replica_(replica), identity_(identity) {}

  /// The record's name; its uuid when it is not on this device; "" for none.
  std::string of(sync::RecordKind kind, ByteView id);
  std::string author(const OperatorId& id, sync::PrincipalKind kind);
  std::string author(const sync::Stamp& stamp) { return author(stamp.author, stamp.author_kind); }
  /// A ticket's number on this device; else its uuid.
  std::string ticket(ByteView id);
  /// A field's value for people; "none" for none.
  std::string value(sync::FieldId field, const std::optional<Bytes>& value);
  [[nodiscard]] const DeviceIdentity& identity() const { return identity_; }

private:
  Replica& replica_;
  const DeviceIdentity& identity_;
  std::map<std::pair<sync::RecordKind, Bytes>, std::string> known_;
};

}  // namespace tern::client
