#include "inbound/inbound_event.hpp"

#include <algorithm>

#include "inbound/channel_forms.hpp"
#include "inbound/inbound_text.hpp"
#include "inbound/template_text.hpp"
#include "one_line.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/text.hpp"
#include "tern/sync/ticket_fields.hpp"

namespace tern::server {
namespace {

constexpr std::size_t mapped_bytes_max = 2'000;  // of one text of a mapping
constexpr std::size_t words_max = 50;            // of one "map"

struct MappedTo {
  std::string_view name;
  std::string InboundEvent::*member;
  bool of_messengers = false;  // what a mapping may say beside a form that we know
};
constexpr MappedTo targets[] = {{"event_id", &InboundEvent::id},
                                {"key", &InboundEvent::key},
                                {"subject", &InboundEvent::subject},
                                {"description", &InboundEvent::description},
                                {"message", &InboundEvent::message},
                                {"priority", &InboundEvent::priority, true},
                                {"category", &InboundEvent::category, true},
                                {"portal_domain", &InboundEvent::portal_domain, true},
                                {"order_id", &InboundEvent::order_id},
                                {"contact_name", &InboundEvent::contact_name},
                                {"contact_email", &InboundEvent::contact_email},
                                {"contact_phone", &InboundEvent::contact_phone}};
constexpr std::string_view author_member = "author";

const MappedTo* find_target(std::string_view name) {
  const auto found = std::ranges::find(targets, name, &MappedTo::name);
  return found == std::end(targets) ? nullptr : found;
}

tl::unexpected<Error> bad_mapping(std::string why, std::string hint = {}) {
  return fail(ErrorCode::invalid, std::move(why), std::move(hint), "mapping");
}

Result<void> check_one_priority(const std::string& word) {
  if (word.find('{') != std::string::npos || sync::priority_rank(word)) return {};
  return bad_mapping("There is no priority \"" + word + "\".", "low, normal, high or urgent.");
}

Result<void> check_mapped_text(std::string_view name, const Json& value) {
  if (!value.is_string() || value.as_string().empty() || value.as_string().size() > mapped_bytes_max)
    return bad_mapping("\"" + std::string(name) + "\" is a text of up to 2,000 bytes.");
  if (name == "priority") TERN_CHECKED(check_one_priority(value.as_string()));
  auto parsed = TemplateText::parse(value.as_string());
  if (parsed) return {};
  return bad_mapping("\"" + std::string(name) + "\": " + parsed.error().message, parsed.error().hint);
}

/// {"from": text, "map": {word: word}, "otherwise": word}
Result<void> check_mapped_words(std::string_view name, const Json& value) {
  for (const auto& [member, inner] : value.members())
    if (member != "from" && member != "map" && member != "otherwise")
      return bad_mapping("\"" + std::string(name) + "\" has no \"" + member + "\".", "from, map and otherwise.");
  TERN_CHECKED(check_mapped_text("from", value["from"]));
  if (!value["map"].is_object() || value["map"].size() == 0 || value["map"].size() > words_max)
    return bad_mapping("\"map\" of \"" + std::string(name) + "\" is an object of 1 to 50 words.");
  for (const auto& [word, to] : value["map"].members()) {
    if (!to.is_string() || to.as_string().empty())
      return bad_mapping("\"map\" of \"" + std::string(name) + "\": \"" + word + "\" is to be a word.");
    if (name == "priority") TERN_CHECKED(check_one_priority(to.as_string()));
  }
  const Json& otherwise = value["otherwise"];
  if (otherwise.is_null()) return {};
  if (!otherwise.is_string()) return bad_mapping("\"otherwise\" of \"" + std::string(name) + "\" is a word.");
  return name == "priority" ? check_one_priority(otherwise.as_string()) : Result<void>{};
}

/// What a target of a mapping comes to; nothing: the request does not say it.
std::optional<std::string> mapped(const Json& value, const InboundRequest& request) {
  const auto fill = [&](const Json& text) -> std::optional<std::string> {
    const auto parsed = TemplateText::parse(text.as_string());
    return parsed ? parsed->fill(request) : std::nullopt;
  };
  if (!value.is_object()) return fill(value);
  const auto from = fill(value["from"]);
  if (from)
    if (const Json* to = value["map"].find(*from)) return to->as_string();
  if (value["otherwise"].is_string()) return value["otherwise"].as_string();
  return std::nullopt;
}

/// Where a mapping looks for what is missing.
std::string sought(const Json& value) {
  return value.is_object() ? value["from"].as_string() : value.as_string();
}

tl::unexpected<Error> unmapped(const std::string& what, const std::string& why) {
  return fail(ErrorCode::invalid, why, "unmapped", what);
}

Result<InboundEvent> read_mapped(const InboundHook& hook, const InboundRequest& request) {
  InboundEvent out;
  for (const auto& [name, value] : hook.mapping.members()) {
    const MappedTo* target = find_target(name);
    if (target == nullptr) continue;
    if (auto said = mapped(value, request)) out.*target->member = std::move(*said);
  }
  for (const char* needed : {"subject", "description"})
    if (is_nothing(out.*find_target(needed)->member))
      return unmapped(needed, "The request says no " + std::string(needed) + ": " + sought(hook.mapping[needed]) +
                                  " is not in it.");
  out.by_contact = hook.mapping[author_member].as_string() == "contact";
  if (out.by_contact && out.contact_email.empty() && out.contact_phone.empty())
    return unmapped("contact_email",
                    "The request does not say who the customer is: neither contact_email nor "
                    "contact_phone is in it.");
  return out;
}

}  // namespace

Result<void> check_mapping(InboundForm form, const Json& mapping) {
  if (!mapping.is_object()) return bad_mapping("A mapping is an object.");
  if (to_text(mapping).size() > limits::custom_value_bytes_max - 200)
    return fail(ErrorCode::too_large, "The mapping is longer than 3,896 bytes.", "", "mapping");
  for (const auto& [name, value] : mapping.members()) {
    if (name == author_member && form == InboundForm::mapped) {
      if (value.as_string() != "hook" && value.as_string() != "contact")
        return bad_mapping("\"author\" is hook or contact.");
      continue;
    }
    const MappedTo* target = find_target(name);
    if (target == nullptr || (form != InboundForm::mapped && !target->of_messengers)) {
      std::string known;
      for (const MappedTo& one : targets)
        if (form == InboundForm::mapped || one.of_messengers)
          known += (known.empty() ? "" : " ") + std::string(one.name);
      return bad_mapping("A mapping has no \"" + name + "\".", "It has: " + known + ".");
    }
    TERN_CHECKED(value.is_object() ? check_mapped_words(name, value) : check_mapped_text(name, value));
  }
  if (form != InboundForm::mapped) return {};
  for (const char* needed : {"subject", "description"})
    if (mapping.find(needed) == nullptr)
      return bad_mapping("The mapping does not say where the " + std::string(needed) + " stands.",
                         "{\"subject\":\"{title}\",\"description\":\"{text}\"}");
  const bool whose = mapping.find("contact_email") != nullptr || mapping.find("contact_phone") != nullptr;
  if (mapping[author_member].as_string() == "contact" && !whose)
    return bad_mapping("The mapping does not say who the customer is.", "Say contact_email or contact_phone.");
  return {};
}

std::string event_id_of(const InboundHook& hook, const InboundRequest& request) {
  std::optional<std::string> said;
  if (hook.form != InboundForm::mapped)
    said = event_of_form(hook.form, request);
  else if (const Json* id = hook.mapping.find("event_id"))
    said = mapped(*id, request);
  // A signature covers the body: under another header the same body would be another event.
  if (hook.proof == InboundProof::token)
    for (const char* header : {"idempotency-key", "tern-delivery", "x-github-delivery"})
      if (const auto found = request.headers.find(header); !said && found != request.headers.end())
        said = found->second;
  if (said && !said->empty()) return "id " + *said;
  return "body " + to_hex(request.digest);
}

Result<InboundEvent> read_event(const InboundHook& hook, const InboundRequest& request, const FindAnswered& find) {
  Result<InboundEvent> read =
      hook.form == InboundForm::mapped ? read_mapped(hook, request) : read_form(hook.form, request, find);
  if (!read) return read;
  InboundEvent& event = *read;
  event.id = event_id_of(hook, request);
  if (hook.form != InboundForm::mapped)
    for (const MappedTo& target : targets)
      if (const Json* value = hook.mapping.find(target.name); value != nullptr && target.of_messengers)
        event.*target.member = mapped(*value, request).value_or(std::string());
  if (!event.ignored.empty()) return read;
  if (!event.priority.empty() && !sync::priority_rank(event.priority))
    return unmapped("priority", "\"" + event.priority.substr(0, 60) +
                                    "\" is no priority, and the mapping has no word "
                                    "for it.");
  if (!event.contact_email.empty() && !looks_like_address(event.contact_email))
    return unmapped("contact_email", "What the request says as contact_email is no address.");
  event.subject = one_line_of(event.subject, limits::subject_code_points_max);
  event.description = shortened(event.description, limits::text_bytes_max);
  if (is_blank(event.subject) && hook.form != InboundForm::mapped) event.subject = "(no subject)";
  if (is_blank(event.subject)) return unmapped("subject", "Of what the request says as subject nobody sees anything.");
  if (is_nothing(event.description)) return unmapped("description", "What the request says as description is no text.");
  event.message = shortened(event.message, limits::text_bytes_max);
  event.contact_name = one_line_of(event.contact_name, limits::name_bytes_max / 4);
  event.order_id = one_line_of(event.order_id, limits::name_bytes_max / 4);
  return read;
}

}  // namespace tern::server
