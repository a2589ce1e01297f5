// What programs of others post: mails, messengers, and whatever a mapping describes. It is an event within all limits
// of a ticket or a refusal that names what is missing; a mail that a program wrote is known by its mark wherever that
// stands; and of what is kept nobody reads the hook's secret.
//
// Input: form (1 byte), what is put to it (1 byte), then of a mail its fields: which (1 byte), length (2 bytes), value;
// of all others the mapping (2 bytes of length), then JSON.
#include "fuzz/fuzz_input.hpp"
#include "inbound/inbound_event.hpp"
#include "inbound/inbound_text.hpp"
#include "one_line.hpp"
#include "tern/protocol/crypto.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/text.hpp"
#include "tern/sync/ticket_fields.hpp"

namespace tern::fz_inbound_event {

namespace {

constexpr std::string_view mail_fields[] = {
    "from", "From", "recipient", "to",      "envelope",   "In-Reply-To",     "References", "subject",    "Subject",
    "text", "html", "headers",   "headers", "body-plain", "message-headers", "Message-Id", "body-plain", "body-html"};
constexpr std::string_view marks[] = {"Auto-Submitted: auto-replied",
                                      "AUTO-SUBMITTED:auto-generated",
                                      "Precedence: bulk",
                                      "precedence:  junk ",
                                      "List-Id: <all.example.org>",
                                      "X-Autoreply: yes",
                                      "Return-Path: <>\r",
                                      "Precedence: auto_reply",
                                      "X-Auto-Response-Suppress: All"};
constexpr std::size_t fields_max = 24;

Json mail_of(fuzz::Input& input) {
  Json out = Json::object();
  for (std::size_t i = 0; i < fields_max && !input.rest().empty(); ++i) {
    const std::string_view name = mail_fields[input.u8() % std::size(mail_fields)];
    const ByteView value = input.sized();
    if (is_valid_utf8(value)) out.set(std::string(name), Json(value));
  }
  return out;
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return text;
}

/// Whether nothing else of the mail says what the mark says, or hides it.
bool may_be_marked(const Json& mail) {
  const std::string text = lower(to_text(mail));
  for (const char* name : {"submitted", "precedence", "list-id", "x-auto", "return-path", "\\u"})
    if (text.find(name) != std::string::npos) return false;
  return true;
}

void mark(Json& mail, std::size_t which) {
  const std::string line(marks[which % std::size(marks)]);
  if ((which & 0x40) != 0) {
    const std::size_t colon = line.find(':');
    std::string value = line.substr(colon + 1);
    std::erase_if(value, [](char c) { return c == ' ' || c == '\r'; });
    const Json pairs = Json::array({Json::array({"X-Any", "a"}), Json::array({line.substr(0, colon), value})});
    mail.set("message-headers", Json(to_text(pairs)));
  } else {
    const std::string before = mail["headers"].as_string();
    mail.set("headers", Json(before + "\n" + line + "\nX-Last: z"));
  }
}

std::size_t characters_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

void is_line(const std::string& text, std::size_t characters_max) {
  check(server::is_one_line(text) && protocol::is_nfc(text), "what stands on one line is one");
  check(characters_of(text) <= characters_max, "a line keeps its limit");
}

void is_within_limits(const server::InboundEvent& event) {
  is_line(event.subject, limits::subject_code_points_max);
  is_line(event.contact_name, limits::name_bytes_max / 4);
  is_line(event.order_id, limits::name_bytes_max / 4);
  check(!server::is_blank(event.subject), "a subject can be seen");
  for (const std::string* text : {&event.description, &event.message})
    check(text->size() <= limits::text_bytes_max && protocol::is_nfc(*text), "a text is one, and keeps its limit");
  check(!server::is_nothing(event.description), "a ticket says something");
  check(event.priority.empty() || sync::priority_rank(event.priority), "a priority is known");
  const std::string& email = event.contact_email;
  const std::size_t at = email.find('@');
  check(email.empty() || (at != 0 && at + 1 < email.size() && at != std::string::npos), "an address is one");
  check(server::is_one_line(email) && email.find_first_of(" ,;<>\"") == std::string::npos && email.size() <= 254,
        "an address is alone");
}

void nothing_secret_is_kept(const Json& payload, bool digits) {
  const server::HookSecrets secrets{digits ? "12345678" : "secret of a hook", "the one before", 0};
  const std::string kept = server::without_secrets(payload, secrets);
  check(kept.size() <= server::inbound_kept_bytes_max, "what is kept keeps its limit");
  for (const std::string* secret : {&secrets.now, &secrets.before})
    check(kept.find(*secret) == std::string::npos, "no secret is kept");
  if (kept.empty()) return;
  const auto again = parse_json(kept, {.depth_max = 64, .bytes_max = kept.size(), .decimals = true});
  check(again && again->is_object(), "what is kept can be read again");
}

}  // namespace

TERN_FUZZ_TARGET(fz_inbound_event) {
  static const bool ready = protocol::init_crypto().has_value();
  check(ready, "crypto");
  fuzz::Input input(data, size_bytes);
  server::InboundHook hook;
  hook.form = static_cast<server::InboundForm>(input.u8() % 4);
  hook.proof = server::InboundProof::token;
  const std::uint8_t with = input.u8();
  const bool is_mail = hook.form == server::InboundForm::email;
  server::InboundRequest request;
  bool marked = false;
  if (is_mail) {
    hook.mapping = Json::object();
    request.payload = mail_of(input);
    marked = (with & 0x80) != 0 && may_be_marked(request.payload);
    if (marked) mark(request.payload, with & 0x7f);
  } else {
    hook.mapping = parse_json(input.sized()).value_or(Json::object());
    request.payload = parse_json(input.rest(), {.decimals = true}).value_or(Json::object());
    if (!request.payload.is_object()) return 0;
  }
  nothing_secret_is_kept(request.payload, (with & 1) != 0);
  if (const auto good = server::check_mapping(hook.form, hook.mapping); !good) {
    check(!good.error().message.empty() && good.error().field == "mapping", "a mapping is refused with why");
    return 0;
  }

  std::size_t asked = 0;
  std::string told;
  const server::FindAnswered find = [&](std::string_view name, std::string_view sender) -> std::optional<TicketId> {
    check(told.empty(), "who was found is not sought");
    check(!name.empty() && name.find_first_of(" ,\t\r\n\"") == std::string_view::npos, "a name is one word");
    check(sender.find('@') != std::string_view::npos, "it is sought for somebody");
    ++asked;
    if (name.find("t.") == std::string_view::npos) return std::nullopt;
    told = name;
    return fuzz::filled<TicketId>(7);
  };
  const auto event = server::read_event(hook, request, find);
  check(asked <= 100, "as many names are sought as are looked at");
  if (!event) {
    check(event.error().code == ErrorCode::invalid && event.error().hint == "unmapped" && !event.error().field.empty(),
          "a refusal names what is missing");
    return 0;
  }
  check(event->id == server::event_id_of(hook, request) && event->id.size() > 3, "an event has its name");
  check(event->answers.has_value() == !told.empty(), "it answers what was found");
  if (!event->ignored.empty()) return 0;
  check(!marked || event->automatic, "what a program wrote is known by its mark");
  check(!event->only_refers || !event->was_given, "what only refers was given to nobody");
  is_within_limits(*event);
  return 0;
}

}  // namespace tern::fz_inbound_event
