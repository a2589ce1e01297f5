// One act, again and again, with its first, second ... call failing: what is done about an error stands behind each.
#pragma once

#include <cstdint>
#include <utility>

#include "support/catch.hpp"
#include "support/failing_calls.hpp"
#include "support/failing_statements.hpp"

namespace tern::test {

/// `act` says whether it did its work; `look` gives what may not differ when it did not. Ends when the act comes to its
/// end without meeting its fault, and gives the number of places that there are. `every`: that many places from one
/// that fails to the next; of an act that takes long.
template <typename Fault, typename Act, typename Look>
std::uint64_t each_place_fails(Fault* (*meet)(Fault*), const Fault& kind, const Act& act, const Look& look,
                               std::uint64_t every) {
  for (std::uint64_t nth = 1;; nth += every) {
    CAPTURE(nth);
    REQUIRE(nth < 10'000);
    const auto before = look();
    Fault fault = kind;
    fault.fails_in = nth;
    Fault* const other = meet(&fault);
    const bool done = act();
    meet(other);
    if (!done) CHECK(look() == before);
    if (fault.failed != 0) continue;
    CHECK(done);
    return nth - 1;
  }
}

template <typename Act, typename Look>
std::uint64_t each_statement_fails(const Act& act, const Look& look, std::uint64_t every = 1) {
  return each_place_fails(&meet_statements, StatementFault{}, act, look, every);
}

template <typename Act, typename Look>
std::uint64_t each_call_fails(int error, const Act& act, const Look& look, std::uint64_t every = 1) {
  return each_place_fails(&meet_calls, CallFault{error}, act, look, every);
}

/// For what changes nothing that could be looked at.
inline int nothing() {
  return 0;
}

}  // namespace tern::test
