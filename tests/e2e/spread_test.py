"""Settings that reach all nodes at once restart their agents one after another: restart.spread."""

import os
import signal

from tools import eventually, get_json
from world import LEFT

WAITS = "the new settings need a restart of the agent, which waits for its turn (restart.spread)"
HOURS = {"spread": "10h"}  # a turn that does not come


def with_meta(client, **meta):
    client.write_settings(agent={"config": {"node_meta": meta}})


def waits(client):
    return eventually(lambda: client.status()["settings"].get("restart_in"), 5, "the restart waits")


def restarts(client):
    return {reason: count for reason, count in client.status()["agent"]["restarts_by_reason"].items() if count}


def rack(server):
    return server.node("n1")["Node"]["Meta"].get("rack")


def spread_turn_comes(world):
    """A changed file restarts the agent when the node's turn comes; the wait is no part of the restart."""
    server, client = world.server(), world.client(restart={"spread": "2s"})
    client.start().ready()
    with_meta(client, rack="7")
    client.logged(WAITS)
    eventually(lambda: rack(server) == "7", 15, "the new node metadata")
    client.ready()
    assert restarts(client) == {"settings": 1}, restarts(client)
    last = get_json(client.control_socket, "/timeline")["restart"]
    assert last["reason"] == "settings" and 0 < last["waited"], last
    shown = client.command("timeline").stdout
    assert "the settings waited" in shown, shown


def spread_waits(world):
    """While it waits the node serves and says so; what a reload is enough for comes at once; an order ends the wait."""
    server, client = world.server(), world.client(restart=HOURS)
    before = client.start().ready()
    client.write_settings(agent={"config": {"log_level": "warn"}})
    client.logged("new settings, taken by the running agent keys=log_level")
    with_meta(client, rack="7")
    assert 0 < waits(client) <= 36000
    shown = client.command("status").stdout
    assert "the new settings need a restart of the agent, in " in " ".join(shown.split()), shown
    assert client.ready()["agent"]["pid"] == before["agent"]["pid"]
    # A further change is taken by the same restart.
    written = len(client.log)
    with_meta(client, rack="8")
    eventually(lambda: WAITS in client.log[written:], 5, "it is read, and waits")
    done = client.command("reload")
    assert done.returncode == 0, done
    eventually(lambda: rack(server) == "8", 10, "the new node metadata")
    assert restarts(client) == {"settings": 1}, restarts(client)
    assert "restart_in" not in client.status()["settings"]


def spread_called_off(world):
    """A change that is taken back ends the wait, and the agent goes on."""
    world.server()
    client = world.client(restart=HOURS)
    before = client.start().ready()
    with_meta(client, rack="7")
    waits(client)
    del client.settings["agent"]["config"]["node_meta"]
    client.write_settings()
    client.logged("need no restart of the agent any more")
    after = client.ready()
    assert after["agent"]["pid"] == before["agent"]["pid"] and "restart_in" not in after["settings"], after
    assert after["problems"] == [], after


def spread_agent_ends(world):
    """An agent that ends meanwhile, by order or by itself, is followed by one with the new settings, and by no other."""
    server, client = world.server(), world.client(restart=HOURS)
    client.start().ready()
    with_meta(client, rack="7")
    waits(client)
    done = client.command("restart")
    assert done.returncode == 0, done
    eventually(lambda: rack(server) == "7", 10, "the new node metadata")
    with_meta(client, rack="8")
    waits(client)
    os.kill(client.agent_pid(), signal.SIGKILL)
    eventually(lambda: rack(server) == "8", 10, "the new node metadata")
    client.ready()
    assert restarts(client) == {"asked": 1, "died": 1}, restarts(client)


def spread_stop(world):
    """A stop waits for no turn."""
    server, client = world.server(), world.client(restart=HOURS)
    client.start().ready()
    with_meta(client, rack="7")
    waits(client)
    code, _ = client.stop()
    assert code == 0, client.last_line()
    assert server.node("n1") is None and server.member("n1") == LEFT
