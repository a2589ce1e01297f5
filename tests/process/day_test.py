#!/usr/bin/env python3
"""A day in the life of a desk: what the manager's report says is what an independent query finds in the export.

    day_test.py BIN DIR     the programs; where it keeps its files

The past is the incident log that TERN_INCIDENT_LOG names, else the sample. Customers write over the API, agents work on
devices of theirs and sync when they can; nothing here knows a figure but by counting lines of the export.
"""
import collections
import datetime
import json
import os
import pathlib
import pty
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

TREE = pathlib.Path(__file__).resolve().parents[2]
SAMPLE = TREE / "tests/data/incidents-sample.csv"
CUSTOMERS = 8
DONE = ("resolved", "closed")


def run(words, text=None, allowed=(0,)):
    done = subprocess.run([str(word) for word in words], input=text, capture_output=True, text=True, timeout=240)
    assert done.returncode in allowed, (words, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


class Desk:
    def __init__(self, programs, folder):
        self.ternd, self.tern, self.folder, self.data = programs / "ternd", programs / "tern", folder, folder / "server"
        self.admin("init", "--tenant", "Day", "--admin", "chief@day.invalid", "--password-stdin", "--recovery-out",
                   folder / "sheet", text="only for the test\n")

    def admin(self, *words, text=None, allowed=(0,)):
        return run([self.ternd, *words, "--data", self.data, "--json"], text, allowed)

    def start(self):
        self.process = subprocess.Popen([str(self.ternd), "serve", "--data", str(self.data), "--listen", "127.0.0.1:0",
                                         "--json", "--quiet"], stdout=subprocess.PIPE, text=True)
        self.url = json.loads(self.process.stdout.readline())["listening"]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=60) == 0

    def api(self, door, action, credential, **parameters):
        request = urllib.request.Request(self.url + "/api/" + door + ".php",
                                         json.dumps({"action": action, **parameters}).encode(),
                                         {"Content-Type": "application/json", **credential})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                said = json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError((action, error.code, error.read())) from error
        assert said["ok"], said
        return said["data"]


class Agent:
    def __init__(self, desk, name):
        self.desk, self.home = desk, desk.folder / name.lower()
        desk.admin("operator", "add", "--name", name, "--email", name.lower() + "@day.invalid", "--role", "operator",
                   "--queue", "Field")
        code = desk.admin("device", "code", "--operator", name, "--scope", "all")[0]["code"]
        self("enrol", "--server", desk.url, "--code", code, "--yes")
        self("sync")

    def __call__(self, *words):
        return run([self.desk.tern, *words, "--home", self.home, "--json"], allowed=(0, 7))


def told_on_a_terminal(words):
    """What stderr says where it is a terminal."""
    terminal, ours = pty.openpty()
    subprocess.run([str(word) for word in words], stdout=subprocess.DEVNULL, stderr=ours, check=True, timeout=240)
    os.close(ours)
    said = b""
    try:
        while part := os.read(terminal, 65536):
            said += part
    except OSError:  # nobody is at the other end any more
        pass
    os.close(terminal)
    return said.decode()


def check_progress(desk, tickets):
    words = [desk.ternd, "export", "--data", desk.data]
    assert "%d of %d tickets" % (tickets, tickets) in told_on_a_terminal(words)
    piped = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=240, check=True)
    assert piped.stderr == "", piped.stderr
    assert len(piped.stdout.splitlines()) == tickets


# ---- the independent query: nothing but the lines of the export ----

def at(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


class Query:
    """A period of the export, counted by the formulas of docs/reports.md."""

    def __init__(self, tickets, begin, end):
        self.tickets = [t for t in tickets if not t["deleted"] and not t["merged_into"]]
        self.begin, self.end = at(begin), at(end)

    def within(self, text):
        return self.begin <= at(text) < self.end

    def created(self):
        return sum(self.within(t["created_at"]) for t in self.tickets)

    @staticmethod
    def ends(ticket):
        """Each entry into done: when. Closing what is resolved is none."""
        out, before = [], "new"
        for entry in ticket["history"]:
            if entry["field"] != "status" or entry["standing"] != "applied":
                continue
            if entry["value"] in DONE and before not in DONE:
                out.append(entry["at"])
            before = entry["value"]
        return out

    def resolved(self):
        return [t for t in self.tickets if any(self.within(when) for when in self.ends(t))]

    def ratings(self):
        return [r["rating"] for t in self.tickets for r in t["csat"] if self.within(r["at"])]

    def csat(self):
        ratings = self.ratings()
        return round(100 * sum(r >= 4 for r in ratings) / len(ratings)) if ratings else None

    def responses(self):
        """Seconds from a customer's ticket to the first public message of a person on staff."""
        out = []
        for ticket in self.tickets:
            made = next((e for e in ticket["history"] if e["intent"] == "create"), None)
            said = [m for m in ticket["messages"] if m["visibility"] == "public" and m["author_kind"] == "operator"
                    and m["kind"] in ("message", "resolution")]
            if made and made["author_kind"] == "contact" and said and self.within(said[0]["at"]):
                out.append((at(said[0]["at"]) - at(ticket["created_at"])).total_seconds())
        return out

    def open(self):
        return sum(t["status"] not in DONE for t in self.tickets)


def figures(report):
    return {row["figure"]: row for row in report["rows"]}


def counted(desk, *words):
    """A report, once it counts every commit: seconds behind a large one."""
    end = time.monotonic() + 60
    while True:
        report = desk.admin("report", *words)[0]
        if report["horizon"]["not_counted_yet"] == 0:
            return report
        assert time.monotonic() < end, report["horizon"]
        time.sleep(0.05)


def compare(report, query, what):
    said = figures(report)
    resolved = query.resolved()
    ours = {"created": query.created(), "resolved": len(resolved), "ratings": len(query.ratings()), "CSAT": query.csat()}
    for figure, value in ours.items():
        assert said[figure]["value"] == value, (what, figure, said[figure]["value"], value)
    return said, ours


def past(desk, log):
    told = desk.admin("import", "incidents", log, "--dry-run")
    assert told[-1]["refused"] == 0, told[-1]
    would = sum(row.get("would") == "make" for row in told)
    done = desk.admin("import", "incidents", log)[0]
    assert done["tickets"] == would > 0 and done["refused"] == 0, done
    again = desk.admin("import", "incidents", log)[0]
    assert again["tickets"] == 0 and again["skipped"] == would, again
    return would


def day(desk):
    key = {"X-Api-Key": desk.admin("key", "add", "Desk", "--operator-id", "chief@day.invalid")[0]["key"]}
    ann, ben = Agent(desk, "Ann"), Agent(desk, "Ben")
    clients, numbers = [], []
    for i in range(CUSTOMERS):
        token = desk.api("admin", "create_client_token", key, portal_domain="customers.invalid", user_id=i + 1,
                         user_name="Customer %d" % (i + 1))["token"]
        clients.append({"X-Client-Token": token})
        made = desk.api("client", "create_ticket", clients[-1], subject="Pump %d leaks" % i, description="Since noon.")
        numbers.append((made["id"], made["number"]))
    ann("sync")
    ben("sync")
    for i, (_, number) in enumerate(numbers):  # a morning without a network, on two devices
        agent = ann if i % 2 else ben
        agent("take", number)
        agent("reply", number, "We are on our way.")
        agent("start", number)
        if i < CUSTOMERS - 2:
            agent("resolve", number, "--result", "Sealed.")
    ben("sync")
    ann("sync")
    ben("sync")
    for i, (ticket, _) in enumerate(numbers[:4]):
        desk.api("client", "submit_csat", clients[i], ticket_id=ticket, rating=5 if i < 3 else 2)
    desk.api("client", "reopen_ticket", clients[5], ticket_id=numbers[5][0], comment="It leaks again.")
    return numbers


def main():
    programs, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    desk = Desk(programs, folder)
    desk.admin("queue", "add", "Field")
    desk.admin("organisation", "add", "Customers", "--portal-domain", "customers.invalid")
    log = os.environ.get("TERN_INCIDENT_LOG") or SAMPLE
    imported = past(desk, log)
    desk.start()
    try:
        day(desk)
        today = counted(desk, "dashboard", "--days", "1")
        desk.admin("export", "--to", folder / "all.jsonl")
        with open(folder / "all.jsonl", encoding="utf-8") as lines:
            tickets = [json.loads(line) for line in lines]
        assert len(tickets) == imported + CUSTOMERS, len(tickets)
        check_progress(desk, len(tickets))

        query = Query(tickets, today["from"], today["to"])
        said, ours = compare(today, query, "today")
        assert ours == {"created": CUSTOMERS, "resolved": CUSTOMERS - 2, "ratings": 4, "CSAT": 75}, ours
        responses = query.responses()
        assert len(responses) == CUSTOMERS, responses
        assert said["first response, wall"]["n"] == len(responses), said["first response, wall"]
        mean = sum(responses) / len(responses) / 60
        assert abs(said["first response, wall"]["value"] - mean) <= 0.51, (said["first response, wall"], mean)
        assert said["open"]["value"] == query.open(), (said["open"], query.open())

        # The past as its log asserts it, to the day behind its last word.
        old = [t for t in tickets if at(t["created_at"]) < query.begin]
        assert len(old) == imported, (len(old), imported)
        last = max(at(entry["at"]) for t in old for entry in t["history"]) + datetime.timedelta(days=1)
        first = min(at(t["created_at"]) for t in old)
        then = counted(desk, "dashboard", "--days", str(min(3660, (last - first).days + 2)), "--to",
                       last.strftime("%Y-%m-%dT00:00:00Z"))
        compare(then, Query(tickets, then["from"], then["to"]), "the log")

        # Who has what, by operator.
        held = collections.Counter(t["assignee"] for t in query.tickets if t["status"] not in DONE and t["assignee"])
        rows = {row["name"]: row for row in counted(desk, "operators", "--days", "1")["rows"]}
        for name in ("Ann", "Ben"):
            assert rows[name]["assigned"] == held[name], (name, rows[name], held[name])
        assert desk.admin("verify")[0]["good"]
    finally:
        desk.stop()
    print("%d incidents of the past, %d customers: the report is what the export says." % (imported, CUSTOMERS))


if __name__ == "__main__":
    main()
