#include "simulation/outside.hpp"

#include "support/must.hpp"
#include "tern/protocol/json.hpp"

namespace tern::test {
namespace {

// A day, less what an answer may be late that nobody took at once.
constexpr std::int64_t between_answers_ms = 20LL * 3'600'000;

tl::unexpected<Error> not_reached() {
  return fail(ErrorCode::no_connection, "cannot be reached");
}

std::string header_in(const std::string& mail, const std::string& name) {
  const std::string head = "\r\n" + mail.substr(0, mail.find("\r\n\r\n") + 2);
  const std::size_t at = head.find("\r\n" + name + ": ");
  if (at == std::string::npos) return {};
  const std::size_t from = at + name.size() + 4;
  return head.substr(from, head.find("\r\n", from) - from);
}

std::string body_of(const std::string& mail) {
  return mail.substr(mail.find("\r\n\r\n") + 4);
}

}  // namespace

/// I30: one event has one name, however often it is sent.
Result<int> Outside::post(const server::WebPost& post) {
  if (!reachable()) return not_reached();
  const Json body = must(parse_json(post.body));
  const std::string name = body["id"].as_string(), event = body["event"].as_string();
  const std::string change = body["change"].is_null() ? std::string() : body["change"]["name"].as_string();
  for (const auto& [header, value] : post.headers)
    if (header == "Tern-Delivery" && value != name) complain("I30: a webhook says of itself that it is another one");
  const auto [at, first] = deliveries_.try_emplace(name, Delivery{event, change});
  if (!first && (at->second.event != event || at->second.change != change))
    complain("I30: a webhook told of " + event + " " + change + " under the name of another one");
  if (!change.empty() && named_.try_emplace({event, change}, name).first->second != name)
    complain("I30: " + event + " of " + change + " went out under two names");
  if (at->second.attempts++ != 0) ++again_;
  if (web / 100 == 2) ++at->second.taken;
  return web;
}

/// I30: nobody sees two mails of one message. I31: nobody gets two automatic answers in a day.
Result<server::MailAnswer> Outside::mail(const server::MailServer&, const server::MailPost& post) {
  if (!reachable()) return not_reached();
  if (smtp != 250) return server::MailAnswer{smtp, false};
  const std::string id = header_in(post.content, "Message-ID");
  if (id.empty()) complain("I30: a mail has no name");
  const bool first = message_ids_.insert(id).second;
  if (!first) ++again_;
  if (first && post.recipient.ends_with("@customer.example")) ++to_customers_;
  // What the server says by itself may be said again in the same words, an answer of somebody's may not.
  const bool answer = header_in(post.content, "Auto-Submitted").empty();
  const auto [at, new_words] = told_.try_emplace({post.recipient, body_of(post.content)}, id);
  if (answer && !new_words && at->second != id)
    complain("I30: " + post.recipient + " got the same mail under two names");
  if (first && header_in(post.content, "Auto-Submitted").starts_with("auto-replied")) {
    const auto [last, none] = answered_by_itself_ms_.try_emplace(post.recipient, now_ms());
    if (!none && now_ms() - last->second < between_answers_ms)
      complain("I31: " + post.recipient + " got two automatic answers in a day");
    last->second = now_ms();
  }
  return server::MailAnswer{smtp, false};
}

Result<server::WebAnswer> Outside::fetch(const server::WebAsk&) {
  return not_reached();
}

}  // namespace tern::test
