"""A week of a desk: customers by six ways, agents at a desk and on laptops that are away for days, programs of others
that lose answers. All of it is done at the doors of running programs, on a clock that jumps from deed to deed.
"""
import dataclasses
import datetime
import heapq
import itertools

from week_desk import Agent, Once, Poster, Receiver
from week_reckoning import ZONE

WRONG_MS = 2 * 3_600_000  # so far ahead is the time of day of one laptop, while it is away
ROUNDS = ("09:35", "11:05", "13:35", "16:05", "17:35")
CHANNELS = (("08:12", "mail"), ("09:05", "client"), ("09:40", "web"), ("10:20", "shop"), ("11:15", "widget"),
            ("13:10", "alarm"), ("15:25", "urgent"))
STAFF = ("Ann", "Ben", "Cas", "Eve", "Dora")
AWAY = {"Cas": ((1, "16:40"), (3, "15:30")), "Ben": ((2, "12:10"), (4, "10:10"))}


def monday():
    """Of the week in which the clocks of next year go forward, so that it is never in the past."""
    last = datetime.date(datetime.date.today().year + 1, 3, 31)
    last -= datetime.timedelta(days=(last.weekday() + 1) % 7)
    return last - datetime.timedelta(days=6)


def when(day, clock):
    """The instant of "14:05" on a day of the week, 0 to 7."""
    date = monday() + datetime.timedelta(days=day)
    hour, minute = map(int, clock.split(":"))
    return datetime.datetime(date.year, date.month, date.day, hour, minute, tzinfo=ZONE).timestamp()


@dataclasses.dataclass
class Matter:
    channel: str
    user: int
    id: int = 0
    number: str = ""
    address: str = ""  # of a visitor of the widget


class Week:
    def __init__(self, desk):
        self.desk, self.clock = desk, desk.clock
        self.matters, self.agenda, self.order = [], [], itertools.count()
        self.todo = {name: [] for name in ("Ann", "Ben", "Cas")}
        self.names, self.repeated = itertools.count(1), 0
        self.done_at, self.came = {}, {}  # change of a device -> when it was made, by the right clock; when it came

    # ---- who is there ----

    def set_up(self):
        """Before the server runs."""
        desk = self.desk
        for queue in ("Field", "Office"):
            desk.admin("queue", "add", queue)
        for category in ("Pumps", "Meters"):
            desk.admin("category", "add", category, "--code", category.lower())
        desk.admin("organisation", "add", "Customers", "--portal-domain", "customers.invalid")
        desk.admin("calendar", "add", "Office", "--zone", "Europe/Kyiv", "--hours", "mon-fri 09:00-18:00")
        desk.admin("sla", "rule", "add", "Urgent", "--when", "priority=urgent", "--calendar", "24/7",
                   "--first-response", "1h", "--resolution", "8h")
        desk.admin("sla", "rule", "add", "All", "--calendar", "Office", "--first-response", "4h", "--next-response",
                   "4h", "--resolution", "16h")
        for name, role in (("Dora", "supervisor"), ("Eve", "operator")):
            desk.admin("operator", "add", "--name", name, "--email", name.lower() + "@day.invalid", "--role", role,
                       "--queue", "Office", "--queue", "Field", "--password-stdin", text="only for the test\n")
        self.receiver = Receiver(desk.folder, self.clock)

    def begin(self):
        """Behind the start of the server."""
        desk = self.desk
        self.receiver.secret = desk.admin("webhook", "add", "Billing", "--url", "https://%s/" % self.receiver.where,
                                          "--owner", "Dora", "--event", "ticket.resolved")[0]["secret"]

        def key(*words):
            return {"X-Api-Key": desk.admin("key", "add", *words)[0]["key"]}

        self.site, self.eve = key("Site"), Once(desk, key("Eve's", "--operator-id", "eve@day.invalid"))
        self.shop = Once(desk, key("Shop"))
        self.widget = desk.admin("widget", "add", "Pages", "--origins", "https://shop.invalid")[0]["key"]
        self.mails = Poster(desk, "Mails", "--form", "email", "--proof", "mailgun")
        self.alarms = Poster(desk, "Alarms", "--mapping", '{"subject":"{title}","description":"{text}",'
                             '"event_id":"{id}","key":"{what}"}')
        self.agents = {name: Agent(desk, name, "cas" if name == "Cas" else "right") for name in self.todo}
        self.ids = {row["name"]: row["id"] for row in self.dora("list_operators")}

    def dora(self, action, **parameters):
        """At the pages of the desk, logged in anew each half day."""
        now = self.clock.now()
        if not hasattr(self, "cookie") or now > self.cookie[1]:
            self.cookie = (self.desk.session("dora@day.invalid"), now + 11 * 3600)
        return self.desk.api("admin", action, self.cookie[0], **parameters)

    # ---- what happens when ----

    def at(self, instant, act):
        heapq.heappush(self.agenda, (instant, next(self.order), act))

    def run_to(self, instant):
        while self.agenda and self.agenda[0][0] <= instant:
            then, _, act = heapq.heappop(self.agenda)
            self.clock.go_to(then)
            act()
        self.clock.go_to(instant)

    # ---- customers ----

    def customer(self, matter):
        """Their credential at the door for clients, by token or by the pages."""
        if matter.channel == "web":
            return self.desk.portal(self.site, matter.user)
        return {"X-Client-Token": self.desk.token(self.site, matter.user)["token"]}

    def arrive(self, channel):
        """Somebody wants something."""
        number = next(self.names)
        matter = Matter(channel, number)
        wants = {"subject": "Matter %d" % number, "description": "Since noon."}
        if channel in ("client", "web", "urgent"):
            made = self.desk.api("client", "create_ticket", self.customer(matter), **wants,
                                 priority="urgent" if channel == "urgent" else "normal")
        elif channel == "shop":
            made = self.shop("create_ticket", **wants, portal_domain="customers.invalid")
        elif channel == "widget":
            matter.address = "visitor%d@widget.invalid" % number
            made = self.desk.api("widget", "create_ticket", {"Origin": "https://shop.invalid"}, api_key=self.widget,
                                 name="Visitor", email=matter.address, **wants)
        elif channel == "mail":
            for _ in range(2):  # a sender that heard no answer
                self.mails.mail("Joe%d" % number, wants["subject"], wants["description"])
            made = self.dora("list_tickets", limit=1)["tickets"][0]
            assert made["subject"] == wants["subject"], made
        else:
            event = {"id": "event-%d" % number, "title": wants["subject"], "text": "Too hot.", "what": "m%d" % number}
            made = self.alarms.event(**event)["ticket"]
            again = self.alarms.event(**event)  # what comes twice is there once
            assert again["repeated"] and again["ticket"]["number"] == made["number"], again
        matter.id, matter.number = made["id"], made["number"]
        self.matters.append(matter)
        return matter

    def writes(self, matter, text="Any news?"):
        if matter.channel == "widget":
            self.desk.api("widget", "add_reply", {"Origin": "https://shop.invalid"}, api_key=self.widget,
                          ticket_id=matter.id, email=matter.address, message=text)
        else:
            self.desk.api("client", "add_message", self.customer(matter), ticket_id=matter.id, message=text)

    # ---- staff ----

    def triage(self, matter, who, category):
        """Dora looks at what came, and says what it is and whose."""
        more = {"category": category} if category else {}
        self.dora("update_ticket", ticket_id=matter.id, queue="Field" if who in self.agents else "Office",
                  assigned_to=self.ids[who], **more)

    def step(self, matter, who, what, text="Sealed."):
        """Something that staff do: reply, resolve, or a move."""
        agent = self.agents.get(who)
        if agent is not None:
            words = {"reply": ["reply", matter.number, text], "resolve": ["resolve", matter.number, "--result", text],
                     "hold": ["hold", matter.number, "--reason", text]}.get(what, [what, matter.number])
            made_at = self.clock.now()
            for saved in agent(*words):
                if "change" in saved:
                    self.done_at[saved["change"]["id"]] = made_at
                    agent.unsent += [] if agent.online else [saved["change"]["id"]]
            return
        action, more = {"reply": ("add_message", {"message": text}), "resolve": ("complete_ticket", {"result": text}),
                        "hold": ("hold_ticket", {"reason": text}), "resume": ("resume_ticket", {}),
                        "wait": ("update_ticket", {"status": "waiting"}),
                        "start": ("update_ticket", {"status": "in_progress"})}[what]
        (self.eve if who == "Eve" else self.dora)(action, ticket_id=matter.id, **more)

    def later(self, matter, who, instant, *steps):
        """Staff do it then; who has a device, on the next round."""
        for what in steps:
            if who in self.agents:
                self.todo[who].append((instant, matter, what))
            else:
                self.at(instant, lambda what=what: self.step(matter, who, what))

    def round(self, name):
        agent = self.agents[name]
        if agent.online:
            agent.sync()
        held = agent.holds()
        now, rest = self.clock.now(), []
        for instant, matter, what in self.todo[name]:
            if instant <= now and matter.number in held:
                self.step(matter, name, what)
            else:
                rest.append((instant, matter, what))
        self.todo[name] = rest
        if agent.online:
            agent.sync()

    def leave(self, name):
        """A laptop goes where no network is."""
        agent = self.agents[name]
        agent.sync()
        agent.held, agent.online, agent.unsent = agent.holds(), False, []
        if agent.clock != "right":
            self.clock.set_wrong(agent.clock, WRONG_MS)

    def come_back(self, name):
        agent = self.agents[name]
        now, agent.online = int(self.clock.now()), True
        agent.sync()
        self.came.update({change: now for change in agent.unsent})

    # ---- the week ----

    def plan(self):
        for day in range(7):
            for hour, channel in CHANNELS if day < 5 else CHANNELS[-1:]:
                self.at(when(day, hour), lambda day=day, channel=channel: self.begin_matter(day, channel))
            for hour in ROUNDS if day < 5 else ("17:05",):
                for name in self.agents:
                    self.at(when(day, hour), lambda name=name: self.round(name))
        for name, (left, back) in AWAY.items():
            self.at(when(*left), lambda name=name: self.leave(name))
            self.at(when(*back), lambda name=name: self.come_back(name))

    def begin_matter(self, day, channel):
        """Who gets it and what becomes of it: by turns."""
        number = len(self.matters)
        matter, now = self.arrive(channel), self.clock.now()
        who, turn, hour = STAFF[number % len(STAFF)], (number + number // 7) % 7, 3600  # not one for each channel
        writes = channel in ("client", "web", "urgent", "widget")
        self.at(now + 20 * 60, lambda: self.triage(matter, who, (None, "pumps", "meters")[number % 3]))
        if turn == 0:
            self.later(matter, who, now + hour, "reply")
            self.later(matter, who, now + 26 * hour, "resolve")
        elif turn == 1:
            self.later(matter, who, now + 2 * hour, "start", "reply", "wait")
            if writes:
                self.at(now + 50 * hour, lambda: self.writes(matter))
            self.later(matter, who, now + 53 * hour, "reply", "resolve")
        elif turn == 2:
            self.later(matter, who, now + 2 * hour, "reply", "hold")
            self.later(matter, who, now + 30 * hour, "resume", "resolve")
        elif turn == 3:  # too late
            self.later(matter, who, now + 47 * hour, "reply")
        elif turn == 4:
            self.later(matter, who, now + hour, "resolve")
            if channel in ("client", "web", "urgent"):
                self.at(now + 75 * hour, lambda: self.rates(matter, 5 - number % 4))
        elif turn == 5:
            self.later(matter, who, now + 3 * hour, "reply", "resolve")
            if channel in ("client", "web", "urgent"):
                self.at(now + 70 * hour, lambda: self.comes_again(matter, who))

    def rates(self, matter, score):
        if self.status(matter) == "resolved":
            self.desk.api("client", "submit_csat", self.customer(matter), ticket_id=matter.id, rating=score)

    def comes_again(self, matter, who):
        if self.status(matter) == "resolved":
            self.desk.api("client", "reopen_ticket", self.customer(matter), ticket_id=matter.id, comment="Once more.")
            self.later(matter, who, self.clock.now() + 3600, "reply")

    def status(self, matter):
        return self.dora("get_ticket", ticket_id=matter.id)["ticket"]["status_exact"]

    def merge_and_delete(self):
        """Of the alarms, which are alike: one into another, and one that was nobody's."""
        alarms = [matter for matter in self.matters if matter.channel == "alarm"]
        self.dora("merge_tickets", ticket_id=alarms[1].id, into=alarms[0].id)
        self.dora("delete_ticket", ticket_id=alarms[2].id)
