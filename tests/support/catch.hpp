// The precompiled header of every test file. Include it first, by name, so that a test file also compiles without it.
#pragma once

// What an assertion asks is not asked in a try block of its own: a fifth of the time that tests take to compile. What
// is thrown there ends the test case, and is told of with the line of the assertion.
#define CATCH_CONFIG_FAST_COMPILE

#include <rapidcheck.h>

#include <catch2/catch.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
