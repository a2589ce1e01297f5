// The story of one change in one line.
#pragma once

#include <string>

#include "tern/client/views.hpp"

namespace tern::client {

struct SentenceFacts {
  const HistoryEntry& entry;
  std::int64_t stands_at_ms = 0;  // 0: not known
  bool ghost = false;
  sync::Unit unit = sync::Unit::none;
  std::string amended_by;       // who caused an amendment; "" where it is not known
  std::int64_t amended_ms = 0;  // when that arrived; 0: not known
  std::size_t altered = 0;      // changes of others that this one altered when it arrived
};

std::string sentence_for(const SentenceFacts& facts, const ClockText& clock);

}  // namespace tern::client
