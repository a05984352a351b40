"""A machine that was copied, data directory, machine id and host name included."""

import signal

from identity_test import NEW_ADDRESS, lines, stored, undisturbed
from tools import eventually, holds
from world import ALIVE, run

KEY = "bGljdG9yJ3MgdGVzdCBrZXksIDMyIGJ5dGVzIGxvbmc="
COPY = "the data directory is a copy"


def named(client, name="n1"):
    """Has the client run on a host of that name; its own settings name no node."""
    client.environment.pop("NODE_NAME")
    client.wrapper = ["unshare", "--uts", "sh", "-c", f'hostname {name} && exec "$@"', "sh"]
    return client


def told_twin(server, original, copy):
    """The copy of a machine that is alive: a new id, told in words; the original's entry is neither overwritten nor taken out."""
    first = original.start().ready()["node_id"]
    eventually(lambda: server.passing() == ["n1"], 15, "the service's check passes")
    with undisturbed(server, "n1"):
        run("cp", "-a", original.data_dir, copy.data_dir)
        copy.start()
        copy.logged(COPY)
        assert lines(copy, COPY, original.address), copy.log
        eventually(lambda: any(original.address in p for p in copy.status()["problems"]), 15, "the conflict is told")
        second = copy.node_id()
        assert second != first and second == stored(copy)["id"]
        holds(lambda: not copy.status()["ready"], 3, "never ready under another's name")
        assert copy.stop()[0] == 1
        holds(lambda: server.member("n1") == ALIVE and server.passing() == ["n1"], 3, "the original serves on")
    assert original.ready()["node_id"] == first == server.node("n1")["Node"]["ID"]
    assert original.status()["agent"]["restarts"] == 0
    # It is the copy's own from now on, and its name may be given.
    copy.write_settings(node={"name": "n9"})
    assert copy.start().ready()["node_name"] == "n9"


def identity_twin(world):
    """Where gossip is not encrypted."""
    told_twin(world.server(), named(world.client()), named(world.client("copy")))


def identity_twin_encrypted(world):
    """And where it is: the keys are the keyring's in the copied data directory, or configured."""
    agent = {"config": {"encrypt": KEY}}
    told_twin(world.server({"encrypt": KEY}), named(world.client(agent=agent)), named(world.client("copy", agent=agent)))


def identity_moved_beside_another(world):
    """A node that has only got another address keeps its identity, though another agent has its old one by now."""
    server, client = world.server(), named(world.client())
    before = client.start().ready()["node_id"]
    client.stop(signal.SIGQUIT)
    run("ip", "-n", client.namespace, "addr", "flush", "dev", "eth0")
    run("ip", "-n", client.namespace, "addr", "add", f"{NEW_ADDRESS}/24", "dev", "eth0")
    other = world.client("n2", with_address=False)
    run("ip", "-n", other.namespace, "addr", "add", f"{client.address}/24", "dev", "eth0")
    other.start().ready()
    status = client.start().ready(45)
    assert (status["node_id"], status["node_name"], status["address"]) == (before, "n1", NEW_ADDRESS), status
    assert not lines(client, COPY)
    eventually(lambda: server.instances().get("n1") == NEW_ADDRESS, 10, "the catalog has the new address")
