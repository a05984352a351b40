"""The node under another name: the host's, or one that it is yet to get."""

import os
import signal
import socket

from identity_test import conflicts, lines, neighbour, nobody_suspects, stored, undisturbed
from tools import eventually, holds
from world import ALIVE, FAILED, LEFT, run


def identity_renamed_host(world):
    """A host with a new name is the same node under it; the old name goes within 10 s of its death."""
    server, client = world.server(), world.client()
    other = neighbour(world, server)
    first = client.start().ready()["node_id"]
    client.stop(signal.SIGQUIT)
    with undisturbed(server, "n2"):
        client.start(NODE_NAME="n1-renamed").ready()
        eventually(lambda: server.member("n1") in (FAILED, LEFT, None), 20, "the old name is dead")
        eventually(lambda: server.member("n1") in (LEFT, None) and not server.node("n1"), 10, "the old name is gone")
        expected = {"n1-renamed": client.address, "n2": other.address}
        assert server.instances() == expected, server.instances()
        eventually(lambda: other.members().get("n1") in (LEFT, None), 5, "the old name is gone for n2")
        eventually(lambda: sorted(server.passing()) == sorted(expected), 15, "the check under the new name passes")
    # Under the old id no join would be let in before the old name is forgotten.
    assert client.status()["node_id"] != first
    assert server.node("n1-renamed")["Node"]["ID"] == client.node_id()
    eventually(lambda: client.status()["conflicts"] == [], 10, "nothing is left to be told of")


def identity_renamed_and_lost(world):
    """Name and data directory both lost: that the dead name was this node nothing proves. It is told of, and left alone."""
    server, client = world.server(), world.client()
    client.start().ready()
    client.stop(signal.SIGQUIT)
    run("rm", "-rf", client.data_dir)
    client.start(NODE_NAME="n1-renamed").ready()
    eventually(lambda: conflicts(client) == [("address", "n1", "failed")], 20, "the old name is dead, and told of")
    holds(lambda: server.member("n1") == FAILED and server.node("n1"), 7, "it stays")
    assert lines(client, "no former name or id", "name=n1 "), client.log


def identity_rename_kept(world):
    """A new host name is taken or, with node.on_rename keep, the stored one kept; nothing else names the node."""
    server, client = world.server(), world.client(node={"on_rename": "keep"})
    other = neighbour(world, server)
    del client.environment["NODE_NAME"]
    socket.sethostname("host-a")
    first = client.start().ready()
    assert first["node_name"] == "host-a", first
    client.stop(signal.SIGQUIT)
    socket.sethostname("host-b")
    kept = client.start().ready()
    assert (kept["node_name"], kept["node_id"]) == ("host-a", first["node_id"]), kept
    assert server.member("host-b") is None and server.node("host-b") is None
    with nobody_suspects(server.process.pid, other.agent_pid()):
        client.stop(signal.SIGQUIT)
        client.write_settings(node={"on_rename": "rename"})
        client.start()
        eventually(lambda: client.status()["agent"].get("api"), 10, "the agent is up")
    taken = client.ready()
    assert taken["node_name"] == "host-b" and taken["node_id"] != first["node_id"], taken
    eventually(lambda: server.member("host-a") in (FAILED, None), 20, "the old name is dead")
    eventually(lambda: server.member("host-a") is None and not server.node("host-a"), 10, "the old name is gone")
    assert sorted(server.instances()) == ["host-b", "n2"], server.instances()


def identity_name_to_come(world):
    """A host that boots without a name of its own: a node that had one keeps it; without, the name is waited for."""
    world.server()
    client, new = world.client(), world.client("n2")
    for one in (client, new):
        del one.environment["NODE_NAME"]
    socket.sethostname("host-a")
    first = client.start().ready()
    client.stop(signal.SIGQUIT)
    socket.sethostname("localhost")
    again = client.start().ready()
    assert [again[key] for key in ("node_name", "node_id")] == [first[key] for key in ("node_name", "node_id")], again
    new.start().logged("waiting for a host name")
    assert not new.agent_pid()
    client.stop(signal.SIGTERM)
    socket.sethostname("host-b")
    assert new.ready(5)["node_name"] == "host-b"


def identity_same_host_by_another_name(world):
    """The fully qualified form of the node's name, and none at all, are no new names, at a reload and at a start."""
    world.server()
    client = world.client()
    del client.environment["NODE_NAME"]
    socket.sethostname("host-a")
    before = client.start().ready()
    for same in ("host-a.example.com", "(none)"):
        socket.sethostname(same)
        assert client.command("reload").returncode == 0, client.log
        status = client.ready()
        assert (status["agent"]["pid"], status["node_name"]) == (before["agent"]["pid"], "host-a"), status
        client.stop(signal.SIGQUIT)
        before = client.start().ready()
        assert (before["node_name"], before["node_id"]) == ("host-a", status["node_id"]), before


def has_moved(server, client, other, before, name):
    """The node is another name's with the same id, and the servers know that the old one has left."""
    eventually(lambda: name in server.instances(), 10, "the new name is in the catalog")
    status = eventually(lambda: (s := client.status())["ready"] and s["node_name"] == name and s, 10, "ready by the new name")
    assert (status["node_id"], status["agent"]["restarts_by_reason"]["renamed"]) == (before["node_id"], 1), status
    assert server.instances() == {name: client.address, "n2": other.address}, server.instances()
    assert server.member(before["node_name"]) == LEFT and not server.node(before["node_name"]), client.log
    assert server.node(name)["Node"]["ID"] == before["node_id"] == stored(client)["id"], client.log
    holds(lambda: server.member(name) == ALIVE and server.member(before["node_name"]) in (LEFT, None), 2, "it stays so")
    assert client.status()["conflicts"] == [], client.status()


def identity_host_renamed_while_serving(world):
    """A host's new name is heard at once: the node leaves under the old one, and goes on as the same node under the new one."""
    server, client = world.server(), world.client(hooks={"pre_stop": [{"command": ["false"], "on_failure": "fail"}]})
    other = neighbour(world, server)
    del client.environment["NODE_NAME"]
    socket.sethostname("host-a")
    before = client.start().ready()
    with undisturbed(server, "n2"):
        socket.sethostname("host-b")
        has_moved(server, client, other, before, "host-b")
    assert "confirmed the leave" in client.log and not lines(client, "a hook has failed"), client.log
    client.stop(signal.SIGTERM)


def identity_host_renamed_and_kept(world):
    """With node.on_rename keep, and for the same host by another name, nothing restarts, and one line tells of it."""
    server, client = world.server(), world.client(node={"on_rename": "keep"})
    del client.environment["NODE_NAME"]
    socket.sethostname("host-a")
    before = client.start().ready()
    for name in ("host-a.example.com", "host-b", "localhost"):
        socket.sethostname(name)
        client.logged(f"the host has another name, and the node keeps its own other={name}")
        # Another namespace's name wakes lictor, too, and so does one that is what it was.
        socket.sethostname(name)
    client.write_settings(node={"on_rename": "rename"})
    assert client.command("reload").returncode == 0, client.log
    holds(lambda: client.agent_pid() == before["agent"]["pid"], 1, "the agent runs on")
    assert len(lines(client, "the host has another name")) == 3, client.log
    assert server.member("host-b") is None and client.ready()["node_name"] == "host-a"


def identity_renamed_by_settings(world):
    """A new node.name is taken at a reload as a host's new name is."""
    server, client = world.server(), world.client()
    other = neighbour(world, server)
    del client.environment["NODE_NAME"]
    client.write_settings(node={"name": "first"})
    before = client.start().ready()
    with undisturbed(server, "n2"):
        client.write_settings(node={"name": "second"})
        assert client.command("reload").returncode == 0, client.log
        has_moved(server, client, other, before, "second")


def identity_renamed_without_servers(world):
    """Where no server hears of the leave, the node goes on under the new name all the same, as another node."""
    server, client = world.server(), world.client(stop={"timeout": "4s"})
    del client.environment["NODE_NAME"]
    socket.sethostname("host-a")
    before = client.start().ready()
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        socket.sethostname("host-b")
        client.logged("the node has not left under the name that it had", 10)
        eventually(lambda: client.status()["node_name"] == "host-b", 10, "it has the new name")
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    status = eventually(lambda: (s := client.status())["ready"] and s, 30, "ready by the new name")
    assert status["node_id"] != before["node_id"], status
    eventually(lambda: sorted(server.instances()) == ["host-b"], 20, "the old name is gone")
