"""The demo's second story: a server loses half a day, and the devices give it back.

Like the first one it only chooses who does what; what it prints, the programs said.
"""
import pathlib
import re
import shutil

SHOWN = ("subject", "status", "priority", "assignee", "number")


def recovery_key(sheet):
    """The key, off the sheet that `ternd init` wrote."""
    return re.search(r"(?:[0-9A-Z]{4}[- ]){13}[0-9A-Z]{4}", pathlib.Path(sheet).read_text()).group(0)


def afternoon(ann, ben, cleo, numbers):
    """Work that the backup does not know; all of it is confirmed by the server."""
    pump, alarm, gate, cooling, gas, meter = numbers
    ann("new", "--subject", "Lift stuck between floors", "--queue", "Field crew", "--priority", "urgent")
    ann("take", gate)
    ann.sync()
    ben("take", gate)  # has not heard that Ann took it
    ben("resolve", cooling, "--result", "filter replaced, runs again")
    ben("set", alarm, "priority", "high")
    ben.sync()
    cleo.sync()
    cleo("note", gas, "nothing measurable; sensor exchanged")
    cleo("take", meter)
    cleo.sync()
    for agent in (ann, ben, cleo):
        agent.sync()


def shown(agent):
    """Every ticket of the queue as this device shows it."""
    rows = agent("list", "--queue", "Field crew", "--status", "all", "--limit", "500")
    return {row["number"]: {name: row.get(name) for name in SHOWN} for row in rows if "number" in row}


def told(agent):
    """What the agent did and what became of it: change -> (number, intent, sentence)."""
    return {entry["change"]["id"]: (entry["number"], entry["intent"], entry["sentence"]) for entry in agent("history")}


def report(server):
    return server.admin(["recovery"])[0]


def tell(report_):
    waited = ", ".join(sorted(row["device"] for row in report_["rows"])) or "nobody"
    return "%d of %d lost commits are back, %d missing; not seen yet: %s" % (
        report_["recovered"], report_["known_lost"], report_["missing"], waited)


def play(server, folder, agents, numbers, fail):
    ann, ben, cleo = agents
    backup = str(folder / "backup-noon")
    saved = server.admin(["backup", "--to", backup])[0]
    print("Noon: ternd backup wrote %s." % pathlib.Path(saved.get("to", backup)).name)
    noon = {agent.name: told(agent) for agent in agents}
    afternoon(ann, ben, cleo, numbers)
    before = {agent.name: shown(agent) for agent in agents}
    work = {agent.name: told(agent) for agent in agents}
    status = server.admin(["status"])[0]["rows"][0]
    print("Evening: the server has %d commits, and every device has its receipts." % status["commit_seq"])

    server.stop()
    shutil.rmtree(server.data)
    restored = server.admin(["restore", "--from", backup, "--recovery-key-stdin"],
                            text=recovery_key(folder / "recovery-sheet") + "\n")[0]
    row = restored["rows"][0]
    print("\nThe disk dies. ternd restore kept %d commits of noon, and began a new epoch: half a day is gone." % row["kept_size"])
    server.start()
    for agent in (cleo, ben, ann):  # not in the order in which they had worked
        agent.sync()
        print("  %s syncs: %s" % (agent.name, tell(report(server))))
    for agent in agents:  # what came back after theirs
        agent.sync()

    print("\nWhat the devices say of their afternoon now, word for word what they said before:")
    for agent in agents:
        after = told(agent)
        for change, said in work[agent.name].items():
            if after.get(change) != said:
                fail("%s was told %s, and now %s" % (agent.name, said, after.get(change)))
            if change not in noon[agent.name]:
                print("  %-5s %s  %-14s %s" % ((agent.name, said[0]) + (said[1].replace("_", " "), said[2])))
        if shown(agent) != before[agent.name]:
            fail("%s's tickets are not what they were" % agent.name)

    ann("new", "--subject", "The first one of the new epoch", "--queue", "Field crew")
    ann.sync()
    rows = {row["subject"]: row["number"] for row in ann("list", "--queue", "Field crew", "--status", "all", "--limit", "500") if "subject" in row}
    print("\nA new ticket is %s: a whole block further on, so that no number is given twice." % rows["The first one of the new epoch"])
    end = report(server)
    print("ternd recovery: " + tell(end) + ".")
    if end["rows"] or end["waiting"]:
        fail("the recovery is not complete: %s" % end)
    verified = server.admin(["verify"])[0]
    print("ternd verify: " + verified["summary"])
