#include "inbound/channel_forms.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include "api/head_text.hpp"
#include "inbound/inbound_text.hpp"
#include "outgoing/mail_form.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/protocol/text.hpp"

namespace tern::server {
namespace {

constexpr std::size_t chat_subject_characters = 80, names_max = 20;

tl::unexpected<Error> not_of_form(const char* what, const std::string& why) {
  return fail(ErrorCode::invalid, why, "unmapped", what);
}

InboundEvent nothing_to_do(std::string why) {
  InboundEvent out;
  out.ignored = std::move(why);
  return out;
}

std::string number_or_text(const Json& value) {
  return value.is_integer() ? std::to_string(value.as_integer()) : value.as_string();
}

/// What a chat says first is what its ticket is called.
InboundEvent from_chat(std::string key, std::string name, std::string text) {
  InboundEvent out;
  out.subject = one_line_of(text, chat_subject_characters);
  out.description = out.message = std::move(text);
  out.contact_name = name.empty() ? key : std::move(name);
  out.contact_key = key;
  out.key = std::move(key);
  out.by_contact = true;
  return out;
}

// ---- Telegram: an Update ----

Result<InboundEvent> read_telegram(const InboundRequest& request) {
  const Json& message = request.payload["message"];
  if (!message.is_object())
    return request.payload.find("update_id") != nullptr
               ? Result<InboundEvent>(nothing_to_do("an update without a new message"))
               : not_of_form("message", "This is no update of Telegram: it has neither message nor update_id.");
  const std::string chat = number_or_text(message["chat"]["id"]), from = number_or_text(message["from"]["id"]);
  if (chat.empty() || from.empty()) return not_of_form("message.chat.id", "The message says no chat, or nobody.");
  if (message["chat"]["type"].as_string() != "private") return nothing_to_do("a group");
  if (message["from"]["is_bot"].as_bool()) return nothing_to_do("written by a bot");
  std::string text = message["text"].as_string();
  if (text.empty()) text = message["caption"].as_string();
  for (const char* what :
       {"photo", "document", "voice", "audio", "video", "video_note", "sticker", "location", "contact", "animation"})
    if (message.find(what) != nullptr) text += (text.empty() ? "[" : "\n[") + std::string(what) + "]";
  if (is_nothing(text)) return nothing_to_do("a message without words");
  std::string name = message["from"]["first_name"].as_string();
  if (const std::string& last = message["from"]["last_name"].as_string(); !last.empty())
    name += (name.empty() ? "" : " ") + last;
  if (name.empty()) name = message["from"]["username"].as_string();
  InboundEvent out = from_chat(chat, std::move(name), std::move(text));
  out.contact_key = from;
  return out;
}

// ---- WhatsApp: messages.upsert of Evolution API ----

Result<InboundEvent> read_whatsapp(const InboundRequest& request) {
  std::string event = lower_of(request.payload["event"].as_string());
  std::ranges::replace(event, '_', '.');
  if (event.empty()) return not_of_form("event", "This is nothing of Evolution API: it says no event.");
  if (event != "messages.upsert") return nothing_to_do("an event that is no message: " + event.substr(0, 40));
  const Json& data = request.payload["data"];
  const Json& key = data["key"];
  const std::string& chat = key["remoteJid"].as_string();
  if (chat.empty() || key["id"].as_string().empty())
    return not_of_form("data.key", "The message says no chat, or has no id.");
  if (key["fromMe"].as_bool()) return nothing_to_do("a message of our own");
  if (chat.ends_with("@g.us") || chat.ends_with("@broadcast")) return nothing_to_do("a group");
  const Json& message = data["message"];
  std::string text = message["conversation"].as_string();
  if (text.empty()) text = message["extendedTextMessage"]["text"].as_string();
  for (const char* what : {"imageMessage", "videoMessage", "documentMessage", "audioMessage", "stickerMessage",
                           "locationMessage", "contactMessage"})
    if (const Json* media = message.find(what)) {
      if (text.empty()) text = (*media)["caption"].as_string();
      text += (text.empty() ? "[" : "\n[") + std::string(what).substr(0, std::string(what).size() - 7) + "]";
    }
  if (is_nothing(text)) return nothing_to_do("a message without words");
  const std::string number = chat.substr(0, chat.find_first_of("@:"));
  InboundEvent out = from_chat(chat, data["pushName"].as_string(), std::move(text));
  const bool digits = std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
  if (digits && chat.ends_with("@s.whatsapp.net")) out.contact_phone = "+" + number;
  if (out.contact_name == chat) out.contact_name = out.contact_phone.empty() ? chat : out.contact_phone;
  return out;
}

// ---- Mail: what Mailgun and SendGrid post ----

using MailHeads = std::multimap<std::string, std::string>;

/// SendGrid gives them as they stood, Mailgun as pairs.
MailHeads heads_of(const InboundRequest& request) {
  MailHeads out;
  if (const auto pairs = parse_json(request.payload["message-headers"].as_string()))
    for (const Json& pair : pairs->items())
      if (pair.size() == 2) out.emplace(lower_of(pair.items()[0].as_string()), pair.items()[1].as_string());
  const std::string& raw = request.payload["headers"].as_string();
  std::string name, value;
  const auto keep = [&] {
    if (!name.empty()) out.emplace(std::exchange(name, {}), std::exchange(value, {}));
  };
  for (std::size_t at = 0; at < raw.size();) {
    const std::size_t end = std::min(raw.find('\n', at), raw.size());
    const std::string_view line = std::string_view(raw).substr(at, end - at);
    at = end + 1;
    if (line.starts_with(' ') || line.starts_with('\t')) {
      value += " " + std::string(unpadded(line));
      continue;
    }
    keep();
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    name = lower_of(line.substr(0, colon));
    value = std::string(unpadded(line.substr(colon + 1)));
  }
  keep();
  return out;
}

std::string mail_said(const InboundRequest& request, const MailHeads& heads, const char* name) {
  for (const auto& [field, value] : request.payload.members())
    if (value.is_string() && lower_of(field) == name) return value.as_string();
  const auto found = heads.find(name);
  return found == heads.end() ? std::string() : found->second;
}

/// "Ann Lee <ann@example.org>", or an address alone.
struct MailSender {
  std::string name, address;
};
MailSender mail_sender(std::string_view text) {
  const std::size_t open = text.rfind('<'), close = text.rfind('>');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open)
    return {{}, std::string(unpadded(text))};
  std::string name(unpadded(text.substr(0, open)));
  if (name.size() >= 2 && name.starts_with('"') && name.ends_with('"')) name = name.substr(1, name.size() - 2);
  return {std::move(name), std::string(unpadded(text.substr(open + 1, close - open - 1)))};
}

/// What programs write: answers of their own, lists, failures of delivery.
bool is_automatic(const MailHeads& heads) {
  const auto said = [&](const char* name) {
    const auto found = heads.find(name);
    return found == heads.end() ? std::string() : lower_of(found->second);
  };
  const std::string submitted = said("auto-submitted"), precedence = said("precedence");
  return (!submitted.empty() && submitted != "no") || precedence == "bulk" || precedence == "junk" ||
         precedence == "auto_reply" || !said("list-id").empty() || !said("x-autoreply").empty() ||
         !said("x-auto-response-suppress").empty() || said("return-path") == "<>";
}

/// Whether who took the mail in says that its sender's domain disowns it. What a header that came with the mail says of
/// that speaks only against it.
bool is_disowned(const InboundRequest& request, const MailHeads& heads) {
  const auto all = heads.equal_range("authentication-results");
  for (auto one = all.first; one != all.second; ++one)
    if (lower_of(one->second).find("dmarc=fail") != std::string::npos) return true;
  const auto says = [&](const char* name, const char* other, std::string_view word) {
    return lower_of(mail_said(request, heads, name)).find(word) != std::string::npos ||
           lower_of(mail_said(request, heads, other)).find(word) != std::string::npos;
  };
  return says("spf", "x-mailgun-spf", "fail") && !says("dkim", "x-mailgun-dkim-check-result", "pass");
}

/// Names in what a mail refers to: "<...>" and addresses, the last first.
std::vector<std::string> names_of_mail(std::string_view text) {
  std::vector<std::string> out;
  std::string word;
  for (const char c : std::string(text) + " ") {
    const bool ends = c == ' ' || c == ',' || c == '\t' || c == '\n' || c == '\r' || c == '"';
    if (!ends) word += c;
    if (!ends || word.empty()) continue;
    out.push_back(std::exchange(word, {}));
    if (out.size() > names_max) out.erase(out.begin());
  }
  std::ranges::reverse(out);
  return out;
}

Result<InboundEvent> read_mail(const InboundRequest& request, const FindAnswered& find) {
  const MailHeads heads = heads_of(request);
  const MailSender sender = mail_sender(mail_said(request, heads, "from"));
  if (sender.address.find('@') == std::string::npos)
    return not_of_form("from", "The mail does not say who wrote it: from is no address.");
  if (is_nobodys_address(sender.address)) return nothing_to_do("from an address that nobody reads");
  InboundEvent out;
  out.by_contact = true;
  out.contact_email = sender.address;
  out.contact_name = sender.name.empty() ? sender.address : sender.name;
  out.automatic = is_automatic(heads);
  for (const char* where : {"recipient", "to", "envelope", "in-reply-to", "references"})
    for (const std::string& name : names_of_mail(mail_said(request, heads, where))) {
      if (out.answers || !find) continue;
      out.answers = find(name, sender.address);
      out.only_refers = std::string_view(where) == "references";
      out.was_given = !out.only_refers && std::string_view(where) != "in-reply-to";
    }
  if (out.automatic && !out.answers) return nothing_to_do("written by a program");
  for (const char* where : {"body-plain", "text"})
    if (out.description.empty()) out.description = request.payload[where].as_string();
  for (const char* where : {"body-html", "html"})
    if (is_nothing(out.description)) out.description = text_of_html(request.payload[where].as_string());
  if (is_nothing(out.description)) out.description = "(no text)";
  if (is_disowned(request, heads)) out.description = "[unverified sender]\n\n" + out.description;
  if (!request.files.empty()) {
    out.description += "\n\n[not taken:";
    for (std::size_t i = 0; i < request.files.size() && i < names_max; ++i)
      out.description += (i == 0 ? " " : ", ") + one_line_of(request.files[i], 100);
    out.description += "]";
  }
  out.message = out.description;
  out.subject = mail_said(request, heads, "subject");
  if (is_nothing(out.subject)) out.subject = "(no subject)";
  return out;
}

}  // namespace

std::optional<std::string> event_of_form(InboundForm form, const InboundRequest& request) {
  std::string said;
  if (form == InboundForm::telegram) said = number_or_text(request.payload["update_id"]);
  if (form == InboundForm::whatsapp) {
    const Json& key = request.payload["data"]["key"];
    if (!key["id"].as_string().empty()) said = key["remoteJid"].as_string() + " " + key["id"].as_string();
  }
  if (form == InboundForm::email) {
    // Two mails of one name are two mails: names are their senders'.
    const MailHeads heads = heads_of(request);
    const std::string id = mail_said(request, heads, "message-id");
    const std::string text = mail_said(request, heads, "from") + "\n" + mail_said(request, heads, "subject") + "\n" +
                             request.payload["body-plain"].as_string() + request.payload["text"].as_string();
    if (!id.empty()) said = id + " " + to_hex(protocol::sha256(text));
  }
  return said.empty() ? std::nullopt : std::optional(said);
}

Result<InboundEvent> read_form(InboundForm form, const InboundRequest& request, const FindAnswered& find) {
  switch (form) {
    case InboundForm::telegram:
      return read_telegram(request);
    case InboundForm::whatsapp:
      return read_whatsapp(request);
    default:
      return read_mail(request, find);
  }
}

}  // namespace tern::server
