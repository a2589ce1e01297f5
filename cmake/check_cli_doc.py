#!/usr/bin/env python3
"""docs/cli.md has every command of tern and ternd in their tables, and none that is not there.

    check_cli_doc.py FOLDER_OF_THE_PROGRAMS [TREE]

What there is, the programs say themselves (--completion). A first cell names commands in backticks: words up to a flag or
a word in capitals, alternatives between bars; `a`, `b`: `add|list` are those of each.
"""
import itertools
import os
import re
import subprocess
import sys

PAGE = "docs/cli.md"
CASE = re.compile(r'^\s*"([a-z-]+) (\*?[a-z-]*)"?(\*?)\) words="([^"]*)"', re.M)
WORD = re.compile(r"[a-z][a-z|-]*$")
# Made of another page's list: docs/api.md has them all.
ELSEWHERE = ("api",)


def told(completion):
    """The commands that a bash completion completes."""
    out = set()
    for first, second, _, words in CASE.findall(completion):
        below = [word for word in words.split() if not word.startswith("-")]
        name = (first, second) if second else (first,)
        if not below:
            out.add(" ".join(name))
        elif second:  # three words
            out.update(" ".join(name + (word,)) for word in below)
    # A family is none itself, nor is what has commands below it.
    return {name for name in out if not any(other.startswith(name + " ") for other in out)}


def expanded(span):
    words = []
    for word in span.replace("\\|", "|").split():
        if not WORD.match(word):
            break
        words.append(word.split("|"))
    return {" ".join(choice) for choice in itertools.product(*words)} - {""}


def written(text, program):
    """The commands of a program's table."""
    section = re.split(r"^##+ ", text.split("\n## %s\n" % program)[1], flags=re.M)[0]
    out = set()
    for cell in re.findall(r"^\| ((?:[^|\\]|\\.)*) \|", section, re.M):
        spans = re.findall(r"`([^`]*)`", cell)
        if ": `" in cell:
            out.update(family + " " + name for family in spans[:-1] for name in expanded(spans[-1]))
        else:
            out.update(name for span in spans for name in expanded(span))
    return {name for name in out if name.split()[0] not in ELSEWHERE}


def differences(text, program, completion):
    there = {name for name in told(completion) if name.split()[0] not in ELSEWHERE}
    page = written(text, program)
    yield from ("%s: %s %s is missing" % (PAGE, program, name) for name in sorted(there - page))
    yield from ("%s: there is no %s %s" % (PAGE, program, name) for name in sorted(page - there))


def main():
    tree = sys.argv[2] if len(sys.argv) > 2 else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    with open(os.path.join(tree, PAGE), encoding="utf-8") as file:
        text = file.read()
    found = []
    for program in ("tern", "ternd"):
        completion = subprocess.run([os.path.join(sys.argv[1], program), "--completion"], check=True, capture_output=True, text=True).stdout
        found += differences(text, program, completion)
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
