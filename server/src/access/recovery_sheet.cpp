#include "recovery_sheet.hpp"

#include <filesystem>

#include "access/private_file.hpp"
#include "tern/protocol/crypto.hpp"

namespace tern::server {
namespace {

constexpr std::size_t path_bytes_max = 4096;

std::string note_of(const std::string& directory) {
  return directory + "/recovery-sheet";
}

std::string without_end_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

bool is_inside(const std::string& path, const std::string& directory) {
  std::error_code ignored;
  const auto parent =
      std::filesystem::weakly_canonical(std::filesystem::absolute(path, ignored), ignored).parent_path().string();
  const auto home = without_end_slash(
      std::filesystem::weakly_canonical(std::filesystem::absolute(directory, ignored), ignored).string());
  return parent == home || parent.starts_with(home + "/");
}

}  // namespace

Result<std::string> write_recovery_sheet(const std::string& directory, const std::string& path,
                                         const std::string& recovery_key) {
  const std::string place = path.empty() ? recovery_sheet_path(directory) : path;
  if (is_inside(place, directory))
    return fail(ErrorCode::invalid, "The recovery key must not lie in the server's own directory.",
                "Choose another file with --recovery-out.", "recovery-out");
  TERN_TRY(const bool taken, is_there(place));
  if (taken)
    return fail(ErrorCode::invalid, place + " exists already.", "Choose another file with --recovery-out.",
                "recovery-out");
  Bytes sheet =
      "Tern recovery key\n\n    " + recovery_key +
      "\n\nIt opens the backups of this server and signs what goes on after a restore. Nobody can make it again.\n"
      "Print this sheet, or copy it to a safe place off this machine; then delete this file.\n";
  const auto written = write_private_file(place, sheet);
  protocol::wipe(sheet);
  TERN_CHECKED(written);
  std::error_code ignored;
  TERN_CHECKED(write_private_file(note_of(directory), std::filesystem::absolute(place, ignored).string()));
  return place;
}

std::string recovery_sheet_path(const std::string& directory) {
  return without_end_slash(directory) + "-recovery-key.txt";
}

std::optional<std::string> recovery_sheet(const std::string& directory) {
  auto place = read_private_file(note_of(directory), path_bytes_max);
  if (!place || place->empty() || !is_there(*place).value_or(true)) return std::nullopt;
  return std::move(*place);
}

}  // namespace tern::server
