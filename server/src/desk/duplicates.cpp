#include "desk/duplicates.hpp"

#include <algorithm>
#include <set>

#include "tern/protocol/text.hpp"

namespace tern::server {
namespace {

constexpr std::int64_t looked_at_max = 500;  // of the newest tickets
constexpr std::size_t similar_max = 5;

bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
}

std::set<std::string> subject_words(const std::string& canonical) {
  std::set<std::string> out;
  std::string word;
  for (const char c : canonical + " ") {
    if (is_word_byte(c))
      word += c;
    else if (!word.empty())
      out.insert(std::exchange(word, {}));
  }
  return out;
}

/// How long "re:", "fwd[2]:" and the like at its beginning is; 0: there is none.
std::size_t prefix_bytes(std::string_view subject) {
  constexpr std::string_view words[] = {"re", "fwd", "fw", "aw", "sv", "vs", "ha", "wg", "\xD0\xBE\xD1\x82\xD0\xB2"};
  for (const std::string_view word : words) {
    if (!subject.starts_with(word)) continue;
    std::size_t at = word.size();
    if (at < subject.size() && subject[at] == '[') {
      const std::size_t close = subject.find(']', at);
      if (close == std::string_view::npos) continue;
      at = close + 1;
    }
    if (at < subject.size() && subject[at] == ':') return at + 1;
  }
  return 0;
}

}  // namespace

std::string canonical_subject(std::string_view subject) {
  const std::string folded = protocol::fold_case(subject);
  std::string_view rest = folded;
  for (;;) {
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    const std::size_t prefix = prefix_bytes(rest);
    if (prefix == 0) break;
    rest.remove_prefix(prefix);
  }
  while (rest.ends_with(' ')) rest.remove_suffix(1);
  return std::string(rest);
}

bool are_similar_subjects(std::string_view a, std::string_view b) {
  const std::string one = canonical_subject(a), other = canonical_subject(b);
  if (one == other) return true;
  const auto first = subject_words(one), second = subject_words(other);
  const auto common = static_cast<std::size_t>(
      std::ranges::count_if(first, [&](const std::string& word) { return second.contains(word); }));
  return common > 0 && common * 5 >= (first.size() + second.size() - common) * 3;
}

Result<std::vector<TicketId>> similar_tickets(sqlite::Database& db, std::int64_t tenant, const Requester& requester,
                                              std::string_view subject, std::int64_t now_ms) {
  std::vector<TicketId> out;
  if (!requester.contact && !requester.organisation) return out;
  TERN_TRY(auto rows, db.query("SELECT ticket_id, contact, organisation, subject, created_ms, listed FROM ticket "
                               "WHERE tenant_id = $1 ORDER BY integer_id DESC LIMIT $2",
                               tenant, looked_at_max));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more || out.size() >= similar_max) return out;
    const Bytes whose(requester.contact ? rows.blob(1) : rows.blob(2));
    const bool same = whose == (requester.contact ? requester.contact->view() : requester.organisation->view());
    const bool recent = rows.int64(4) > now_ms - duplicates_within_ms;
    if (same && recent && rows.int64(5) != 0 && are_similar_subjects(subject, rows.text(3)))
      out.push_back(rows.id<TicketId>(0));
  }
}

}  // namespace tern::server
