#!/usr/bin/env python3
"""docs/features.md has each feature of the design's part 2 once, and says of each what there is.

    check_features.py [TREE]

A state is `done: TESTS`, `in part: WHAT IS MISSING; TESTS`, `in part, no test: WHAT IS MISSING`, or `later`, with
words or without. Each test that is named is there.
"""

import os
import re
import sys

sys.dont_write_bytecode = True
from check_named_tests import missing_tests  # noqa: E402

PAGE = "docs/features.md"

# The numbers that part 2 gives, from the first to the last of each stretch.
NUMBERS = [(1, 24), (30, 41), (50, 61), (65, 78), (80, 97), (100, 119), (125, 129), (135, 145), (150, 155), (160, 171),
           (175, 210), (220, 224), (231, 231), (240, 245), (250, 254), (260, 271), (280, 293), (300, 306)]

ROW = re.compile(r"^\| (F\d+) \| (.+?) \| (.*) \|$")
CITED = re.compile(r'(?:, )?`[\w/]+\.cpp: ".*?"`')


def wrong_state(state):
    """What is wrong with the words of a state, or nothing."""
    words = CITED.sub("", state).strip(" ;")
    named = words != state.strip(" ;")
    if state.startswith("done: "):
        return None if named else "is done and names no test"
    if state.startswith("in part, no test: "):
        return "says that there is no test and names one" if named else None
    if state.startswith("in part: "):
        if not named:
            return "is in part and names no test"
        return None if words != "in part:" else "is in part and does not say what is missing"
    if state == "later" or state.startswith("later: "):
        return "comes later and names a test" if named else None
    return f"has no state that is known: {state}"


def findings(tree):
    with open(os.path.join(tree, PAGE), encoding="utf-8") as file:
        text = file.read()
    due = [f"F{number:03}" for first, last in NUMBERS for number in range(first, last + 1)]
    seen = set()
    for line in text.splitlines():
        if not line.startswith("| F"):
            continue
        row = ROW.match(line)
        if not row:
            yield f"{PAGE}: no row of number, feature and state: {line}"
            continue
        number, _, state = row.groups()
        if number in seen:
            yield f"{PAGE}: {number} is there twice"
        seen.add(number)
        if number not in due:
            yield f"{PAGE}: {number} is no number of part 2"
        problem = wrong_state(state)
        if problem:
            yield f"{PAGE}: {number} {problem}"
    for number in due:
        if number not in seen:
            yield f"{PAGE}: {number} is missing"
    yield from missing_tests(tree, PAGE)


def main():
    tree = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    found = list(findings(tree))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
