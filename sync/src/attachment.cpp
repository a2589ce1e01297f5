#include "tern/sync/attachment.hpp"

#include <algorithm>
#include <array>

#include "tern/protocol/limits.hpp"
#include "tern/protocol/text.hpp"

namespace tern::sync {
namespace {

struct FileType {
  std::string_view ending, type;
  std::string_view begins;  // what such a file begins with; empty: anything
  std::size_t at = 0;       // where
};

// Nothing here is ever run by who opens it in a browser.
constexpr std::array file_types = {
    FileType{"7z", "application/x-7z-compressed", "7z\xBC\xAF"},
    FileType{"bmp", "image/bmp", "BM"},
    FileType{"csv", "text/csv", ""},
    FileType{"doc", "application/msword", "\xD0\xCF\x11\xE0"},
    FileType{"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "PK"},
    FileType{"gif", "image/gif", "GIF8"},
    FileType{"gz", "application/gzip", "\x1F\x8B"},
    FileType{"heic", "image/heic", "ftyp", 4},
    FileType{"jpeg", "image/jpeg", "\xFF\xD8\xFF"},
    FileType{"jpg", "image/jpeg", "\xFF\xD8\xFF"},
    FileType{"log", "text/plain", ""},
    FileType{"m4a", "audio/mp4", "ftyp", 4},
    FileType{"mov", "video/quicktime", "ftyp", 4},
    FileType{"mp3", "audio/mpeg", ""},
    FileType{"mp4", "video/mp4", "ftyp", 4},
    FileType{"odp", "application/vnd.oasis.opendocument.presentation", "PK"},
    FileType{"ods", "application/vnd.oasis.opendocument.spreadsheet", "PK"},
    FileType{"odt", "application/vnd.oasis.opendocument.text", "PK"},
    FileType{"ogg", "audio/ogg", "OggS"},
    FileType{"pdf", "application/pdf", "%PDF-"},
    FileType{"png", "image/png", "\x89PNG\r\n\x1A\n"},
    FileType{"ppt", "application/vnd.ms-powerpoint", "\xD0\xCF\x11\xE0"},
    FileType{"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation", "PK"},
    FileType{"txt", "text/plain", ""},
    FileType{"wav", "audio/wav", "RIFF"},
    FileType{"webm", "video/webm", "\x1A\x45\xDF\xA3"},
    FileType{"webp", "image/webp", "WEBP", 8},
    FileType{"xls", "application/vnd.ms-excel", "\xD0\xCF\x11\xE0"},
    FileType{"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "PK"},
    FileType{"zip", "application/zip", "PK"},
};

const FileType* type_by_name(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return nullptr;
  std::string ending(name.substr(dot + 1));
  for (char& c : ending)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  const auto found = std::ranges::find(file_types, ending, &FileType::ending);
  return found == file_types.end() ? nullptr : &*found;
}

/// The bytes of the character at the start of well-formed UTF-8, and which one it is.
struct Character {
  std::size_t bytes = 1;
  std::uint32_t code = 0;
};

Character character_at(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) return {1, lead};
  if (lead < 0xE0) return {2, (lead & 0x1FU) << 6 | (byte(1) & 0x3FU)};
  if (lead < 0xF0) return {3, (lead & 0x0FU) << 12 | (byte(1) & 0x3FU) << 6 | (byte(2) & 0x3FU)};
  return {4, (lead & 0x07U) << 18 | (byte(1) & 0x3FU) << 12 | (byte(2) & 0x3FU) << 6 | (byte(3) & 0x3FU)};
}

/// Controls, line ends, and what Unicode calls format characters.
bool is_unseen(std::uint32_t code) {
  struct Range {
    std::uint32_t first, last;
  };
  constexpr Range ranges[] = {{0x00, 0x1F},     {0x7F, 0x9F},     {0xAD, 0xAD},      {0x061C, 0x061C},
                              {0x180E, 0x180E}, {0x200B, 0x200F}, {0x2028, 0x202E},  {0x2060, 0x206F},
                              {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}, {0xE0000, 0xE007F}};
  return std::ranges::any_of(ranges, [&](const Range& range) { return code >= range.first && code <= range.last; });
}

bool is_unseen_in(std::string_view text) {
  while (!text.empty()) {
    const Character one = character_at(text);
    if (is_unseen(one.code)) return true;
    text.remove_prefix(std::min(one.bytes, text.size()));
  }
  return false;
}

/// What some system reads as something else than a part of a name.
bool is_reserved(char c) {
  return c == '/' || c == '\\' || c == ':' || c == '*' || c == '?' || c == '"' || c == '<' || c == '>' || c == '|';
}

std::string_view without_folders(std::string_view name) {
  const std::size_t slash = name.find_last_of("/\\");
  return slash == std::string_view::npos ? name : name.substr(slash + 1);
}

/// Without what systems take away or give a meaning of its own: blanks at both ends, dots at the end and before it.
std::string_view trimmed(std::string_view name) {
  while (!name.empty() && (name.front() == ' ' || name.front() == '.')) name.remove_prefix(1);
  while (!name.empty() && (name.back() == ' ' || name.back() == '.')) name.remove_suffix(1);
  return name;
}

/// At most so many bytes, between two characters.
std::string_view cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xC0U) == 0x80U) --bytes_max;
  return text.substr(0, bytes_max);
}

constexpr std::size_t ending_bytes_max = 16;

std::string shortened(const std::string& name) {
  if (name.size() <= limits::name_bytes_max) return name;
  const std::size_t dot = name.rfind('.');
  const bool has_ending = dot != std::string::npos && name.size() - dot <= ending_bytes_max;
  const std::string ending = has_ending ? name.substr(dot) : std::string();
  return std::string(cut(std::string_view(name).substr(0, name.size() - ending.size()),
                         limits::name_bytes_max - ending.size())) +
         ending;
}

tl::unexpected<Error> bad_name(std::string why) {
  return fail(ErrorCode::invalid, "The name of the file " + std::move(why) + ".", {}, "name");
}

}  // namespace

Result<std::string> file_name_of(std::string_view said) {
  auto normal = protocol::normalise_nfc(said);
  if (!normal) return bad_name("is no text");
  if (is_unseen_in(*normal)) return bad_name("holds a character that nobody sees");
  std::string name(trimmed(without_folders(*normal)));
  std::ranges::replace_if(name, is_reserved, '_');
  if (name.empty()) return bad_name("is empty");
  return std::string(trimmed(shortened(name)));
}

std::string shown_file_name(std::string_view stored) {
  std::string seen;
  const std::string_view all = is_valid_utf8(stored) ? without_folders(stored) : std::string_view();
  for (std::string_view rest = all; !rest.empty();) {
    const Character one = character_at(rest);
    const std::size_t bytes = std::min(one.bytes, rest.size());
    if (!is_unseen(one.code)) seen += rest.substr(0, bytes);
    rest.remove_prefix(bytes);
  }
  std::string name(trimmed(seen));
  std::ranges::replace_if(name, is_reserved, '_');
  return name.empty() ? std::string("file") : std::string(trimmed(shortened(name)));
}

std::string_view media_type_of(std::string_view name, ByteView content) {
  const FileType* row = type_by_name(name);
  if (row == nullptr) return unknown_media_type;
  const bool begins = content.size() >= row->at && content.substr(row->at).starts_with(row->begins);
  return begins ? row->type : unknown_media_type;
}

std::string_view media_type_of_said(std::string_view name, std::string_view said) {
  const FileType* row = type_by_name(name);
  return row != nullptr && row->type == said ? row->type : unknown_media_type;
}

}  // namespace tern::sync
