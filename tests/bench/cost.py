#!/usr/bin/env python3
"""What a node under lictor costs servers, network, disk and logs, beside a plain agent with the same services.

    tests/bench/cost.py [PART…] [--seconds N] [--lictor BINARY] [--consul PATH]

    rest     a node that serves: requests to servers, bytes on its link, on its disk and in its log, CPU and memory
    deeds    a start, a restart, a leave, another tag, other words of the node's check: writes of the servers, bytes, lines
    back     what nodes ask in the first minute after their servers have been away
    leaderless  the same while a server lives on without a leader
    held     what thousands of questions that wait cost one server, and how many are woken by another node's change
    gossip   what members tell each other, among few and among more
    scrape   series and bytes of the metrics
    fleet    `lictor fleet` in a cluster of 10,000 nodes

One server with Consul's own timing that keeps its log on disk, and nodes in network namespaces of their own; no TLS. Each part has a
sandbox of its own. docs/large-fleet.md has the figures.
"""

import argparse
import contextlib
import json
import os
import pathlib
import resource
import select
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import beside  # noqa: E402
import fleet_view_test  # noqa: E402
import consul_facts  # noqa: E402
import world as e2e  # noqa: E402
from tools import UnixConnection, ask_inside, eventually, get_indexed  # noqa: E402
from wire import Wire  # noqa: E402

SETTLED = 45  # s; the agents have told the servers all, and their first full syncs are over
PARTS = ("rest", "deeds", "back", "leaderless", "held", "gossip", "scrape", "fleet")
NODE = {"name": "consul-members", "port": 8500}
OWN_CHECK = {"id": "lictor-node", "ttl": "28s", "status": "passing"}
THREE = [
    {"name": "web", "port": 80, "tags": ["v1"], "checks": [{"ttl": "24h", "status": "passing"}]},
    {"name": "db", "port": 81, "checks": [{"tcp": "127.0.0.1:8500", "interval": "10s", "status": "passing"}]},
    {"name": "plain", "port": 82},
]
ATTENDED, ALONE = [NODE | {"check": OWN_CHECK}, *THREE], [NODE, *THREE]


class Store(e2e.Server):
    """A server as users run it: with Consul's own timing, and its log on disk. It can come back."""

    def __init__(self, world, **config):
        self.token, self.namespace, self.folder = None, world.add_namespace("server"), f"{world.folder}/server"
        e2e.run("ip", "-n", self.namespace, "addr", "add", f"{e2e.SERVER_ADDRESS}/24", "dev", "eth0")
        os.mkdir(self.folder)
        self.socket = f"{self.folder}/http.sock"
        settings = {"server": True, "bootstrap_expect": 1, "node_name": "server", "bind_addr": e2e.SERVER_ADDRESS}
        settings |= {"data_dir": f"{self.folder}/data", "disable_update_check": True}
        settings |= {"addresses": {"http": f"127.0.0.1 {e2e.SERVER_ADDRESS} unix://{self.socket}"}} | config
        e2e.write_json(f"{self.folder}/consul.json", settings)
        self.start()

    def start(self):
        command = ["ip", "netns", "exec", self.namespace, e2e.CONSUL, "agent", f"-config-file={self.folder}/consul.json"]
        with open(f"{self.folder}/log", "a") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        eventually(lambda: self.get("/v1/catalog/nodes?consistent"), 40, "the server has elected itself")

    def raft_index(self):
        return int(self.get("/v1/agent/self")["Stats"]["raft"]["last_log_index"])

    def goroutines(self):
        return int(self.get("/v1/agent/self")["Stats"]["runtime"]["goroutines"])


# ---- what /proc says --------------------------------------------------------------------------------------------------


def fields(path):
    found = {}
    for line in pathlib.Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        found[key] = value.split()[0] if value.split() else ""
    return found


def written(pid):
    """Bytes that a process has had written to a disk: pages, without the file system's own records."""
    return int(fields(f"/proc/{pid}/io")["write_bytes"])


def cpu(pid):
    """ms of CPU since its start."""
    ticks = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return 1000 * sum(map(int, ticks)) // os.sysconf("SC_CLK_TCK")


def memory(pid):
    return int(fields(f"/proc/{pid}/smaps_rollup")["Pss"])


def resident(pid):
    return int(fields(f"/proc/{pid}/status")["VmRSS"])


def lines_of(node):
    """(lines, bytes) of lictor's own and of the agent's."""
    own, agents = [0, 0], [0, 0]
    with contextlib.suppress(FileNotFoundError), open(node.log_file, errors="replace") as file:
        for line in file:
            count = own if len(line) > 24 and line[0] == "2" and line[23:24] == "Z" and line[24:26] not in ("", " [") else agents
            count[0] += 1
            count[1] += len(line.encode())
    return own, agents


def grown(now, then):
    return [tuple(b - a for a, b in zip(*pair)) for pair in zip(then, now)]


def row(what, *values):
    print(f"  {what:48}" + "".join(f"{value:>16}" for value in values), flush=True)


def named(requests):
    return " ".join(f"{name} {count}" for name, count in sorted(requests.items())) or "none"


def two_nodes(world, **config):
    """A plain agent and one under lictor, with the same services."""
    return {"plain agent": beside.Plain(world, "plain", ALONE, **config), "lictor": beside.attended(world, "n1", ATTENDED, **config)}


def there(server, *names):
    eventually(lambda: set(names) <= set(server.instances("plain")), 60, f"in the catalog: {names}")


def serving(world):
    """(server, nodes, their links), long enough after the start for all to have been told."""
    server, nodes = Store(world), two_nodes(world)
    wires = {who: Wire(node.name, node.address) for who, node in nodes.items()}
    for node in nodes.values():
        node.start()
    there(server, "n1", "plain")
    nodes["lictor"].ready()
    time.sleep(SETTLED)
    return server, nodes, wires


# ---- parts -----------------------------------------------------------------------------------------------------------


def rest(world, options):
    server, nodes, wires = serving(world)
    agents = {who: node.agent_pid() for who, node in nodes.items()}
    pids = {**{f"{who}, agent": pid for who, pid in agents.items()}, "lictor itself": nodes["lictor"].pid, "server": server.process.pid}

    def look():
        by_process = {who: (written(pid), cpu(pid)) for who, pid in pids.items()}
        return by_process, {who: wire.look() for who, wire in wires.items()}, {who: lines_of(node) for who, node in nodes.items()}

    processes, links, logs = look()
    index = server.raft_index()
    time.sleep(options.seconds)
    later, _, lines = look()
    entries = server.raft_index() - index
    for who, wire in wires.items():
        seen, requests = wire.since(links[who])
        own, agents_lines = grown(lines[who], logs[who])
        print(f"\n{who}, {options.seconds} s at rest")
        print(f"  requests to servers: {sum(requests.values()) - requests['gossip exchange']}: {named(requests)}")
        print(f"  bytes on the link: {sum(seen.values())}: {named(seen)}")
        print(f"  log: lictor {own[0]} lines, {own[1]} bytes; agent {agents_lines[0]} lines, {agents_lines[1]} bytes")
    print(f"\n{options.seconds} s at rest; raft entries of the server: {entries}")
    row("", "bytes to disk", "ms of CPU", "PSS, kB")
    for who, pid in pids.items():
        row(who, later[who][0] - processes[who][0], later[who][1] - processes[who][1], memory(pid))


def deeds(world, _):
    """No coordinates are sent, so that each entry of the servers' log is of the deed."""
    quiet = {"disable_coordinates": True}
    server, nodes = Store(world, **quiet), two_nodes(world, **quiet, check_update_interval="5s")
    nodes["lictor, default service"] = beside.attended(world, "n2", None, **quiet)
    wires = {who: Wire(node.name, node.address) for who, node in nodes.items()}
    row("", "raft entries", "bytes on link", "server's disk", "lictor's lines", "agent's lines", "log bytes")

    def deed(who, what, do):
        node, wire = nodes[who], wires[who]
        settled(server)
        index, disk, link, lines = server.raft_index(), written(server.process.pid), wire.look(), lines_of(node)
        do(node)
        settled(server)
        seen, requests = wire.since(link)
        own, agents = grown(lines_of(node), lines)
        index, disk = server.raft_index() - index, written(server.process.pid) - disk
        row(f"{who}, {what}", index, sum(seen.values()), disk, own[0], agents[0], own[1] + agents[1])
        print(f"      {named(requests)}", flush=True)

    def ready(client):
        client.start().ready(30)

    def back(node):
        node.start()
        there(server, node.name)

    def returns(client, number):
        client.stop(number)
        ready(client)

    def plain_returns(node, number):
        node.end(number)
        if number == signal.SIGTERM:
            eventually(lambda: node.name not in server.instances("plain"), 20, "left")
        back(node)

    def another_tag(node, services, then=lambda: None):
        tags = [f"v{time.monotonic_ns()}"]
        node.write_settings(services=[services[0], services[1] | {"tags": tags}, *services[2:]])
        then()
        eventually(lambda: tags in [one["ServiceTags"] for one in server.get("/v1/catalog/service/web")], 20, "the tag")

    def words(client):
        """A problem that costs no readiness; told after check_update_interval, which is short here."""
        good = dict(client.settings)
        client.write_settings(bogus=1)
        eventually(lambda: "settings_refused" in told(server, client.name), 30, "the words")
        client.settings = good

    def words_again(client):
        client.write_settings()
        eventually(lambda: "settings_refused" not in told(server, client.name), 30, "the words")

    def dies(node, start):
        for process in {node.pid, node.agent_pid()}:
            os.kill(process, signal.SIGKILL)
        node.process.wait(10)
        eventually(lambda: server.member(node.name) == e2e.FAILED, 30, "failed")
        time.sleep(2)
        start(node)

    deed("lictor", "nothing, 30 s", lambda _: time.sleep(30))
    deed("plain agent", "first start", back)
    for who in ("lictor", "lictor, default service"):
        deed(who, "first start", ready)
        time.sleep(SETTLED)
        deed(who, "lictor's restart, stays", lambda node: returns(node, signal.SIGRTMIN + 1))
        deed(who, "lictor restart", lambda node: node.command("restart", within=60))
        deed(who, "leave and return", lambda node: (node.command("leave", within=60), node.ended(30), ready(node)))
    deed("plain agent", "killed and started", lambda node: plain_returns(node, signal.SIGKILL))
    deed("plain agent", "leave and return", lambda node: plain_returns(node, signal.SIGTERM))
    deed("lictor", "failed and back", lambda node: dies(node, ready))
    deed("plain agent", "failed and back", lambda node: dies(node, back))
    deed("lictor", "one tag changed", lambda node: another_tag(node, ATTENDED))
    deed("plain agent", "one tag changed", lambda node: another_tag(node, ALONE, lambda: node.process.send_signal(signal.SIGHUP)))
    deed("lictor", "check: other words", words)
    deed("lictor", "check: the former words", words_again)


def told(server, name):
    return next(c["Output"] for c in server.get(f"/v1/health/node/{name}") if c["CheckID"] == "lictor-node")


def settled(server, quiet=12):
    """The server's log has not grown for some seconds."""
    seen, since = server.raft_index(), time.monotonic()
    while time.monotonic() - since < quiet:
        time.sleep(0.5)
        now = server.raft_index()
        if now != seen:
            seen, since = now, time.monotonic()


def back(world, options):
    server, nodes, wires = serving(world)
    for away in (5, 120):
        server.process.kill()
        server.process.wait()
        gone = {who: (wire.look(), lines_of(nodes[who])) for who, wire in wires.items()}
        time.sleep(away)
        print(f"\nservers away for {away} s")
        began = {who: (wire.look(), lines_of(nodes[who])) for who, wire in wires.items()}
        for who, wire in wires.items():
            seen, requests = wire.since(gone[who][0])
            own, agents = grown(began[who][1], gone[who][1])
            print(f"  {who}, meanwhile: {named(requests)}; {sum(seen.values())} bytes; lines: lictor {own[0]}, agent {agents[0]}")
        server.start()
        elected, index = time.monotonic(), server.raft_index()
        for seconds in (0, 1, 2, 5, 10, 60):
            time.sleep(max(0, elected + seconds - time.monotonic()))
            for who, wire in wires.items():
                seen, requests = wire.since(began[who][0])
                print(f"  {who}, until {seconds} s after the election: {named(requests)}; {sum(seen.values())} bytes", flush=True)
        print(f"  raft entries in these 60 s: {server.raft_index() - index}", flush=True)


def leaderless(world, _):
    """One of two servers is lost, and the other lives on without a leader."""
    other = beside.Plain(world, "other", [], server=True, bootstrap_expect=2, retry_interval="1s").start()
    server, nodes = Store(world, bootstrap_expect=2), two_nodes(world)
    wires = {who: Wire(node.name, node.address) for who, node in nodes.items()}
    for node in nodes.values():
        node.start()
    there(server, "n1", "plain")
    nodes["lictor"].ready()
    time.sleep(SETTLED)
    began = {who: (wire.look(), lines_of(nodes[who])) for who, wire in wires.items()}
    other.end()
    gone, at = time.monotonic(), (10, 20, 30, 60, 120, 180)
    for seconds in at:
        time.sleep(max(0, gone + seconds - time.monotonic()))
        for who, wire in wires.items():
            _, requests = wire.since(began[who][0])
            own, agents = grown(lines_of(nodes[who]), began[who][1])
            print(f"  {who}, {seconds} s: {named(requests)}; lines: lictor {own[0]}, agent {agents[0]}", flush=True)


HELD_NODES, HELD_AGENTS = 1000, 4


def held(world, _):
    """Two questions for each of 1,000 nodes, by way of four agents, as each node's own agent would pass them on."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (16000, 16000))
    more = {"limits": {"http_max_conns_per_client": 10000}}
    server = Store(world, **more)
    began = time.monotonic()
    disk = written(server.process.pid)
    for number in range(HELD_NODES):
        service = {"Service": "plain", "Port": 80}
        server.put("/v1/catalog/register", {"Node": f"x{number}", "Address": f"10.9.{number >> 8}.{number & 255}", "Service": service})
    took, disk = time.monotonic() - began, written(server.process.pid) - disk
    print(f"one after the other: {HELD_NODES / took:.0f} registrations a second, {disk // HELD_NODES} bytes to disk each")
    agents = [beside.Plain(world, f"a{number}", [], **more).start() for number in range(HELD_AGENTS)]
    for agent in agents:
        eventually(lambda: get_indexed(agent.socket, "/v1/health/node/x0?stale")[0] is not None, 30)  # noqa: B023
    time.sleep(20)

    def figures():
        time.sleep(15)
        return server.goroutines(), resident(server.process.pid), len(os.listdir(f"/proc/{server.process.pid}/fd"))

    before, waiting = figures(), []
    for target in ("/v1/health/node/", "/v1/catalog/node/"):
        for number in range(HELD_NODES):
            path = agents[number % HELD_AGENTS].socket
            _, index = get_indexed(path, f"{target}x{number}?stale")
            connection = UnixConnection(path, None)
            connection.request("GET", f"{target}x{number}?stale&index={index}&wait=600s")
            waiting.append(connection.sock)
        after = figures()
        count = len(waiting)
        told = ", ".join(f"{what} {a} to {b}" for what, a, b in zip(("goroutines", "kB resident", "descriptors"), before, after))
        print(f"{count} questions that wait: {told}", flush=True)
    used = cpu(server.process.pid)
    for number in range(100):
        server.put("/v1/catalog/register", {"Node": "y", "Address": "10.9.255.1", "Service": {"Service": "plain", "Port": 81 + number}})
    time.sleep(3)
    poll = select.poll()
    for one in waiting:
        poll.register(one, select.POLLIN)
    used = cpu(server.process.pid) - used
    print(f"100 changes of another node: {len(poll.poll(0))} of {len(waiting)} were answered; {used} ms of the server's CPU")
    connections = e2e.run("ip", "netns", "exec", server.namespace, "ss", "-Htn", "sport = :8300").count("\n")
    print(f"connections of {HELD_AGENTS} agents to the server's RPC port: {connections}")


def gossip(world, options):
    server = Store(world)
    few, many, seconds = 3, 21, min(options.seconds, 180)
    watched = beside.attended(world, "n1", None).start()
    wire = Wire("n1", watched.address)
    beside.Plain(world, "a0", []).start()
    for count in (few, many):
        while world.nodes + 1 < count:
            beside.Plain(world, f"a{world.nodes}", []).start()
            time.sleep(0.5)
        eventually(lambda: len(server.get("/v1/agent/members")) == count, 60, "all are members")  # noqa: B023
        time.sleep(SETTLED)
        before = wire.look()
        time.sleep(seconds)
        seen, requests = wire.since(before)
        print(f"{count} members, {seconds} s: {named(seen)}; {named(requests)}", flush=True)


def scrape(world, _):
    server = world.server()
    opened = {"client_addr": "0.0.0.0", "telemetry": {"prometheus_retention_time": "300s", "disable_hostname": True}}
    client = world.client(log={"level": "info"}, services=ATTENDED, agent={"config": opened}, control={"http": "0.0.0.0:8555"})
    client.start().ready()
    there(server, "n1")
    time.sleep(60)
    for what, address, target in (
        ("lictor", "127.0.0.1:8555", "/metrics"),
        ("agent", "127.0.0.1:8500", "/v1/agent/metrics?format=prometheus"),
    ):
        text = ask_inside(client.namespace, address, target).text
        series = [line for line in text.splitlines() if line and not line.startswith("#")]
        print(f"{what}: {len(series)} series, {len(text.encode())} bytes", flush=True)


def fleet(world, _):
    server = Store(world)
    began = time.monotonic()
    fleet_view_test.fill(server, fleet_view_test.NODES)
    print(f"{fleet_view_test.NODES} nodes filled in, in {time.monotonic() - began:.0f} s; server {resident(server.process.pid)} kB resident")
    address = f"{e2e.SERVER_ADDRESS}:8500"
    command = ["ip", "netns", "exec", server.namespace, "/usr/bin/python3", "-S", "-c", fleet_view_test.MEASURE, world.lictor]
    for _ in range(3):
        used, sent = cpu(server.process.pid), loopback(server.namespace)
        done = subprocess.run([*command, "fleet", "--http-addr", address], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done
        seconds, peak = done.stderr.split()
        used, sent = cpu(server.process.pid) - used, loopback(server.namespace) - sent
        print(f"{float(seconds):.2f} s, {int(peak) / 1000:.1f} MB, {sent} bytes, {used} ms of the server's CPU", flush=True)


def loopback(namespace):
    text = e2e.run("ip", "netns", "exec", namespace, "cat", "/proc/net/dev")
    return next(int(line.split()[1]) for line in text.splitlines() if line.strip().startswith("lo:"))


# ---- the program -----------------------------------------------------------------------------------------------------


def measure(folder, options):
    print(f"\n== {options.part}, {consul_facts.given()}, load {' '.join(map(str, os.getloadavg()))}", flush=True)
    globals()[options.part](e2e.World(folder, options.lictor), options)
    return 0


def add_options(parser):
    parser.add_argument("parts", nargs="*", metavar="PART", choices=[[], *PARTS], help=f"of {', '.join(PARTS)}")
    parser.add_argument("--seconds", type=int, default=600, metavar="N", help="of rest (default: 600)")
    parser.add_argument("--part", help=argparse.SUPPRESS)


def turns(options):
    return [["--part", part] for part in options.parts or PARTS]


if __name__ == "__main__":
    sys.exit(beside.run(__file__, measure, lambda options: options.seconds + 900, __doc__, add_options, turns))
