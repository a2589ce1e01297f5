// What a round does about the content of attachments once its exchanges are over: sends what waits, fetches what is
// wanted, lets go of what is not to be here any more. A state machine like the engine that drives it: requests come
// out, answers go in. Nothing is lost with it: how far a file has come, the other side says.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "files/file_shelf.hpp"
#include "replica/replica.hpp"
#include "tern/client/commands.hpp"
#include "tern/client/enrolment.hpp"

namespace tern::client {

class Outbox;

/// References outlive the transfers.
struct FileParts {
  FileShelf& outgoing;
  FileShelf& fetched;
  Outbox& outbox;
  Replica& replica;
  const DeviceIdentity& identity;
};

class FileTransfers {
public:
  explicit FileTransfers(const FileParts& parts) : parts_(parts) {}

  /// Drops files whose change is not there for this device any more: erased, taken back, out of its scope; own ones
  /// once the outbox has let their change go. Cheap when nothing moved since the last time.
  Result<void> tidy();
  /// tidy, and what there is to carry now. False: nothing.
  Result<bool> begin();
  /// Why `begin` left out what was attached here; what is fetched goes on.
  [[nodiscard]] const std::optional<Error>& own_unreadable() const { return own_unreadable_; }

  struct Request {
    std::string target;
    Bytes body;
  };
  /// The next one; nothing: all is done that can be done now.
  Result<std::optional<Request>> next();
  /// The proven answer to the last request. `took_ms`: how long it was on its way.
  Result<void> take(ByteView answer, std::int64_t took_ms);
  /// The server's own refusal of the last request: that file goes no further in this round, or at all.
  Result<void> refused(const Error& error);

  struct Counts {
    std::uint64_t sent = 0, fetched = 0;          // whole files
    std::uint64_t bytes_done = 0, bytes_due = 0;  // of this round's
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

private:
  struct Job {
    bool up = false;
    ShelvedFile file;
    std::uint64_t at = 0;        // both sides have as much
    bool asks = false;           // how much the server has
    unsigned useless = 0;        // answers in a row that brought it no further than it had been
    std::uint64_t furthest = 0;  // that the server said in this round
    std::size_t on_the_way = 0;  // bytes of the last request
  };

  Result<void> tidy_outgoing();
  Result<void> tidy_fetched();
  Result<bool> is_dealt_with(const ShelvedFile& file);
  Result<void> add_uploads();
  Result<void> add_downloads();
  Result<void> want_by_policy();
  Result<Bytes> piece_of(Job& job);
  Result<void> take_upload(ByteView answer);
  Result<void> take_download(ByteView answer);
  Result<void> upload_was_wrong();
  Result<void> own_is_damaged();
  Result<void> download_was_wrong(std::string_view problem);
  void give_up_job();

  FileParts parts_;
  std::deque<Job> jobs_;
  std::optional<Error> own_unreadable_;
  Counts counts_;
  EpochId epoch_;
  std::size_t piece_bytes_ = 0;  // at once; grows on a quick line
  CursorHeld tidied_at_, looked_at_;
  std::uint64_t tidied_life_ = 0, looked_life_ = 0;
  FilePolicy looked_for_;
};

/// So many failures in a row, and a person has to look.
inline constexpr std::uint32_t file_failures_max = 3;

}  // namespace tern::client
