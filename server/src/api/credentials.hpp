// The ways to say who asks, and which of them an action lets in: the doors judge by this table, OpenAPI and the
// reference page are made of it.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "tern/server/admin.hpp"

namespace tern::server {

inline constexpr std::string_view session_cookie = "__Host-tern";
inline constexpr std::string_view client_cookie = "__Host-tern-client";  // a client's token

enum class Credential : std::uint8_t {
  key,
  mobile,
  mobile_parameter,
  client,
  session,
  client_session,
  vouched,
  widget
};
enum class CredentialPlace : std::uint8_t { header, cookie, body };

struct CredentialSpec {
  Credential credential;
  std::string_view scheme;  // what OpenAPI calls it
  CredentialPlace place;
  std::vector<std::string_view> names;  // of the header, the cookie, the parameters: all of them
  std::string_view looks_like;          // the value of an example
  std::string_view help;
};
/// In the order in which they count, where several are sent.
std::span<const CredentialSpec> all_credentials();

/// Whether the action is for who comes by it, as far as that goes without knowing who it is: scopes of a key and the
/// role of a person are looked at behind it.
bool lets_in(const ApiFace& action, Credential credential);
/// Those that it lets in; of an action that asks for none, none.
std::vector<const CredentialSpec*> credentials_of(const ApiFace& action);

}  // namespace tern::server
