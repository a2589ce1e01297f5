#!/usr/bin/env python3
"""The demo tells of every kind of meeting, and each line of its story is what a device says.

    demo_test.py BIN DIR     the programs; where the demo keeps its files
"""
import contextlib
import io
import json
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import tempfile
import time

os.environ.pop("CI", None)  # of a gate: it demands a real log, and this is about the sample
TREE = pathlib.Path(__file__).resolve().parents[2]
DEMO = TREE / "apps/demo/demo.py"
SAMPLE = TREE / "tests/data/incidents-sample.csv"

sys.dont_write_bytecode = True
sys.path.insert(0, str(DEMO.parent))
import demo as the_demo  # noqa: E402


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


def overheard(programs, folder):
    """The story, told in this process, and each command with what it said, in order."""
    said_, run = [], the_demo.run

    def listening(command, *more, **named):
        said_.append((command, run(command, *more, **named)))
        return said_[-1][1]

    story = io.StringIO()
    for name in ("TERN_HOME", "TERN_DATA", "TERN_PASSPHRASE"):
        os.environ.pop(name, None)
    sys.argv[1:] = ["--bin", programs, "--dir", folder, "--exit"]
    the_demo.run = listening
    try:
        with contextlib.redirect_stdout(story):
            the_demo.main()
    finally:
        the_demo.run = run
    return story.getvalue(), said_


def check_ghost(story, said_):
    """What is printed of the ticket that has left Cleo's device is what her device said of it, and what it says first."""
    told = story.split("While her signal was gone, Cleo's device said of the meter:\n")[1].splitlines()
    attentions = [rows for command, rows in said_ if command[1:2] == ["attention"] and any(word.endswith("/cleo") for word in command)]
    ghosts = [row for row in attentions[0] if "the ticket has left this device" in row["sentence"]]
    assert ghosts, attentions[0]
    assert len(told) == 1, told
    number, words = told[0][4:].split(None, 1)
    assert told[0].startswith("  ! ") and number == ghosts[0]["number"], (told, ghosts[0])
    assert words.endswith("  " + ghosts[0]["sentence"]), (told, ghosts[0])
    assert words.split("  ")[0] == the_demo.deed(ghosts[0]), (told, ghosts[0])


def check_story(programs, folder):
    story, said_ = overheard(programs, folder)
    log, what = the_demo.choose_log(None)
    assert story.startswith("Making a tenant from %s: %s" % (what, log.name)), story
    facts = set()
    for name in ("Ann", "Ben", "Cleo"):
        facts |= check_agent(programs, folder, story, name)
    for wanted in (
        ("Ann", "set", "applied", "superseded", "sequential", "latest_wins"),  # two values for a field
        ("Ben", "set", "superseded", "superseded", "priority_highest", "priority_highest"),  # raised and lowered
        ("Ann", "take", "applied", "applied", "sequential", "sequential"),  # two takes
        ("Ben", "take", "overtaken", "overtaken", "taken", "taken"),
        ("Ben", "start", "overtaken", "overtaken", "lifecycle", "lifecycle"),  # an overtaken move
        ("Cleo", "take", "rejected", "rejected", "rights", "rights"),  # a rejected change
    ):
        assert wanted in facts, (wanted, facts)
    check_ghost(story, said_)


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
    assert named.returncode == 1 and "is the sample" in named.stderr, named.stderr
    assert the_demo.choose_log(str(SAMPLE)) == (SAMPLE, "the sample log")


def check_by_hand(programs, folder, log):
    """Without --exit the server goes on, and each line that is printed can be done."""
    done = demo(programs, folder + "/demo", ("--log", log))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("Making a tenant from a real incident log: other.csv"), done.stdout
    server = int(done.stdout.split("(process ")[1].split(",")[0])
    try:
        assert "stop it with: kill %d)" % server in done.stdout
        lines = done.stdout.split("By hand:\n")[1].splitlines()
        assert len(lines) == 4, lines
        for line in lines:
            by_hand = subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=60)
            assert by_hand.returncode in (0, 7) and by_hand.stdout and "error" not in by_hand.stderr, (line, by_hand)
        assert os.path.samefile("/proc/%d/exe" % server, programs + "/ternd")
    finally:
        os.kill(server, signal.SIGTERM)
    deadline = time.monotonic() + 30
    while not (pathlib.Path(folder) / "demo/server.log").read_text().count('"stopped"'):
        assert time.monotonic() < deadline, "the server does not stop"
        time.sleep(0.05)


def main():
    programs, folder = sys.argv[1], sys.argv[2]
    check_story(programs, folder)
    with tempfile.TemporaryDirectory() as other:
        check_logs(programs, other + "/demo")
        log = pathlib.Path(other) / "other.csv"
        log.write_bytes(SAMPLE.read_bytes().replace(b"Editor 1", b"Editor X"))
        check_by_hand(programs, other, str(log))


if __name__ == "__main__":
    main()
