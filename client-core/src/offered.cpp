#include "offered.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "replica/replica.hpp"
#include "tern/client/views.hpp"
#include "tern/protocol/text.hpp"
#include "tern/sync/lifecycle.hpp"
#include "tern/sync/rights.hpp"
#include "views/name_book.hpp"

namespace tern::client {
namespace {

using sync::Change;
using sync::Intent;

class Offer {
public:
  Offer(Replica& replica, const DeviceIdentity& identity, const Change& change)
      : replica_(replica), identity_(identity), change_(change) {}

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
    return {};
  }

private:
  Result<std::optional<sync::Message>> target_message() {
    const bool edits = change_.intent == Intent::edit_message || change_.intent == Intent::delete_message;
    if (!edits || change_.targets.empty()) return std::nullopt;
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

  /// The values of a select are the lines of its definition.
  static bool is_option(std::string_view options, std::string_view value) {
    while (!options.empty()) {
      const std::size_t end = std::min(options.find('\n'), options.size());
      if (options.substr(0, end) == value) return true;
      options.remove_prefix(std::min(end + 1, options.size()));
    }
    return false;
  }

  /// As the change leaves it.
  std::optional<Bytes> category_then(const std::optional<sync::TicketState>& state) const {
    const auto set = std::ranges::find(change_.fields, sync::FieldId::category, &sync::FieldSetting::field);
    if (set != change_.fields.end()) return set->value;
    return state ? sync::field_value(*state, sync::FieldId::category) : std::nullopt;
  }

  /// A field of one category, by its name or its code, is of no other tickets. Emptying it is always possible there.
  Result<void> check_category_of_field(const sync::Record& field, const std::string& wanted,
                                       const std::optional<sync::TicketState>& state) {
    if (wanted.empty()) return {};
    const auto now = category_then(state);
    const auto category = now ? replica_.record(sync::RecordKind::category, RecordId::or_zero(*now))
                              : Result<std::optional<sync::Record>>();
    if (!category) return tl::unexpected(category.error());
    if (*category) {
      const auto code = (*category)->attributes.find("code");
      const bool by_code = code != (*category)->attributes.end() && code->second == wanted;
      if (by_code || protocol::fold_case((*category)->name) == protocol::fold_case(wanted)) return {};
    }
    return fail(ErrorCode::invalid, field.name + " is a field of the category " + wanted,
                "set the ticket's category first", field.name);
  }

  Result<void> check_custom(const sync::FieldSetting& setting, const std::optional<sync::TicketState>& state) {
    if (setting.field != sync::FieldId::custom) return {};
    TERN_TRY(const auto defined, replica_.records(sync::RecordKind::custom_field));
    const auto found = std::ranges::find(defined, setting.key, &sync::Record::name);
    if (found == defined.end()) return unknown_field(setting.key, defined);
    const auto attribute = [&](const char* name) {
      const auto there = found->attributes.find(name);
      return there == found->attributes.end() ? std::string() : there->second;
    };
    const auto of_ticket = check_category_of_field(*found, attribute("category"), state);
    if (!setting.value && attribute("required") == "1" && of_ticket)
      return fail(ErrorCode::invalid, setting.key + " must be filled", "give it another value", setting.key);
    if (!setting.value) return {};
    TERN_CHECKED(of_ticket);
    const auto type = sync::custom_type_from_name(attribute("type"));
    if (!type) return {};  // of a newer version
    if (const auto fits = sync::validate_custom(*type, setting.key, *setting.value); !fits) {
      std::string why = fits.error().message;
      if (why.starts_with("custom.")) why.erase(0, 7);  // people know it by its own name
      return fail(fits.error().code, why, fits.error().hint, setting.key);
    }
    const std::string options = attribute("options");
    if (*type != sync::FieldType::select || options.empty() || is_option(options, *setting.value)) return {};
    std::string listed = options;
    std::ranges::replace(listed, '\n', ',');
    return fail(ErrorCode::invalid, setting.key + " has no value '" + *setting.value + "'", "it has: " + listed,
                setting.key);
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
};

}  // namespace

Result<void> check_offered(Replica& replica, const DeviceIdentity& identity, const Change& change) {
  return Offer(replica, identity, change).check();
}

}  // namespace tern::client
