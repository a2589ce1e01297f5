#!/usr/bin/env python3
"""check_cli_doc.py finds what is missing and what is too much, and nothing in a page that has all."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
from check_cli_doc import differences  # noqa: E402

COMPLETION = """_ternd() {
  case "${COMP_WORDS[1]} ${COMP_WORDS[2]}" in
    "serve "*) words=" --help --listen" ;;
    "sla rule") words=" --help add --help --when set --help" ;;
    "sla list") words=" --help" ;;
    "sla "*) words=" rule list --help" ;;
    "tag add") words=" --help" ;;
    "tag "*) words=" add --help" ;;
    "field add") words=" --help" ;;
    "field "*) words=" add --help" ;;
    "clock accept") words=" --help" ;;
    "clock "*) words=" accept --help" ;;
    "api list_tickets") words=" --help" ;;
    "api "*) words=" list_tickets --help" ;;
"""
ROWS = ("| command | |", "|---|---|", "| `serve` | `--listen` |", "| `sla rule add\\|set --when X` | `what stands here` counts for nothing |",
        "| `sla list [--colour C]`, `clock accept` | |", "| `tag`, `field`: `add` | |", "| `api ACTION` | |")


def found(rows):
    page = "# Lines\n\n## tern\n\n| `other` | |\n\n## ternd\n\n" + "\n".join(rows) + "\n\n## tern-verify\n\n| `third` | |\n"
    return list(differences(page, "ternd", COMPLETION))


failures = found(ROWS)
for row in (2, 4, 5):
    if not found(ROWS[:row] + ROWS[row + 1:]):
        failures.append("a row that is missing: " + ROWS[row])
if found(ROWS + ("| `sla end` | |",)) != ["docs/cli.md: there is no ternd sla end"]:
    failures.append("a command that is not there")
if found([row.replace("add\\|set", "add") for row in ROWS]) != ["docs/cli.md: ternd sla rule set is missing"]:
    failures.append("one of several that is missing")
for failure in failures:
    print("check_cli_doc.py is wrong about:", failure)
sys.exit(1 if failures else 0)
