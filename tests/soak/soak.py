#!/usr/bin/env python3
"""Disturbs a small cluster under lictor at random, for as long as asked, and holds it to its promises.

A real Consul server and real agents in network namespaces. What is done is a pure function of the seed: a run that
found something is run again with its seed, or only the steps in question with --steps. Needs what tests/e2e needs.
"""

import argparse
import collections
import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import statistics
import sys
import threading
import time
import traceback

import sandbox
import consul_facts
import tools
import world
from deeds import described, schedule
from node import Broken, Node
from tools import processes_in

SETTLED_WITHIN = 60.0  # s; serf itself looks for a lost member only every 30 s
# s: where nothing tells the node that the servers have lost their memory, this is when it looks.
CATALOG_CHECKED_EACH = 60.0
UNSEEN_FOR = 5.0  # s: how long a node may be ready while the server does not list its service


class Soak:
    def __init__(self, folder, options):
        self.options, self.folder = options, folder
        self.began = time.monotonic()
        self.log = open(f"{folder}/soak.log", "w")
        self.world = world.World(folder, options.lictor)
        self.server, self.server_since = self.world.server(), time.monotonic()
        self.nodes = [Node(self, number) for number in range(options.nodes)]
        self.counts, self.heals = collections.Counter(), collections.defaultdict(float)
        self.looks = self.checks = self.unheard = 0
        self.deeds = []  # of the step under way
        self.unknown_members = set()  # failed ones that stay, as no lictor can know of them
        self.longest_stop = self.longest_unseen = 0.0
        self.sizes, self.broken = [], None
        self.over = threading.Event()

    def say(self, text):
        line = f"{time.monotonic() - self.began:8.1f} {text}"
        print(line, file=self.log, flush=True)
        if not self.options.quiet:
            print(line, flush=True)

    # -- all the time

    def observe(self):
        """Nobody is ready for longer than a moment while the server does not list his service."""
        unseen = {}
        while not self.over.wait(0.2):
            try:
                since, listed = self.server_since, self.server.instances("base")
            except Exception:
                unseen.clear()
                continue
            for node in self.nodes:
                name, connected = node.name, node.connected_since
                ready = False
                with contextlib.suppress(Exception):
                    ready = node.client.probe("/readyz") == 200
                self.looks += 1
                if not ready or name in listed or None in (since, connected) or since != self.server_since:
                    unseen.pop(node, None)
                    continue
                seen = time.monotonic() - max(unseen.setdefault(node, time.monotonic()), since, connected)
                self.longest_unseen = max(self.longest_unseen, seen)
                if seen > UNSEEN_FOR and not self.broken:
                    self.broken = f"{name} has been ready for {seen:.1f} s while the server lists only {listed}"

    # -- a step

    def amiss(self):
        """Why the cluster is not as it should be; nothing if it is."""
        if self.broken:
            raise Broken(self.broken)
        catalog = {entry["Node"]: entry for entry in self.server.get("/v1/catalog/nodes")}
        listed = self.server.get("/v1/agent/members")
        members = {member["Name"]: member["Status"] for member in listed}
        self.checks += 1
        for node in self.nodes:
            reason = node.amiss(catalog, members)
            if reason:
                return reason
        names = {"server"} | {node.name for node in self.nodes}
        if set(catalog) != names:
            return f"ghosts in the catalog: {sorted(set(catalog) - names)}"
        ghosts = [m for m in listed if m["Name"] not in names and m["Status"] in (world.ALIVE, world.FAILED)]
        unknown = {member["Name"] for member in ghosts if self.unknown(member)}
        if len(ghosts) > len(unknown):
            return f"ghosts among the members: {[(m['Name'], m['Status']) for m in ghosts]}"
        self.unknown_members |= unknown
        return None

    def unknown(self, member):
        """Whether no lictor can have a failed member pruned: it was suspected before the agent at its address joined.

        Such an agent never hears of it, and an agent prunes none that it does not know. (Its catalog entry is gone.)
        """
        here = [node for node in self.nodes if node.client.address == member["Addr"]]
        return member["Status"] == world.FAILED and not any(node.knew(member["Name"]) for node in here)

    def settled(self, within=SETTLED_WITHIN):
        """Waits until all is as it should be: how long that took."""
        began, reason = time.monotonic(), ""
        while True:
            try:
                reason = self.amiss()
            except (OSError, LookupError, TypeError, ValueError, tools.http.client.HTTPException) as error:
                reason = repr(error)
            took = time.monotonic() - began
            if not reason:
                return took
            if took > within:
                raise Broken(f"not healed after {took:.0f} s: {reason}")
            time.sleep(0.05)

    def server_silent(self, deed):
        self.server_since = None
        os.kill(self.server.process.pid, signal.SIGSTOP)
        time.sleep(2 * deed.seconds)
        os.kill(self.server.process.pid, signal.SIGCONT)
        self.server_since = time.monotonic()

    def server_killed(self, deed):
        """The next server has the same address and knows nothing."""
        self.server_since = None
        self.server.process.kill()
        self.server.process.wait()
        time.sleep(deed.seconds)
        self.server = self.world.server()
        self.server_since = time.monotonic() + CATALOG_CHECKED_EACH

    def do(self, deed, failures):
        try:
            if deed.node is None:
                getattr(self, deed.kind)(deed)
            else:
                node = self.nodes[deed.node]
                getattr(node, "services_changed" if deed.kind == "services" else deed.kind)(deed)
        except Exception as error:
            if not isinstance(error, (Broken, AssertionError)):
                traceback.print_exc(file=self.log)
            failures.append(f"{deed.kind}: {error}" if str(error) else f"{deed.kind}: {error!r}")

    def step(self, number, deeds):
        self.say(f"step {number}: {described(deeds)}")
        for deed in deeds:
            for node in self.nodes if deed.node is None else [self.nodes[deed.node]]:
                node.excused.add(deed.kind)
        self.deeds, failures = deeds, []
        threads = [threading.Thread(target=self.do, args=(deed, failures)) for deed in deeds]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise Broken("; ".join(failures))
        unnoticed = any(deed.kind == "server_killed" for deed in deeds)
        took = self.settled(SETTLED_WITHIN + (CATALOG_CHECKED_EACH if unnoticed else 0))
        self.say(f"step {number}: healed after {took:.2f} s")
        for deed in deeds:
            self.counts[deed.kind] += 1
            self.heals[deed.kind] = max(self.heals[deed.kind], took)
        for node in self.nodes:
            lines = node.unexcused()
            if lines:
                raise Broken(f"{node.name} has logged at level error: {lines}")
            node.excused.clear()
        self.sizes.append(self.nodes[0].sizes())

    def grown(self):
        """What has grown from the first quarter of the run to its last: text, and whether it is too much."""
        quarter = max(1, len(self.sizes) // 4)
        medians = [
            [statistics.median(size[i] for size in part) for part in (self.sizes[:quarter], self.sizes[-quarter:])]
            for i in (0, 1)
        ]
        (kb, kb_last), (fds, fds_last) = medians
        text = f"lictor of n1, first and last quarter: {kb:.0f} kB, {kb_last:.0f} kB anonymous; {fds:.0f}, {fds_last:.0f} fds"
        return text, kb_last > kb * 1.25 + 128 or fds_last > fds + 2

    def report(self, done):
        self.say(f"seed {self.options.seed}, {self.options.nodes} nodes, {done} steps, {self.checks} looks at the cluster,")
        self.say(f"  {self.looks} looks whether who is ready is listed (longest unseen while ready {self.longest_unseen:.1f} s)")
        self.say(f"{'deed':16} {'times':>6} {'longest heal, s':>16}")
        for kind, times in sorted(self.counts.items()):
            self.say(f"{kind:16} {times:6} {self.heals[kind]:16.2f}")
        self.say(f"longest stop {self.longest_stop:.1f} s; leaves that no server could hear to the end: {self.unheard}")
        self.say(f"failed members that no agent at their address could know: {sorted(self.unknown_members) or 0}")

    def run(self):
        number = 0
        first, last = self.options.steps
        threading.Thread(target=self.observe, daemon=True).start()
        try:
            for node in self.nodes:
                node.start()
            self.say(f"all nodes up after {self.settled():.2f} s")
            began = time.monotonic()
            for number, deeds in enumerate(itertools.islice(schedule(self.options.seed, len(self.nodes)), last), 1):
                if number < first:
                    continue
                if time.monotonic() - began > self.options.seconds:
                    break
                self.step(number, deeds)
            self.report(sum(1 for _ in self.sizes))
            if self.sizes:
                text, too_much = self.grown()
                self.say(text)
                if too_much and len(self.sizes) >= 40:
                    raise Broken("lictor grows")
        except (Broken, AssertionError) as error:
            self.say(f"BROKEN, seed {self.options.seed}, step {number}: {error}")
            if self.options.quiet:
                print(f"BROKEN, seed {self.options.seed}, step {number}: {error}", flush=True)
            self.state()
            self.report(len(self.sizes))
            return 1
        finally:
            self.over.set()
        return 0

    def state(self):
        """What the server and the nodes say now, for whoever looks for the reason."""
        for what in ("/v1/catalog/nodes", "/v1/agent/members", "/v1/catalog/services"):
            with contextlib.suppress(Exception):
                self.log.write(f"{what}: {json.dumps(self.server.get(what))}\n")
        for node in self.nodes:
            with contextlib.suppress(Exception):
                self.log.write(f"{node.name}: {processes_in(node.client.namespace)}\n")
                self.log.write(f"{node.name}: {json.dumps(node.client.status())}\n")
        self.log.flush()


def duration(text):
    parts = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", text)
    if not text or not parts:
        raise argparse.ArgumentTypeError(f"{text} is no time such as 90s, 10m or 1h")
    hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    return hours * 3600 + minutes * 60 + seconds


def steps(text):
    parts = re.fullmatch(r"(?:(\d+)-)?(\d+)", text)
    if not parts:
        raise argparse.ArgumentTypeError(f"{text} is no number of steps and no range such as 17-19")
    return int(parts[1] or 1), int(parts[2])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1, help="what to do, and in which order (default: 1)")
    parser.add_argument("--for", dest="seconds", type=duration, default="10m", help="90s, 10m, 1h (default: 10m)")
    parser.add_argument("--nodes", type=int, default=4, help="how many nodes (default: 4)")
    parser.add_argument("--steps", type=steps, default=(1, 10**9), help="only so many steps, or only those from A-B")
    parser.add_argument("--plan", action="store_true", help="print the steps (of --steps) and end")
    parser.add_argument("--quiet", action="store_true", help="only the log file tells the steps")
    parser.add_argument("--lictor", default=str(sandbox.TOP / "build/release/lictor"), metavar="BINARY")
    parser.add_argument("--logs", default=str(sandbox.TOP / "build/soak"), help="where logs are kept (default: build/soak)")
    consul_facts.add_option(parser)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.lictor = os.path.abspath(options.lictor)
    if options.nodes < 2:
        parser.error("--nodes: two at least; the first one's lictor is never restarted")
    if options.inside:
        world.settle_in()
        return Soak(options.inside, options).run()
    if options.plan:
        first, last = options.steps
        for number, step in enumerate(itertools.islice(schedule(options.seed, options.nodes), min(last, 1000)), 1):
            if number >= first:
                print(f"{number:5} {described(step)}")
        return 0
    consul_facts.choose(options.consul)
    sandbox.require(options.lictor)

    def keep(folder, code):
        kept = f"{options.logs}/seed-{options.seed}"
        shutil.rmtree(kept, ignore_errors=True)
        os.makedirs(kept)
        for pattern in ("soak.log",) if code == 0 else ("*.log", "*/*.log", "*/lictor.json"):
            for path in folder.glob(pattern):
                shutil.copy(path, kept)
        print(f"logs: {kept}")

    return sandbox.enter(os.path.abspath(__file__), sys.argv[1:], keep)


if __name__ == "__main__":
    sys.exit(main())
