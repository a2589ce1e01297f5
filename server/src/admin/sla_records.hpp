// Judges calendars and SLA rules before they are written: one by one, and many at once.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "desk/sla_settings.hpp"
#include "store/tenant.hpp"

namespace tern::server::admin {

/// Knows the tenant's calendars, and those that it has taken in.
class SlaRecordCheck {
public:
  using ThereIs = std::function<bool(sync::RecordKind, const std::string&)>;
  SlaRecordCheck(Tenant& tenant, ThereIs there_is) : tenant_(tenant), there_is_(std::move(there_is)) {}

  /// Any kind; only calendars, rules and what tariffs promise are looked at. A calendar gets the offsets of its zone.
  /// `invalid` or `not_found` with the field.
  Result<void> take(sync::Record& record);

private:
  Result<void> take_calendar(sync::Record& record);

  Tenant& tenant_;
  ThereIs there_is_;
  std::unique_ptr<SlaSettings> settings_;
};

}  // namespace tern::server::admin
