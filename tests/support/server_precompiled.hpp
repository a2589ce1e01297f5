// What most tests of the server, and of worlds with one, include; see tern_test_room.
#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "ingest/committer.hpp"
#include "store/tenant.hpp"
#include "store/tenant_internals.hpp"
#include "support/catch.hpp"
#include "support/must.hpp"
#include "support/virtual_environment.hpp"
#include "tern/protocol/json.hpp"
#include "tern/server/server_core.hpp"
#include "tern/sqlite/database.hpp"
#include "tern/sync/fold.hpp"
#include "tern/v1/exchange.pb.h"
