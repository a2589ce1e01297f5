// One call of `tern`, as parsed: plain values, so that CLI11 stays in main.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tern::apps {

struct Invocation {
  std::string command;  // "list", "new" ...
  std::string home;
  bool json = false;
  bool passphrase_stdin = false;
  std::size_t columns = 0;  // of the terminal that shows it; 0: none does

  // enrol, sync
  std::string server, code, link, ca_file, device_name;
  bool yes = false, watch = false, insecure_http = false;

  // what most commands take
  std::string ticket;
  std::string text;   // positional text; "-" reads stdin
  std::string other;  // a second ticket, an operator, a queue
  std::string reason;
  std::string note;
  bool remove = false, undo = false, none = false, restricted = false;
  std::string key, field, value;
  std::int64_t seen = 0;
  std::string kind;
  std::optional<double> hours;
  std::int64_t minutes = 0;
  std::string wake_at;

  // new
  std::string subject, description, priority, category, queue, contact, type, assignee, colour;
  std::vector<std::string> tags, fields, watchers;  // fields: NAME=VALUE

  // on-site; `text` is the result, `contact` who signed
  std::string arrived, left, signed_by, signature;
  bool internal = false;

  // lists
  std::string view, status, tag, contains, age, sort, after;
  bool ascending = false, unread = false;
  std::size_t limit = 50;
  std::string dismiss, entry, follow_up;  // attention

  // split
  std::vector<std::string> messages;
  bool inherit_clock = false;

  bool unanswered = false;  // call

  // attach, fetch, fetch-policy; `text` is a note beside the files, `value` an answer, `other` a file of the ticket
  std::vector<std::string> files;
  std::string out, each_max, total_max;
  bool open = false;
};

/// Runs it; gives the exit code. Results on stdout, everything else on stderr.
int run(const Invocation& call);

}  // namespace tern::apps
