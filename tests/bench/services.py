"""How the cost grows with the number of services: at the start, for a change, for nothing; and of reading settings."""

import collections
import json
import os
import re
import subprocess
import time

from book import OURS, interleaved
from life import WAITING, Hooked, definitions, names_of
from stage import forget_services

MS = 1000
COUNTS = (1, 10, 100, 1000)
# The agent counts the requests to its API: `consul_http_GET_v1_agent_services_count 3`; a newer one
# `consul_api_http_count{method="GET",path="v1_agent_services"} 3`.
TELEMETRY = {"telemetry": {"prometheus_retention_time": "24h", "disable_hostname": True}}
COUNTED = re.compile(
    r"""^consul_(?:http_([A-Z]+)_v1_(\w+)_count|api_http_count\{method="([A-Z]+)",path="v1_(\w+)"\}) (\d+)$""", re.MULTILINE
)
# What is asked all the time, whatever there is to do.
WATCHING = "GET status_leader"
RELOAD = "file written anew, consul reload"


def requests(node):
    """Method and path -> how often lictor has asked the agent since its start, once nothing is under way any more."""
    seen = None
    while True:
        found = COUNTED.findall(node.agent("GET", "/v1/agent/metrics?format=prometheus").text)
        now = collections.Counter({f"{old or new} {was or is_now}": int(n) for old, was, new, is_now, n in found})
        del now["GET agent_metrics"], now[WATCHING]
        if now == seen:
            return now
        seen = now
        time.sleep(0.2)


def services(stage):
    """1 to 1000 services: all at the start, then one changed, then nothing changed."""
    asked = {}
    for count in COUNTS:
        grow(stage, count, asked)
    for title, limit in (("nothing changed", 1), ("one changed", 2)):
        measure = stage.book.measure(f"{title}: requests to the agent's API", "", 0, than=f"{OURS}, 1 of 1")
        for count in COUNTS:
            counters = asked[title, count]
            measure.add(f"{OURS}, 1 of {count}", *(sum(counter.values()) for counter in counters))
        stage.book.note(f"{title}, of {COUNTS[-1]}: {', '.join(sorted(counters[-1]))}")
        measure.limit(f"{OURS}, 1 of {COUNTS[-1]}", f"of {COUNTS[-1]} services", limit)


def grow(stage, count, asked):
    start = stage.book.measure(f"{count} services: exec to all in the catalog", "ms", 0)
    change = stage.book.measure(f"{count} services, one changed: file written, to the catalog", "ms", 0)
    nothing = stage.book.measure(f"{count} services, nothing changed: told to look, to the answer", "ms", 0)
    names = {title: names_of(f"{title}{count}", count) for title in ("lictor", "hooked")}
    node = stage.attended(f"lictor{count}", services=definitions(names["lictor"]), agent={"config": TELEMETRY})
    hooked = Hooked(stage, f"hooked{count}", waits=True, services=names["hooked"])
    file = f"{hooked.agent.conf_dir}/registration.json"
    environment = {"PATH": os.environ["PATH"], "CONSUL_HTTP_ADDR": f"unix://{hooked.agent.socket}"}

    def all_listed(title):
        return stage.catalog.until("/v1/catalog/services", lambda listed: set(names[title]) <= set(listed), 60)

    def shows_port(name, port):
        return stage.catalog.until(
            f"/v1/catalog/service/{name}", lambda found: [one["ServicePort"] for one in found] == [port], 30
        )

    def reload_lictor():
        done = node.command("reload")
        assert done.returncode == 0, done.stderr

    def reload_agent():
        subprocess.run(["consul", "reload"], env=environment, check=True, capture_output=True, timeout=60)

    def change_lictor(port):
        """It sees that the file is another one by itself."""
        node.settings["services"][0]["port"] = port
        node.write_settings()

    def change_file(port):
        with open(file) as text:
            content = json.load(text)
        content["services"][0]["port"] = port
        with open(file, "w") as text:
            json.dump(content, text)
        reload_agent()

    def start_lictor():
        node.start()
        start.add(OURS, MS * (all_listed("lictor") - node.started))
        node.ready(60)

    def start_hooked():
        hooked.start()
        hooked.hooked()
        start.add(WAITING, MS * (all_listed("hooked") - hooked.agent.started))

    def once(who, title, changed, reload):
        counted = requests(node) if who == OURS else None
        for kind in ("one changed", "nothing changed"):
            began = time.monotonic()
            if kind == "one changed":
                port = next(ports)
                changed(port)
                change.add(who, MS * (shows_port(names[title][0], port) - began))
            else:
                reload()
                nothing.add(who, MS * (time.monotonic() - began))
            if counted is not None:
                now = requests(node)
                asked.setdefault((kind, count), []).append(now - counted)
                counted = now

    ports = iter(range(9000, 10000))

    ways = {
        OURS: (node, start_lictor, ("lictor", change_lictor, reload_lictor)),
        WAITING: (hooked.agent, start_hooked, ("hooked", change_file, reload_agent)),
    }
    for who, (held, begin, looks) in interleaved(max(3, stage.rounds // 2), ways):
        try:
            begin()
            once(RELOAD if who == WAITING else who, *looks)
        except AssertionError as error:
            start.failed(who, error)
        finally:
            held.end()
            stage.catalog.forget(held.name)
            forget_services(held.data_dir)


# ---- one of a thousand -----------------------------------------------------------------------------------------------

OTHERS = "POST", "PUT", "DELETE"
# Until the agent's syncer surely does not wait for a full sync any more, and lictor no longer looks at its checks for that.
QUIET = 36  # s


def change(stage):
    """1,000 services with two checks each, one tag of one of them changed in the settings file: what that costs."""
    who = f"{OURS}, 1 of {COUNTS[-1]} with 2 checks each"
    written = stage.book.measure("one tag changed: what is written over the agent's API", "", 0, than=who)
    idle = f"{OURS}, {COUNTS[-1]} with 2 checks each, nothing changed"
    used = stage.book.measure(f"one tag changed: lictor's CPU time in {QUIET} s", "ms", than=who)
    more = stage.book.measure(f"one tag changed: lictor's CPU time in {QUIET} s, more than when nothing changes", "ms", than=who)
    soon = stage.book.measure("one tag changed: lictor's CPU time until the catalog shows it, and 1 s", "ms", than=who)
    took = stage.book.measure("one tag changed: file written, to the catalog", "ms", 0, than=who)
    turns = stage.book.measure("longest turn of the event loop, from the exec on", "ms", 2, than=who)
    names = names_of("changed", COUNTS[-1])
    checks = [{"name": kind, "ttl": "24h", "status": "passing"} for kind in ("alive", "ready")]
    services = [one | {"checks": checks, "tags": ["v0"]} for one in definitions(names)]
    node = stage.attended("changing", services=services, agent={"config": TELEMETRY}).start()
    turn = lambda: MS * node.status()["longest_turn"]  # noqa: E731
    node.ready(180)
    rest(node)
    turns.add("until it first was quiet", turn())
    spent = cpu(node)
    time.sleep(QUIET)
    at_rest = cpu(node) - spent
    used.add(idle, at_rest)
    counted = requests(node)
    for number in range(stage.rounds):
        service = node.settings["services"][number]
        service["tags"] = [f"v{number + 1}"]
        spent, began = cpu(node), time.monotonic()
        node.write_settings()
        there = stage.catalog.until(
            f"/v1/catalog/service/{names[number]}", lambda found: found[0]["ServiceTags"] == service["tags"], 30
        )
        took.add(who, MS * (there - began))
        time.sleep(1)
        soon.add(who, cpu(node) - spent)
        time.sleep(max(0, began + QUIET - time.monotonic()))
        used.add(who, cpu(node) - spent)
        more.add(who, cpu(node) - spent - at_rest)
        now = requests(node)
        asked, counted = now - counted, now
        written.add(who, sum(times for what, times in asked.items() if what.startswith(OTHERS)))
    turns.add(f"{who}, and from then on", turn())
    stage.book.note(f"of the last one: {', '.join(f'{times} {what}' for what, times in sorted(asked.items()))}")
    written.limit(who, "one registration", 1)
    more.limit(who, "30 ms", 30)
    turns.limit(f"{who}, and from then on", "10 ms", 10)


def cpu(node):
    """Milliseconds that lictor's loop has used so far."""
    with open(f"/proc/{node.pid}/schedstat") as figures:
        return int(figures.read().split()[0]) / 1e6


def rest(node):
    """Waits until lictor has done next to nothing for 3 s: what it has used by then."""
    while True:
        before = cpu(node)
        time.sleep(3)
        after = cpu(node)
        if after - before < 3:
            return after


# ---- settings --------------------------------------------------------------------------------------------------------


def settings(stage):
    """Settings read, checked and planned, by `lictor render`: instructions, which are the same each time, and time."""
    counts = (10, 100, 1000)
    told = stage.book.measure("lictor render: instructions", "million", 2, than="10 services")
    took = stage.book.measure("lictor render: exec to exit", "ms", 1, than="10 services")
    given = {count: definitions(names_of("service", count)) for count in counts}
    nodes = {f"{count} services": stage.attended(f"r{count}", services=given[count]) for count in counts}
    for who, node in interleaved(stage.rounds, nodes):
        began = time.monotonic()
        render(node, [])
        took.add(who, MS * (time.monotonic() - began))
    for who, node in interleaved(2, nodes):
        errors = render(node, ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"])
        told.add(who, int(re.search(r"Collected : (\d+)", errors)[1]) / 1e6)


def render(node, before):
    command = ["ip", "netns", "exec", node.namespace, *before, node.world.lictor, "render", "-c", node.settings_file]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=node.environment)
    assert done.returncode == 0, done.stderr
    return done.stderr
