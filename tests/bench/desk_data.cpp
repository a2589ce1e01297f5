#include "desk_data.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "tern/protocol/error.hpp"

namespace tern::bench {
namespace {

constexpr std::size_t subject_bytes = 52;
constexpr std::size_t refs_bytes = 4 * 16;  // category, contact, organisation, assignee
constexpr std::int64_t due_from_ms = 1'767'225'600'000;
constexpr std::array types = {"bug", "feature", "question", "complaint", "other"};

std::string make_word(Draws& draws) {
  static constexpr std::string_view heads = "bcdfghklmnprstvw", vowels = "aeiou", tails = "lnrstm";
  std::string word;
  const std::size_t syllables = 1 + draws.below(4);
  for (std::size_t i = 0; i < syllables; ++i) {
    word += heads[draws.below(heads.size())];
    word += vowels[draws.below(vowels.size())];
    if (draws.below(2) == 0) word += tails[draws.below(tails.size())];
  }
  return word;
}

std::string numbered(const char* before, std::size_t number, std::size_t digits) {
  std::string text = std::to_string(number);
  return before + std::string(digits - std::min(digits, text.size()), '0') + text;
}

TicketData make_ticket(Draws& draws, const Words& words, std::size_t messages) {
  TicketData ticket;
  ticket.subject = words.text(draws, subject_bytes);
  ticket.type = types[draws.below(types.size())];
  ticket.priority = std::string(1, static_cast<char>('1' + draws.below(4)));
  ticket.due_ms = std::to_string(due_from_ms + static_cast<std::int64_t>(draws.below(180 * 24 * 60)) * 60'000);
  ticket.asset = numbered("A-", draws.below(1'000'000), 6);
  ticket.location = numbered("Hall ", draws.below(40), 2) + numbered(", row ", draws.below(90), 2);
  ticket.model = words.text(draws, 12);
  ticket.category = draws.below(categories_count);
  ticket.contact = draws.below(contacts_count);
  ticket.organisation = draws.below(organisations_count);
  const std::size_t so_far = ticket.subject.size() + ticket.type.size() + 1 + ticket.due_ms.size() +
                             ticket.asset.size() + ticket.location.size() + ticket.model.size() + refs_bytes;
  ticket.description = words.text(draws, ticket_bytes - so_far);
  for (std::size_t i = 0; i < messages; ++i)
    ticket.messages.push_back(words.text(draws, message_bytes - message_id_bytes));
  return ticket;
}

}  // namespace

// splitmix64 (Steele, Lea, Flood 2014).
std::uint64_t Draws::next() {
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

Words::Words(std::uint64_t seed, std::size_t count) {
  Draws draws(seed);
  std::set<std::string> known;
  while (words_.size() < count) {
    std::string word = make_word(draws);
    if (known.insert(word).second) words_.push_back(std::move(word));
  }
}

std::string Words::text(Draws& draws, std::size_t size_bytes) const {
  std::string out;
  while (out.size() < size_bytes) {
    if (!out.empty()) out += ' ';
    const double rank = std::pow(static_cast<double>(words_.size()), draws.fraction()) - 1;
    out += words_[std::min(static_cast<std::size_t>(rank), words_.size() - 1)];
  }
  out.resize(size_bytes);
  if (out.back() == ' ') out.back() = 'a';
  return out;
}

std::vector<TicketData> make_tickets(const DeskSize& size, std::uint64_t seed) {
  const Words words(seed);
  Draws draws(seed + 1);
  std::vector<TicketData> tickets;
  tickets.reserve(size.tickets());
  for (std::size_t i = 0; i < size.tickets(); ++i)
    tickets.push_back(make_ticket(draws, words, size.messages_per_ticket));
  return tickets;
}

}  // namespace tern::bench
