"""The node at another address, or at none."""

from identity_test import NEW_ADDRESS, lines, neighbour, stored, undisturbed
from tools import Watch, eventually, holds
from world import ALIVE, LEFT, run


def change_address(client, new=NEW_ADDRESS):
    run("ip", "-n", client.namespace, "addr", "add", f"{new}/24", "dev", "eth0")
    run("ip", "-n", client.namespace, "addr", "del", f"{client.address}/24", "dev", "eth0")
    # Without promote_secondaries the second address of a network goes with the first.
    run("ip", "-n", client.namespace, "addr", "replace", f"{new}/24", "dev", "eth0")


def identity_new_address(world):
    """A new address while serving: in the catalog 5 s after bind.settle, the same node all along, and in time alive for all."""
    server, client = world.server(), world.client()
    other = neighbour(world, server)
    before = client.start().ready()
    with (
        undisturbed(server, "n2"),
        Watch(lambda: server.node("n1")["Node"]["ID"] == before["node_id"], 0.05) as catalog,
        Watch(lambda: server.member("n1") != LEFT, 0.05) as member,
    ):
        change_address(client)
        eventually(lambda: server.instances()["n1"] == NEW_ADDRESS, 10, "the catalog has the new address")
        assert server.node("n1")["Node"]["Address"] == NEW_ADDRESS
        status = client.ready(5)
        seen = [status[key] for key in ("address", "node_id", "node_name")]
        assert seen == [NEW_ADDRESS, before["node_id"], "n1"] and stored(client)["address"] == NEW_ADDRESS, status

        def alive_for(agent_get):
            found = [m for m in agent_get("/v1/agent/members") if m["Name"] == "n1"]
            return found and (found[0]["Status"], found[0]["Addr"]) == (ALIVE, NEW_ADDRESS)

        eventually(lambda: alive_for(server.get) and alive_for(other.agent_get), 46, "the member is alive there")
    assert not catalog.gaps and not member.gaps, (catalog.gaps, member.gaps)


def identity_address_gone(world):
    """Without its address the node waits, told once; the same one back changes nothing, another one is taken."""
    server, client = world.server(), world.client()
    neighbour(world, server)
    before = client.start().ready()["agent"]["pid"]
    address = (f"{client.address}/24", "dev", "eth0")
    run("ip", "-n", client.namespace, "addr", "del", *address)
    client.logged("the address is gone")
    holds(lambda: client.agent_pid() == before, 2, "the agent runs on")
    assert len(lines(client, "is gone")) == 1, client.log
    assert any("is gone" in problem for problem in client.status()["problems"]), client.status()
    run("ip", "-n", client.namespace, "addr", "add", *address)
    client.logged("is back")
    holds(lambda: client.agent_pid() == before, 2, "the agent runs on")
    client.ready()
    assert client.status()["agent"]["restarts"] == 0
    run("ip", "-n", client.namespace, "addr", "del", *address)
    eventually(lambda: len(lines(client, "is gone")) == 2, 5, "it is gone again")
    run("ip", "-n", client.namespace, "addr", "add", f"{NEW_ADDRESS}/24", "dev", "eth0")
    eventually(lambda: server.instances()["n1"] == NEW_ADDRESS, 10, "the catalog has the other address")
    status = client.ready(5)
    assert (status["address"], status["agent"]["restarts"]) == (NEW_ADDRESS, 1), status


def identity_address_ignored(world):
    """With bind.on_change ignore a new address is told once and changes nothing."""
    server, client = world.server(), world.client(bind={"on_change": "ignore", "settle": "1s"})
    neighbour(world, server)
    before = client.start().ready()
    change_address(client)
    client.logged("bind.on_change")
    holds(lambda: client.agent_pid() == before["agent"]["pid"], 4, "the agent runs on")
    assert len(lines(client, NEW_ADDRESS)) == 1, client.log
    assert client.status()["address"] == client.address == server.node("n1")["Node"]["Address"]
    assert client.status()["agent"]["restarts"] == 0
    # Asked for, it is taken all the same.
    client.write_settings(agent={"config": {"bind_addr": NEW_ADDRESS}})
    eventually(lambda: server.instances()["n1"] == NEW_ADDRESS, 15, "the catalog has the new address")
    assert client.ready()["address"] == NEW_ADDRESS
