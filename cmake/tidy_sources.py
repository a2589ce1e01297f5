#!/usr/bin/env python3
"""The sources through which what changed is looked at: changed ones, and for each changed header a few that include it.

    tidy_sources.py TREE COMPILE_COMMANDS < CHANGED        paths from the tree, one a line

What no command compiles (other platforms, fuzzing) is left out.
"""
import json
import os
import re
import sys

SOURCES_OF_A_HEADER = 2
TOP = ("protocol", "sync", "client-core", "server", "apps", "tests")
INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]', re.M)


def compiled(tree, commands):
    with open(commands, encoding="utf-8") as file:
        paths = {os.path.relpath(entry["file"], tree) for entry in json.load(file)}
    return sorted(path for path in paths if path.split("/")[0] in TOP)


def sources(tree, commands, changed):
    known = compiled(tree, commands)
    out = {path for path in changed if path in known}
    left = {path: SOURCES_OF_A_HEADER for path in changed if path.endswith((".hpp", ".h"))}
    for path in known if left else []:
        with open(os.path.join(tree, path), encoding="utf-8") as file:
            included = INCLUDE.findall(file.read())
        for header in left:
            if left[header] > 0 and any(("/" + header).endswith("/" + name) for name in included):
                left[header] -= 1
                out.add(path)
    return sorted(out)


def main():
    for path in sources(os.path.abspath(sys.argv[1]), sys.argv[2], [line.strip() for line in sys.stdin if line.strip()]):
        print(path)


if __name__ == "__main__":
    main()
