#include "inbound/customers.hpp"

#include "admin/record_writer.hpp"
#include "api/widgets.hpp"
#include "desk/person_attributes.hpp"
#include "inbound/inbound_rows.hpp"
#include "inbound/inbound_text.hpp"
#include "one_line.hpp"
#include "store/contacts.hpp"
#include "tern/protocol/limits.hpp"

namespace tern::server {
namespace {

constexpr std::size_t phone_characters_max = 64;

RecordId id_of_new(const Tenant& tenant, const CustomerSaid& said) {
  if (!said.email.empty()) return contact_of_visitor(tenant, said.email);
  const std::string digits = phone_digits(said.phone);
  const Hash hash = inbound_name(said.source, "contact", digits.empty() ? said.key : digits);
  return RecordId::or_zero(hash.view().substr(0, RecordId::size_bytes));
}

}  // namespace

Result<std::optional<Customer>> customer_of(const Tenant& tenant, const CustomerSaid& said) {
  if (said.email.empty() && phone_digits(said.phone).empty() && said.key.empty()) return std::optional<Customer>();
  if (const auto known = tenant.contact_at(said.email, said.phone)) return std::optional(Customer{*known, {}});
  Customer out{id_of_new(tenant, said), {}};
  const auto there = tenant.find_record(sync::RecordKind::contact, out.id);
  if (there && (!there->deleted || there->attributes.contains(std::string(erased_attribute))))
    return std::optional(std::move(out));
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
