#include "inbound/inbound_text.hpp"

#include <algorithm>
#include <utility>

#include "api/head_text.hpp"
#include "one_line.hpp"
#include "tern/protocol/text.hpp"

namespace tern::server {
namespace {

constexpr std::string_view cut_mark = "...";

bool begins_character(char c) {
  return (static_cast<unsigned char>(c) & 0xc0U) != 0x80;
}

// ---- where a mark-up ends, as browsers read it (HTML Standard, 13.2.5); the end of the text ends all of them ----

bool is_letter(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_html_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

/// `at`: behind "<!--".
std::size_t behind_comment(std::string_view html, std::size_t at) {
  for (const std::string_view at_once : {">", "->"})
    if (html.substr(at).starts_with(at_once)) return at + at_once.size();
  for (;;) {
    at = html.find("--", at);
    if (at == std::string_view::npos) return html.size();
    const std::string_view rest = html.substr(at + 2);
    if (rest.starts_with('>')) return at + 3;
    if (rest.starts_with("!>")) return at + 4;
    ++at;
  }
}

/// A > within the quotes of a value does not end it. `at`: behind the first letter of its name.
std::size_t behind_tag(std::string_view html, std::size_t at) {
  enum class Part : std::uint8_t { tag, between, name, value_due, value } part = Part::tag;
  for (; at < html.size(); ++at) {
    const char c = html[at];
    if (c == '>') return at + 1;
    const bool parts = is_html_blank(c) || c == '/';
    if (part == Part::between && !parts) {
      part = Part::name;  // whatever it begins with
    } else if (part == Part::name && c == '=') {
      part = Part::value_due;
    } else if (part == Part::value_due && (c == '"' || c == '\'')) {
      at = html.find(c, at + 1);
      if (at == std::string_view::npos) return html.size();
      part = Part::between;
    } else if (part == Part::value_due && !is_html_blank(c)) {
      part = Part::value;
    } else if ((part == Part::tag && parts) || (part == Part::name && c == '/') ||
               (part == Part::value && is_html_blank(c))) {
      part = Part::between;
    }
  }
  return html.size();
}

/// Behind the end of an element whose content nobody reads.
std::size_t behind_element(std::string_view lower, std::size_t at, std::string_view name) {
  const std::string end = "</" + std::string(name);
  for (;;) {
    at = lower.find(end, at);
    if (at == std::string_view::npos) return lower.size();
    at += end.size();
    if (at == lower.size() || lower[at] == '>' || lower[at] == '/' || is_html_blank(lower[at]))
      return behind_tag(lower, at);
  }
}

/// Of what begins with the < at `at`; `at` itself when it is text: "1 < 2".
std::size_t behind_markup(std::string_view lower, std::size_t at) {
  const std::string_view rest = lower.substr(at + 1);
  if (rest.empty()) return at;
  if (rest.starts_with("!--")) return behind_comment(lower, at + 4);
  const bool end_tag = rest.size() > 1 && rest.front() == '/';
  if (is_letter(rest.front()) || (end_tag && is_letter(rest[1]))) return behind_tag(lower, at + (end_tag ? 3 : 2));
  if (!end_tag && rest.front() != '!' && rest.front() != '?') return at;
  return std::min(lower.find('>', at), lower.size() - 1) + 1;
}

bool is_element(std::string_view tag, std::string_view name) {
  if (!tag.starts_with(name)) return false;
  return tag.size() == name.size() || tag[name.size()] == '>' || tag[name.size()] == '/' ||
         is_html_blank(tag[name.size()]);
}

std::string without_entities(std::string_view text) {
  constexpr std::pair<std::string_view, std::string_view> known[] = {{"&nbsp;", " "},  {"&lt;", "<"},  {"&gt;", ">"},
                                                                     {"&quot;", "\""}, {"&#39;", "'"}, {"&amp;", "&"}};
  std::string out;
  while (!text.empty()) {
    const auto found = std::ranges::find_if(known, [&](const auto& one) { return text.starts_with(one.first); });
    if (found == std::end(known)) {
      out += text.front();
      text.remove_prefix(1);
    } else {
      out += found->second;
      text.remove_prefix(found->first.size());
    }
  }
  return out;
}

}  // namespace

bool looks_like_address(std::string_view text) {
  constexpr std::string_view never = ",;<>\"";
  const std::size_t at = text.find('@');
  return at != std::string_view::npos && at > 0 && at + 1 < text.size() && text.size() <= 254 &&
         text.find('@', at + 1) == std::string_view::npos && is_one_line(text) &&
         std::ranges::all_of(text, [&](char c) {
           return static_cast<unsigned char>(c) > ' ' && c != '\x7f' && never.find(c) == std::string_view::npos;
         });
}

bool is_nothing(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; });
}

std::string shortened(std::string_view text, std::size_t bytes_max) {
  const auto whole = protocol::normalise_nfc(text);
  if (!whole) return {};
  if (whole->size() <= bytes_max) return *whole;
  if (bytes_max < cut_mark.size()) return {};
  std::size_t end = bytes_max - cut_mark.size();
  while (end > 0 && !begins_character((*whole)[end])) --end;
  return whole->substr(0, end) + std::string(cut_mark);
}

std::string one_line_of(std::string_view text, std::size_t characters_max) {
  std::string line;
  for (const char c : text) {
    const bool blank = c == ' ' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    if (blank && (line.empty() || line.back() == ' ')) continue;
    line += blank ? ' ' : c;
  }
  while (line.ends_with(' ')) line.pop_back();
  auto normal = protocol::normalise_nfc(line);  // which may be longer
  line = normal ? std::move(*normal) : std::string();
  if (!is_one_line(line)) {  // marks that turn what follows, separators, C1
    std::string plain;
    for (std::size_t at = 0; at < line.size();) {
      std::size_t end = at + 1;
      while (end < line.size() && !begins_character(line[end])) ++end;
      if (is_one_line(std::string_view(line).substr(at, end - at))) plain += line.substr(at, end - at);
      at = end;
    }
    return one_line_of(plain, characters_max);  // blanks that stood around them stand together now
  }
  std::size_t characters = 0;
  for (std::size_t at = 0; at < line.size(); ++at)
    if (begins_character(line[at]) && ++characters > characters_max)
      return one_line_of(line.substr(0, at), characters_max);
  return line;
}

std::string text_of_html(std::string_view html) {
  const std::string lower = lower_of(html);
  std::string out, plain;  // what stands between two marks is decoded by itself
  for (std::size_t at = 0; at < html.size();) {
    const std::size_t end = html[at] == '<' ? behind_markup(lower, at) : at;
    if (end == at) {
      plain += html[at++];
      continue;
    }
    out += without_entities(std::exchange(plain, {}));
    const std::string_view tag = std::string_view(lower).substr(at, end - at);
    for (const std::string_view line : {"<br", "</p", "</div", "</tr", "</li", "</h"})
      if (tag.starts_with(line)) {
        out += '\n';
        break;
      }
    at = end;
    for (const std::string_view unread : {"script", "style"})
      if (is_element(tag.substr(1), unread)) at = behind_element(lower, end, unread);
  }
  return out + without_entities(plain);
}

}  // namespace tern::server
