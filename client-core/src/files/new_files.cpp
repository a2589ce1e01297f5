#include "files/new_files.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tern/protocol/limits.hpp"
#include "tern/sync/attachment.hpp"

namespace tern::client {
namespace {

using sync::Change;
using sync::Intent;

constexpr std::uint64_t read_at_once_bytes = limits::mib;

Result<void> read_in_file(const NewFile& file, Change& change, FileShelf& into) {
  TERN_TRY(const std::int64_t id, into.begin(change.ref, change.ticket, Hash{}, file.size_bytes, false));
  protocol::Sha256 digest;
  for (std::uint64_t at = 0; at < file.size_bytes;) {
    const auto length = static_cast<std::size_t>(std::min(read_at_once_bytes, file.size_bytes - at));
    TERN_TRY(const Bytes bytes, file.read(at, length));
    if (bytes.size() != length)
      return fail(ErrorCode::invalid, "the file " + file.name + " is shorter than it was", "attach it again", "file");
    if (at == 0) change.media_type = std::string(sync::media_type_of(change.file_name, bytes));
    digest.add(bytes);
    TERN_CHECKED(into.append(id, at, bytes));
    at += bytes.size();
  }
  const Hash sha256 = digest.finish();
  if (file.size_bytes == 0) change.media_type = std::string(sync::unknown_media_type);
  change.content_hash = Bytes(sha256.view());
  return into.finish(id, sha256);
}

}  // namespace

Result<std::vector<Change>> plan_files(const NewFiles& files, const DeviceId& device, std::uint64_t bytes_max,
                                       Environment& environment) {
  if (files.files.empty()) return fail(ErrorCode::usage, "there is no file to attach", "name one", "file");
  if (files.files.size() > limits::files_per_message_max)
    return fail(ErrorCode::too_large, fmt::format("a message has at most {} files", limits::files_per_message_max),
                "attach the rest to another one", "file");
  std::vector<Change> out;
  const auto begin = [&](Intent intent) -> Change& {
    Change change;
    change.ref = {device, random_id<ChangeId>(environment)};
    change.intent = intent;
    change.ticket = files.ticket;
    change.visibility = files.visibility;
    return out.emplace_back(std::move(change));
  };
  if (!files.text.empty()) begin(Intent::message).text = files.text;
  const std::optional<sync::ChangeRef> message =
      out.empty() ? std::nullopt : std::optional<sync::ChangeRef>(out.front().ref);
  for (const NewFile& file : files.files) {
    if (file.size_bytes > bytes_max)
      return fail(
          ErrorCode::too_large,
          fmt::format("the file {} has {:.1f} MB; at most {:.0f} MB are taken", file.name,
                      static_cast<double>(file.size_bytes) / limits::mib, static_cast<double>(bytes_max) / limits::mib),
          "nothing was saved; this is what the plan of your organisation allows, as the server last said", "file");
    Change& change = begin(Intent::attach);
    TERN_TRY(change.file_name, sync::file_name_of(file.name));
    change.size_bytes = file.size_bytes;
    change.content_hash = Bytes(Hash::size_bytes, '\0');
    if (message) change.targets = {*message};
  }
  return out;
}

Result<void> read_in_files(const NewFiles& files, std::vector<Change>& changes, FileShelf& into) {
  const std::size_t first = changes.size() - files.files.size();
  for (std::size_t i = 0; i < files.files.size(); ++i)
    TERN_CHECKED(read_in_file(files.files[i], changes[first + i], into));
  return {};
}

Result<void> drop_files(const std::vector<Change>& changes, FileShelf& from) {
  std::vector<sync::ChangeRef> taken;
  for (const Change& change : changes)
    if (change.intent == Intent::attach) taken.push_back(change.ref);
  return from.drop(taken);
}

Result<void> want(const TicketId& ticket, const sync::Message& file, FileShelf& outgoing, FileShelf& fetched) {
  const sync::ChangeRef change = file.stamp.ref();
  const auto own = outgoing.find(change);  // what is wrong with them keeps nobody from fetching
  if (own && *own && (*own)->whole()) return {};
  TERN_TRY(const auto known, fetched.find(change));
  if (known && known->whole()) return {};
  if (known) return fetched.mark_asked(change);
  return fetched.begin(change, ticket, Hash::or_zero(file.content_hash), file.size_bytes, true).map([](std::int64_t) {
  });
}

}  // namespace tern::client
