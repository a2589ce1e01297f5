// A change in words: what was done, to which field, with which value.
#pragma once

#include <string>

#include "tern/sync/change.hpp"

namespace tern::client {

class NameBook;

struct ChangeWords {
  std::string intent;  // its name in the intent table
  std::string field;   // "priority", "custom:impact"; "" where the intent says it all
  std::string value;   // names, not ids
};

ChangeWords words_of(const sync::Change& change, NameBook& names);

}  // namespace tern::client
