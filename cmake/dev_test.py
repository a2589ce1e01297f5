#!/usr/bin/env python3
"""./dev itself, in a folder of its own with programs that only note how they were called: what it installs and fetches,
what it refuses, when it configures again; and its words, which help and docs/contributing.md have all of."""
import base64
import hashlib
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
from tidy_sources import sources  # noqa: E402

TREE = pathlib.Path(__file__).resolve().parents[1]
DEV = (TREE / "dev").read_text()
# Single parts of others, and what only .ci/run asks for.
INNER = {"scratch", "fuzz-one", "nightly-part", "format-check", "tidy", "help"}

NOTES = 'printf "%s\\n" "$(basename "$0") $*" >>"$CALLS"\n'
PROGRAMS = {
    "dpkg-query": '[ -z "${MISSING:-}" ] || [ "$MISSING" != "${!#}" ] || exit 1\necho install ok installed\n',
    "apt-get": NOTES + "exit 1\n",
    "sudo": 'exec "$@"\n',
    "npm": NOTES + 'while [ "$1" != --pack-destination ]; do shift; done\necho other >"$2/$ARCHIVE"\n',
    "cmake": NOTES + '[ "$1" = --preset ] || exit 0\nmkdir -p "build/$2" && touch "build/$2/build.ninja"\n'
             'echo "TERN_SQLITE:STRING=${3#-DTERN_SQLITE=}" >"build/$2/CMakeCache.txt"\n',
}


def setting(name):
    return re.search(r"^%s=(.*)$" % name, DEV, re.M).group(1)


ARCHIVE = "%s-%s.tgz" % (setting("sqlite_package"), setting("sqlite_version"))


class Folder:
    """A copy of ./dev. `pinned`: the archive whose hash it expects."""

    def __init__(self, path, pinned=None):
        self.path = pathlib.Path(path)
        text = DEV
        if pinned is not None:
            text = text.replace(setting("sqlite_sha512"), base64.b64encode(hashlib.sha512(pinned).digest()).decode())
        (self.path / "dev").write_text(text)
        (self.path / "bin").mkdir()
        for name, body in PROGRAMS.items():
            (self.path / "bin" / name).write_text("#!/bin/bash\n" + body)
            (self.path / "bin" / name).chmod(0o755)
        self.cached = self.path / "cache/tern" / ARCHIVE
        self.cached.parent.mkdir(parents=True)
        self.source = self.path / ("build/deps/sqlite3mc-%s/sqlite3.c" % setting("sqlite_version"))

    def __call__(self, *words, **variables):
        """(exit code, what it said, the programs that it called)"""
        calls = self.path / "calls"
        calls.write_text("")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TERN_")}
        environment = {**kept, "PATH": str(self.path / "bin") + ":/usr/bin:/bin", "CALLS": str(calls), "ARCHIVE": ARCHIVE,
                       "XDG_CACHE_HOME": str(self.path / "cache"), **variables}
        done = subprocess.run(["/bin/bash", str(self.path / "dev"), *words], env=environment, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr, calls.read_text().splitlines()

    def has_sqlite(self):
        self.source.parent.mkdir(parents=True)
        self.source.touch()


def an_archive():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name in ("deps/sqlite3/sqlite3.c", "deps/sqlite3/sqlite3.h", "LICENSE"):
            tar.addfile(tarfile.TarInfo("package/" + name))
    return out.getvalue()


def check_deps(new):
    folder = new()
    folder.has_sqlite()
    assert folder("deps") == (0, "", []), "with all of it there it calls nobody and says nothing"
    code, said, calls = folder("deps", MISSING="libpoco-dev")
    assert code == 1 and "could not install libpoco-dev" in said and calls[0].startswith("apt-get "), (said, calls)


def check_hash(new):
    folder = new(pinned=an_archive())
    folder.cached.write_bytes(an_archive())
    assert folder("deps") == (0, "", []) and folder.source.exists(), "the pinned archive is taken from the cache"

    folder = new(pinned=an_archive())
    folder.cached.write_bytes(b"another")
    code, said, calls = folder("deps")
    assert code == 1 and "does not have the pinned hash" in said, said
    assert len(calls) == 1 and calls[0].startswith("npm pack"), calls  # that of the cache is not taken either
    assert not folder.cached.exists() and not folder.source.exists()


def check_configures(new):
    folder = new()
    folder.has_sqlite()

    def configured(**variables):
        code, said, calls = folder("build", "tern", **variables)
        assert code == 0, said
        assert calls[-1].startswith("cmake --build build/release --target tern"), calls
        return [call.split("-DTERN_SQLITE=")[1] for call in calls[:-1]]

    assert configured() == ["bundled"]
    assert configured() == []
    assert configured(TERN_SQLITE="system") == ["system"]
    assert configured(TERN_SQLITE="system") == []
    assert configured() == ["bundled"]


def check_words(new):
    folder = new()
    helped = set(re.findall(r"^  ([a-z]+)", folder("help")[1], re.M))
    cases = DEV.split("\ncase $command in\n")[1].split("\nesac")[0]
    words = {word for line in re.findall(r"^  ([a-z][a-z |-]*)\)", cases, re.M) for word in line.split(" | ") if word[0] != "-"}
    assert words - INNER == helped, (words - INNER) ^ helped
    page = (TREE / "docs/contributing.md").read_text()
    assert helped <= set(re.findall(r"`\./dev ([a-z]+)", page)), helped - set(re.findall(r"`\./dev ([a-z]+)", page))
    parts = re.findall(r'^    "([a-z]+) +\| ', DEV.split("\nnightly() {\n")[1], re.M)
    assert re.search(r"parts: (.*?)\n  fmt ", folder("help")[1], re.S).group(1).split() == parts, parts
    for word in ("biuld", "nightly-parts"):
        code, said, _ = folder(word)
        assert code == 2 and "usage: ./dev COMMAND" in said, (word, said)


def check_tidy_sources(new):
    tree = new().path
    files = {"apps/a.hpp": "", "apps/a.cpp": '#include "a.hpp"', "apps/b.cpp": '#include "apps/a.hpp"', "apps/c.cpp": '#include "a.hpp"',
             "tests/d.cpp": '#include "ba.hpp"', "apps/ba.hpp": "", "tests/not_built.cpp": ""}
    for name, text in files.items():
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_text(text)
    commands = tree / "commands.json"
    commands.write_text(json.dumps([{"file": str(tree / name)} for name in files if name.endswith(".cpp") and "not_" not in name]))
    for changed, expected in ((["apps/a.hpp"], ["apps/a.cpp", "apps/b.cpp"]), (["apps/ba.hpp"], ["tests/d.cpp"]),
                              (["tests/d.cpp", "tests/not_built.cpp"], ["tests/d.cpp"]), ([], [])):
        assert sources(str(tree), str(commands), changed) == expected, (changed, sources(str(tree), str(commands), changed))


def main():
    with tempfile.TemporaryDirectory() as below:
        def new(**named):
            return Folder(tempfile.mkdtemp(dir=below), **named)

        for check in (check_deps, check_hash, check_configures, check_words, check_tidy_sources):
            check(new)


if __name__ == "__main__":
    main()
