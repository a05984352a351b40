"""The node under another name: the host's, or one that it is yet to get."""

import signal
import socket

from identity_test import neighbour, nobody_suspects, undisturbed
from tools import eventually
from world import FAILED, LEFT, run


def renamed(world, lose_data):
    server, client = world.server(), world.client()
    other = neighbour(world, server)
    first = client.start().ready()["node_id"]
    client.stop(signal.SIGQUIT)
    if lose_data:
        run("rm", "-rf", client.data_dir)
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


def identity_renamed_host(world):
    """A host with a new name is the same node under it; the old name goes within 10 s of its death."""
    renamed(world, lose_data=False)


def identity_renamed_and_lost(world):
    """Name and data directory both lost: the dead name, which nothing on the node remembers, goes all the same."""
    renamed(world, lose_data=True)


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
