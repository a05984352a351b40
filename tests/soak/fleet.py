#!/usr/bin/env python3
"""Many agents under lictor: rolls a restart through them, and shows how long each was missing from the catalog.

With --return the server is stopped and started instead, and then all agents are killed at the same moment four times:
when each comes back is shown, which must be spread and not a herd. Needs what tests/e2e needs.
"""

import argparse
import os
import pathlib
import shutil
import signal
import sys
import threading
import time

import chart
import sandbox
import consul_facts
import tools
import world
from tools import eventually

PATIENCE = 90.0
RESTART_MS, JITTER = 800.0, 0.2  # the pause before the fourth launch, 100 ms doubled, and how far it is spread
POLICIES = ("leave", "stay")


class Listing(threading.Thread):
    """Follows a service's instances in the catalog by blocking queries: each change is seen when the server has it.

    `gaps`: node -> when it was missing, a list of (from, to); `appeared`: node -> when it was last listed again.
    """

    def __init__(self, server, service, names):
        super().__init__(daemon=True)
        self.server, self.service, self.names = server, service, names
        self.gone_since, self.gaps, self.looks = {}, {name: [] for name in names}, 0
        self.appeared, self.entry = {}, {}
        self.over = threading.Event()

    def look(self, index):
        target = f"/v1/catalog/service/{self.service}?index={index}&wait=200ms"
        instances, seen = tools.get_indexed(self.server.socket, target)
        now = time.monotonic()
        there = {instance["Node"]: instance["CreateIndex"] for instance in instances}
        self.looks += 1
        for name in self.names:
            if name not in there:
                self.gone_since.setdefault(name, now)
                continue
            # Another entry under the old name was missing between two looks, however near they were.
            if name in self.gone_since or self.entry.get(name, there[name]) != there[name]:
                self.gaps[name].append((self.gone_since.pop(name, self.last), now))
                self.appeared[name] = now
            self.entry[name] = there[name]
        self.last = now
        return seen

    def run(self):
        index = 0
        while not self.over.is_set():
            try:
                seen = self.look(index)
                index = seen if seen >= index else 0
            except (OSError, ValueError, tools.http.client.HTTPException):
                index = 0
                self.over.wait(0.01)

    def missing(self, name, since):
        """Seconds that `name` was missing since a moment, until now."""
        now = time.monotonic()
        gaps = self.gaps[name] + ([(self.gone_since[name], now)] if name in self.gone_since else [])
        return sum(end - begin for begin, end in gaps if begin >= since)

    def end(self):
        self.over.set()
        self.join()


def start_all(fleet):
    """One by one: of agents that join in the same moment some hear of each other only at the next full exchange."""
    for client in fleet:
        client.start()
    for client in fleet:
        client.ready(PATIENCE)


def roll(server, fleet, policy):
    """Restarts one after another: (stop ms, start to ready ms, gap ms) for each."""
    for client in fleet:
        client.write_settings(stop={"policy": policy})
        client.command("reload")
    listing = Listing(server, "consul-members", [client.name for client in fleet])
    listing.start()
    eventually(lambda: listing.looks > 1, 5, "the listing is followed")
    rows = []
    for client in fleet:
        began = time.monotonic()
        code, stop = client.stop(within=30)
        if code != 0:
            raise AssertionError(f"{client.name}: exit {code}: {client.last_line()}")
        client.start()
        client.ready(PATIENCE)
        ready = time.monotonic() - client.started
        eventually(lambda: client.name not in listing.gone_since, 10, f"{client.name} is listed")
        rows.append((stop * 1000, ready * 1000, listing.missing(client.name, began) * 1000))
    listing.end()
    return rows


def table(fleet, policy, rows):
    print(f"\nstop.policy {policy}\n{'node':8} {'stop, ms':>10} {'ready, ms':>10} {'gap, ms':>10}")
    for client, row in zip(fleet, rows):
        print(f"{client.name:8} " + " ".join(f"{value:10.0f}" for value in row))
    print(f"{'longest':8} " + " ".join(f"{max(row[i] for row in rows):10.0f}" for i in range(3)), flush=True)


def rolled(server, fleet, options):
    policies = POLICIES if options.policy == "both" else (options.policy,)
    series, good = {}, True
    for policy in policies:
        rows = roll(server, fleet, policy)
        table(fleet, policy, rows)
        series[f"stop.policy {policy}"] = [row[2] / 1000 for row in rows]
        good = good and (policy != "stay" or all(row[2] == 0 for row in rows))
    names = [client.name for client in fleet]
    title = f"Rolling restart of {len(fleet)} nodes: how long each is missing from the catalog"
    save(options, chart.bars(title, "node, in the order of the restart", "gap in the catalog, s", names, series))
    if "stay" in policies:
        print(f"\nwith stay: {'gap 0.0 s on every node' if good else 'NOT without a gap'}")
    return good


def save(options, svg):
    if options.svg:
        pathlib.Path(options.inside, "chart.svg").write_text(svg)


def spread(values):
    return max(values) - min(values)


def returned(world_, server, fleet, options):
    """When each node registers with a server that was away, and when each agent is launched after a common death."""
    server.process.kill()
    server.process.wait()
    for client in fleet:
        eventually(lambda: not client.status()["ready"], PATIENCE, f"{client.name} is not ready")
        # Missed by gossip too: what comes next is a return and no short break.
        eventually(lambda: client.members().get("server") != world.ALIVE, PATIENCE, f"{client.name} misses the server")
    server = world_.server()
    began = time.monotonic()
    listing = Listing(server, "consul-members", [client.name for client in fleet])
    listing.start()
    for client in fleet:
        client.ready(3 * PATIENCE)
    eventually(lambda: not listing.gone_since and listing.looks, 10, "all are listed")
    listing.end()
    back = [(listing.appeared.get(client.name, began) - began) * 1000 for client in fleet]
    print(f"\nlisted after the server's return, ms: {min(back):.0f} to {max(back):.0f}")
    print(chart.histogram(back, 100, "ms"), flush=True)

    launches = deaths(fleet)
    print(f"\nfrom the common fourth death to the launch, ms: {min(launches):.0f} to {max(launches):.0f}")
    print(chart.histogram(launches, 40, "ms"))
    counted = chart.buckets(back, 100)
    labels = [f"{begin / 1000:.1f}" for begin, _ in counted]
    title = f"{len(fleet)} nodes registered again after the server's return"
    series = {"nodes": [count for _, count in counted]}
    save(options, chart.bars(title, "s after the server is there", "nodes", labels, series, 0))
    # The machine is busy with all of them at once: what comes late is no lack of jitter, what comes early is.
    low, wide = RESTART_MS * (1 - JITTER), RESTART_MS * JITTER
    good = min(launches) >= low - 20 and (len(fleet) < 8 or spread(launches) >= wide)
    print("\nspread as promised" if good else f"\nNOT spread: at least {low:.0f} ms and {wide:.0f} ms wide expected")
    return good


def deaths(fleet):
    """Kills all agents at the same moment, four times: ms from the fourth death to each next launch."""
    for turn in range(4):
        old = {client: eventually(client.agent_pid, PATIENCE, f"{client.name} has an agent") for client in fleet}
        began = time.monotonic()
        for pid in old.values():
            os.kill(pid, signal.SIGKILL)
        waiting, launches = dict(old), {}
        while waiting:
            if time.monotonic() - began > PATIENCE:
                raise AssertionError(f"no new agent for {[client.name for client in waiting]}")
            for client in list(waiting):
                # Told by lictor's own parent link: the first child that is not the dead one.
                young = [pid for pid in young_children(client.pid) if pid != waiting[client]]
                if young:
                    launches[client] = (time.monotonic() - began) * 1000
                    del waiting[client]
            time.sleep(0.002)
    return list(launches.values())


def young_children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


def inside(options):
    world.settle_in()
    one = world.World(options.inside, options.lictor)
    server = one.server()
    width = len(str(options.count))
    fleet = [
        one.client(f"n{number:0{width}}", agent={"config": {"log_level": "warn"}})
        for number in range(1, options.count + 1)
    ]
    began = time.monotonic()
    start_all(fleet)
    eventually(lambda: len(server.instances()) == len(fleet), PATIENCE, "all are listed")
    print(f"{len(fleet)} nodes up after {time.monotonic() - began:.1f} s", flush=True)
    if options.back:
        return 0 if returned(one, server, fleet, options) else 1
    return 0 if rolled(server, fleet, options) else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("count", type=int, metavar="N", help="how many nodes")
    parser.add_argument("--policy", choices=[*POLICIES, "both"], default="both", help="stop.policy (default: both)")
    parser.add_argument("--return", dest="back", action="store_true", help="the server goes and returns; agents die together")
    parser.add_argument("--svg", metavar="FILE", help="write a chart there")
    parser.add_argument("--lictor", default=str(sandbox.TOP / "build/release/lictor"), metavar="BINARY")
    consul_facts.add_option(parser)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.lictor = os.path.abspath(options.lictor)
    if not 1 <= options.count <= 200:
        parser.error("N: 1 to 200")
    if options.inside:
        return inside(options)
    consul_facts.choose(options.consul)
    sandbox.require(options.lictor)

    def keep(folder, code):
        made = folder / "chart.svg"
        if options.svg and made.exists():
            shutil.copy(made, options.svg)
            print(f"chart: {options.svg}")
        if code != 0:
            for log in sorted(folder.rglob("*.log")):
                print(f"-- {log.relative_to(folder)}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-10:]))

    return sandbox.enter(os.path.abspath(__file__), sys.argv[1:], keep)


if __name__ == "__main__":
    sys.exit(main())
