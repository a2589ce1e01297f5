#!/usr/bin/env python3
"""docs/reliability.md against the tree: the figures that can be counted, the names of the mutants, and the fault matrix.

    check_reliability_doc.py [--write] [TREE]      --write brings the counted line up to date.

Of the matrix, each cell of the simulator: `acts` (`profiles`), options of tern_sim as `--option`. An act is one that some
profile has; a profile is a link to its file, takes its turn with the others, and has one of the acts it is named for, as
each of these acts is in one of the profiles.
"""

import pathlib
import re
import sys

PAGE = "docs/reliability.md"
COUNTED = re.compile(r"^Counted in the tree: .*$", re.M)
PROFILES = "tests/simulation/profiles"
LINK = re.compile(r"\[`([\w/]+)`\]\(\.\./" + PROFILES + r"/([\w/]+)\.profile\)")


def text_of(path):
    return path.read_text(encoding="utf-8")


def counted(tree):
    profiles = len(list((tree / PROFILES).glob("*.profile")))
    cases = len(list((tree / "tests/simulation/regressions").glob("*.run")))
    targets = len(list((tree / "tests/fuzz").glob("fz_*.cpp")))
    return (f"Counted in the tree: {profiles} profiles that take turns, {cases} cases, {len(mutants(tree))} mutants, "
            f"{targets} fuzz targets, {code_lines(tree / 'tests/property/fold_model.hpp')} lines of plain rules.")


def code_lines(path):
    return sum(1 for line in text_of(path).splitlines() if line.strip() and not line.strip().startswith("//"))


def mutants(tree):
    return re.findall(r'\{\w+,\s*"((?:[^"\\]|\\.)*)",\s*"', text_of(tree / "tests/simulation/mutants.cpp"))


def keys_of_profiles(tree):
    out = {}
    for path in sorted((tree / PROFILES).glob("*.profile")):
        lines = (line.split() for line in text_of(path).splitlines() if line.strip() and not line.startswith("#"))
        out[path.stem] = {words[0] for words in lines}
    return out


def section(page, heading):
    begin = page.find(f"\n## {heading}\n")
    if begin < 0:
        return ""
    end = page.find("\n## ", begin + 1)
    return page[begin:end if end >= 0 else len(page)]


def wrong_in_cell(cell, profiles, options):
    """A group is what stands before a parenthesis of profiles, and behind the group before it."""
    for option in re.findall(r"`(--[\w-]+)`", cell):
        if f'"{option}"' not in options:
            yield f"tern_sim has no {option}"
    all_acts = set().union(*profiles.values())
    rest = cell
    for group in re.finditer(r"([^()]*)\(((?:[^()]|\]\([^()]*\))*)\)", cell):
        acts = [act for act in re.findall(r"`([a-z_]+)`", LINK.sub("", group.group(1).rsplit(";", 1)[-1]))]
        names = [name for name, _ in LINK.findall(group.group(2))]
        if not names:
            continue
        for act in acts:
            if not any(act in profiles.get(name, ()) for name in names):
                yield f"`{act}` is in none of {', '.join(names)}"
        for name in names:
            if acts and name in profiles and not profiles[name] & set(acts):
                yield f"{name} has none of {', '.join(acts)}"
    for act in re.findall(r"`([a-z_]+)`", LINK.sub("", rest)):
        if act in profiles:
            yield f"`{act}` is a profile and no link to it"
        elif act not in all_acts:
            yield f"no profile has `{act}`"
    for name, file in LINK.findall(rest):
        if name != file or name not in profiles:
            yield f"`{name}` is no profile that takes its turn"


def problems(tree):
    page = text_of(tree / PAGE)
    line = COUNTED.search(page)
    if not line:
        yield 'the line that begins "Counted in the tree:" is gone'
    elif line.group(0) != counted(tree):
        yield f"it says: {line.group(0)}\n{PAGE}: and it is: {counted(tree)} (check_reliability_doc.py --write)"
    told = set(re.findall(r"^\| ([^|]+?) \| `[\w/]+` \| \d+ \|", section(page, "Would it notice?"), re.M))
    for name in mutants(tree):
        if name not in told:
            yield f'the mutant "{name}" has no row'
    profiles = keys_of_profiles(tree)
    options = text_of(tree / "tests/simulation/main.cpp")
    rows = [row.split(" | ") for row in section(page, "Fault matrix").splitlines() if row.startswith("| ")][1:]
    if not rows:
        yield "the fault matrix is gone"
    for row in rows:
        for wrong in wrong_in_cell(row[1], profiles, options):
            yield f"fault matrix, {row[0].strip('| ')}: {wrong}"


def main():
    words = [word for word in sys.argv[1:] if word != "--write"]
    tree = pathlib.Path(words[0]) if words else pathlib.Path(__file__).resolve().parent.parent
    if "--write" in sys.argv[1:]:
        page = tree / PAGE
        page.write_text(COUNTED.sub(counted(tree), text_of(page)), encoding="utf-8")
    found = list(problems(tree))
    for one in found:
        print(f"{PAGE}: {one}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
