#!/usr/bin/env python3
"""What a node at rest asks of its servers: under lictor, under another build of it, and as a plain agent with the same services.

    tests/bench/rest.py [--seconds N] [--lictor BINARY] [--before BINARY] [--consul PATH]

The nodes serve at once, beside one server, with a service of TTL check and one without a check. Counted is what each agent itself counts
(telemetry: client.rpc), interval by interval, from some seconds after all are registered on; and what the server answers as a consistent
read, one of which it makes by itself each five minutes. Prints a table, what lictor itself has cost the host meanwhile, and the limits
that it has set itself; the exit code goes by them.
"""

import json
import os
import sys
import time

sys.dont_write_bytecode = True
import beside  # noqa: E402
import world as e2e  # noqa: E402
from tools import ask_inside, eventually  # noqa: E402

OF_BEFORE, OF_PLAIN = 0.15, 1.1
SETTLED = 30  # s; the agents have told the servers all, and their first full syncs are over
SERVICES = [{"name": "web", "port": 80, "checks": [{"ttl": "24h", "status": "passing"}]}, {"name": "plain", "port": 81}]


class Counter:
    """Of one agent's requests, interval by interval."""

    def __init__(self, ask, named):
        self.ask, self.named, self.seen = ask, named, {}

    def look(self):
        metrics = json.loads(self.ask("/v1/agent/metrics"))
        kinds = metrics["Counters"] + metrics["Samples"]
        self.seen[metrics["Timestamp"]] = sum(one["Count"] for one in kinds if one["Name"].endswith(self.named))

    def total(self):
        return sum(self.seen.values())


def cost(pid):
    """(ms of CPU, context switches) of a process since its start."""
    with open(f"/proc/{pid}/stat") as file:
        ticks = sum(map(int, file.read().rpartition(")")[2].split()[11:13]))
    with open(f"/proc/{pid}/status") as file:
        switches = sum(int(line.split()[1]) for line in file if "ctxt_switches" in line)
    return 1000 * ticks // os.sysconf("SC_CLK_TCK"), switches


def measure(folder, options):
    before, seconds = options.before, options.seconds
    world = e2e.World(folder, options.lictor)
    server = world.server()
    nodes = {"plain agent": beside.Plain(world, "plain", SERVICES), "lictor": beside.attended(world, "n1", SERVICES)}
    if before:
        nodes["lictor before"] = beside.attended(world, "n2", SERVICES, before)
    for node in nodes.values():
        world.lictor = getattr(node, "lictor", options.lictor)
        node.start()
    eventually(lambda: len(server.instances("plain")) == len(nodes), 60, "all are there")
    time.sleep(SETTLED)
    counters = {
        who: Counter(lambda target, node=node: ask_inside(node.namespace, "127.0.0.1:8500", target).text, "client.rpc")
        for who, node in nodes.items()
    }
    counters["consistent reads at the server"] = Counter(lambda target: json.dumps(server.get(target)), "rpc.consistentRead")
    for counter in counters.values():
        counter.look()
        counter.seen.clear()
    attendants = {who: node.pid for who, node in nodes.items() if who != "plain agent"}
    costs = {who: cost(pid) for who, pid in attendants.items()}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(3)
        for counter in counters.values():
            counter.look()
    for who, counter in counters.items():
        print(f"{who:32}{counter.total():6} requests in {seconds} s, in {len(counter.seen)} intervals")
    for who, pid in attendants.items():
        cpu, switches = (now - then for now, then in zip(cost(pid), costs[who]))
        with open(f"/proc/{pid}/smaps_rollup") as file:
            pss = next(line.split()[1] for line in file if line.startswith("Pss:"))
        print(f"{who:32}{cpu:6} ms of CPU, {switches} context switches, PSS {pss} kB")
    kept = []

    def limit(what, ours, theirs, times):
        kept.append(ours <= times * theirs)
        print(f"{'kept  ' if kept[-1] else 'MISSED'} {what}: {ours} of {theirs}: {ours / max(theirs, 1):.2f} of {times} times")

    own, plain = counters["lictor"].total(), counters["plain agent"].total()
    limit("as a plain agent", own, plain, OF_PLAIN)
    if before:
        limit("lictor's own, of before", max(own - plain, 0), counters["lictor before"].total() - plain, OF_BEFORE)
    return 0 if all(kept) else 1


def add_options(parser):
    parser.add_argument("--seconds", type=int, default=600, metavar="N", help="of rest (default: 600)")
    parser.add_argument("--before", metavar="BINARY", type=os.path.abspath, help="another build, beside it")


if __name__ == "__main__":
    sys.exit(beside.run(__file__, measure, lambda options: options.seconds + 300, __doc__, add_options))
