"""A cluster of ten thousand members, and a node of five thousand services: memory, turns of the loop, and time."""

import contextlib
import os
import re

from agent_stand_in import stand_in
from book import OURS, interleaved
from life import MS, definitions, names_of
from stage import forget_services, until
from tools import eventually

MEMBERS, SERVICES = 10_000, 5_000
PLAIN = "agent, services one after the other over its API"


def peak(node):
    """The most memory that lictor had resident so far, in MB."""
    with open(f"/proc/{node.pid}/status") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1]) / 1024


def members(stage):
    """The agent's list of members, which a node reads as soon as it is registered, is that of a cluster of ten thousand."""
    turns = stage.book.measure(f"{MEMBERS} members: longest turn of the event loop", "ms", 2)
    memory = stage.book.measure(f"{MEMBERS} members: peak of resident memory", "MB", 2)
    nodes = {f"{OURS}, {count} members": (stage.attended(f"of{count}"), count) for count in (3, MEMBERS)}
    for node, count in nodes.values():
        stand_in(node, f"members={count}")
    for who, (node, count) in interleaved(stage.rounds, nodes):
        node.start().ready(30)
        eventually(lambda: node.status().get("members", 0) >= count, 60, every=0.3)  # noqa: B023
        turns.add(who, MS * node.status()["longest_turn"])
        memory.add(who, peak(node))
        node.end()
        stage.catalog.forget(node.name)
    turns.limit(f"{OURS}, {MEMBERS} members", "10 ms", 10)
    memory.limit(f"{OURS}, {MEMBERS} members", "3.5 MB", 3.5)


def many(stage):
    """Five thousand services, each with a TTL check."""
    title = f"{SERVICES} services with TTL checks"
    took = stage.book.measure(f"{title}: exec to all in the catalog", "ms", 0, than=PLAIN)
    ready = stage.book.measure(f"{title}: exec to ready", "ms", 0)
    turns = stage.book.measure(f"{title}: longest turn of the event loop", "ms", 2)
    memory = stage.book.measure(f"{title}: peak of resident memory", "MB", 2)
    names = {who: names_of(who, SERVICES) for who in ("many", "plain")}
    check = {"ttl": "24h", "status": "passing"}
    node = stage.attended("many", services=[one | {"check": check} for one in definitions(names["many"])])
    plain = stage.agent("plain")

    def there(who, name, since):
        wanted = set(names[name])
        # The whole list, asked for at each change, would take the servers more than the services themselves do.
        stage.catalog.until(f"/v1/catalog/service/{names[name][-1]}", bool, 240)
        took.add(who, MS * (stage.catalog.until("/v1/catalog/services", lambda listed: wanted <= set(listed), 240) - since))

    def attended():
        node.start()
        there(OURS, "many", node.started)
        node.ready(240)
        ready.add(OURS, MS * node.exec_to_ready())
        turns.add(OURS, MS * node.status()["longest_turn"])
        memory.add(OURS, peak(node))

    def registered():
        plain.start()
        until(plain.knows_leader, every=0.002)
        for name in names["plain"]:
            body = {"Name": name, "Port": 8080, "Check": {"TTL": "24h", "Status": "passing"}}
            assert plain.ask("PUT", "/v1/agent/service/register", body).status == 200
        there(PLAIN, "plain", plain.started)

    for who, (held, begin) in interleaved(stage.rounds, {OURS: (node, attended), PLAIN: (plain, registered)}):
        try:
            begin()
        except AssertionError as error:
            took.failed(who, error)
        finally:
            held.end()
            stage.catalog.forget(held.name)
            forget_services(held.data_dir)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{held.data_dir}/lictor-services.json")
    turns.limit(OURS, "10 ms", 10)
    memory.limit(OURS, "12 MB", 12)
