// Tickets to look at in an organisation that has none. Which they are stands in the tenant's record: what people make
// meanwhile is never taken for one of them.
#include <algorithm>
#include <array>

#include "admin/record_writer.hpp"
#include "api/actions.hpp"
#include "api/ticket_writer.hpp"

namespace tern::server::actions {
namespace {

using sync::FieldId;
using sync::Intent;

constexpr std::size_t demo_tickets_max = 50;
constexpr const char* demo_attribute = "demo_tickets";

struct DemoTicket {
  std::string_view subject, description, category;
  char priority;
};
constexpr std::array demo_kinds = {
    DemoTicket{"The CRM does not synchronise", "Since the update contacts are missing.", "crm", '4'},
    DemoTicket{"No dial tone on the second floor", "Three telephones are dead since this morning.", "telephony", '3'},
    DemoTicket{"Messages arrive twice", "Each message of a customer is there two times.", "whatsapp", '2'},
    DemoTicket{"Set up an account for a new colleague", "She begins on Monday.", "setup", '2'},
    DemoTicket{"How do we export last year?", "Our accountant asks for a list.", "consultation", '1'},
};

sync::Record tenant_record(const Tenant& tenant) {
  return tenant.find_record(sync::RecordKind::tenant, RecordId::or_zero(tenant.id().view())).value_or(sync::Record());
}

std::vector<TicketId> demo_ids(const Tenant& tenant) {
  constexpr std::size_t digits = 2 * TicketId::size_bytes;
  const sync::Record record = tenant_record(tenant);
  const auto kept = record.attributes.find(demo_attribute);
  std::vector<TicketId> out;
  for (std::string_view rest = kept == record.attributes.end() ? std::string_view() : kept->second;
       rest.size() >= digits; rest.remove_prefix(digits))
    if (const auto raw = from_hex(rest.substr(0, digits))) out.push_back(TicketId::or_zero(*raw));
  return out;
}

Result<void> note_demo(Tenant& tenant, const std::vector<TicketId>& tickets) {
  sync::Record record = tenant_record(tenant);
  if (record.id.is_zero()) return fail(ErrorCode::corrupt, "The tenant's record is missing.", "ternd verify");
  std::string ids;
  for (const TicketId& id : tickets) ids += to_hex(id);
  admin::put_attribute(record, demo_attribute, ids);
  return admin::write_records(tenant, {record});
}

Result<bool> has_tickets(Tenant& tenant) {
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(const auto one,
           reader.db().int64_of("SELECT 1 FROM ticket WHERE tenant_id = $1 AND listed > 0 LIMIT 1", tenant.number()));
  return one.has_value();
}

/// Those that are there and were not deleted by somebody.
Result<std::vector<sync::TicketState>> there_of(Tenant& tenant, const std::vector<TicketId>& tickets) {
  TERN_TRY(auto reader, tenant.reader());
  TicketView view(tenant, reader.db(), Caller{});
  std::vector<sync::TicketState> out;
  for (const TicketId& id : tickets) {
    auto found = view.find(id);
    if (!found && found.error().code != ErrorCode::not_found) return tl::unexpected(found.error());
    if (found && !sync::is_deleted(found->state)) out.push_back(std::move(found->state));
  }
  return out;
}

/// One of the moves that a desk has made by the time somebody looks at it; every fifth is new still.
void add_move(const AdminCall& call, std::size_t n, const TicketId& id, std::vector<ServerChange>& changes) {
  constexpr std::array moves = {Intent::create, Intent::start, Intent::wait, Intent::hold, Intent::resolve};
  const Intent intent = moves[(n / demo_kinds.size()) % moves.size()];
  if (intent == Intent::create) return;
  changes.push_back(change_by(call.caller(), intent, id));
  if (intent == Intent::hold) changes.back().change.text = "waits for a part";
  if (intent == Intent::resolve) changes.back().change.text = "done";
}

Result<void> make_demo(AdminCall& call) {
  TERN_TRY(const bool full, has_tickets(call.tenant()));
  if (full)
    return fail(ErrorCode::bad_transition, "There are tickets already: demo tickets are for an empty organisation.");
  std::vector<TicketId> ids;
  std::vector<ServerChange> changes;
  std::array<RecordId, demo_kinds.size()> categories;
  for (std::size_t i = 0; i < demo_kinds.size(); ++i) {
    TERN_TRY(categories[i], category_of(call, std::string(demo_kinds[i].category), changes));
  }
  for (std::size_t n = 0; n < demo_tickets_max; ++n) {
    const DemoTicket& kind = demo_kinds[n % demo_kinds.size()];
    ids.push_back(random_id<TicketId>(call.parts().environment));
    ServerChange create = change_by(call.caller(), Intent::create, ids.back());
    create.change.text = std::string(kind.description);
    create.change.fields = {{FieldId::subject, {}, Bytes(kind.subject), false},
                            {FieldId::priority, {}, Bytes(1, kind.priority), false},
                            {FieldId::category, {}, Bytes(categories[n % demo_kinds.size()].view()), false}};
    changes.push_back(std::move(create));
    changes.push_back(change_by(call.caller(), Intent::tag, ids.back()));
    changes.back().change.label = "demo";
    add_move(call, n, ids.back(), changes);
  }
  // Noted first: what is made can be taken away, whatever comes between.
  TERN_CHECKED(note_demo(call.tenant(), ids));
  return commit_checked(call, std::move(changes));
}

Result<void> remove_demo(AdminCall& call, const std::vector<TicketId>& ids) {
  TERN_TRY(const auto tickets, there_of(call.tenant(), ids));
  std::vector<ServerChange> changes;
  for (const sync::TicketState& state : tickets) {
    changes.push_back(change_by(call.caller(), Intent::delete_ticket, state.id));
    changes.back().change.reason = "The demo is over.";
  }
  if (!changes.empty()) TERN_CHECKED(commit_checked(call, std::move(changes)));
  return note_demo(call.tenant(), {});
}

}  // namespace

Result<Json> check_demo_status(AdminCall& call) {
  const auto ids = demo_ids(call.tenant());
  TERN_TRY(const auto tickets, there_of(call.tenant(), ids));
  TERN_TRY(const bool full, has_tickets(call.tenant()));
  return Json::object(
      {{"enabled", Json(!ids.empty())}, {"tickets", Json(tickets.size())}, {"can_enable", Json(ids.empty() && !full)}});
}

Result<Json> enable_demo(AdminCall& call) {
  call.makes(call.tenant().id().view());
  TERN_CHECKED(call.change([&]() -> Result<void> {
    const auto ids = demo_ids(call.tenant());
    return ids.empty() ? make_demo(call) : remove_demo(call, ids);
  }));
  return check_demo_status(call);
}

Result<Json> demo_analytics(AdminCall& call) {
  std::size_t tenants = 0, with_demo = 0, tickets = 0;
  for (Tenant* tenant : call.parts().tenants.all()) {
    ++tenants;
    const auto ids = demo_ids(*tenant);
    if (ids.empty()) continue;
    ++with_demo;
    TERN_TRY(const auto there, there_of(*tenant, ids));
    tickets += there.size();
  }
  return Json::object({{"tenants", Json(tenants)}, {"demo_tenants", Json(with_demo)}, {"demo_tickets", Json(tickets)}});
}

}  // namespace tern::server::actions
