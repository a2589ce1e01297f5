// The data of the works: tickets of about 284 bytes in 12 fields, messages of about 492 bytes, all from one seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace tern::bench {

inline constexpr std::size_t words_count = 4'096;
inline constexpr std::size_t ticket_bytes = 284;              // of the values of a ticket's 12 fields, ids as 16 bytes
inline constexpr std::size_t message_bytes = 492;             // of a message row: text, ids, time
inline constexpr std::size_t message_id_bytes = 16 + 16 + 8;  // ticket, author, time: the rest is text

inline constexpr std::size_t categories_count = 12;
inline constexpr std::size_t contacts_count = 400;
inline constexpr std::size_t organisations_count = 40;

/// The 12 fields: subject, description, type, priority, category, contact, organisation, due, asset (an external
/// reference), location, model (custom fields), assignee (who made it).
struct TicketData {
  std::string subject, description, type, priority, due_ms, asset, location, model;
  std::size_t category = 0, contact = 0, organisation = 0;  // running numbers of records
  std::vector<std::string> messages;
};

/// How much there is of everything.
struct DeskSize {
  std::size_t agents = 100;
  std::size_t tickets_per_agent = 100;
  std::size_t messages_per_ticket = 5;

  [[nodiscard]] std::size_t tickets() const { return agents * tickets_per_agent; }
  [[nodiscard]] std::size_t messages() const { return tickets() * messages_per_ticket; }
};

/// A stream of numbers from a seed; the same on every machine.
class Draws {
public:
  explicit Draws(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  /// Below `bound`.
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }
  /// In [0, 1).
  double fraction() { return static_cast<double>(next() >> 11) * 0x1p-53; }

private:
  std::uint64_t state_;
};

/// Text of `count` words; the n-th most frequent stands about 1/n as often as the first.
class Words {
public:
  explicit Words(std::uint64_t seed, std::size_t count = words_count);
  /// By how frequent it is, from 0 on.
  [[nodiscard]] const std::string& word(std::size_t rank) const { return words_.at(rank); }
  /// Words with spaces between them, `size_bytes` long.
  std::string text(Draws& draws, std::size_t size_bytes) const;

private:
  std::vector<std::string> words_;
};

/// Tickets in the order of their agents.
std::vector<TicketData> make_tickets(const DeskSize& size, std::uint64_t seed);

}  // namespace tern::bench
