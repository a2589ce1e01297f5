// What of a damaged outbox goes into a new one, and what is lost. Changes nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "keys/key_file.hpp"
#include "outbox/damaged_outbox.hpp"
#include "outbox/outbox.hpp"
#include "tern/client/salvage.hpp"

namespace tern::client {

inline std::int64_t number_in(const Cells& row, std::size_t column) {
  const auto* held = std::get_if<std::int64_t>(&row[column]);
  return held != nullptr ? *held : 0;
}
inline ByteView bytes_in(const Cells& row, std::size_t column) {
  const auto* held = std::get_if<std::string>(&row[column]);
  return held != nullptr ? ByteView(*held) : ByteView();
}
inline bool is_null(const Cells& row, std::size_t column) {
  return std::holds_alternative<std::monostate>(row[column]);
}

namespace col {  // of set_form and change_form
inline constexpr std::size_t epoch = 1, seq = 2, hash = 6, header = 7, signature = 8, first_header = 9,
                             first_signature = 10, first_position = 11, count = 12, commit = 15;
inline constexpr std::size_t set = 1, ticket = 2, skeleton = 4, salt = 5, body = 6, erased = 7, attention = 11,
                             dismissed = 12, amendment = 13;
}  // namespace col

/// What goes into the new outbox.
struct SalvagePlan {
  DamagedOutbox old;
  SalvageReport report;
  std::uint64_t epoch = 1;
  std::vector<std::int64_t> sets;  // ids, verified; those of the newest epoch are the chain up to its first hole
  Outbox::Head head;
};

/// Everything but `SalvageReport::set_aside`. Errors are those of the disk: tried again, the outbox may be read.
Result<SalvagePlan> plan_salvage(const HomePaths& paths, const OpenedKeys& keys, const std::string& vfs);

}  // namespace tern::client
