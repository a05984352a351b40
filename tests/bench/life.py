"""The life of a node: start, stop, restart and death, under lictor and in the ways that it takes the place of."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time

import peers
import tools
import world as e2e
from book import OURS, in_turn, interleaved
from stage import FULL_SYNC, SERVICE, ended, forget_services, quietly, until

FLOOR = "bare agent, API called at once (the floor)"
HOOKS = "postStart hook: script, consul reload"
LATE = "postStart hook, begun 100 ms after the agent"
WAITING = "postStart hook that waits for the agent"
MS = 1000

# The article's way: a script writes a file of services, `consul reload` has the agent read it.
REGISTRATION = r"""
address=$(ip addr show | awk -F '[ /]+' '/eth[0-9]|em[0-9]/ && /inet/ {print $3}')
if [ -z "$address" ] || [ ! -d "$CONF_DIR" ]; then
  exit 1
fi
cat > "$CONF_DIR/registration.json" <<END
{"services": SERVICES}
END
consul reload
"""
# What a careful writer puts before it.
WAIT = """
until consul info > /dev/null 2>&1; do
  sleep 0.1
done
"""


class Hooked:
    """A node as the article has it: a bare agent, and a postStart hook that begins in the same moment."""

    def __init__(self, stage, name, waits=False, late=0.0, services=(SERVICE,)):
        self.agent, self.late = stage.agent(name), late
        texts = json.dumps([definition(name, "$address") for name in services])
        script = (WAIT if waits else "") + REGISTRATION.replace("SERVICES", texts)
        self.hook = e2e.write_script(f"{self.agent.folder}/create-consul-registration.sh", script)

    def start(self, **options):
        """`options` are Popen's, for agent and hook."""
        with contextlib.suppress(FileNotFoundError):  # the container's own folder, new with each container
            os.unlink(f"{self.agent.conf_dir}/registration.json")
        self.agent.start(**options)
        time.sleep(self.late)
        environment = {"PATH": os.environ["PATH"], "CONF_DIR": self.agent.conf_dir}
        self.hooking = quietly(self.agent.inside(self.hook), env=environment, **options)

    def hooked(self):
        """Where the hook fails, Kubernetes ends the container."""
        code = ended(self.hooking, 30)
        assert code == 0, f"the hook failed with exit code {code}: Kubernetes ends the container"


def definition(name, address):
    """A service in Consul's words."""
    return {"id": name, "name": name, "address": address, "port": 8500}


def definitions(names):
    """For lictor's settings."""
    return [definition(name, "${address}") for name in names]


def names_of(node, count):
    return [f"{node}-{number}" for number in range(count)]


# ---- start -----------------------------------------------------------------------------------------------------------


def start(stage):
    """Exec to service in the catalog, and to ready, which comes behind it."""
    measure = stage.book.measure("exec to service in the server's catalog", "ms")
    ready = stage.book.measure("exec to ready, beside the bare agent's service in the catalog", "ms")
    catalog = stage.catalog
    # All register the same: with a check an agent writes, and waits for, two files in the place of one.
    lictor, bare = stage.attended("lictor", services=definitions([SERVICE])), stage.agent("bare")
    # How long a kubelet takes to begin a hook decides whether it meets an agent: at once, and as late as one may be.
    hooks = {HOOKS: Hooked(stage, "hooked"), LATE: Hooked(stage, "late", late=0.1)}
    hooks[WAITING] = Hooked(stage, "waiting", waits=True)

    def attended():
        forget_services(lictor.data_dir)
        lictor.start()
        return lictor.started

    def floor():
        forget_services(bare.data_dir)
        bare.start()
        bare.register()
        return bare.started

    def hook(node):
        def begin():
            node.start()
            node.hooked()
            return node.agent.started

        return begin

    ways = {OURS: (lictor, attended), FLOOR: (bare, floor)}
    slow = {name: (node.agent, hook(node)) for name, node in hooks.items()}
    for number in range(stage.starts):
        for name, (node, begin) in in_turn(number, ways | slow if number % 4 == 0 else ways):
            try:
                began = begin()
                measure.add(name, MS * (catalog.shows(node.name) - began))
                if name == OURS:
                    ready.add(name, MS * lictor.exec_to_ready())
            except AssertionError as error:
                measure.failed(name, error)
            finally:
                node.end()
                catalog.forget(node.name)
    floor_median, hook_median = measure.median(FLOOR), measure.median(LATE)
    measure.limit(OURS, "the floor's median and 15 ms", floor_median and floor_median + 15)
    measure.limit(OURS, "a tenth of the late postStart hook's median", hook_median and hook_median / 10)
    measure.never_fails(OURS)
    ready.add(FLOOR, *measure.samples.get(FLOOR, []))
    ready.limit(OURS, "1.15 of the floor's median", floor_median and 1.15 * floor_median)


# ---- stop ------------------------------------------------------------------------------------------------------------


def stop(stage):
    """SIGTERM to exit, the node left."""
    out = stage.book.measure("told to stop, to exit with the node left", "ms", 0)
    gone = stage.book.measure("told to stop, to the node out of the catalog", "ms", 0)
    catalog = stage.catalog
    hasty, asked, told = f"{OURS}, stop.linger 0s", "consul leave, to the agent's exit", "SIGTERM to a bare agent"
    attended = {OURS: stage.attended("lingers"), hasty: stage.attended("hastes", stop={"linger": "0s"})}
    bare = {asked: stage.agent("asked"), told: stage.agent("told")}
    nodes = attended | bare

    def consul_leave(node):
        environment = {"PATH": os.environ["PATH"], "CONSUL_HTTP_ADDR": f"unix://{node.socket}"}
        quietly([e2e.CONSUL, "leave"], env=environment)

    for number in range(stage.rounds):
        for node in attended.values():
            node.start()
        for node in bare.values():
            node.start().register()
        for node in nodes.values():
            catalog.shows(node.name)
        time.sleep(FULL_SYNC)
        for name, node in in_turn(number, nodes):
            began = time.monotonic()
            if name == asked:
                consul_leave(node)
            else:
                node.process.send_signal(signal.SIGTERM)
            try:
                gone.add(name, MS * (catalog.has_lost(node.name) - began))
                code = ended(node.process)
                out.add(name, MS * (time.monotonic() - began))
                assert code == 0, f"exit code {code}"
                assert stage.server.member(node.name) == e2e.LEFT, "not left at the exit"
                assert stage.server.node(node.name) is None, "in the catalog after the exit"
            except AssertionError as error:
                out.failed(name, error)
                node.end()
                catalog.forget(node.name)
    out.limit(OURS, "stop.linger 1s", 2000)
    out.limit(hasty, "stop.linger 0s", 1000)
    out.limit(OURS, "0.4 of consul leave", out.median(asked) and 0.4 * out.median(asked))
    out.never_fails(OURS)


# ---- restart ---------------------------------------------------------------------------------------------------------


class Gaps(threading.Thread):
    """Follows the names of services in the catalog; `seconds` for which not all were there while the `with` block ran.

    The entries of all of them are compared, too: other ones under the same names were missing, however short.
    """

    def __init__(self, server, node, names):
        super().__init__(daemon=True)
        self.server, self.node, self.names = server, node, set(names)
        self.seconds, self.whole, self.over = 0.0, threading.Event(), threading.Event()
        self.error = None

    def entries(self):
        services = (self.server.node(self.node) or {}).get("Services") or {}
        return {name: one["CreateIndex"] for name, one in services.items() if name in self.names}

    def run(self):
        try:
            self.follow()
        except Exception as error:  # raised where the block ends
            self.error = error

    def follow(self):
        index, gone_since = 0, None
        while not self.over.is_set():
            listed, index = tools.get_indexed(self.server.socket, f"/v1/catalog/services?index={index}&wait=200ms")
            now = time.monotonic()
            if self.names <= set(listed):
                self.seconds += now - gone_since if gone_since else 0
                gone_since = None
                self.whole.set()
            else:
                gone_since = gone_since or now
                self.whole.clear()

    def __enter__(self):
        self.before = self.entries()
        assert set(self.before) == self.names, "not all services are in the catalog"
        self.start()
        assert self.whole.wait(10), f"not all services are listed: {self.error}"
        return self

    def __exit__(self, kind, *_):
        self.over.set()
        self.join()
        if self.error:
            raise self.error
        if not kind and not self.seconds:
            assert self.entries() == self.before, "services were made anew, and nobody saw them missing"


def restart(stage, count=200):
    """The catalog's gap of 200 services while a node is restarted."""
    gap = stage.book.measure(f"{count} services: missing from the catalog over a restart", "s", 2)
    leaves, stays = f"{OURS}, stop.policy leave", f"{OURS}, stop.policy stay"
    hooks = "preStop consul leave, postStart script"
    attended = {
        leaves: stage.attended("leaves", services=definitions(names_of("leaves", count))),
        stays: stage.attended("stays", services=definitions(names_of("stays", count)), stop={"policy": "stay"}),
    }
    hooked = Hooked(stage, "hooked", waits=True, services=names_of("hooked", count))

    def by_lictor(node):
        code, _ = node.stop()
        assert code == 0, node.last_line()
        node.start().ready()

    def by_hooks(node):
        environment = {"PATH": os.environ["PATH"], "CONSUL_HTTP_ADDR": f"unix://{node.agent.socket}"}
        subprocess.run([e2e.CONSUL, "leave"], env=environment, capture_output=True, timeout=20, check=True)
        with contextlib.suppress(ProcessLookupError):
            node.agent.process.send_signal(signal.SIGTERM)
        ended(node.agent.process)
        node.start()
        node.hooked()

    for node in attended.values():
        node.start().ready(30)
    hooked.start()
    hooked.hooked()
    ways = {name: (node, node.name, by_lictor) for name, node in attended.items()}
    ways[hooks] = (hooked, "hooked", by_hooks)
    time.sleep(FULL_SYNC)
    for name, (node, title, again) in interleaved(stage.rounds, ways):
        try:
            with Gaps(stage.server, title, names_of(title, count)) as gaps:
                again(node)
                # What has left may come back late, and what has stayed go late.
                time.sleep(FULL_SYNC)
                assert gaps.whole.wait(20), "not all services came back"
            gap.add(name, gaps.seconds)
        except AssertionError as error:
            gap.failed(name, error)
    gap.than = leaves
    gap.limit(stays, "no gap", 0.0, max(gap.samples.get(stays) or [0.0]))
    gap.limit(leaves, "2.5 s", 2.5)


# ---- killed ----------------------------------------------------------------------------------------------------------


def killed(stage):
    """The agent killed, to the next one with its service and a leader."""
    again = stage.book.measure("agent killed, to the next with its service and a leader", "ms", 0)
    ready = stage.book.measure("exec of the next to ready: seen in the catalog", "ms", 0)
    opened = stage.book.measure("exec to API of a bare agent that was killed, on its data", "ms", 0)
    lictor, bare = stage.attended(OURS), stage.agent("bare")
    held = {name: stage.agent(name) for name in peers.SUPERVISORS}
    catalog = stage.catalog

    def has_service(ask):
        return len(ask("GET", "/v1/status/leader").text) > 4 and SERVICE in ask("GET", "/v1/agent/services").text

    def kill(pid):
        os.kill(pid, signal.SIGKILL)
        return time.monotonic()

    lictor.start().ready()
    for name, node in held.items():
        node.start(peers.SUPERVISORS[name](f"{node.folder}/services", node.command))
        node.register()
        catalog.shows(node.name)
    with tools.Watch(lambda: {OURS, *held} <= set(stage.server.instances()), 0.02) as watch:
        for _ in range(stage.rounds):
            # Only an agent that has served for a while is started again after the shortest wait. A new lictor is one.
            lictor.end()
            lictor.start().ready()
            time.sleep(1.2)  # s6 and runit start nothing twice within a second
            began = kill(lictor.agent_pid())
            again.add(OURS, MS * (until(lambda: has_service(lictor.agent)) - began))
            for name, node in held.items():
                (old,) = [process.pid for process in tools.processes_in(node.namespace) if process.name == "consul"]
                began = kill(old)
                try:
                    again.add(name, MS * (until(lambda node=node: has_service(node.ask)) - began))
                except AssertionError as error:
                    again.failed(name, error)
    for _ in range(stage.rounds):
        lictor.end()
        lictor.start().ready()
        bare.start()
        bare.register()
        time.sleep(1.2)  # both have come to rest
        kill(lictor.agent_pid())
        time.sleep(1)  # who asks meanwhile takes the CPU that an agent starts with
        ready.add(OURS, MS * lictor.next_to_ready())
        bare.end()
        time.sleep(0.1)  # as lictor waits: a machine that has come to rest begins slower
        bare.start()
        opened.add(FLOOR, MS * (until(lambda: bare.ask("GET", "/").status, every=0.002) - bare.started))
        bare.end()
    api = opened.median(FLOOR)
    # How long it waits before is restart.min, give or take a fifth.
    ready.limit(OURS, "1.15 of a bare agent's exec to API", api and 1.15 * api)
    stage.book.note(f"times that a service was out of the catalog meanwhile: {len(watch.gaps)}")
    lictor.end()


# ---- lictor alone ----------------------------------------------------------------------------------------------------


def heal(stage):
    """A lost data directory, stale entries and old names: what nothing but lictor mends."""
    lost = stage.book.measure("data directory lost: exec to ready under the old id", "ms", 0)
    ghost = stage.book.measure("stale catalog entry at our address: exec to gone", "ms", 0)
    old = stage.book.measure("renamed: the old member's death to pruned and gone", "ms", 0)
    for number in range(stage.rounds):
        data_dir_lost(stage, stage.attended(f"lost{number}"), lost)
    old_claims(stage, [stage.attended(f"old{number}") for number in range(stage.rounds)], ghost, old)


def data_dir_lost(stage, node, measure):
    """Killed without leaving, data directory gone, started at once."""
    before = node.start().ready()["node_id"]
    node.end()
    shutil.rmtree(node.data_dir)
    node.start().ready()
    measure.add(OURS, MS * (time.monotonic() - node.started))
    assert stage.server.node(node.name)["Node"]["ID"] == before == node.node_id()
    node.end()
    stage.catalog.forget(node.name)


def old_claims(stage, nodes, ghosts, claims):
    """All are killed and started under new names; entries without a member are put at their addresses."""
    server = stage.server
    for node in nodes:
        node.start().ready()
    for node in nodes:
        node.end()
        ghost = f"ghost-{node.name}"
        server.put("/v1/catalog/register", {"Node": ghost, "Address": node.address})
        node.start(NODE_NAME=f"new-{node.name}").ready()
        ghosts.add(OURS, MS * (until(lambda name=ghost: server.node(name) is None) - node.started))
    failed, gone = {}, {}
    deadline = time.monotonic() + 60
    while len(gone) < len(nodes) and time.monotonic() < deadline:
        now = time.monotonic()
        members = {member["Name"]: member["Status"] for member in server.get("/v1/agent/members", timeout=20)}
        for name in (node.name for node in nodes):
            if members.get(name) in (e2e.FAILED, None):
                failed.setdefault(name, now)
            if name not in members and name not in gone and server.node(name) is None:
                gone[name] = now
        time.sleep(0.01)
    for node in nodes:
        if node.name in gone:
            claims.add(OURS, MS * (gone[node.name] - failed[node.name]))
        else:
            claims.failed(OURS, f"not gone; a member for the server: {members.get(node.name)}")
        node.end()


def eyes(stage):
    """One of eight nodes leaves; 10 s later, how many of server and the other seven say that it has left?"""
    seen = stage.book.measure("10 s after a leave: left in the eyes of server and 7 nodes", "", 0)
    others = [stage.attended(f"eye{number}") for number in range(7)]
    for node in others:
        node.start().ready()
    ways = {OURS: "1s", f"{OURS}, stop.linger 0s": "0s"}
    leavers = {name: stage.attended(f"lingers-{linger}", stop={"linger": linger}) for name, linger in ways.items()}
    bare = stage.agent("asked")
    for _ in range(2):
        for node in leavers.values():
            node.start().ready()
        bare.start().register()
        time.sleep(12)
        for name, node in leavers.items():
            code, _ = node.stop()
            if code != 0:
                seen.failed(name, node.last_line())
        bare.process.send_signal(signal.SIGTERM)
        ended(bare.process)
        time.sleep(10)
        for name, node in (leavers | {"SIGTERM to a bare agent": bare}).items():
            views = [stage.server.member(node.name)] + [other.members().get(node.name) for other in others]
            seen.add(name, views.count(e2e.LEFT))
    for node in others:
        node.end()
