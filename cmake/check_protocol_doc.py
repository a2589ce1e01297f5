#!/usr/bin/env python3
"""Fails when docs/protocol.md is not what the code is: tags, personalisations, limits, and the hash of every schema.

Usage: check_protocol_doc.py [--write]      --write brings the hashes of the schemas up to date.
"""
import hashlib
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOC = ROOT / "docs" / "protocol.md"
BEGIN = "<!-- schemas: SHA-256, written by check_protocol_doc.py -->\n"
END = "<!-- end of schemas -->"


def schemas():
    """(path, hash) of every .proto and every migration, in the order of their names."""
    modules = ("protocol", "sync", "client-core", "server")
    files = [f for m in modules for pattern in ("*.proto", "*.sql") for f in (ROOT / m).rglob(pattern)]
    return [(f.relative_to(ROOT).as_posix(), hashlib.sha256(f.read_bytes()).hexdigest()) for f in sorted(files)]


def schema_table():
    rows = "".join(f"| `{path}` | `{digest}` |\n" for path, digest in schemas())
    return "\n| schema | SHA-256 |\n|---|---|\n" + rows + "\n"


def names_in_code():
    """Every tag, personalisation and kdf context that a source of protocol/ spells."""
    sources = [f for part in ("src", "include") for f in (ROOT / "protocol" / part).rglob("*.?pp")]
    return sorted({name for f in sources for name in re.findall(r'"(TRN1[-A-Za-z_]+)', f.read_text())})


def limits_in_code():
    text = (ROOT / "protocol/include/tern/protocol/limits.hpp").read_text()
    found = re.findall(r"inline constexpr [\w:]+ (\w+) = ([^;]+);", text)
    return [(name, value) for name, value in found if name not in ("kib", "mib")]


def problems(doc):
    for name in names_in_code():
        if f"`{name}`" not in doc:
            yield f"{name} is in the code and not on the page"
    for name, value in limits_in_code():
        if not re.search(rf"^\| `{name}`[^|]*\| {re.escape(value)} \|$", doc, re.M):
            yield f"limit {name} = {value} is not on the page with this value"
    if BEGIN not in doc or END not in doc:
        yield "the list of schemas is gone"
    elif doc.split(BEGIN)[1].split(END)[0] != schema_table():
        yield "a schema is not the one the page names: say what changed, then run check_protocol_doc.py --write"


def main():
    doc = DOC.read_text()
    if "--write" in sys.argv[1:]:
        head, rest = doc.split(BEGIN)
        doc = head + BEGIN + schema_table() + END + rest.split(END)[1]
        DOC.write_text(doc)
    found = list(problems(doc))
    for problem in found:
        print(f"docs/protocol.md: {problem}", file=sys.stderr)
    return 1 if found else 0


sys.exit(main())
