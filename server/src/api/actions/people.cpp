// Operators, as an administrator manages them from the panel. A head administrator is made on the server's machine
// only, and nobody takes their own rights away: so one administrator always stays.
#include "admin/handlers.hpp"
#include "admin/operator_record.hpp"
#include "admin/record_writer.hpp"
#include "api/actions.hpp"
#include "api/actions/record_actions.hpp"
#include "api/ticket_writer.hpp"
#include "desk/route_settings.hpp"
#include "tern/sync/rights.hpp"

namespace tern::server::actions {
namespace {

using sync::RecordKind;

constexpr std::size_t tickets_at_once = 200;

bool is_head(const std::string& role) {
  return role == sync::role_name(sync::Role::head_admin);
}

/// By the administrator of this machine everything; from the panel nothing that reaches beyond the organisation.
Result<void> check_role(const AdminCall& call, const std::string& role) {
  TERN_TRY(const std::string known, admin::role_of(role));
  if (!is_head(known) || call.caller().kind == sync::PrincipalKind::server) return {};
  return fail(ErrorCode::not_permitted, "A head administrator is made on the server's machine.",
              "There: ternd operator set", "role");
}

/// The operator whom the call names, where the caller may change them.
Result<sync::Record> changed_operator(const AdminCall& call) {
  auto found = admin::resolve_record(call.tenant(), RecordKind::operator_, call.text("operator_id"));
  if (!found) {
    found.error().field = "operator_id";
    return found;
  }
  if (call.caller().kind == sync::PrincipalKind::server) return found;
  if (found->id.view() == call.caller().acting().view())
    return fail(ErrorCode::not_permitted, "Nobody changes their own rights.", "Ask another administrator.",
                "operator_id");
  const auto role = found->attributes.find("role");
  if (role != found->attributes.end() && is_head(role->second))
    return fail(ErrorCode::not_permitted, "A head administrator is changed on the server's machine.", "",
                "operator_id");
  return found;
}

sync::Record operator_record(const AdminCall& call, ByteView id) {
  return call.tenant().find_record(RecordKind::operator_, RecordId::or_zero(id)).value_or(sync::Record());
}

template <typename Change>
Result<Json> change_operator_record(AdminCall& call, Change change) {
  const auto write = [&]() -> Result<void> {
    TERN_TRY(const sync::Record before, changed_operator(call));
    call.makes(before.id.view());
    sync::Record record = before;
    change(record);
    return record == before ? Result<void>{} : admin::write_records(call.tenant(), {record}, call.beside());
  };
  TERN_TRY(const Bytes changed, call.change(write));
  return operator_json(operator_record(call, changed));
}

/// Some of the tickets that they have and that are not done with.
Result<std::vector<TicketId>> tickets_at_work(AdminCall& call, const RecordId& who) {
  TERN_TRY(auto reader, call.tenant().reader());
  TERN_TRY(auto rows, reader.db().query("SELECT ticket_id FROM ticket WHERE tenant_id = $1 AND assignee = $2 AND "
                                        "listed IN (1, 2, 3, 4, 5, 6, 9) ORDER BY listed, integer_id LIMIT 200",
                                        call.tenant().number(), who));
  std::vector<TicketId> out;
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) return out;
    out.push_back(rows.id<TicketId>(0));
  }
}

/// Each goes back to its queue, for somebody else. Gives how many.
Result<std::uint64_t> return_tickets(AdminCall& call, const RecordId& who) {
  std::uint64_t returned = 0;
  for (;;) {
    TERN_TRY(const auto tickets, tickets_at_work(call, who));
    if (tickets.empty()) return returned;
    std::size_t given_back = 0;
    const auto give_back = [&]() -> Result<void> {
      TERN_TRY(auto reader, call.tenant().reader());
      TicketView view(call.tenant(), reader.db(), Caller{});
      std::vector<ServerChange> changes;
      for (const TicketId& id : tickets) {
        TERN_TRY(const FoundTicket ticket, view.find(id));
        // By now somebody else's.
        if (sync::assignee_of(ticket.state) != OperatorId::or_zero(who.view())) continue;
        changes.push_back(assignment(call.caller(), ticket.state.id, std::nullopt, "Their operator was removed."));
        TERN_CHECKED(check_change(call, changes.back(), &ticket.state));
      }
      given_back = changes.size();
      return changes.empty() ? Result<void>{} : commit_part(call, std::move(changes));
    };
    TERN_CHECKED(call.on_strand(give_back));
    returned += given_back;
    if (tickets.size() < tickets_at_once || given_back == 0) return returned;
  }
}

}  // namespace

Json operator_json(const sync::Record& person) {
  const auto is_on = [&](const char* name, bool otherwise) {
    const auto found = person.attributes.find(name);
    return found == person.attributes.end() ? otherwise : found->second != "0";
  };
  return Json::object({{"id", Json(person.integer_id)},
                       {"name", Json(person.name)},
                       {"role", attribute_json(person, "role")},
                       {"department", attribute_json(person, "department")},
                       {"email", attribute_json(person, "email")},
                       {"active", Json(is_on("active", true))},
                       {"can_edit", Json(is_on("may_edit", false))}});
}

Result<Json> add_operator(AdminCall& call) {
  if (call.has("role")) TERN_CHECKED(check_role(call, call.text("role")));
  TERN_TRY(const Json made, admin::operator_add(call));
  TERN_TRY(const sync::Record person,
           admin::resolve_record(call.tenant(), RecordKind::operator_, made["id"].as_string()));
  return operator_json(person);
}

Result<Json> remove_operator(AdminCall& call) {
  TERN_TRY(const sync::Record person, changed_operator(call));
  TERN_TRY(const bool done, call.on_strand([&] { return call.was_done(); }));
  if (done)
    return Json::object({{"id", Json(person.integer_id)},
                         {"active", Json(false)},
                         {"revoked_devices", Json(0)},
                         {"returned_tickets", Json(0)}});
  TERN_TRY(const auto ended, admin::end_operator(call, OperatorId::or_zero(person.id.view())));
  TERN_TRY(const std::uint64_t returned, return_tickets(call, person.id));
  // In parts, each of which may come again.
  TERN_CHECKED(call.change([&]() -> Result<void> {
    call.makes(person.id.view());
    return {};
  }));
  return Json::object({{"id", Json(person.integer_id)},
                       {"active", Json(false)},
                       {"revoked_devices", Json(ended.size())},
                       {"returned_tickets", Json(returned)}});
}

Result<Json> update_operator_role(AdminCall& call) {
  TERN_CHECKED(check_role(call, call.text("role")));
  return change_operator_record(call, [&](sync::Record& record) { record.attributes["role"] = call.text("role"); });
}

Result<Json> toggle_operator_edit(AdminCall& call) {
  return change_operator_record(call, [&](sync::Record& record) {
    const bool edits = record.attributes.contains("may_edit");
    const bool wanted = call.has("enabled") ? call.text("enabled") == "true" : !edits;
    admin::put_attribute(record, "may_edit", wanted ? "1" : "");
  });
}

Result<Json> set_own_status(AdminCall& call) {
  const auto who = RecordId::or_zero(call.caller().acting().view());
  const auto write = [&]() -> Result<void> {
    auto person = call.tenant().find_record(RecordKind::operator_, who);
    if (!person)
      return fail(ErrorCode::not_permitted, "Nobody is logged in, and the key acts as no operator.",
                  "Give it one: update_api_key, operator_id.");
    call.makes(who.view());
    const sync::Record before = *person;
    const std::string& status = call.text("status");
    admin::put_attribute(*person, status_attribute, status == person_statuses[0] ? std::string() : status);
    return *person == before ? Result<void>{} : admin::write_records(call.tenant(), {*person}, call.beside());
  };
  TERN_TRY(const Bytes changed, call.change(write));
  const sync::Record person = operator_record(call, changed);
  const std::string status = person_route(person).status;
  return Json::object({{"id", Json(person.integer_id)},
                       {"name", Json(person.name)},
                       {"status", status.empty() ? Json(person_statuses[0]) : Json(status)}});
}

}  // namespace tern::server::actions
