// A map of a few entries in one piece of memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "tern/protocol/error.hpp"

namespace tern::sync {

/// What is used of std::map, in the same order. A new key moves entries: references last until then.
template <typename Key, typename Value>
class SortedMap {
public:
  using Entry = std::pair<Key, Value>;

  [[nodiscard]] auto begin() const { return entries_.begin(); }
  [[nodiscard]] auto end() const { return entries_.end(); }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

  [[nodiscard]] auto find(const Key& key) const {
    const auto at = std::ranges::lower_bound(entries_, key, {}, &Entry::first);
    return at != entries_.end() && at->first == key ? at : entries_.end();
  }
  [[nodiscard]] bool contains(const Key& key) const { return find(key) != entries_.end(); }
  [[nodiscard]] const Value& at(const Key& key) const {
    const auto found = find(key);
    check(found != entries_.end(), "a key that is there");
    return found->second;
  }
  Value& operator[](const Key& key) {
    const auto at = std::ranges::lower_bound(entries_, key, {}, &Entry::first);
    if (at != entries_.end() && at->first == key) return at->second;
    return entries_.emplace(at, key, Value{})->second;
  }
  /// False, and nothing is added, when the key does not stand behind all others.
  bool append(Key key, Value value) {
    if (!entries_.empty() && !(entries_.back().first < key)) return false;
    if (entries_.capacity() == 0) entries_.reserve(usual_size);
    entries_.emplace_back(std::move(key), std::move(value));
    return true;
  }

  bool operator==(const SortedMap&) const = default;

private:
  static constexpr std::size_t usual_size = 12;

  std::vector<Entry> entries_;
};

}  // namespace tern::sync
