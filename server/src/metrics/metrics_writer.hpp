// One Prometheus sample after the other.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tern::server {

class MetricsWriter {
public:
  MetricsWriter& counter(std::string_view name, std::string_view help, std::uint64_t value) {
    return sample(name, help, "counter", value);
  }
  MetricsWriter& gauge(std::string_view name, std::string_view help, std::uint64_t value) {
    return sample(name, help, "gauge", value);
  }
  /// One more sample of the metric before: name{label="value"}.
  MetricsWriter& begin(std::string_view name, std::string_view help, std::string_view type);
  MetricsWriter& labelled(std::string_view name, std::string_view label, std::string_view label_value,
                          std::uint64_t value);
  [[nodiscard]] std::string take() { return std::move(out_); }

private:
  MetricsWriter& sample(std::string_view name, std::string_view help, std::string_view type, std::uint64_t value);
  std::string out_;
};

}  // namespace tern::server
