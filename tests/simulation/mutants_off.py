#!/usr/bin/env python3
"""Mutants (tern/protocol/mutant.hpp) are in no program that people run.

usage: mutants_off.py on|off PRESETS PROGRAM...   (on: this build has them, and the test must see them)
"""
import json
import pathlib
import sys

MARK = b"mutants_on"


def main():
    built, presets, programs = sys.argv[1], sys.argv[2], sys.argv[3:]
    seen = [p for p in programs if MARK in pathlib.Path(p).read_bytes()]
    found = [p + " has mutants" for p in seen] if built == "off" else []
    if built == "on" and not seen:
        found.append("nothing has mutants in a build that should: this test sees nothing")
    for preset in json.loads(pathlib.Path(presets).read_text())["configurePresets"]:
        if preset["name"] != "mutants" and preset.get("cacheVariables", {}).get("TERN_MUTANTS", "OFF") != "OFF":
            found.append("the preset " + preset["name"] + " switches them on")
    for name in found:
        print("mutants: " + name)
    return 1 if found else 0


sys.exit(main())
