// Commands that change a ticket: each becomes one or a few changes, checked against the device's view, then saved.
#include <cmath>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>

#include "render.hpp"
#include "session.hpp"
#include "terminal.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/text.hpp"
#include "tern/sync/ticket_state.hpp"
#include "time_text.hpp"

namespace tern::apps {
namespace {

using sync::Change;
using sync::FieldId;
using sync::Intent;

Result<Change> on_ticket(Session& session, Intent intent) {
  Change change;
  change.intent = intent;
  TERN_TRY(change.ticket, session.ticket(session.call().ticket));
  return change;
}

/// The canonical bytes of what somebody typed for a field.
Result<Bytes> field_bytes(Session& session, const sync::FieldSpec& field, const std::string& typed) {
  const auto reference = [&](sync::RecordKind kind) { return session.record(kind, typed); };
  switch (field.id) {
    case FieldId::priority: {
      const auto rank = sync::priority_rank(typed);
      if (!rank)
        return fail(ErrorCode::invalid, "\"" + typed + "\" is no priority.", "Use low, normal, high or urgent.",
                    "priority");
      return Bytes(1, static_cast<char>('0' + *rank));
    }
    case FieldId::category:
      return reference(sync::RecordKind::category);
    case FieldId::contact:
      return reference(sync::RecordKind::contact);
    case FieldId::organisation:
      return reference(sync::RecordKind::organisation);
    case FieldId::due_at: {
      TERN_TRY(const std::int64_t at, parse_time(typed, "due_at"));
      return std::to_string(at);
    }
    default:
      return protocol::normalise_nfc(typed);
  }
}

/// Of a field as it is called here: a standard one, TYPE:NAME, or a custom field's own name. Nothing typed: none.
Result<sync::FieldSetting> setting_of(Session& session, const std::string& name,
                                      const std::optional<std::string>& typed) {
  const std::size_t colon = name.find(':');
  const sync::FieldSpec* field = sync::find_field(std::string_view(name).substr(0, colon));
  sync::FieldSetting setting;
  if (field == nullptr) {  // a custom field's own name
    field = sync::find_field(FieldId::custom);
    setting.key = name;
  } else if (field->keyed) {
    if (colon == std::string::npos)
      return fail(ErrorCode::usage, "There are several of " + name + ".",
                  "Say which: tern set T " + name + ":NAME VALUE", "field");
    setting.key = name.substr(colon + 1);
  } else if (field->writer != sync::Writer::device) {
    return fail(ErrorCode::usage, "The field " + name + " cannot be set.",
                "It follows from commands such as take, start or resolve.", "field");
  }
  setting.field = field->id;
  const bool refers =
      field->id == FieldId::category || field->id == FieldId::contact || field->id == FieldId::organisation;
  if (typed && !(refers && *typed == "none")) {
    TERN_TRY(setting.value, field_bytes(session, *field, *typed));
  }
  return setting;
}

/// What --field NAME=VALUE says of a new ticket.
Result<void> add_fields(Session& session, Change& create) {
  for (const std::string& said : session.call().fields) {
    const std::size_t equals = said.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == said.size())
      return fail(ErrorCode::usage, "\"" + said + "\" is no field and its value.", "Write it as NAME=VALUE.", "field");
    TERN_TRY(auto setting, setting_of(session, said.substr(0, equals), said.substr(equals + 1)));
    create.fields.push_back(std::move(setting));
  }
  return {};
}

Result<std::vector<Change>> set_changes(Session& session) {
  const Invocation& call = session.call();
  if (call.none == !call.value.empty())
    return fail(ErrorCode::usage,
                call.none ? "Give a value or --none, not both." : "Give a value, or --none to clear the field.", "",
                "value");
  TERN_TRY(const std::string typed, session.text_or_stdin(call.value, limits::text_bytes_max));
  if (call.field == "queue") {
    TERN_TRY(Change change, on_ticket(session, Intent::move_queue));
    if (!call.none) {
      TERN_TRY(change.target, session.record(sync::RecordKind::queue, typed));
    }
    return std::vector<Change>{change};
  }
  if (call.field == "description") {
    TERN_TRY(Change change, on_ticket(session, Intent::describe));
    TERN_TRY(const auto view, session.client().views().ticket(change.ticket));
    change.base = view.description;
    TERN_TRY(change.text, protocol::normalise_nfc(typed));
    return std::vector<Change>{change};
  }
  TERN_TRY(auto setting, setting_of(session, call.field, call.none ? std::nullopt : std::optional(typed)));
  TERN_TRY(Change change, on_ticket(session, Intent::set));
  change.fields.push_back(std::move(setting));
  return std::vector<Change>{change};
}

Result<std::vector<Change>> new_ticket(Session& session) {
  const Invocation& call = session.call();
  if (call.subject.empty()) return fail(ErrorCode::usage, "A ticket needs a subject.", "", "subject");
  Change create;
  create.intent = Intent::create;
  const auto add = [&](FieldId id, const std::string& typed) -> Result<void> {
    if (typed.empty()) return {};
    TERN_TRY(auto value, field_bytes(session, *sync::find_field(id), typed));
    create.fields.push_back({id, "", std::move(value), false});
    return {};
  };
  TERN_CHECKED(add(FieldId::subject, call.subject));
  TERN_CHECKED(add(FieldId::priority, call.priority));
  TERN_CHECKED(add(FieldId::category, call.category));
  TERN_CHECKED(add(FieldId::contact, call.contact));
  TERN_CHECKED(add(FieldId::type, call.type));
  TERN_CHECKED(add_fields(session, create));
  TERN_TRY(const std::string description, session.text_or_stdin(call.description, limits::text_bytes_max));
  TERN_TRY(create.text, protocol::normalise_nfc(description));
  std::vector<Change> changes{create};
  if (!call.queue.empty()) {
    Change queue;
    queue.intent = Intent::move_queue;
    TERN_TRY(queue.target, session.record(sync::RecordKind::queue, call.queue));
    changes.push_back(queue);
  }
  if (!call.assignee.empty()) {
    Change assign;
    assign.intent = Intent::assign;
    TERN_TRY(assign.target, session.operator_named(call.assignee));
    changes.push_back(assign);
  }
  for (const std::string& name : call.tags) {
    Change tag;
    tag.intent = Intent::tag;
    tag.label = sync::canonical_tag(name);
    changes.push_back(tag);
  }
  for (const std::string& name : call.watchers) {
    Change watch;
    watch.intent = Intent::watch;
    TERN_TRY(watch.target, session.operator_named(name));
    changes.push_back(watch);
  }
  return changes;
}

Result<std::vector<Change>> message_changes(Session& session, bool open) {
  const Invocation& call = session.call();
  TERN_TRY(Change change, on_ticket(session, Intent::message));
  change.visibility = open              ? sync::Visibility::open
                      : call.restricted ? sync::Visibility::restricted
                                        : sync::Visibility::team;
  if (open) {  // what comes in while they type is not what they answer
    TERN_TRY(const auto shown, session.client().views().ticket(change.ticket));
    change.seen_seq = call.seen > 0 ? static_cast<std::uint64_t>(call.seen) : shown.version;
  }
  if (open && call.text.empty() == call.value.empty())
    return fail(ErrorCode::usage, call.text.empty() ? "What is the answer?" : "Give a text or --quick, not both.",
                "Give a text, or --quick NAME.", "text");
  if (open && !call.value.empty()) {
    TERN_TRY(auto reply, session.client().views().quick_reply(call.value));
    change.text = std::move(reply.content);
    return std::vector<Change>{change};
  }
  TERN_TRY(const std::string typed, session.text_or_stdin(call.text, limits::text_bytes_max));
  TERN_TRY(change.text, protocol::normalise_nfc(typed));
  return std::vector<Change>{change};
}

Result<std::vector<Change>> move_changes(Session& session, Intent intent) {
  const Invocation& call = session.call();
  TERN_TRY(Change change, on_ticket(session, intent));
  // the reason of a hold or a reopen and the result are the same part of a change
  TERN_TRY(const std::string typed,
           session.text_or_stdin(call.text.empty() ? call.reason : call.text, limits::result_bytes_max));
  TERN_TRY(change.text, protocol::normalise_nfc(typed));
  if (call.hours) change.number = std::llround(*call.hours * 60);
  if (!call.wake_at.empty()) {
    TERN_TRY(change.number, parse_time(call.wake_at, "wake-at"));
  }
  return std::vector<Change>{change};
}

/// What a customer drew, of a file that is not larger than a signature may be.
Result<Bytes> read_signature(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  Bytes image(limits::signature_bytes_max + 1, '\0');
  if (file) file.read(image.data(), static_cast<std::streamsize>(image.size()));
  if (!file.is_open() || file.bad() || (file.fail() && !file.eof())) {
    return fail(ErrorCode::usage, "The signature cannot be read: " + path, "Name a PNG file.", "signature");
  }
  image.resize(static_cast<std::size_t>(file.gcount()));
  return image;
}

Result<std::vector<Change>> on_site_changes(Session& session) {
  const Invocation& call = session.call();
  TERN_TRY(Change change, on_ticket(session, Intent::on_site));
  TERN_TRY(const std::string typed, session.text_or_stdin(call.text, limits::result_bytes_max));
  TERN_TRY(change.text, protocol::normalise_nfc(typed));
  change.visibility = call.internal ? sync::Visibility::team : sync::Visibility::open;
  TERN_TRY(change.from_ms, parse_time(call.arrived, "arrived"));
  change.to_ms = session.environment().wall_ms();
  if (!call.left.empty()) {
    TERN_TRY(change.to_ms, parse_time(call.left, "left"));
  }
  if (change.from_ms > change.to_ms) {
    return fail(ErrorCode::usage, "Nobody leaves before they arrive.", "Times: --arrived and --left.", "left");
  }
  TERN_TRY(change.file_name, protocol::normalise_nfc(call.signed_by));
  if (!call.contact.empty()) {
    TERN_TRY(change.target, session.record(sync::RecordKind::contact, call.contact));
  }
  if (call.signature.empty()) return std::vector<Change>{change};
  if (call.signed_by.empty() && call.contact.empty())
    return fail(ErrorCode::usage, "Who signed is missing.", "Pass --signed-by NAME, or --contact NAME.", "signed-by");
  TERN_TRY(change.signature, read_signature(call.signature));
  change.media_type = "image/png";
  return std::vector<Change>{change};
}

/// A message by the beginning of its id, as `show` prints it, or by DEVICE:ID.
Result<sync::ChangeRef> message_named(Session& session, const TicketId& ticket, const std::string& name) {
  if (auto whole = parse_change_ref(name)) return whole;
  TERN_TRY(const auto view, session.client().views().ticket(ticket));
  std::vector<sync::ChangeRef> messages;
  for (const client::TimelineEntry& entry : view.timeline)
    if (!entry.visibility.empty()) messages.push_back(entry.change);
  return change_among(messages, name, "message", "Their ids: tern show " + view.row.number);
}

std::uint32_t link_kind(const std::string& name) {
  static const std::map<std::string, std::uint32_t> kinds = {{"related", 1},   {"parent", 2}, {"child", 3},
                                                             {"duplicate", 4}, {"blocks", 5}, {"follow-up", 6}};
  const auto found = kinds.find(name);
  return found == kinds.end() ? 1 : found->second;
}

/// The decision on the estimate, and the move that goes with it.
Result<std::vector<Change>> decision_changes(Session& session, bool approved) {
  TERN_TRY(Change decision, on_ticket(session, approved ? Intent::approve_estimate : Intent::reject_estimate));
  TERN_TRY(const auto view, session.client().views().ticket(decision.ticket));
  if (!view.estimate) {
    return fail(ErrorCode::bad_transition, view.row.number + " has no estimate to decide on.",
                "Give one: tern estimate " + view.row.number + " --hours H");
  }
  if (view.estimate_decision == (approved ? "approved" : "rejected")) {
    return fail(ErrorCode::bad_transition,
                "The estimate of " + view.row.number + " is " + view.estimate_decision + " already.");
  }
  decision.targets = {*view.estimate};
  decision.reason = session.call().reason;
  Change move;
  move.ticket = decision.ticket;
  move.intent = approved ? Intent::estimate_approved : Intent::estimate_rejected;
  move.targets = decision.targets;
  return std::vector<Change>{decision, move};
}

/// A new ticket, and the messages that it is given.
Result<std::vector<Change>> split_changes(Session& session) {
  const Invocation& call = session.call();
  TERN_TRY(Change split, on_ticket(session, Intent::split));
  for (const std::string& name : call.messages) {
    TERN_TRY(const auto message, message_named(session, split.ticket, name));
    split.targets.push_back(message);
  }
  Change create;
  create.intent = Intent::create;
  create.ticket = random_id<TicketId>(session.environment());
  create.fields.push_back({FieldId::subject, "", Bytes(), false});
  TERN_TRY(create.fields.back().value, protocol::normalise_nfc(call.subject));
  TERN_CHECKED(add_fields(session, create));
  split.target = Bytes(create.ticket.view());
  split.reason = call.reason;
  split.kind = call.inherit_clock ? 1 : 0;
  return std::vector<Change>{create, split};
}

Result<std::vector<Change>> other_changes(Session& session) {
  const Invocation& call = session.call();
  const std::string& name = call.command;
  const auto one = [](Change change) { return std::vector<Change>{std::move(change)}; };
  if (name == "assign") {
    TERN_TRY(Change change, on_ticket(session, Intent::assign));
    TERN_TRY(change.target, session.operator_named(call.other));
    change.reason = call.reason;
    return one(change);
  }
  if (name == "tag") {
    TERN_TRY(Change change, on_ticket(session, call.remove ? Intent::untag : Intent::tag));
    change.label = sync::canonical_tag(call.text);
    return one(change);
  }
  if (name == "watch") {
    TERN_TRY(Change change, on_ticket(session, call.remove ? Intent::unwatch : Intent::watch));
    TERN_TRY(const Bytes who, session.operator_named(call.other.empty() ? "me" : call.other));
    change.target = who;
    return one(change);
  }
  if (name == "pin") {
    TERN_TRY(Change change, on_ticket(session, call.remove ? Intent::unpin : Intent::pin));
    return one(change);
  }
  if (name == "link") {
    TERN_TRY(Change change, on_ticket(session, call.remove ? Intent::unlink : Intent::link));
    TERN_TRY(const TicketId other, session.ticket(call.other));
    change.target = Bytes(other.view());
    change.kind = link_kind(call.kind);
    return one(change);
  }
  if (name == "log-time" || name == "call") {
    TERN_TRY(Change change, on_ticket(session, Intent::log_time));
    change.number = call.minutes;
    change.text = call.note;
    const auto called = call.unanswered ? sync::TimeEntryKind::call_unanswered : sync::TimeEntryKind::call;
    if (name == "call") change.kind = static_cast<std::uint32_t>(called);
    return one(change);
  }
  if (name == "on-site") return on_site_changes(session);
  if (name == "merge") {
    TERN_TRY(Change change, on_ticket(session, call.undo ? Intent::unmerge : Intent::merge));
    TERN_TRY(const TicketId target, session.ticket(call.other));
    change.target = Bytes(target.view());
    return one(change);
  }
  if (name == "approve" || name == "reject") return decision_changes(session, name == "approve");
  if (name == "split") return split_changes(session);
  if (name == "release") {
    TERN_TRY(Change change, on_ticket(session, Intent::release));
    TERN_TRY(const auto target, parse_change_ref(call.key));
    change.targets.push_back(target);
    change.reason = call.reason;
    return one(change);
  }
  if (name == "send") {
    TERN_TRY(Change change, on_ticket(session, Intent::send_message));
    TERN_TRY(const auto target, message_named(session, change.ticket, call.key));
    change.targets.push_back(target);
    return one(change);
  }
  if (name == "edit") {
    TERN_TRY(Change change, on_ticket(session, call.remove ? Intent::delete_message : Intent::edit_message));
    TERN_TRY(const auto target, message_named(session, change.ticket, call.key));
    change.targets.push_back(target);
    if (!call.remove) {
      TERN_TRY(change.text, session.text_or_stdin(call.text, limits::text_bytes_max));
    }
    return one(change);
  }
  const sync::IntentSpec* spec = sync::find_intent(std::string_view(name == "put-back" ? "put_back" : name));
  if (spec != nullptr && spec->unit == sync::Unit::status) return move_changes(session, spec->intent);
  TERN_TRY(Change change, on_ticket(session, name == "take"     ? Intent::take
                                             : name == "delete" ? Intent::delete_ticket
                                                                : Intent::restore));
  return one(change);
}

Result<std::vector<Change>> changes_of(Session& session) {
  const std::string& name = session.call().command;
  if (name == "new") return new_ticket(session);
  if (name == "set") return set_changes(session);
  if (name == "reply") return message_changes(session, true);
  if (name == "note") return message_changes(session, false);
  return other_changes(session);
}

}  // namespace

void print_saved(Session& session, const std::vector<client::SavedChange>& saved) {
  const auto view = session.client().views().ticket(saved.front().ticket);
  if (session.call().json) {
    for (const client::SavedChange& change : saved) {
      Json line = Json::object({{"saved", Json("saved here")},
                                {"change", Json::object({{"device", Json(to_uuid_text(change.ref.device.view()))},
                                                         {"id", Json(to_hex(change.ref.id))}})},
                                {"ticket", Json(to_uuid_text(change.ticket.view()))}});
      if (view) {
        line.set("number", Json(view->row.number));
        line.set("status", Json(view->row.status));
      }
      std::cout << tern::to_text(line) << '\n';
    }
    return;
  }
  const std::string number = view ? view->row.number : to_uuid_text(saved.front().ticket.view());
  std::cout << safe(number) << ": saved here." << '\n';
}

Result<ExitCode> run_writing_command(Session& session) {
  if (session.call().command == "macro apply") {
    TERN_TRY(const TicketId ticket, session.ticket(session.call().ticket));
    TERN_TRY(const auto applied, session.client().commands().apply_macro(ticket, session.call().text));
    print_saved(session, applied);
    return exit_done;
  }
  TERN_TRY(const std::vector<Change> changes, changes_of(session));
  for (const Change& change : changes)
    if (!change.ticket.is_zero() || change.intent == Intent::create)
      TERN_CHECKED(session.client().commands().check_offered(change));
  TERN_TRY(const auto saved, session.client().commands().save(changes));
  print_saved(session, saved);
  return exit_done;
}

}  // namespace tern::apps
