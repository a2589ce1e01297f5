// The one door through which the server opens connections of its own: webhooks, mail, issuers of logins.
// docs/operating.md says what it lets through.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"

namespace tern::server {

struct EgressOptions {
  std::vector<std::string> allow;         // HOST:PORT: another port than usual, or a host whose address is an inner one
  std::string ca_file;                    // PEM; empty: the system's authorities
  std::int64_t web_deadline_ms = 10'000;  // from the first look at the name to the last byte
  std::int64_t mail_deadline_ms = 30'000;  // likewise, but for the answer to the message itself
  std::int64_t mail_taken_ms = 600'000;    // for that one: it is being stored (RFC 5321, 4.5.3.2.6)
  std::int64_t mail_drain_ms = 10'000;     // a stop lets that one come for so long
};

/// One POST over https.
struct WebPost {
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  Bytes body;
};

/// One request over https whose answer is read.
struct WebAsk {
  std::string method, url;
  std::vector<std::pair<std::string, std::string>> headers;
  Bytes body;
};
struct WebAnswer {
  int status = 0;
  Bytes body;
};

enum class MailSecurity : std::uint8_t { starttls, tls, plain };

struct MailServer {
  std::string host;
  std::uint16_t port = 587;
  MailSecurity security = MailSecurity::starttls;
  std::string user, password;  // empty: no login
  std::string own_name;        // what this server calls itself there; empty: a name that is nobody's
};

/// One message to one address. Lines of `content` end with CR LF.
struct MailPost {
  std::string sender;  // of the envelope; empty: nobody is told that it did not arrive
  std::string recipient;
  std::string content;
};

/// What a mail server said to a mail in the end.
struct MailAnswer {
  int code = 0;             // 250: it has the mail
  bool of_message = false;  // refused was what it says, and not whom it is for
};

/// Thread-safe; each call is one connection, and blocks.
///
/// Ports are 443 for the web and 25, 465, 587 for mail, addresses those that the whole internet reaches; one that is
/// not, among all that a name has, refuses the name (`not_permitted`). The name is looked up once, its address is the
/// one that is connected to, the certificate is checked against the name. No redirects; of an answer at most 64 KiB are
/// read, and but for `fetch` nothing but its code comes back.
class Egress {
public:
  virtual ~Egress() = default;
  /// The status of the answer. `invalid`: no https address; `not_permitted`; `no_connection` with what the trouble is.
  virtual Result<int> post(const WebPost& post) = 0;
  /// The answer, whatever its status. Errors as `post`; `no_connection`, too, for one without a stated end or a coding.
  virtual Result<WebAnswer> fetch(const WebAsk& what) = 0;
  /// 250, or with what the address (550, 551, 553: for good; 4xx) or the message (5xx: for good; 4xx) was refused.
  /// `no_connection` for all trouble before, and for other refusals of the address, which are about this server.
  virtual Result<MailAnswer> mail(const MailServer& server, const MailPost& post) = 0;
  /// Whether EgressOptions::allow names it.
  [[nodiscard]] virtual bool allows(const std::string& host, std::uint16_t port) const = 0;
  /// Ends what is under way, but for a message that is being taken (mail_drain_ms); nothing begins after it.
  virtual void stop() = 0;
};

/// `usage` for an allowance that is none, or authorities that cannot be read. SIGPIPE is ignored by the program.
Result<std::unique_ptr<Egress>> make_egress(const EgressOptions& options);

}  // namespace tern::server
