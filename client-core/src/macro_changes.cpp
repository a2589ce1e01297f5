#include "macro_changes.hpp"

#include "finder.hpp"
#include "replica/replica.hpp"
#include "tern/sync/macro.hpp"

namespace tern::client {
namespace {

using sync::Change;
using sync::FieldId;
using sync::Intent;
using sync::RecordKind;

class Steps {
public:
  Steps(Replica& replica, const DeviceIdentity& self, const TicketId& ticket, std::string name)
      : replica_(replica), self_(self), ticket_(ticket), name_(std::move(name)) {}

  Result<Change> change_for(const sync::MacroStep& step) {
    Change change;
    change.ticket = ticket_;
    change.intent = step.intent;
    switch (step.intent) {
      case Intent::tag:
      case Intent::untag:
        change.label = step.words;
        return change;
      case Intent::watch:
        change.target = Bytes(self_.operator_id.view());
        return change;
      case Intent::assign: {
        TERN_TRY(change.target, record(RecordKind::operator_, step.words));
        change.reason = "macro: " + name_;
        return change;
      }
      case Intent::move_queue: {
        TERN_TRY(change.target, record(RecordKind::queue, step.words));
        return change;
      }
      case Intent::set: {
        TERN_TRY(Bytes value, value_of(step));
        change.fields.push_back({step.field, step.key, std::move(value), false});
        return change;
      }
      default:
        change.visibility = step.visibility;
        change.text = step.words;
        return change;
    }
  }

private:
  Result<Bytes> record(RecordKind kind, const std::string& name) {
    TERN_TRY(const RecordId id, find_record(replica_, kind, name, self_));
    return Bytes(id.view());
  }

  Result<Bytes> value_of(const sync::MacroStep& step) {
    if (step.field == FieldId::category) return record(RecordKind::category, step.words);
    if (step.field != FieldId::priority) return Bytes(step.words);
    return std::to_string(sync::priority_rank(step.words).value_or(0));
  }

  Replica& replica_;
  const DeviceIdentity& self_;
  TicketId ticket_;
  std::string name_;
};

}  // namespace

Result<std::vector<Change>> macro_changes(Replica& replica, const DeviceIdentity& self, const TicketId& ticket,
                                          std::string_view macro) {
  TERN_TRY(const RecordId id, find_record(replica, RecordKind::macro, macro, self));
  TERN_TRY(const auto record, replica.record(RecordKind::macro, id));
  if (!record) return fail(ErrorCode::not_found, "this device knows no macro of that name", "sync first", "macro");
  TERN_TRY(const auto steps, sync::macro_steps(*record));
  Steps of(replica, self, ticket, record->name);
  std::vector<Change> out;
  for (const sync::MacroStep& step : steps) {
    TERN_TRY(Change change, of.change_for(step));
    out.push_back(std::move(change));
  }
  return out;
}

}  // namespace tern::client
