// A place of a program: who called whom, down to a statement.
#pragma once

namespace tern::test {

/// Whether this is the first time that the program asks here; from then on it is not.
bool is_first_at_this_place();

}  // namespace tern::test
