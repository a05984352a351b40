"""A node of a soak: what is done to it, and what must hold of it."""

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import time

import world
from deeds import REBORN
from tools import children, eventually, holds, processes_in

HUNG_AFTER = 3.0
STOP_TIMEOUT = 10.0
QUIET_AFTER_LEAVE = 5.0
DISK = "24m"

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


# Deeds that take a node's agent out of the gossip for a while, or for good.
DEAF = {"kill_agent", "stop_agent", "cut_off", "slow", "agent_settings", "usr2"} | REBORN
UNCONFIRMED = "the agent says it left, but no server confirmed it"


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
        if code not in codes and not (code == 1 and self.unheard()):
            raise Broken(f"{name}: exit {code} after {seconds:.1f} s, not one of {codes}: {self.client.last_line()}")
        if entry is not None:
            raise Broken(f"{name}: exit 0, and the node is still in the catalog")
        self.gone()
        return name

    def unheard(self):
        """Whether the truth about a leave is that no server could confirm it: waits until it has come to its end all the same.

        An agent sends the news that it is gone to four members at random, and nobody acknowledges them. Where at least two of
        the others are not there to pass them on they may all be lost, with some 6 % of such leaves; the server, which has heard
        that the member is leaving, then finds out by itself.
        """
        deaf = [deed for deed in self.soak.deeds if deed.node != self.number and deed.kind in DEAF]
        server, name = self.soak.server, self.name
        if len(deaf) < 2 or UNCONFIRMED not in self.client.last_line() or server.member(name) != world.LEAVING:
            return False
        self.soak.unheard += 1
        eventually(
            lambda: server.member(name) == world.LEFT and server.node(name) is None, 30, f"the server finds {name} gone"
        )
        return True

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

    def knew(self, name):
        """Whether this node's agent lists a member of that name, or lictor has ever spoken of one."""
        states = re.findall(rf'"claim":"address","name":"{name}".*"state":"([^"]+)"', self.client.log)
        return name in self.client.members() or any(state != "no member" for state in states)

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
