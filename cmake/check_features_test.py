#!/usr/bin/env python3
"""check_features.py finds each kind of mistake, and nothing in a page that has none."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
from check_features import NUMBERS, PAGE, findings  # noqa: E402

TEST = '`unit/a_test.cpp: "pumps run"`'
MISTAKES = {
    "a test that is not there": 'done: `unit/a_test.cpp: "pumps stand"`',
    "a file that is not there": 'done: `unit/b_test.cpp: "pumps run"`',
    "done without a test": "done",
    "done with words for a test": "done: pumps run",
    "in part without a test": "in part: no fans",
    "in part without what is missing": "in part: " + TEST,
    "no test, and one": "in part, no test: no fans; " + TEST,
    "later with a test": "later: " + TEST,
    "another state": "nearly",
    "no state": "",
}
CLEAN = ["done: " + TEST, "done: " + TEST + ", " + TEST, "done: [otherwise](a.md); " + TEST,
         "in part: no fans; " + TEST, "in part, no test: no fans", "later", "later: with fans"]


def found(states, left_out="", more=""):
    """Of a page on which the first numbers have these states and the others come with the first clean one."""
    numbers = [f"F{number:03}" for first, last in NUMBERS for number in range(first, last + 1)]
    states = states + [CLEAN[0]] * (len(numbers) - len(states))
    rows = [f"| {number} | pumps | {state} |" for number, state in zip(numbers, states) if number != left_out]
    with tempfile.TemporaryDirectory() as tree:
        for path, text in ((PAGE, "\n".join(rows) + "\n" + more), ("tests/unit/a_test.cpp", 'TEST_CASE("pumps "\n "run")')):
            os.makedirs(os.path.dirname(os.path.join(tree, path)), exist_ok=True)
            with open(os.path.join(tree, path), "w", encoding="utf-8") as file:
                file.write(text)
        return list(findings(tree))


failures = [what for what, state in MISTAKES.items() if len(found([state])) != 1]
failures += found(CLEAN)
for what, page in {
    "a number that is missing": found([], left_out="F306"),
    "a number that is there twice": found([], more="| F001 | pumps | later |"),
    "a number of nothing": found([], more="| F025 | pumps | later |"),
}.items():
    if len(page) != 1:
        failures.append(what)
for failure in failures:
    print("check_features.py is wrong about:", failure)
sys.exit(1 if failures else 0)
