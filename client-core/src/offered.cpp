#include "offered.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>
#include <string>

#include "replica/replica.hpp"
#include "tern/client/views.hpp"
#include "tern/sync/asked_fields.hpp"
#include "tern/sync/lifecycle.hpp"
#include "tern/sync/rights.hpp"
#include "views/name_book.hpp"

namespace tern::client {
namespace {

using sync::Change;
using sync::Intent;

class Offer {
public:
  Offer(Replica& replica, const DeviceIdentity& identity, const Change& change, std::span<const Change> before)
      : replica_(replica), identity_(identity), change_(change), before_(before) {}

  Result<void> check() {
    std::optional<sync::TicketState> state;
    std::optional<sync::Message> target;
    if (change_.intent != Intent::create) {
      TERN_TRY(state, replica_.shown(change_.ticket));
      if (!state) {
        return fail(ErrorCode::not_found, "this ticket is not on this device", "sync, or look for it with search");
      }
      TERN_TRY(target, target_message());
    }
    TERN_CHECKED(check_rights(state, target));
    if (state) TERN_CHECKED(check_lifecycle(*state));
    for (const sync::FieldSetting& setting : change_.fields) TERN_CHECKED(check_custom(setting, state));
    return check_required(state);
  }

private:
  Result<std::optional<sync::Message>> target_message() {
    if (!sync::is_about_message(change_.intent) || change_.targets.empty()) return std::nullopt;
    TERN_TRY(const auto messages, replica_.messages(change_.ticket));
    for (const sync::Message& message : messages) {
      if (message.stamp.ref() != change_.targets.front()) continue;
      if (message.kind == sync::MessageKind::on_site)
        return fail(ErrorCode::bad_transition, "a report from on site stays as it was signed", "report again");
      return message;
    }
    return fail(ErrorCode::not_found, "this ticket has no such message");
  }

  Result<void> check_rights(const std::optional<sync::TicketState>& state, const std::optional<sync::Message>& target) {
    const auto self = RecordId::or_zero(identity_.operator_id.view());
    TERN_TRY(const auto record, replica_.record(sync::RecordKind::operator_, self));
    if (!record) return {};  // before the first sync nobody here knows the role; the server decides
    sync::Actor actor;
    actor.id = identity_.operator_id;
    actor.queues = record->refs;
    const auto attribute = [&record](const char* name) -> std::string_view {
      const auto found = record->attributes.find(name);
      return found == record->attributes.end() ? std::string_view{} : std::string_view(found->second);
    };
    actor.role = sync::role_from_name(attribute("role")).value_or(sync::Role::operator_);
    actor.active = attribute("active") != "0" && attribute("active") != "false";
    const sync::Permission permission =
        sync::may(actor, change_, state ? &*state : nullptr, target ? &*target : nullptr);
    if (permission.allowed) return {};
    const std::string why(permission.why.empty() ? "your role does not allow this" : permission.why);
    if (change_.intent == Intent::assign && change_.reason.empty()) {
      sync::Change explained = change_;
      explained.reason = "-";
      if (sync::may(actor, explained, state ? &*state : nullptr, nullptr).allowed)
        return fail(ErrorCode::usage, why, "say why, with --reason", "reason");
    }
    return fail(ErrorCode::not_permitted, why, "ask a colleague whose role allows it");
  }

  // ---- lifecycle ----

  Result<void> check_lifecycle(const sync::TicketState& state) {
    NameBook names(replica_, identity_);
    const std::string number = names.ticket(state.id.view());
    const sync::IntentSpec* spec = sync::find_intent(change_.intent);
    if (spec == nullptr) return fail(ErrorCode::usage, "there is no such intent");
    if (change_.intent == Intent::restore) {
      return sync::is_deleted(state) ? Result<void>{} : fail(ErrorCode::bad_transition, number + " is not deleted");
    }
    if (!spec->append_only && sync::is_deleted(state)) {
      return fail(ErrorCode::bad_transition, number + " is deleted", "a supervisor can restore it");
    }
    if (change_.intent == Intent::unmerge)
      return state.merged_into ? Result<void>{}
                               : fail(ErrorCode::bad_transition, number + " is not merged into another ticket");
    if (!spec->append_only && state.merged_into) {
      const std::string target = names.ticket(state.merged_into->value);
      return fail(ErrorCode::bad_transition, number + " was merged into " + target, "do it on " + target);
    }
    if (change_.intent == Intent::take) return check_take(state, number, names);
    if (spec->unit == sync::Unit::status) return check_move(change_.intent, state, number);
    return {};
  }

  Result<void> check_take(const sync::TicketState& state, const std::string& number, NameBook& names) {
    const auto assignee = sync::assignee_of(state);
    if (!assignee || *assignee == identity_.operator_id) return {};
    return fail(ErrorCode::bad_transition,
                number + " is taken by " + names.of(sync::RecordKind::operator_, assignee->view()),
                "assign it to yourself with a reason");
  }

  static Result<void> check_move(Intent intent, const sync::TicketState& state, const std::string& number) {
    const sync::StatusView view = sync::status_view(state);
    if (sync::next_status(view.status, intent, view.before_hold)) return {};
    std::string possible;
    for (const Intent move : sync::possible_moves(view.status, view.before_hold)) {
      possible += (possible.empty() ? "" : ", ") + command_word(sync::find_intent(move)->name);
    }
    return fail(ErrorCode::bad_transition,
                fmt::format("{} is {}: {} is not possible from there", number, sync::status_name(view.status),
                            command_word(sync::find_intent(intent)->name)),
                "possible now: " + possible);
  }

  // ---- custom fields ----

  /// As the change leaves it.
  std::optional<Bytes> value_then(const std::optional<sync::TicketState>& state, sync::FieldId field,
                                  std::string_view key = {}) const {
    const auto set_in = [&](const Change& change) {
      return std::ranges::find_if(change.fields,
                                  [&](const auto& setting) { return setting.field == field && setting.key == key; });
    };
    if (const auto set = set_in(change_); set != change_.fields.end()) return set->value;
    for (auto earlier = before_.rbegin(); earlier != before_.rend(); ++earlier)
      if (const auto set = set_in(*earlier); set != earlier->fields.end()) return set->value;
    return state ? sync::field_value(*state, field, key) : std::nullopt;
  }
  std::optional<Bytes> category_then(const std::optional<sync::TicketState>& state) const {
    return value_then(state, sync::FieldId::category);
  }

  /// Nothing: it has none, or one that this device does not know.
  Result<std::optional<sync::Record>> category_record(const std::optional<sync::TicketState>& state) {
    const auto now = category_then(state);
    if (!now) return std::optional<sync::Record>();
    return replica_.record(sync::RecordKind::category, RecordId::or_zero(*now));
  }

  Result<void> check_custom(const sync::FieldSetting& setting, const std::optional<sync::TicketState>& state) {
    if (setting.field != sync::FieldId::custom) return {};
    TERN_TRY(const auto defined, replica_.records(sync::RecordKind::custom_field));
    const auto found = std::ranges::find(defined, setting.key, &sync::Record::name);
    if (found == defined.end()) return unknown_field(setting.key, defined);
    TERN_TRY(const auto category, category_record(state));
    const bool of_ticket = sync::is_of_category(*found, category ? &*category : nullptr);
    if (!setting.value) {  // of another category's field: always possible
      const auto required = found->attributes.find(sync::required_attribute);
      if (required == found->attributes.end() || required->second != "1" || !of_ticket) return {};
      return fail(ErrorCode::invalid, setting.key + " must be filled", "give it another value", setting.key);
    }
    if (!of_ticket)
      return fail(ErrorCode::invalid,
                  found->name + " is a field of the category " + found->attributes.find("category")->second,
                  "set the ticket's category first", found->name);
    return sync::check_custom_value(*found, *setting.value);
  }

  // ---- what is required ----

  /// Asked in a new ticket, and before one is resolved or closed. What `before_` sets counts, too.
  Result<void> check_required(const std::optional<sync::TicketState>& state) {
    const Intent intent = change_.intent;
    if (intent != Intent::create && intent != Intent::resolve && intent != Intent::close) return {};
    TERN_TRY(const auto category, category_record(state));
    TERN_TRY(const auto defined, replica_.records(sync::RecordKind::custom_field));
    const auto missing = sync::missing_fields(
        category ? &*category : nullptr, defined,
        [&](sync::FieldId field, std::string_view key) { return value_then(state, field, key).has_value(); });
    if (missing.empty()) return {};
    std::string all;
    for (const sync::RequiredField& field : missing)
      all += (all.empty() ? "" : ", ") + std::string(sync::name_of(field));
    const std::string first(sync::name_of(missing.front()));
    const bool is_new = intent == Intent::create;
    return fail(ErrorCode::invalid, all + " must be filled",
                is_new ? "tern new takes any field: --field " + first + "=VALUE" : "set it first: tern set", first);
  }

  static tl::unexpected<Error> unknown_field(const std::string& name, const std::vector<sync::Record>& defined) {
    std::string known;
    for (const sync::Record& field : defined) known += (known.empty() ? "" : ", ") + field.name;
    return fail(ErrorCode::invalid, "there is no field '" + name + "'",
                known.empty() ? "no custom fields are defined here; an administrator adds them with: ternd field add"
                              : "custom fields are: " + known,
                "field");
  }

  Replica& replica_;
  const DeviceIdentity& identity_;
  const Change& change_;
  std::span<const Change> before_;
};

}  // namespace

Result<void> check_offered(Replica& replica, const DeviceIdentity& identity, const Change& change,
                           std::span<const Change> before) {
  return Offer(replica, identity, change, before).check();
}

}  // namespace tern::client
