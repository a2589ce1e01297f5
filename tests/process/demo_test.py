#!/usr/bin/env python3
"""The demo tells of every kind of meeting, and each line of its story is what a device says.

    demo_test.py BIN DIR     the programs; where the demo keeps its files
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parents[2]
DEMO = TREE / "apps/demo/demo.py"
SAMPLE = TREE / "tests/data/incidents-sample.csv"


def demo(programs, folder, words=("--exit",), **variables):
    environment = {name: value for name, value in os.environ.items() if name not in ("TERN_HOME", "TERN_DATA", "TERN_PASSPHRASE")}
    environment.update(variables)
    return subprocess.run([sys.executable, str(DEMO), "--bin", programs, "--dir", folder, *words], env=environment,
                          capture_output=True, text=True, timeout=200)


def said(programs, home, command):
    """What `tern COMMAND --json` says; 7 is that something needs attention."""
    done = subprocess.run([programs + "/tern", command, "--home", home, "--json"], capture_output=True, text=True)
    assert done.returncode in (0, 7), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def told_by(story, name):
    """The lines below a name, (needs attention, number, words) each, with what can be done."""
    lines = story.split("\n" + name + "\n")[1].split("\n\n")[0].splitlines()
    rows = []
    for line in lines:
        if line.strip().startswith("can: "):
            rows[-1][3] = line.strip()[len("can: "):].split(", ")
        else:
            rows.append([line[2] == "!", line[4:].split()[0], line[4:].split(None, 1)[1], []])
    return rows


def check_agent(programs, folder, story, name):
    home = folder + "/" + name.lower()
    history = [entry for entry in said(programs, home, "history") if entry["intent"] not in ("create", "move_queue")]
    attention = [entry for entry in said(programs, home, "attention") if "change" in entry]
    urgent = {(entry["number"], entry["sentence"]) for entry in attention}
    rows = told_by(story, name)
    assert rows, name
    for needs, number, words, can in rows:
        entries = [e for e in history if e["number"] == number and words.endswith("  " + e["sentence"])]
        assert entries, "no device says: " + number + " " + words
        assert needs == ((number, entries[0]["sentence"]) in urgent), words
        if needs:
            labels = [one["label"] for e in attention if (e["number"], e["sentence"]) == (number, entries[0]["sentence"]) for one in e["follow_ups"]]
            assert can == labels, (can, labels)
    for entry in history:
        assert any(number == entry["number"] and words.endswith("  " + entry["sentence"]) for _, number, words, _ in rows), entry
    return {(name, e["intent"], e["outcome"], e["standing"], e["rule"], e["standing_rule"]) for e in history}


def check_story(programs, folder):
    done = demo(programs, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    real = os.environ.get("TERN_INCIDENT_LOG") or (TREE.parent / "shared/data/incidents.csv").exists()
    assert done.stdout.startswith("Making a tenant from " + ("a real incident log: " if real else "the sample log")), done.stdout
    facts = set()
    for name in ("Ann", "Ben", "Cleo"):
        facts |= check_agent(programs, folder, done.stdout, name)
    for wanted in (
        ("Ann", "set", "applied", "superseded", "sequential", "latest_wins"),  # two values for a field
        ("Ben", "set", "superseded", "superseded", "priority_highest", "priority_highest"),  # raised and lowered
        ("Ann", "take", "applied", "applied", "sequential", "sequential"),  # two takes
        ("Ben", "take", "overtaken", "overtaken", "taken", "taken"),
        ("Ben", "start", "overtaken", "overtaken", "lifecycle", "lifecycle"),  # an overtaken move
        ("Cleo", "take", "rejected", "rejected", "rights", "rights"),  # a rejected change
    ):
        assert wanted in facts, (wanted, facts)
    ghost = done.stdout.split("While her signal was gone")[1]
    assert "the ticket has left this device" in ghost, ghost


def check_logs(programs, folder):
    """Which log it takes. Nothing is built for it: a log that is named and is not there ends it at once."""
    missing = demo(programs, folder, TERN_INCIDENT_LOG="/no/such/log.csv")
    assert missing.returncode == 1 and "/no/such/log.csv" in missing.stderr, missing.stderr
    assert "Making" not in missing.stdout
    missing = demo(programs, folder, ("--exit", "--log", "/no/such/log.csv"))
    assert missing.returncode == 1 and "/no/such/log.csv" in missing.stderr, missing.stderr
    if not (TREE.parent / "shared/data/incidents.csv").exists():
        demanded = demo(programs, folder, TERN_INCIDENT_LOG="", CI="true")
        assert demanded.returncode == 1 and "CI=true" in demanded.stderr, demanded.stderr
    named = demo(programs, folder, TERN_INCIDENT_LOG=str(SAMPLE), CI="true")
    assert named.returncode == 0 and named.stdout.startswith("Making a tenant from a real incident log"), named.stderr


def main():
    programs, folder = sys.argv[1], sys.argv[2]
    check_story(programs, folder)
    with tempfile.TemporaryDirectory() as other:
        check_logs(programs, other + "/demo")


if __name__ == "__main__":
    main()
