"""The C header from Python: c_api_test.py LIBRARY HOME."""
import base64
import ctypes
import json
import os
import re
import sys
import time
import unittest

LIBRARY, HOME = sys.argv[1], sys.argv[2]

CLOCK = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)
BOOT_ID = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint8))
RANDOM = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)


class Environment(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("context", ctypes.c_void_p), ("wall_ms", CLOCK), ("boot_ms", CLOCK),
                ("boot_id", BOOT_ID), ("random", RANDOM)]

    @classmethod
    def of_this_machine(cls):
        return cls(ctypes.sizeof(cls), None, CLOCK(lambda _: time.time_ns() // 1_000_000),
                   CLOCK(lambda _: time.monotonic_ns() // 1_000_000), BOOT_ID(lambda _, into: None),
                   RANDOM(lambda _, into, size: ctypes.memmove(into, os.urandom(size), size) and None))


class Tern:
    """A handle whose calls take and give Python values."""

    def __init__(self, home, **options):
        self.library = ctypes.CDLL(LIBRARY)
        self.library.tern_free.argtypes = [ctypes.c_void_p]
        self.environment = Environment.of_this_machine()
        self.handle = ctypes.c_void_p()
        out = ctypes.c_void_p()
        options = json.dumps({"home": home, **options}).encode()
        code = self.library.tern_open(options, ctypes.byref(self.environment), ctypes.byref(self.handle), ctypes.byref(out))
        self.identity = self.take(code, out)

    def take(self, code, out):
        text = ctypes.string_at(out).decode()
        self.library.tern_free(out)
        value = json.loads(text)
        if code != 0:
            raise Refused(value["error"])
        return value

    def call(self, name, *arguments):
        out = ctypes.c_void_p()
        raw = [a if a is None or isinstance(a, int) else a.encode() for a in arguments]
        return self.take(getattr(self.library, name)(self.handle, *raw, ctypes.byref(out)), out)

    def close(self):
        self.library.tern_close(self.handle)


class Refused(Exception):
    def __init__(self, error):
        super().__init__(error["message"])
        self.error = error


class CHeader(unittest.TestCase):
    def setUp(self):
        self.tern = Tern(HOME)

    def tearDown(self):
        self.tern.close()

    def save(self, *changes):
        return self.tern.call("tern_save", json.dumps(changes))

    def test_a_morning_without_network(self):
        saved = self.save({"intent": "create", "fields": {"subject": "Größe from Python", "custom:site": "north"}},
                          {"intent": "start"}, {"intent": "tag", "label": "Pump"},
                          {"intent": "log_time", "minutes": 25, "text": "drive"})
        ticket = saved[0]["ticket"]
        self.assertEqual([s["ticket"] for s in saved], [ticket] * 4)
        view = self.tern.call("tern_ticket", ticket)
        self.assertEqual(view["subject"], "Größe from Python")
        self.assertEqual(view["status"], "in_progress")
        self.assertEqual(view["custom"], {"site": "north"})
        self.assertEqual(view["tags"], ["pump"])
        self.assertEqual(view["minutes_logged"], 25)
        self.assertEqual(view["saved"], "saved here")
        history = self.tern.call("tern_history", ticket)
        self.assertEqual([h["intent"] for h in history], ["create", "start", "tag", "log_time"])
        found = self.tern.call("tern_search", "größe", 10, None)
        self.assertEqual([r["uuid"] for r in found["rows"]], [ticket])

    def test_a_report_from_on_site(self):
        drawn = base64.b64encode(b"\x89PNG\r\n\x1a\n drawn").decode()
        report = {"intent": "on_site", "text": "seal replaced", "from_ms": 1790000000000, "to_ms": 1790005700000,
                  "signed_by": "Jo Miller", "signature": drawn}
        ticket = self.save({"intent": "create", "fields": {"subject": "pump"}}, report)[0]["ticket"]
        line = self.tern.call("tern_ticket", ticket)["timeline"][-1]
        self.assertEqual((line["what"], line["text"], line["visibility"]), ("on_site", "seal replaced", "public"))
        self.assertEqual(line["on_site"]["signed_by"], "Jo Miller")
        self.assertEqual(line["on_site"]["signature"], drawn)
        self.assertEqual(line["on_site"]["to"], "2026-09-21T15:48:20.000Z")
        for wrong, field in [({"signature": "not base64"}, "signature"), ({"signature": "PHN2Zz4="}, "signature"),
                             ({"signed_by": ""}, "name"), ({"from_ms": "early"}, "from_ms"),
                             ({"to_ms": 1}, "to_ms"), ({"contact": "nobody"}, "contact")]:
            with self.assertRaises(Refused) as refused:
                self.save({**report, "ticket": ticket, **wrong})
            self.assertEqual(refused.exception.error.get("field"), field)
        with self.assertRaises(Refused) as refused:
            self.save({"intent": "start", "ticket": ticket, "signed_by": "Jo Miller"})
        self.assertEqual(refused.exception.error["field"], "signed_by")

    def test_a_file_is_told_of(self):
        file = {"intent": "attach", "name": "pump.jpg", "content_hash": "ab" * 32, "size_bytes": 5}
        ticket = self.save({"intent": "create", "fields": {"subject": "pump"}}, file)[0]["ticket"]
        line = self.tern.call("tern_ticket", ticket)["timeline"][-1]
        self.assertEqual((line["what"], line["text"], line["visibility"]), ("attach", "pump.jpg", "team"))
        for wrong, field in [({"content_hash": "ab"}, "content_hash"), ({"size_bytes": -1}, "size_bytes"),
                             ({"name": ""}, "name")]:
            with self.assertRaises(Refused) as refused:
                self.save({**file, "ticket": ticket, **wrong})
            self.assertEqual(refused.exception.error["field"], field)

    def test_a_split_makes_the_new_ticket_and_gives_it_the_messages(self):
        source, _, lamp = self.save({"intent": "create", "fields": {"subject": "pump and lamp"}},
                                    {"intent": "message", "text": "the pump leaks"},
                                    {"intent": "message", "text": "the lamp is dark", "visibility": "public"})
        split = {"intent": "split", "ticket": source["ticket"], "messages": [lamp["change"]], "subject": "Lamp"}
        saved = self.save(split)
        self.assertEqual([s["ticket"] == source["ticket"] for s in saved], [False, True])
        new = self.tern.call("tern_ticket", saved[0]["ticket"])
        self.assertEqual(new["subject"], "Lamp")
        self.assertIn("the lamp is dark", [e.get("text") for e in new["timeline"]])
        self.assertNotIn("the pump leaks", [e.get("text") for e in new["timeline"]])
        for wrong, field in [({"subject": ""}, "subject"), ({"messages": "all"}, "messages"),
                             ({"messages": [{"device": "x"}]}, "target")]:
            with self.assertRaises(Refused) as refused:
                self.save({**split, **wrong})
            self.assertEqual(refused.exception.error["field"], field)
        with self.assertRaises(Refused) as refused:
            self.save({"intent": "take", "ticket": source["ticket"], "messages": []})
        self.assertEqual(refused.exception.error["field"], "messages")

    def test_what_was_saved_is_there_after_a_restart(self):
        ticket = self.save({"intent": "create", "fields": {"subject": "kept"}})[0]["ticket"]
        self.tern.close()
        self.tern = Tern(HOME)
        self.assertEqual(self.tern.call("tern_ticket", ticket)["subject"], "kept")

    def test_pages_follow_each_other(self):
        for n in range(3):
            self.save({"intent": "create", "fields": {"subject": f"page {n}"}})
        seen, after = [], None
        while True:
            query = {"limit": 2, "sort": "subject", "descending": False}
            page = self.tern.call("tern_list", json.dumps({**query, **({"after": after} if after else {})}))
            seen += [row["uuid"] for row in page["rows"]]
            after = page.get("next")
            if after is None:
                break
        self.assertEqual(len(seen), len(set(seen)))
        self.assertEqual(len(seen), self.tern.call("tern_status")["tickets"])

    def test_errors_say_what_and_where(self):
        with self.assertRaises(Refused) as refused:
            self.save({"intent": "create", "fields": {"subject": "x", "priority": "huge"}})
        self.assertEqual(refused.exception.error["code"], "invalid")
        self.assertEqual(refused.exception.error["field"], "priority")
        for change, code in [({"intent": "fly"}, "usage"), ({"intent": "take", "speed": 1}, "usage"),
                             ({"intent": "take", "ticket": "T-0"}, "not_found"), ("take", "usage")]:
            with self.assertRaises(Refused) as refused:
                self.save(change)
            self.assertEqual(refused.exception.error["code"], code)

    def test_every_symbol_has_its_version(self):
        libc = ctypes.CDLL(None)
        libc.dlvsym.restype = ctypes.c_void_p
        libc.dlvsym.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]
        handle = self.tern.library._handle
        here = os.path.dirname(os.path.abspath(__file__))
        with open(os.path.join(here, "../../../client-core/include/tern/client/tern.h"), encoding="utf-8") as header:
            names = re.findall(r"^(?:int|void) (tern_\w+)\(", header.read(), re.M)
        self.assertGreater(len(names), 20)
        for name in names:
            self.assertTrue(libc.dlvsym(handle, name.encode(), b"TERN_1"), name)
        self.assertFalse(libc.dlvsym(handle, b"sqlite3_open", b"TERN_1"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
