#include "access/second_factors.hpp"

#include <algorithm>

#include "openssl/hmac_sha1.hpp"
#include "tern/protocol/crockford.hpp"
#include "tern/protocol/crypto.hpp"

namespace tern::server {
namespace {

constexpr std::size_t factor_secret_bytes = 20, recovery_code_bytes = 10, code_digits = 6;
constexpr std::string_view base32_letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";  // RFC 4648

std::string to_base32(ByteView raw) {
  std::string out;
  out.reserve((raw.size() * 8 + 4) / 5);
  unsigned held = 0, bits = 0;
  for (const char byte : raw) {
    held = (held << 8) | static_cast<unsigned char>(byte);
    for (bits += 8; bits >= 5; bits -= 5) out += base32_letters[(held >> (bits - 5)) & 31];
  }
  if (bits > 0) out += base32_letters[(held << (5 - bits)) & 31];
  return out;
}

bool is_code(std::string_view text) {
  return text.size() == code_digits && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

Bytes recovery_hash(const Tenant& tenant, const OperatorId& person, ByteView raw) {
  return Bytes(
      protocol::Hasher("TRN1-RECOVERCODE").add(tenant.id().view()).add(person.view()).add(raw).finish().view());
}

/// Takes it out of those that are kept.
bool takes_recovery(SecondFactorEntry& entry, const Tenant& tenant, const OperatorId& person, std::string_view code) {
  auto raw = protocol::crockford_decode(code, recovery_code_bytes);
  if (!raw) return false;
  const Bytes hash = recovery_hash(tenant, person, *raw);
  protocol::wipe(*raw);
  for (std::size_t at = 0; at + hash.size() <= entry.recovery.size(); at += hash.size())
    if (protocol::equal_secret(ByteView(entry.recovery).substr(at, hash.size()), hash)) {
      entry.recovery.erase(at, hash.size());
      return true;
    }
  return false;
}

tl::unexpected<Error> is_on_already() {
  return fail(ErrorCode::bad_transition, "A second factor is on.", "End it first: end_two_factor.");
}

}  // namespace

std::string code_of_step(ByteView secret, std::int64_t step) {
  Bytes counter(8, '\0');
  for (std::size_t i = 0; i < counter.size(); ++i)
    counter[i] = static_cast<char>(static_cast<std::uint64_t>(step) >> (56 - 8 * i));
  const Bytes mac = hmac_sha1(secret, counter);
  const std::size_t at = static_cast<std::uint8_t>(mac.back()) & 15;
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = (number << 8) | static_cast<std::uint8_t>(mac[at + i]);
  std::string digits = std::to_string((number & 0x7fffffff) % 1'000'000);
  return std::string(code_digits - digits.size(), '0') + digits;
}

bool SecondFactors::takes_code(SecondFactorEntry& entry, std::string_view code) const {
  if (!is_code(code)) return false;
  const std::int64_t now = environment_.wall_ms() / code_step_ms;
  for (std::int64_t step = std::max(now - 1, entry.last_step + 1); step <= now + 1; ++step)
    if (protocol::equal_secret(code_of_step(entry.secret, step), code)) {
      entry.last_step = step;
      return true;
    }
  return false;
}

Result<bool> SecondFactors::is_on(const Tenant& tenant, const OperatorId& person) {
  TERN_TRY(auto entry, directory_.second_factor(tenant.number(), person));
  if (!entry) return false;
  protocol::wipe(entry->secret);
  return entry->on;
}

Result<std::string> SecondFactors::begin(const Tenant& tenant, const OperatorId& person) {
  const std::lock_guard lock(mutex_);
  TERN_TRY(const auto before, directory_.second_factor(tenant.number(), person));
  if (before && before->on) return is_on_already();
  SecondFactorEntry entry;
  entry.secret.resize(factor_secret_bytes);
  environment_.random(reinterpret_cast<std::uint8_t*>(entry.secret.data()), entry.secret.size());
  std::string shown = to_base32(entry.secret);
  const auto put = directory_.put_second_factor(tenant.number(), person, entry);
  protocol::wipe(entry.secret);
  if (!put) return tl::unexpected(put.error());
  return shown;
}

Result<std::vector<std::string>> SecondFactors::confirm(const Tenant& tenant, const OperatorId& person,
                                                        std::string_view code) {
  const std::lock_guard lock(mutex_);
  TERN_TRY(auto entry, directory_.second_factor(tenant.number(), person));
  if (!entry) return fail(ErrorCode::bad_transition, "No second factor was begun.", "begin_two_factor");
  if (entry->on) return is_on_already();
  if (!takes_code(*entry, code))
    return fail(ErrorCode::login_refused, "That is not the code of now.", "Compare the clocks.", "code");
  entry->on = true;
  std::vector<std::string> codes;
  for (std::size_t i = 0; i < recovery_codes_made; ++i) {
    Bytes raw(recovery_code_bytes, '\0');
    environment_.random(reinterpret_cast<std::uint8_t*>(raw.data()), raw.size());
    entry->recovery += recovery_hash(tenant, person, raw);
    codes.push_back(protocol::crockford_groups(raw));
    protocol::wipe(raw);
  }
  const auto put = directory_.put_second_factor(tenant.number(), person, *entry);
  protocol::wipe(entry->secret);
  if (put) return codes;
  for (std::string& one : codes) protocol::wipe(one);
  return tl::unexpected(put.error());
}

Result<bool> SecondFactors::take(const Tenant& tenant, const OperatorId& person, std::string_view code) {
  const std::lock_guard lock(mutex_);
  TERN_TRY(auto entry, directory_.second_factor(tenant.number(), person));
  if (!entry || !entry->on) return false;
  const bool good = takes_code(*entry, code) || takes_recovery(*entry, tenant, person, code);
  const auto put = good ? directory_.put_second_factor(tenant.number(), person, *entry) : Result<void>{};
  protocol::wipe(entry->secret);
  if (!put) return tl::unexpected(put.error());  // what cannot be marked as used is not taken
  return good;
}

Result<void> SecondFactors::end(const Tenant& tenant, const OperatorId& person) {
  const std::lock_guard lock(mutex_);
  return directory_.drop_second_factor(tenant.number(), person);
}

}  // namespace tern::server
