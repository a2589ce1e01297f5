#include "setting_export.hpp"

#include <charconv>

#include "tern/sync/trusted_time.hpp"
#include "time_text.hpp"

namespace tern::server::admin {
namespace {

using sync::FieldId;
using sync::Intent;
using sync::RecordKind;

struct Setting {
  std::string_view field;  // empty: the change sets no field
  std::string key;
  Json value;
};

/// What a change says beside its value: the result of a resolution, why a ticket is on hold, the note of a time entry.
Json text_beside(const sync::Change& change) {
  const sync::IntentSpec* spec = sync::find_intent(change.intent);
  const bool says = spec != nullptr && (spec->unit == sync::Unit::status || change.intent == Intent::log_time ||
                                        change.intent == Intent::rate);
  return says && !change.text.empty() ? Json(change.text) : Json();
}

/// Which a time entry is that is no plain work.
std::string time_kind_key(std::uint32_t kind) {
  const auto known = sync::time_entry_kind_from_number(kind);
  return !known || *known == sync::TimeEntryKind::work ? std::string()
                                                       : std::string(sync::time_entry_kind_name(*known));
}

/// Minutes of an estimate; when a ticket on hold is to wake.
Json number_beside(const sync::Change& change) {
  const bool says = change.intent == Intent::estimate || change.intent == Intent::hold;
  return says && change.number != 0 ? Json(change.number) : Json();
}

Json flag_names(std::uint32_t flags) {
  constexpr std::pair<std::uint32_t, std::string_view> names[] = {{sync::time_flag_mono_ignored, "mono_ignored"},
                                                                  {sync::time_flag_mono_missing, "mono_missing"},
                                                                  {sync::time_flag_clamped, "clamped"},
                                                                  {sync::time_flag_raised_chain, "raised_chain"},
                                                                  {sync::time_flag_raised_seen, "raised_seen"},
                                                                  {sync::time_flag_seen_cut, "seen_cut"},
                                                                  {sync::time_flag_anchor_unknown, "anchor_unknown"},
                                                                  {sync::time_flag_asserted, "asserted"},
                                                                  {sync::time_flag_doubtful_clock, "doubtful_clock"}};
  Json out = Json::array();
  for (const auto& [flag, name] : names)
    if ((flags & flag) != 0) out.push(Json(name));
  return out;
}

Json value_json(const sync::FieldSetting& setting, const Names& names) {
  if (!setting.value) return {};
  switch (setting.field) {
    case FieldId::category:
      return names.of(RecordKind::category, *setting.value);
    case FieldId::contact:
      return names.of(RecordKind::contact, *setting.value);
    case FieldId::organisation:
      return names.of(RecordKind::organisation, *setting.value);
    case FieldId::priority:
      return Json(sync::priority_name(static_cast<std::uint8_t>(setting.value->front() - '0')));
    case FieldId::due_at: {
      std::int64_t ms = 0;
      std::from_chars(setting.value->data(), setting.value->data() + setting.value->size(), ms);
      return Json(instant_text(ms));
    }
    default:
      return Json(*setting.value);
  }
}

Setting element_setting(const sync::Change& change, const Names& names) {
  switch (change.intent) {
    case Intent::tag:
    case Intent::untag:
      return {"tags", {}, Json(change.label)};
    case Intent::watch:
    case Intent::unwatch:
      return {"watchers", change.kind == 1 ? "contact" : "operator",
              names.of(change.kind == 1 ? RecordKind::contact : RecordKind::operator_, change.target)};
    default: {
      const auto kind = sync::link_kind_from_number(change.kind);
      return {"links", kind ? std::string(sync::link_kind_name(*kind)) : std::string(),
              Json(to_uuid_text(change.target))};
    }
  }
}

std::vector<Setting> create_settings(const sync::Change& change, const Names& names) {
  std::vector<Setting> out;
  out.reserve(change.fields.size() + 1);
  for (const sync::FieldSetting& setting : change.fields)
    out.push_back(
        {sync::find_field(setting.field)->name, setting.key, setting.erased ? Json() : value_json(setting, names)});
  if (!change.text.empty()) out.push_back({"description", {}, Json(change.text)});
  out.push_back({"status", {}, Json(sync::status_name(sync::Status::new_))});
  return out;
}

std::vector<Setting> settings_in(const sync::PlacedChange& placed,
                                 const std::map<sync::ChangeRef, std::optional<sync::Status>>& led_to,
                                 const Names& names) {
  const sync::Change& change = placed.change;
  const sync::IntentSpec* spec = sync::find_intent(change.intent);
  if (spec == nullptr) return {{}};
  if (spec->unit == sync::Unit::status) {
    const auto found = led_to.find(change.ref);
    const bool known = found != led_to.end() && found->second;
    return {{"status", {}, known ? Json(sync::status_name(*found->second)) : Json()}};
  }
  switch (change.intent) {
    case Intent::create:
      return create_settings(change, names);
    case Intent::set:
      return {{sync::find_field(change.fields.front().field)->name, change.fields.front().key,
               change.fields.front().erased ? Json() : value_json(change.fields.front(), names)}};
    case Intent::describe:
      return {{"description", {}, Json(change.text)}};
    case Intent::take:
      return {{"assignee", {}, names.author(placed.stamp.author, placed.stamp.author_kind)}};
    case Intent::assign:
      return {{"assignee", {}, names.of(RecordKind::operator_, change.target)}};
    case Intent::move_queue:
      return {{"queue", {}, names.of(RecordKind::queue, change.target)}};
    case Intent::merge:
      return {{"merged_into", {}, Json(to_uuid_text(change.target))}};
    case Intent::unmerge:
      return {{"unmerged_from", {}, Json(to_uuid_text(change.target))}};
    case Intent::delete_ticket:
      return {{"deleted", {}, Json(true)}};
    case Intent::restore:
      return {{"deleted", {}, Json(false)}};
    case Intent::log_time:
      return {{"time_entries", time_kind_key(change.kind), Json(change.number)}};
    case Intent::message:
    case Intent::edit_message:
      return {{"messages", {}, Json(change.text)}};
    case Intent::rate:
      return {{"csat", {}, Json(change.number)}};
    case Intent::on_site:
      return {{"on_site", {}, Json(change.text)}};
    case Intent::attach:
      return {{"messages", {}, Json(change.file_name)}};
    default:
      break;
  }
  if (spec->unit == sync::Unit::set) return {element_setting(change, names)};
  return {{}};
}

}  // namespace

std::map<sync::ChangeRef, std::optional<sync::Status>> statuses_of_moves(const sync::TicketState& state) {
  std::map<sync::ChangeRef, std::optional<sync::Status>> out;
  const sync::StatusView view = sync::status_view(state);
  sync::Status now = sync::Status::new_, before_hold = sync::Status::new_;
  for (std::size_t i = 0; i < state.moves.size(); ++i) {
    const sync::Move& move = state.moves[i];
    const auto next = sync::next_status(now, move.intent, before_hold);
    if (!view.move_applied[i]) {
      out[move.stamp.ref()] = next;
      continue;
    }
    if (view.move_changed_status[i] && next) {
      if (*next == sync::Status::on_hold) before_hold = now;
      now = *next;
    }
    out[move.stamp.ref()] = now;
  }
  return out;
}

std::vector<Json> settings_of(const sync::PlacedChange& placed, const LedgerChange& row,
                              const std::map<sync::ChangeRef, std::optional<sync::Status>>& led_to,
                              const Names& names) {
  // A pin is its owner's own and never appears to others.
  if (placed.change.intent == Intent::pin || placed.change.intent == Intent::unpin) return {};
  const sync::IntentSpec* spec = sync::find_intent(placed.change.intent);
  // A claim is ordered by its commit; one that was imported was made when its source says.
  const bool asserted = (placed.admission.time_flags & sync::time_flag_asserted) != 0;
  const std::int64_t at_ms = asserted ? placed.admission.effective_ms : placed.stamp.order_ms;
  std::vector<Json> out;
  for (Setting& setting : settings_in(placed, led_to, names))
    out.push_back(Json::object({{"at_ms", Json(at_ms)},
                                {"at", Json(instant_text(at_ms))},
                                {"lo_ms", Json(placed.admission.lo_ms)},
                                {"hi_ms", Json(placed.admission.hi_ms)},
                                {"flags", flag_names(placed.admission.time_flags)},
                                {"intent", spec == nullptr ? Json() : Json(spec->name)},
                                {"field", setting.field.empty() ? Json() : Json(setting.field)},
                                {"key", setting.key.empty() ? Json() : Json(setting.key)},
                                {"value", std::move(setting.value)},
                                {"text", text_beside(placed.change)},
                                {"number", number_beside(placed.change)},
                                {"author_kind", Json(author_kind_name(placed.stamp.author_kind))},
                                {"author", names.author(placed.stamp.author, placed.stamp.author_kind)},
                                {"outcome", Json(sync::to_string(row.outcome))},
                                {"standing", Json(sync::to_string(row.standing))},
                                {"rule", Json(sync::to_string(row.standing_rule))},
                                {"device", Json(to_uuid_text(placed.stamp.origin.device.view()))},
                                {"change", Json(to_hex(placed.stamp.change))},
                                {"commit_seq", Json(placed.stamp.commit_seq)}}));
  return out;
}

}  // namespace tern::server::admin
