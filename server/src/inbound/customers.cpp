#include "inbound/customers.hpp"

#include "admin/record_writer.hpp"
#include "api/widgets.hpp"
#include "inbound/inbound_rows.hpp"
#include "inbound/inbound_text.hpp"
#include "one_line.hpp"
#include "tern/protocol/limits.hpp"
#include "tern/protocol/text.hpp"

namespace tern::server {
namespace {

constexpr std::size_t phone_characters_max = 64;

std::string phone_digits(std::string_view phone) {
  std::string out;
  for (const char c : phone)
    if (c >= '0' && c <= '9') out += c;
  return out;
}

std::string contact_detail(const sync::Record& record, const char* name) {
  const auto found = record.attributes.find(name);
  return found == record.attributes.end() ? std::string() : found->second;
}

std::optional<RecordId> known_contact(const Tenant& tenant, const CustomerSaid& said) {
  const std::string email = protocol::fold_case(said.email), phone = phone_digits(said.phone);
  std::optional<RecordId> found;
  tenant.each_record(sync::RecordKind::contact, [&](const sync::Record& contact) {
    if (contact.deleted || found) return;
    const bool by_email = !email.empty() && protocol::fold_case(contact_detail(contact, "email")) == email;
    const bool by_phone = email.empty() && !phone.empty() && phone_digits(contact_detail(contact, "phone")) == phone;
    if (by_email || by_phone) found = contact.id;
  });
  return found;
}

RecordId id_of_new(const Tenant& tenant, const CustomerSaid& said) {
  if (!said.email.empty()) return contact_of_visitor(tenant, said.email);
  const std::string digits = phone_digits(said.phone);
  const Hash hash = inbound_name(said.source, "contact", digits.empty() ? said.key : digits);
  return RecordId::or_zero(hash.view().substr(0, RecordId::size_bytes));
}

}  // namespace

Result<std::optional<Customer>> customer_of(const Tenant& tenant, const CustomerSaid& said) {
  if (said.email.empty() && phone_digits(said.phone).empty() && said.key.empty()) return std::optional<Customer>();
  if (const auto known = known_contact(tenant, said)) return std::optional(Customer{*known, {}});
  Customer out{id_of_new(tenant, said), {}};
  const auto there = tenant.find_record(sync::RecordKind::contact, out.id);
  if (there && !there->deleted) return std::optional(std::move(out));
  sync::Record made;
  made.kind = sync::RecordKind::contact;
  made.id = out.id;
  std::string name;
  for (const std::string* one : {&said.name, &said.email, &said.phone, &said.key})
    if (is_blank(name)) name = one_line_of(*one, limits::name_bytes_max / 4);
  TERN_TRY(made.name, admin::record_name(name, "contact_name"));
  admin::put_attribute(made, "email", said.email);
  admin::put_attribute(made, "phone", one_line_of(said.phone, phone_characters_max));
  out.made = std::move(made);
  return std::optional(std::move(out));
}

}  // namespace tern::server
