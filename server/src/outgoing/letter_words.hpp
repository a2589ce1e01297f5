// What mails say, in the languages that there are: one table. A placeholder is a name in braces.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "desk/notifications.hpp"

namespace tern::server {

enum class LetterLanguage : std::uint8_t { en, uk, ru, kk, de };
std::span<const std::string_view> letter_languages();  // their tags

/// The first of these tags that is known, by its first part ("de-AT" is de); else English.
LetterLanguage letter_language(std::string_view recipient, std::string_view tenant);

/// The first that a browser says it reads ("de-AT,de;q=0.9,en;q=0.5") of those that there are; else English.
LetterLanguage language_accepted(std::string_view accept_language);

/// "received", "replied" and "resolved" ("_watched" behind these two: to who watches the ticket), "reset_link", "test",
/// "csat", which asks for a rating, "rating", its question and the part of a mail that asks it, and "told" for all that
/// operators are told of.
struct LetterWords {
  std::string_view subject, text;
};
LetterWords letter_words(std::string_view event, LetterLanguage language);

/// What an operator is told, in a few words.
std::string_view told_words(NotificationKind kind, LetterLanguage language);

/// Each {name} is replaced once; what is put in is not looked at again. One that is not known stands for nothing.
std::string filled_in(std::string_view pattern, const std::map<std::string_view, std::string>& values);

}  // namespace tern::server
