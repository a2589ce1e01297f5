#include "contacts.hpp"

#include "tern/protocol/text.hpp"

namespace tern::server {
namespace {

std::string_view said_of_contact(const sync::Record& contact, const char* name) {
  const auto found = contact.attributes.find(name);
  return found == contact.attributes.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace

std::string phone_digits(std::string_view phone) {
  std::string out;
  for (const char c : phone)
    if (c >= '0' && c <= '9') out += c;
  return out;
}

void ContactIndex::note(Named& named, const std::string& name, const RecordId& id, bool there) {
  if (name.empty()) return;
  if (there) {
    named[name].insert(id);
    return;
  }
  const auto found = named.find(name);
  if (found == named.end()) return;
  found->second.erase(id);
  if (found->second.empty()) named.erase(found);
}

void ContactIndex::put(const sync::Record* before, const sync::Record& now) {
  const auto note_both = [&](const sync::Record& contact, bool there) {
    if (contact.deleted) return;
    note(by_email_, protocol::fold_case(said_of_contact(contact, "email")), contact.id, there);
    note(by_phone_, phone_digits(said_of_contact(contact, "phone")), contact.id, there);
  };
  if (before != nullptr) note_both(*before, false);
  note_both(now, true);
}

void ContactIndex::clear() {
  by_email_.clear();
  by_phone_.clear();
}

std::optional<RecordId> ContactIndex::first_of(const Named& named, const std::string& name) {
  const auto found = named.find(name);
  return found == named.end() ? std::nullopt : std::optional(*found->second.begin());
}

std::optional<RecordId> ContactIndex::with_email(std::string_view email) const {
  return first_of(by_email_, protocol::fold_case(email));
}

std::optional<RecordId> ContactIndex::with_phone(std::string_view phone) const {
  return first_of(by_phone_, phone_digits(phone));
}

}  // namespace tern::server
