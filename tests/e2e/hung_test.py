"""An agent that lives and does not answer, beside one that is only slow."""

import os
import signal
import sys
import threading
import time

from agent_stand_in import stand_in
from tools import eventually, holds, processes_in
from world import ALIVE, run, write_script

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
        """To lictor, which alone asks over the socket."""
        return client.log.count("from=@")

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
