#!/usr/bin/env python3
"""Every test that docs/merge-rules.md, docs/sla.md, docs/reports.md, docs/notifications.md, docs/webhooks.md, docs/inbound.md, docs/mail.md, docs/triggers.md, docs/routing.md, docs/import-export.md, docs/personal-data.md and docs/reliability.md name is there: `file.cpp: "name"` is a TEST_CASE of that file.

    check_named_tests.py [TREE]
"""

import functools
import os
import re
import sys

PAGES = ("docs/merge-rules.md", "docs/sla.md", "docs/reports.md", "docs/notifications.md", "docs/webhooks.md",
         "docs/inbound.md", "docs/mail.md", "docs/triggers.md", "docs/routing.md", "docs/import-export.md",
         "docs/personal-data.md", "docs/reliability.md")


@functools.lru_cache(None)
def test_names(path):
    """The names of a file's test cases, literals that stand side by side joined."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    names = set()
    for case in re.finditer(r'TEST_CASE\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)', text):
        parts = re.findall(r'"((?:[^"\\]|\\.)*)"', case.group(1))
        names.add(re.sub(r"\\(.)", r"\1", "".join(parts)))
    return names


def missing_tests(tree, page):
    files = {}
    for folder, _, names in os.walk(os.path.join(tree, "tests")):
        for name in names:
            if name.endswith(".cpp"):
                files.setdefault(name, []).append(os.path.join(folder, name))
    with open(os.path.join(tree, page), encoding="utf-8") as text:
        cited = re.findall(r'`([\w/]+\.cpp): "(.*?)"`', text.read(), re.S)
    if not cited:
        yield f"{page} names no test"
    for file, name in cited:
        name = re.sub(r"\s+", " ", name)
        where = [path for path in files.get(os.path.basename(file), []) if path.endswith("/" + file)]
        if not any(name in test_names(path) for path in where):
            yield f'{page}: no test of {file} is called "{name}"'


def main():
    tree = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    found = [line for page in PAGES for line in missing_tests(tree, page)]
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
