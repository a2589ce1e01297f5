#include "views.hpp"

#include "exchange/sync_state.hpp"
#include "outbox/outbox.hpp"
#include "replica/replica.hpp"
#include "views/name_book.hpp"
#include "views/ticket_list.hpp"
#include "views/ticket_page.hpp"
#include "views/work_history.hpp"

namespace tern::client {
namespace {

class ViewsImpl final : public Views {
public:
  explicit ViewsImpl(ViewParts parts) : parts_(parts) {}

  Result<ListPage> list(const ListFilter& filter) override {
    return ask([&](ListParts list) { return list_tickets(list, filter); });
  }

  Result<TicketView> ticket(const TicketId& id) override {
    return ask([&](ListParts list) { return ticket_page(list, id); });
  }

  Result<ListPage> search(std::string_view text, std::size_t limit, std::string_view after) override {
    ListFilter filter;
    filter.status = "all";
    filter.text = text;
    filter.limit = limit;
    filter.after = after;
    if (text.empty()) return fail(ErrorCode::invalid, "there is nothing to look for", "name a word", "text");
    return ask([&](ListParts list) { return list_tickets(list, filter); });
  }

  Result<std::vector<HistoryEntry>> attention() override {
    return ask([](ListParts list) { return work_attention(list); });
  }

  Result<std::vector<HistoryEntry>> history(const std::optional<TicketId>& ticket) override {
    return ask([&](ListParts list) { return work_history(list, ticket); });
  }

  Result<SyncStatus> status() override {
    return ask([&](ListParts) { return read_status(); });
  }

private:
  /// A damaged replica is rebuilt from the outbox, and asked again: the tickets come back with the next sync.
  template <typename Question>
  auto ask(const Question& question) -> decltype(question(std::declval<ListParts>())) {
    NameBook names(parts_.replica, parts_.identity);
    auto answer = question(ListParts{parts_.outbox, parts_.replica, names});
    if (answer || answer.error().code != ErrorCode::corrupt || !parts_.writable) return answer;
    if (parts_.replica.database().quick_check()) return answer;
    TERN_CHECKED(parts_.replica.rebuild(parts_.outbox));
    return question(ListParts{parts_.outbox, parts_.replica, names});
  }

  Result<SyncStatus> read_status() {
    SyncStatus status;
    TERN_TRY(const Outbox::Counts counts, parts_.outbox.counts());
    TERN_TRY(const Progress progress, parts_.replica.progress());
    TERN_TRY(const CursorHeld cursor, parts_.replica.cursor());
    TERN_TRY(const SyncState sync, load_sync_state(parts_.outbox));
    status.saved_here = counts.drafts + counts.sealed;
    status.sent = counts.sent;
    status.confirmed = counts.acked;
    status.needs_attention = counts.needs_attention;
    status.oldest_pending_wall_ms = counts.oldest_pending_wall_ms;
    status.tickets = progress.tickets;
    status.ghosts = progress.ghosts;
    status.current_as_of_ms = sync.current_as_of_ms;
    status.cursor = cursor.commit_seq;
    status.first_replica_complete = progress.complete;
    status.passphrase_protected = parts_.identity.passphrase_protected;
    status.encrypted = sqlite::encryption_available();
    status.paused = sync.paused;
    status.last_error = sync.last_error;
    status.notice = sync.notice;
    status.server_offset_ms = sync.server_offset_ms;
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

std::unique_ptr<Views> make_views(ViewParts parts) {
  return std::make_unique<ViewsImpl>(parts);
}

}  // namespace tern::client
