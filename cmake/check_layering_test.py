#!/usr/bin/env python3
"""check_layering.py finds each kind of trespass, and nothing in a clean tree."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
from check_layering import check  # noqa: E402

TRESPASSES = {
    "protocol/src/a.cpp": '#include "tern/sync/fold.hpp"',
    "protocol/include/tern/protocol/a.hpp": "#include <sodium.h>",
    "sync/src/a.cpp": '#include "tern/sqlite/database.hpp"',
    "sync/src/b.cpp": "auto now = std::chrono::system_clock::now();",
    "sync/sqlite/src/a.cpp": '#include "tern/sync/fold.hpp"',
    "client-core/src/a.cpp": '#include "tern/server/server.hpp"',
    "client-core/src/b.cpp": "std::mutex lock;",
    "client-core/src/e.cpp": "pthread_mutex_t lock;",
    "client-core/src/f.cpp": "int seed = rand();",
    "sync/src/c.cpp": "auto now = time(nullptr);",
    "sync/src/d.cpp": "auto now = std::time(&now_s);",
    "sync/src/e.cpp": "srand(seed);",
    "sync/src/f.cpp": "const std::tm* here = localtime(&now_s);",
    "server/src/ingest/c.cpp": "#include <sys/un.h>",
    "server/src/ingest/d.cpp": "pthread_create(&worker, nullptr, run, nullptr);",
    "server/src/ingest/e.cpp": "return std::rand() % 6;",
    "server/src/ingest/f.cpp": "auto now = ::time(NULL);",
    "client-core/src/c.cpp": "Poco::Net::Socket s;",
    "client-core/src/d.cpp": "sqlite3_step(s);",
    "server/src/ingest/a.cpp": '#include "tern/client/client.hpp"',
    "server/src/ingest/b.cpp": "std::thread worker;",
    "server/src/sla/src/a.cpp": '#include "tern/server/admin.hpp"',
    "server/src/sla/src/b.cpp": "#include <date/tz.h>",
    "server/src/access/a.cpp": "crypto_pwhash_str(a);",
    "apps/tern/a.cpp": "#include <sqlite3.h>",
    "apps/tern-verify/CMakeLists.txt": "tern_module(x SOURCES a.cpp LINKS tern_sync PRIVATE_LINKS tern_server)",
    "apps/common/CMakeLists.txt": "target_link_libraries(tern_apps_common PRIVATE tern_sync)",
}
CLEAN = {
    "protocol/src/a.cpp": "#include <sodium.h>\ncrypto_sign_detached();",
    "sync/src/a.cpp": "// Poco:: and std::thread only in words\n#include \"tern/v1/change.pb.h\"",
    "sync/sqlite/src/a.cpp": "#include <sqlite3.h>\nsqlite3_step(s);",
    "client-core/poco/a.cpp": "#include <Poco/Net/Socket.h>",
    "client-core/src/a.cpp": "environment.random(&into, sizeof into); const auto at = row.time(0); trusted_time(nullptr);",
    "server/src/sla/src/zones/a.cpp": '#include <date/tz.h>\n#include "tern/sla/calendar.hpp"',
    "server/src/edge/a.cpp": "Poco::Net::Socket s; std::thread t;",
    "apps/ternd/a.cpp": '#include "tern/server/server.hpp"\n#include "tern/client/client.hpp"\n#include <CLI/CLI.hpp>',
}


def findings_for(files):
    with tempfile.TemporaryDirectory() as tree:
        for path, text in files.items():
            os.makedirs(os.path.dirname(os.path.join(tree, path)), exist_ok=True)
            with open(os.path.join(tree, path), "w", encoding="utf-8") as file:
                file.write(text)
        return check(tree)


failures = [path for path, text in TRESPASSES.items() if len(findings_for({path: text})) != 1]
failures += findings_for(CLEAN)
four = {f"apps/tern/{name}.cpp": "#include <CLI/CLI.hpp>" for name in "abcd"}
if len(findings_for(four)) != 1:
    failures.append("four files with CLI11")
for failure in failures:
    print("check_layering.py is wrong about:", failure)
sys.exit(1 if failures else 0)
