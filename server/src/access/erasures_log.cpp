#include "erasures_log.hpp"

#include <algorithm>
#include <charconv>

#include "tern/protocol/crypto.hpp"

namespace tern::server {
namespace {

using Verb = LogLine::Verb;

constexpr std::size_t sum_bytes = 4;
constexpr std::int64_t sample_ms = 1'000'000'000'000;  // as many digits as a time of this century has
constexpr std::size_t shown_bytes_max = 40;
constexpr std::string_view verbs[] = {"revoke", "freeze", "epoch", "erase", "person"};

std::string sum_of(std::string_view words) {
  return to_hex(protocol::sha256(words).view().substr(0, sum_bytes));
}

std::vector<std::string_view> lines_of(ByteView text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const auto end = text.find('\n');
    out.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

template <typename Id>
bool take_id(std::string_view word, Id& out) {
  const auto raw = from_hex(word);
  const auto id = raw ? Id::from(*raw) : std::nullopt;
  if (id) out = *id;
  return id.has_value();
}

bool take_time(std::string_view word, std::int64_t& out) {
  const auto [end, failed] = std::from_chars(word.data(), word.data() + word.size(), out);
  return failed == std::errc() && end == word.data() + word.size() && out > 0;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> out;
  for (;;) {
    const auto end = line.find(' ');
    out.push_back(line.substr(0, end));
    if (end == std::string_view::npos) return out;
    line.remove_prefix(end + 1);
  }
}

/// Of a damaged line: bytes that are no text are shown as dots.
std::string shown(std::string_view line) {
  std::string out(line.substr(0, shown_bytes_max));
  for (char& c : out)
    if (c < ' ' || c > '~') c = '.';
  return line.size() > shown_bytes_max ? out + "..." : out;
}

bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/// Whether a line of this tenant may begin like this, and goes on.
bool begins_line_of(const TenantId& tenant, std::string_view begin) {
  return std::any_of(std::begin(verbs), std::end(verbs), [&](const std::string_view& verb) {
    const auto which = static_cast<Verb>(&verb - std::begin(verbs));
    const std::string sample = to_log_line({which, tenant, {}, {}, {}, {}, sample_ms});
    const std::size_t head = verb.size() + 1 + to_hex(tenant).size() + 1;
    if (begin.size() + 1 >= sample.size()) return false;
    for (std::size_t i = 0; i < begin.size(); ++i) {
      const bool any_digit = i >= head && is_hex_digit(sample[i]);
      if (any_digit ? !is_hex_digit(begin[i]) : begin[i] != sample[i]) return false;
    }
    return true;
  });
}

}  // namespace

std::string to_log_line(const LogLine& line) {
  std::string words(verbs[static_cast<std::size_t>(line.verb)]);
  words += " " + to_hex(line.tenant) + " ";
  words += line.verb == Verb::epoch    ? to_hex(line.epoch)
           : line.verb == Verb::person ? to_hex(line.contact)
                                       : to_hex(line.device);
  if (line.verb == Verb::erase) words += " " + to_hex(line.change);
  if (line.verb == Verb::epoch && line.epoch_ms > 0) words += " " + std::to_string(line.epoch_ms);
  return words + " #" + sum_of(words) + "\n";
}

std::optional<LogLine> parse_log_line(std::string_view line) {
  if (const auto mark = line.find(" #"); mark != std::string_view::npos) {
    if (line.substr(mark + 2) != sum_of(line.substr(0, mark))) return std::nullopt;
    line = line.substr(0, mark);
  }
  const auto words = words_of(line);
  const auto verb = std::find(std::begin(verbs), std::end(verbs), words.front());
  if (verb == std::end(verbs)) return std::nullopt;
  LogLine out;
  out.verb = static_cast<Verb>(verb - std::begin(verbs));
  const bool timed = out.verb == Verb::epoch && words.size() == 4;
  if (words.size() != (out.verb == Verb::erase || timed ? 4U : 3U) || !take_id(words[1], out.tenant))
    return std::nullopt;
  const bool named = out.verb == Verb::epoch    ? take_id(words[2], out.epoch)
                     : out.verb == Verb::person ? take_id(words[2], out.contact)
                                                : take_id(words[2], out.device);
  if (!named) return std::nullopt;
  if (out.verb == Verb::erase && !take_id(words[3], out.change)) return std::nullopt;
  if (timed && !take_time(words[3], out.epoch_ms)) return std::nullopt;
  return out;
}

LogText read_log_text(ByteView text) {
  LogText out;
  std::size_t number = 0;
  for (const std::string_view line : lines_of(text)) {
    ++number;
    if (line.empty()) continue;
    if (const auto parsed = parse_log_line(line))
      out.lines.push_back(to_log_line(*parsed));
    else
      out.damaged.push_back("line " + std::to_string(number) + " (" + shown(line) + ")");
  }
  std::sort(out.lines.begin(), out.lines.end());
  out.lines.erase(std::unique(out.lines.begin(), out.lines.end()), out.lines.end());
  return out;
}

Bytes mend_torn_lines(ByteView text, const TenantId& tenant, const std::set<std::string>& due,
                      const std::string& epoch_line) {
  const std::size_t names_nothing = epoch_line.find(' ') + 1 + to_hex(tenant).size();
  Bytes out;
  for (const std::string_view line : lines_of(text)) {
    if (line.empty()) continue;
    const bool last = line.end() == text.end();
    if (!parse_log_line(line)) {
      if (line.size() > names_nothing && epoch_line.starts_with(line)) {
        out += epoch_line;
        continue;
      }
      const auto full = due.lower_bound(std::string(line));
      if (full != due.end() && full->starts_with(line)) continue;
      if (last && text.back() != '\n' && begins_line_of(tenant, line)) continue;
    }
    out += line;
    if (!last || text.back() == '\n') out += '\n';
  }
  return out;
}

Bytes merge_logs(ByteView a, ByteView b) {
  std::set<std::string> known;
  Bytes out;
  for (const ByteView text : {a, b})
    for (const std::string_view line : lines_of(text)) {
      if (line.empty()) continue;
      const auto parsed = parse_log_line(line);
      std::string written = parsed ? to_log_line(*parsed) : std::string(line) + "\n";
      if (!known.insert(written).second) continue;
      out += written;
    }
  return out;
}

}  // namespace tern::server
