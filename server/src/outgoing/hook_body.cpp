#include "outgoing/hook_body.hpp"

#include "tern/protocol/crypto.hpp"
#include "tern/sync/rights.hpp"
#include "time_text.hpp"

namespace tern::server {
namespace {

using sync::RecordKind;

constexpr std::int64_t signed_second_ms = 1'000;

std::string_view kind_word(sync::PrincipalKind kind) {
  switch (kind) {
    case sync::PrincipalKind::operator_:
      return "operator";
    case sync::PrincipalKind::contact:
      return "customer";
    case sync::PrincipalKind::integration:
      return "integration";
    default:
      return "system";
  }
}

std::string_view visibility_word(sync::Visibility visibility) {
  if (visibility == sync::Visibility::open) return "public";
  return visibility == sync::Visibility::restricted ? "restricted" : "team";
}

Json text_json(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

Json ticket_json(const OutgoingReader& reader, const sync::TicketState& state) {
  const auto queue = sync::queue_of(state);
  const auto assignee = sync::assignee_of(state);
  const std::string in = queue ? reader.record_name(RecordKind::queue, *queue) : "";
  const std::string with =
      assignee ? reader.record_name(RecordKind::operator_, RecordId::or_zero(assignee->view())) : "";
  return Json::object({{"id", Json(state.integer_id)},
                       {"uuid", Json(to_uuid_text(state.id.view()))},
                       {"number", Json(state.number)},
                       {"subject", Json(subject_of(state))},
                       {"status", Json(sync::status_name(sync::status_view(state).status))},
                       {"priority", Json(sync::priority_name(sync::priority_of(state)))},
                       {"queue", text_json(in)},
                       {"assigned_to", text_json(with)},
                       {"updated_at", Json(instant_text(state.updated_ms))}});
}

}  // namespace

Result<std::optional<std::string>> hook_body(OutgoingReader& reader, const Hook& hook, const Outgoing& outgoing) {
  Json out = Json::object({{"id", Json(to_uuid_text(outgoing.delivery.view()))},
                           {"event", Json(outgoing.event)},
                           {"at", Json(instant_text(outgoing.at_ms))},
                           {"tenant", Json(to_uuid_text(reader.tenant().id().view()))},
                           {"webhook", Json(hook.name)}});
  const auto ref = change_of_cause(outgoing.cause);
  if (outgoing.event == event_test || !ref) {
    for (const char* name : {"ticket", "change", "message"}) out.append_member(name, Json());
    return std::optional(to_text(out));
  }
  const auto owner = reader.tenant().find_actor(hook.owner);
  TERN_TRY(const auto state, reader.ticket(outgoing.ticket));
  TERN_TRY(const auto change, reader.change(*ref));
  TERN_TRY(const auto found, reader.message(*ref));
  if (!owner || !owner->active || !state || !change || !sync::may_read(*owner, *state))
    return std::optional<std::string>();
  if (found && !sync::may_read(*owner, found->message)) return std::optional<std::string>();
  const sync::IntentSpec* spec = sync::find_intent(change->intent);
  out.append_member("ticket", ticket_json(reader, *state));
  out.append_member("change", Json::object({{"name", Json(to_uuid_text(ref->device.view()) + ":" + to_hex(ref->id))},
                                            {"what", Json(spec == nullptr ? std::string_view("unknown") : spec->name)},
                                            {"by", Json::object({{"kind", Json(kind_word(change->author.kind))},
                                                                 {"name", Json(change->author.name)}})}}));
  out.append_member("message", !found ? Json()
                                      : Json::object({{"id", Json(found->integer_id)},
                                                      {"visibility", Json(visibility_word(found->message.visibility))},
                                                      {"text", Json(sync::standing_text(found->message))},
                                                      {"deleted", Json(sync::is_deleted(found->message))}}));
  return std::optional(to_text(out));
}

std::string hook_signature(const HookSecrets& secrets, std::int64_t now_ms, std::string_view body) {
  const std::string seconds = std::to_string(now_ms / signed_second_ms);
  const std::string signed_text = seconds + "." + std::string(body);
  const auto v1 = [&](const std::string& secret) {
    return ",v1=" + to_hex(protocol::hmac_sha256(secret, signed_text));
  };
  std::string out = "t=" + seconds + v1(secrets.now);
  if (!secrets.before.empty() && now_ms < secrets.before_until_ms) out += v1(secrets.before);
  return out;
}

}  // namespace tern::server
