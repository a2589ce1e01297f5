// What a head administrator sees of the server: its organisations, and what went wrong.
#include <utility>

#include "admin/record_writer.hpp"
#include "api/actions.hpp"
#include "api/plans.hpp"

namespace tern::server::actions {
namespace {

Result<Json> tenant_row(Tenant& tenant) {
  TERN_TRY(auto reader, tenant.reader());
  TERN_TRY(const auto tickets,
           reader.db().int64_of("SELECT count(*) FROM ticket WHERE tenant_id = $1", tenant.number()));
  std::size_t operators = 0;
  tenant.each_record(sync::RecordKind::operator_, [&](const sync::Record& person) {
    const auto active = person.attributes.find("active");
    if (!person.deleted && (active == person.attributes.end() || active->second != "0")) ++operators;
  });
  return Json::object({{"id", Json(to_uuid_text(tenant.id().view()))},
                       {"name", Json(tenant.name())},
                       {"plan", Json(plan_of(tenant).name)},
                       {"state", Json("open")},
                       {"operators", Json(operators)},
                       {"tickets", Json(tickets.value_or(0))}});
}

}  // namespace

Result<Json> list_tenants(AdminCall& call) {
  Json out = Json::array();
  for (Tenant* tenant : call.parts().tenants.all()) {
    TERN_TRY(Json row, tenant_row(*tenant));
    out.push(std::move(row));
  }
  for (const ClosedTenant& closed : call.parts().tenants.closed())
    out.push(Json::object({{"id", Json(to_uuid_text(closed.entry.id.view()))},
                           {"name", Json(closed.entry.name)},
                           {"plan", Json()},
                           {"state", Json("closed")},
                           {"operators", Json()},
                           {"tickets", Json()}}));
  return out;
}

Result<Json> update_tenant(AdminCall& call) {
  auto named = call.parts().tenants.named(call.text("tenant_id"));
  if (!named) {
    named.error().field = "tenant_id";
    return tl::unexpected(named.error());
  }
  Tenant& tenant = **named;
  Result<void> written;
  call.parts().committer().run(tenant, [&] {
    auto record = tenant.find_record(sync::RecordKind::tenant, RecordId::or_zero(tenant.id().view()));
    if (!record) {
      written = fail(ErrorCode::corrupt, "The tenant's record is missing.", "ternd verify");
      return;
    }
    std::string& plan = record->attributes["plan"];
    if (std::exchange(plan, call.text("plan")) != plan) written = admin::write_records(tenant, {*record});
  });
  TERN_CHECKED(written);
  TERN_CHECKED(call.change([&]() -> Result<void> {  // of another tenant: whoever sends it again sets the same plan
    call.makes(tenant.id().view());
    return {};
  }));
  return tenant_row(tenant);
}

Result<Json> list_error_logs(AdminCall& call) {
  Json out = Json::array();
  for (Json& entry : call.parts().errors.of(to_uuid_text(call.tenant().id().view()))) out.push(std::move(entry));
  return out;
}

}  // namespace tern::server::actions
