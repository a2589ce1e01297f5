#include "access/logins.hpp"

#include <algorithm>

#include "access/enrolment.hpp"

#include "tern/protocol/crypto.hpp"
#include "tern/protocol/key_wrap.hpp"
#include "tern/protocol/text.hpp"

namespace tern::server {
namespace {

constexpr int tries_max = 10, checks_at_once_max = 2;
constexpr std::size_t tries_kept_max = 10'000, logins_max = 10'000, token_bytes = 32;

constexpr const char* wrong_login = "The login or the password is wrong.";

Hash token_hash(std::string_view token) {
  return protocol::hash("TRN1-LOGIN", token);
}

}  // namespace

/// Counts one try. Those that are over make room; when none is, nobody new may try.
bool Logins::may_try(const std::string& key) {
  const std::int64_t now_ms = environment_.boot_ms();
  if (tries_.size() >= tries_kept_max && !tries_.contains(key))
    std::erase_if(tries_, [&](const auto& one) { return now_ms - one.second.since_ms > try_window_ms; });
  if (tries_.size() >= tries_kept_max && !tries_.contains(key)) return false;
  Tries& tries = tries_[key];
  if (tries.count == 0 || now_ms - tries.since_ms > try_window_ms) tries = {now_ms, 0};
  return ++tries.count <= tries_max;
}

/// A try that was none: many people may log in from one address.
void Logins::give_back(const std::string& key) {
  if (const auto found = tries_.find(key); found != tries_.end() && found->second.count > 0) --found->second.count;
}

/// One check for every organisation that knows the login, one where none does: how long it takes says little.
Result<std::optional<Person>> Logins::check(Directory& directory, const std::vector<Tenant*>& tenants,
                                            const std::string& login, const std::string& password) {
  std::optional<Person> found;
  bool checked = false;
  for (Tenant* tenant : tenants) {
    TERN_TRY(const auto entry, directory.find_login(tenant->number(), login));
    if (!entry || entry->password_hash.empty()) continue;
    checked = true;
    const bool good = protocol::verify_password(entry->password_hash, password);
    const auto actor = tenant->find_actor(entry->operator_id);
    if (good && actor && actor->active && !found) found = Person{tenant, entry->operator_id};
  }
  if (!checked) static_cast<void>(protocol::hash_password(password));
  return found;
}

std::string Logins::begin(const Person& person) {
  Bytes secret(token_bytes, '\0');
  environment_.random(reinterpret_cast<std::uint8_t*>(secret.data()), secret.size());
  std::string token = to_hex(secret);
  protocol::wipe(secret);
  const std::lock_guard lock(mutex_);
  const std::int64_t now_ms = environment_.boot_ms();
  std::erase_if(sessions_, [&](const auto& session) { return session.second.until_ms <= now_ms; });
  if (sessions_.size() >= logins_max)
    sessions_.erase(std::min_element(sessions_.begin(), sessions_.end(), [](const auto& a, const auto& b) {
      return a.second.until_ms < b.second.until_ms;
    }));
  sessions_[token_hash(token)] = {person, now_ms + session_ms};
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
  give_back("c " + to_hex(person.id));
}

Result<void> Logins::check_code(const Person& person, const std::string& code) {
  return check_second(person, code);
}

Result<Person> Logins::identify(Directory& directory, const std::vector<Tenant*>& tenants, const Claim& claim) {
  const std::string name = protocol::fold_case(claim.login);
  const std::string peer = counted_address(claim.peer);
  if (name.size() > login_bytes_max) return fail(ErrorCode::login_refused, wrong_login);
  {
    const std::lock_guard lock(mutex_);
    if (checking_ >= checks_at_once_max) return fail(ErrorCode::busy, "Others are logging in.", "Try again.");
    // An address that may not try locks nobody else out.
    if (!may_try("a " + peer) || !may_try("l " + name))
      return fail(ErrorCode::rate_limited, "Too many tries to log in.", "Wait a quarter of an hour.");
    ++checking_;
  }
  const auto person = check(directory, tenants, name, claim.password);
  const Result<void> second = person && *person ? check_second(**person, claim.code) : Result<void>{};
  {
    const std::lock_guard lock(mutex_);
    --checking_;
    // Who says no code guesses none, and comes again with one. Earlier tries stay counted: another organisation may
    // know somebody by the same login.
    const bool was_no_guess = person && *person && (second || claim.code.empty());
    if (was_no_guess) give_back("l " + name);
    if (was_no_guess) give_back("a " + peer);
  }
  TERN_CHECKED(person);
  if (!*person) return fail(ErrorCode::login_refused, wrong_login);
  TERN_CHECKED(second);
  return **person;
}

void Logins::end_sessions_of(const OperatorId& person) {
  const std::lock_guard lock(mutex_);
  std::erase_if(sessions_, [&](const auto& session) { return session.second.person.id == person; });
}

std::optional<Person> Logins::person_of(std::string_view token) {
  std::optional<Person> person;
  {
    const std::lock_guard lock(mutex_);
    const auto found = sessions_.find(token_hash(token));
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
