#!/usr/bin/env python3
"""A week in the life of a desk: what the manager's reports say is what an independent query finds in the export.

    week_test.py BIN DIR     the programs; where it keeps its files

The past is the incident log that TERN_INCIDENT_LOG names, else the sample. What is done in the week is week_story.py,
how it is counted once more week_reckoning.py.
"""
import collections
import json
import os
import pathlib
import pty
import shutil
import subprocess
import sys
import time

from week_desk import Clock, Desk
from week_reckoning import Figures, Life, lives_of, mean, quantile, seconds
from week_story import AWAY, Week, when

TREE = pathlib.Path(__file__).resolve().parents[2]
SAMPLE = TREE / "tests/data/incidents-sample.csv"
UNITS = {"minutes": 60, "working minutes": 60, "hours": 3600, "working hours": 3600}


def past(desk, log):
    told = desk.admin("import", "incidents", log, "--dry-run")
    assert told[-1]["refused"] == 0, told[-1]
    would = sum(row.get("would") == "make" for row in told)
    done = desk.admin("import", "incidents", log)[0]
    assert done["tickets"] == would > 0 and done["refused"] == 0, done
    again = desk.admin("import", "incidents", log)[0]
    assert again["tickets"] == 0 and again["skipped"] == would, again
    return would


def told_on_a_terminal(words, environment):
    """What stderr says where it is a terminal."""
    terminal, ours = pty.openpty()
    subprocess.run([str(word) for word in words], stdout=subprocess.DEVNULL, stderr=ours, check=True, timeout=240,
                   env={**os.environ, **environment})
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
    assert "%d of %d tickets" % (tickets, tickets) in told_on_a_terminal(words, desk.clock.environment())
    piped = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=240, check=True,
                           env={**os.environ, **desk.clock.environment()})
    assert piped.stderr == "", piped.stderr
    assert len(piped.stdout.splitlines()) == tickets


def exported(desk, name):
    desk.admin("export", "--to", desk.folder / name)
    with open(desk.folder / name, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def counted(desk, *words):
    """A report, once it counts every commit: seconds behind a large one."""
    end = time.monotonic() + 60
    while True:
        report = desk.admin("report", *words)[0]
        if report["horizon"]["not_counted_yet"] == 0:
            return report
        assert time.monotonic() < end, report["horizon"]
        time.sleep(0.05)


def day_text(instant):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(instant))


# ---- compared ----

wrong = []


def same(what, said, ours, within=0.0):
    """All that differs is told at the end."""
    if said is None or ours is None:
        good = said is ours
    else:
        good = abs(said - ours) <= within + 1e-6
    if not good:
        wrong.append("%s: the report says %s, the export %s" % (what, said, ours))


def same_lengths(what, row, lengths, unit_s, within):
    """Means are told to a whole minute or a tenth of an hour."""
    scale = lambda value: None if value is None else value / unit_s  # noqa: E731
    for name, ours in (("value", mean(lengths)), ("median", quantile(lengths, 50)), ("p90", quantile(lengths, 90))):
        same("%s, %s" % (what, name), row[name], scale(ours), within)
    same(what + ", n", row["n"], len(lengths))


def check_dashboard(report, figures, what, of_now=True):
    """`of_now`: what is open, too."""
    ours = figures.dashboard()
    if not of_now:
        ours = {name: value for name, value in ours.items() if name not in ("open", "new", "in progress", "on hold")}
    for row in report["rows"]:
        name = row["figure"]
        if name not in ours:
            continue
        if row["unit"] in UNITS:
            unit_s = UNITS[row["unit"]]
            same_lengths("%s, %s" % (what, name), row, ours[name], unit_s, 0.5 if unit_s == 60 else 0.05)
        else:
            tenths = row["unit"] in ("of 5", "messages a ticket")
            same("%s, %s" % (what, name), row["value"], ours[name], 0.05 if tenths else 0)
    missing = set(ours) - {row["figure"] for row in report["rows"]}
    assert not missing, missing


def check_known_then(report, figures, what):
    """Behind the devices that are away nobody knows; what figures are of that moment, no report can say again."""
    ours = figures.dashboard()
    for row in report["rows"]:
        if row["figure"] in ("created", "resolved", "ratings"):
            same("%s, %s" % (what, row["figure"]), row["known_then"], ours[row["figure"]])


def check_sla(report, figures):
    for row in report["rows"]:
        ours = figures.all_promises() if row["promise"] == "all" else figures.promises[row["promise"]]
        for member in ("met", "breached"):
            same("sla, %s, %s" % (row["promise"], member), row[member], ours[member])
        same("sla, %s, compliance" % row["promise"], row["compliance_pct"], figures.compliance(ours))


def check_rows(report, name_of, figures_of, resolved, what):
    """Of operators and of groups: members that both have."""
    for row in report["rows"]:
        figures = figures_of(row[name_of])
        here = "%s %s, " % (what, row[name_of])
        for member in ("assigned", "load"):  # of operators
            if member in row:
                same(here + member, row[member], getattr(figures, member))
        same(here + resolved, row[resolved], figures.resolved)
        first, ended = figures.lengths["first response"], figures.lengths["resolution"]
        same(here + "responses", row["responses"], len(first))
        for member, value in (("avg", mean(first)), ("median", quantile(first, 50)), ("p90", quantile(first, 90))):
            same(here + member + " response", row[member + "_response_min"], None if value is None else value / 60, 0.5)
        same(here + "resolution", row["avg_resolution_hours"], None if not ended else mean(ended) / 3600, 0.05)
        promises = figures.all_promises()
        same(here + "breached", row["breached"], promises["breached"])
        same(here + "compliance", row["sla_compliance_pct"], figures.compliance(promises))
        same(here + "ratings", row["ratings"], len(figures.ratings))
        same(here + "CSAT", row["csat_pct"], figures.csat())


# ---- what happens ----

def check_away(week, report):
    """Two laptops are away: their devices are named, and what they hold is what the report is not sure of."""
    desk, horizon = week.desk, report["horizon"]
    assert {device["operator"] for device in horizon["devices"]} == {"Ben", "Cas"}, horizon
    still = {row["number"] for row in exported(desk, "then.jsonl") if row["status"] not in ("resolved", "closed")
             and not row["deleted"] and not row["merged_into"]}
    behind = set().union(*(week.agents[name].held for name in AWAY)) & still
    assert horizon["open_tickets"] == len(behind) > 0, (horizon, sorted(behind))
    assert not horizon["complete"] and "Ben" in horizon["sentence"] and "Cas" in horizon["sentence"], horizon


def play(week):
    """The week; in the middle of it a report while two are away. How many commits there were by then."""
    week.plan()
    week.run_to(when(3, "12:00"))
    week.agents["Ann"].sync()  # who was heard of just now is not silent
    check_away(week, counted(week.desk, "dashboard", "--days", "3"))
    commits = week.desk.admin("status")[0]["rows"][0]["commit_seq"]
    week.run_to(when(4, "12:30"))
    week.merge_and_delete()
    for day in (4, 5, 6):  # each night the server is started anew
        week.run_to(when(day, "23:30"))
        week.desk.restart()
    week.run_to(when(7, "00:30"))
    for agent in week.agents.values():
        agent.sync()
    return commits


def check_told(week, solved):
    """By the webhook: each resolution once, also those that it had refused at first."""
    end = time.monotonic() + 60
    while week.receiver.tickets() != solved and time.monotonic() < end:
        week.clock.go_to(week.clock.now() + 7200)
        week.desk.restart()
        attempt = time.monotonic() + 3
        while week.receiver.tickets() != solved and time.monotonic() < attempt:
            time.sleep(0.05)
    told = week.receiver.tickets()
    assert told == solved, (told - solved, solved - told)
    assert not week.receiver.wrong, week.receiver.wrong
    assert sum(week.receiver.refused.values()) > 0


def main():
    programs, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    clock = Clock(programs, folder)
    clock.go_to(when(0, "00:00") - 86400)
    clock.set_wrong("cas", 0)
    desk = Desk(programs, folder, clock)
    week = Week(desk)
    week.set_up()
    imported = past(desk, os.environ.get("TERN_INCIDENT_LOG") or SAMPLE)
    desk.start(week.receiver)
    try:
        week.begin()
        commits_then = play(week)
        tickets = exported(desk, "all.jsonl")
        assert len(tickets) == imported + len(week.matters), len(tickets)
        check_progress(desk, len(tickets))

        # What a laptop did counts when it was done, whatever its clock said and whenever it came. Where the clock was
        # wrong, as exactly as one tells how long it was away: to a minute.
        made = {entry["change"]: entry["at_ms"] / 1000 for one in tickets for entry in one["history"]}
        counted_at = [(made[change] - then, change) for change, then in week.done_at.items() if change in made]
        assert len(counted_at) > 20, len(counted_at)
        wrong.extend("%s was done %+.1f s from when it counts" % (change, off) for off, change in counted_at
                     if abs(off) > 60)

        begin, end = when(0, "00:00"), when(7, "00:00")
        period = ("--days", "7", "--to", day_text(end))
        report = counted(desk, "dashboard", *period)
        assert [seconds(report["from"]), seconds(report["to"])] == [begin, end], report["from"]
        assert report["horizon"]["complete"], report["horizon"]
        lives = lives_of(tickets, clock.now(), week.came)
        all_of_it = Figures(lives, begin, end)
        check_dashboard(report, all_of_it, "the week")
        nothing = {name for name, value in all_of_it.dashboard().items() if not value}
        assert nothing <= {"new", "in progress", "on hold", "breaches, provisional"}, nothing
        check_sla(counted(desk, "sla", *period), all_of_it)
        check_rows(counted(desk, "operators", *period), "name", lambda name: Figures(lives, begin, end, name), "done",
                   "operator")
        for by, member in (("queue", "queue"), ("category", "category"), ("client", "organisation"), ("priority",) * 2):
            check_rows(counted(desk, "groups", "--by", by, *period), "group", lambda group, member=member: Figures(
                [life for life in lives if life.ticket[member] == group], begin, end), "resolved", by)

        # As it was known on Thursday noon, when two were away, and as it is known now.
        noon = when(3, "12:00")
        then = counted(desk, "dashboard", "--days", "3", "--to", day_text(noon))
        began = seconds(then["from"])
        check_dashboard(then, Figures(lives, began, noon), "to Thursday", of_now=False)
        check_known_then(then, Figures(lives_of(tickets, noon, week.came, commits_then), began, noon), "then")
        assert then["late_arrivals"] == len(then["late"]) > 0, then["late_arrivals"]
        late = {row["ticket"] for row in then["late"]}
        ours = {one["number"] for one in tickets for entry in one["history"] if entry["commit_seq"] > commits_then
                and entry["at_ms"] / 1000 < noon and "asserted" not in entry["flags"]}
        assert late == ours, (late, ours)

        # The past as its log asserts it, to the day behind its last word.
        old = [one for one in tickets if seconds(one["created_at"]) < begin - 7 * 86400]
        assert len(old) == imported, (len(old), imported)
        last = max(entry["at_ms"] // 1000 for one in old for entry in one["history"]) // 86400 * 86400 + 86400
        first = min(seconds(one["created_at"]) for one in old)
        days = str(min(3660, (last - first) // 86400 + 2))
        report = counted(desk, "dashboard", "--days", days, "--to", day_text(last))
        check_dashboard(report, Figures(lives, seconds(report["from"]), last), "the log", of_now=False)

        # Who was told of it, and that what came twice is there once.
        whole = [Life(one, clock.now(), week.came) for one in tickets]
        solved = collections.Counter(life.ticket["number"] for life in whole for _ in life.resolutions
                                     if not life.imported)
        check_told(week, solved)
        assert week.shop.replayed > 0 and week.eve.replayed > 0
        assert not wrong, "\n".join(wrong)
        assert desk.admin("verify")[0]["good"]
    finally:
        desk.stop()
    print("%d incidents of the past, %d matters of a week: the reports are what the export says." %
          (imported, len(week.matters)))


if __name__ == "__main__":
    main()
