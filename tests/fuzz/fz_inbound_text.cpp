// Texts of strangers on their way into tickets. Of a page what a browser would show as text is kept, and nothing of its
// tags, comments, scripts and styles; what stands on one line is one; what was cut is whole characters; an address is
// one address and nothing beside it.
//
// Input: which (1 byte), how long it may be (2 bytes), then the text.
#include <string>
#include <vector>

#include "fuzz/fuzz_input.hpp"
#include "inbound/inbound_text.hpp"
#include "one_line.hpp"
#include "tern/protocol/text.hpp"

namespace tern::fz_inbound_text {

namespace {

// ---- a page, letter by letter, in the states of the HTML Standard ----

class Page {
public:
  /// Its text, in pieces between what is none.
  std::vector<std::string> text_of(std::string_view html) {
    for (const char c : html) step(c);
    // What only looked like the beginning of something.
    if (state_ == State::open) text_.back() += '<';
    if (state_ == State::end_open) text_.back() += "</";
    return text_;
  }

private:
  enum class State : std::uint8_t {
    data,
    open,
    end_open,
    declaration,
    bogus,
    comment,
    tag_name,
    before_name,
    name,
    after_name,
    before_value,
    single_quoted,
    double_quoted,
    unquoted,
    unread,
  };

  static char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
  static bool letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
  static bool blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

  void go(State state) {
    state_ = state;
    seen_.clear();
    if (state != State::data) text_.emplace_back();
  }
  void begin_tag(char c, bool ends) {
    go(State::tag_name);
    ends_ = ends;
    name_ = lower(c);
  }
  void end_tag() { go(!ends_ && (name_ == "script" || name_ == "style") ? State::unread : State::data); }

  void step(char c) {
    switch (state_) {
      case State::data:
        if (c != '<') text_.back() += c;
        if (c == '<') state_ = State::open;
        return;
      case State::open:
        return step_open(c);
      case State::end_open:
        return letter(c) ? begin_tag(c, true) : go(c == '>' ? State::data : State::bogus);
      case State::declaration:
        seen_ += c;
        if (seen_ == "--") return go(State::comment);
        if (c == '>') return go(State::data);
        if (seen_ != "-") go(State::bogus);
        return;
      case State::bogus:
        if (c == '>') go(State::data);
        return;
      case State::comment:
        seen_ += c;
        if (seen_ == ">" || seen_ == "->" || seen_.ends_with("-->") || seen_.ends_with("--!>")) go(State::data);
        return;
      case State::single_quoted:
      case State::double_quoted:
        if (c == (state_ == State::single_quoted ? '\'' : '"')) state_ = State::before_name;
        return;
      case State::unread:
        if ((blank(c) || c == '/' || c == '>') && seen_.ends_with("</" + name_)) {
          ends_ = true;
          state_ = State::tag_name;
          step_in_tag(c);
        } else {
          seen_ += lower(c);
        }
        return;
      default:
        return step_in_tag(c);
    }
  }

  void step_open(char c) {
    if (letter(c)) return begin_tag(c, false);
    if (c == '/') return go(State::end_open);
    if (c == '!' || c == '?') return go(c == '!' ? State::declaration : State::bogus);
    text_.back() += '<';
    state_ = State::data;
    step(c);
  }

  void step_in_tag(char c) {
    if (c == '>') return end_tag();
    switch (state_) {
      case State::tag_name:
        if (blank(c) || c == '/')
          state_ = State::before_name;
        else
          name_ += lower(c);
        return;
      case State::before_name:
        if (!blank(c) && c != '/') state_ = State::name;
        return;
      case State::name:
      case State::after_name:
        if (c == '=')
          state_ = State::before_value;
        else if (c == '/')
          state_ = State::before_name;
        else
          state_ = blank(c) ? State::after_name : State::name;
        return;
      case State::before_value:
        if (c == '"')
          state_ = State::double_quoted;
        else if (c == '\'')
          state_ = State::single_quoted;
        else if (!blank(c))
          state_ = State::unquoted;
        return;
      default:
        if (blank(c)) state_ = State::before_name;
    }
  }

  std::vector<std::string> text_ = {""};
  std::string seen_, name_;
  State state_ = State::data;
  bool ends_ = false;
};

std::string without(std::string text, char c) {
  std::erase(text, c);
  return text;
}

/// In one go, the longest names first: what one gives is not read again.
std::string decoded(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::string rest = text.substr(at, 6);
    const auto says = [&](std::string_view name, char means) {
      if (!rest.starts_with(name)) return false;
      out += means;
      at += name.size();
      return true;
    };
    if (!says("&nbsp;", ' ') && !says("&quot;", '"') && !says("&#39;", '\'') && !says("&amp;", '&') &&
        !says("&lt;", '<') && !says("&gt;", '>'))
      out += text[at++];
  }
  return out;
}

void page_keeps_its_text(const std::string& html) {
  const std::string text = server::text_of_html(html);
  check(text.size() <= html.size(), "a text is no longer than its page");
  std::string other;
  for (const std::string& piece : Page().text_of(html)) other += decoded(piece);
  check(without(text, '\n') == without(other, '\n'), "of a page its text is kept, and no tags");
}

// ---- lines, cuts, addresses ----

std::size_t characters_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

void line_is_one(std::string_view text, std::size_t characters_max) {
  const std::string line = server::one_line_of(text, characters_max);
  check(protocol::is_nfc(line), "a line is text");
  check(server::is_one_line(line) && line.find("  ") == std::string::npos, "a line is one");
  check(!line.starts_with(' ') && !line.ends_with(' '), "a line begins and ends with something");
  check(characters_of(line) <= characters_max, "a line keeps its limit");
  check(server::one_line_of(line, characters_max) == line, "a line stays as it is");
}

void cut_is_whole(std::string_view text, std::size_t bytes_max) {
  const std::string cut = server::shortened(text, bytes_max);
  check(cut.size() <= bytes_max, "a text keeps its limit");
  check(protocol::is_nfc(cut), "a text that was cut is text");
  const auto whole = protocol::normalise_nfc(text);
  if (!whole) return check(cut.empty(), "what is no text becomes nothing");
  if (whole->size() <= bytes_max) return check(cut == *whole, "what is short enough stays");
  check(bytes_max < 3 || (cut.ends_with("...") && whole->starts_with(cut.substr(0, cut.size() - 3))), "its beginning");
  check(bytes_max < 7 || cut.size() > bytes_max - 4, "no more is cut than one character");
}

void address_is_one(std::string_view text) {
  if (!server::looks_like_address(text)) return;
  const std::size_t at = text.find('@');
  check(at != 0 && at + 1 < text.size() && text.rfind('@') == at && text.size() <= 254, "a name, an @ and a place");
  check(server::is_one_line(text), "an address turns and ends no line");
  check(text.find_first_of(std::string_view(" ,;<>\"\0\r\n", 9)) == std::string_view::npos, "and is alone");
}

}  // namespace

TERN_FUZZ_TARGET(fz_inbound_text) {
  fuzz::Input input(data, size_bytes);
  const std::uint8_t mode = input.u8();
  const std::size_t most = input.u16();
  if (mode % 4 == 0) page_keeps_its_text(std::string(input.rest()));
  if (mode % 4 == 1) line_is_one(input.rest(), most);
  if (mode % 4 == 2) cut_is_whole(input.rest(), most);
  if (mode % 4 == 3) address_is_one(input.rest());
  return 0;
}

}  // namespace tern::fz_inbound_text
