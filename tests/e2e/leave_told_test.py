"""An agent that somebody else has told to leave: the node has left, and lictor's end says whether the servers know."""

import os
import signal
import subprocess
import threading
import time

from leave_test import grown_up, left_cleanly
from tools import eventually
from world import ALIVE, CONSUL, LEAVING, LEFT, open_folder, run

TOLD = "the agent was told to leave by somebody else"


class Leave(threading.Thread):
    """An operator's `consul leave`, under way: `code` and `text` once it is over."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.client, self.code, self.text = client, None, ""
        self.start()

    def run(self):
        command = [CONSUL, "leave", f"-http-addr=unix://{self.client.agent_socket}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
        self.code, self.text = done.returncode, done.stdout + done.stderr

    def under_way(self):
        eventually(lambda: "client starting leave" in self.client.log, 5, "the agent has begun to leave", every=0.002)
        return self


def told_once(client):
    """What holds of each such end: told of, and neither asked for again nor taken for a death."""
    log = client.log
    assert log.count(TOLD) == 1, log
    assert "asking the agent to leave" not in log and log.count("client starting leave") <= 1, "asked to leave again"
    assert "has died" not in log and "launch=2" not in log, "taken for a death"
    client.nobody_left()


def leave_told_by_command(world):
    """`consul leave` succeeds, the node is not ready from then on, and lictor ends with 0 when the agent has ended."""
    server, client = world.server(), grown_up(world.client().start())
    assert client.probe("/readyz") == 200
    leave = Leave(client).under_way()
    began = time.monotonic()
    eventually(lambda: client.probe("/readyz") == 503, 0.5, "not ready", every=0.005)
    print(f"not ready {time.monotonic() - began:.3f} s after the leave had begun")
    assert client.status()["phase"] == "leave" and client.probe("/livez") == 200
    assert client.ended(10) == 0, client.last_line()
    print(f"ended {time.monotonic() - began:.1f} s after the leave had begun")
    leave.join(5)
    assert leave.code == 0 and "Graceful leave complete" in leave.text, leave.text
    client.logged("a server confirmed the leave")
    assert "confirmed by a server" in client.last_line(), client.last_line()
    left_cleanly(server)
    told_once(client)


def leave_told_quietly(world):
    """An agent that says nothing of it in its log: the servers tell, some seconds later at most, and they confirm it."""
    server, client = world.server(), grown_up(world.client(agent={"config": {"log_level": "warn"}}).start())
    Leave(client)
    eventually(lambda: server.node("n1") is None, 5, "the node is out of the catalog", every=0.005)
    gone = time.monotonic()
    eventually(lambda: client.probe("/readyz") == 503, 3.2, "not ready", every=0.005)
    print(f"not ready {time.monotonic() - gone:.3f} s after the node was out of the catalog")
    assert client.ended(10) == 0, client.last_line()
    left_cleanly(server)
    told_once(client)


def leave_told_over_the_api(world):
    """PUT /v1/agent/leave, by whoever can speak to the agent, is the same; pre_stop hooks are not run: there is nothing to drain."""
    server = world.server()
    ran = f"{open_folder(f'{world.folder}/out')}/ran"
    hook = {"command": ["/bin/sh", "-c", f": > {ran}"], "on_failure": "ignore"}
    client = grown_up(world.client(hooks={"pre_stop": [hook]}).start())
    assert client.agent("PUT", "/v1/agent/leave", timeout=10).status == 200
    assert client.ended(5) == 0, client.last_line()
    left_cleanly(server)
    told_once(client)
    assert not os.path.exists(ran), "the hook was run after the leave"


def leave_told_and_rejoin(world):
    """watch.on_leave `rejoin`: the agent leaves undisturbed, is started again at once, and the node is back as itself."""
    server, client = world.server(), grown_up(world.client(watch={"on_leave": "rejoin"}).start())
    before = client.status()
    leave = Leave(client).under_way()
    eventually(lambda: client.probe("/readyz") == 503, 0.5, "not ready", every=0.005)
    eventually(lambda: leave.code is not None, 10, "`consul leave` is over")
    assert leave.code == 0, leave.text
    eventually(lambda: client.status()["agent"].get("pid") not in (None, before["agent"]["pid"]), 5, "another agent")
    after = client.ready()
    assert (after["pid"], after["node_id"]) == (before["pid"], before["node_id"])
    # A server that hears late of its return takes it for left once more, as after any restart.
    there = {"n1": client.address}
    eventually(lambda: server.member("n1") == ALIVE and server.instances() == there, 8, "a member, and registered")
    assert f"{TOLD} launch=1" in client.log and "on_leave=rejoin" in client.log and "has died" not in client.log
    metrics = client.control("GET", "/metrics").text
    assert 'lictor_agent_restarts_total{reason="left"} 1' in metrics, metrics
    assert client.stop()[0] == 0, client.last_line()
    left_cleanly(server)


def leave_told_and_rejoin_stopped(world):
    """SIGTERM while the agent leaves to rejoin: the node stays out, and the exit code is that of a leave, whatever stop.policy says."""
    settings = {"watch": {"on_leave": "rejoin"}, "stop": {"policy": "stay"}}
    server, client = world.server(), grown_up(world.client(**settings).start())
    Leave(client).under_way()
    client.logged(TOLD)
    assert client.stop()[0] == 0, client.last_line()
    left_cleanly(server)
    told_once(client)


def leave_told_and_stopped(world):
    """SIGTERM in the middle of somebody else's leave, seen by lictor or not: the agent is not asked a second time, which would end it
    before the servers have heard."""
    server = world.server()
    quiet = world.client("n1", agent={"config": {"log_level": "warn"}})
    for client in (quiet, world.client("n2")):
        grown_up(client.start())
        Leave(client)
        if client is quiet:
            eventually(lambda: server.member("n1") == LEAVING, 5, "the agent leaves", every=0.002)
        else:
            client.logged(TOLD)
        code, seconds = client.stop()
        assert code == 0, f"{client.name}: exit {code} after {seconds:.1f} s: {client.last_line()}"
        left_cleanly(server, client.name)
        told_once(client)
        assert "Leave already in progress" not in client.log


def leave_told_by_a_hook(world):
    """A pre_stop hook that runs `consul leave`, as in setups of before: it has left, and that is what the exit code says."""
    server = world.server()
    hook = {"command": [CONSUL, "leave"], "timeout": "10s", "on_failure": "ignore"}
    client = grown_up(world.client(hooks={"pre_stop": [hook]}, stop={"timeout": "20s"}).start())
    code, seconds = client.stop()
    print(f"exit {code} after {seconds:.1f} s")
    assert code == 0, client.last_line()
    left_cleanly(server)
    told_once(client)


def leave_told_without_servers(world):
    """No server to see it: exit 1 with the reason and with what undoes it, as of a leave of lictor's own."""
    server, client = world.server(), grown_up(world.client().start())
    run("ip", "link", "set", "br-server", "down")
    leave = Leave(client).under_way()
    assert client.ended(15) == 1, client.last_line()
    leave.join(5)
    assert "lictor: leave: " in client.last_line() and "consul force-leave -prune n1" in client.last_line()
    assert server.member("n1") != LEFT
    told_once(client)


def leave_told_is_no_signal(world):
    """Signals to the agent are no leave: another one follows, and the node is never out of the catalog."""
    server, client = world.server(), grown_up(world.client().start())
    for launch, number in enumerate((signal.SIGTERM, signal.SIGINT, signal.SIGKILL), start=2):
        os.kill(client.agent_pid(), number)
        client.logged(f"agent started launch={launch}", 10)
        client.ready()
    assert client.log.count("the agent has died") == 3 and TOLD not in client.log, client.log
    assert server.member("n1") == ALIVE and server.instances() == {"n1": client.address}
    assert client.stop()[0] == 0, client.last_line()
