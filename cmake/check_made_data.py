#!/usr/bin/env python3
"""What tests/data holds and a script there makes is what that script makes.

    check_made_data.py [TREE]
"""
import os
import subprocess
import sys
import tempfile

# (file, script and its arguments; OUT is where it writes, without it what it prints)
MADE = (
    ("incidents-sample.csv", ("make_incidents_sample.py", "OUT")),
    ("protocol-vectors.json", ("make_vectors.py",)),
)


def made(data, words):
    """What a script makes, in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out")
        command = [sys.executable, os.path.join(data, words[0])] + [out if word == "OUT" else word for word in words[1:]]
        printed = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        if "OUT" not in words:
            return printed
        with open(out, "rb") as file:
            return file.read()


def main():
    tree = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    data = os.path.join(tree, "tests/data")
    wrong = 0
    for name, words in MADE:
        with open(os.path.join(data, name), "rb") as file:
            if file.read() != made(data, words):
                print("tests/data/%s is not what %s makes" % (name, words[0]))
                wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main())
