"""Who the node is, whatever happens to its data, its name, its address and its neighbours.

What may be alive elsewhere is never touched; what is dead at the node's own address is its own past and goes.
"""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess

from agent_stand_in import stand_in
from tools import Watch, eventually, holds
from world import ALIVE, CONSUL, FAILED, LEFT, SERVER_ADDRESS, open_folder, run, write_json, write_script

TOKEN = "7c0a4f5e-5d0f-4a6b-9a51-4a3f0f0f6d21"
OTHER_MACHINE = "0123456789abcdef0123456789abcdef"
NEW_ADDRESS = "10.77.0.99"
CLAIMED = "another node claims what is this node's"


def neighbour(world, server):
    """n2, a node that all of it is no concern of; known to the server with all that it has."""
    client = world.client("n2")
    client.start().ready()
    eventually(lambda: "n2" in server.passing(), 15, "n2's check passes")
    return client


@contextlib.contextmanager
def nobody_suspects(*agents):
    """Nobody finds out that a member has died while these, all others there are, stand still: of one that they suspect already
    no newcomer is told. What connects to them meanwhile is heard when they go on."""
    for pid in agents:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in agents:
            os.kill(pid, signal.SIGCONT)


def entry(server, name):
    """What the servers hold of a node, and when that last changed."""
    node = server.node(name)["Node"]
    return node["ID"], node["Address"], node["ModifyIndex"]


@contextlib.contextmanager
def undisturbed(server, name):
    """While the block runs the node stays alive and its catalog entry is not written once."""
    before = entry(server, name)
    with Watch(lambda: entry(server, name) == before and server.member(name) == ALIVE, 0.05) as watch:
        yield
    assert watch.looks and not watch.gaps, f"{name} was {before}, is {entry(server, name)}: {watch.gaps}"


def stored(client):
    with open(f"{client.data_dir}/lictor-identity.json") as file:
        return json.load(file)


def was(client, *names, address=None):
    """Has the node know, before its first start, its address and that it has had these names."""
    former = [{"name": name, "id": ""} for name in names]
    record = {"id": "5a1b9d3e-0000-4000-8000-000000000001", "name": client.name}
    record |= {"address": address or client.address}
    os.mkdir(client.data_dir)
    write_json(f"{client.data_dir}/lictor-identity.json", record | {"machine": "", "when": "", "former": former})


def takes_over(client, agent, *others):
    """The agent by hand dies, and the client starts and is told of it as of one that lives, by these processes, all others."""
    with nobody_suspects(*others):
        killed(agent)
        client.start()
        eventually(lambda: client.status()["agent"].get("api"), 10, "the agent is up")
    return client.ready()


def conflicts(client):
    """(kind, name, state) of each conflict that lictor tells of."""
    return [(c["kind"], c["name"], c["state"]) for c in client.status()["conflicts"]]


def lines(client, *words):
    """lictor's own lines with all these words; the agent's, "[WARN] agent: …", may name the same things."""
    own = [line for line in client.log.splitlines() if not re.search(r"Z \[[A-Z]+\]", line)]
    return [line for line in own if all(word in line for word in words)]


def change_machine(world, number):
    """Another machine-id for all that is started from now on; seen in this sandbox only."""
    if not os.path.exists("/etc/machine-id"):
        run("cp", "-a", "/etc", f"{world.folder}/etc")
        open(f"{world.folder}/etc/machine-id", "w").close()
        run("mount", "--bind", f"{world.folder}/etc", "/etc")
    file = f"{world.folder}/machine-id"
    with open(file, "w") as out:
        out.write(number + "\n")
    run("mount", "--bind", file, "/etc/machine-id")


def agent_by_hand(client, server, name, port=8301):
    """An agent without lictor at the client's address; serves web in the catalog."""
    config, data = f"{client.folder}/{name}.json", f"{client.folder}/{name}"
    settings = {
        "node_name": name,
        "data_dir": data,
        "bind_addr": client.address,
        "retry_join": [f"{SERVER_ADDRESS}:8301"],
        "retry_interval": "1s",
        "disable_update_check": True,
        "ports": {"serf_lan": port, "http": -1, "dns": -1},
        "services": [{"name": "web", "port": 8080}],
    }
    if server.token:
        tokens = {"agent": server.token, "default": server.token}
        settings |= {"primary_datacenter": "dc1", "acl": {"enabled": True, "default_policy": "deny", "tokens": tokens}}
    write_json(config, settings)
    command = ["ip", "netns", "exec", client.namespace, CONSUL, "agent", f"-config-file={config}"]
    with open(f"{client.folder}/{name}.log", "w") as log:
        agent = subprocess.Popen(command, stdout=log, stderr=log)
    eventually(lambda: server.member(name) == ALIVE and "web" in server.node(name)["Services"], 15, f"{name} is there")
    return agent


def killed(agent):
    agent.kill()
    agent.wait()


def killed_as_a_member(client, agent, name, token=None):
    """Once the client's own agent has been told of it: of a member that the others suspect no newcomer is."""
    eventually(lambda: name in client.members(token), 10, f"{name} is known to the client's agent")
    killed(agent)


def register(server, name, address, **more):
    """A node that never had an agent, with the service web."""
    server.put(
        "/v1/catalog/register", {"Node": name, "Address": address, "Service": {"Service": "web", "Port": 80}} | more
    )


def identity_lost_data_dir(world):
    """Data directory lost, same name and address: within 5 s the node serves under its old id, after one restart."""
    server, client = world.server(), world.client()
    neighbour(world, server)
    first = client.start().ready()["node_id"]
    client.stop(signal.SIGQUIT)
    run("rm", "-rf", client.data_dir)
    with undisturbed(server, "n2"):
        status = client.start().ready(5)
        assert status["node_id"] == first, status
        node = server.node("n1")
        assert (node["Node"]["ID"], node["Node"]["Address"]) == (first, client.address), node
        assert list(node["Services"]) == ["consul-members"], node
        assert server.member("n1") == ALIVE
        assert client.node_id() == first and stored(client)["id"] == first, (client.node_id(), stored(client))
        holds(lambda: client.status()["agent"]["restarts"] == 1, 3, "the agent was restarted once")
    assert client.status()["conflicts"] == []
    # It was no luck of the first start: the id is on the disk.
    client.stop(signal.SIGQUIT)
    status = client.start().ready()
    assert (status["node_id"], status["agent"]["restarts"]) == (first, 0), status


def identity_lost_data_dir_unheard(world):
    """The data directory lost, and an agent that closes the connection at each registration, as modern ones do while the
    servers keep its name for the id of before: that id is taken back all the same, soon."""
    server, client = world.server(), world.client()
    order = stand_in(client)
    client.start().ready()
    before = client.node_id()
    client.stop(signal.SIGQUIT)
    run("rm", "-rf", client.data_dir)
    order("close")
    client.start()
    client.logged("taking back its id", 6)
    order()
    client.ready(6)
    assert client.node_id() == before == server.node("n1")["Node"]["ID"]
    assert server.instances() == {"n1": client.address}


def identity_files_lost_while_running(world):
    """Identity files taken away or ruined under a running agent: no reload minds, and the next agent is the same node."""
    server, client = world.server(), world.client()
    first = client.start().ready()["node_id"]
    eventually(lambda: server.passing() == ["n1"], 15, "the service's check passes")
    with undisturbed(server, "n1"):
        for restarts, (record, node_id) in enumerate((("", ""), ("{", "no id"), (None, None)), 1):
            for name, content in (("lictor-identity.json", record), ("node-id", node_id)):
                path = f"{client.data_dir}/{name}"
                if content is None:
                    os.unlink(path)
                else:
                    with open(path, "w") as file:
                        file.write(content)
            reloaded = client.command("reload")
            assert reloaded.returncode == 0 and "nothing for the agent has changed" in reloaded.stdout, reloaded
            assert client.command("restart").returncode == 0, client.log
            status = client.ready()
            assert (status["node_id"], status["agent"]["restarts"]) == (first, restarts), status
            assert client.node_id() == first and stored(client)["id"] == first, (client.node_id(), stored(client))


def identity_cloned(world):
    """A data directory copied to another machine: the copy takes an id of its own, the original notices nothing."""
    server, original, copy = world.server(), world.client(), world.client("n2")
    first = original.start().ready()["node_id"]
    eventually(lambda: server.passing() == ["n1"], 15, "the service's check passes")
    with undisturbed(server, "n1"):
        run("cp", "-a", original.data_dir, copy.data_dir)
        change_machine(world, OTHER_MACHINE)
        second = copy.start().ready()["node_id"]
        eventually(lambda: "n2" in server.passing(), 15, "the copy's check passes")
        holds(lambda: [server.member("n1"), server.member("n2")] == [ALIVE, ALIVE], 5)
    assert second != first and copy.node_id() == second == stored(copy)["id"], (first, second)
    assert [server.node(name)["Node"]["ID"] for name in ("n1", "n2")] == [first, second]
    assert server.instances() == {"n1": original.address, "n2": copy.address}
    assert original.status()["agent"]["restarts"] == 0 and copy.status()["agent"]["restarts"] == 0
    assert original.status()["conflicts"] == [] and copy.status()["conflicts"] == []
    assert lines(copy, "another machine", second), copy.log
    # From now on it is the copy's own.
    copy.stop(signal.SIGQUIT)
    assert copy.start().ready()["node_id"] == second


def identity_clone_refused(world):
    """With node.on_clone refuse, another machine's data directory is 78 with the reason, and no agent is started."""
    server, original = world.server(), world.client()
    starts = f"{open_folder(world.folder + '/out')}/starts"
    binary = write_script(f"{world.folder}/consul", f'[ "$1" = agent ] && echo x >> {starts}\nexec {CONSUL} "$@"\n')
    copy = world.client("n2", node={"on_clone": "refuse"}, agent={"binary": binary})
    original.start().ready()
    eventually(lambda: server.passing() == ["n1"], 15, "the service's check passes")
    run("cp", "-a", original.data_dir, copy.data_dir)
    change_machine(world, OTHER_MACHINE)
    with undisturbed(server, "n1"):
        assert copy.start().ended(5) == 78, copy.log
        assert all(word in copy.last_line() for word in ("node.on_clone", "another machine", "n1")), copy.last_line()
        copy.nobody_left()
        assert not os.path.exists(starts) and server.member("n2") is None
        # A data directory of its own is what the message asks for.
        run("rm", "-rf", copy.data_dir)
        copy.start().ready()
    assert os.path.exists(starts)


def identity_name_alive_elsewhere(world):
    """Two nodes of one name: the first is never disturbed, the second says so, tries again, and follows it."""
    server, client = world.server(), world.client()
    rival = world.client("rival")
    client.start().ready()
    eventually(lambda: server.passing() == ["n1"], 15, "the service's check passes")
    with undisturbed(server, "n1"), Watch(lambda: server.instances() == {"n1": client.address}, 0.05) as catalog:
        rival.start(NODE_NAME="n1")

        def told():
            found = [c for c in rival.status()["conflicts"] if (c["kind"], c["name"]) == ("name", "n1")]
            return found and found[0]["address"] == client.address

        eventually(told, 15, "the conflict is told of")
        rival.logged("another node holds this node's name")
        assert lines(rival, "another node holds this node's name", "name=n1", f"address={client.address}"), rival.log
        eventually(lambda: rival.status()["agent"]["restarts"] >= 2, 20, "the agent is restarted again and again")
        assert not rival.status()["ready"]
    assert not catalog.gaps, catalog.gaps
    assert client.status()["agent"]["restarts"] == 0 and client.status()["ready"]
    assert client.stop()[0] == 0, client.last_line()
    rival.ready(30)
    eventually(lambda: server.instances() == {"n1": rival.address}, 5, "the name is the second node's now")
    assert server.node("n1")["Node"]["ID"] == rival.node_id() and server.member("n1") == ALIVE
    eventually(lambda: rival.status()["conflicts"] == [], 10, "no conflict is left")


def identity_stale_claims(world):
    """What the node itself has been goes within 10 s of its death, with or without a member. Whatever else stands at its address
    stays, dead or not, and is told of."""
    server, client = world.server(), world.client()
    n2 = neighbour(world, server)
    was(client, "long-dead", "old", "ghost", "gateway")
    # An agent never hears of a member that had failed before it joined; of that one it finds the catalog entry alone.
    killed(agent_by_hand(client, server, "long-dead"))
    eventually(lambda: server.member("long-dead") == FAILED, 15, "the first agent is failed")
    old = agent_by_hand(client, server, "old")
    register(server, "ghost", client.address)
    register(server, "gateway", client.address, NodeMeta={"external-node": "true"})
    register(server, "pods", client.address, NodeMeta={"synthetic-node": "true"})
    register(server, "stranger", client.address)
    register(server, "elsewhere", "10.77.0.200")
    others = ["gateway", "pods", "stranger", "elsewhere"]
    kept = [entry(server, name) for name in others]
    with undisturbed(server, "n2"):
        takes_over(client, old, server.process.pid, n2.agent_pid())
        eventually(lambda: not server.node("ghost"), 10, "the entry without a member is gone")
        eventually(lambda: not server.node("long-dead"), 10, "the entry of the one that has long been dead is gone")
        eventually(lambda: server.member("old") in (FAILED, None), 15, "the second agent is failed")
        eventually(lambda: server.member("old") is None and not server.node("old"), 10, "the failed member is gone")
        told = [("address", "gateway", "external"), ("address", "pods", "synthetic"), ("address", "stranger", "no member")]
        eventually(lambda: sorted(conflicts(client)) == told, 10, "the others are told of")
        holds(lambda: [entry(server, name) for name in others] == kept, 5, "what is to stay stays")
    assert sorted(server.instances("web")) == sorted(others), server.instances("web")
    for name in ("old", "long-dead", "ghost"):
        assert len(lines(client, "cleared away", f"name={name} ")) == 1, client.log
    for name, why in (("gateway", "on purpose"), ("pods", "on purpose"), ("stranger", "no former name or id")):
        assert len(lines(client, CLAIMED, why, f"name={name} ")) == 1, client.log
    advice = {f["seen"]: f["mend"] for f in json.loads(client.command("doctor", "--json").stdout)["findings"]}
    (stranger,) = (mend for seen, mend in advice.items() if "stranger" in seen)
    assert "find out whose it is" in stranger, advice


def identity_neighbours(world):
    """Agents of others on the same host, with ports of their own, live and die, and are no matter to the node."""
    server, client = world.server(), world.client()
    first = agent_by_hand(client, server, "first", port=8311)
    holds(lambda: server.member("first") == ALIVE, 3)  # its first full sync is over
    with undisturbed(server, "first"):
        client.start().ready()
        second = agent_by_hand(client, server, "second", port=8312)
        killed_as_a_member(client, second, "second")
        eventually(lambda: server.member("second") == FAILED, 15, "the second agent is failed")
        holds(lambda: client.status()["ready"] and conflicts(client) == [], 5, "no conflict")
    killed_as_a_member(client, first, "first")
    eventually(lambda: server.member("first") == FAILED, 15, "the first agent is failed")
    holds(lambda: conflicts(client) == [] and server.node("first") and server.node("second"), 5, "left alone")
    assert not lines(client, CLAIMED), client.log
    assert server.instances() == {"n1": client.address}
    assert sorted(server.instances("web")) == ["first", "second"]


def acl_world(world, rules):
    """A server that denies by default, and a node, not started, whose one token has these rules.

    At its address are an agent by hand, `old`, which is returned too, and an entry without a member, `ghost`.
    """
    acl = {"enabled": True, "default_policy": "deny"}
    server = world.server({"primary_datacenter": "dc1", "acl": acl | {"tokens": {"master": TOKEN}}}, token=TOKEN)
    eventually(lambda: server.get("/v1/acl/tokens"), 10, "ACLs are up")
    token = server.new_token("node", rules)
    tokens = {"agent": token, "default": token}
    client = world.client(agent={"config": {"primary_datacenter": "dc1", "acl": acl | {"tokens": tokens}}})
    was(client, "ghost", "old")
    register(server, "ghost", client.address)
    return server, client, agent_by_hand(client, server, "old")


def identity_acl_forbidden(world):
    """A token that may not clear away is told of in one line with what it lacks, and the node serves on."""
    server, client, old = acl_world(
        world,
        'node "n1" { policy = "write" } node_prefix "" { policy = "read" } service_prefix "" { policy = "write" }',
    )
    takes_over(client, old, server.process.pid)
    eventually(lambda: lines(client, "ghost", "node:write"), 10, "the permission that deregistering lacks")
    eventually(lambda: server.member("old") == FAILED, 15, "the old agent is failed")
    eventually(lambda: lines(client, "old", "operator:write"), 10, "the permission that force-leave lacks")
    holds(lambda: client.status()["ready"], 9)
    for name, permission in (("old", "operator:write"), ("ghost", "node:write")):
        assert len(lines(client, name, permission)) == 1, client.log
        assert server.node(name), f"{name} is gone"
    assert server.member("old") == FAILED and server.instances() == {"n1": client.address}
    assert client.status()["agent"]["restarts"] == 0


def identity_acl_allowed(world):
    """With operator:write and node:write what the node has been goes, though all is denied by default."""
    server, client, old = acl_world(
        world, 'operator = "write" node_prefix "" { policy = "write" } service_prefix "" { policy = "write" }'
    )
    takes_over(client, old, server.process.pid)
    eventually(lambda: not server.node("ghost"), 10, "the entry without a member is gone")
    eventually(lambda: server.member("old") in (FAILED, None), 15, "the old agent is failed")
    eventually(lambda: server.member("old") is None and not server.node("old"), 10, "the failed member is gone")
    assert server.instances() == {"n1": client.address} and server.instances("web") == {}


def identity_entry_comes_back(world):
    """An entry of the node's own past without a member goes, and goes again where the servers have put it back, as they do for a
    member that they suspect only, of which the node's own agent was never told."""
    server, client = world.server(), world.client()
    neighbour(world, server)
    was(client, "ghost")
    register(server, "ghost", client.address)
    client.start().ready()
    eventually(lambda: not server.node("ghost"), 10, "the entry is gone")
    eventually(lambda: lines(client, "no longer claims", "name=ghost "), 10, "a look has found nothing any more")
    register(server, "ghost", client.address)
    eventually(lambda: not server.node("ghost"), 10, "it is gone again")
    assert server.instances("web") == {} and client.status()["ready"]
    eventually(lambda: len(lines(client, "cleared away", "name=ghost ")) == 2, 5, "each clearing is a line")


def identity_heal_off(world):
    """With node.heal false what the node has been is told of when it is dead, and stays."""
    server, client = world.server(), world.client(node={"heal": False})
    n2 = neighbour(world, server)
    was(client, "ghost", "old")
    register(server, "ghost", client.address)
    takes_over(client, agent_by_hand(client, server, "old"), server.process.pid, n2.agent_pid())
    eventually(lambda: server.member("old") == FAILED, 15, "the old agent is failed")
    eventually(lambda: [name for _, name, _ in conflicts(client)] == ["ghost", "old"], 10, "both are told of")
    kept = [entry(server, name) for name in ("old", "ghost")]
    holds(lambda: [entry(server, name) for name in ("old", "ghost")] == kept and server.member("old") == FAILED, 9)
    assert sorted(server.instances("web")) == ["ghost", "old"] and client.status()["ready"]
