"""A desk of real programs, and the doors that people and programs come to it by."""
import collections
import hashlib
import hmac
import http.server
import json
import os
import signal
import ssl
import struct
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

PASSWORD = "only for the test\n"


def run(words, text=None, allowed=(0,), env=None):
    done = subprocess.run([str(word) for word in words], input=text, capture_output=True, text=True, timeout=240,
                          env={**os.environ, **(env or {})})
    assert done.returncode in allowed, (words, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


class Clock:
    """What the programs take for the time (tests/support/moved_clock.c): the machine's, moved on. Of a wrong one the
    time of day is off, the time since it was switched on is not."""

    def __init__(self, programs, folder):
        self.library, self.folder = programs / "moved_clock.so", folder
        self.moved_ms, self.wrong_ms = 0, {"right": 0}
        self.write()

    def environment(self, name="right"):
        return {"LD_PRELOAD": str(self.library), "TERN_TEST_CLOCK": str(self.folder / (name + ".clock")),
                "ASAN_OPTIONS": "verify_asan_link_order=0"}

    def now(self):
        """In seconds, by the clock that is right."""
        return time.time() + self.moved_ms / 1000

    def go_to(self, when):
        """Later than now, or it stays as it is."""
        self.moved_ms += max(0, int((when - self.now()) * 1000))
        self.write()

    def set_wrong(self, name, by_ms):
        self.wrong_ms[name] = by_ms
        self.write()

    def write(self):
        """In place: the programs have it mapped."""
        for name, wrong_ms in self.wrong_ms.items():
            path = self.folder / (name + ".clock")
            with open(path, "r+b" if path.exists() else "w+b", buffering=0) as file:
                file.write(struct.pack("=3q", self.moved_ms, wrong_ms, 0))


class Desk:
    def __init__(self, programs, folder, clock):
        self.ternd, self.tern = programs / "ternd", programs / "tern"
        self.folder, self.data, self.clock = folder, folder / "server", clock
        self.admin("init", "--tenant", "Day", "--zone", "Europe/Kyiv", "--admin", "chief@day.invalid",
                   "--password-stdin", "--recovery-out", folder / "sheet", text=PASSWORD)

    def admin(self, *words, text=None, allowed=(0,)):
        return run([self.ternd, *words, "--data", self.data, "--json"], text, allowed, self.clock.environment())

    def start(self, receiver):
        """`receiver`: where webhooks lead."""
        self.receiver, self.listen = receiver, getattr(self, "listen", "127.0.0.1:0")
        self.process = subprocess.Popen([str(self.ternd), "serve", "--data", str(self.data), "--listen", self.listen,
                                         "--egress-allow", receiver.where, "--egress-ca", str(receiver.ca), "--json",
                                         "--quiet"], stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **self.clock.environment()})
        self.url = json.loads(self.process.stdout.readline())["listening"]
        self.listen = urllib.parse.urlsplit(self.url).netloc

    def restart(self):
        self.stop()
        self.start(self.receiver)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=60) == 0

    def post(self, path, body, headers):
        """The head of the answer and its body."""
        request = urllib.request.Request(self.url + path, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.headers, json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError((path, body[:300], error.code, error.read())) from error

    def api(self, door, action, credential, **parameters):
        _, said = self.post("/api/" + door + ".php", json.dumps({"action": action, **parameters}).encode(),
                               {"Content-Type": "application/json", **credential})
        assert said["ok"], (action, said)
        return said["data"]

    # ---- who comes in ----

    def session(self, login):
        """The cookie of somebody at the pages of the desk, good for twelve hours."""
        head, said = self.post("/api/admin.php", json.dumps({"action": "admin_login", "login": login,
                                                             "password": PASSWORD.strip()}).encode(),
                               {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"})
        assert said["ok"], said
        return {"Cookie": head["Set-Cookie"].split(";")[0], "Sec-Fetch-Site": "same-origin"}

    def token(self, key, user):
        return self.api("admin", "create_client_token", key, portal_domain="customers.invalid", user_id=user,
                        user_name="Customer %d" % user)

    def portal(self, key, user):
        """The cookie of a customer who followed the link to the pages for customers."""
        address = urllib.parse.urlsplit(self.token(key, user)["portal_url"])
        request = urllib.request.Request(self.url + address.path + "?" + address.query)
        no_redirects = type("NoRedirects", (urllib.request.HTTPRedirectHandler,), {"redirect_request": lambda *_: None})
        try:
            answer = urllib.request.build_opener(no_redirects).open(request, timeout=60)
        except urllib.error.HTTPError as redirect:
            answer = redirect
        with answer:
            return {"Cookie": answer.headers["Set-Cookie"].split(";")[0], "Sec-Fetch-Site": "same-origin"}


class Once:
    """A client of the API that loses answers: each request has an Idempotency-Key, and every third is sent twice."""

    def __init__(self, desk, key):
        self.desk, self.key, self.sent, self.replayed = desk, key, 0, 0

    def __call__(self, action, **parameters):
        self.sent += 1
        headers = {"Content-Type": "application/json", "Idempotency-Key": "request-%d" % self.sent, **self.key}
        body = json.dumps({"action": action, **parameters}).encode()
        head, said = self.desk.post("/api/admin.php", body, headers)
        assert said["ok"] and "Idempotency-Replayed" not in head, (head, said)
        if self.sent % 3 == 0:
            head, again = self.desk.post("/api/admin.php", body, headers)
            assert head["Idempotency-Replayed"] == "true" and again["data"].get("id") == said["data"].get("id"), again
            self.replayed += 1
        return said["data"]


class Poster:
    """Somebody's program that posts in a form of its own (docs/inbound.md)."""

    def __init__(self, desk, name, *words):
        self.desk, made = desk, desk.admin("inbound", "add", name, *words)[0]
        address = urllib.parse.urlsplit(made["url"])
        self.path, self.secret = address.path + ("?" + address.query if address.query else ""), made["secret"]

    def sign(self, text):
        return hmac.new(self.secret.encode(), text, hashlib.sha256).hexdigest()

    def event(self, **members):
        body = json.dumps(members).encode()
        return self.desk.post(self.path, body, {"Content-Type": "application/json",
                                                "X-Hub-Signature-256": "sha256=" + self.sign(body)})[1]["data"]

    def mail(self, name, subject, text):
        at = str(int(self.desk.clock.now()))
        fields = {"from": "%s <%s@mail.invalid>" % (name, name.lower()), "subject": subject, "body-plain": text,
                  "Message-Id": "<%s@mail.invalid>" % subject.replace(" ", "-"), "timestamp": at, "token": subject,
                  "signature": self.sign((at + subject).encode())}
        self.desk.post(self.path, urllib.parse.urlencode(fields).encode(),
                       {"Content-Type": "application/x-www-form-urlencoded"})


class Agent:
    """Somebody on staff with a device of their own."""

    def __init__(self, desk, name, clock="right"):
        self.desk, self.name, self.home, self.clock = desk, name, desk.folder / name.lower(), clock
        desk.admin("operator", "add", "--name", name, "--email", name.lower() + "@day.invalid", "--role", "operator",
                   "--queue", "Field")
        code = desk.admin("device", "code", "--operator", name)[0]["code"]
        self("enrol", "--server", desk.url, "--code", code, "--yes")
        self.online, self.held, self.unsent = True, set(), []
        self.sync()

    def __call__(self, *words):
        return run([self.desk.tern, *words, "--home", self.home, "--json"], allowed=(0, 7),
                   env=self.desk.clock.environment(self.clock))

    def sync(self):
        self("sync")
        self("sync")  # says that it has heard of all

    def holds(self):
        """The numbers of the tickets on the device."""
        return {row["number"] for row in self("list")}


class Receiver:
    """Where a webhook leads: https, with a certificate of its own authority. It refuses each fourth delivery once."""

    def __init__(self, folder, clock):
        self.clock, self.secret, self.taken = clock, None, []
        self.refused, self.wrong = collections.Counter(), []
        self.ca, names = folder / "ca.pem", {"ca": folder / "ca.key", "key": folder / "hook.key"}
        new = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes".split()
        run(["openssl", "req", "-x509", *new, "-keyout", names["ca"], "-out", self.ca, "-days", "2", "-subj", "/CN=day",
             "-addext", "basicConstraints=critical,CA:TRUE"])
        run(["openssl", "req", *new, "-keyout", names["key"], "-out", folder / "hook.csr", "-subj", "/CN=hook"])
        (folder / "hook.ext").write_text("subjectAltName=IP:127.0.0.1\n")
        run(["openssl", "x509", "-req", "-in", folder / "hook.csr", "-CA", self.ca, "-CAkey", names["ca"],
             "-CAcreateserial", "-out", folder / "hook.pem", "-days", "2", "-extfile", folder / "hook.ext"])
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(receiver.take(self.headers, body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        under = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        under.load_cert_chain(folder / "hook.pem", names["key"])
        self.server.socket = under.wrap_socket(self.server.socket, server_side=True)
        self.where = "127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, head, body):
        parts = dict(part.split("=", 1) for part in head["Tern-Signature"].split(","))
        signed = hmac.new(self.secret.encode(), parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
        told = json.loads(body)
        if signed != parts["v1"] or int(parts["t"]) > self.clock.now() + 5 or head["Tern-Delivery"] != told["id"]:
            self.wrong.append((dict(head), told))
            return 401
        if len(self.taken) % 4 == 3 and not self.refused[told["id"]]:
            self.refused[told["id"]] += 1
            return 503
        self.taken.append(told)
        return 200

    def tickets(self):
        """How often each ticket was told of, by its number: a delivery that came twice is one."""
        once = {told["id"]: told["ticket"]["number"] for told in self.taken}
        return collections.Counter(once.values())
