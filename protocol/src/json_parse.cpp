// JSON from strangers. The grammar is nlohmann's; what it lets through (duplicate keys, a byte-order mark, NUL in a
// text, any depth) is refused here.
#include <iterator>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "tern/protocol/json.hpp"

namespace tern {
namespace {

constexpr std::size_t depth_limit = 128;

// Number types of our own keep these templates apart from those of code that is compiled with exceptions.
using Grammar = nlohmann::basic_json<std::map, std::vector, std::string, bool, long long, unsigned long long, double>;

/// Walks the text and tells how far the grammar has read.
class Position {
public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Position(const char* at, std::size_t* read) : at_(at), read_(read) {}
  reference operator*() const { return *at_; }
  Position& operator++() {
    ++at_;
    ++*read_;
    return *this;
  }
  Position operator++(int) {
    Position before = *this;
    ++*this;
    return before;
  }
  bool operator==(const Position& other) const { return at_ == other.at_; }

private:
  const char* at_;
  std::size_t* read_;
};

/// Builds the value while the grammar reads; the first refusal ends it.
class Builder final : public nlohmann::json_sax<Grammar> {
public:
  Builder(JsonLimits limits, const std::size_t* read) : limits_(limits), read_(read) {}

  bool null() override { return add(Json()); }
  bool boolean(bool value) override { return add(Json(value)); }
  bool number_integer(long long value) override { return add(Json(value)); }
  bool number_unsigned(unsigned long long value) override {
    if (value > static_cast<unsigned long long>(std::numeric_limits<std::int64_t>::max())) return refuse_number();
    return add(Json(value));
  }
  bool number_float(double value, const std::string& text) override {
    // A whole number that does not fit arrives here too.
    if (!limits_.decimals || text.find_first_of(".eE") == std::string::npos) return refuse_number();
    return add(Json(value));
  }
  bool string(std::string& value) override { return text_fits(value) && add(Json(std::move(value))); }
  bool binary(Grammar::binary_t&) override { return refuse("json_invalid", "binary data"); }
  bool start_object(std::size_t) override { return open(Json::object()); }
  bool key(std::string& name) override {
    if (!text_fits(name)) return false;
    if (!levels_.back().names.insert(name).second) {
      refuse("json_duplicate_key", "a key stands twice in one object", name);
      return false;
    }
    levels_.back().name = std::move(name);
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(Json::array()); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
    const std::string_view what = error.what();
    const bool encoding = what.find("UTF-8") != what.npos || what.find("surrogate") != what.npos;
    if (encoding) return refuse("text_encoding", "a text is no Unicode", member());
    return refuse("json_invalid", "this is no JSON");
  }

  bool refuse(std::string hint, std::string_view message, std::string field = {}) {
    if (error_.message.empty()) {
      error_ = {ErrorCode::invalid, std::string(message) + ", at byte " + std::to_string(*read_), std::move(hint),
                std::move(field)};
    }
    return false;
  }

  Result<Json> take() {
    if (!error_.message.empty()) return tl::unexpected(std::move(error_));
    return std::move(root_);
  }

private:
  struct Level {
    Json value;
    std::string name = {};  // of the member that is being read
    std::unordered_set<std::string> names = {};
  };

  bool refuse_number() {
    return refuse("json_invalid",
                  limits_.decimals ? "a number is too large" : "a number must be whole and fit 64 bits");
  }

  bool text_fits(std::string_view text) {
    return text.find('\0') == text.npos || refuse("text_encoding", "a text holds a NUL", member());
  }

  /// Whose value is being read; empty: nobody's.
  [[nodiscard]] std::string member() const {
    for (auto level = levels_.rbegin(); level != levels_.rend(); ++level)
      if (!level->name.empty()) return level->name;
    return {};
  }

  bool add(Json value) {
    if (levels_.empty()) {
      root_ = std::move(value);
    } else if (levels_.back().value.is_array()) {
      levels_.back().value.push(std::move(value));
    } else {
      levels_.back().value.append_member(std::move(levels_.back().name), std::move(value));
    }
    return true;
  }

  bool open(Json value) {
    if (levels_.size() >= std::min(limits_.depth_max, depth_limit)) return refuse("json_invalid", "nested too deep");
    levels_.push_back(Level{std::move(value)});
    return true;
  }

  bool close() {
    Json value = std::move(levels_.back().value);
    levels_.pop_back();
    return add(std::move(value));
  }

  JsonLimits limits_;
  const std::size_t* read_;
  std::vector<Level> levels_;
  Json root_;
  Error error_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, JsonLimits limits) {
  if (text.size() > limits.bytes_max) return fail(ErrorCode::too_large, "the JSON text is too long", {}, "body");
  std::size_t read = 0;
  Builder builder(limits, &read);
  if (text.starts_with("\xef\xbb\xbf")) {
    builder.refuse("json_invalid", "a byte-order mark");
    return builder.take();
  }
  const Position begin(text.data(), &read);
  const Position end(text.data() + text.size(), &read);
  if (!Grammar::sax_parse(begin, end, &builder)) builder.refuse("json_invalid", "this is no JSON");
  return builder.take();
}

}  // namespace tern
