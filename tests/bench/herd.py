"""Whether many nodes under lictor go at their servers together: after an outage, and when all are changed at once.

First some real agents under lictor beside as many without, and one server, at whose RPC port requests are counted. Then two hundred
lictors whose agents are stood in for by one program that answers as those were heard to (herd_farm.py).
"""

import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import requests
import tools
import world as e2e
from book import OURS
from stage import quietly

PLAIN = "plain agent"
SERVICES = [{"name": "web", "port": 80, "checks": [{"ttl": "24h", "status": "passing"}]}, {"name": "plain", "port": 81}]
FIRST = 10  # s after the servers are back
AT_MOST = 1.5  # times the requests of plain agents, in these; a few nodes may hurry more
REAL, MANY = 6, 200
SETTLED = 40  # s until the agents have told the servers all, and lictor's questions stay with them
SPREAD = 10  # s: restart.spread
RECORDED = ["/v1/agent/self", "/v1/agent/services", "/v1/agent/checks", "/v1/status/leader", "/v1/agent/members"]
RECORDED += ["/v1/catalog/node/{name}", "/v1/health/node/{name}"]


class KeptServer:
    """A server that can be taken away, and comes back with what it knew."""

    def __init__(self, stage):
        stage.server.process.kill()
        stage.server.process.wait()
        self.namespace, self.folder = stage.server.namespace, f"{stage.folder}/kept-server"
        os.makedirs(self.folder)
        self.socket = f"{self.folder}/http.sock"
        settings = {
            "server": True,
            "bootstrap_expect": 1,
            "node_name": "server",
            "bind_addr": e2e.SERVER_ADDRESS,
            "data_dir": f"{self.folder}/data",
            "addresses": {"http": f"unix://{self.socket}"},
            "performance": {"raft_multiplier": 1},
            "disable_update_check": True,
        }
        e2e.write_json(f"{self.folder}/server.json", settings)

    def start(self):
        """Returns when it leads."""
        inside = ["ip", "netns", "exec", self.namespace]
        self.process = quietly([*inside, e2e.CONSUL, "agent", f"-config-file={self.folder}/server.json"])
        tools.eventually(lambda: len(tools.get_json(self.socket, "/v1/status/leader")) > 4, 60, "the server leads")

    def end(self):
        self.process.kill()
        self.process.wait()

    def passing(self, service):
        return len(tools.get_json(self.socket, f"/v1/health/service/{service}?passing"))


def listed(counts, nodes):
    return ", ".join(f"{number / nodes:.1f} {what}" for what, number in counts.most_common())


def compare(stage, title, ours, plain):
    """Of requests each node has sent in the first seconds."""
    measure = stage.book.measure(f"{title}: requests in the first {FIRST} s after an outage of {stage.outage} s, a node", "", 1, PLAIN)
    measure.add(PLAIN, plain)
    measure.add(OURS, ours)
    return measure


def herd(stage):
    plain, recorded = real(stage)
    own, text = recorded["answers"]["/v1/agent/self"]
    told = json.loads(text)
    told["Stats"]["serf_lan"]["members"] = str(MANY + 1)
    recorded["answers"]["/v1/agent/self"] = own, json.dumps(told)
    many(stage, plain, recorded)


# ---- real agents -------------------------------------------------------------------------------------------------------


def real(stage):
    """What a plain agent has sent in the first seconds after the outage, and how a node under lictor answers."""
    server = KeptServer(stage)
    server.start()
    wire = requests.Wire("br-server")
    config = {"retry_interval": "30s"}
    plain = [stage.agent(f"p{i}", services=SERVICES, **config) for i in range(REAL)]
    ours = [stage.attended(f"n{i}", agent={"config": config}, services=SERVICES) for i in range(REAL)]
    for node in [*plain, *ours]:
        node.start()
    tools.eventually(lambda: server.passing("web") == 2 * REAL, 60, "all are there")
    time.sleep(SETTLED)
    recorded = record(ours[0])
    server.end()
    time.sleep(stage.outage)
    began = time.monotonic()
    server.start()
    leads = time.monotonic()
    time.sleep(FIRST + 50)
    asked = {}
    for who, nodes in {PLAIN: plain, OURS: ours}.items():
        addresses = {node.address for node in nodes}
        first = wire.between(began, leads + FIRST, addresses)
        later = wire.between(leads + FIRST, leads + FIRST + 50, addresses)
        asked[who] = first.total() / REAL
        stage.book.note(f"{REAL} real agents, {who}: a node: {listed(first, REAL)}; in the 50 s after that: {listed(later, REAL)}")
    compare(stage, f"{REAL} real agents", asked[OURS], asked[PLAIN])
    for node in [*plain, *ours]:
        node.end()
    server.end()
    return asked[PLAIN], recorded


def record(node):
    answers = {}
    for target in [target.format(name=node.name) for target in RECORDED]:
        if target.startswith(("/v1/catalog", "/v1/health")):
            value, index = tools.get_indexed(node.agent_socket, target)
        else:
            value, index = node.agent_get(target), 0
        if target == "/v1/agent/members":
            value = [member for member in value if member["Name"] in ("server", node.name)]
        answers[target] = index, json.dumps(value)
    return {"name": node.name, "id": node.node_id(), "address": node.address, "answers": answers}


# ---- many --------------------------------------------------------------------------------------------------------------


class Farm:
    def __init__(self, stage, recorded):
        self.folder = f"{stage.folder}/farm"
        os.makedirs(self.folder)
        pathlib.Path(self.folder, "recorded.json").write_text(json.dumps(recorded))
        self.agent = shutil.copy(stage.compiled("herd_agent"), f"{self.folder}/consul")
        self.notes = open(f"{self.folder}/notes", "w+")
        program = pathlib.Path(__file__).with_name("herd_farm.py")
        command = [sys.executable, "-u", str(program), self.folder]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=self.notes, text=True)
        tools.eventually(lambda: os.path.exists(f"{self.folder}/farm.sock"), 20, "the stand-in is there")
        os.chmod(f"{self.folder}/farm.sock", 0o777)
        os.chmod(stage.folder, 0o755)

    def order(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return time.monotonic()

    def noted(self, begin, end):
        """(moment, node, request, whether it reached a server) of each within that time."""
        with open(f"{self.folder}/notes") as file:
            lines = [json.loads(line) for line in file if line.endswith("\n")]
        return [(at, node, what, reached) for at, node, what, _, reached in lines if begin <= at < end]


class Lictor:
    """One of many in one namespace, each at an address of its own."""

    def __init__(self, stage, farm, namespace, number, shared):
        self.name, self.namespace = f"h{number}", namespace
        self.address = f"10.78.{number // 250}.{number % 250 + 1}"
        folder = f"{farm.folder}/{self.name}"
        os.makedirs(folder)
        self.socket = f"{folder}/lictor.sock"
        # The kernel has so many watches of files for each user.
        self.user = 20000 + number // 50
        as_user = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--clear-groups"]
        self.command = ["ip", "netns", "exec", namespace, *as_user, stage.lictor, "run", "-c", f"{folder}/lictor.json"]
        config = {"retry_join": ["127.0.0.1"], "retry_interval": "30s", "bind_addr": self.address}
        settings = {
            "agent": {"binary": farm.agent, "config_dirs": [], "config_files": [shared], "config": config},
            "node": {"name": self.name, "data_dir": f"{folder}/data"},
            "services": SERVICES,
            "run_dir": f"/run/lt/{self.name}",
            "control": {"socket": self.socket, "http": ""},
        }
        e2e.write_json(f"{folder}/lictor.json", settings)
        self.log = f"{folder}/log"
        os.chown(folder, self.user, self.user)

    def start(self):
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, env={"PATH": os.environ["PATH"]})

    def ready(self):
        assert self.process.poll() is None, pathlib.Path(self.log).read_text()[-500:]
        return tools.get_json(self.socket, "/status")["ready"]


def many(stage, plain, recorded):
    farm = Farm(stage, recorded)
    namespace = stage.world.add_namespace("herd")
    shared = f"{farm.folder}/agent.json"
    e2e.write_json(shared, {})
    lictors = [Lictor(stage, farm, namespace, number, shared) for number in range(MANY)]
    commands = "\n".join(f"addr add {one.address}/16 dev eth0" for one in lictors)
    subprocess.run(["ip", "-n", namespace, "-batch", "-"], input=commands, text=True, check=True)
    for one in lictors:
        one.start()
    for one in lictors:
        tools.eventually(one.ready, 120, f"{one.name} is ready", every=0.2)
    time.sleep(SETTLED)
    farm.order("away")
    time.sleep(stage.outage)
    back = farm.order("back")
    leads = back + 1.5
    tools.eventually(lambda: all(one.ready() for one in lictors), 60, "all are ready again", every=0.5)
    ready = time.monotonic() - leads
    time.sleep(max(0, FIRST + 50 - ready))
    after_outage(stage, farm, plain, leads)
    stage.book.note(f"{MANY} lictors: all seen to be ready {ready:.1f} s after there was a leader")
    at_once(stage, farm, shared)
    for one in lictors:
        one.process.kill()


def after_outage(stage, farm, plain, leads):
    def of(begin, end):
        sent = [what.partition("?")[0] for _, _, what, reached in farm.noted(begin, end) if reached]
        return collections.Counter(what.replace(what.rpartition("/")[2], "…") if "/node/" in what else what for what in sent)

    first, later = of(leads - 1.5, leads + FIRST), of(leads + FIRST, leads + FIRST + 50)
    measure = compare(stage, f"{MANY} lictors, agents stood in for", plain + first.total() / MANY, plain)
    measure.limit(OURS, f"{AT_MOST} times those of a plain agent", AT_MOST * plain)
    seconds = collections.Counter(int(at - leads + 2) for at, _, _, reached in farm.noted(leads - 1.5, leads + 60) if reached)
    stage.book.note(f"{MANY} lictors, their own: a node: {listed(first, MANY)}; in the 50 s after that: {listed(later, MANY)}")
    stage.book.note(f"{MANY} lictors, their own: at most {max(seconds.values())} in one second, of a minute with {seconds.total()}")


def at_once(stage, farm, shared):
    """A setting that all have read from one file changes, and takes another agent."""
    e2e.write_json(shared, {"dns_config": {"only_passing": True}})
    changed = time.monotonic()
    time.sleep(SPREAD + 15)
    starts = [at - changed for at, _, what, _ in farm.noted(changed, changed + SPREAD + 15) if what == "start"]
    per_second = collections.Counter(int(at) for at in starts)
    measure = stage.book.measure(f"{MANY} lictors, one changed file: agents started again, after", "s", 1)
    measure.add(OURS, *starts)
    measure = stage.book.measure(f"{MANY} lictors, one changed file: agents started again, the most in one second", "", 0)
    measure.add(OURS, max(per_second.values()))
    measure.limit(OURS, f"twice an even spread over {SPREAD} s", 2 * MANY / SPREAD)
    stage.book.note(f"{MANY} lictors, one changed file: {len(starts)} agents started again; second by second: {sorted(per_second.items())}")
