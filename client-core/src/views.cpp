#include "views.hpp"

#include <algorithm>

#include "exchange/sync_state.hpp"
#include "files/file_shelf.hpp"
#include "outbox/other_holder.hpp"
#include "outbox/outbox.hpp"
#include "outbox/salvage_files.hpp"
#include "replica/replica.hpp"
#include "views/late_ends.hpp"
#include "views/library.hpp"
#include "views/name_book.hpp"
#include "views/sla_view.hpp"
#include "views/ticket_list.hpp"
#include "views/ticket_page.hpp"
#include "views/work_history.hpp"

namespace tern::client {
namespace {

class ViewsImpl final : public Views {
public:
  explicit ViewsImpl(ViewParts parts) : parts_(parts) {}

  Result<ListPage> list(const ListFilter& filter) override {
    return ask_tickets([&](ListParts list) { return list_tickets(list, filter); });
  }

  Result<TicketView> ticket(const TicketId& id, const ClockText& clock) override {
    TERN_TRY(TicketView view, ask_tickets([&](ListParts list) { return ticket_page(list, id, clock); }));
    for (TimelineEntry& entry : view.timeline)
      if (entry.file) locate(*entry.file);
    return view;
  }

  Result<ListPage> search(std::string_view text, std::size_t limit, std::string_view after) override {
    ListFilter filter;
    filter.status = "all";
    filter.text = text;
    filter.limit = limit;
    filter.after = after;
    if (text.empty()) return fail(ErrorCode::invalid, "there is nothing to look for", "name a word", "text");
    return ask_tickets([&](ListParts list) { return list_tickets(list, filter); });
  }

  Result<std::vector<HistoryEntry>> attention(const ClockText& clock) override {
    return ask_tickets([&](ListParts list) { return work_attention(list, clock); });
  }

  Result<std::vector<HistoryEntry>> history(const std::optional<TicketId>& ticket, const ClockText& clock) override {
    return ask_tickets([&](ListParts list) { return work_history(list, ticket, clock); });
  }

  Result<SyncStatus> status() override {
    return ask([&](ListParts list) { return read_status(list); });
  }

  Result<UnreadCount> unread() override {
    return ask_tickets([&](ListParts list) { return count_unread(list); });
  }

  Result<std::vector<FileView>> files(const TicketId& id) override {
    TERN_TRY(const TicketView view, ticket(id, {}));
    std::vector<FileView> out;
    for (const TimelineEntry& entry : view.timeline)
      if (entry.file) out.push_back(*entry.file);
    return out;
  }

  /// Whoever may not read the message any more has no row of it, or will have none after the next sync.
  Result<Bytes> read_file(const FileView& file, std::uint64_t offset, std::size_t length) override {
    TERN_CHECKED(check_not_wiped(parts_.wipe, parts_.outbox));
    std::optional<Error> unreadable;
    for (FileShelf* shelf : {parts_.outgoing, parts_.fetched}) {
      if (shelf == nullptr) continue;
      const auto there = shelf->find(file.change);
      if (!there) unreadable = there.error();
      if (there && *there && (*there)->whole()) return shelf->read(**there, offset, length);
    }
    if (unreadable) return tl::unexpected(*unreadable);
    return fail(ErrorCode::not_found, "the content of this file is not here", "fetch it", "file");
  }

  Result<std::vector<QuickReply>> quick_replies() override {
    return ask_tickets([&](ListParts list) { return client::quick_replies(list.replica); });
  }

  Result<QuickReply> quick_reply(std::string_view name) override {
    return ask_tickets([&](ListParts list) { return client::quick_reply(list.replica, parts_.identity, name); });
  }

  Result<std::vector<SavedView>> saved_views() override {
    return ask_tickets([&](ListParts list) { return client::saved_views(list.replica); });
  }
  Result<SavedView> saved_view(std::string_view name) override {
    return ask_tickets([&](ListParts list) { return client::saved_view(list.replica, parts_.identity, name); });
  }
  Result<std::vector<Macro>> macros() override {
    return ask_tickets([&](ListParts list) { return client::macros(list.replica); });
  }

  Result<std::vector<Article>> articles(std::string_view text) override {
    return ask_tickets([&](ListParts list) { return client::articles(list.replica, text); });
  }

  Result<Article> article(std::string_view name) override {
    return ask_tickets([&](ListParts list) { return client::article(list.replica, parts_.identity, name); });
  }

private:
  template <typename Question>
  auto ask_tickets(const Question& question) -> decltype(question(std::declval<ListParts>())) {
    if (auto there = check_not_wiped(parts_.wipe, parts_.outbox); !there) return tl::unexpected(there.error());
    // Without them it is shown as it was, as on a full disk.
    if (parts_.writable) static_cast<void>(parts_.replica.take_in_receipts(parts_.outbox));
    return ask(question);
  }

  /// A damaged replica is rebuilt from the outbox, and asked again: the tickets come back with the next sync.
  template <typename Question>
  auto ask(const Question& question) -> decltype(question(std::declval<ListParts>())) {
    NameBook names(parts_.replica, parts_.identity);
    const std::int64_t now_ms = server_time_now(parts_.outbox, parts_.environment);
    auto answer = question(ListParts{parts_.outbox, parts_.replica, names, now_ms});
    if (answer && !parts_.replica.met_damage()) return answer;
    const Error damage = answer ? Error{ErrorCode::corrupt, "a name could not be read", {}, {}} : answer.error();
    if (!parts_.replica.heal(parts_.outbox, damage)) return answer;
    NameBook known(parts_.replica, parts_.identity);
    return question(ListParts{parts_.outbox, parts_.replica, known, now_ms});
  }

  /// What cannot be looked at is shown as not here; the status says why.
  void locate(FileView& file) {
    using Where = FileView::Where;
    const auto find = [&](FileShelf* shelf) {
      const auto found =
          shelf == nullptr ? std::optional<ShelvedFile>{} : shelf->find(file.change).value_or(std::nullopt);
      return found && found->sha256.view() == ByteView(file.sha256) ? found : std::nullopt;
    };
    if (const auto own = find(parts_.outgoing)) {
      file.have_bytes = own->have_bytes;
      const auto anchor = parts_.outbox.anchor();
      const bool sent = anchor && !own->sent_in.is_zero() && own->sent_in == anchor->epoch;
      file.where = sent ? Where::here : own->problem.empty() ? Where::waiting : Where::stuck;
      file.problem = own->problem;
      return;
    }
    const auto copy = find(parts_.fetched);
    if (!copy) return;
    file.have_bytes = copy->have_bytes;
    file.problem = copy->problem;
    file.where = copy->whole() ? Where::here : copy->problem.empty() ? Where::wanted : Where::stuck;
  }

  void count_files(SyncStatus& status) {
    if (parts_.outgoing == nullptr || status.wiped) return;
    const auto anchor = parts_.outbox.anchor();
    const auto waiting = parts_.outgoing->waiting(anchor ? anchor->epoch : EpochId{});
    if (!waiting) {
      status.files_problem = waiting.error().message;
      return;
    }
    status.files_waiting = waiting->files;
    status.files_waiting_bytes = waiting->bytes;
    status.files_stuck = waiting->stuck;
  }

  Result<SyncStatus> read_status(ListParts list) {
    SyncStatus status;
    TERN_TRY(const Outbox::Counts counts, parts_.outbox.counts());
    TERN_TRY(const Progress progress, parts_.replica.progress());
    TERN_TRY(const CursorHeld cursor, parts_.replica.cursor());
    TERN_TRY(const SyncState sync, load_sync_state(parts_.outbox));
    status.saved_here = counts.drafts + counts.sealed;
    status.sent = counts.sent;
    status.confirmed = counts.acked;
    TERN_TRY(const auto late, late_ends(list, {}));
    TERN_TRY(const auto others, others_changes(list.outbox));
    status.needs_attention = counts.needs_attention + late.size() + others.size();
    status.oldest_pending_wall_ms = counts.oldest_pending_wall_ms;
    status.tickets = progress.tickets;
    status.ghosts = progress.ghosts;
    status.current_as_of_ms = sync.current_as_of_ms;
    status.cursor = cursor.commit_seq;
    status.first_replica_complete = progress.complete;
    status.passphrase_protected = parts_.identity.passphrase_protected;
    status.encrypted = sqlite::encryption_available();
    status.wiped = parts_.wipe != nullptr && parts_.wipe->obeyed;
    if (status.wiped) {
      status.wiped_ms = parts_.wipe->ordered_ms;
      status.tickets = status.ghosts = 0;
    }
    status.paused = status.wiped && sync.paused.empty() ? wiped_error().message : sync.paused;
    status.last_error = sync.last_error;
    TERN_TRY(const auto dismissed, parts_.outbox.meta(meta_notice_dismissed));
    if (dismissed != sync.notice) status.notice = sync.notice;
    TERN_TRY(const auto salvaged, parts_.outbox.meta(meta_salvage_notice));
    if (salvaged && !salvaged->empty()) status.notice = *salvaged + (status.notice.empty() ? "" : " " + status.notice);
    status.server_offset_ms = sync.server_offset_ms;
    count_files(status);
    return status;
  }

  ViewParts parts_;
};

}  // namespace

std::string_view to_string(Saved saved) {
  switch (saved) {
    case Saved::confirmed:
      return "confirmed";
    case Saved::saved_here:
      return "saved here";
    case Saved::sent:
      return "sent";
    case Saved::needs_attention:
      return "needs attention";
  }
  return "confirmed";
}

std::string_view to_string(FileView::Where where) {
  switch (where) {
    case FileView::Where::not_here:
      return "not here";
    case FileView::Where::wanted:
      return "wanted";
    case FileView::Where::here:
      return "here";
    case FileView::Where::waiting:
      return "waiting";
    case FileView::Where::stuck:
      return "needs attention";
  }
  return "not here";
}

std::unique_ptr<Views> make_views(ViewParts parts) {
  return std::make_unique<ViewsImpl>(parts);
}

}  // namespace tern::client
