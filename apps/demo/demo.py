#!/usr/bin/env python3
"""The demo: a real server, three real devices, one offline morning, and what became of it.

Everything goes through the programs themselves. Each line of the story is read back from `tern history --json` and
`tern attention --json`; this script only chooses who does what, and prints.
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import lost_half_day

TREE = pathlib.Path(__file__).resolve().parents[2]
SAMPLE = TREE / "tests/data/incidents-sample.csv"


def fail(message):
    print("demo: " + message, file=sys.stderr)
    sys.exit(1)


class Programs:
    def __init__(self, folder):
        self.tern, self.ternd = str(folder / "tern"), str(folder / "ternd")
        for program in (self.tern, self.ternd):
            if not os.access(program, os.X_OK):
                fail(program + " is not built; run: ./dev build")


def run(command, text=None, allowed=(0,)):
    """Runs a program; gives the JSON objects it wrote to stdout."""
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    if done.returncode not in allowed:
        fail("%s\nexit code %d\n%s%s" % (" ".join(command), done.returncode, done.stdout, done.stderr))
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


class Server:
    """ternd, on an embedded store that is made from an incident log."""

    def __init__(self, programs, folder, log):
        self.programs, self.data = programs, str(folder / "server")
        self.admin(["init", "--tenant", "Field Service", "--admin", "admin@demo.invalid", "--password-stdin",
                    "--recovery-out", str(folder / "recovery-sheet")], text="only for the demo\n")
        started = time.monotonic()
        self.imported = self.admin(["import", "incidents", str(log)])[0]
        self.import_seconds = time.monotonic() - started
        self.folder, self.listen = folder, "127.0.0.1:0"
        self.start()

    def start(self):
        self.log = open(self.folder / "server.log", "a")
        self.process = subprocess.Popen([self.programs.ternd, "serve", "--data", self.data, "--listen", self.listen, "--json"],
                                        stdout=subprocess.PIPE, stderr=self.log, text=True, start_new_session=True)
        line = self.process.stdout.readline()
        if not line:
            fail("the server did not start; see " + str(self.folder / "server.log"))
        self.url = json.loads(line)["listening"]
        self.listen = self.url.split("//")[1]  # the same one after a restart

    def admin(self, words, text=None):
        return run([self.programs.ternd] + words + ["--data", self.data, "--json"], text)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)


class Signal:
    """A mobile network: a TCP relay in front of the server that can lose its signal within an exchange."""

    def __init__(self, url):
        host, port = url.split("//")[1].split(":")
        self.target, self.exchanges_left = (host, int(port)), None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def lose_after(self, exchanges):
        self.exchanges_left = exchanges

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            if self.exchanges_left is not None and self.exchanges_left <= 0:
                near.close()
                continue
            far = socket.create_connection(self.target)
            threading.Thread(target=self.relay, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self.relay, args=(far, near, False), daemon=True).start()

    def relay(self, source, sink, up):
        try:
            while data := source.recv(65536):
                if up and self.exchanges_left is not None and b"POST /sync/v1/exchange" in data:
                    if self.exchanges_left <= 0:
                        break
                    self.exchanges_left -= 1
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Agent:
    """One person with one device."""

    def __init__(self, programs, folder, server, name, role, queue, url=None):
        self.name, self.home, self.programs = name, str(folder / name.lower()), programs
        server.admin(["operator", "add", "--name", name, "--email", name.lower() + "@demo.invalid", "--role", role, "--queue", queue])
        code = server.admin(["device", "code", "--operator", name])[0]["code"]
        run([programs.tern, "enrol", "--server", url or server.url, "--code", code, "--name", name + "'s laptop", "--yes",
             "--home", self.home, "--json"])
        self.sync()

    def __call__(self, *words, text=None, allowed=(0, 7)):
        return run([self.programs.tern] + list(words) + ["--home", self.home, "--json"], text, allowed)

    def sync(self, allowed=(0, 7)):
        return self("sync", allowed=allowed)


def is_sample(log):
    return log.stat().st_size == SAMPLE.stat().st_size and log.read_bytes() == SAMPLE.read_bytes()


def choose_log(path):
    """The log that is named, else the real one beside the tree, else the sample; CI=true demands one that is not the sample."""
    named = path or os.environ.get("TERN_INCIDENT_LOG")
    beside = TREE.parent / "shared/data/incidents.csv"
    if named and not pathlib.Path(named).exists():
        fail("there is no incident log " + named)
    log = pathlib.Path(named or beside)
    if (named or beside.exists()) and not is_sample(log):
        return log, "a real incident log"
    if os.environ.get("CI") == "true":
        fail("CI=true demands the real incident log, and " + ("%s is the sample" % log if log.exists() else "it was not found"))
    return (log, "the sample log") if named else (SAMPLE, "the sample log (the real one was not found)")


def prepare(server, lead, queue):
    """Six tickets of the queue that the morning is about, in everybody's scope."""
    subjects = ["Pump 3 leaks", "Pressure alarm in hall 2", "Gate does not close", "Cooling stops at noon", "Boiler room smells of gas", "Meter shows nonsense"]
    for subject in subjects:
        lead("new", "--subject", subject, "--queue", queue, "--priority", "normal")
    lead.sync()
    rows = {row["subject"]: row["number"] for row in lead("list", "--queue", queue, "--status", "all", "--limit", "500") if "subject" in row}
    return [rows[subject] for subject in subjects]


def morning(server, ann, ben, cleo, signal_, numbers):
    pump, alarm, gate, cooling, gas, meter = numbers
    # Nobody has a network. Ann works in the cellar, Ben on the roof, Cleo on the road.
    ann("set", pump, "location", "Hall 3")
    ben("set", pump, "location", "Hall 5")
    ann("set", alarm, "priority", "urgent")
    ben("set", alarm, "priority", "low")
    ann("take", gate)
    ben("take", gate)
    ann("resolve", cooling, "--result", "filter replaced, runs again")
    ben("start", cooling)
    ben("wait", cooling)
    cleo("take", gas)
    for page in range(24):  # a long measurement protocol: more than one exchange carries
        cleo("note", meter, "-", text="Reading %d\n" % page + "".join("%04x %s\n" % (n, os.urandom(20).hex()) for n in range(1250)))
    # Meanwhile, in the office: the meter goes to Ann, and Cleo may only read from now on.
    server.admin(["operator", "set", "Cleo", "--role", "light"])
    ann.sync()
    ann("assign", meter, "Ann", "--reason", "is nearest")
    ann.sync()
    ben.sync()
    signal_.lose_after(1)  # Cleo's signal drops within the sync
    cleo.sync(allowed=(5,))
    ghosts = [entry for entry in cleo("attention") if "left this device" in entry["sentence"]]
    signal_.lose_after(10_000)
    cleo.sync()
    ann.sync()  # what the others' work altered in hers
    ben.sync()
    return ghosts


def deed(entry):
    """What the agent did, in few words."""
    words = entry["intent"].replace("_", " ")
    if entry.get("field"):
        words += " " + entry["field"].removeprefix("custom:")
    if entry.get("value"):
        words += " " + entry["value"]
    return words


def change_id(entry):
    return entry["change"]["device"] + ":" + entry["change"]["id"]


def story(agents, ghosts):
    """What became of everybody's work, as their own devices tell it."""
    for agent in agents:
        print("\n%s" % agent.name)
        attention = {change_id(entry): entry for entry in agent("attention")}
        told = set()
        for entry in agent("history"):
            if entry["intent"] in ("create", "move_queue"):
                continue  # how the tickets were made, before the morning
            line = "%s  %-24s %s" % (entry["number"], deed(entry), entry["sentence"])
            if line in told:
                continue  # one of the many pages of one protocol
            told.add(line)
            print("  %s %s" % ("!" if change_id(entry) in attention else " ", line))
            if attention.get(change_id(entry), {}).get("follow_ups"):
                print("      %s  can: %s" % (" " * len(entry["number"]), ", ".join(one["label"] for one in attention[change_id(entry)]["follow_ups"])))
    if ghosts:
        print("\nWhile her signal was gone, Cleo's device said of the meter:")
        print("  ! %s  %-24s %s" % (ghosts[0]["number"], deed(ghosts[0]), ghosts[0]["sentence"]))


def main():
    parser = argparse.ArgumentParser(prog="./dev demo", description="Play an offline morning on a real server with three real devices.")
    parser.add_argument("--restore", action="store_true", help="instead: the server loses half a day, and the devices give it back")
    parser.add_argument("--exit", action="store_true", help="stop the server at the end")
    parser.add_argument("--bin", default=str(TREE / "build/release/bin"), help=argparse.SUPPRESS)
    parser.add_argument("--dir", default=str(TREE / "build/demo"), help="where the demo keeps its files; emptied first")
    parser.add_argument("--log", help="incident log to make the tenant from")
    options = parser.parse_args()

    folder, programs = pathlib.Path(options.dir), Programs(pathlib.Path(options.bin).resolve())
    log, what = choose_log(options.log)
    if folder.exists() and any(folder.iterdir()) and not (folder / "server").exists():
        fail("%s holds something else than a demo; name another with --dir" % folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    print("Making a tenant from %s: %s" % (what, log.name), flush=True)
    server = Server(programs, folder, log)
    try:
        print("Imported %s incidents in %.1f s. The server listens on %s." % (server.imported.get("tickets", "?"), server.import_seconds, server.url))
        queue = "Field crew"
        server.admin(["queue", "add", queue])
        mobile = Signal(server.url)
        ann = Agent(programs, folder, server, "Ann", "operator", queue)
        ben = Agent(programs, folder, server, "Ben", "operator", queue)
        cleo = Agent(programs, folder, server, "Cleo", "operator", queue, mobile.url)
        numbers = prepare(server, ann, queue)
        for agent in (ben, cleo):
            agent.sync()
        if options.restore:
            lost_half_day.play(server, folder, (ann, ben, cleo), numbers, fail)
        else:
            print("Ann, Ben and Cleo each have a device with the same six tickets. Now the network is gone, and they work.")
            ghosts = morning(server, ann, ben, cleo, mobile, numbers)
            print("Everybody has synced. What became of their work (! = needs attention):")
            story((ann, ben, cleo), ghosts)
    except BaseException:
        server.stop()
        raise
    if options.exit:
        server.stop()
        return
    tern = os.path.relpath(programs.tern)
    print("""
The server goes on at %s (process %d, stop it with: kill %d). By hand:
  %s list --home %s
  %s show %s --home %s
  %s attention --home %s
  %s device list --data %s""" % (server.url, server.process.pid, server.process.pid, tern, os.path.relpath(ann.home), tern, numbers[0],
                                 os.path.relpath(ann.home), tern, os.path.relpath(ben.home), os.path.relpath(programs.ternd), os.path.relpath(server.data)))


if __name__ == "__main__":
    main()
