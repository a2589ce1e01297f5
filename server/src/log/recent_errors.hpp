// What went wrong lately, by tenant: the newest lines of the log that are errors or warnings, while the server runs.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "tern/protocol/json.hpp"

namespace tern::server {

/// Thread-safe.
class RecentErrors {
public:
  static constexpr std::size_t kept_max = 500;  // of each tenant

  /// A line as Log wrote it. One of no tenant is nobody's.
  void take(std::string_view line);
  /// The newest first. `tenant`: its uuid.
  [[nodiscard]] std::vector<Json> of(const std::string& tenant) const;

private:
  mutable std::mutex mutex_;
  std::map<std::string, std::deque<Json>> kept_;
};

}  // namespace tern::server
