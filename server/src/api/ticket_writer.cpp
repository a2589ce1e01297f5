#include "api/ticket_writer.hpp"

#include <algorithm>

#include "admin/record_writer.hpp"
#include "api/dialect.hpp"
#include "tern/protocol/text.hpp"
#include "tern/sync/conflict.hpp"

namespace tern::server {
namespace {

using sync::Intent;
using sync::Outcome;
using sync::ReasonCode;

/// The categories that integrations know by their codes.
constexpr std::pair<std::string_view, std::string_view> known_categories[] = {
    {"crm", "CRM"},
    {"telephony", "Telephony / SIP"},
    {"whatsapp", "WhatsApp / Messengers"},
    {"tasks", "Tasks"},
    {"automation", "Automation / Business Processes"},
    {"setup", "Configuration / Setup"},
    {"bugfix", "Bug fix"},
    {"consultation", "Consultation"},
    {"other", "Other"},
    {"general", "General (from channels)"},
};

constexpr std::string_view merged_away = "The ticket was merged into another one.";

bool is_merged(const sync::TicketState& state) {
  return state.merged_into && !state.merged_into->value.empty();
}

std::string attribute(const sync::Record& record, const char* name) {
  const auto found = record.attributes.find(name);
  return found == record.attributes.end() ? std::string() : found->second;
}

tl::unexpected<Error> refused_for(ReasonCode reason) {
  const std::string why(sync::sentence(reason));
  switch (reason) {
    case ReasonCode::not_permitted:
      return fail(ErrorCode::not_permitted, why);
    case ReasonCode::unknown_record:
    case ReasonCode::ticket_unknown:
    case ReasonCode::parent_missing:
      return fail(ErrorCode::not_found, why);
    case ReasonCode::limit:
    case ReasonCode::ticket_full:
      return fail(ErrorCode::too_large, why);
    default:
      return fail(ErrorCode::invalid, why);
  }
}

tl::unexpected<Error> no_way(const sync::TicketState& state, const sync::StatusView& view) {
  std::string ways;
  for (const Intent intent : sync::possible_moves(view.status, view.before_hold))
    if (const auto* spec = sync::find_intent(intent)) ways += (ways.empty() ? "" : ", ") + std::string(spec->name);
  const bool merged = is_merged(state);
  return fail(ErrorCode::bad_transition,
              merged ? std::string(merged_away)
                     : "A ticket that is " + std::string(sync::status_name(view.status)) + " cannot do this.",
              merged || ways.empty() ? "" : "It can: " + ways + ".", "status");
}

/// A key that is nobody changes what it wrote itself, as operators do.
bool is_others_message(const Caller& caller, const sync::Message* message) {
  return caller.kind == sync::PrincipalKind::integration && message != nullptr &&
         (message->stamp.author_kind != caller.kind || message->stamp.author.view() != caller.id);
}

}  // namespace

ServerChange change_by(const Caller& caller, Intent intent, const TicketId& ticket) {
  ServerChange out;
  out.change.intent = intent;
  out.change.ticket = ticket;
  out.change.seen_now = true;
  out.change.principal_kind = caller.kind;
  out.change.principal_id = caller.id;
  out.acting = caller.acting();
  return out;
}

ServerChange set_field(const Caller& caller, const TicketId& ticket, sync::FieldId field, std::optional<Bytes> value) {
  ServerChange out = change_by(caller, Intent::set, ticket);
  out.change.fields.push_back({field, {}, std::move(value), false});
  return out;
}

ServerChange record_change(const sync::Record& record) {
  ServerChange out;
  out.change.intent = Intent::record;
  out.change.record_kind = static_cast<std::uint32_t>(record.kind);
  out.change.record = sync::encode_record(record);
  return out;
}

Result<void> check_takes_work(const AdminCall& call) {
  if (call.tenant().takes_work() || call.caller().kind == sync::PrincipalKind::server) return {};
  return fail(ErrorCode::storage_full, "There is too little room on the server's disk.");
}

Result<void> check_change(const AdminCall& call, const ServerChange& change, const sync::TicketState* before,
                          const sync::Message* message) {
  const sync::IntentSpec* spec = sync::find_intent(change.change.intent);
  if (const auto& actor = call.caller().actor; actor && !change.acting.is_zero()) {
    const sync::Permission permission = sync::may(*actor, change.change, before, message);
    if (!permission.allowed) return fail(ErrorCode::not_permitted, std::string(permission.why));
  }
  if (is_others_message(call.caller(), message))
    return fail(ErrorCode::not_permitted, "The key acts as nobody: it changes what it wrote itself.",
                "Make a key that acts as a supervisor.", "message_id");
  const bool of_ticket = change.change.intent != Intent::record;
  const bool undoes = change.change.intent == Intent::unmerge || change.change.intent == Intent::restore;
  if (of_ticket && !undoes && before != nullptr && is_merged(*before) && spec != nullptr && !spec->append_only)
    return fail(ErrorCode::bad_transition, std::string(merged_away), "", "ticket_id");
  return {};
}

Result<void> judge_outcomes(const ServerCommit& commit) {
  for (std::size_t i = 0; i < commit.outcomes.size(); ++i) {
    const Outcome outcome = commit.outcomes[i];
    if (outcome == Outcome::held || outcome == Outcome::rejected) return refused_for(commit.reasons[i]);
    if (outcome == Outcome::overtaken)
      return fail(ErrorCode::bad_transition,
                  "Something else stands: it was changed meanwhile, or is merged or deleted.",
                  "Read the ticket again.");
  }
  return {};
}

Result<void> commit_checked(const AdminCall& call, std::vector<ServerChange> changes) {
  return commit_part(call, std::move(changes), call.beside());
}

Result<void> commit_part(const AdminCall& call, std::vector<ServerChange> changes, const WriteBeside& beside) {
  TERN_CHECKED(check_takes_work(call));
  TERN_TRY(const ServerCommit commit, commit_server(call.tenant(), std::move(changes), beside));
  return judge_outcomes(commit);
}

Result<void> commit_changes(const AdminCall& call, std::vector<ServerChange> changes, const sync::TicketState* before,
                            const sync::Message* message) {
  if (changes.empty()) return {};
  for (const ServerChange& change : changes) TERN_CHECKED(check_change(call, change, before, message));
  return commit_checked(call, std::move(changes));
}

// ---- status ----

Result<std::vector<Intent>> moves_to(const sync::TicketState& state, sync::Status to) {
  const sync::StatusView view = sync::status_view(state);
  if (view.status == to) return std::vector<Intent>{};
  const bool merged = is_merged(state);
  const auto moves = merged ? std::nullopt : sync::shortest_moves(view.status, to, view.before_hold);
  if (!moves) return no_way(state, view);
  return *moves;
}

Result<std::vector<Intent>> moves_by(const sync::TicketState& state, Intent intent, sync::Status to) {
  const sync::StatusView view = sync::status_view(state);
  const bool merged = is_merged(state);
  if (merged) return no_way(state, view);
  if (sync::next_status(view.status, intent, view.before_hold)) return std::vector{intent};
  const sync::StatusClass where = sync::status_class(view.status);
  if (view.status == to) return std::vector<Intent>{};
  if (where == sync::StatusClass::done || where == sync::StatusClass::end || intent == Intent::resume ||
      intent == Intent::reopen)
    return no_way(state, view);
  TERN_TRY(auto moves, moves_to(state, to));
  return moves;
}

// ---- people ----

Result<sync::Record> find_assignee(const Tenant& tenant, std::int64_t integer_id) {
  for (sync::Record& record : tenant.records(sync::RecordKind::operator_))
    if (!record.deleted && record.integer_id == static_cast<std::uint64_t>(integer_id) &&
        attribute(record, "active") != "0")
      return std::move(record);
  return fail(ErrorCode::not_found, "There is no operator " + std::to_string(integer_id) + ".", "See list_operators.",
              "assigned_to");
}

ServerChange assignment(const Caller& caller, const TicketId& ticket, const std::optional<RecordId>& to,
                        const std::string& reason) {
  ServerChange out = change_by(caller, Intent::assign, ticket);
  if (to) out.change.target = Bytes(to->view());
  out.change.reason = reason.empty() ? "Through the API." : reason;
  return out;
}

Result<sync::Record> find_client(const Tenant& tenant, const std::string& portal_domain) {
  const std::string wanted = protocol::fold_case(portal_domain);
  for (sync::Record& record : tenant.records(sync::RecordKind::organisation))
    if (!record.deleted && protocol::fold_case(attribute(record, "portal_domain")) == wanted) return std::move(record);
  return fail(ErrorCode::client_unknown, "No organisation has the portal \"" + portal_domain + "\".",
              "Make it: ternd organisation add --portal-domain", "portal_domain");
}

// ---- categories ----

Result<RecordId> category_of(const AdminCall& call, const std::string& code, std::vector<ServerChange>& changes,
                             NewCategories made_here) {
  const std::string folded = protocol::fold_case(code);
  std::optional<RecordId> by_name;
  for (const sync::Record& record : call.tenant().records(sync::RecordKind::category)) {
    if (record.deleted) continue;
    if (protocol::fold_case(attribute(record, "code")) == folded) return record.id;
    if (protocol::fold_case(record.name) == folded) by_name = record.id;
  }
  if (by_name) return *by_name;
  const auto well_known = std::ranges::find(known_categories, folded, [](const auto& known) { return known.first; });
  const bool only_known = call.caller().is_client() || made_here == NewCategories::known;
  if (only_known && well_known == std::end(known_categories))
    return fail(ErrorCode::invalid, "There is no category \"" + code + "\".", "", "category");
  sync::Record made;
  made.kind = sync::RecordKind::category;
  made.id = random_id<RecordId>(call.parts().environment);
  TERN_TRY(made.name, admin::record_name(code, "category"));
  if (well_known != std::end(known_categories)) made.name = std::string(well_known->second);
  made.attributes["code"] = code;
  changes.push_back(record_change(made));
  return made.id;
}

}  // namespace tern::server
