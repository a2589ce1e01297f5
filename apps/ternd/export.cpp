#include "export.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

#include "access/private_file.hpp"
#include "progress.hpp"
#include "tern/protocol/crypto.hpp"

namespace tern::apps {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// A command without what only this program knows of.
Json question_of(const Json& command) {
  Json out = Json::object({});
  for (const auto& [name, value] : command.members())
    if (name != "to" && name != "replace" && name != "resume" && name != "bom") out.append_member(name, value);
  return out;
}

Result<void> check_bom(const Json& command) {
  if (!command["bom"].as_bool() || command["format"].as_string() == "csv") return {};
  return fail(ErrorCode::usage, "--bom goes with --format csv.", "", "bom");
}

/// One page as text: JSON lines, or CSV, whose first page begins with its head.
std::string text_of(const Json& answer, bool first, bool bom) {
  std::string text;
  if (const Json* head = answer.find("head"); head != nullptr && first)
    text = (bom ? std::string(byte_order_mark) : std::string()) + head->as_string() + "\r\n";
  for (const Json& row : answer["rows"].items())
    text += row.is_string() ? row.as_string() + "\r\n" : to_text(row) + "\n";
  return text;
}

const char* counted_of(const Json& answer) {
  return answer.find("records") == nullptr ? "tickets" : "records";
}

/// How many went out by now, of how many.
class Counted {
public:
  explicit Counted(bool results) : progress_(results) {}
  void add(const Json& answer) {
    what_ = counted_of(answer);
    done_ += static_cast<std::uint64_t>(answer[what_].as_integer());
    if (const Json* total = answer.find("total")) of_ = static_cast<std::uint64_t>(total->as_integer());
    progress_.say(done_, of_, what_);
  }
  void go_on_with(std::uint64_t done, const std::string& what) {
    done_ = done;
    if (!what.empty()) what_ = what;
  }
  [[nodiscard]] std::uint64_t done() const { return done_; }
  [[nodiscard]] const std::string& what() const { return what_; }

private:
  Progress progress_;
  std::uint64_t done_ = 0, of_ = 0;
  std::string what_ = "tickets";
};

/// What every page of one export has in common: which desk it is of, and the columns of a table.
class SameExport {
public:
  SameExport() = default;
  explicit SameExport(const Json& noted) : known_(noted) {}

  Result<void> check(const Json& answer) {
    Json same = Json::object({{"desk", answer["desk"]}});
    if (const Json* head = answer.find("head"))
      same.append_member("columns", Json(to_hex(protocol::sha256(head->as_string()))));
    if (known_.is_null()) known_ = same;
    if (known_ == same) return {};
    return fail(ErrorCode::invalid,
                known_["desk"] == same["desk"] ? "The columns are others than where the export began."
                                               : "This is another desk than the one where the export began.",
                "What there is by now does not go with what would follow: export anew.", "resume");
  }
  [[nodiscard]] const Json& noted() const { return known_; }

private:
  Json known_;
};

// ---- files ----

/// Where pages are written to.
class PageSink {
public:
  virtual ~PageSink() = default;
  /// Token of the page to go on with; empty: the first.
  [[nodiscard]] virtual std::string after() const { return {}; }
  /// Nothing comes any more: it was only not moved to its place.
  [[nodiscard]] virtual bool is_whole() const { return false; }
  [[nodiscard]] virtual std::uint64_t done() const { return 0; }
  [[nodiscard]] virtual std::string what() const { return {}; }
  [[nodiscard]] virtual SameExport same() const { return {}; }
  struct Page {
    std::string text;
    std::string next;  // token; empty: it was the last
    std::uint64_t done = 0;
    std::string what;  // is counted
    Json same;
  };
  virtual Result<void> write(const Page& page) = 0;
  virtual Result<void> finish() = 0;
};

class WholeFile final : public PageSink {
public:
  static Result<std::unique_ptr<PageSink>> open(const std::string& path) {
    TERN_TRY(auto file, server::PrivateFileWriter::open(path));
    return std::unique_ptr<PageSink>(new WholeFile(std::move(file)));
  }
  Result<void> write(const Page& page) override { return file_->write(page.text); }
  Result<void> finish() override { return file_->finish(); }

private:
  explicit WholeFile(std::unique_ptr<server::PrivateFileWriter> file) : file_(std::move(file)) {}
  std::unique_ptr<server::PrivateFileWriter> file_;
};

tl::unexpected<Error> cannot_write(const std::string& path) {
  const bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
  return fail(full ? ErrorCode::storage_full : ErrorCode::storage_failed,
              "Cannot write " + path + ": " + std::strerror(errno) + ".", "", "to");
}

/// FILE.part, and beside it FILE.part.next: how much of it is good, what it is of, and which page comes next.
class PartFile final : public PageSink {
public:
  static Result<std::unique_ptr<PageSink>> open(const std::string& path, const Json& question) {
    std::unique_ptr<PartFile> part(new PartFile(path, question));
    TERN_CHECKED(part->begin());
    return std::unique_ptr<PageSink>(std::move(part));
  }
  ~PartFile() override {
    if (file_ >= 0) ::close(file_);
    if (file_ >= 0 && bytes_ == 0) ::unlink(part_path().c_str());
  }
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;

  [[nodiscard]] std::string after() const override { return after_; }
  [[nodiscard]] bool is_whole() const override { return whole_; }
  [[nodiscard]] std::uint64_t done() const override { return done_; }
  [[nodiscard]] std::string what() const override { return what_; }
  [[nodiscard]] SameExport same() const override { return SameExport(same_); }

  Result<void> write(const Page& page) override {
    const std::string& text = page.text;
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t put = ::write(file_, text.data() + at, text.size() - at);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return cannot_write(part_path());
      at += static_cast<std::size_t>(put);
    }
    if (::fsync(file_) != 0) return cannot_write(part_path());
    bytes_ += text.size();
    return server::write_private_file(next_path(), to_text(Json::object({{"question", question_},
                                                                         {"bytes", Json(bytes_)},
                                                                         {"done", Json(page.done)},
                                                                         {"what", Json(page.what)},
                                                                         {"same", page.same},
                                                                         {"after", Json(page.next)}})));
  }

  Result<void> finish() override {
    if (::rename(part_path().c_str(), path_.c_str()) != 0) return cannot_write(path_);
    const std::string folder = std::filesystem::path(path_).parent_path().string();
    const int directory = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
      ::fsync(directory);
      ::close(directory);
    }
    ::unlink(next_path().c_str());
    return {};
  }

private:
  PartFile(std::string path, Json question) : path_(std::move(path)), question_(std::move(question)) {}
  [[nodiscard]] std::string part_path() const { return path_ + ".part"; }
  [[nodiscard]] std::string next_path() const { return path_ + ".part.next"; }

  Result<void> begin() {
    constexpr std::size_t note_bytes_max = 64 * 1024;
    TERN_TRY(const bool begun, server::is_there(part_path()));
    if (begun) TERN_CHECKED(server::check_output_file(part_path(), true, "to"));
    file_ = ::open(part_path().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file_ < 0) return cannot_write(part_path());
    // What is another's is neither cut nor taken away.
    if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
      let_go();
      return fail(ErrorCode::busy, "Another export writes " + part_path() + ".", "Wait for it, or name another file.",
                  "to");
    }
    if (auto noted = read_note(note_bytes_max); !noted) {
      let_go();
      return noted;
    }
    struct stat found {};
    if (::fstat(file_, &found) != 0) return cannot_write(part_path());
    if (static_cast<std::uint64_t>(found.st_size) < bytes_) {  // the note is of a file that is gone
      bytes_ = done_ = 0;
      after_.clear();
      same_ = Json();
    }
    whole_ = bytes_ > 0 && after_.empty();
    if (::ftruncate(file_, static_cast<off_t>(bytes_)) != 0 || ::lseek(file_, 0, SEEK_END) < 0)
      return cannot_write(part_path());
    return {};
  }

  void let_go() {
    ::close(file_);
    file_ = -1;
  }

  Result<void> read_note(std::size_t bytes_max) {
    TERN_TRY(const bool noted, server::is_there(next_path()));
    if (!noted) return {};
    TERN_TRY(const Bytes text, server::read_private_file(next_path(), bytes_max));
    const auto note = parse_json(text);
    if (!note || (*note)["question"] != question_)
      return fail(ErrorCode::invalid, part_path() + " is what another export left.",
                  "Take it and " + next_path() + " away, or name another file.", "resume");
    bytes_ = static_cast<std::uint64_t>((*note)["bytes"].as_integer());
    done_ = static_cast<std::uint64_t>((*note)["done"].as_integer());
    after_ = (*note)["after"].as_string();
    what_ = (*note)["what"].as_string();
    same_ = (*note)["same"];
    return {};
  }

  const std::string path_;
  const Json question_;
  int file_ = -1;
  bool whole_ = false;
  std::uint64_t bytes_ = 0, done_ = 0;
  std::string after_, what_;
  Json same_;
};

}  // namespace

Result<void> export_to_stdout(const Perform& perform, Json command) {
  TERN_CHECKED(check_bom(command));
  const bool bom = command["bom"].as_bool();
  const bool one_page = command.find("limit") != nullptr;
  Json out = Json::object({});
  for (const auto& [name, value] : command.members())
    if (name != "bom") out.append_member(name, value);
  Counted counted(true);
  SameExport same;
  for (bool first = command.find("after") == nullptr;; first = false) {
    TERN_TRY(const Json answer, perform(out));
    TERN_CHECKED(same.check(answer));
    std::cout << text_of(answer, first, bom);
    counted.add(answer);
    if (!std::cout) return {};  // nobody can read the rest; the program's end says so
    const Json* next = answer.find("next");
    if (next == nullptr) return {};
    if (one_page) {
      // Lines of JSON are told where they go on as one of them; a table is not.
      if (answer.find("head") == nullptr)
        std::cout << to_text(Json::object({{"next", *next}})) << '\n';
      else
        std::cerr << "More: --after " << next->as_string() << '\n';
      return {};
    }
    out.set("after", *next);
  }
}

Result<Json> export_to_file(const Perform& perform, const Json& command, const std::function<bool()>& stopped) {
  TERN_CHECKED(check_bom(command));
  if (command.find("limit") != nullptr || command.find("after") != nullptr)
    return fail(ErrorCode::usage, "A file holds all of it: --to goes without --limit and --after.", "", "to");
  const std::string& path = command["to"].as_string();
  TERN_CHECKED(server::check_output_file(path, command["replace"].as_bool(), "to"));
  Json question = question_of(command);
  std::unique_ptr<PageSink> file;
  if (command["resume"].as_bool()) {
    TERN_TRY(file, PartFile::open(path, question));
  } else {
    TERN_TRY(file, WholeFile::open(path));
  }
  Counted counted(false);
  counted.go_on_with(file->done(), file->what());
  SameExport same = file->same();
  std::string after = file->after();
  while (!file->is_whole()) {
    if (!after.empty()) question.set("after", Json(after));
    TERN_TRY(const Json answer, perform(question));
    TERN_CHECKED(same.check(answer));
    counted.add(answer);
    const Json* next = answer.find("next");
    TERN_CHECKED(file->write({text_of(answer, after.empty(), command["bom"].as_bool()),
                              next == nullptr ? "" : next->as_string(), counted.done(), counted.what(), same.noted()}));
    if (next == nullptr) break;
    after = next->as_string();
    if (stopped()) return fail(ErrorCode::busy, "Interrupted.", "Run it again.");
  }
  TERN_CHECKED(file->finish());
  const std::string format = command.find("format") == nullptr ? "jsonl" : command["format"].as_string();
  return Json::object({{"format", Json(format)}, {"to", Json(path)}, {counted.what(), Json(counted.done())}});
}

}  // namespace tern::apps
