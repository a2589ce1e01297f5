// The customer whom somebody else's program names: by an address, by a number, or as their own messenger calls them.
#pragma once

#include <optional>
#include <string>

#include "store/tenant.hpp"

namespace tern::server {

struct CustomerSaid {
  std::string name, email, phone;
  std::string key;  // of who has neither: the name of a chat
  RecordId source;  // whose word the key is
};
struct Customer {
  RecordId id;
  std::optional<sync::Record> made;  // of one who had no record: to be written before what names them
};
/// Whoever has the address, or the number; else a new one, who is the same each time. Nothing: nobody is named.
Result<std::optional<Customer>> customer_of(const Tenant& tenant, const CustomerSaid& said);

}  // namespace tern::server
