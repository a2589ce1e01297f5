// What most sources of the client include, read once for all of them where that pays (tern_precompile). Each source
// still includes what it uses: gcc's builds do not see this file.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exchange/sync_state.hpp"
#include "outbox/outbox.hpp"
#include "replica/damaged_copy.hpp"
#include "replica/replica.hpp"
#include "tern/client/enrolment.hpp"
#include "tern/client/views.hpp"
#include "tern/protocol/json.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sync/ticket_state.hpp"
#include "tern/v1/exchange.pb.h"
#include "views/name_book.hpp"
