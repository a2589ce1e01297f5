#!/usr/bin/env python3
"""Crash points are in no program that people run.

usage: crash_points_off.py on|off PRESETS PROGRAM...   (on: this build has them; then only the first PROGRAM, which is
built without, is looked at)
"""
import json
import pathlib
import sys

MARK = b"TERN_CRASH_AT"


def main():
    built, presets, programs = sys.argv[1], sys.argv[2], sys.argv[3:]
    found = [p for p in (programs[:1] if built == "on" else programs) if MARK in pathlib.Path(p).read_bytes()]
    if built == "on" and not any(MARK in pathlib.Path(p).read_bytes() for p in programs[1:]):
        found.append("nothing has crash points in a build that should: this test sees nothing")
    for preset in json.loads(pathlib.Path(presets).read_text())["configurePresets"]:
        if preset["name"] != "dev" and preset.get("cacheVariables", {}).get("TERN_CRASH_POINTS", "OFF") != "OFF":
            found.append("the preset " + preset["name"] + " switches them on")
    for name in found:
        print("crash points: " + name)
    return 1 if found else 0


sys.exit(main())
