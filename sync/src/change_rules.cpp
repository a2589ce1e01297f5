// What each intent needs and what it has no use for: one table, and the checks of the parts.
#include <algorithm>
#include <array>
#include <set>

#include "refusal.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/text.hpp"
#include "tern/sync/change.hpp"
#include "tern/sync/record.hpp"
#include "tern/sync/ticket_state.hpp"

namespace tern::sync {
namespace {

/// The parts of a change beside those that every change has.
enum Part : std::uint32_t {
  part_ticket = 1U << 0,
  part_visibility = 1U << 1,
  part_fields = 1U << 2,
  part_target = 1U << 3,
  part_targets = 1U << 4,
  part_number = 1U << 5,
  part_kind = 1U << 6,
  part_label = 1U << 7,
  part_provisional = 1U << 8,
  part_record_kind = 1U << 9,
  part_size = 1U << 10,
  part_hash = 1U << 11,
  part_times = 1U << 12,
  // In the body: erased with it.
  part_text = 1U << 16,
  part_base = 1U << 17,
  part_reason = 1U << 18,
  part_name = 1U << 19,
  part_media = 1U << 20,
  part_record = 1U << 21,
  part_signature = 1U << 22,
};
constexpr std::uint32_t body_parts =
    part_text | part_base | part_reason | part_name | part_media | part_record | part_signature;

struct PartName {
  Part part;
  std::string_view name;
};
constexpr std::array part_names = {
    PartName{part_ticket, "ticket_id"},
    PartName{part_visibility, "visibility"},
    PartName{part_fields, "fields"},
    PartName{part_target, "ref"},
    PartName{part_targets, "targets"},
    PartName{part_number, "number"},
    PartName{part_kind, "kind"},
    PartName{part_label, "label"},
    PartName{part_provisional, "provisional_number"},
    PartName{part_record_kind, "record_kind"},
    PartName{part_size, "size_bytes"},
    PartName{part_hash, "content_hash"},
    PartName{part_times, "from_ms"},
    PartName{part_text, "text"},
    PartName{part_base, "base"},
    PartName{part_reason, "reason"},
    PartName{part_name, "name"},
    PartName{part_media, "media_type"},
    PartName{part_record, "record"},
    PartName{part_signature, "signature"},
};

struct Shape {
  Intent intent;
  std::uint32_t needs;  // all of them
  std::uint32_t may;    // beside them
  std::size_t text_bytes_max = 0;
  std::size_t targets_max = 1;
};
constexpr auto long_text_max = limits::text_bytes_max;
constexpr auto short_text_max = limits::result_bytes_max;

constexpr std::array shapes = {
    Shape{Intent::create, part_ticket | part_fields, part_text | part_provisional, long_text_max},
    Shape{Intent::set, part_ticket | part_fields, 0},
    Shape{Intent::describe, part_ticket, part_text | part_base, long_text_max},
    Shape{Intent::message, part_ticket | part_visibility | part_text, 0, long_text_max},
    Shape{Intent::edit_message, part_ticket | part_targets | part_text, 0, long_text_max},
    Shape{Intent::delete_message, part_ticket | part_targets, part_reason},
    Shape{Intent::log_time, part_ticket | part_number, part_text | part_kind, short_text_max},
    Shape{Intent::attach, part_ticket | part_visibility | part_name | part_hash,
          part_size | part_media | part_targets | part_text, short_text_max},
    Shape{Intent::on_site, part_ticket | part_visibility | part_times | part_text,
          part_target | part_name | part_media | part_signature, short_text_max},
    Shape{Intent::send_message, part_ticket | part_targets, 0},
    Shape{Intent::tag, part_ticket | part_label, 0},
    Shape{Intent::untag, part_ticket | part_label, 0},
    Shape{Intent::watch, part_ticket | part_target, part_kind},
    Shape{Intent::unwatch, part_ticket | part_target, part_kind},
    Shape{Intent::link, part_ticket | part_target | part_kind, 0},
    Shape{Intent::unlink, part_ticket | part_target | part_kind, 0},
    Shape{Intent::pin, part_ticket, 0},
    Shape{Intent::unpin, part_ticket, 0},
    Shape{Intent::start, part_ticket, 0},
    Shape{Intent::wait, part_ticket, 0},
    Shape{Intent::hold, part_ticket, part_text | part_number, short_text_max},
    Shape{Intent::resume, part_ticket, 0},
    Shape{Intent::estimate, part_ticket | part_number, part_text, short_text_max},
    Shape{Intent::resolve, part_ticket, part_text, short_text_max},
    Shape{Intent::close, part_ticket, 0},
    Shape{Intent::reopen, part_ticket, part_text, short_text_max},
    Shape{Intent::put_back, part_ticket, 0},
    Shape{Intent::estimate_approved, part_ticket, part_targets | part_text, short_text_max},
    Shape{Intent::estimate_rejected, part_ticket, part_targets | part_text, short_text_max},
    Shape{Intent::take, part_ticket, 0},
    Shape{Intent::assign, part_ticket, part_target | part_reason},
    Shape{Intent::move_queue, part_ticket, part_target | part_reason},
    Shape{Intent::merge, part_ticket | part_target, part_reason},
    Shape{Intent::split, part_ticket | part_target | part_targets, part_reason | part_kind, 0,
          limits::targets_per_change_max},
    Shape{Intent::delete_ticket, part_ticket, part_reason},
    Shape{Intent::restore, part_ticket, part_reason},
    Shape{Intent::approve_estimate, part_ticket | part_targets, part_reason},
    Shape{Intent::reject_estimate, part_ticket | part_targets, part_reason},
    Shape{Intent::rate, part_ticket | part_targets | part_number, part_text, short_text_max},
    Shape{Intent::unmerge, part_ticket | part_target, part_reason},
    Shape{Intent::merged_from, part_ticket | part_target, 0},
    Shape{Intent::split_from, part_ticket | part_target | part_targets, part_kind | part_number, 0,
          limits::targets_per_change_max},
    Shape{Intent::custody_end, part_ticket | part_target, 0},
    Shape{Intent::record, part_record | part_record_kind, part_target},
    Shape{Intent::erase, part_targets, part_ticket | part_reason, 0, limits::targets_per_change_max},
    Shape{Intent::unmerged_from, part_ticket | part_target, 0},
    Shape{Intent::release, part_ticket | part_targets, part_reason},
};

const Shape* find_shape(Intent intent) {
  for (const Shape& shape : shapes)
    if (shape.intent == intent) return &shape;
  return nullptr;
}

std::uint32_t parts_of(const Change& change) {
  const auto when = [](bool there, Part part) { return there ? static_cast<std::uint32_t>(part) : 0U; };
  return when(!change.ticket.is_zero(), part_ticket) |
         when(change.visibility != Visibility::unspecified, part_visibility) |
         when(!change.fields.empty(), part_fields) | when(!change.target.empty(), part_target) |
         when(!change.targets.empty(), part_targets) | when(change.number != 0, part_number) |
         when(change.kind != 0, part_kind) | when(!change.label.empty(), part_label) |
         when(!change.provisional_number.empty(), part_provisional) | when(change.record_kind != 0, part_record_kind) |
         when(change.size_bytes != 0, part_size) | when(!change.content_hash.empty(), part_hash) |
         when(!change.text.empty(), part_text) | when(!change.base.empty(), part_base) |
         when(!change.reason.empty(), part_reason) | when(!change.file_name.empty(), part_name) |
         when(!change.media_type.empty(), part_media) | when(!change.record.empty(), part_record) |
         when(change.from_ms != 0 || change.to_ms != 0, part_times) | when(!change.signature.empty(), part_signature);
}

std::string_view name_of_first(std::uint32_t parts) {
  for (const PartName& named : part_names)
    if ((parts & named.part) != 0) return named.name;
  return "change";
}

Result<void> check_parts(const Change& change, const Shape& shape, std::string_view intent_name) {
  const std::uint32_t there = parts_of(change);
  const std::uint32_t needed = change.body_erased ? shape.needs & ~body_parts : shape.needs;
  if (const std::uint32_t missing = needed & ~there; missing != 0)
    return refuse(name_of_first(missing), "is missing: " + std::string(intent_name) + " needs it");
  if (const std::uint32_t more = there & ~(shape.needs | shape.may); more != 0)
    return refuse(name_of_first(more), "has no place in " + std::string(intent_name));
  return {};
}

// ---- what every change has
// ---------------------------------------------------------------------------------------------

Result<void> check_envelope(const Change& change) {
  if (change.ref.device.is_zero()) return malformed("device");
  if (change.ref.id.is_zero()) return malformed("id");
  if (change.after.size() > limits::after_per_change_max) return malformed("after");
  for (const ChangeId& id : change.after) {
    if (id.is_zero()) return malformed("after");
    if (id == change.ref.id) return refuse("after", "names the change itself");
  }
  if (!change.target.empty() && !TicketId::from(change.target)) return malformed("ref");
  if (!change.target.empty() && TicketId::or_zero(change.target).is_zero()) return malformed("ref");
  if (!change.content_hash.empty() && change.content_hash.size() != Hash::size_bytes) return malformed("content_hash");
  if (change.asserted_ms < 0 || change.asserted_ms > limits::instant_ms_max)
    return refuse("asserted_ms", "is not a time of this calendar");
  return {};
}

Result<void> check_principal(const Change& change) {
  const bool has_id = !change.principal_id.empty();
  if (has_id && !OperatorId::from(change.principal_id)) return malformed("principal_id");
  switch (change.principal_kind) {
    case PrincipalKind::unspecified:
      return has_id ? Result<void>(refuse("principal_id", "names nobody without a kind")) : Result<void>{};
    case PrincipalKind::server:
      return {};
    default:
      return has_id ? Result<void>{} : Result<void>(refuse("principal_id", "is missing"));
  }
}

Result<void> check_targets(const Change& change, const Shape& shape) {
  if (change.targets.size() > shape.targets_max) return refuse("targets", "are too many");
  std::set<ChangeRef> once;
  for (const ChangeRef& target : change.targets) {
    if (target.device.is_zero() || target.id.is_zero()) return malformed("targets");
    if (target == change.ref) return refuse("targets", "name the change itself");
    if (!once.insert(target).second) return refuse("targets", "name one change twice");
  }
  return {};
}

Result<void> check_texts(const Change& change, const Shape& shape) {
  TERN_CHECKED(protocol::check_text(change.text, shape.text_bytes_max, "text"));
  TERN_CHECKED(protocol::check_text(change.base, limits::text_bytes_max, "base"));
  TERN_CHECKED(protocol::check_text(change.reason, limits::result_bytes_max, "reason"));
  TERN_CHECKED(protocol::check_text(change.file_name, limits::name_bytes_max, "name"));
  TERN_CHECKED(protocol::check_text(change.media_type, limits::media_type_bytes_max, "media_type"));
  return {};
}

// ---- parts of their own kind
// -------------------------------------------------------------------------------------------

Result<void> check_setting(const FieldSetting& setting) {
  const FieldSpec* spec = find_field(setting.field);
  if (spec == nullptr)
    return fail(ErrorCode::upgrade_required, "This version does not know the field of the change.", "Upgrade.",
                "field");
  if (spec->writer != Writer::device) return refuse(spec->name, "is not written by setting it");
  if (setting.erased && spec->place != Place::body) return malformed("fields");
  if (setting.value) return validate_value(*spec, setting.key, *setting.value);
  if (setting.field == FieldId::subject && !setting.erased) return refuse("subject", "is required");
  return validate_key(*spec, setting.key);
}

Result<void> check_fields(const Change& change) {
  if (change.fields.size() > limits::fields_per_change_max) return malformed("fields");
  if (change.intent == Intent::set && change.fields.size() != 1) return refuse("fields", "of a set are exactly one");
  std::set<std::pair<FieldId, std::string_view>> once;
  std::size_t custom_fields = 0;
  bool has_subject = false;
  for (const FieldSetting& setting : change.fields) {
    TERN_CHECKED(check_setting(setting));
    if (!once.emplace(setting.field, setting.key).second)
      return refuse(find_field(setting.field)->name, "is set twice");
    custom_fields += setting.field == FieldId::custom ? 1 : 0;
    has_subject = has_subject || setting.field == FieldId::subject;
  }
  if (custom_fields > limits::custom_fields_max) return refuse("custom", "fields are more than a ticket holds");
  if (change.intent == Intent::create && !has_subject) return refuse("subject", "is required");
  return {};
}

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// T-YYYY-x<device>-<n>
bool is_provisional_number(std::string_view text) {
  if (text.size() > limits::provisional_number_bytes_max || !text.starts_with("T-")) return false;
  const std::size_t year_end = text.find("-x", 2);
  if (year_end == std::string_view::npos) return false;
  const std::string_view year = text.substr(2, year_end - 2);
  const std::string_view rest = text.substr(year_end + 2);
  const std::size_t dash = rest.find('-');
  if (dash == std::string_view::npos) return false;
  const std::string_view device = rest.substr(0, dash);
  const std::string_view count = rest.substr(dash + 1);
  return year.size() >= 4 && std::ranges::all_of(year, is_digit) && !device.empty() &&
         std::ranges::all_of(device, is_letter_or_digit) && !count.empty() && std::ranges::all_of(count, is_digit);
}

Result<void> check_number(const Change& change) {
  switch (change.intent) {
    case Intent::log_time:
    case Intent::estimate:
      if (change.number < 1 || change.number > limits::minutes_per_entry_max)
        return refuse("number", "of minutes is not between 1 and " + std::to_string(limits::minutes_per_entry_max));
      return {};
    case Intent::hold:
      if (change.number < 0 || change.number > limits::instant_ms_max)
        return refuse("number", "is not a time to wake at, in milliseconds since 1970");
      return {};
    case Intent::split_from:
      if (change.number < 0 || change.number > limits::instant_ms_max)
        return refuse("number", "is not a time, in milliseconds since 1970");
      return {};
    case Intent::rate:
      return change.number < 1 || change.number > 5 ? refuse("number", "of a rating is 1 to 5") : Result<void>{};
    default:
      return {};
  }
}

Result<void> check_kind(const Change& change) {
  const bool watches = change.intent == Intent::watch || change.intent == Intent::unwatch;
  const bool links = change.intent == Intent::link || change.intent == Intent::unlink;
  const bool splits = change.intent == Intent::split || change.intent == Intent::split_from;
  if (((watches || splits) && change.kind > 1) || (links && !link_kind_from_number(change.kind)) ||
      (change.intent == Intent::log_time && !time_entry_kind_from_number(change.kind)))
    return fail(ErrorCode::upgrade_required, "This version does not know the kind of the change.", "Upgrade.", "kind");
  return {};
}

bool names_another_ticket(Intent intent) {
  return intent == Intent::link || intent == Intent::unlink || intent == Intent::merge || intent == Intent::split ||
         intent == Intent::merged_from || intent == Intent::split_from || intent == Intent::unmerge ||
         intent == Intent::unmerged_from;
}

bool is_png(ByteView image) {
  return image.starts_with(std::string_view("\x89PNG\r\n\x1a\n", 8));
}

/// What a customer signed is an image that anything may show: no vector format, which may hold scripts.
Result<void> check_signature(const Change& change) {
  if (change.signature.empty() && change.media_type.empty()) return {};
  if (change.media_type != "image/png") return refuse("media_type", "of a signature is image/png");
  if (change.signature.size() > limits::signature_bytes_max)
    return fail(ErrorCode::too_large,
                "A signature is at most " + std::to_string(limits::signature_bytes_max) + " bytes.", {}, "signature");
  if (!is_png(change.signature)) return refuse("signature", "is not a PNG image");
  if (change.target.empty() && change.file_name.empty()) return refuse("name", "of who signed is missing");
  return {};
}

Result<void> check_on_site(const Change& change) {
  if (change.intent != Intent::on_site) return {};
  if (change.visibility == Visibility::restricted) return refuse("visibility", "of a report is public or team");
  if (change.from_ms < 1 || change.from_ms > limits::instant_ms_max)
    return refuse("from_ms", "is not a time, in milliseconds since 1970");
  if (change.to_ms < change.from_ms || change.to_ms > limits::instant_ms_max)
    return refuse("to_ms", "is not a time after the work began");
  return check_signature(change);
}

Result<void> check_record(const Change& change) {
  if (change.intent != Intent::record || change.body_erased) return {};
  TERN_TRY(const Record record, decode_record(change.record));
  if (static_cast<std::uint32_t>(record.kind) != change.record_kind)
    return refuse("record_kind", "is not the record's");
  if (!change.target.empty() && change.target != record.id.view()) return refuse("ref", "is not the record's id");
  return {};
}

}  // namespace

Result<void> validate_change(const Change& change) {
  const IntentSpec* spec = find_intent(change.intent);
  const Shape* shape = find_shape(change.intent);
  if (spec == nullptr || shape == nullptr || change.intent_version != 1)
    return fail(ErrorCode::upgrade_required, "This version does not know the intent of the change.", "Upgrade.",
                "intent");
  TERN_CHECKED(check_envelope(change));
  TERN_CHECKED(check_principal(change));
  TERN_CHECKED(check_parts(change, *shape, spec->name));
  TERN_CHECKED(check_targets(change, *shape));
  TERN_CHECKED(check_texts(change, *shape));
  TERN_CHECKED(check_fields(change));
  TERN_CHECKED(check_number(change));
  TERN_CHECKED(check_kind(change));
  TERN_CHECKED(check_on_site(change));
  if (!change.label.empty()) TERN_CHECKED(validate_value(*find_field(FieldId::tags), {}, change.label));
  if (names_another_ticket(change.intent) && change.target == change.ticket.view())
    return fail(ErrorCode::invalid, "A ticket is not linked to, merged into or split off itself.", {}, "ref");
  if (!change.provisional_number.empty() && !is_provisional_number(change.provisional_number))
    return refuse("provisional_number", "is not of the form T-YYYY-x<device>-<n>");
  return check_record(change);
}

}  // namespace tern::sync
