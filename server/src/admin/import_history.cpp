#include "import_history.hpp"

#include <algorithm>

#include "admin/ticket_export.hpp"
#include "one_line.hpp"
#include "tern/protocol/base64.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/text.hpp"
#include "tern/sync/ticket_fields.hpp"
#include "time_text.hpp"

namespace tern::server::admin {
namespace {

using sync::Change;
using sync::FieldId;
using sync::Intent;
using sync::RecordKind;

tl::unexpected<Error> wrong(const std::string& member, const std::string& what) {
  return fail(ErrorCode::invalid, "\"" + member + "\" " + what + ".", "", member);
}

/// NFC, as everything that is kept.
Result<std::string> text_in(const Json& value, const std::string& member) {
  if (value.is_null()) return std::string();
  if (!value.is_string()) return wrong(member, "is no text");
  auto text = protocol::normalise_nfc(value.as_string());
  if (!text) return wrong(member, "is no text of UTF-8");
  return std::move(*text);
}

/// Work, where it is not said.
Result<std::uint32_t> time_kind_in(const Json& value, const std::string& member) {
  TERN_TRY(const std::string name, text_in(value, member));
  const auto kind = sync::time_entry_kind_from_name(name.empty() ? "work" : name);
  if (!kind) return wrong(member, "of a time entry is work, call or call_unanswered");
  return static_cast<std::uint32_t>(*kind);
}

Result<std::int64_t> time_in(const Json& value, const std::string& member, std::int64_t otherwise) {
  if (value.is_null() || (value.is_string() && value.as_string().empty())) return otherwise;
  const auto at = value.is_string() ? parse_instant(value.as_string()) : std::nullopt;
  if (at && *at > 0) return *at;
  return wrong(member, "is no instant like 2026-06-03T10:15:00Z");
}

/// Steps of one ticket, in the order in which they are said.
class TicketSteps {
public:
  TicketSteps(const Json& ticket, const TicketId& id, const DeviceId& sealing, const RecordLookup& lookup,
              std::int64_t now_ms)
      : ticket_(ticket), id_(id), sealing_(sealing), lookup_(lookup), now_ms_(now_ms) {}

  Result<std::vector<ServerChange>> all() {
    TERN_TRY(created_ms_, time_in(ticket_["created_at"], "created_at", now_ms_));
    TERN_TRY(updated_ms_, time_in(ticket_["updated_at"], "updated_at", created_ms_));
    updated_ms_ = std::max(updated_ms_, created_ms_);
    TERN_CHECKED(ticket_["history"].size() > 0 ? by_history() : as_it_stands());
    if (steps_.empty() || steps_.front().change.intent != Intent::create)
      return wrong("history", "does not begin with how the ticket was made");
    return std::move(steps_);
  }

private:
  // ---- what steps are made of ----

  Change step(Intent intent, std::int64_t at_ms) const {
    Change change;
    change.ticket = id_;
    change.intent = intent;
    change.wall_ms = change.asserted_ms = at_ms;
    change.seen_now = true;
    change.principal_kind = sync::PrincipalKind::server;
    return change;
  }

  void add(Change change) {
    ServerChange one;
    // The source says itself what stood on either side, and when.
    one.both_sides_said = change.intent == Intent::link || change.intent == Intent::unlink;
    one.change = std::move(change);
    steps_.push_back(std::move(one));
  }

  Result<RecordId> record(RecordKind kind, const Json& name, const std::string& member) const {
    TERN_TRY(const std::string text, text_in(name, member));
    if (text.empty()) return RecordId{};
    if (text.size() > limits::name_bytes_max || !is_one_line(text))
      return wrong(member, "is longer than 200 bytes, or holds a control character");
    return lookup_(kind, text);
  }

  /// Whoever the source says it was: an operator, unless it says otherwise.
  Result<void> set_author(const Json& said, Change& change) const {
    const std::string& kind = said["author_kind"].as_string();
    const bool contact = kind == "contact", person = contact || kind == "operator" || kind.empty();
    if (!person || said["author"].is_null()) return {};
    TERN_TRY(const RecordId id,
             record(contact ? RecordKind::contact : RecordKind::operator_, said["author"], "author"));
    if (id.is_zero()) return {};
    change.principal_kind = contact ? sync::PrincipalKind::contact : sync::PrincipalKind::operator_;
    change.principal_id = Bytes(id.view());
    return {};
  }

  static std::optional<ChangeId> name_of_change(const Json& said) {
    const auto raw = said.is_string() ? from_hex(said.as_string()) : std::nullopt;
    return raw ? ChangeId::from(*raw) : std::nullopt;
  }

  Result<sync::FieldSetting> setting(const std::string& name, const std::string& key, const Json& value) const {
    const sync::FieldSpec* spec = sync::find_field(name);
    if (spec == nullptr || spec->writer != sync::Writer::device) return wrong("field", "\"" + name + "\" is none");
    sync::FieldSetting out{spec->id, key, std::nullopt, false};
    if (value.is_null()) return out;
    TERN_TRY(std::string text, text_in(value, name));
    if (text.empty()) return out;
    if (spec->refers) {
      TERN_TRY(const RecordId id, record(*spec->refers, value, name));
      out.value = Bytes(id.view());
    } else if (spec->id == FieldId::priority) {
      const auto rank = sync::priority_rank(text);
      if (!rank) return wrong("priority", "\"" + text + "\" is none: low, normal, high or urgent");
      out.value = std::to_string(*rank);
    } else if (spec->id == FieldId::due_at) {
      TERN_TRY(const std::int64_t at, time_in(value, name, 0));
      out.value = std::to_string(at);
    } else {
      out.value = std::move(text);
    }
    if (spec->id == FieldId::custom) static_cast<void>(lookup_(RecordKind::custom_field, key));
    return out;
  }

  Result<void> add_setting(Change& create, const std::string& name, const std::string& key, const Json& value) const {
    TERN_TRY(sync::FieldSetting one, setting(name, key, value));
    if (one.value) create.fields.push_back(std::move(one));
    return {};
  }

  /// The number under which the source knew it stays with it.
  Result<void> add_number(Change& create) const {
    if (!ticket_["number"].is_string() || ticket_["number"].as_string().empty()) return {};
    std::erase_if(create.fields, [](const sync::FieldSetting& one) {
      return one.field == FieldId::external_ref && one.key == imported_number_key;
    });
    return add_setting(create, "external_ref", std::string(imported_number_key), ticket_["number"]);
  }

  // ---- step by step ----

  Result<void> by_history() {
    const Json& history = ticket_["history"];
    for (const Json& message : ticket_["messages"].items())
      if (message["change"].is_string()) messages_[message["change"].as_string()] = &message;
    for (std::size_t i = 0; i < history.size(); ++i) {
      const Json& entry = history.items()[i];
      if (!entry.is_object()) return wrong("history", "holds something other than objects");
      if (!stands(entry)) continue;
      if (entry["intent"].as_string() == "create") {
        TERN_TRY(i, add_create(i));
        continue;
      }
      TERN_CHECKED(add_entry(entry));
    }
    return {};
  }

  /// What was overtaken, refused or held did not become part of the ticket.
  static bool stands(const Json& entry) {
    const std::string& standing = entry["standing"].as_string();
    return standing.empty() || standing == "applied" || standing == "merged" || standing == "redirected";
  }

  Result<std::int64_t> time_of(const Json& entry) const {
    if (entry["at_ms"].is_integer() && entry["at_ms"].as_integer() > 0) return entry["at_ms"].as_integer();
    return time_in(entry["at"], "at", created_ms_);
  }

  Result<Change> step_of(const Json& entry, Intent intent) const {
    TERN_TRY(const std::int64_t at, time_of(entry));
    Change change = step(intent, at);
    if (const auto id = name_of_change(entry["change"])) change.ref.id = *id;
    TERN_CHECKED(set_author(entry, change));
    return change;
  }

  /// All entries of the create; gives the index of the last one.
  Result<std::size_t> add_create(std::size_t first) {
    const Json::Array& history = ticket_["history"].items();
    TERN_TRY(Change change, step_of(history[first], Intent::create));
    std::size_t last = first;
    for (std::size_t i = first; i < history.size(); ++i) {
      const Json& entry = history[i];
      if (entry["intent"].as_string() != "create" || entry["change"] != history[first]["change"]) break;
      last = i;
      const std::string& field = entry["field"].as_string();
      if (field == "status" || field == "description" || field.empty()) continue;
      TERN_CHECKED(add_setting(change, field, entry["key"].as_string(), entry["value"]));
    }
    TERN_TRY(change.text, text_in(ticket_["description"], "description"));
    TERN_CHECKED(add_number(change));
    add(std::move(change));
    return last;
  }

  Result<void> add_entry(const Json& entry) {
    const sync::IntentSpec* spec = sync::find_intent(entry["intent"].as_string());
    if (spec == nullptr) return wrong("intent", "\"" + entry["intent"].as_string() + "\" is none");
    TERN_TRY(Change change, step_of(entry, spec->intent));
    TERN_TRY(const bool wanted, fill(entry, *spec, change));
    if (wanted) add(std::move(change));
    return {};
  }

  /// False: nothing of it comes in.
  Result<bool> fill(const Json& entry, const sync::IntentSpec& spec, Change& change) {
    switch (spec.intent) {
      case Intent::set: {
        TERN_TRY(auto one, setting(entry["field"].as_string(), entry["key"].as_string(), entry["value"]));
        change.fields.push_back(std::move(one));
        return true;
      }
      case Intent::message:
      case Intent::on_site:
        return fill_message(entry, change);
      case Intent::tag:
      case Intent::untag: {
        TERN_TRY(change.label, text_in(entry["value"], "value"));
        return true;
      }
      case Intent::watch:
      case Intent::unwatch:
        return fill_watch(entry, change);
      case Intent::link:
      case Intent::unlink:
      case Intent::merge:
      case Intent::unmerge:
        return fill_link(entry, change);
      case Intent::assign:
      case Intent::move_queue:
        return fill_claim(entry, change);
      case Intent::take:
        return change.principal_kind == sync::PrincipalKind::operator_;
      case Intent::log_time: {
        change.number = entry["value"].as_integer();
        TERN_TRY(change.kind, time_kind_in(entry["key"], "key"));
        TERN_TRY(change.text, text_in(entry["text"], "text"));
        return true;
      }
      case Intent::rate:
        return fill_rating(entry, change);
      case Intent::approve_estimate:
      case Intent::reject_estimate:
        change.targets = {{sealing_, estimate_}};
        return !estimate_.is_zero();
      case Intent::delete_ticket:
      case Intent::restore:
        return true;
      default:
        return spec.unit == sync::Unit::status ? fill_move(entry, change) : Result<bool>(false);
    }
  }

  Result<bool> fill_move(const Json& entry, Change& change) {
    TERN_TRY(change.text, text_in(entry["text"], "text"));
    change.number = entry["number"].as_integer();
    if (change.intent == Intent::estimate) estimate_ = change.ref.id;
    if (change.intent == Intent::estimate_approved || change.intent == Intent::estimate_rejected)
      if (!estimate_.is_zero()) change.targets = {{sealing_, estimate_}};
    return true;
  }

  Result<bool> fill_claim(const Json& entry, Change& change) {
    const RecordKind kind = change.intent == Intent::assign ? RecordKind::operator_ : RecordKind::queue;
    TERN_TRY(const RecordId id, record(kind, entry["value"], "value"));
    if (!id.is_zero()) change.target = Bytes(id.view());
    return true;
  }

  Result<bool> fill_watch(const Json& entry, Change& change) {
    const bool contact = entry["key"].as_string() == "contact";
    TERN_TRY(const RecordId id, record(contact ? RecordKind::contact : RecordKind::operator_, entry["value"], "value"));
    change.kind = contact ? 1 : 0;
    change.target = Bytes(id.view());
    return !id.is_zero();
  }

  Result<bool> fill_link(const Json& entry, Change& change) {
    const auto other = from_uuid_text(entry["value"].as_string());
    if (!other) return wrong("value", "names no ticket by its id");
    change.target = *other;
    if (change.intent == Intent::merge || change.intent == Intent::unmerge) return true;
    const auto kind = sync::link_kind_from_name(entry["key"].as_string());
    if (!kind) return wrong("key", "is no kind of link");
    change.kind = static_cast<std::uint32_t>(*kind);
    return true;
  }

  Result<bool> fill_rating(const Json& entry, Change& change) {
    const Json::Array& ratings = ticket_["csat"].items();
    if (rated_ >= ratings.size()) return wrong("csat", "has fewer ratings than the history");
    const auto resolution = name_of_change(ratings[rated_++]["resolution"]);
    if (!resolution) return wrong("csat", "does not say which resolution was rated");
    change.targets = {{sealing_, *resolution}};
    change.number = entry["value"].as_integer();
    TERN_TRY(change.text, text_in(entry["text"], "text"));
    return true;
  }

  // ---- messages ----

  static std::optional<sync::Visibility> visibility_in(const Json& word) {
    const std::string& name = word.as_string();
    if (name == "public") return sync::Visibility::open;
    if (name == "team" || name.empty()) return sync::Visibility::team;
    if (name == "restricted") return sync::Visibility::restricted;
    return std::nullopt;
  }

  /// As it reads now; what was deleted or erased stays away.
  Result<bool> fill_message(const Json& entry, Change& change) {
    const auto found = messages_.find(entry["change"].as_string());
    if (found == messages_.end()) return false;
    return fill_words(*found->second, change);
  }

  Result<bool> fill_words(const Json& message, Change& change) {
    if (message["deleted"].as_bool() || message["erased"].as_bool() || message["text"].is_null()) return false;
    TERN_TRY(change.text, text_in(message["text"], "text"));
    const auto visibility = visibility_in(message["visibility"]);
    if (!visibility) return wrong("visibility", "is none: public, team or restricted");
    change.visibility = *visibility;
    if (change.intent != Intent::on_site) return !change.text.empty();
    const Json& report = message["on_site"];
    change.from_ms = report["from_ms"].as_integer();
    change.to_ms = report["to_ms"].as_integer();
    TERN_TRY(change.file_name, text_in(report["signed_by"], "signed_by"));
    TERN_TRY(change.media_type, text_in(report["media_type"], "media_type"));
    TERN_TRY(const RecordId contact, record(RecordKind::contact, report["contact"], "contact"));
    if (!contact.is_zero()) change.target = Bytes(contact.view());
    if (report["signature"].is_null()) return true;
    const auto signature = from_base64(report["signature"].as_string());
    if (!signature) return wrong("signature", "is no base64");
    change.signature = *signature;
    return true;
  }

  // ---- as it stands ----

  Result<void> as_it_stands() {
    Change create = step(Intent::create, created_ms_);
    TERN_CHECKED(fill_create(create));
    const bool of_contact =
        std::ranges::any_of(create.fields, [](const sync::FieldSetting& one) { return one.field == FieldId::contact; });
    if (of_contact) {
      TERN_TRY(const RecordId contact, record(RecordKind::contact, ticket_["contact"], "contact"));
      create.principal_kind = sync::PrincipalKind::contact;
      create.principal_id = Bytes(contact.view());
    }
    add(std::move(create));
    TERN_CHECKED(add_claims());
    for (const Json& tag : ticket_["tags"].items()) {
      Change change = step(Intent::tag, created_ms_);
      TERN_TRY(const std::string label, text_in(tag, "tags"));
      change.label = sync::canonical_tag(label);
      if (!change.label.empty()) add(std::move(change));
    }
    TERN_CHECKED(add_messages());
    TERN_CHECKED(add_time());
    TERN_CHECKED(add_moves());
    if (ticket_["deleted"].as_bool()) add(step(Intent::delete_ticket, updated_ms_));
    std::stable_sort(steps_.begin() + 1, steps_.end(), [](const ServerChange& a, const ServerChange& b) {
      return a.change.asserted_ms < b.change.asserted_ms;
    });
    return {};
  }

  Result<void> fill_create(Change& create) {
    for (const char* field : {"subject", "priority", "category", "contact", "organisation", "type", "due_at"})
      TERN_CHECKED(add_setting(create, field, {}, ticket_[field]));
    if (create.fields.empty() || create.fields.front().field != FieldId::subject) return wrong("subject", "is missing");
    for (const auto& [key, value] : ticket_["custom"].members())
      TERN_CHECKED(add_setting(create, "custom", key, value.is_string() ? value : Json(to_text(value))));
    for (const Json& reference : ticket_["external_refs"].items())
      TERN_CHECKED(add_setting(create, "external_ref", reference["type"].as_string(), reference["id"]));
    TERN_TRY(create.text, text_in(ticket_["description"], "description"));
    return from_uuid_text(ticket_["id"].as_string()) ? add_number(create) : Result<void>{};
  }

  Result<void> add_claims() {
    TERN_TRY(const RecordId queue, record(RecordKind::queue, ticket_["queue"], "queue"));
    if (!queue.is_zero()) {
      Change change = step(Intent::move_queue, created_ms_);
      change.target = Bytes(queue.view());
      add(std::move(change));
    }
    TERN_TRY(const RecordId assignee, record(RecordKind::operator_, ticket_["assignee"], "assignee"));
    if (assignee.is_zero()) return {};
    Change change = step(Intent::assign, created_ms_);
    change.target = Bytes(assignee.view());
    add(std::move(change));
    return {};
  }

  Result<void> add_messages() {
    for (const Json& message : ticket_["messages"].items()) {
      const std::string& kind = message["kind"].as_string();
      if (!kind.empty() && kind != "message" && kind != "on_site") continue;
      TERN_TRY(Change change, step_of(message, kind == "on_site" ? Intent::on_site : Intent::message));
      TERN_TRY(const bool wanted, fill_words(message, change));
      if (wanted) add(std::move(change));
    }
    return {};
  }

  Result<void> add_time() {
    for (const Json& entry : ticket_["time_entries"].items()) {
      TERN_TRY(Change change, step_of(entry, Intent::log_time));
      change.number = entry["minutes"].as_integer();
      TERN_TRY(change.kind, time_kind_in(entry["kind"], "kind"));
      TERN_TRY(change.text, text_in(entry["note"], "note"));
      if (change.number > 0) add(std::move(change));
    }
    return {};
  }

  /// The shortest way; through `resolved` where the source says when that was, or what was done.
  [[nodiscard]] std::optional<std::vector<Intent>> way_to(sync::Status status) const {
    const auto from_new = [](sync::Status to) {
      return sync::shortest_moves(sync::Status::new_, to, sync::Status::new_);
    };
    const bool was_resolved = !ticket_["resolved_at"].is_null() || !ticket_["result"].is_null();
    if (status != sync::Status::closed || !was_resolved) return from_new(status);
    auto moves = from_new(sync::Status::resolved);
    if (moves) moves->push_back(Intent::close);
    return moves;
  }

  /// The shortest way to its status; resolved and closed when it says so.
  Result<void> add_moves() {
    if (ticket_["status"].is_null()) return {};
    const auto status = sync::status_from_name(ticket_["status"].as_string());
    if (!status) return wrong("status", "\"" + ticket_["status"].as_string() + "\" is none");
    TERN_TRY(const std::int64_t first_ms, time_in(ticket_["first_response_at"], "first_response_at", created_ms_));
    TERN_TRY(const std::int64_t ended_ms, time_in(ticket_["closed_at"], "closed_at", updated_ms_));
    TERN_TRY(const std::int64_t resolved_ms, time_in(ticket_["resolved_at"], "resolved_at", ended_ms));
    const std::int64_t closed_ms = std::max(ended_ms, resolved_ms);
    const auto moves = way_to(*status);
    if (!moves) return wrong("status", "cannot be reached");
    TERN_TRY(const std::string result, text_in(ticket_["result"], "result"));
    for (const Intent intent : *moves) {
      Change change = step(intent, std::max(created_ms_, intent == Intent::resolve ? resolved_ms
                                                         : intent == Intent::close ? closed_ms
                                                                                   : std::min(first_ms, resolved_ms)));
      if (intent == Intent::resolve) change.text = result;
      if (intent == Intent::estimate)
        change.number = std::max<std::int64_t>(ticket_["estimate_minutes"].as_integer(), 1);
      add(std::move(change));
    }
    return {};
  }

  const Json& ticket_;
  const TicketId id_;
  const DeviceId sealing_;
  const RecordLookup& lookup_;
  const std::int64_t now_ms_;
  std::int64_t created_ms_ = 0, updated_ms_ = 0;
  std::map<std::string, const Json*> messages_;  // by change
  ChangeId estimate_;
  std::size_t rated_ = 0;
  std::vector<ServerChange> steps_;
};

}  // namespace

Result<std::vector<ServerChange>> changes_of_ticket(const Json& ticket, const TicketId& id, const DeviceId& sealing,
                                                    const RecordLookup& lookup, std::int64_t now_ms) {
  return TicketSteps(ticket, id, sealing, lookup, now_ms).all();
}

}  // namespace tern::server::admin
