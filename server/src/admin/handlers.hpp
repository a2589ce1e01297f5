// Every command's handler, by the room it is in. What each does: commands/.
#pragma once

#include "admin/admin.hpp"
#include "ingest/devices.hpp"

namespace tern::server::admin {

// tenants.cpp
Result<Json> tenant_add(AdminCall& call);
Result<Json> tenant_list(AdminCall& call);
Result<Json> status(AdminCall& call);
Result<Json> verify(AdminCall& call);
Result<Json> search_rebuild(AdminCall& call);
Result<Json> clock_accept(AdminCall& call);
// records.cpp
Result<Json> record_load(AdminCall& call);
Result<Json> record_add(AdminCall& call);
Result<Json> record_list(AdminCall& call);
// record_changes.cpp
Result<Json> record_set(AdminCall& call);
Result<Json> record_remove(AdminCall& call);
// operators.cpp
Result<Json> operator_add(AdminCall& call);
Result<Json> operator_list(AdminCall& call);
Result<Json> operator_set(AdminCall& call);
Result<Json> operator_disable(AdminCall& call);
Result<Json> operator_reset_link(AdminCall& call);
Result<Json> operator_two_factor_off(AdminCall& call);
/// What opens something in a person's name without a key or a device ends: sessions but for that one, mobile tokens,
/// links, also those that wait to be mailed. From beside the strand.
Result<void> end_sign_ins(AdminParts& parts, Tenant& tenant, const OperatorId& person, const Hash& but = {});
/// A line of the log: by what somebody logs in was changed, and through which door (machine, session, link).
void log_sign_in(const AdminCall& call, const Tenant& tenant, const OperatorId& person, std::string_view what);
/// Sessions, keys and devices of an operator end. From beside the strand.
Result<std::vector<EndedDevice>> end_operator(const AdminCall& call, const OperatorId& who);
// person.cpp
Result<Json> person_export(AdminCall& call);
Result<Json> person_erase(AdminCall& call);
Result<Json> person_anonymise(AdminCall& call);
// devices.cpp
Result<Json> device_code(AdminCall& call);
Result<Json> device_list(AdminCall& call);
Result<Json> device_revoke(AdminCall& call);
Result<Json> device_wipe(AdminCall& call);
/// Where people reach this server: --public-url, or what it was last told or found; empty: nobody said.
Result<std::string> public_url_of(const AdminCall& call);
/// What it was last told or found.
Result<std::string> known_url(const AdminCall& call);
/// By name, uuid or the first digits of it.
Result<DeviceInfo> resolve_device(const Tenant& tenant, const std::string& words);
// waiting.cpp
Result<Json> held_list(AdminCall& call);
Result<Json> held_release(AdminCall& call);
Result<Json> quarantine_list(AdminCall& call);
Result<Json> quarantine_release(AdminCall& call);
Result<Json> quarantine_drop(AdminCall& call);
Result<Json> handed_back_list(AdminCall& call);
Result<Json> handed_back_take(AdminCall& call);
Result<std::uint64_t> count_held(Tenant& tenant);
// export.cpp, import.cpp, import_tickets.cpp, erase.cpp, backup.cpp
Result<Json> export_tickets(AdminCall& call);
Result<Json> import_incidents(AdminCall& call);
Result<Json> import_tickets(AdminCall& call);
Result<Json> erase_bodies(AdminCall& call);
/// By number, alias or uuid.
Result<TicketId> resolve_ticket(Tenant& tenant, const std::string& words);
/// "DEVICE:CHANGE", as export and lists show them.
Result<sync::ChangeRef> parse_change_name(const std::string& words);
Result<Json> backup(AdminCall& call);
// route.cpp
Result<Json> route_explain(AdminCall& call);
// sla.cpp
Result<Json> sla_explain(AdminCall& call);
Result<Json> sla_decide(AdminCall& call);
Result<Json> sla_recompute(AdminCall& call);
// sla_lists.cpp
Result<Json> sla_list(AdminCall& call);
Result<Json> sla_breaches(AdminCall& call);
Result<Json> sla_alerts(AdminCall& call);
// sla_records.cpp
Result<Json> calendar_add(AdminCall& call);
Result<Json> calendar_set(AdminCall& call);
Result<Json> calendar_list(AdminCall& call);
Result<Json> sla_rule_add(AdminCall& call);
Result<Json> sla_rule_set(AdminCall& call);
Result<Json> sla_rule_remove(AdminCall& call);
Result<Json> sla_rule_list(AdminCall& call);
// report_dashboard.cpp, report_groups.cpp, report_operators.cpp, report_tickets.cpp
Result<Json> report_dashboard(AdminCall& call);
Result<Json> report_sla(AdminCall& call);
Result<Json> report_groups(AdminCall& call);
Result<Json> report_operators(AdminCall& call);
Result<Json> report_tickets(AdminCall& call);
// webhooks.cpp
Result<Json> webhook_add(AdminCall& call);
Result<Json> webhook_list(AdminCall& call);
Result<Json> webhook_set(AdminCall& call);
Result<Json> webhook_disable(AdminCall& call);
Result<Json> webhook_enable(AdminCall& call);
Result<Json> webhook_remove(AdminCall& call);
Result<Json> webhook_rotate(AdminCall& call);
Result<Json> webhook_log(AdminCall& call);
Result<Json> webhook_test(AdminCall& call);
// inbound.cpp
Result<Json> inbound_add(AdminCall& call);
Result<Json> inbound_list(AdminCall& call);
Result<Json> inbound_set(AdminCall& call);
Result<Json> inbound_disable(AdminCall& call);
Result<Json> inbound_enable(AdminCall& call);
Result<Json> inbound_remove(AdminCall& call);
Result<Json> inbound_rotate(AdminCall& call);
Result<Json> inbound_log(AdminCall& call);
Result<Json> inbound_try(AdminCall& call);
// mail.cpp
Result<Json> mail_set(AdminCall& call);
Result<Json> mail_show(AdminCall& call);
Result<Json> mail_test(AdminCall& call);
Result<Json> mail_log(AdminCall& call);
// oidc.cpp
Result<Json> oidc_set(AdminCall& call);
Result<Json> oidc_show(AdminCall& call);
// recovery.cpp
Result<Json> recovery(AdminCall& call);

}  // namespace tern::server::admin
