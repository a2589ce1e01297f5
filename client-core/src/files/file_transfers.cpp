#include "files/file_transfers.hpp"

#include <algorithm>
#include <map>

#include "files/file_policy.hpp"
#include "outbox/outbox.hpp"
#include "tern/protocol/file_pieces.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/sync/conflict.hpp"
#include "tern/v1/exchange.pb.h"

namespace tern::client {
namespace {

constexpr std::string_view send_target = "/sync/v1/file";
constexpr std::string_view fetch_target = "/sync/v1/file/read";
constexpr unsigned useless_pieces_max = 3;
constexpr std::int64_t quick_piece_ms = 2'000;
constexpr std::int64_t slow_piece_ms = 5'000;

bool was_rejected(const OwnChange& own) {
  v1::ChangeOutcome outcome;
  return !own.outcome.empty() && outcome.ParseFromString(own.outcome) &&
         outcome.outcome() == static_cast<std::uint32_t>(sync::Outcome::rejected);
}

/// A later try of the same would meet it again.
bool is_final_for_file(const Error& error) {
  const bool of_change = error.code == ErrorCode::not_permitted && error.field == "change";
  return of_change || error.code == ErrorCode::malformed || error.code == ErrorCode::invalid;
}

/// Of what should be on this disk.
bool is_damage(const Error& error) {
  return error.code == ErrorCode::corrupt || error.code == ErrorCode::not_found;
}

bool is_file_of(const sync::Message& message, const ShelvedFile& file) {
  return message.stamp.ref() == file.change && message.kind == sync::MessageKind::file && !message.erased &&
         !sync::is_deleted(message) && message.content_hash == file.sha256.view();
}

}  // namespace

// ---- what is not to be here any more ----

Result<void> FileTransfers::tidy() {
  auto own = tidy_outgoing();
  TERN_CHECKED(tidy_fetched());
  return own;
}

Result<void> FileTransfers::tidy_outgoing() {
  TERN_TRY(const auto files, parts_.outgoing.all());
  std::vector<sync::ChangeRef> gone;
  for (const ShelvedFile& file : files) {
    TERN_TRY(const auto own, parts_.outbox.find(file.change));
    bool goes = !own || own->change.body_erased;
    if (!goes && !file.problem.empty()) {
      TERN_TRY(const bool dealt_with, is_dealt_with(file));
      goes = own->dismissed || dealt_with;
    }
    if (goes) gone.push_back(file.change);
  }
  return parts_.outgoing.drop(gone);
}

/// Its author took it back.
Result<bool> FileTransfers::is_dealt_with(const ShelvedFile& file) {
  TERN_TRY(const auto messages, parts_.replica.messages(file.ticket));
  return std::ranges::any_of(messages, [&](const sync::Message& message) {
    return message.stamp.ref() == file.change && sync::is_deleted(message);
  });
}

Result<void> FileTransfers::tidy_fetched() {
  TERN_TRY(const auto files, parts_.fetched.all());
  if (files.empty()) return {};
  TERN_TRY(const CursorHeld here, parts_.replica.cursor());
  if (here == tidied_at_ && tidied_life_ == parts_.replica.life()) return {};
  TERN_TRY(const Progress progress, parts_.replica.progress());
  if (!progress.complete) return {};  // what is not here may be still to come
  std::map<TicketId, std::vector<sync::Message>> messages;
  std::vector<sync::ChangeRef> gone;
  for (const ShelvedFile& file : files) {
    auto known = messages.find(file.ticket);
    if (known == messages.end()) {
      TERN_TRY(const auto held, parts_.replica.held(file.ticket));
      std::vector<sync::Message> there;
      if (held && !held->ghost) {
        TERN_TRY(there, parts_.replica.messages(file.ticket));
      }
      known = messages.emplace(file.ticket, std::move(there)).first;
    }
    const bool stays = std::ranges::any_of(known->second, [&](const auto& one) { return is_file_of(one, file); });
    if (!stays) gone.push_back(file.change);
  }
  TERN_CHECKED(parts_.fetched.drop(gone));
  tidied_at_ = here;
  tidied_life_ = parts_.replica.life();
  return {};
}

// ---- what there is to carry ----

Result<bool> FileTransfers::begin() {
  auto own = tidy_outgoing();
  TERN_CHECKED(tidy_fetched());
  jobs_.clear();
  counts_.bytes_done = counts_.bytes_due = 0;
  TERN_TRY(const AnchorHeld anchor, parts_.outbox.anchor());
  epoch_ = anchor.epoch;
  if (own) own = add_uploads();
  own_unreadable_ = own ? std::nullopt : std::optional(own.error());
  if (!own) jobs_.clear();  // what was fetched is a file of its own
  TERN_CHECKED(want_by_policy());
  TERN_CHECKED(add_downloads());
  for (const Job& job : jobs_) counts_.bytes_due += job.file.size_bytes - job.at;
  return !jobs_.empty();
}

/// Once the ledger has their change: the server takes the content of no other.
Result<void> FileTransfers::add_uploads() {
  if (epoch_.is_zero()) return {};
  TERN_TRY(const auto files, parts_.outgoing.all());
  for (const ShelvedFile& file : files) {
    if (!file.whole() || file.sent_in == epoch_ || file.failures >= file_failures_max) continue;
    TERN_TRY(const auto own, parts_.outbox.find(file.change));
    if (!own || own->commit_seq == 0) continue;
    if (was_rejected(*own)) {
      TERN_CHECKED(parts_.outgoing.note_failure(file.change, file_failures_max, "the server rejected the attachment"));
      continue;
    }
    Job job;
    job.up = true;
    job.file = file;
    job.asks = file.size_bytes > limits::file_piece_bytes;  // of a small one that costs more than it may save
    jobs_.push_back(std::move(job));
  }
  return {};
}

/// What a person asked for first, then the smallest.
Result<void> FileTransfers::add_downloads() {
  TERN_TRY(auto files, parts_.fetched.all());
  std::erase_if(files, [](const auto& file) { return file.whole() || file.failures >= file_failures_max; });
  std::ranges::stable_sort(files, [](const ShelvedFile& a, const ShelvedFile& b) {
    return a.asked != b.asked ? a.asked : a.size_bytes < b.size_bytes;
  });
  for (ShelvedFile& file : files) {
    Job job;
    job.at = file.have_bytes;
    job.file = std::move(file);
    jobs_.push_back(std::move(job));
  }
  return {};
}

Result<void> FileTransfers::want_by_policy() {
  TERN_TRY(const CursorHeld here, parts_.replica.cursor());
  TERN_TRY(const FilePolicy policy, load_file_policy(parts_.outbox));
  const bool looked = here == looked_at_ && looked_life_ == parts_.replica.life() && looked_for_ == policy;
  if (looked || policy.each_bytes_max == 0) return {};
  TERN_TRY(auto candidates, parts_.replica.files_of(parts_.identity.operator_id));
  if (!candidates.empty()) {
    std::ranges::stable_sort(candidates, {}, [](const auto& one) { return one.message.size_bytes; });
    TERN_TRY(const auto there, parts_.fetched.all());
    std::uint64_t total = 0;
    for (const ShelvedFile& file : there) total += file.asked ? 0 : file.size_bytes;
    for (const Replica::FileOnTicket& one : candidates) {
      const sync::Message& file = one.message;
      const sync::ChangeRef ref = file.stamp.ref();
      if (file.erased || sync::is_deleted(file) || file.size_bytes > policy.each_bytes_max) continue;
      if (std::ranges::any_of(there, [&](const auto& known) { return known.change == ref; })) continue;
      const auto own = parts_.outgoing.find(ref);
      if (own && *own && (*own)->whole()) continue;
      if (total + file.size_bytes > policy.total_bytes_max) break;
      total += file.size_bytes;
      TERN_CHECKED(parts_.fetched.begin(ref, one.ticket, Hash::or_zero(file.content_hash), file.size_bytes, false));
    }
  }
  looked_at_ = here;
  looked_life_ = parts_.replica.life();
  looked_for_ = policy;
  return {};
}

// ---- piece by piece ----

Result<std::optional<FileTransfers::Request>> FileTransfers::next() {
  if (piece_bytes_ == 0) piece_bytes_ = limits::file_piece_bytes;
  while (!jobs_.empty() && jobs_.front().up) {
    auto body = piece_of(jobs_.front());
    if (body) return std::optional(Request{std::string(send_target), std::move(*body)});
    if (!is_damage(body.error())) return tl::unexpected(std::move(body).error());
    TERN_CHECKED(own_is_damaged());
  }
  if (jobs_.empty()) return std::optional<Request>{};
  Job& job = jobs_.front();
  protocol::FilePieceWanted wanted{job.file.ticket, job.file.change.device, job.file.change.id, job.at, 0};
  job.on_the_way = static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes_, job.file.size_bytes - job.at));
  wanted.length = static_cast<std::uint32_t>(job.on_the_way);
  return std::optional(Request{std::string(fetch_target), encode(wanted)});
}

Result<Bytes> FileTransfers::piece_of(Job& job) {
  protocol::FilePiece piece;
  piece.change = job.file.change.id;
  piece.size_bytes = job.file.size_bytes;
  piece.offset = job.at;
  if (!job.asks) {
    TERN_TRY(piece.bytes, parts_.outgoing.read(job.file, job.at, piece_bytes_));
  }
  job.on_the_way = piece.bytes.size();
  return encode(piece);
}

/// That file goes no further; the others do.
Result<void> FileTransfers::own_is_damaged() {
  const sync::ChangeRef change = jobs_.front().file.change;
  give_up_job();
  return parts_.outgoing.note_failure(change, file_failures_max, "the file is damaged on this device; attach it again");
}

Result<void> FileTransfers::take(ByteView answer, std::int64_t took_ms) {
  if (jobs_.empty()) return {};
  if (took_ms > slow_piece_ms) piece_bytes_ = limits::file_piece_bytes;
  if (took_ms < quick_piece_ms && jobs_.front().on_the_way >= piece_bytes_)
    piece_bytes_ = std::min(2 * piece_bytes_, limits::file_piece_bytes_max);
  return jobs_.front().up ? take_upload(answer) : take_download(answer);
}

Result<void> FileTransfers::take_upload(ByteView answer) {
  TERN_TRY(const auto taken, protocol::decode_file_piece_taken(answer));
  Job& job = jobs_.front();
  if (taken.state == protocol::FileState::wrong) return upload_was_wrong();
  if (taken.state == protocol::FileState::whole) {
    TERN_TRY(const CursorHeld here, parts_.replica.cursor());
    TERN_CHECKED(store_files_sent_seq(parts_.outbox, here.commit_seq));
    TERN_CHECKED(parts_.outgoing.mark_sent(job.file.change, epoch_));
    counts_.bytes_done += job.file.size_bytes - std::min(job.furthest, job.file.size_bytes);
    ++counts_.sent;
    jobs_.pop_front();
    return {};
  }
  const std::uint64_t size = job.file.size_bytes;
  if (taken.have_bytes > size || (taken.have_bytes != size && taken.have_bytes % limits::file_piece_bytes != 0))
    return fail(ErrorCode::malformed, "The server says that it has what nobody can have sent.", {}, "have");
  const bool further = taken.have_bytes > job.furthest;
  job.useless = further || job.asks ? 0 : job.useless + 1;
  job.asks = false;
  if (further) counts_.bytes_done += taken.have_bytes - job.furthest;
  if (further) job.furthest = taken.have_bytes;
  if (job.useless >= useless_pieces_max) {
    give_up_job();
    return {};
  }
  job.at = taken.have_bytes;
  return {};
}

/// It was spoilt on its way, or here.
Result<void> FileTransfers::upload_was_wrong() {
  Job& job = jobs_.front();
  const auto here = parts_.outgoing.hash_of(job.file);
  if (!here && !is_damage(here.error())) return tl::unexpected(here.error());
  if (!here || *here != job.file.sha256) return own_is_damaged();
  const bool stuck = ++job.file.failures >= file_failures_max;
  TERN_CHECKED(parts_.outgoing.note_failure(job.file.change, job.file.failures,
                                            stuck ? "the server did not get what was sent; attach it again" : ""));
  if (stuck) {
    give_up_job();
  } else {
    job.at = job.furthest = 0;
    job.asks = false;
  }
  return {};
}

Result<void> FileTransfers::take_download(ByteView answer) {
  TERN_TRY(const auto given, protocol::decode_file_piece_given(answer));
  Job& job = jobs_.front();
  if (given.size_bytes != job.file.size_bytes || given.bytes.size() != job.on_the_way)
    return download_was_wrong("the server has another file than the ticket names");
  const bool last = job.at + given.bytes.size() == job.file.size_bytes;
  if (last) {  // before it counts as whole
    TERN_TRY(const Hash whole, parts_.fetched.hash_of(job.file, given.bytes));
    if (whole != job.file.sha256) return download_was_wrong("what came is not the file that the ticket names");
  }
  TERN_CHECKED(parts_.fetched.append(job.file.id, job.at, given.bytes));
  job.at += given.bytes.size();
  job.file.have_bytes = job.at;
  counts_.bytes_done += given.bytes.size();
  if (!last) return {};
  TERN_CHECKED(parts_.fetched.note_failure(job.file.change, 0, ""));
  ++counts_.fetched;
  jobs_.pop_front();
  return {};
}

Result<void> FileTransfers::download_was_wrong(std::string_view problem) {
  Job& job = jobs_.front();
  TERN_CHECKED(parts_.fetched.start_over(job.file.change));
  const bool stuck = ++job.file.failures >= file_failures_max;
  TERN_CHECKED(parts_.fetched.note_failure(job.file.change, job.file.failures, stuck ? problem : ""));
  if (stuck) {
    give_up_job();
  } else {
    job.at = job.file.have_bytes = 0;
  }
  return {};
}

Result<void> FileTransfers::refused(const Error& error) {
  if (jobs_.empty()) return {};
  const Job job = jobs_.front();
  FileShelf& shelf = job.up ? parts_.outgoing : parts_.fetched;
  give_up_job();
  if (error.code == ErrorCode::storage_full) {  // there is no room for any of them
    while (!jobs_.empty() && jobs_.front().up) give_up_job();
    return {};
  }
  // Not for this device, or not any more; the next page says it, too. What has no content yet comes later.
  if (error.code == ErrorCode::not_found)
    return !job.up && error.field == "change" ? shelf.drop({job.file.change}) : Result<void>{};
  if (is_final_for_file(error)) return shelf.note_failure(job.file.change, file_failures_max, error.message);
  // The plan may be another one some day: it is tried again with each round, and told meanwhile.
  return error.code == ErrorCode::too_large ? shelf.note_failure(job.file.change, 0, error.message) : Result<void>{};
}

void FileTransfers::give_up_job() {
  const Job& job = jobs_.front();
  const std::uint64_t left = job.file.size_bytes - std::min(job.at, job.file.size_bytes);
  counts_.bytes_due -= std::min(left, counts_.bytes_due);
  jobs_.pop_front();
}

}  // namespace tern::client
