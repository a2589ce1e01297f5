#!/usr/bin/env python3
"""Names every include that points upwards and every name outside its room. Usage: check_layering.py TREE

    protocol <- sync <- {client-core, server} <- apps        sync/sqlite stands on protocol and below both
"""

import os
import re
import sys

# Rooms, the most specific first, with the include/tern/<box> folders that each may see.
ROOMS = [
    ("sync/sqlite", {"protocol", "v1", "sqlite"}),
    ("sync", {"protocol", "v1", "sync"}),
    ("protocol", {"protocol", "v1"}),
    ("client-core/poco", {"protocol", "v1", "sync", "sqlite", "client", "client_poco"}),
    ("client-core", {"protocol", "v1", "sync", "sqlite", "client"}),
    ("server/src/sla", {"protocol", "v1", "sync", "sla"}),  # pure: it knows no server
    ("server", {"protocol", "v1", "sync", "sqlite", "server", "sla"}),
    ("apps/tern-verify", {"protocol", "v1", "sync"}),  # proves without the code that it proves
    ("apps", None),  # everything
]

# Threads, clocks, randomness and sockets of the machine come only through Environment or an adapter.
CORE = ("protocol", "sync", "client-core/src", "client-core/include")
# Functions of C with names that members of classes have, too: with what one calls them with.
OF_C = r"(?<![\w.>:])(?:std::|::)?(?:s?rand\s*\(|(?:random|drand48|clock)\s*\(\s*\)|time\s*\(\s*(?:nullptr|NULL|0|&\w+)\s*\))"
MACHINE = (
    r"\b(system_clock|steady_clock|high_resolution_clock|random_device|clock_gettime|timespec_get|gettimeofday|getrandom|"
    r"getentropy|arc4random\w*|localtime(_r)?|mktime)\b|" + OF_C
)
THREADS = r"\bstd::(thread|jthread|async)\b|\bpthread_create\b"
LOCKS = r"\bstd::(mutex|shared_mutex|recursive_mutex|condition_variable\w*|this_thread)\b|\bpthread_(?!create)\w+"
SOCKETS = r"<(sys/socket|sys/un|netinet/\w+|arpa/inet|netdb|poll|sys/epoll)\.h>"
SODIUM = (
    r"<sodium|\bsodium_\w+|\brandombytes_\w+|"
    r"\bcrypto_(sign|generichash|auth|pwhash|box|secretbox|aead|scalarmult|kx|hash|kdf|stream|shorthash|core|verify)_?\w*\s*\("
)

# (what, pattern, rooms in which it is forbidden, rooms or files below those in which it is at home)
RULES = [
    ("Poco", r"\bPoco::|<Poco/|\"Poco/", ("protocol", "sync", "client-core", "server"), ("client-core/poco", "server/src/edge", "server/src/egress")),
    ("OpenSSL", r"<openssl/", ("protocol", "sync", "client-core", "server"), ("client-core/poco", "server/src/edge", "server/src/egress", "server/src/openssl")),
    ("SQLite's API", r"\bsqlite3_\w+\s*\(|<sqlite3|\"sqlite3", ("protocol", "sync", "client-core", "server", "apps"), ("sync/sqlite",)),
    ("libsodium", SODIUM, ("protocol/include", "sync", "client-core", "server", "apps"), ()),
    ("a clock or randomness of the machine", MACHINE, (*CORE, "server"), ("server/src/edge", "server/src/egress", "server/src/runtime")),
    ("a thread", THREADS, (*CORE, "server"), ("server/src/edge", "server/src/runtime")),
    ("a lock", LOCKS, CORE, ()),
    ("memory of a thread", r"\bthread_local\b", CORE, ("protocol/src/zstd.cpp",)),
    ("a socket", SOCKETS, (*CORE, "server"), ("server/src/edge", "server/src/egress")),
    ("the date library", r"<date/\w+\.h>|\bdate::", (*CORE, "server", "apps"), ("server/src/sla/src/zones",)),
]

# Headers that cost seconds wherever they are included, and how many files may pay.
HEAVY = [("CLI11", r"<CLI/", 3), ("nlohmann-json", r"<nlohmann/", 3)]

# What a program that proves others may be linked with: nothing through which the code that it judges could come in.
LINKED = [
    ("apps/tern-verify/CMakeLists.txt", {"tern_sync", "tern_verify_app", "tern_apps_common", "fmt::fmt"}),
    ("apps/common/CMakeLists.txt", {"tern_protocol"}),
]
LINKS = re.compile(r"\b(?:PRIVATE_)?LINKS((?:\s+[a-z]\w*(?:::\w+)?)+)|\btarget_link_libraries\(\S+([^)]*)\)")

TOP = ("protocol", "sync", "client-core", "server", "apps", "tests")
SOURCE = re.compile(r"\.(cpp|hpp|cc|c|h)$")
INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]tern/(\w+)[/.]', re.M)
COMMENT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.S)


def without_comments(text):
    """Line numbers stay; string literals stay, so that "http://" is no comment."""

    def blank(match):
        found = match.group(0)
        return found if found.startswith('"') else re.sub(r"[^\n]", " ", found)

    return COMMENT.sub(blank, text)


def inside(path, rooms):
    return any(path == room or path.startswith(room + "/") for room in rooms)


def sources(tree):
    for top in TOP:
        for folder, folders, files in os.walk(os.path.join(tree, top)):
            folders.sort()
            for name in sorted(files):
                if SOURCE.search(name):
                    yield os.path.relpath(os.path.join(folder, name), tree)


def check(tree):
    findings = []
    heavy = {name: [] for name, _, _ in HEAVY}
    for path in sources(tree):
        with open(os.path.join(tree, path), encoding="utf-8") as file:
            text = without_comments(file.read())

        def found(match, what):
            findings.append(f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {what}")

        room, visible = next(((r, v) for r, v in ROOMS if inside(path, (r,))), (None, None))
        if visible is not None:
            for match in INCLUDE.finditer(text):
                if match.group(1) not in visible:
                    found(match, f"{room} must not include tern/{match.group(1)}/")
        for what, pattern, forbidden, home in RULES:
            if inside(path, forbidden) and not inside(path, home):
                for match in re.finditer(pattern, text):
                    found(match, f"{what} has no place here: {match.group(0).strip()}")
        for name, pattern, _ in HEAVY:
            if re.search(pattern, text):
                heavy[name].append(path)
    for path, allowed in LINKED:
        if not os.path.exists(os.path.join(tree, path)):
            continue
        with open(os.path.join(tree, path), encoding="utf-8") as file:
            text = file.read()
        for match in LINKS.finditer(text):
            for name in (match.group(1) or match.group(2)).split():
                if name not in allowed | {"PRIVATE", "PUBLIC", "INTERFACE"}:
                    findings.append(f"{path}:{text.count(chr(10), 0, match.start()) + 1}: must not link {name}")
    for name, _, most in HEAVY:
        if len(heavy[name]) > most:
            findings.append(f"{name} is included by {len(heavy[name])} files, at most {most} may: {', '.join(heavy[name])}")
    return findings


def main():
    findings = check(sys.argv[1] if len(sys.argv) > 1 else ".")
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
