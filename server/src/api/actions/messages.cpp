// Messages: written, edited, taken back. The description is the first one.
#include "api/actions.hpp"
#include "api/ticket_writer.hpp"
#include "files/file_store.hpp"

namespace tern::server::actions {
namespace {

using sync::Intent;

/// A message is edited, the description written anew: `text` empty takes either away.
Result<void> rewrite(const AdminCall& call, const NamedMessage& named, const std::string& text) {
  const sync::TicketState& state = named.ticket.state;
  if (!named.message) {
    if (state.description == text) return {};
    ServerChange change = change_by(call.caller(), Intent::describe, state.id);
    change.change.base = state.description;
    change.change.text = text;
    return commit_changes(call, {std::move(change)}, &state);
  }
  const sync::Message& message = named.message->message;
  if (sync::is_deleted(message))
    return text.empty() ? Result<void>{}
                        : Result<void>(fail(ErrorCode::bad_transition, "The message is deleted.", "", "message_id"));
  const bool takes_file_back = text.empty() && message.kind == sync::MessageKind::file;  // most have no text
  if (sync::standing_text(message) == text && !takes_file_back) return {};
  ServerChange change =
      change_by(call.caller(), text.empty() ? Intent::delete_message : Intent::edit_message, state.id);
  change.change.targets.push_back(message.stamp.ref());
  change.change.text = text;
  return commit_changes(call, {std::move(change)}, &state, &message);
}

Result<Json> rewrite_named(AdminCall& call, const std::string& text) {
  const std::int64_t id = call.integer("message_id", 0);
  TERN_CHECKED(call.change([&]() -> Result<void> {
    TERN_TRY(auto reader, call.tenant().reader());
    TicketView view(call.tenant(), reader.db(), call.caller());
    TERN_TRY(const NamedMessage named, view.find_message(id));
    return rewrite(call, named, text);
  }));
  return Json::object({{"id", Json(id)}});
}

/// Before files are taken in: what would be refused is never kept.
Result<void> check_may_write(const AdminCall& call, const Caller& author, const FindTicket& find,
                             const ServerChange& change) {
  if (call.sent().files.empty()) return {};
  TERN_TRY(auto reader, call.tenant().reader());
  TicketView view(call.tenant(), reader.db(), author);
  TERN_TRY(const FoundTicket found, find(view));
  TERN_CHECKED(check_takes_work(call));
  return check_change(call, change, &found.state);
}

/// A change for each file of the request, beside its message.
std::vector<ServerChange> changes_of_files(const AdminCall& call, const Caller& author, const ServerChange& message) {
  std::vector<ServerChange> out;
  for (const SentFile& file : call.sent().files) {
    ServerChange one = change_by(author, Intent::attach, message.change.ticket);
    one.change.ref.id = random_id<ChangeId>(call.parts().environment);
    one.change.visibility = message.change.visibility;
    one.change.after = {message.change.ref.id};
    one.change.targets = {{call.tenant().keys().sealing_device, message.change.ref.id}};
    one.change.file_name = file.name;
    one.change.media_type = file.media_type;
    one.change.size_bytes = file.size_bytes;
    one.change.content_hash = Bytes(file.sha256.view());
    out.push_back(std::move(one));
  }
  return out;
}

/// Files that were taken in for changes that are still to be committed. What is not kept in the end goes again.
class TakenFiles {
public:
  explicit TakenFiles(Tenant& tenant) : tenant_(tenant) {}
  ~TakenFiles() {
    // What cannot be dropped now is found to be nobody's later (sweep_files).
    if (!taken_.empty()) static_cast<void>(tenant_.files().drop(taken_));
  }
  TakenFiles(const TakenFiles&) = delete;
  TakenFiles& operator=(const TakenFiles&) = delete;

  Result<void> take_in(const SentFiles& sent, const std::vector<ServerChange>& changes) {
    for (std::size_t i = 0; i < changes.size(); ++i) {
      const sync::ChangeRef ref{tenant_.keys().sealing_device, changes[i].change.ref.id};
      const SentFile& file = sent.files[i];
      TERN_CHECKED(tenant_.files().put(ref, sent.body, file.offset, file.size_bytes, file.sha256, tenant_.now_ms()));
      taken_.push_back(ref);
    }
    return {};
  }
  void keep() { taken_.clear(); }

private:
  Tenant& tenant_;
  std::vector<sync::ChangeRef> taken_;
};

/// What the author of a reply had read, where they say so, and what is to become of one that is behind.
Result<void> judge_stale(const AdminCall& call, TicketView& view, const sync::TicketState& state,
                         std::vector<ServerChange>& changes) {
  const std::int64_t read = call.integer("seen_message_id", 0);
  if (read == 0) return {};
  TERN_TRY(const NamedMessage named, view.find_message(read));
  if (named.ticket.state.id != state.id)
    return fail(ErrorCode::invalid, "The message is of another ticket.", "", "seen_message_id");
  const std::uint64_t created = state.created ? state.created->commit_seq : 0;
  const std::uint64_t seen = named.message ? named.message->message.stamp.commit_seq : created;
  const bool stale = std::ranges::any_of(state.moves, [&](const sync::Move& move) {
    return move.intent == Intent::message && move.stamp.commit_seq > seen;
  });
  if (!stale) return {};
  const std::string policy = call.text("send_stale");
  if (policy == "ask")
    return fail(ErrorCode::bad_transition, "The customer has written since.", "Read it; nothing was written.",
                "seen_message_id");
  std::vector<ServerChange> sends;
  for (ServerChange& one : changes) {
    one.change.seen_now = false;
    one.change.seen_seq = seen;
    if (policy != "send") continue;
    ServerChange send = change_by(call.caller(), Intent::send_message, state.id);
    send.change.after = {one.change.ref.id};
    send.change.targets = {{call.tenant().keys().sealing_device, one.change.ref.id}};
    sends.push_back(std::move(send));
  }
  changes.insert(changes.end(), std::make_move_iterator(sends.begin()), std::make_move_iterator(sends.end()));
  return {};
}

}  // namespace

Result<Json> say_message(AdminCall& call, const Caller& author, sync::Visibility visibility, const FindTicket& find,
                         const ShowSaid& show) {
  ServerChange change = change_by(author, Intent::message, TicketId{});
  change.change.ref.id = random_id<ChangeId>(call.parts().environment);
  call.makes(change.change.ref.id.view());
  change.change.visibility = visibility;
  change.change.text = call.text("message");
  TERN_CHECKED(check_may_write(call, author, find, change));
  const std::vector<ServerChange> files = changes_of_files(call, author, change);
  TakenFiles taken(call.tenant());
  TERN_CHECKED(taken.take_in(call.sent(), files));
  TERN_TRY(const Bytes id, call.change([&]() -> Result<void> {
    TERN_TRY(auto reader, call.tenant().reader());
    TicketView view(call.tenant(), reader.db(), author);
    TERN_TRY(const FoundTicket found, find(view));
    std::vector<ServerChange> changes = {change};
    changes.insert(changes.end(), files.begin(), files.end());
    for (ServerChange& one : changes) one.change.ticket = found.state.id;
    if (!author.is_client() && visibility == sync::Visibility::open)
      TERN_CHECKED(judge_stale(call, view, found.state, changes));
    return commit_changes(call, std::move(changes), &found.state);
  }));
  if (!call.is_repeated()) taken.keep();
  TERN_TRY(auto reader, call.tenant().reader());
  TicketView view(call.tenant(), reader.db(), author);
  return show(view, ChangeId::or_zero(id));
}

Result<Json> say_on_ticket(AdminCall& call, sync::Visibility visibility, const ShowMessage& show) {
  const auto find = [&](TicketView& view) { return view.find(call.integer("ticket_id", 0)); };
  return say_message(call, call.caller(), visibility, find, [&](TicketView& view, const ChangeId& id) -> Result<Json> {
    TERN_TRY(FoundMessage written, view.find_message(id));
    if (call.is_repeated()) TERN_CHECKED(view.find_message(static_cast<std::int64_t>(written.integer_id)));
    TERN_TRY(const TicketId ticket, view.ticket_of(written));
    TERN_TRY(const FoundTicket found, view.find(ticket));
    TERN_TRY(const FoundMessage whole, view.with_files(found, std::move(written)));
    return show(view, whole);
  });
}

Result<Json> add_message(AdminCall& call) {
  const auto visibility = call.flag("is_note") ? sync::Visibility::team : sync::Visibility::open;
  return say_on_ticket(call, visibility, &TicketView::message);
}

Result<Json> edit_message(AdminCall& call) {
  return rewrite_named(call, call.text("message"));
}

Result<Json> send_message(AdminCall& call) {
  const std::int64_t id = call.integer("message_id", 0);
  TERN_CHECKED(call.change([&]() -> Result<void> {
    TERN_TRY(auto reader, call.tenant().reader());
    TicketView view(call.tenant(), reader.db(), call.caller());
    TERN_TRY(const NamedMessage named, view.find_message(id));
    if (!named.message) return {};  // a description is shown as it is
    const sync::Message& reply = named.message->message;
    if (sync::is_deleted(reply) || reply.visibility != sync::Visibility::open)
      return fail(ErrorCode::bad_transition, "The message is deleted, or a note.", "", "message_id");
    TERN_TRY(const FoundMessage whole, view.with_files(named.ticket, *named.message));
    std::vector<ServerChange> changes;
    const auto send = [&](const sync::Message& message) {
      if (!message.withheld) return;
      changes.push_back(change_by(call.caller(), Intent::send_message, named.ticket.state.id));
      changes.back().change.targets = {message.stamp.ref()};
    };
    send(reply);
    for (const FoundMessage& file : whole.files) send(file.message);
    return commit_changes(call, std::move(changes), &named.ticket.state, &reply);
  }));
  return Json::object({{"id", Json(id)}});
}

Result<Json> delete_message(AdminCall& call) {
  return rewrite_named(call, {});
}

}  // namespace tern::server::actions
