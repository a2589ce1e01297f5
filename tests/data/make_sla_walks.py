#!/usr/bin/env python3
"""Random cases of the SLA clock, worked out by a walk through time minute by minute: another way than the clock's.

    make_sla_walks.py SEED COUNT > sla-walks.json

Calendars are those of sla-cases.json; tickets lie around changes of clocks, holidays and a date that does not exist.
Only what a walk can tell without the clock's own words: pauses, changes of target, reopenings, stops, breaches.
"""

import json
import os
import random
import sys
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

UTC = timezone.utc
HOUR, DAY = 3600, 86400
WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
NEAR = {
    "ALMATY": [(2024, 2, 28)],
    "APIA": [(2011, 12, 28)],
    "C247": [(2026, 3, 28)],
    "CAIRO": [(2026, 4, 22)],
    "KOLKATA": [(2026, 6, 5)],
    "KYIV": [(2026, 3, 27), (2026, 10, 23), (2026, 12, 23), (2026, 8, 21)],
    "KYIV_LUNCH": [(2026, 6, 4)],
    "LONDON": [(2026, 4, 1)],
    "LORD_HOWE": [(2026, 4, 4), (2026, 10, 3)],
    "NY": [(2026, 3, 6), (2026, 11, 25)],
    "NY_EDGE": [(2026, 3, 7)],
    "NY_FOLD": [(2026, 10, 31)],
    "NY_NIGHT": [(2026, 3, 7), (2026, 10, 31)],
    "SYDNEY": [(2026, 10, 1)],
    "TOKYO": [(2028, 2, 27)],
}
PAUSED_BY = {"first_response": ("on_hold",), "resolution": ("on_hold", "waiting", "estimated")}
DONE = ("resolved", "closed")

here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "sla-cases.json"), encoding="utf-8") as file:
    calendars = json.load(file)["calendars"]


def text(at):
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def wall(zone, at):
    return at + int(datetime.fromtimestamp(at, zone).utcoffset().total_seconds())


def first_at_or_past(zone, local):
    """The first minute at which the wall shows that time or a later one: gaps and folds need no rule of their own."""
    at = local - 16 * HOUR
    while max(wall(zone, at + k) for k in range(0, HOUR + 1, 900)) < local:
        at += HOUR
    while wall(zone, at) < local:
        at += 60
    return at


def hours_of(calendar, day):
    for key, value in (("date", day.isoformat()), ("yearly", day.strftime("%m-%d"))):
        for exception in calendar.get("holidays", []):
            if exception.get(key) == value:
                return exception.get("hours", [])
    return calendar.get("weekly", {}).get(WEEKDAYS[day.weekday()], [])


def working_minutes(calendar, begin, end):
    """All working minutes of the stretch; None: every minute works."""
    if calendar.get("always"):
        return None
    zone, minutes = ZoneInfo(calendar["tz"]), set()
    day, last = (datetime.fromtimestamp(t, UTC).date() + timedelta(days=d) for t, d in ((begin, -2), (end, 2)))
    while day <= last:
        midnight = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
        exists = first_at_or_past(zone, midnight) != first_at_or_past(zone, midnight + DAY)
        for pair in hours_of(calendar, day) if exists else []:
            start, stop = (int(t[:2]) * 60 + int(t[3:]) for t in pair)
            stop += 1440 if stop <= start else 0
            bounds = (first_at_or_past(zone, midnight + 60 * m) for m in (start, stop))
            minutes.update(range(*bounds, 60))
        day += timedelta(days=1)
    return minutes


class Walk:
    """One metric of one ticket, a minute at a time."""

    def __init__(self, metric, policies, on_reopen):
        self.metric, self.policies, self.on_reopen = metric, policies, on_reopen
        self.cycles, self.policy, self.status = [], None, "new"

    def paused(self):
        return self.status in PAUSED_BY[self.metric]

    def cycle(self):
        return self.cycles[-1] if self.cycles else None

    def begin(self):
        target = self.policy[self.metric]
        self.cycles.append({"open": True, "used": 0, "target": target, "due": None, "breach": None, "over": False})

    def judge(self, now):
        c = self.cycle()
        if c and c["open"] and not c["breach"] and not self.paused() and c["due"] and now > c["due"]:
            c["breach"] = c["due"]

    def retarget(self, now):
        c = self.cycle()
        if not c["open"] or c["target"] == self.policy[self.metric]:
            return
        c["target"], c["due"] = self.policy[self.metric], None
        self.look_at_target(now)

    def look_at_target(self, now):
        """After a change of target, or when it runs again."""
        c = self.cycle()
        c["over"] = c["used"] > c["target"]
        if self.paused() or c["breach"]:
            return
        if c["over"]:
            c["breach"] = now
        elif c["used"] == c["target"]:
            c["due"] = now

    def move(self, now, status):
        c, before, ran = self.cycle(), self.status, not self.paused()
        self.status = status
        if self.metric == "resolution" and status in DONE and before not in DONE:
            if c["open"]:
                c["open"], c["stop"] = False, now
        elif self.metric == "resolution" and before in DONE and status not in DONE:
            if self.on_reopen == "new_cycle":
                self.begin()
            else:
                c["open"], c["target"], ran = True, self.policy["resolution"], False
        c = self.cycle()
        if not c["open"]:
            return
        if self.paused():
            c["due"] = None if not c["breach"] else c["due"]
        elif not ran:
            self.look_at_target(now)

    def event(self, now, kind, value):
        if kind == "create":
            self.policy = self.policies[value]
            self.begin()
        elif kind == "policy":
            self.policy = self.policies[value]
            self.retarget(now)
        elif kind == "status":
            self.move(now, value)
        elif self.metric == "first_response" and self.cycle()["open"]:
            self.cycle().update(open=False, stop=now)

    def minute(self, now, works):
        c = self.cycle()
        if not c["open"] or self.paused() or not works:
            return
        c["used"] += 60
        if c["used"] == c["target"] and not c["breach"]:
            c["due"] = now + 60

    def result(self):
        for number, c in enumerate(self.cycles, 1):
            state = "breached" if c["breach"] else "paused" if self.paused() else "running"
            out = {"metric": self.metric, "cycle": number, "open": c["open"], "elapsed_s": c["used"],
                   "target_s": c["target"], "state": state if c["open"] or c["breach"] else "met"}
            if c["breach"]:
                out["breached_at"] = text(c["breach"])
            if not c["open"]:
                out["stopped_at"] = text(c["stop"])
            yield out


def walk(metric, policies, events, as_of, on_reopen):
    now, ticket, events = events[0][0], Walk(metric, policies, on_reopen), list(events)
    works = {p["calendar"]: working_minutes(calendars[p["calendar"]], now, as_of + DAY) for p in policies.values()}
    while True:
        ticket.judge(now)
        while events and events[0][0] == now:
            ticket.event(*events.pop(0))
        if now >= as_of:
            return list(ticket.result())
        minutes = works[ticket.policy["calendar"]]
        ticket.minute(now, minutes is None or now in minutes)
        now += 60


def random_case(dice, name):
    calendar = dice.choice(list(NEAR))
    at = int(datetime(*dice.choice(NEAR[calendar]), tzinfo=UTC).timestamp()) + dice.randrange(1440) * 60
    policies = {
        key: {"calendar": c, "first_response": HOUR * dice.choice([1, 2, 3, 4, 8, 9]), "next_response": None,
              "resolution": HOUR * dice.choice([1, 2, 4, 8, 9, 16])}
        for key, c in (("p", calendar), ("q", dice.choice([calendar, calendar, "C247"])))
    }
    events = [(at, "create", "p")]
    for _ in range(dice.randrange(7)):
        at += 60 * dice.choice([dice.randrange(1, 300), dice.randrange(1, 1500)])
        kind = dice.choices(["status", "policy", "agent_msg"], [60, 25, 15])[0]
        statuses = ["on_hold", "waiting", "estimated", "in_progress", "open", "resolved", "reopened"]
        events.append((at, kind, {"status": dice.choice(statuses), "policy": dice.choice("pq")}.get(kind)))
    as_of = at + 60 * dice.choice([0, dice.randrange(3000)])
    on_reopen = dice.choice(["resume", "new_cycle"])
    expect = [c for m in PAUSED_BY for c in walk(m, policies, events, as_of, on_reopen)]
    as_json = [{"t": text(t), "type": k, **({"policy" if k == "create" else "to": v} if v else {})} for t, k, v in events]
    return {"id": name, "tz": "UTC", "policies": policies, "events": as_json, "as_of": text(as_of),
            "on_reopen": on_reopen, "expect": expect}


def main():
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    dice = random.Random(seed)
    cases = [random_case(dice, f"walk {seed}/{n}") for n in range(count)]
    used = {p["calendar"] for case in cases for p in case["policies"].values()}
    head = {"format": "sla-cases/1", "computed_with": "make_sla_walks.py",
            "calendars": {name: calendars[name] for name in sorted(used)}}
    print(json.dumps(head)[:-1] + ', "cases": [')
    print(",\n".join(json.dumps(case) for case in cases) + "]}")


if __name__ == "__main__":
    main()
