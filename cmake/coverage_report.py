#!/usr/bin/env python3
"""Branches that the tests take, by module, and each line of ingest and access that no test runs.

usage: coverage_report.py --cov LLVM-COV --profile FILE.profdata --out REPORT --built DIR [--source DIR] PROGRAM...

Ends with 1 when a module is below its threshold. Generated code is left out.
"""
import argparse
import json
import pathlib
import subprocess
import sys

# Each module with the share of its branches that the tests must take; the whole comes last.
MODULES = [
    ("protocol", ["protocol/"], 85),
    ("sync", ["sync/"], 85),
    ("client-core/src", ["client-core/src/"], 85),
    ("server/src/ingest", ["server/src/ingest/"], 85),
    ("server/src/access", ["server/src/access/"], 85),
    ("all", ["protocol/", "sync/", "client-core/", "server/", "apps/"], 75),
]
GOAL = {"all": 80}
LISTED = ["server/src/ingest/", "server/src/access/"]
LEFT_OUT = (".pb.cc", ".pb.h", ".inc")


def export(arguments, form, extra=()):
    first, *more = arguments.programs
    command = [arguments.cov, "export", "-format=" + form, "-instr-profile=" + arguments.profile, first]
    for program in more:
        command += ["-object", program]
    return subprocess.run(command + list(extra), check=True, stdout=subprocess.PIPE, text=True).stdout


def relative(name, arguments):
    """Objects name files relative to the tree (-ffile-prefix-map), taken from the folder of the build; or in full."""
    path = pathlib.PurePosixPath(name)
    source = arguments.source
    if path.is_relative_to(arguments.built):
        path = path.relative_to(arguments.built)
    if path.is_absolute():
        if not path.is_relative_to(source):
            return None
        path = path.relative_to(source)
    return None if path.parts[0] in ("build", "tests") or str(path).endswith(LEFT_OUT) else str(path)


def read_summary(text, arguments):
    files = {}
    for entry in json.loads(text)["data"][0]["files"]:
        name = relative(entry["filename"], arguments)
        if name:
            files[name] = {kind: (entry["summary"][kind]["covered"], entry["summary"][kind]["count"])
                           for kind in ("branches", "lines")}
    return files


def read_unrun_lines(text, arguments):
    unrun, name = {}, None
    for line in text.splitlines():
        if line.startswith("SF:"):
            name = relative(line[3:], arguments)
        elif line.startswith("DA:") and name and name.startswith(tuple(LISTED)):
            number, count = line[3:].split(",")[:2]
            if count == "0":
                unrun.setdefault(name, []).append(int(number))
    return unrun


def share(covered, count):
    return 100.0 * covered / count if count else 0.0


def total(files, prefixes, kind):
    chosen = [f[kind] for name, f in files.items() if name.startswith(tuple(prefixes))]
    return sum(c for c, _ in chosen), sum(n for _, n in chosen)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cov", required=True)
    parser.add_argument("--profile", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--built", required=True)
    parser.add_argument("--source", default=".", type=lambda name: pathlib.Path(name).resolve())
    parser.add_argument("programs", nargs="+")
    arguments = parser.parse_args()

    files = read_summary(export(arguments, "text", ["-summary-only"]), arguments)
    unrun = read_unrun_lines(export(arguments, "lcov"), arguments)
    if not files:
        print("coverage: the programs name no file of this tree")
        return 1

    below = []
    rows = ["%-20s %9s %9s %7s %7s" % ("module", "branches", "lines", "due", "goal")]
    for name, prefixes, due in MODULES:
        branches, lines = total(files, prefixes, "branches"), total(files, prefixes, "lines")
        rows.append("%-20s %8.1f%% %8.1f%% %6d%% %6d%%" % (name, share(*branches), share(*lines), due, GOAL.get(name, 90)))
        if share(*branches) < due:
            below.append(name)
    print("\n".join(rows))

    with open(arguments.out, "w") as out:
        out.write("\n".join(rows) + "\n\nBranches by file, the fewest taken first\n")
        for name, f in sorted(files.items(), key=lambda item: share(*item[1]["branches"])):
            if f["branches"][1]:
                out.write("%6.1f%% of %4d  %s\n" % (share(*f["branches"]), f["branches"][1], name))
        out.write("\nLines that no test runs\n")
        for name in sorted(unrun):
            text = (arguments.source / name).read_text().splitlines()
            for number in unrun[name]:
                out.write("%s:%d: %s\n" % (name, number, text[number - 1].strip()))
    print("every file, and each line of ingest and access that no test runs (%d): %s" %
          (sum(map(len, unrun.values())), arguments.out))
    for name in below:
        print("coverage: " + name + " is below its threshold")
    return 1 if below else 0


sys.exit(main())
