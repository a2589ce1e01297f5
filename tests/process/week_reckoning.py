"""What a period came to, out of the lines of an export and by nothing else: plain arithmetic after docs/reports.md and
docs/sla.md, in whole seconds. Knows no code of the product and no answer of its reports.
"""
import collections
import datetime
import zoneinfo

ZONE = zoneinfo.ZoneInfo("Europe/Kyiv")
HOUR, DAY = 3600, 86400
DONE = ("resolved", "closed")
PAUSED = ("on_hold", "waiting", "estimated")


def seconds(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


# ---- working time ----

class Always:
    @staticmethod
    def between(begin, end):
        return max(0, end - begin)

    @staticmethod
    def after(begin, left):
        return begin + left


class Office:
    """Monday to Friday from 9 to 18, by the clocks of Kyiv."""

    @staticmethod
    def days(begin):
        day = datetime.datetime.fromtimestamp(begin, ZONE).date()
        while True:
            if day.weekday() < 5:
                yield [int(datetime.datetime(day.year, day.month, day.day, hour, tzinfo=ZONE).timestamp())
                       for hour in (9, 18)]
            day += datetime.timedelta(days=1)

    def between(self, begin, end):
        out = 0
        for opens, closes in self.days(begin):
            if opens >= end:
                return out
            out += max(0, min(end, closes) - max(begin, opens))

    def after(self, begin, left):
        for opens, closes in self.days(begin):
            here = max(0, closes - max(begin, opens))
            if here >= left:
                return max(begin, opens) + left
            left -= here


ALWAYS, OFFICE = Always(), Office()


def promised(priority, metric):
    """Whose hours count, and how many seconds: the two rules that the desk is given."""
    if priority == "urgent" and metric != "next_response":
        return ALWAYS, {"first_response": 1 * HOUR, "resolution": 8 * HOUR}[metric]
    return OFFICE, {"first_response": 4 * HOUR, "next_response": 4 * HOUR, "resolution": 16 * HOUR}[metric]


class Promise:
    """One wait, from its beginning to what ends it."""

    def __init__(self, metric, priority, since):
        self.metric, self.since, self.consumed = metric, since, 0
        self.hours, self.target = promised(priority, metric)
        self.paused, self.open, self.met_at, self.broken_at, self.met_by = False, True, None, None, None

    def go_to(self, when):
        if not self.open or self.paused:
            return
        passed = self.hours.between(self.since, when)
        if self.consumed + passed > self.target and self.broken_at is None:
            self.broken_at = self.hours.after(self.since, self.target - self.consumed)
        self.consumed, self.since = self.consumed + passed, when

    def pause(self, paused, when):
        if paused != self.paused:
            self.go_to(when)
            self.paused, self.since = paused, when

    def end(self, event, met):
        if self.open:
            self.go_to(event.at)
            self.open = False
            if met and self.broken_at is None:
                self.met_at, self.met_by = event.at, event

    def reopen(self, when):
        self.open, self.met_at, self.since = True, None, when


# ---- one ticket ----

Event = collections.namedtuple("Event", "at rank seq what value by commit readable")


def events_of(ticket, last_commit, came):
    """In the order of when they happened; behind one another in one second: messages, then moves. `came`: when changes
    came that were made where no network was, by their names."""
    named = {(entry["device"], entry["change"]): entry for entry in ticket["history"]}
    out = []
    for seq, entry in enumerate(ticket["history"]):
        if entry["standing"] != "applied" or entry["commit_seq"] > last_commit:
            continue
        at, by = entry["at_ms"] // 1000, entry["author"]
        if entry["intent"] == "create" and entry["field"] == "status":
            out.append(Event(at, 0, seq, "create", entry["author_kind"], by, entry["commit_seq"], at))
        elif entry["field"] == "status":
            if entry["intent"] == "resolve" and entry["text"]:  # its result is read by the customer
                out.append(Event(at, 1, seq, "answer", None, by, entry["commit_seq"], came.get(entry["change"], at)))
            out.append(Event(at, 2, seq, "move", entry["value"], by, entry["commit_seq"], at))
        elif entry["field"] in ("deleted", "merged_into"):
            out.append(Event(at, 2, seq, "gone", None, by, entry["commit_seq"], at))
        elif entry["field"] == "assignee":
            out.append(Event(at, 2, seq, "assign", entry["value"], by, entry["commit_seq"], at))
    for seq, said in enumerate(ticket["messages"]):
        entry = named.get((said["device"], said["change"]))
        if entry is None or entry["commit_seq"] > last_commit or said["visibility"] != "public":
            continue
        what = {"operator": "answer", "contact": "write"}.get(said["author_kind"])
        if what:
            out.append(Event(said["at_ms"] // 1000, 1, seq, what, None, said["author"], entry["commit_seq"],
                             came.get(said["change"], said["at_ms"] // 1000)))
    return sorted(out, key=lambda event: event[:3])


class Life:
    """A ticket as the desk knew it with its first so many commits, at some instant. `older`: of tickets that were
    merged into it, since when somebody waited. `there`: neither deleted nor merged into another one."""

    def __init__(self, ticket, now, came, last_commit=float("inf"), older=()):
        self.ticket, self.older = ticket, older
        self.events = events_of(ticket, last_commit, came)
        self.there = bool(self.events)
        self.imported = any("asserted" in entry["flags"] for entry in ticket["history"][:1])
        self.status, self.holder, self.waits, self.answers, self.touches = "new", None, None, [], 0
        self.resolutions, self.ratings, self.promises, self.resolved_by = [], [], [], None
        told = [(seconds(one["at"]), 3, 0, one) for one in ticket["csat"]]
        for event in sorted(self.events + told, key=lambda one: one[:3]):
            if len(event) == 4:
                self.ratings.append((event[0], event[3]["rating"], self.resolved_by))
            else:
                getattr(self, event.what)(event)
        for promise in self.promises:
            promise.go_to(now)

    def promise(self, metric, since):
        self.promises.append(Promise(metric, self.ticket["priority"], since))

    def running(self, metric):
        return next((one for one in self.promises if one.metric == metric and one.open), None)

    # What happens.

    def create(self, event):
        self.created, self.since, self.net, self.net_hours = event.at, event.at, 0, 0
        self.promise("resolution", event.at)
        of_customer = event.value == "contact" or self.ticket["contact"] is not None or (
            event.value == "integration" and self.ticket["organisation"] is not None)
        if of_customer:
            self.waits = min([event.at, *self.older])
            self.promise("first_response", self.waits)

    def write(self, event):
        if self.waits is None:
            self.waits = event.at
            self.promise("next_response" if self.answers else "first_response", event.at)
        if self.status == "waiting":
            self.status_to("open", event)
        elif self.status in DONE:
            self.status_to("reopened", event)

    def answer(self, event):
        self.touches += 1
        if self.waits is None:
            return
        metric = "next_response" if self.answers else "first_response"
        hours = ALWAYS if self.imported else promised(self.ticket["priority"], metric)[0]
        self.answers.append(dict(event=event, wall=event.at - self.waits, hours=hours.between(self.waits, event.at),
                                 delivered=event.readable - self.waits,
                                 delivered_hours=hours.between(self.waits, event.readable)))
        if running := self.running(metric):
            running.end(event, met=True)
        self.waits = None

    def move(self, event):
        self.status_to(event.value, event)

    def status_to(self, status, event):
        at = event.at
        hours = ALWAYS if self.imported else promised(self.ticket["priority"], "resolution")[0]
        if self.status not in DONE + PAUSED:
            self.net += at - self.since
            self.net_hours += hours.between(self.since, at)
        was, self.status, self.since = self.status in DONE, status, at
        for promise in self.promises:
            promise.pause(status in PAUSED if promise.metric == "resolution" else status == "on_hold", at)
        resolution = next(one for one in self.promises if one.metric == "resolution")
        if status in DONE and not was:
            self.resolved_by = event.by
            self.resolutions.append(dict(event=event, wall=self.net, hours=self.net_hours, gross=at - self.created,
                                         touches=self.touches, reopened=None))
            resolution.end(event, met=True)
            if running := self.running("next_response"):
                running.end(event, met=False)
            if self.answers:
                self.waits = None
        elif was and status not in DONE:
            self.resolutions[-1]["reopened"] = at
            resolution.reopen(at)

    def assign(self, event):
        self.holder = event.value

    def gone(self, _):
        self.there = False

    # Who had it.

    def holder_at(self, at, commit):
        """M9: at that instant; where nobody had it, who had when it was known."""
        held = [one.value for one in self.events if one.what == "assign" and one.at <= at]
        if held and held[-1]:
            return held[-1]
        held = [one.value for one in self.events if one.what == "assign" and one.commit <= commit]
        return held[-1] if held else None

    def outcomes(self):
        """Each promise that was kept or broken: metric, when, whether kept, whose."""
        if self.imported:
            return
        for promise in self.promises:
            if promise.broken_at is not None:
                commit = max((one.commit for one in self.events if one.at <= promise.broken_at), default=0)
                yield promise.metric, promise.broken_at, "breached", self.holder_at(promise.broken_at, commit)
            elif promise.met_at is not None:
                yield promise.metric, promise.met_at, "met", self.holder_at(promise.met_at, promise.met_by.commit)


def lives_of(tickets, now, came, last_commit=float("inf")):
    """`older` of a merge: who had been answered by nobody waits since the older of the two."""
    merged = collections.defaultdict(list)
    for ticket in tickets:
        if ticket["merged_into"]:
            source = Life(ticket, now, came, last_commit)
            if not source.there and not source.answers and source.waits is not None:
                merged[ticket["merged_into"]].append(source.waits)
    lives = [Life(one, now, came, last_commit, merged.get(one["number"], ())) for one in tickets]
    return [life for life in lives if life.there]


# ---- a period ----

def share(part, of):
    return (part * 100 + of // 2) // of if of else None


def mean(values):
    return sum(values) / len(values) if values else None


def quantile(values, percent):
    return sorted(values)[(len(values) * percent + 99) // 100 - 1] if values else None


class Figures:
    """Of these tickets in [begin, end). `of`: only what counts for that operator."""

    def __init__(self, lives, begin, end, of=None):
        self.begin, self.end, self.of = begin, end, of
        self.created = self.resolved = self.reopened = self.one_touch = self.two_touch = self.touches = 0
        self.open, self.classes, self.assigned, self.load = 0, collections.Counter(), 0, 0
        self.promises = collections.defaultdict(collections.Counter)
        self.ratings, self.lengths = [], collections.defaultdict(list)
        for life in lives:
            self.add(life)

    def within(self, at):
        return self.begin <= at < self.end

    def mine(self, life, event):
        return self.of is None or life.holder_at(event.at, event.commit) == self.of

    def add(self, life):
        self.created += self.within(life.created)
        if life.status not in DONE:
            self.open += 1
            self.classes[{"on_hold": "on hold"}.get(life.status, "new" if life.status in ("new", "open", "reopened")
                                                    else "in progress")] += 1
            if life.holder == self.of:
                self.assigned += 1
                self.load += life.status not in PAUSED
        for number, answer in enumerate(life.answers):
            if self.within(answer["event"].at) and self.mine(life, answer["event"]):
                kind = "next response" if number else "first response"
                self.lengths[kind].append(answer["hours"])
                self.lengths[kind + ", wall"].append(answer["wall"])
                self.lengths[kind + ", delivered"].append(answer["delivered_hours"])
                self.lengths[kind + ", delivered, wall"].append(answer["delivered"])
        ended = [one for one in life.resolutions if self.within(one["event"].at)]
        if life.resolutions and self.within(life.resolutions[0]["event"].at):
            self.lengths["first resolution"].append(life.resolutions[0]["hours"])
        if ended and self.mine(life, ended[-1]["event"]):
            last = ended[-1]
            self.resolved += 1
            self.touches += last["touches"]
            self.lengths["resolution"].append(last["hours"])
            self.lengths["resolution, wall"].append(last["wall"])
            self.lengths["resolution with pauses, wall"].append(last["gross"])
            again = last["reopened"] is not None and last["reopened"] - last["event"].at <= 14 * DAY
            self.reopened += again
            self.one_touch += not again and last["touches"] == 1
            self.two_touch += not again and last["touches"] == 2
        for metric, at, how, holder in life.outcomes():
            if self.within(at) and (self.of is None or holder == self.of):
                self.promises[metric][how] += 1
        self.ratings += [score for at, score, by in life.ratings
                         if self.within(at) and (self.of is None or by == self.of)]

    def all_promises(self):
        return sum(self.promises.values(), collections.Counter())

    @staticmethod
    def compliance(count):
        return share(count["met"], count["met"] + count["breached"])

    def csat(self):
        return share(sum(score >= 4 for score in self.ratings), len(self.ratings))

    def dashboard(self):
        """By the names of the figures: a value, or the lengths that it is the mean of."""
        promises = self.all_promises()
        out = {"open": self.open, "created": self.created, "resolved": self.resolved,
               "SLA compliance": self.compliance(promises), "SLA compliance at best": self.compliance(promises),
               "promises met": promises["met"], "breaches": promises["breached"], "breaches, provisional": 0,
               "CSAT": self.csat(), "CSAT, mean": mean(self.ratings), "ratings": len(self.ratings),
               "rated": share(len(self.ratings), self.resolved), "reopened": share(self.reopened, self.resolved),
               "one touch": share(self.one_touch, self.resolved), "two touches": share(self.two_touch, self.resolved),
               "touches": self.touches / self.resolved if self.resolved else None}
        out.update({name: self.classes[name] for name in ("new", "in progress", "on hold")})
        out.update({name: self.lengths[name] for name in (
            "first response", "first response, wall", "first response, delivered", "first response, delivered, wall",
            "next response", "resolution", "resolution, wall", "resolution with pauses, wall", "first resolution")})
        return out
