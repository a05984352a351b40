"""How lictor stops: what the servers say of the node afterwards, how long it takes, and what the exit code tells."""

import os
import signal
import time

from front import Front
from syscalls import Faults
from tools import Watch, eventually, holds
from world import ALIVE, CONSUL, FAILED, LEAVING, LEFT, open_folder, run, write_script

# Consul runs an agent's first full sync at random within 3 s of its meeting a server. A leave before that is followed
# by the sync, which puts the node back: lictor therefore gives a young agent time, and an old one none.
GROWN_UP = 3.3


def grown_up(client):
    """A ready client whose leave needs no patience any more."""
    client.ready()
    joined = time.monotonic()
    eventually(lambda: time.monotonic() - joined > GROWN_UP, GROWN_UP + 1)
    return client


def left_cleanly(server, name="n1"):
    assert server.member(name) == LEFT, f"{name} is {server.member(name)} on the server"
    assert server.node(name) is None, f"{name} is still in the catalog"


def leave_on_sigterm(world):
    """SIGTERM: the node has left, its catalog entry is gone, nothing runs any more, exit 0, all within 2.5 s."""
    server, client = world.server(), grown_up(world.client(agent={"config": {"log_level": "debug"}}).start())
    code, seconds = client.stop()
    assert code == 0, client.last_line()
    assert seconds < 2.5, f"took {seconds:.2f} s"
    left_cleanly(server)
    client.nobody_left()
    assert (
        client.log.count("client starting leave") == 1
    ), "the agent was asked to leave more than once, or not by its API"
    assert "Caught signal" not in client.log, "the agent was sent a signal"
    holds(lambda: server.node("n1") is None and server.member("n1") == LEFT, 3, "gone for good")


def sigterm_in(pid, *masks):
    """Whether SIGTERM is in one of a process's signal masks, by their names in /proc/PID/status."""
    with open(f"/proc/{pid}/status") as file:
        found = dict(line.split(":", 1) for line in file)
    return any(int(found[mask], 16) >> (signal.SIGTERM - 1) & 1 for mask in masks)


def leave_early(world):
    """SIGTERM in the first moments, when Consul swallows it: all ends, nobody is left, and no ghost turns up later."""
    server = world.server()
    clients = []
    for moment in (0, 10, 20, 40, 50, 60, 80, 120, 200, 500):
        client = world.client(f"m{moment}").start(as_pid_1=moment in (20, 50, 80, 200))
        if moment:
            eventually(lambda: sigterm_in(client.pid, "SigBlk", "SigCgt"), 5, "signals are taken", every=0.0005)
        while time.monotonic() < client.started + moment / 1000:
            time.sleep(0.0005)
        client.send(signal.SIGTERM)
        clients.append(client)
    for client in clients:
        code = client.ended(10)
        # Before lictor's first instruction SIGTERM kills it as it kills any process.
        expected = (0, 1, -signal.SIGTERM) if client.name == "m0" else (0, 1)
        assert code in expected, f"{client.name}: exit {code}: {client.last_line()}"
        client.nobody_left()
        seen = server.member(client.name)
        assert seen in (None, LEFT), f"{client.name} is {seen} on the server after exit {code}: {client.last_line()}"
    names = {client.name for client in clients}

    def no_ghost():
        nodes = {node["Node"] for node in server.get("/v1/catalog/nodes")}
        return not names & nodes and all(server.member(name) in (None, LEFT) for name in names)

    holds(no_ghost, 8, "no ghost of a node that left", every=0.2)


def leave_while_settings_are_read(world):
    """SIGTERM to a PID 1 that has just read its settings and has no handler yet: it is not lost."""
    client, told = world.client(), []
    kernel = Faults("umask")  # the first thing that is done with the settings

    def tell(pid, _):
        if not told and world.is_lictor(pid):
            told.append(sigterm_in(pid, "SigCgt"))
            os.kill(pid, signal.SIGTERM)
        return 0

    kernel.slow, client.before_exec = tell, kernel.before_exec
    kernel.start()
    client.start(as_pid_1=True)
    assert client.ended(10) in (0, 1), client.last_line()
    assert told == [False] and "stopping" in client.log, client.log
    client.nobody_left()


def leave_servers_just_back(world):
    """SIGTERM just after the servers are back: they are told all there is once more, and the leave comes after that."""
    server, client = world.server(), grown_up(world.client().start())
    server.process.send_signal(signal.SIGSTOP)
    client.logged("removing server", 20)
    client.logged("no leader is known: not ready", 20)
    server.process.send_signal(signal.SIGCONT)
    client.logged("a leader is known again", 20)
    code, seconds = client.stop()
    assert code == 0 and seconds > 2, f"exit {code} after {seconds:.1f} s: {client.last_line()}"
    left_cleanly(server)
    client.nobody_left()
    holds(lambda: server.node("n1") is None, 4, "gone for good")


def leave_entry_comes_back(world):
    """A full sync of the agent in the middle of its leave puts the node back: lictor sees it and takes it out again."""
    server, client = world.server(), grown_up(world.client(stop={"linger": "5s"}).start())
    client.send(signal.SIGTERM)
    client.logged("a server confirmed the leave")
    # What the sync would do, at the moment at which it does harm.
    server.put("/v1/catalog/register", {"Node": "n1", "Address": client.address})
    code = client.ended(10)
    assert code == 0, client.last_line()
    client.logged("came back")
    left_cleanly(server)


def leave_heard_of_no_reload(world):
    """In its leave the agent hears of no reload, whoever orders one: it leaves."""
    server, client = world.server(), world.client(stop={"linger": "3s"}, agent={"config": {"log_level": "debug"}})
    client.before_exec = os.setsid
    grown_up(client.start())
    client.send(signal.SIGTERM)
    client.logged("asking the agent to leave")
    client.send(signal.SIGHUP)
    assert client.control("POST", "/reload?wait").status == 409
    client.write_settings(agent={"config": {"log_level": "info"}})
    os.killpg(os.getpgid(client.pid), signal.SIGHUP)
    eventually(lambda: client.log.count("settings are not read again now") >= 3, 2, "three orders of four are declined")
    code = client.ended(8)
    assert code == 0, client.last_line()
    left_cleanly(server)
    assert "Caught" not in client.log and "/v1/agent/reload" not in client.log, "the agent was told to reload"
    holds(lambda: server.node("n1") is None, 2, "gone for good")


def slow_validation(world, client):
    """From now on the agent's opinion of new settings is asked, and given when `go` is there: the paths (asked, go)."""
    asked, go = f"{world.folder}/asked", f"{world.folder}/go"
    agent = f"""if [ "$1" = validate ]; then : > {asked}; until [ -e {go} ]; do sleep 0.02; done; fi
exec {CONSUL} "$@"
"""
    client.write_settings(agent={"binary": write_script(f"{world.folder}/agent", agent), "user": "root"})
    return asked, go


def leave_while_settings_are_validated(world):
    """SIGTERM while new settings are looked at: they are dropped, and the agent leaves without having heard of them."""
    server, client = world.server(), world.client(agent={"config": {"log_level": "debug"}})
    asked, go = slow_validation(world, client)
    grown_up(client.start())
    client.write_settings(agent={"config": {"log_level": "info"}})
    eventually(lambda: os.path.exists(asked), 5, "the new settings are looked at")
    client.send(signal.SIGTERM)
    client.logged("stopping: the node leaves the cluster")
    open(go, "w").close()
    assert client.ended(5) == 0, client.last_line()
    left_cleanly(server)
    assert client.consul_json()["log_level"] == "debug", "the new settings were taken"
    assert "/v1/agent/reload" not in client.log, "the agent was told to reload"


def leave_while_the_agent_reloads(world):
    """SIGTERM while the agent is told to reload: it is asked to leave when that is over."""
    server, client = world.server(), world.client()
    asked, go = slow_validation(world, client)
    grown_up(client.start())
    agent = client.agent_pid()
    client.write_settings(agent={"config": {"log_level": "debug"}})
    eventually(lambda: os.path.exists(asked), 5, "the new settings are looked at")
    os.kill(agent, signal.SIGSTOP)
    open(go, "w").close()
    eventually(lambda: client.consul_json()["log_level"] == "debug", 5, "the new settings are taken")
    client.send(signal.SIGTERM)
    client.logged("stopping: the node leaves the cluster")
    holds(lambda: "asking the agent to leave" not in client.log, 1, "the reload is awaited")
    os.kill(agent, signal.SIGCONT)
    assert client.ended(6) == 0, client.last_line()
    left_cleanly(server)
    holds(lambda: server.node("n1") is None, 2, "gone for good")


# In the agent's place at first: takes one SIGTERM for the end of its start, and goes on as the agent.
LOSES_TERM = """if [ "$1" != agent ]; then exec {consul} "$@"; fi
trap ': > {lost}' TERM
: > {trapped}
until [ -e {lost} ]; do sleep 0.02; done
exec {consul} "$@"
"""


def loses_term(world, client):
    """Has `client`'s agent lose the first SIGTERM: the paths (trapped, lost), there when it could and when it has."""
    trapped, lost = f"{world.folder}/trapped", f"{world.folder}/lost"
    agent = write_script(f"{world.folder}/agent", LOSES_TERM.format(consul=CONSUL, trapped=trapped, lost=lost))
    client.write_settings(agent={"binary": agent, "user": "root"})
    return trapped, lost


def leave_stay_term_lost(world):
    """stop.policy stay, and the agent has lost SIGTERM in its first moments: it is told again, and not killed."""
    client = world.client(stop={"policy": "stay"})
    trapped, lost = loses_term(world, client)
    client.start()
    eventually(lambda: os.path.exists(trapped), 5, "the agent starts", every=0.002)
    code, seconds = client.stop()
    assert os.path.exists(lost), "the agent has not lost the signal"
    # Told again after 0.1 s, an agent takes up to a second of its own; lictor would kill it after three.
    assert code == 0 and seconds < 2, f"exit {code} after {seconds:.2f} s: {client.last_line()}"
    assert "killing the agent" not in client.log, client.log
    client.nobody_left()


def leave_restart_term_lost(world):
    """A restart in the agent's first moments, which has lost SIGTERM: it is told again, and the next one serves."""
    server, client = world.server(), world.client()
    trapped, lost = loses_term(world, client)
    client.start()
    eventually(lambda: os.path.exists(trapped), 5, "the agent starts", every=0.002)
    asked = time.monotonic()
    client.send(signal.SIGUSR2)
    client.logged("agent started launch=2", 2.5)
    assert os.path.exists(lost) and time.monotonic() - asked < 2.5
    client.ready()
    assert "killing the agent" not in client.log and server.member("n1") == ALIVE


def leave_asks_little(world):
    """The catalog is asked a handful of times while a node leaves; where servers can't be waited for, often, as they must be."""
    server = world.server()
    clients = [world.client(name) for name in ("n1", "n2")]
    fronts = [Front(client) for client in clients]
    fronts[1].rule(refuse="index=")
    for client in clients:
        client.start()
    before = [len(grown_up(client) and front.requests()) for client, front in zip(clients, fronts)]
    took = [client.stop() for client in clients]
    assert [code for code, _ in took] == [0, 0], [client.last_line() for client in clients]
    few, many = (
        [request for _, request, _ in front.requests()[count:] if f"/node/{client.name}?" in request]
        for client, front, count in zip(clients, fronts, before)
    )
    assert 3 <= len(few) <= 12, few
    assert len(many) > len(few), many
    assert max(seconds for _, seconds in took) < 2.5, took
    for client in clients:
        left_cleanly(server, client.name)


def leave_second_sigterm(world):
    """A second SIGTERM while the leave runs changes nothing."""
    server, client = world.server(), grown_up(world.client().start())
    client.send(signal.SIGTERM)
    eventually(lambda: client.status()["phase"] == "leave", 2)
    client.send(signal.SIGTERM)
    assert client.ended(5) == 0, client.last_line()
    left_cleanly(server)


def leave_sigint_twice(world):
    """Ctrl-C leaves; pressed again it cuts the wait short, here the linger after a server has confirmed."""
    world.server()
    client = grown_up(world.client(stop={"linger": "8s"}).start())
    client.send(signal.SIGINT)
    eventually(lambda: client.status()["phase"] == "leave", 2)
    code, seconds = client.stop(signal.SIGINT)
    assert code in (0, 1) and seconds < 1, f"exit {code} after {seconds:.2f} s: {client.last_line()}"
    client.nobody_left()


def leave_sigint_twice_unseen(world):
    """Ctrl-C twice before any server has seen the leave: exit 1 with the reason."""
    world.server()
    client = grown_up(world.client().start())
    run("ip", "link", "set", "br-server", "down")
    client.send(signal.SIGINT)
    eventually(lambda: client.status()["phase"] == "leave", 2)
    code, seconds = client.stop(signal.SIGINT)
    assert code == 1 and seconds < 1, f"exit {code} after {seconds:.2f} s"
    client.nobody_left()


def leave_server_cut_off(world):
    """No server to see the leave: exit 1 with the reason as the last line, within stop.timeout."""
    server, client = world.server(), grown_up(world.client(stop={"timeout": "4s"}).start())
    run("ip", "link", "set", "br-server", "down")
    code, seconds = client.stop()
    assert code == 1, f"exit {code}: {client.last_line()}"
    assert seconds < 4.3, f"took {seconds:.2f} s"
    assert "leave" in client.last_line() or "left" in client.last_line(), client.last_line()
    client.nobody_left()
    assert server.member("n1") != LEFT


def leave_unheard(world):
    """The message that the node leaves is lost, the one that it is gone is not: it has left all the same, for the server too."""
    server, client = world.server(), grown_up(world.client().start())
    udp = ["ip", "-n", client.namespace, "rule", "add", "priority", "1", "ipproto", "udp", "dport", "8301", "blackhole"]
    run(*udp)
    client.send(signal.SIGTERM)
    # Serf's leave has two steps; the second begins when the first is no longer being sent.
    eventually(lambda: client.members()["n1"] == LEFT, 5, "the agent itself has left", every=0.002)
    udp[udp.index("add")] = "del"
    run(*udp)
    eventually(lambda: server.member("n1") == FAILED, 5, "the server takes the node for failed", every=0.005)
    code = client.ended(10)
    assert code == 0, f"exit {code}: {client.last_line()}"
    client.logged("telling them again")
    left_cleanly(server)
    holds(lambda: server.node("n1") is None and server.member("n1") == LEFT, 3, "gone for good")


def leave_half_heard(world):
    """The message that the node is gone is lost, the one that it leaves is not: the server takes it out when it is asked to."""
    server, client = world.server(), grown_up(world.client().start())
    client.send(signal.SIGTERM)
    eventually(lambda: server.member("n1") == LEAVING, 5, "the server has heard that the node leaves", every=0.002)
    run("ip", "-n", client.namespace, "rule", "add", "priority", "1", "ipproto", "udp", "dport", "8301", "blackhole")
    assert server.member("n1") == LEAVING
    code = client.ended(10)
    assert code == 0, f"exit {code}: {client.last_line()}"
    assert "confirmed by a server" in client.last_line(), client.last_line()
    client.logged("taking the node out of the catalog")
    assert server.node("n1") is None
    with Watch(lambda: server.node("n1") is None) as catalog:
        eventually(lambda: server.member("n1") == LEFT, 20, "left, as soon as the server misses its agent")
    assert not catalog.gaps, catalog.gaps


def leave_stay(world):
    """stop.policy stay, as for an upgrade: exit 0, and no instance is missing from the catalog at any moment."""
    server, client = world.server(), world.client(stop={"policy": "stay"})
    status = client.start().ready()
    eventually(lambda: server.passing() == ["n1"], 15, "the service's check passes")
    with Watch(lambda: "n1" in server.instances()) as catalog:
        code, seconds = client.stop()
        assert code == 0, client.last_line()
        assert seconds < 2.5, f"took {seconds:.2f} s"
        client.nobody_left()
        assert client.start().ready()["node_id"] == status["node_id"]
        assert server.passing() == ["n1"], "ready, and the service's check is not passing"
        holds(lambda: server.member("n1") == ALIVE, 2)
    assert not catalog.gaps, catalog.gaps


def leave_sigquit(world):
    """SIGQUIT ends lictor and agent at once, without leaving."""
    server, client = world.server(), grown_up(world.client().start())
    code, seconds = client.stop(signal.SIGQUIT)
    assert code == 0 and seconds < 1, f"exit {code} after {seconds:.2f} s"
    client.nobody_left()
    assert "n1" in server.instances()
    eventually(lambda: server.member("n1") == FAILED, 15, "the server misses the node")


def leave_restart_in_place(world):
    """SIGUSR2 restarts the agent without leaving: same lictor, new agent, no gap for whoever looks the service up."""
    server, client = world.server(), world.client()
    before = client.start().ready()
    eventually(lambda: server.passing() == ["n1"], 15, "the service's check passes")
    with Watch(lambda: "n1" in server.instances()) as catalog:
        client.send(signal.SIGUSR2)
        eventually(lambda: client.status()["agent"]["pid"] != before["agent"]["pid"], 10, "a new agent")
        after = client.ready()
        assert server.passing() == ["n1"], "ready, and the service's check is not passing"
        holds(lambda: server.member("n1") == ALIVE, 1)
    assert (after["pid"], after["node_id"]) == (before["pid"], before["node_id"])
    assert not catalog.gaps, catalog.gaps


def leave_pre_stop_hook(world):
    """pre_stop hooks run while the node is still a member and its services can still be found."""
    server = world.server()
    out = open_folder(f"{world.folder}/out")
    look = (
        f"{CONSUL} catalog nodes -service=consul-members > {out}/nodes; {CONSUL} members -status=alive > {out}/members"
    )
    hook = {"command": ["/bin/sh", "-c", look], "timeout": "5s", "on_failure": "fail"}
    client = grown_up(world.client(hooks={"pre_stop": [hook]}).start())
    assert client.stop()[0] == 0, client.last_line()
    for seen in ("nodes", "members"):
        with open(f"{out}/{seen}") as file:
            assert client.address in file.read(), f"not among the {seen}"
    left_cleanly(server)


def leave_hook_too_slow(world):
    """A pre_stop hook that hangs is ended at its timeout; the node leaves all the same and nothing is left over."""
    server = world.server()
    hook = {"command": ["/bin/sh", "-c", "sleep 1000 & sleep 1000"], "timeout": "500ms", "on_failure": "ignore"}
    client = grown_up(world.client(hooks={"pre_stop": [hook]}).start())
    code, seconds = client.stop()
    assert code == 0 and seconds < 4, f"exit {code} after {seconds:.2f} s: {client.last_line()}"
    left_cleanly(server)
    client.nobody_left()


def leave_not_ready_meanwhile(world):
    """Readiness goes off with the signal, so that nobody is sent to a node that is on its way out."""
    world.server()
    client = grown_up(world.client(stop={"linger": "3s"}).start())
    assert client.probe("/readyz") == 200
    client.send(signal.SIGTERM)
    eventually(lambda: client.probe("/readyz") == 503, 1)
    assert client.probe("/livez") == 200
    assert client.ended() == 0
