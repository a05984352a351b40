#!/usr/bin/env python3
"""Nodes on links that flap, and a virtual address that moves: what comes of it is printed. (Real time: an hour is an hour.)

A Consul server and four nodes under lictor. The virtual address moves between the first two each 10 s. The third one's own
link is away again and again, for 0.1 to 4 s at random: down, without its carrier, or its address taken away. The fourth
has another interface, with an address and the better default route, that never comes to rest.
Exit code 1: an agent was restarted, a node moved, or the server held one for failed.
"""

import argparse
import os
import random
import sys
import threading
import time

import sandbox
import consul_facts
import world
from soak import duration

VIRTUAL = "10.77.0.100/32"
BESIDE = "192.0.2.7/24"
DEFAULT = ("route", "replace", "default", "via", "10.77.0.1", "metric", "100")
AWAY = (0.1, 4.0)  # s
# s: a member that is suspected has 4 s to say that it lives, and it has to be heard.
THERE = (6.0, 14.0)


class Flaps:
    def __init__(self, folder, options):
        self.options, self.random = options, random.Random(options.seed)
        self.world = world.World(folder, options.lictor)
        self.server = self.world.server()
        self.nodes = [self.world.client(f"n{number}") for number in range(1, 5)]
        self.over = threading.Event()
        self.counts = dict.fromkeys(("virtual address moved", "own link away", "other interface flapped", "looks"), 0)
        self.amiss = []

    def ip(self, node, *words):
        world.run("ip", "-n", node.namespace, *words)

    def rest(self, bounds):
        return self.over.wait(self.random.uniform(*bounds))

    def virtual(self):
        holder, other = self.nodes[:2]
        self.ip(holder, "addr", "add", VIRTUAL, "dev", "eth0")
        while not self.over.wait(10):
            self.ip(holder, "addr", "del", VIRTUAL, "dev", "eth0")
            holder, other = other, holder
            self.ip(holder, "addr", "add", VIRTUAL, "dev", "eth0")
            self.counts["virtual address moved"] += 1

    def own_link(self):
        node = self.nodes[2]
        address = (f"{node.address}/24", "dev", "eth0")
        ways = (
            (("link", "set", "eth0", "down"), ("link", "set", "eth0", "up")),
            (("addr", "del", *address), ("addr", "add", *address)),
            (("addr", "flush", "dev", "eth0"), ("addr", "add", *address)),
        )
        while not self.rest(THERE):
            way = self.random.randrange(len(ways) + 1)
            if way < len(ways):
                self.ip(node, *ways[way][0])
                self.rest(AWAY)
                self.ip(node, *ways[way][1])
            else:
                world.run("ip", "link", "set", f"br-{node.name}", "down")
                self.rest(AWAY)
                world.run("ip", "link", "set", f"br-{node.name}", "up")
            # As a manager of the network does.
            self.ip(node, *DEFAULT)
            self.counts["own link away"] += 1

    def other_interface(self):
        node = self.nodes[3]
        self.ip(node, "link", "add", "eth1", "type", "veth", "peer", "name", "far")
        self.ip(node, "addr", "add", BESIDE, "dev", "eth1")
        self.ip(node, "link", "set", "far", "up")
        while True:
            self.ip(node, "link", "set", "eth1", "up")
            self.ip(node, "route", "add", "default", "via", "192.0.2.254", "dev", "eth1", "metric", "1")
            if self.rest(AWAY):
                return
            self.ip(node, "link", "set", "eth1", "down")
            if self.rest(AWAY):
                return
            self.counts["other interface flapped"] += 1

    def look(self, agents):
        members = {member["Name"]: member["Status"] for member in self.server.get("/v1/agent/members")}
        critical = {check["Node"] for check in self.server.checks("critical") if check["CheckID"] == "serfHealth"}
        for node in self.nodes:
            seen = (members.get(node.name), node.name in critical, node.agent_pid(), node.status()["address"])
            if seen != (world.ALIVE, False, agents[node.name], node.address):
                self.amiss.append((round(time.monotonic() - self.began, 1), node.name, *seen))
        self.counts["looks"] += 1

    def run(self):
        for node in self.nodes:
            self.ip(node, *DEFAULT)
            node.start().ready()
        agents = {node.name: node.agent_pid() for node in self.nodes}
        self.began = time.monotonic()
        threads = [threading.Thread(target=deed) for deed in (self.virtual, self.own_link, self.other_interface)]
        for thread in threads:
            thread.start()
        while time.monotonic() - self.began < self.options.seconds:
            self.look(agents)
            self.over.wait(0.5)
        self.over.set()
        for thread in threads:
            thread.join()
        for what, times in self.counts.items():
            print(f"{what:28} {times:8}")
        for node in self.nodes:
            status = node.ready(30)
            ticks = sum(int(n) for n in open(f"/proc/{node.pid}/stat").read().rpartition(")")[2].split()[11:13])
            print(f"{node.name}: restarts {status['agent']['restarts']}, {ticks / os.sysconf('SC_CLK_TCK'):.2f} s of processor"
                  f" time, {node.log.count('the address is back')} times \"the address is back\"")
            if node.agent_pid() != agents[node.name] or status["agent"]["restarts"]:
                self.amiss.append((node.name, "its agent is another one"))
        for what in self.amiss[:20]:
            print("AMISS", *what)
        print(f"{self.options.seconds} s, seed {self.options.seed}: {len(self.amiss)} looks with something amiss")
        return 1 if self.amiss else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--for", dest="seconds", type=duration, default="1h", help="90s, 10m, 1h (default: 1h)")
    parser.add_argument("--lictor", default=str(sandbox.TOP / "build/release/lictor"), metavar="BINARY")
    consul_facts.add_option(parser)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.lictor = os.path.abspath(options.lictor)
    if options.inside:
        world.settle_in()
        return Flaps(options.inside, options).run()
    consul_facts.choose(options.consul)
    sandbox.require(options.lictor)
    return sandbox.enter(os.path.abspath(__file__), sys.argv[1:], lambda folder, code: None)


if __name__ == "__main__":
    sys.exit(main())
