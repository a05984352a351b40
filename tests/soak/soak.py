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
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
import traceback

import sandbox
import tools
import world
from tools import children, eventually, holds, processes_in

HUNG_AFTER = 3.0
STOP_TIMEOUT = 10.0
SETTLED_WITHIN = 60.0  # s; serf itself looks for a lost member only every 30 s
# s: where nothing tells the node that the servers have lost their memory, this is when it looks.
CATALOG_CHECKED_EACH = 60.0
UNSEEN_FOR = 5.0  # s: how long a node may be ready while the server does not list its service
QUIET_AFTER_LEAVE = 5.0
DISK = "24m"

Deed = collections.namedtuple("Deed", "kind node seconds number")

# How often each comes. Those of ALONE meet the server, those of REBORN need another lictor.
WEIGHTS = {
    "kill_agent": 10,
    "stop_agent": 8,
    "cut_off": 8,
    "slow": 5,
    "fill_disk": 6,
    "touch_settings": 4,
    "services": 10,
    "break_settings": 4,
    "agent_settings": 6,
    "usr2": 6,
    "hup": 4,
    "term": 6,
    "term_cut_off": 2,
    "kill_lictor": 6,
    "rename": 5,
    "rename_killed": 4,
    "server_silent": 3,
    "server_killed": 3,
}
ALONE = {"server_silent", "server_killed"}
REBORN = {"term", "term_cut_off", "kill_lictor", "rename", "rename_killed"}


def schedule(seed, nodes):
    """The steps of a seed, endless: each a list of deeds at different nodes, done at the same time.

    The first node keeps its lictor all the time, so that growth would show.
    """
    chance = random.Random(seed)

    def deed(free):
        while True:
            kind = chance.choices(list(WEIGHTS), WEIGHTS.values())[0]
            where = chance.choice(free)
            if kind not in REBORN or where != 0:
                return Deed(kind, where, round(chance.uniform(0.2, 8), 1), chance.randrange(1 << 16))

    while True:
        free, step = list(range(nodes)), []
        for _ in range(chance.choice([1, 1, 1, 2, 2, 3])):
            one = deed(free)
            if one.kind in ALONE:
                step = [one._replace(node=None)]
                break
            step.append(one)
            free.remove(one.node)
            if not free:
                break
        yield step


def described(step):
    return ", ".join(
        f"{d.kind}{'' if d.node is None else f' n{d.node + 1}'} ({d.seconds} s, {d.number})" for d in step
    )


class Broken(Exception):
    pass


def service(name, port):
    return {"name": name, "port": port, "check": {"name": name, "ttl": "24h", "status": "passing"}}


class Node:
    """A client, what is wanted of it, and the deeds that disturb it."""

    def __init__(self, soak, number):
        self.soak, self.number = soak, number
        self.wanted = {"base": 8500}
        self.names, self.id, self.read = 0, None, 0
        self.connected_since = time.monotonic()  # None while it is cut off
        self.excused = set()  # kinds of deeds that its log may still speak of
        self.client = world_client = soak.world.client(
            f"n{number + 1}",
            node={"name": f"n{number + 1}"},
            services=self.services(),
            log={"format": "json"},
            watch={"hung_after": f"{HUNG_AFTER:.0f}s"},
            restart={"min": "50ms", "max": "800ms"},
            stop={"timeout": f"{STOP_TIMEOUT:.0f}s", "linger": "300ms"},
        )
        disk = self.disk = f"{world_client.folder}/disk"
        os.mkdir(disk)
        world.run("mount", "-t", "tmpfs", "-o", f"mode=0755,size={DISK}", "tmpfs", disk)
        world_client.data_dir, world_client.run_dir = f"{disk}/data", f"{disk}/run"
        world_client.agent_socket = f"{world_client.run_dir}/agent/http.sock"
        world_client.write_settings(node={"data_dir": world_client.data_dir}, run_dir=world_client.run_dir)

    @property
    def name(self):
        return self.client.settings["node"]["name"]

    def services(self):
        base = {"name": "base", "port": 8500, "check": {"name": "base", "tcp": "127.0.0.1:8500", "interval": "1s"}}
        return [base] + [service(name, port) for name, port in self.wanted.items() if name != "base"]

    def start(self):
        self.client.start()
        self.pid = self.client.pid

    # -- deeds; each returns when what it disturbed is over

    def agent(self):
        return eventually(self.client.agent_pid, 20, f"{self.name} has an agent")

    def other_agent(self, before, within=20):
        eventually(lambda: self.client.agent_pid() not in (None, before), within, f"{self.name} has another agent")

    def signalled(self, pid, number):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    def kill_agent(self, deed):
        for _ in range(1 + deed.number % 3):
            agent = self.agent()
            self.signalled(agent, signal.SIGKILL)
            self.other_agent(agent)

    def stop_agent(self, deed):
        agent = self.agent()
        self.signalled(agent, signal.SIGSTOP)
        time.sleep(deed.seconds)
        if deed.seconds > HUNG_AFTER + 2:
            self.other_agent(agent)
        else:
            self.signalled(agent, signal.SIGCONT)

    def slow(self, deed):
        agent, until = self.agent(), time.monotonic() + deed.seconds
        while time.monotonic() < until:
            self.signalled(agent, signal.SIGSTOP)
            time.sleep(0.2)
            self.signalled(agent, signal.SIGCONT)
            time.sleep(0.05)

    def link(self, state):
        if state == "down":
            self.connected_since = None
        world.run("ip", "link", "set", f"br-n{self.number + 1}", state)
        if state == "up":
            self.connected_since = time.monotonic()

    def cut_off(self, deed):
        self.link("down")
        time.sleep(2 * deed.seconds)
        self.link("up")

    def fill_disk(self, deed):
        """Half of the time the agent dies, or is to be reloaded, while the disk is full."""
        ballast = f"{self.disk}/ballast"
        subprocess.run(["dd", "if=/dev/zero", f"of={ballast}", "bs=64k"], stderr=subprocess.DEVNULL, timeout=20)
        if deed.number % 4 == 0:
            self.signalled(self.agent(), signal.SIGKILL)
        if deed.number % 4 == 1:
            self.client.send(signal.SIGHUP)
        time.sleep(deed.seconds / 2)
        os.remove(ballast)

    def touch_settings(self, deed):
        agent = self.agent()
        self.client.write_settings()
        os.utime(self.client.settings_file)
        time.sleep(0.5)
        if self.client.agent_pid() != agent:
            raise Broken(f"{self.name}: settings written anew and unchanged have cost the agent")

    def services_changed(self, deed):
        chance = random.Random(deed.number)
        for name in ("web", "db", "cache"):
            what = chance.choice(["keep", "there", "gone", "port"])
            if what == "gone":
                self.wanted.pop(name, None)
            elif what == "port" or (what == "there" and name not in self.wanted):
                self.wanted[name] = chance.randrange(1000, 9000)
        self.client.write_settings(services=self.services())

    def break_settings(self, deed):
        with open(self.client.settings_file, "w") as file:
            file.write('{"services": [')
        eventually(lambda: self.client.status()["problems"], 10, f"{self.name} tells that its settings are broken")
        self.client.write_settings()
        eventually(
            lambda: not any("lictor.json" in str(p) for p in self.client.status()["problems"]),
            10,
            f"{self.name} tells that its settings are mended",
        )

    def agent_settings(self, deed):
        agent = self.agent()
        self.client.write_settings(agent={"config": {"dns_config": {"udp_answer_limit": 1 + deed.number}}})
        self.other_agent(agent)

    def usr2(self, deed):
        agent = self.agent()
        self.client.send(signal.SIGUSR2)
        self.other_agent(agent)

    def hup(self, deed):
        agent = self.agent()
        self.client.send(signal.SIGHUP)
        time.sleep(0.5)
        if self.client.agent_pid() != agent:
            raise Broken(f"{self.name}: SIGHUP without a change has cost the agent")

    def stopped(self, codes):
        asked, name = time.monotonic(), self.name
        self.client.send(signal.SIGTERM)
        code = self.client.ended(STOP_TIMEOUT + 2)
        entry = self.soak.server.node(name) if code == 0 else None
        seconds = time.monotonic() - asked
        self.soak.longest_stop = max(self.soak.longest_stop, seconds)
        if code not in codes:
            raise Broken(f"{name}: exit {code} after {seconds:.1f} s, not one of {codes}: {self.client.last_line()}")
        if entry is not None:
            raise Broken(f"{name}: exit 0, and the node is still in the catalog")
        self.gone()
        return name

    def gone(self):
        eventually(
            lambda: not processes_in(self.client.namespace), 2, f"nobody left of {self.name} in {self.client.namespace}"
        )

    def term(self, deed):
        name = self.stopped([0])
        holds(lambda: self.soak.server.node(name) is None, QUIET_AFTER_LEAVE, f"{name} stays out of the catalog")
        self.start()

    def term_cut_off(self, deed):
        self.link("down")
        self.stopped([1])
        self.link("up")
        self.start()

    def kill_lictor(self, deed):
        self.signalled(self.pid, signal.SIGKILL)
        self.client.ended(5)
        self.gone()
        if deed.number % 2:
            time.sleep(deed.seconds)
        self.start()

    def renamed(self):
        self.names += 1
        self.id = None  # under its old id it would not be let in before the old name is forgotten
        self.client.write_settings(node={"name": f"n{self.number + 1}-{self.names}"})
        self.start()

    def rename(self, deed):
        self.stopped([0])
        self.renamed()

    def rename_killed(self, deed):
        self.signalled(self.pid, signal.SIGKILL)
        self.client.ended(5)
        self.gone()
        self.renamed()

    # -- looks; each a reason why the node is not as it should be, or nothing

    def amiss(self, catalog, members):
        if self.client.process.poll() is not None:
            raise Broken(f"{self.name}: lictor has ended with {self.client.process.returncode}")
        if members.get(self.name) != world.ALIVE:
            return f"{self.name} is {members.get(self.name)} among the server's members"
        entry = catalog.get(self.name)
        if not entry:
            return f"{self.name} is not in the catalog"
        if self.id is None:
            self.id = self.client.node_id()
        if self.client.node_id() != self.id or self.client.status()["node_id"] != self.id:
            raise Broken(f"{self.name}: its id was {self.id} and is {self.client.node_id()}")
        if entry["ID"] != self.id or entry["Address"] != self.client.address:
            return f"{self.name} is in the catalog with {entry['ID']} at {entry['Address']}"
        found = self.soak.server.get(f"/v1/health/node/{self.name}")
        bad = {check["Name"]: check["Status"] for check in found if check["Status"] != "passing"}
        if bad:
            return f"{self.name}: checks {bad}"
        there = self.soak.server.node(self.name)["Services"].values()
        have = sorted((one["Service"], one["Port"]) for one in there)
        if have != sorted(self.wanted.items()):
            return f"{self.name} has {have} in the catalog, not {self.wanted}"
        if self.client.probe("/readyz") != 200:
            return f"{self.name} is not ready"
        own = children(self.pid)
        if [p.name for p in own] != ["consul"] or own[0].state == "Z":
            return f"{self.name}: lictor's children are {own}"
        if sorted(p.name for p in processes_in(self.client.namespace)) != ["consul", "lictor"]:
            return f"{self.name}: {processes_in(self.client.namespace)}"
        return None

    def unexcused(self):
        """Lines at level error in lictor's log, new since the last look, that no deed explains."""
        with open(self.client.log_file, errors="replace") as file:
            file.seek(self.read)
            text = file.read()
        text = text[: text.rfind("\n") + 1]
        self.read += len(text.encode(errors="replace"))
        lines = []
        for line in text.splitlines():
            with contextlib.suppress(ValueError):
                told = json.loads(line)
                if told["level"] == "error" and "source" not in told and not self.excuse(told["message"]):
                    lines.append(told["message"])
        return lines

    def excuse(self, message):
        return any(kind in self.excused and re.search(text, message) for text, kinds in EXCUSED for kind in kinds)

    def sizes(self):
        with open(f"/proc/{self.pid}/smaps_rollup") as file:
            anonymous = next(int(line.split()[1]) for line in file if line.startswith("Anonymous:"))
        return anonymous, len(os.listdir(f"/proc/{self.pid}/fd"))


# What lictor may say at level error, and the deeds that make it do so.
EXCUSED = [
    (r"the agent has died", {"kill_agent", "stop_agent", "fill_disk", "slow"}),
    (r"the agent is hung", {"stop_agent", "slow"}),
    (r"settings not applied", {"break_settings", "fill_disk"}),
    (r"no space left", {"fill_disk"}),
    (r"the leave was not|no server|left", {"term_cut_off"}),
    # The kernel ends the agent of a lictor that was killed, and takes its time.
    (r"another agent answers", {"kill_lictor", "rename_killed"}),
]


class Soak:
    def __init__(self, folder, options):
        self.options, self.folder = options, folder
        self.began = time.monotonic()
        self.log = open(f"{folder}/soak.log", "w")
        self.world = world.World(folder, options.lictor)
        self.server, self.server_since = self.world.server(), time.monotonic()
        self.nodes = [Node(self, number) for number in range(options.nodes)]
        self.counts, self.heals = collections.Counter(), collections.defaultdict(float)
        self.looks = self.checks = 0
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
        members = {member["Name"]: member["Status"] for member in self.server.get("/v1/agent/members")}
        self.checks += 1
        for node in self.nodes:
            reason = node.amiss(catalog, members)
            if reason:
                return reason
        names = {"server"} | {node.name for node in self.nodes}
        if set(catalog) != names:
            return f"ghosts in the catalog: {sorted(set(catalog) - names)}"
        ghosts = {n: s for n, s in members.items() if n not in names and s in (world.ALIVE, world.FAILED)}
        if ghosts:
            return f"ghosts among the members: {ghosts}"
        return None

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
        failures = []
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
        self.say(f"longest stop {self.longest_stop:.1f} s")

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
