// What most sources of the server include, read once for all of them where that pays (server/CMakeLists.txt). Each
// source still includes what it uses: gcc's builds do not see this file.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "store/tenant.hpp"
#include "tern/protocol/json.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sync/fold.hpp"
#include "tern/v1/exchange.pb.h"
