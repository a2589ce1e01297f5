#include "egress/mail_dialog.hpp"

#include <algorithm>

#include "tern/protocol/base64.hpp"

namespace tern::server {
namespace {

constexpr std::size_t reply_lines_max = 100;
constexpr int said_yes = 250;

struct MailReply {
  int code = 0;
  std::vector<std::string> words;  // of each line
};

bool is_good(const MailReply& reply) {
  return reply.code / 100 == 2;
}

/// Said to a recipient: there is no such mailbox, or it is elsewhere. Others (530, 535, 554) are about who asks.
bool is_no_mailbox(const MailReply& reply) {
  return reply.code == 550 || reply.code == 551 || reply.code == 553;
}

/// It stands between < and >, in a line of its own.
bool is_mail_address(std::string_view address) {
  return std::ranges::all_of(address, [](char c) { return c > 0x20 && c < 0x7f && c != '<' && c != '>' && c != '\\'; });
}

/// A line that begins with a dot is given another one: a dot alone ends the message.
std::string stuffed(std::string_view content) {
  std::string out;
  out.reserve(content.size() + 16);
  bool begins = true;
  for (const char c : content) {
    if (begins && c == '.') out += '.';
    out += c;
    begins = c == '\n';
  }
  if (!out.ends_with("\r\n")) out += "\r\n";
  return out + ".\r\n";
}

class MailDialog {
public:
  MailDialog(OutgoingLine& line, const MailServer& server, const Poco::Net::Context::Ptr& tls, MailPatience patience)
      : line_(line), server_(server), tls_(tls), patience_(patience) {}

  Result<MailAnswer> send(const MailPost& post) {
    TERN_CHECKED(greet());
    TERN_CHECKED(log_in());
    TERN_TRY(const MailReply from, say("MAIL FROM:<" + post.sender + ">"));
    if (!is_good(from)) return refused("the sender", from);
    TERN_TRY(const MailReply to, say("RCPT TO:<" + post.recipient + ">"));
    if (to.code / 100 == 5 && !is_no_mailbox(to)) return refused("the recipient", to);
    if (!is_good(to)) return MailAnswer{to.code};
    TERN_TRY(const MailReply ready, say("DATA"));
    if (ready.code / 100 == 5) return MailAnswer{ready.code, true};
    if (ready.code != 354) return refused("the message", ready);
    TERN_CHECKED(line_.write(stuffed(post.content)));
    // Whoever ends it now does not know whether it was taken, and sends it twice.
    line_.give_time(patience_.taken_ms, patience_.drain_ms);
    TERN_TRY(const MailReply done, reply());
    static_cast<void>(line_.write("QUIT\r\n"));  // it was taken, whatever is said to that
    return is_good(done) ? MailAnswer{said_yes} : MailAnswer{done.code, true};
  }

private:
  static tl::unexpected<Error> refused(std::string_view what, const MailReply& reply) {
    return no_way("the mail server refuses " + std::string(what) + " (" + std::to_string(reply.code) + ")");
  }

  Result<MailReply> reply() {
    MailReply out;
    for (std::size_t lines = 0; lines < reply_lines_max; ++lines) {
      TERN_TRY(const std::string line, line_.read_line());
      const bool digits =
          line.size() >= 3 && std::all_of(line.begin(), line.begin() + 3, [](char c) { return c >= '0' && c <= '9'; });
      if (!digits || (line.size() > 3 && line[3] != ' ' && line[3] != '-')) break;
      out.code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
      out.words.push_back(line.size() > 4 ? line.substr(4) : std::string());
      if (line.size() == 3 || line[3] == ' ') return out;
    }
    return no_way("does not speak SMTP");
  }
  Result<MailReply> say(const std::string& words) {
    TERN_CHECKED(line_.write(words + "\r\n"));
    return reply();
  }

  Result<void> hello() {
    TERN_TRY(const MailReply answer, say("EHLO " + (server_.own_name.empty() ? "tern.invalid" : server_.own_name)));
    if (!is_good(answer)) return refused("the greeting", answer);
    can_ = answer.words;
    return {};
  }
  [[nodiscard]] bool can(std::string_view what, std::string_view how = {}) const {
    return std::ranges::any_of(can_, [&](std::string words) {
      for (char& c : words)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
      return words.starts_with(what) &&
             (how.empty() || (" " + words + " ").find(" " + std::string(how) + " ") != std::string::npos);
    });
  }

  Result<void> greet() {
    if (server_.security == MailSecurity::tls) TERN_CHECKED(line_.start_tls(server_.host, tls_));
    TERN_TRY(const MailReply banner, reply());
    if (!is_good(banner)) return refused("the connection", banner);
    TERN_CHECKED(hello());
    if (server_.security != MailSecurity::starttls) return {};
    TERN_TRY(const MailReply go, say("STARTTLS"));
    if (!is_good(go)) return no_way("the mail server offers no TLS");
    TERN_CHECKED(line_.start_tls(server_.host, tls_));
    return hello();  // what was said before TLS counts for nothing
  }

  Result<void> log_in() {
    if (server_.user.empty()) return {};
    if (can("AUTH", "PLAIN") || !can("AUTH", "LOGIN")) {
      const std::string both = std::string(1, '\0') + server_.user + std::string(1, '\0') + server_.password;
      TERN_TRY(const MailReply done, say("AUTH PLAIN " + to_base64(both)));
      return is_good(done) ? Result<void>{} : refused("the login", done);
    }
    TERN_TRY(const MailReply who, say("AUTH LOGIN"));
    if (who.code != 334) return refused("the login", who);
    TERN_TRY(const MailReply what, say(to_base64(server_.user)));
    if (what.code != 334) return refused("the login", what);
    TERN_TRY(const MailReply done, say(to_base64(server_.password)));
    return is_good(done) ? Result<void>{} : refused("the login", done);
  }

  OutgoingLine& line_;
  const MailServer& server_;
  const Poco::Net::Context::Ptr& tls_;
  const MailPatience patience_;
  std::vector<std::string> can_;
};

}  // namespace

Result<MailAnswer> speak_mail(OutgoingLine& line, const MailServer& server, const MailPost& post,
                              const Poco::Net::Context::Ptr& tls, MailPatience patience) {
  if (!is_mail_address(server.own_name) || !is_mail_address(post.sender) || !is_mail_address(post.recipient) ||
      post.recipient.empty())
    return fail(ErrorCode::invalid, "that is no address");
  return MailDialog(line, server, tls, patience).send(post);
}

}  // namespace tern::server
