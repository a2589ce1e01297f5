#!/usr/bin/env python3
"""Every test that docs/merge-rules.md, docs/sla.md, docs/reports.md, docs/notifications.md, docs/webhooks.md, docs/inbound.md, docs/mail.md, docs/triggers.md, docs/routing.md, docs/import-export.md, docs/personal-data.md and docs/reliability.md name is there: `file.cpp: "name"` is a TEST_CASE of that file.

Every invariant of docs/reliability.md has its row there, and what a row names holds it: a test has its number as a tag, a
file of the harness complains by it. What its fault matrix names of the simulator is there.

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


INVARIANTS = range(1, 40)
PAGE_OF_INVARIANTS = "docs/reliability.md"


def unheld_invariants(tree):
    with open(os.path.join(tree, PAGE_OF_INVARIANTS), encoding="utf-8") as text:
        rows = dict(re.findall(r"^\| I(\d+) \| [^|]* \| (.*) \|$", text.read(), re.M))
    for number in INVARIANTS:
        row = rows.get(str(number))
        if row is None:
            yield f"{PAGE_OF_INVARIANTS}: I{number} has no row"
            continue
        tests = re.findall(r'`([\w/]+\.cpp): "(.*?)"`', row)
        files = re.findall(r"`([\w/]+\.cpp)`", row)
        elsewhere = re.search(r"as I(\d+)", row)
        if not tests and not files and not (elsewhere and elsewhere.group(1) in rows):
            yield f"{PAGE_OF_INVARIANTS}: I{number} is held by nothing"
        for file, name in tests:
            if not any(f"[I{number}]" in tags_of(path, name) for path in tests_called(tree, file)):
                yield f'{PAGE_OF_INVARIANTS}: the test "{name}" of {file} has no tag [I{number}]'
        for file in files:
            if not re.search(rf'"I{number}[:"]', source(os.path.join(tree, "tests", file))):
                yield f"{PAGE_OF_INVARIANTS}: {file} complains of no I{number}"


def unknown_words_of_runs(tree):
    """The column of the fault matrix that is about the simulator names acts, profiles and words of profiles."""
    folder = os.path.join(tree, "tests", "simulation")
    known = {"--systematic"}
    for name in os.listdir(folder):
        if name.startswith("acts") and name.endswith(".cpp"):
            known.update(re.findall(r'\{"(\w+)", \w+\}', source(os.path.join(folder, name))))
    for name in os.listdir(os.path.join(folder, "profiles")):
        if name.endswith(".profile"):
            known.add(name[: -len(".profile")])
    known.update(re.findall(r'\{"(\w+)", &profile\.', source(os.path.join(folder, "plan.cpp"))))
    matrix = source(os.path.join(tree, PAGE_OF_INVARIANTS)).split("| Kind | In the simulator |")[1].split("\n\n")[0]
    for row in re.findall(r"^\| [^|]+ \| ([^|]*) \|", matrix, re.M):
        for word in re.findall(r"`([^`]+)`", row):
            if word not in known:
                yield f"{PAGE_OF_INVARIANTS}: the fault matrix names {word}, which is no act, profile or fault of a run"


def source(path):
    if not os.path.isfile(path):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


def tests_called(tree, file):
    for folder, _, names in os.walk(os.path.join(tree, "tests")):
        for name in names:
            path = os.path.join(folder, name)
            if path.endswith("/" + file):
                yield path


def tags_of(path, name):
    found = re.search(r'TEST_CASE\(\s*"' + re.escape(name) + r'"\s*,\s*"([^"]*)"', source(path))
    return found.group(1) if found else ""


def main():
    tree = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    found = [line for page in PAGES for line in missing_tests(tree, page)] + list(unheld_invariants(tree)) + list(
        unknown_words_of_runs(tree))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
