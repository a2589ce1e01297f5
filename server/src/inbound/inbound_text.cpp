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

/// Behind the end of an element whose content nobody reads.
std::size_t behind_element(std::string_view html, std::string_view lower, std::size_t at, std::string_view name) {
  const std::size_t end = lower.find("</" + std::string(name), at);
  if (end == std::string_view::npos) return html.size();
  return std::min(html.find('>', end), html.size() - 1) + 1;
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
         text.find('@', at + 1) == std::string_view::npos && std::ranges::all_of(text, [&](char c) {
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
    line = protocol::normalise_nfc(plain).value_or(std::string());
  }
  std::size_t characters = 0;
  for (std::size_t at = 0; at < line.size(); ++at)
    if (begins_character(line[at]) && ++characters > characters_max)
      return one_line_of(line.substr(0, at), characters_max);
  return line;
}

std::string text_of_html(std::string_view html) {
  const std::string lower = lower_of(html);
  std::string out;
  for (std::size_t at = 0; at < html.size();) {
    if (html[at] != '<') {
      out += html[at++];
      continue;
    }
    const std::string_view rest = std::string_view(lower).substr(at);
    if (rest.starts_with("<script") || rest.starts_with("<style")) {
      at = behind_element(html, lower, at, rest.starts_with("<script") ? "script" : "style");
      continue;
    }
    for (const std::string_view line : {"<br", "</p", "</div", "</tr", "</li", "</h"})
      if (rest.starts_with(line)) {
        out += '\n';
        break;
      }
    const std::size_t end = html.find('>', at);
    at = end == std::string_view::npos ? html.size() : end + 1;
  }
  return without_entities(out);
}

}  // namespace tern::server
