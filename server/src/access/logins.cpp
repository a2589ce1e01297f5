#include "access/logins.hpp"

#include <algorithm>

#include "tern/protocol/crypto.hpp"
#include "tern/protocol/key_wrap.hpp"
#include "tern/protocol/text.hpp"

namespace tern::server {
namespace {

constexpr int checks_at_once_max = 2;
constexpr std::size_t tries_max = 10, logins_max = 10'000, known_max = 10'000, token_bytes = 32;

constexpr const char* wrong_login = "The login or the password is wrong.";

/// Whom tries count for; empty: this machine, where a proxy speaks for everybody.
std::string address_of_tries(const std::string& peer) {
  return peer.empty() || is_loopback(peer) ? std::string() : counted_address(peer);
}

tl::unexpected<Error> too_many_tries() {
  return fail(ErrorCode::rate_limited, "Too many tries to log in.", "Wait a quarter of an hour.");
}

tl::unexpected<Error> others_log_in() {
  return fail(ErrorCode::busy, "Others are logging in.", "Try again.");
}

/// No address has a space.
std::string known_key(const std::string& name, const std::string& address) {
  return address + " " + name;
}

}  // namespace

bool Logins::may_try(const std::string& key) {
  return tries_.allow(key, tries_max, environment_.boot_ms());
}

/// Gives what the try counts as. Where strangers have used those of a login up, whoever is known to come from that
/// address has some of their own, and nobody else is let in (`only`).
Result<std::string> Logins::count_login(const std::string& name, const std::string& address, KnownPeople& only) {
  // An address that may not try locks nobody else out.
  if (!address.empty() && !may_try("a " + address)) return too_many_tries();
  std::string key = "l " + name;
  if (may_try(key)) return key;
  only = known_from(name, address);
  key = "k " + known_key(name, address);
  if (only.empty() || !may_try(key)) return too_many_tries();
  return key;
}

Logins::KnownPeople Logins::known_from(const std::string& name, const std::string& address) const {
  if (address.empty()) return {};
  const auto found = known_.find(known_key(name, address));
  if (found == known_.end()) return {};
  KnownPeople out = found->second;
  std::erase_if(out, [&](const auto& one) { return one.second <= environment_.boot_ms(); });
  return out;
}

void Logins::note_known(const std::string& name, const std::string& address, const OperatorId& person) {
  if (address.empty()) return;
  const std::int64_t now_ms = environment_.boot_ms();
  const std::string key = known_key(name, address);
  const auto last = [](const auto& one) {
    std::int64_t out = 0;
    for (const auto& [who, until_ms] : one.second) out = std::max(out, until_ms);
    return out;
  };
  if (known_.size() >= known_max && !known_.contains(key))
    std::erase_if(known_, [&](const auto& one) { return last(one) <= now_ms; });
  if (known_.size() >= known_max && !known_.contains(key))
    known_.erase(std::min_element(known_.begin(), known_.end(),
                                  [&](const auto& a, const auto& b) { return last(a) < last(b); }));
  known_[key][person] = now_ms + known_ms;
}

/// One check for every organisation that knows the login, one where none does: how long it takes says little.
Result<std::optional<Person>> Logins::check(Directory& directory, const std::vector<Tenant*>& tenants,
                                            const std::string& login, const std::string& password,
                                            const KnownPeople& only) {
  std::optional<Person> found;
  bool checked = false;
  for (Tenant* tenant : tenants) {
    TERN_TRY(const auto entry, directory.find_login(tenant->number(), login));
    if (!entry || entry->password_hash.empty()) continue;
    if (!only.empty() && !only.contains(entry->operator_id)) continue;
    checked = true;
    const bool good = protocol::verify_password(entry->password_hash, password);
    const auto actor = tenant->find_actor(entry->operator_id);
    if (good && actor && actor->active && !found) found = Person{tenant, entry->operator_id};
  }
  if (!checked) static_cast<void>(protocol::hash_password(password));
  return found;
}

Logins::Moment Logins::moment() {
  const std::lock_guard lock(mutex_);
  return ends_;
}

Result<void> Logins::check_since(const OperatorId& person, Moment since) {
  const std::lock_guard lock(mutex_);
  return check_since_locked(person, since);
}

Result<void> Logins::check_since_locked(const OperatorId& person, Moment since) const {
  if (const auto ended = ended_.find(person); ended == ended_.end() || ended->second <= since) return {};
  return fail(ErrorCode::login_refused, "What logs you in has become another one meanwhile.", "Log in again.");
}

Result<std::string> Logins::begin(const Person& person, Moment since) {
  Bytes secret(token_bytes, '\0');
  environment_.random(reinterpret_cast<std::uint8_t*>(secret.data()), secret.size());
  std::string token = to_hex(secret);
  protocol::wipe(secret);
  const std::lock_guard lock(mutex_);
  if (const auto current = check_since_locked(person.id, since); !current) {
    protocol::wipe(token);
    return tl::unexpected(current.error());
  }
  const std::int64_t now_ms = environment_.boot_ms();
  std::erase_if(sessions_, [&](const auto& session) { return session.second.until_ms <= now_ms; });
  if (sessions_.size() >= logins_max)
    sessions_.erase(std::min_element(sessions_.begin(), sessions_.end(), [](const auto& a, const auto& b) {
      return a.second.until_ms < b.second.until_ms;
    }));
  sessions_[name_of(token)] = {person, now_ms + session_ms};
  return token;
}

/// Of somebody whose password was good.
Result<void> Logins::check_second(const Person& person, const std::string& code) {
  TERN_TRY(const bool on, factors_.is_on(*person.tenant, person.id));
  if (!on) return {};
  if (code.empty())
    return fail(ErrorCode::login_refused, "A code of the second factor is needed, too.",
                "Of the authenticator, or one of the recovery codes.", "code");
  TERN_CHECKED(count_code(person));
  TERN_TRY(const bool good, factors_.take(*person.tenant, person.id, code));
  if (good) code_was_good(person);
  if (good) return {};
  return fail(ErrorCode::login_refused, "This code is wrong, or was used.", "Wait for the next one.", "code");
}

Result<void> Logins::count_code(const Person& person) {
  const std::lock_guard lock(mutex_);
  if (may_try("c " + to_hex(person.id))) return {};
  return fail(ErrorCode::rate_limited, "Too many codes were tried.", "Wait a quarter of an hour.");
}

void Logins::code_was_good(const Person& person) {
  const std::lock_guard lock(mutex_);
  tries_.give_back("c " + to_hex(person.id));
}

Result<void> Logins::check_code(const Person& person, const std::string& code) {
  return check_second(person, code);
}

Result<Person> Logins::identify(Directory& directory, const std::vector<Tenant*>& tenants, const Claim& claim) {
  const std::string name = protocol::fold_case(claim.login);
  const std::string address = address_of_tries(claim.peer);
  if (name.size() > login_bytes_max) return fail(ErrorCode::login_refused, wrong_login);
  std::string counted;
  KnownPeople only;
  {
    const std::lock_guard lock(mutex_);
    if (checking_ >= checks_at_once_max) return others_log_in();
    TERN_TRY(counted, count_login(name, address, only));
    ++checking_;
  }
  const auto person = check(directory, tenants, name, claim.password, only);
  const Result<void> second = person && *person ? check_second(**person, claim.code) : Result<void>{};
  {
    const std::lock_guard lock(mutex_);
    --checking_;
    // Who says no code guesses none, and comes again with one. Earlier tries stay counted: another organisation may
    // know somebody by the same login.
    const bool was_no_guess = person && *person && (second || claim.code.empty());
    if (was_no_guess) tries_.give_back(counted);
    if (was_no_guess) tries_.give_back("a " + address);
    if (person && *person && second) note_known(name, address, (*person)->id);
  }
  TERN_CHECKED(person);
  if (!*person) return fail(ErrorCode::login_refused, wrong_login);
  TERN_CHECKED(second);
  return **person;
}

Result<void> Logins::check_password(Directory& directory, const Person& person, const std::string& login,
                                    const std::string& password) {
  const std::string counted = "p " + to_hex(person.id);
  TERN_TRY(const auto entry, directory.find_login(person.tenant->number(), login));
  if (!entry || entry->operator_id != person.id || entry->password_hash.empty())
    return fail(ErrorCode::bad_transition, "You have no password here.",
                "ternd operator reset-link makes a link to one.");
  {
    const std::lock_guard lock(mutex_);
    if (checking_ >= checks_at_once_max) return others_log_in();
    if (!may_try(counted)) return too_many_tries();
    ++checking_;
  }
  const bool good = protocol::verify_password(entry->password_hash, password);
  {
    const std::lock_guard lock(mutex_);
    --checking_;
    if (good) tries_.give_back(counted);
  }
  if (good) return {};
  return fail(ErrorCode::login_refused, "This is not your password.", "", "password");
}

void Logins::recovered(const std::string& login, const OperatorId& person, const std::string& peer) {
  const std::string name = protocol::fold_case(login);
  const std::lock_guard lock(mutex_);
  tries_.forget("l " + name);
  note_known(name, address_of_tries(peer), person);
}

void Logins::end_sessions_of(const OperatorId& person, const Hash& but) {
  const std::lock_guard lock(mutex_);
  ended_[person] = ++ends_;
  std::erase_if(sessions_,
                [&](const auto& session) { return session.second.person.id == person && session.first != but; });
  // Whoever had the password may have come from there.
  for (auto& [key, people] : known_) people.erase(person);
  std::erase_if(known_, [](const auto& one) { return one.second.empty(); });
}

Hash Logins::name_of(std::string_view token) {
  return protocol::hash("TRN1-LOGIN", token);
}

bool Logins::lives(const Hash& session) {
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(session);
  return found != sessions_.end() && found->second.until_ms > environment_.boot_ms();
}

std::optional<Person> Logins::person_of(std::string_view token) {
  std::optional<Person> person;
  {
    const std::lock_guard lock(mutex_);
    const auto found = sessions_.find(name_of(token));
    if (found == sessions_.end()) return std::nullopt;
    if (found->second.until_ms <= environment_.boot_ms()) {
      sessions_.erase(found);
      return std::nullopt;
    }
    person = found->second.person;
  }
  const auto actor = person->tenant->find_actor(person->id);
  return actor && actor->active ? person : std::nullopt;
}

}  // namespace tern::server
