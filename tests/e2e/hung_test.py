"""An agent that lives and does not answer, beside one that is only slow."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

from agent_stand_in import stand_in
from tools import AFTER_SYNC, eventually, get_json, holds, processes_in
from world import ALIVE, CONSUL, LEFT, run, write_json, write_script

HUNG_AFTER = 3.0

# In the agent's place: takes connections on the private socket, answers none, and ignores SIGTERM.
MUTE_AGENT = """
import json, signal, socket, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
settings = json.load(open(sys.argv[-1].split("=", 1)[1]))
path = next(word for word in settings["addresses"]["http"].split() if word.startswith("unix://")).removeprefix("unix://")
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
taken = []
while True:
    taken.append(listener.accept())
"""


def mute_agent(world):
    program = f"{world.folder}/mute.py"
    with open(program, "w") as file:
        file.write(MUTE_AGENT)
    return program


def hung_from_the_start(world):
    """An agent that takes connections and never answers is killed after watch.hung_after, and the real one serves."""
    program = mute_agent(world)
    server = world.server()
    client = world.client(watch={"hung_after": f"{HUNG_AFTER:.0f}s"})
    real, tried = client.settings["agent"]["binary"], f"{world.folder}/tried"
    agent = f"""if [ "$1" != agent ] || [ -e {tried} ]; then exec {real} "$@"; fi
: > {tried}
exec {sys.executable} {program} "$@"
"""
    # Root, who may read whatever Python this is.
    client.write_settings(agent={"binary": write_script(f"{world.folder}/agent", agent), "user": "root"})
    client.start()
    client.logged("the agent is hung, its API silent; killing it", HUNG_AFTER + 5)
    client.ready(20)
    assert [p.name for p in processes_in(client.namespace)].count("consul") == 1, client.processes()
    assert server.member("n1") == ALIVE


def hung_at_the_stop(world):
    """An agent that ends on nothing else is killed when it has had three seconds, which is one line of the log."""
    client = world.client(stop={"policy": "stay"})
    real = client.settings["agent"]["binary"]
    agent = f"""if [ "$1" != agent ]; then exec {real} "$@"; fi
exec {sys.executable} {mute_agent(world)} "$@"
"""
    client.write_settings(agent={"binary": write_script(f"{world.folder}/agent", agent), "user": "root"})
    client.start()
    eventually(lambda: os.path.exists(client.agent_socket), 10, "the agent takes connections")
    code, seconds = client.stop()
    assert code == 0 and seconds < 4, f"exit {code} after {seconds:.1f} s: {client.last_line()}"
    assert client.log.count("killing the agent") == 1, client.log
    client.nobody_left()


def hung_no_server_answers(world):
    """While no server answers, an agent with something to tell them answers little itself. It is not hung."""
    server, client = world.server(), world.client(watch={"hung_after": f"{HUNG_AFTER:.0f}s"}).start()
    client.ready()
    agent = client.agent_pid()
    # Gossip goes on; what a server says over its RPC port gets lost.
    silence = ["ip", "-n", server.namespace, "rule", "add", "priority", "1", "ipproto", "tcp", "sport", "8300", "blackhole"]
    run(*silence)
    web = {"Name": "web", "Port": 80}

    def mute():
        try:
            client.agent("PUT", "/v1/agent/service/register", web, timeout=1)
            client.agent("GET", "/v1/agent/self", timeout=1)
        except TimeoutError:
            return True
        return False

    eventually(mute, 10, "the agent waits for a server")
    eventually(lambda: client.probe("/readyz") == 503, 5, "not ready")
    holds(lambda: client.agent_pid() == agent, 2.5 * HUNG_AFTER, "the agent is left alone")
    assert "hung" not in client.log, client.log[-1000:]
    silence[silence.index("add")] = "del"
    run(*silence)
    client.ready(30)
    eventually(lambda: server.instances("web"), 10, "the servers are told")
    assert client.agent_pid() == agent and server.member("n1") == ALIVE


def hung_and_slow(world):
    """An agent that gets to run for a moment every two seconds is slow, not hung: it is left alone."""
    world.server()
    client = world.client(watch={"hung_after": f"{HUNG_AFTER:.0f}s"}, agent={"config": {"log_level": "debug"}}).start()
    client.ready()
    agent = client.agent_pid()

    def answers():
        """To lictor, which alone asks over the socket, when it asks whether the agent lives."""
        return client.log.count("url=/v1/agent/self from=@")

    for _ in range(5):
        os.kill(agent, signal.SIGSTOP)
        before = answers()
        time.sleep(2)  # longer than between two questions
        os.kill(agent, signal.SIGCONT)
        # That it answers is what makes it slow.
        eventually(lambda: answers() > before, 5, "the agent answers lictor")
        eventually(lambda: client.status()["agent"]["pid"] == agent, 1, "lictor answers")
    assert client.agent_pid() == agent and "hung" not in client.log, client.log[-1000:]


def hung_and_closing(world):
    """An agent that closes each connection, before it was ever ready or after, is alive: told of once, and left alone."""
    world.server()
    client = world.client(watch={"hung_after": "2s"}, restart={"give_up_after": 1})
    order = stand_in(client, "shut")
    client.start()
    told = "the agent ends each connection without an answer"
    for times in (1, 2):
        eventually(lambda: client.log.count(told) == times, 10, "it is told of")
        agent = client.agent_pid()
        holds(lambda: client.agent_pid() == agent and not client.status()["ready"], 4, "the agent is left alone")
        assert told in client.status()["problems"], client.status()
        assert client.log.count(told) == times and "hung" not in client.log, client.log[-2000:]
        order()
        assert client.ready()["problems"] == [], client.status()
        order("shut") if times == 1 else None


def hung_under_load(world):
    """An agent that everybody asks at once is busy, not hung."""
    world.server()
    client = world.client(watch={"hung_after": f"{HUNG_AFTER:.0f}s"}).start()
    client.ready()
    agent, over = client.agent_pid(), threading.Event()

    def ask_on():
        while not over.is_set():
            try:
                client.agent_get("/v1/agent/metrics")
                client.agent_get("/v1/catalog/services")
            except (OSError, ValueError):
                pass

    crowd = [threading.Thread(target=ask_on, daemon=True) for _ in range(32)]
    for one in crowd:
        one.start()
    time.sleep(2 * HUNG_AFTER)
    over.set()
    for one in crowd:
        one.join()
    assert client.agent_pid() == agent and "hung" not in client.log, client.log[-1000:]
    assert client.status()["ready"]


def hung_in_part(world):
    """An agent that tells nothing of itself is replaced after watch.hung_after, though it answers all that servers know."""
    server, client = world.server(), world.client(watch={"hung_after": f"{HUNG_AFTER:.0f}s"})
    order = stand_in(client)
    client.start().ready()
    told = "the agent is hung: it tells nothing of itself, though its servers answer; killing it"
    for times, path in enumerate(("/v1/agent/services", "/v1/agent/checks", "/v1/agent/"), 1):
        agent, asked = client.agent_pid(), time.monotonic()
        order(f"mute={path}")
        eventually(lambda: client.log.count(told) == times, 4 * HUNG_AFTER, f"{path}: the agent is killed")
        assert time.monotonic() - asked >= HUNG_AFTER, f"{path}: too early"
        if times == 3:
            eventually(lambda: client.log.count(told) == 4, 8 * HUNG_AFTER, "and so is one that is mute from the first")
        order()
        eventually(lambda: client.agent_pid() not in (None, agent), 20, "another agent")
        client.ready(20)
        assert server.instances() == {"n1": client.address}
    status = client.status()
    assert status["agent"]["restarts_by_reason"]["hung"] == 4, status
    holds(lambda: client.log.count(told) == 4, 2.5 * HUNG_AFTER, "one that answers is left alone")


def held_up(client):
    """The agent does not tell what it has."""
    try:
        client.agent("GET", "/v1/agent/services", timeout=3)
    except TimeoutError:
        return True
    return False


def left_alone(client, agent, limit):
    """The agent stays until nothing holds it up any more, and for as long after that as another one would have gone by then."""

    def free():
        assert client.agent_pid() == agent, client.log[-1000:]
        return not held_up(client)

    eventually(free, limit, "nothing holds the agent up")
    holds(lambda: client.agent_pid() == agent, 4, "the agent is left alone")
    assert "hung" not in client.log, client.log[-1000:]


def hung_server_stopped(world):
    """A server that is frozen has its agents tell nothing of themselves for half a minute, and they are not hung."""
    server, client = world.server(), world.client(watch={"hung_after": "2s"}).start()
    client.ready()
    agent = client.agent_pid()
    os.kill(server.process.pid, signal.SIGSTOP)
    for name in ("web", "db"):
        with contextlib.suppress(TimeoutError):
            client.agent("PUT", "/v1/agent/service/register", {"Name": name, "Port": 80}, timeout=1)
    assert held_up(client), "the agent tells what it has: its server holds nothing up"
    left_alone(client, agent, 45)
    os.kill(server.process.pid, signal.SIGCONT)
    eventually(lambda: server.instances("web") and server.instances("db"), 20, "the servers are told")
    assert client.agent_pid() == agent and "hung" not in client.log, client.log[-1000:]


class ThreeServers:
    """A cluster of three servers, of which one leads. Each with an API of its own on a unix socket."""

    def __init__(self, world):
        self.sockets, self.processes = [], []
        names = [f"s{number}" for number in range(3)]
        addresses = [f"10.77.0.{201 + number}" for number in range(3)]
        for name, address in zip(names, addresses):
            namespace, folder = world.add_namespace(name, address=address), f"{world.folder}/{name}"
            self.sockets.append(f"{folder}.sock")
            settings = {
                "server": True,
                "bootstrap_expect": 3,
                "node_name": name,
                "bind_addr": address,
                "data_dir": folder,
                "retry_join": addresses,
                "retry_interval": "1s",
                "addresses": {"http": f"unix://{folder}.sock"},
                "disable_update_check": True,
                "performance": {"raft_multiplier": 1},
            }
            write_json(f"{folder}.json", settings)
            command = ["ip", "netns", "exec", namespace, CONSUL, "agent", f"-config-file={folder}.json"]
            with open(f"{folder}.log", "w") as log:
                self.processes.append(subprocess.Popen(command, stdout=log, stderr=log))
        self.addresses = addresses
        eventually(self.leader, 30, "the servers have a leader")

    def leader(self, but=None):
        """The index of the one that leads, as the others than `but` have it; None while they know none."""
        answer = next(get_json(s, "/v1/status/leader") for n, s in enumerate(self.sockets) if n != but)
        address = answer.partition(":")[0]
        found = self.addresses.index(address) if address in self.addresses else None
        return None if found is None or found == but else found + 1


def hung_leader_frozen(world):
    """The leader is frozen and another one leads: what the agent asked of the former holds it up, and it is not hung."""
    servers = ThreeServers(world)
    client = world.client(agent={"config": {"retry_join": servers.addresses}}, watch={"hung_after": "2s"})
    client.start().ready(30)
    agent, leader = client.agent_pid(), servers.leader() - 1
    os.kill(servers.processes[leader].pid, signal.SIGSTOP)
    with contextlib.suppress(TimeoutError):
        client.agent("PUT", "/v1/agent/service/register", {"Name": "web", "Port": 80}, timeout=1)
    eventually(lambda: servers.leader(but=leader), 20, "another one leads")
    # It is as long as another one leads already that the servers' part in it does not show.
    assert held_up(client), "the agent tells what it has: nothing is held up"
    left_alone(client, agent, 45)


def slow_to_start(world, client, waits):
    """The first agent of the client does this, in Python, before it is the real one."""
    real, tried, program = client.settings["agent"]["binary"], f"{world.folder}/tried", f"{world.folder}/slow.py"
    with open(program, "w") as file:
        file.write(f"import os, sys, time\n{waits}\nos.execv({real!r}, [{real!r}, *sys.argv[1:]])\n")
    agent = f"""if [ "$1" != agent ] || [ -e {tried} ]; then exec {real} "$@"; fi
: > {tried}
exec {sys.executable} {program} "$@"
"""
    client.write_settings(agent={"binary": write_script(f"{world.folder}/agent", agent), "user": "root"})


def hung_not_while_it_works(world):
    """An agent that computes for longer than watch.hung_after before it first answers is left alone until it does."""
    world.server()
    client = world.client(watch={"hung_after": "2s"})
    slow_to_start(world, client, "end = time.monotonic() + 9\nwhile time.monotonic() < end: pass")
    client.start()
    agent = eventually(client.agent_pid, 5, "the agent runs")
    status = client.ready(30)
    assert status["agent"]["uptime"] > 9 and client.agent_pid() == agent, status
    assert status["agent"]["restarts"] == 0 and "hung" not in client.log, client.log[-1000:]


def hung_and_idle(world):
    """One that neither answers nor works is replaced after watch.hung_after: it sleeps, or it is stopped."""
    world.server()
    client = world.client(watch={"hung_after": f"{HUNG_AFTER:.0f}s"})
    slow_to_start(world, client, "time.sleep(600)")
    client.start()
    client.logged("the agent is hung, its API silent; killing it", HUNG_AFTER + 2)
    assert time.monotonic() - client.started >= HUNG_AFTER
    client.ready(20)
    assert client.status()["agent"]["restarts_by_reason"]["hung"] == 1, client.status()


def hung_beside_a_stop(world):
    """Beside a registration that the agent does not answer a reload goes on, and a stop takes as long as one without."""

    def stopped(name, *words):
        client = world.client(name)
        order = stand_in(client)
        client.start().ready()
        if words:
            order(*words)
            client.write_settings(services=[{"name": "late", "port": 80}])
            client.send(signal.SIGHUP)
            eventually(lambda: os.path.exists(f"{client.folder}/stand-in.mute"), 5, "the registration is not answered")
            client.write_settings(agent={"config": {"log_level": "debug"}})
            client.send(signal.SIGHUP)
            client.logged("new settings, taken by the running agent keys=log_level", AFTER_SYNC)
        code, seconds = client.stop()
        assert code == 0, f"exit {code}: {client.last_line()}"
        client.nobody_left()
        return seconds

    server = world.server()
    without = stopped("n1")
    for name, path in (("n2", "/v1/agent/services"), ("n3", "/v1/agent/service/register")):
        seconds = stopped(name, f"mute={path}")
        assert seconds < without + 1, f"{path}: {seconds:.1f} s, and {without:.1f} s without"
        assert server.member(name) == LEFT
