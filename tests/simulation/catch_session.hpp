// World speaks Catch2: whoever drives it outside of a test program runs inside a session that says nothing.
#pragma once

#include <functional>
#include <string>

namespace tern::test {

void in_catch_session(const std::function<void()>& what);
/// What the last assertion that failed said.
const std::string& last_failure();

}  // namespace tern::test
