// Attachments: taken in, listed, fetched.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "render.hpp"
#include "session.hpp"
#include "sync.hpp"
#include "terminal.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/text.hpp"

namespace tern::apps {
namespace {

constexpr std::size_t copied_at_once_bytes = 256 * limits::kib;

// ---- in ----

Result<client::NewFile> new_file(const std::string& path) {
  const auto unreadable = [&](const std::string& why) {
    return fail(ErrorCode::usage, "The file cannot be read: " + path + " (" + why + ").", "", "file");
  };
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return unreadable(error ? error.message() : "it is no file");
  const auto size = std::filesystem::file_size(path, error);
  if (error) return unreadable(error.message());
  const auto stream = std::make_shared<std::ifstream>(path, std::ios::binary);
  if (!stream->is_open()) return unreadable(std::strerror(errno));
  client::NewFile out;
  out.name = std::filesystem::path(path).filename().string();
  out.size_bytes = size;
  out.read = [stream, path](std::uint64_t offset, std::size_t length) -> Result<Bytes> {
    Bytes bytes(length, '\0');
    stream->clear();
    stream->seekg(static_cast<std::streamoff>(offset));
    stream->read(bytes.data(), static_cast<std::streamsize>(length));
    if (stream->bad()) return fail(ErrorCode::usage, "The file cannot be read: " + path + ".", "", "file");
    bytes.resize(static_cast<std::size_t>(stream->gcount()));
    return bytes;
  };
  return out;
}

Result<ExitCode> attach(Session& session) {
  const Invocation& call = session.call();
  client::NewFiles what;
  TERN_TRY(what.ticket, session.ticket(call.ticket));
  const bool answers = !call.value.empty();
  if (call.restricted && (call.open || answers))
    return fail(ErrorCode::usage, "What is restricted is not for the customer.", "Leave out one of the two.",
                "restricted");
  what.visibility = answers || call.open ? sync::Visibility::open
                    : call.restricted    ? sync::Visibility::restricted
                                         : sync::Visibility::team;
  TERN_TRY(const std::string typed, session.text_or_stdin(answers ? call.value : call.text, limits::text_bytes_max));
  TERN_TRY(what.text, protocol::normalise_nfc(typed));
  for (const std::string& path : call.files) {
    TERN_TRY(auto file, new_file(path));
    what.files.push_back(std::move(file));
  }
  TERN_TRY(const auto saved, session.client().commands().attach(what));
  print_saved(session, saved);
  return exit_done;
}

// ---- out ----

/// One of the ticket's files: by number, by name where it is the only one of that name, by id.
Result<client::FileView> file_named(Session& session, const TicketId& ticket, const std::string& name) {
  TERN_TRY(const auto files, session.client().views().files(ticket));
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  const bool counts = error == std::errc() && end == name.data() + name.size() && number >= 1 && number <= files.size();
  std::vector<client::FileView> found;
  for (const client::FileView& file : files)
    if (file.name == name) found.push_back(file);
  if (found.empty() && counts) return files[number - 1];
  if (found.size() == 1) return found.front();
  if (found.size() > 1)
    return fail(ErrorCode::ambiguous, "More than one file is called " + name + ".", "Name it by its number: tern files",
                "file");
  std::vector<sync::ChangeRef> known;
  for (const client::FileView& file : files) known.push_back(file.change);
  TERN_TRY(const auto ref, change_among(known, name, "file", "What there is: tern files " + session.call().ticket));
  for (const client::FileView& file : files)
    if (file.change == ref) return file;
  return fail(ErrorCode::not_found, "There is no file " + name + ".", "", "file");
}

tl::unexpected<Error> not_written(const std::string& path) {
  const int why = errno;
  const bool there = why == EEXIST;
  return fail(there           ? ErrorCode::usage
              : why == ENOSPC ? ErrorCode::storage_full
                              : ErrorCode::storage_failed,
              there ? "There is something of that name: " + path + "."
                    : "Cannot write " + path + ": " + std::strerror(why) + ".",
              there ? "Name another with --out." : "", "out");
}

Result<void> copy_out(Session& session, const client::FileView& file, int descriptor, const std::string& path) {
  for (std::uint64_t at = 0; at < file.size_bytes;) {
    TERN_TRY(const Bytes bytes, session.client().views().read_file(file, at, copied_at_once_bytes));
    if (bytes.empty()) return fail(ErrorCode::corrupt, "The stored file is shorter than it says.");
    for (std::size_t done = 0; done < bytes.size();) {
      const ssize_t written = ::write(descriptor, bytes.data() + done, bytes.size() - done);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return not_written(path);
      done += static_cast<std::size_t>(written);
    }
    at += bytes.size();
  }
  return {};
}

/// Nothing is overwritten, and what could not be written whole is not left behind.
Result<void> write_out(Session& session, const client::FileView& file, const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) return not_written(path);
  auto done = copy_out(session, file, descriptor, path);
  if (done && ::fsync(descriptor) != 0) done = not_written(path);
  ::close(descriptor);
  if (!done) ::unlink(path.c_str());
  return done;
}

bool is_here(const client::FileView& file) {
  using Where = client::FileView::Where;
  return file.where == Where::here || file.where == Where::waiting ||
         (file.where == Where::stuck && file.have_bytes == file.size_bytes);
}

Result<client::FileView> fetched(Session& session, client::FileView file) {
  if (is_here(file)) return file;
  const Invocation& call = session.call();
  TERN_CHECKED(session.client().commands().want_file(file.ticket, file.change));
  TERN_TRY(auto transport, transport_of(session));
  if (auto done = sync_round(session, *transport); !done) {
    Error error = done.error();
    if (!error.message.ends_with('.')) error.message += '.';
    error.message += " The file comes with the next sync.";
    return tl::unexpected(std::move(error));
  }
  TERN_TRY(const TicketId ticket, session.ticket(call.ticket));
  TERN_TRY(const auto files, session.client().views().files(ticket));
  for (const client::FileView& now : files) {
    if (now.change != file.change) continue;
    if (is_here(now)) return now;
    if (!now.problem.empty()) return fail(ErrorCode::content_mismatch, "It could not be fetched: " + now.problem + ".");
  }
  return fail(ErrorCode::not_found, "The server does not have this file yet.",
              "It comes with a later sync, once the device that attached it has sent it.", "file");
}

Result<ExitCode> fetch(Session& session) {
  const Invocation& call = session.call();
  TERN_TRY(const TicketId ticket, session.ticket(call.ticket));
  TERN_TRY(client::FileView file, file_named(session, ticket, call.other));
  std::error_code error;
  std::filesystem::path out = call.out.empty() ? std::filesystem::path(".") : std::filesystem::path(call.out);
  if (std::filesystem::is_directory(out, error)) out /= file.name;
  if (std::filesystem::exists(out, error)) {
    errno = EEXIST;
    return not_written(out.string());
  }
  TERN_TRY(file, fetched(session, std::move(file)));
  TERN_CHECKED(write_out(session, file, out.string()));
  if (call.json) {
    Json line = client::to_json(file);
    line.set("path", Json(out.string()));
    std::cout << tern::to_text(line) << '\n';
  } else {
    std::cout << safe(out.string()) << "  " << size_text(file.size_bytes) << '\n';
  }
  return exit_done;
}

Result<ExitCode> list_files(Session& session) {
  TERN_TRY(const TicketId ticket, session.ticket(session.call().ticket));
  TERN_TRY(const auto files, session.client().views().files(ticket));
  if (!session.call().json) {
    print_files(files);
    return exit_done;
  }
  for (const client::FileView& file : files) std::cout << tern::to_text(client::to_json(file)) << '\n';
  return exit_done;
}

// ---- policy ----

/// "500KB", "2MB", "1GB", "0"
Result<std::uint64_t> parse_size(const std::string& typed, const char* field) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(typed.data(), typed.data() + typed.size(), number);
  const std::string unit(end, typed.data() + typed.size());
  const std::uint64_t factor = unit == "KB"   ? limits::kib
                               : unit == "MB" ? limits::mib
                               : unit == "GB" ? 1024 * limits::mib
                               : unit.empty() ? 1
                                              : 0;
  if (error != std::errc() || factor == 0 || number > 1'000'000'000 / (factor == 1 ? 1 : 1000))
    return fail(ErrorCode::usage, "\"" + typed + "\" is no size.", "Write it like 500KB, 2MB or 1GB.", field);
  return number * factor;
}

Result<ExitCode> fetch_policy(Session& session) {
  const Invocation& call = session.call();
  client::Commands& commands = session.client().commands();
  TERN_TRY(client::FilePolicy policy, commands.file_policy());
  if (!call.each_max.empty()) {
    TERN_TRY(policy.each_bytes_max, parse_size(call.each_max, "each"));
  }
  if (!call.total_max.empty()) {
    TERN_TRY(policy.total_bytes_max, parse_size(call.total_max, "total"));
  }
  if (!call.each_max.empty() || !call.total_max.empty()) TERN_CHECKED(commands.set_file_policy(policy));
  if (call.json) {
    std::cout << tern::to_text(Json::object({{"each_bytes_max", Json(policy.each_bytes_max)},
                                             {"total_bytes_max", Json(policy.total_bytes_max)}}))
              << '\n';
  } else if (policy.each_bytes_max == 0) {
    std::cout << "No file is fetched unless asked for: tern fetch\n";
  } else {
    std::cout << fmt::format("Each sync fetches files of my open tickets up to {}, and {} in all.\n",
                             size_text(policy.each_bytes_max), size_text(policy.total_bytes_max));
  }
  return exit_done;
}

}  // namespace

bool is_file_command(std::string_view command) {
  return command == "attach" || command == "files" || command == "fetch" || command == "fetch-policy";
}

Result<ExitCode> run_file_command(Session& session) {
  const std::string& command = session.call().command;
  if (command == "attach") return attach(session);
  if (command == "files") return list_files(session);
  return command == "fetch" ? fetch(session) : fetch_policy(session);
}

}  // namespace tern::apps
