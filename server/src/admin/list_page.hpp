// One page of a list: rows come in the order of their keys, those behind `after` are kept, at most `limit` of them.
#pragma once

#include <fmt/format.h>

#include "admin/admin.hpp"

namespace tern::server::admin {

/// The place of a row among others of its list, as text that sorts like the number.
inline std::string list_key(std::uint64_t number) {
  return fmt::format("{:020}", number);
}

/// Without --limit a list is whole. A row that goes meanwhile takes no other off the pages.
class ListPage {
public:
  static Result<ListPage> of(const AdminCall& call) {
    const std::int64_t limit = call.integer("limit", INT64_MAX);
    if (limit < 1) return fail(ErrorCode::usage, "A page has at least one row.", "", "limit");
    return ListPage(call.has("after") ? call.text("after") : std::string(), static_cast<std::uint64_t>(limit));
  }

  /// Whether the row of this key belongs to the page; keys ascend. Only then it has to be made.
  bool wants(const std::string& key) {
    if (key <= after_) return false;
    if (rows_.size() == limit_) more_ = true;
    return !more_;
  }
  void add(std::string key, Json row) {
    rows_.push(std::move(row));
    last_ = std::move(key);
  }
  /// True: no later row is wanted either.
  [[nodiscard]] bool is_full() const { return more_; }

  /// {"rows": [...]}, with "next" when there are more.
  [[nodiscard]] Json answer() && {
    Json out = Json::object({{"rows", std::move(rows_)}});
    if (more_) out.append_member("next", Json(last_));
    return out;
  }

private:
  ListPage(std::string after, std::uint64_t limit) : after_(std::move(after)), limit_(limit) {}

  std::string after_, last_;
  std::uint64_t limit_;
  Json rows_ = Json::array();
  bool more_ = false;
};

}  // namespace tern::server::admin
