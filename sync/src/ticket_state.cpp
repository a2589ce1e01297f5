// Questions to a folded ticket.
#include "tern/sync/ticket_state.hpp"

#include <algorithm>
#include <array>

#include "fold_parts.hpp"

namespace tern::sync {
namespace {

constexpr std::array<std::string_view, 3> time_entry_kinds = {"work", "call", "call_unanswered"};

}  // namespace

std::string_view time_entry_kind_name(TimeEntryKind kind) {
  return time_entry_kinds.at(static_cast<std::size_t>(kind));
}

std::optional<TimeEntryKind> time_entry_kind_from_number(std::uint64_t number) {
  if (number >= time_entry_kinds.size()) return std::nullopt;
  return static_cast<TimeEntryKind>(number);
}

std::optional<TimeEntryKind> time_entry_kind_from_name(std::string_view name) {
  for (std::size_t i = 0; i < time_entry_kinds.size(); ++i)
    if (time_entry_kinds[i] == name) return static_cast<TimeEntryKind>(i);
  return std::nullopt;
}

namespace {

constexpr std::uint8_t priority_default = 2;  // normal: desk.md D2

template <typename Id>
std::optional<Id> claimed(const std::optional<Claim>& claim) {
  if (!claim) return std::nullopt;
  return Id::from(claim->value);
}

}  // namespace

const Head* standing_head(const TicketState& state, FieldId field, std::string_view key) {
  const auto found = state.fields.find(FieldKey{field, std::string(key)});
  if (found == state.fields.end()) return nullptr;
  const auto index = standing_index(found->second, field);
  return index ? &found->second.heads[*index] : nullptr;
}

std::optional<Bytes> field_value(const TicketState& state, FieldId field, std::string_view key) {
  const Head* head = standing_head(state, field, key);
  return head == nullptr ? std::nullopt : head->value;
}

void take_over_customer(const TicketState& source, Change& create) {
  for (const FieldId field : {FieldId::contact, FieldId::organisation}) {
    auto value = field_value(source, field);
    const bool said = std::ranges::any_of(create.fields, [&](const auto& one) { return one.field == field; });
    if (value && !said) create.fields.push_back({field, {}, std::move(value), false});
  }
}

std::uint8_t priority_of(const TicketState& state) {
  const Head* head = standing_head(state, FieldId::priority);
  if (head == nullptr || !head->value || head->value->size() != 1) return priority_default;
  const char digit = head->value->front();
  return digit >= '1' && digit <= '4' ? static_cast<std::uint8_t>(digit - '0') : priority_default;
}

std::optional<OperatorId> assignee_of(const TicketState& state) {
  return claimed<OperatorId>(state.assignee);
}
std::optional<RecordId> queue_of(const TicketState& state) {
  return claimed<RecordId>(state.queue);
}

std::vector<RecordId> customers_of(const TicketState& state) {
  std::vector<RecordId> out;
  const auto add = [&out](ByteView bytes) {
    const auto whom = RecordId::from(bytes);
    if (whom && std::ranges::find(out, *whom) == out.end()) out.push_back(*whom);
  };
  if (const auto contact = field_value(state, FieldId::contact)) add(*contact);
  for (const Bytes& watcher : elements_of(state, FieldId::watchers))
    if (watcher.starts_with('c')) add(ByteView(watcher).substr(1));
  return out;
}
const Rating* rating_of(const TicketState& state, const ChangeRef& resolution) {
  const auto found = std::ranges::find(state.ratings, resolution, &Rating::resolution);
  return found == state.ratings.end() ? nullptr : &*found;
}
bool is_deleted(const TicketState& state) {
  return state.deletion && !state.deletion->value.empty();
}

StatusClass class_of(const TicketState& state) {
  if (state.merged_into || is_deleted(state)) return StatusClass::end;
  return status_class(status_view(state).status);
}

std::vector<Bytes> elements_of(const TicketState& state, FieldId field) {
  std::vector<Bytes> elements;
  for (auto at = state.elements.lower_bound(ElementKey{field, {}});
       at != state.elements.end() && at->first.field == field; ++at)
    if (!at->second.empty()) elements.push_back(at->first.element);
  return elements;
}

const std::string& standing_text(const Message& message) {
  static const std::string nothing;
  if (is_deleted(message)) return nothing;
  if (message.edits.empty()) return message.text;
  return message.edits.back().text;
}

bool is_deleted(const Message& message) {
  return !message.deletes.empty();
}

}  // namespace tern::sync
