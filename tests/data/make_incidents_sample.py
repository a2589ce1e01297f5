#!/usr/bin/env python3
"""Writes incidents-sample.csv: a made-up incident log in the form of the UCI "Incident management process enriched
event log" (one row for each update, day-month-year minutes, "?" = none). Fixed seed: the same file every time.

It holds every kind of status transition that the replay maps, rows of one incident in the same minute, a row whose time
is earlier than the row before it, and fields that are cleared. All names are invented here.
"""
import csv
import datetime
import itertools
import random
import sys

SEED = 20260229
COLUMNS = (
    "number incident_state active reassignment_count reopen_count sys_mod_count made_sla caller_id opened_by opened_at "
    "sys_created_by sys_created_at sys_updated_by sys_updated_at contact_type location category subcategory u_symptom "
    "cmdb_ci impact urgency priority assignment_group assigned_to knowledge u_priority_confirmation notify problem_id "
    "rfc vendor caused_by closed_code resolved_by resolved_at closed_at"
).split()
OPEN = ["New", "Active", "Awaiting User Info", "Awaiting Problem", "Awaiting Vendor", "Awaiting Evidence"]
STATES = OPEN + ["Resolved", "Closed"]
PRIORITIES = ["1 - Critical", "2 - High", "3 - Moderate", "4 - Low"]
LEVELS = ["1 - High", "2 - Medium", "3 - Low"]
AUTHORS = ["Editor %d" % n for n in range(1, 9)]
GROUPS = ["Crew %d" % n for n in range(1, 7)]
RESOLVERS = ["Fitter %d" % n for n in range(1, 10)]


def transitions():
    """Every pair of states that a row can lead from and to: nothing leaves Closed but a reopening."""
    pairs = [(a, b) for a, b in itertools.product(STATES, STATES) if a != "Closed" or b in ("Closed", "Active")]
    return [p for p in pairs if p[1] != "New" or p[0] in ("New",)]


def minute(moment):
    return moment.strftime("%d-%m-%Y %H:%M")


def paths(random_, wanted):
    """60 walks through the states that together use every wanted transition."""
    left = set(wanted)
    for n in range(60):
        state = "New" if n % 5 else random_.choice(OPEN)
        walk = [state]
        for _ in range(random_.randint(3, 9)):
            fresh = sorted(b for a, b in left if a == state)
            choices = fresh or sorted(b for a, b in wanted if a == state)
            step = random_.choice(choices)
            left.discard((state, step))
            walk.append(step)
            state = step
        yield walk
    if left:
        raise SystemExit("transitions that no walk used: %s" % sorted(left))


def main(path):
    random_ = random.Random(SEED)
    start = datetime.datetime(2024, 2, 26, 7, 30)
    rows = []
    for index, walk in enumerate(paths(random_, transitions())):
        opened = start + datetime.timedelta(minutes=random_.randint(0, 14 * 24 * 60))
        row = dict.fromkeys(COLUMNS, "?")
        row.update(
            number="INS%07d" % (1001 + index), active="TRUE", made_sla="TRUE", caller_id="Customer %d" % random_.randint(1, 25),
            opened_by="Desk %d" % random_.randint(1, 4), opened_at=minute(opened), sys_created_by="Desk %d" % random_.randint(1, 4),
            sys_created_at=minute(opened), contact_type="Phone", location="Site %d" % random_.randint(1, 12),
            category="Kind %d" % random_.randint(1, 9), subcategory="Part %d" % random_.randint(1, 20),
            u_symptom=random_.choice(["?", "Sign %d" % random_.randint(1, 15)]), impact="2 - Medium", urgency="2 - Medium",
            priority="3 - Moderate", assignment_group=random_.choice(GROUPS), assigned_to=random_.choice(["?", random_.choice(RESOLVERS)]),
            knowledge="FALSE", u_priority_confirmation="FALSE", notify="Do Not Notify", closed_code="code %d" % random_.randint(1, 9),
        )
        moment, reassigned, reopened = opened, 0, 0
        for step, state in enumerate(walk):
            if step:
                # the same minute now and then, and once in a while a time before the row before it
                gap = random_.choice([0, 0, 3, 17, 45, 90, 240, 700, 1500, 4000])
                if random_.random() < 0.04:
                    gap = -random_.randint(1, 20)
                moment += datetime.timedelta(minutes=gap)
                if random_.random() < 0.35:
                    row["assignment_group"] = random_.choice([g for g in GROUPS if g != row["assignment_group"]])
                    reassigned += 1
                if random_.random() < 0.35:
                    row["assigned_to"] = random_.choice([r for r in RESOLVERS + ["?"] if r != row["assigned_to"]])
                if random_.random() < 0.25:
                    row["priority"] = random_.choice([p for p in PRIORITIES if p != row["priority"]])
                    row["impact"], row["urgency"] = random_.choice(LEVELS), random_.choice(LEVELS)
                if random_.random() < 0.12:
                    row["category"] = "Kind %d" % random_.randint(1, 9)
                if random_.random() < 0.15:
                    row["subcategory"] = random_.choice(["?", "Part %d" % random_.randint(1, 20)])
                if random_.random() < 0.15:
                    row["u_symptom"] = random_.choice(["?", "Sign %d" % random_.randint(1, 15)])
                if random_.random() < 0.05:
                    row["caller_id"] = "Customer %d" % random_.randint(1, 25)
                if random_.random() < 0.05:
                    row["problem_id"] = random_.choice(["?", "Problem %d" % random_.randint(1, 5)])
                if random_.random() < 0.05:
                    row["cmdb_ci"] = random_.choice(["?", "Pump %d" % random_.randint(1, 7)])
                if walk[step - 1] in ("Resolved", "Closed") and state in OPEN:
                    reopened += 1
            row["incident_state"] = state
            row["active"] = "FALSE" if state == "Closed" else "TRUE"
            row["reassignment_count"], row["reopen_count"], row["sys_mod_count"] = str(reassigned), str(reopened), str(step)
            row["sys_updated_by"] = random_.choice(AUTHORS)
            row["sys_updated_at"] = minute(moment)
            if state == "Resolved":
                row["resolved_by"], row["resolved_at"] = row["sys_updated_by"], minute(moment)
            if state == "Closed":
                row["closed_at"] = minute(moment)
            rows.append(dict(row))
    with open(path, "w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "incidents-sample.csv")
