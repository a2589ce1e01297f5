#!/usr/bin/env python3
"""Fails when docs/api.md does not list the actions that the server has.

Usage: check_api_doc.py TERND [--write]      --write brings the list up to date.
"""
import pathlib
import subprocess
import sys

DOC = pathlib.Path(__file__).resolve().parent.parent / "docs" / "api.md"
BEGIN = "<!-- actions: written by check_api_doc.py -->\n"
END = "<!-- end of actions -->"


def main():
    actions = "\n" + subprocess.run([sys.argv[1], "--api-reference"], check=True, capture_output=True, text=True).stdout
    doc = DOC.read_text()
    if "--write" in sys.argv[2:]:
        head, rest = doc.split(BEGIN)
        doc = head + BEGIN + actions + END + rest.split(END)[1]
        DOC.write_text(doc)
    if BEGIN in doc and END in doc and doc.split(BEGIN)[1].split(END)[0] == actions:
        return 0
    print("docs/api.md: the actions are not those of the server: run check_api_doc.py TERND --write")
    return 1


if __name__ == "__main__":
    sys.exit(main())
