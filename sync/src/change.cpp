#include "tern/sync/change.hpp"

#include <utility>

#include "refusal.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/v1/change.pb.h"

namespace tern::sync {
namespace {

// Numbers travel: the enums of the kernel are those of the schema.
static_assert(static_cast<int>(Intent::create) == v1::INTENT_CREATE &&
              static_cast<int>(Intent::on_site) == v1::INTENT_ON_SITE);
static_assert(static_cast<int>(Intent::start) == v1::INTENT_START &&
              static_cast<int>(Intent::estimate_rejected) == v1::INTENT_ESTIMATE_REJECTED);
static_assert(static_cast<int>(Intent::take) == v1::INTENT_TAKE && static_cast<int>(Intent::rate) == v1::INTENT_RATE);
static_assert(static_cast<int>(Intent::merged_from) == v1::INTENT_MERGED_FROM &&
              static_cast<int>(Intent::erase) == v1::INTENT_ERASE &&
              static_cast<int>(Intent::release) == v1::INTENT_RELEASE);
static_assert(static_cast<int>(Visibility::open) == v1::VISIBILITY_PUBLIC &&
              static_cast<int>(Visibility::restricted) == v1::VISIBILITY_RESTRICTED);
static_assert(static_cast<int>(PrincipalKind::operator_) == v1::PRINCIPAL_KIND_OPERATOR &&
              static_cast<int>(PrincipalKind::server) == v1::PRINCIPAL_KIND_SERVER);

constexpr int enum_number_max = 255;

bool lives_in_body(FieldId field) {
  const FieldSpec* spec = find_field(field);
  return spec != nullptr && spec->place == Place::body;
}

Bytes raw(ByteView bytes) {
  return Bytes(bytes);
}

/// Ids that are zero are left out.
template <std::size_t N, typename T>
Bytes raw_or_empty(const FixedBytes<N, T>& id) {
  return id.is_zero() ? Bytes{} : raw(id.view());
}

void write_fields(const Change& change, v1::Skeleton& skeleton, v1::Body& body) {
  for (const FieldSetting& setting : change.fields) {
    v1::SkeletonField& field = *skeleton.add_fields();
    field.set_field(static_cast<std::uint32_t>(setting.field));
    field.set_key(setting.key);
    field.set_none(!setting.value && !setting.erased);
    if (field.none()) continue;
    if (lives_in_body(setting.field))
      body.add_values()->set_value(setting.value.value_or(Bytes{}));
    else
      field.set_value(setting.value.value_or(Bytes{}));
  }
}

v1::Skeleton write_skeleton(const Change& change) {
  v1::Skeleton skeleton;
  skeleton.set_id(raw(change.ref.id.view()));
  skeleton.set_ticket_id(raw_or_empty(change.ticket));
  skeleton.set_intent(static_cast<v1::Intent>(change.intent));
  skeleton.set_intent_version(change.intent_version == 1 ? 0 : change.intent_version);
  skeleton.set_wall_ms(change.wall_ms);
  skeleton.set_before_ms(change.before_ms);
  skeleton.set_seen_epoch(raw_or_empty(change.seen_epoch));
  skeleton.set_seen_seq(change.seen_seq);
  skeleton.set_seen_now(change.seen_now);
  for (const ChangeId& id : change.after) skeleton.add_after(raw(id.view()));
  skeleton.set_visibility(static_cast<v1::Visibility>(change.visibility));
  skeleton.set_ref(change.target);
  for (const ChangeRef& target : change.targets) {
    v1::ChangeRefMessage& message = *skeleton.add_targets();
    if (target.device != change.ref.device) message.set_device_id(raw(target.device.view()));
    message.set_change_id(raw(target.id.view()));
  }
  skeleton.set_number(change.number);
  skeleton.set_kind(change.kind);
  skeleton.set_label(change.label);
  skeleton.set_from_ms(change.from_ms);
  skeleton.set_to_ms(change.to_ms);
  skeleton.set_principal_kind(static_cast<v1::PrincipalKind>(change.principal_kind));
  skeleton.set_principal_id(change.principal_id);
  skeleton.set_asserted_ms(change.asserted_ms);
  skeleton.set_provisional_number(change.provisional_number);
  skeleton.set_record_kind(change.record_kind);
  skeleton.set_size_bytes(change.size_bytes);
  skeleton.set_content_hash(change.content_hash);
  if (!change.quotes.none()) {
    skeleton.mutable_quotes()->set_device_id(raw(change.quotes.device.view()));
    skeleton.mutable_quotes()->set_change_id(raw(change.quotes.id.view()));
  }
  skeleton.set_handed_back_by(raw_or_empty(change.handed_back_by));
  return skeleton;
}

// ---- parsing
// -----------------------------------------------------------------------------------------------------------

tl::unexpected<Error> unknown(std::string_view field) {
  return fail(ErrorCode::upgrade_required, "This version does not know the " + std::string(field) + " of the change.",
              "Upgrade.", std::string(field));
}

/// Exactly its size.
template <typename Id>
Result<void> read_id(ByteView bytes, std::string_view field, Id& into) {
  const auto id = Id::from(bytes);
  if (!id || id->is_zero()) return malformed(field);
  into = *id;
  return {};
}

/// Exactly its size, or absent.
template <typename Id>
Result<void> read_optional_id(ByteView bytes, std::string_view field, Id& into) {
  return bytes.empty() ? Result<void>{} : read_id(bytes, field, into);
}

/// Raw bytes of one size, or absent.
Result<void> read_optional_bytes(ByteView bytes, std::size_t size, std::string_view field, Bytes& into) {
  if (!bytes.empty() && bytes.size() != size) return malformed(field);
  into = Bytes(bytes);
  return {};
}

template <typename Enum>
Result<void> read_enum(int number, Enum newest, std::string_view field, Enum& into) {
  if (number < 0 || number > static_cast<int>(newest)) return unknown(field);
  into = static_cast<Enum>(number);
  return {};
}

Result<void> read_intent(const v1::Skeleton& skeleton, Change& change) {
  const int number = skeleton.intent();
  if (number == 0) return malformed("intent");
  if (number < 0 || number > enum_number_max || find_intent(static_cast<Intent>(number)) == nullptr)
    return unknown("intent");
  change.intent = static_cast<Intent>(number);
  change.intent_version = skeleton.intent_version() == 0 ? 1 : skeleton.intent_version();
  return {};
}

Result<void> read_references(const v1::Skeleton& skeleton, Change& change) {
  if (static_cast<std::size_t>(skeleton.after_size()) > limits::after_per_change_max) return malformed("after");
  for (const std::string& id : skeleton.after()) TERN_CHECKED(read_id(id, "after", change.after.emplace_back()));
  if (static_cast<std::size_t>(skeleton.targets_size()) > limits::targets_per_change_max) return malformed("targets");
  for (const v1::ChangeRefMessage& message : skeleton.targets()) {
    ChangeRef& target = change.targets.emplace_back();
    target.device = change.ref.device;
    TERN_CHECKED(read_optional_id(message.device_id(), "targets", target.device));
    TERN_CHECKED(read_id(message.change_id(), "targets", target.id));
  }
  if (!skeleton.has_quotes()) return {};
  TERN_CHECKED(read_id(skeleton.quotes().device_id(), "quotes", change.quotes.device));
  return read_id(skeleton.quotes().change_id(), "quotes", change.quotes.id);
}

Result<void> read_skeleton(const v1::Skeleton& skeleton, Change& change) {
  TERN_CHECKED(read_id(skeleton.id(), "id", change.ref.id));
  TERN_CHECKED(read_optional_id(skeleton.ticket_id(), "ticket_id", change.ticket));
  TERN_CHECKED(read_intent(skeleton, change));
  TERN_CHECKED(read_enum(skeleton.visibility(), Visibility::restricted, "visibility", change.visibility));
  TERN_CHECKED(read_enum(skeleton.principal_kind(), PrincipalKind::server, "principal_kind", change.principal_kind));
  TERN_CHECKED(read_optional_id(skeleton.seen_epoch(), "seen_epoch", change.seen_epoch));
  TERN_CHECKED(read_optional_id(skeleton.handed_back_by(), "handed_back_by", change.handed_back_by));
  TERN_CHECKED(read_optional_bytes(skeleton.ref(), TicketId::size_bytes, "ref", change.target));
  TERN_CHECKED(
      read_optional_bytes(skeleton.principal_id(), OperatorId::size_bytes, "principal_id", change.principal_id));
  TERN_CHECKED(read_optional_bytes(skeleton.content_hash(), Hash::size_bytes, "content_hash", change.content_hash));
  TERN_CHECKED(read_references(skeleton, change));
  change.wall_ms = skeleton.wall_ms();
  change.before_ms = skeleton.before_ms();
  change.seen_seq = skeleton.seen_seq();
  change.seen_now = skeleton.seen_now();
  change.number = skeleton.number();
  change.kind = skeleton.kind();
  change.label = skeleton.label();
  change.from_ms = skeleton.from_ms();
  change.to_ms = skeleton.to_ms();
  change.asserted_ms = skeleton.asserted_ms();
  change.provisional_number = skeleton.provisional_number();
  change.record_kind = skeleton.record_kind();
  change.size_bytes = skeleton.size_bytes();
  return {};
}

/// The fields, with those values that live in the body. `body` null: erased.
Result<void> read_fields(const v1::Skeleton& skeleton, const v1::Body* body, Change& change) {
  if (static_cast<std::size_t>(skeleton.fields_size()) > limits::fields_per_change_max) return malformed("fields");
  int next_value = 0;
  for (const v1::SkeletonField& field : skeleton.fields()) {
    const std::uint32_t number = field.field();
    if (number > UINT16_MAX || find_field(static_cast<FieldId>(number)) == nullptr) return unknown("field");
    FieldSetting& setting = change.fields.emplace_back();
    setting.field = static_cast<FieldId>(number);
    setting.key = field.key();
    const bool in_body = lives_in_body(setting.field);
    // A value of the body in the skeleton could never be erased.
    if (!field.value().empty() && (field.none() || in_body)) return malformed("fields");
    if (field.none()) continue;
    if (!in_body) {
      setting.value = field.value();
    } else if (body == nullptr) {
      setting.erased = true;
    } else {
      if (next_value >= body->values_size()) return malformed("values");
      setting.value = body->values(next_value++).value();
    }
  }
  if (body != nullptr && next_value != body->values_size()) return malformed("values");
  return {};
}

void read_body(v1::Body& body, Change& change) {
  change.text = std::move(*body.mutable_text());
  change.base = std::move(*body.mutable_base());
  change.reason = std::move(*body.mutable_reason());
  change.file_name = std::move(*body.mutable_name());
  change.media_type = std::move(*body.mutable_media_type());
  change.signature = std::move(*body.mutable_signature());
  change.record = std::move(*body.mutable_record());
}

template <typename Message>
bool parse_message(ByteView bytes, Message& message) {
  return bytes.size() <= limits::change_set_bytes_max &&
         message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

}  // namespace

EncodedChange encode_change(const Change& change) {
  v1::Skeleton skeleton = write_skeleton(change);
  v1::Body body;
  write_fields(change, skeleton, body);
  body.set_text(change.text);
  body.set_base(change.base);
  body.set_reason(change.reason);
  body.set_name(change.file_name);
  body.set_media_type(change.media_type);
  body.set_signature(change.signature);
  body.set_record(change.record);
  return {skeleton.SerializeAsString(), body.SerializeAsString()};
}

Result<Change> parse_change(ByteView skeleton_bytes, std::optional<ByteView> body_bytes, const DeviceId& device) {
  v1::Skeleton skeleton;
  if (!parse_message(skeleton_bytes, skeleton)) return malformed("skeleton");
  v1::Body body;
  if (body_bytes && !parse_message(*body_bytes, body)) return malformed("body");

  Change change;
  change.ref.device = device;
  change.body_erased = !body_bytes;
  TERN_CHECKED(read_skeleton(skeleton, change));
  TERN_CHECKED(read_fields(skeleton, body_bytes ? &body : nullptr, change));
  read_body(body, change);
  TERN_CHECKED(validate_change(change));
  return change;
}

bool server_only(const Change& change) {
  const IntentSpec* spec = find_intent(change.intent);
  return spec == nullptr || spec->ruling == Ruling::server || change.principal_kind != PrincipalKind::unspecified ||
         !change.principal_id.empty() || change.asserted_ms != 0 || change.seen_now || !change.quotes.none() ||
         !change.handed_back_by.is_zero();
}

Bytes element_of(const Change& change, const OperatorId& author) {
  switch (change.intent) {
    case Intent::tag:
    case Intent::untag:
      return change.label;
    case Intent::watch:
    case Intent::unwatch:
      return Bytes(1, change.kind == 0 ? 'o' : 'c') + change.target;
    case Intent::link:
    case Intent::unlink:
      return Bytes(1, static_cast<char>(change.kind)) + change.target;
    case Intent::pin:
    case Intent::unpin:
      return Bytes(author.view());
    default:
      return {};
  }
}

}  // namespace tern::sync
