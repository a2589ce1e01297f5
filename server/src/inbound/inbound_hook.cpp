#include "inbound/inbound_hook.hpp"

#include <algorithm>

namespace tern::server {
namespace {

constexpr std::string_view form_names[] = {"inbound", "whatsapp", "telegram", "email"};
constexpr std::string_view proof_names[] = {"token", "hmac", "mailgun"};

std::string_view inbound_attribute(const sync::Record& record, const char* name) {
  const auto found = record.attributes.find(name);
  return found == record.attributes.end() ? std::string_view() : std::string_view(found->second);
}

/// Of channels that were made through the API nobody says it.
InboundProof usual_proof(InboundForm form) {
  return form == InboundForm::mapped ? InboundProof::hmac : InboundProof::token;
}

}  // namespace

std::string_view inbound_type(InboundForm form) {
  return form_names[static_cast<std::size_t>(form)];
}

std::optional<InboundForm> inbound_form(std::string_view type) {
  const auto found = std::ranges::find(form_names, type);
  if (found == std::end(form_names)) return std::nullopt;
  return static_cast<InboundForm>(found - std::begin(form_names));
}

std::string_view inbound_proof_name(InboundProof proof) {
  return proof_names[static_cast<std::size_t>(proof)];
}

std::optional<InboundProof> inbound_proof(std::string_view name) {
  const auto found = std::ranges::find(proof_names, name);
  if (found == std::end(proof_names)) return std::nullopt;
  return static_cast<InboundProof>(found - std::begin(proof_names));
}

std::optional<InboundHook> inbound_of(const sync::Record& channel) {
  if (channel.kind != sync::RecordKind::channel || channel.deleted) return std::nullopt;
  const auto form = inbound_form(inbound_attribute(channel, "type"));
  if (!form) return std::nullopt;
  InboundHook out{channel.id, channel.integer_id, channel.name, *form, usual_proof(*form), Json::object(), true};
  out.active = inbound_attribute(channel, "active") != "0";
  const auto settings = parse_json(inbound_attribute(channel, "settings"), {.decimals = true});
  if (!settings || !settings->is_object()) return out;
  out.proof = inbound_proof((*settings)["proof"].as_string()).value_or(out.proof);
  if ((*settings)["mapping"].is_object()) out.mapping = (*settings)["mapping"];
  return out;
}

Json inbound_settings(const InboundHook& hook) {
  return Json::object({{"proof", Json(inbound_proof_name(hook.proof))}, {"mapping", hook.mapping}});
}

std::string inbound_path(const InboundHook& hook) {
  if (hook.form == InboundForm::mapped) return "/api/hook/" + to_hex(hook.id);
  return "/api/channel-webhook.php?type=" + std::string(inbound_type(hook.form)) + "&hook=" + to_hex(hook.id);
}

}  // namespace tern::server
