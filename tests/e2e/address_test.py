"""Which of several addresses is the node's, and that it stays so."""

import signal
import time

from doctor_test import examine
from tools import eventually, holds
from world import ALIVE, run

VIRTUAL = "10.77.0.100"
ELSEWHERE = "192.0.2.7"
BESIDE = "10.77.0.77"


def ip(client, *words):
    run("ip", "-n", client.namespace, *words)


def second_link(client, address=ELSEWHERE, name="eth1"):
    """Another network of the host's, with a carrier."""
    ip(client, "link", "add", name, "type", "veth", "peer", "name", f"far-{name}")
    ip(client, "link", "set", f"far-{name}", "up")
    ip(client, "link", "set", name, "up")
    shown = lambda: "state UP" in run("ip", "-n", client.namespace, "link", "show", name)  # noqa: E731
    eventually(shown, 5, "the kernel has seen the carrier")
    ip(client, "addr", "add", f"{address}/24", "dev", name)


def default_route(client, link, metric, gateway=None):
    network = client.address if link == "eth0" else ELSEWHERE
    gateway = gateway or network.rpartition(".")[0] + ".254"
    ip(client, "route", "add", "default", "via", gateway, "dev", link, "metric", str(metric))


def stays(server, client, pid):
    """Neither the agent nor the address is another one, and new settings are taken."""
    holds(lambda: client.agent_pid() == pid, 2, "the agent runs on")
    client.write_settings(services=[{"id": "web", "name": "web", "port": 80, "address": "${address}"}])
    assert client.command("reload").returncode == 0, client.log
    eventually(lambda: server.instances("web") == {"n1": client.address}, 5, "the new service is in the catalog")
    status = client.ready()
    assert (status["address"], status["agent"]["restarts"], status["problems"]) == (client.address, 0, []), status


def address_stays_beside_a_virtual_one(world):
    """A virtual address, whatever its prefix, changes nothing, nor does it at the next start."""
    server, client = world.server(), world.client()
    pid = client.start().ready()["agent"]["pid"]
    ip(client, "addr", "add", f"{VIRTUAL}/32", "dev", "eth0")
    ip(client, "addr", "add", "198.51.100.9/24", "dev", "eth0")
    stays(server, client, pid)
    client.stop(signal.SIGTERM)
    assert client.start().ready()["address"] == client.address, client.log


def address_stays_with_another_route(world):
    """Another interface that gets an address and a better default route takes nothing away; the next start keeps it, too."""
    server, client = world.server(), world.client()
    default_route(client, "eth0", 200)
    pid = client.start().ready()["agent"]["pid"]
    second_link(client)
    default_route(client, "eth1", 100)
    stays(server, client, pid)
    client.stop(signal.SIGTERM)
    status = client.start().ready()
    assert status["address"] == client.address and "kept" in client.log, client.log


def address_of_the_best_route(world):
    """Of two default routes the one that the kernel takes decides."""
    world.server()
    client = world.client()
    second_link(client)
    default_route(client, "eth1", 200)
    default_route(client, "eth0", 100)
    status = client.start().ready()
    assert status["address"] == client.address and "default route" in client.log, client.log


def address_before_its_route(world):
    """Two addresses, and the default route comes later: it is waited for."""
    world.server()
    client = world.client()
    second_link(client)
    client.start().logged("waiting for an address")
    assert client.process.poll() is None and not client.agent_pid()
    default_route(client, "eth0", 100)
    assert client.ready(5)["address"] == client.address


def address_gone_for_a_moment(world):
    """A flush that is undone, a manager that replaces the address, a link that is down: within bind.settle nothing comes of it,
    even where another address would do meanwhile."""
    server, client = world.server(), world.client()
    own = (f"{client.address}/24", "dev", "eth0")
    pid = client.start().ready()["agent"]["pid"]
    second_link(client)
    ip(client, "addr", "del", *own)
    client.logged("another one would do")
    problems = client.status()["problems"]
    assert any(f"the node moves to {ELSEWHERE} in " in problem for problem in problems), problems
    # New settings wait for the address, too, and are taken when it is back.
    client.write_settings(services=[{"name": "web", "port": 80}])
    done = client.command("reload")
    assert done.returncode == 78 and "bind.settle" in done.stderr, done
    ip(client, "addr", "add", *own)
    client.logged("the address is back")
    eventually(lambda: server.instances("web") == {"n1": client.address}, 5, "the new service is in the catalog")
    for _ in range(3):
        ip(client, "addr", "replace", *own)
        ip(client, "link", "set", "eth0", "down")
        ip(client, "link", "set", "eth0", "up")
    stays(server, client, pid)


def address_of_another_after_a_while(world):
    """An address that stays away is given up for another one after bind.settle, and no sooner."""
    server, client = world.server(), world.client(bind={"settle": "2s"})
    client.start().ready()
    ip(client, "addr", "del", f"{client.address}/24", "dev", "eth0")
    gone = time.monotonic()
    ip(client, "addr", "add", f"{BESIDE}/24", "dev", "eth0")
    client.logged("moves to another address")
    assert 2 <= time.monotonic() - gone < 5, client.log
    eventually(lambda: server.instances() == {"n1": BESIDE}, 5, "the catalog has the new address")


def address_with_a_late_carrier(world):
    """At a first start an address that is there before the others is not taken for the only one: the one with the route is."""
    world.server()
    client = world.client()
    second_link(client)
    default_route(client, "eth0", 100)
    ip(client, "link", "set", "eth0", "down")
    client.start().logged("waiting for an address")
    assert f"{ELSEWHERE} on eth1 would do" in client.log, client.log
    ip(client, "link", "set", "eth0", "up")
    default_route(client, "eth0", 100)
    assert client.ready(5)["address"] == client.address, client.log


def address_virtual_before_its_own(world):
    """At a first start a /32 that is there before the host's own address is not taken for it; alone it is, after bind.settle."""
    world.server()
    client = world.client(bind={"settle": "1s"})
    own = (f"{client.address}/24", "dev", "eth0")
    ip(client, "addr", "del", *own)
    ip(client, "addr", "add", f"{VIRTUAL}/32", "dev", "eth0")
    client.start().logged("may be a virtual address")
    ip(client, "addr", "add", *own)
    assert client.ready(5)["address"] == client.address, client.log
    alone = world.client("n2", bind={"settle": "1s"})
    ip(alone, "addr", "del", f"{alone.address}/24", "dev", "eth0")
    ip(alone, "addr", "add", f"{alone.address}/32", "dev", "eth0")
    ip(alone, "route", "add", f"{alone.address.rpartition('.')[0]}.0/24", "dev", "eth0")
    assert alone.start().ready(8)["address"] == alone.address, alone.log


def address_decision_is_shown(world):
    """`check` tells the address, what decided, and what each other one lost by; the doctor, that only memory keeps it."""
    world.server()
    client = world.client()
    default_route(client, "eth0", 200)
    client.start().ready()
    assert "address" not in [check for check, _ in examine(client)[1]]
    second_link(client)
    ip(client, "addr", "add", f"{VIRTUAL}/32", "dev", "eth0")
    default_route(client, "eth1", 100)
    told = client.command("check")
    assert told.returncode == 0 and told.stdout.splitlines()[-4:-1] == [
        f"address: {client.address} on eth0 (the address that this node has)",
        f"passed over: {ELSEWHERE}/24 on eth1 (the address that this node has)",
        f"passed over: {VIRTUAL}/32 on eth0 (the address that this node has)",
    ], told
    afresh = client.command("check", LICTOR_NODE_DATA_DIR=f"{client.folder}/none").stdout.splitlines()[-4:-1]
    assert afresh[0] == f"address: {ELSEWHERE} on eth1 (the default route, metric 100)" and set(afresh[1:]) == {
        f"passed over: {client.address}/24 on eth0 (the default route, metric 200)",
        f"passed over: {VIRTUAL}/32 on eth0 (the default route, metric 200)",
    }, afresh
    code, findings, _, _ = examine(client)
    assert code == 1 and ELSEWHERE in dict(findings)["address"] and client.address in dict(findings)["address"], findings
    client.write_settings(bind={"cidr": [f"{client.address}/32"]})
    assert client.command("reload").returncode == 0, client.log
    assert "address" not in [check for check, _ in examine(client)[1]]


def address_advertised(world):
    """bind_addr of all addresses stays where an address is advertised, and without any the node listens where it is advertised;
    `${address}` is that one, and the servers reach it there."""
    server = world.server()
    for node, config, bound in (
        ("n1", {"bind_addr": "0.0.0.0", "advertise_addr": "ADDRESS"}, "0.0.0.0"),
        ("n2", {"advertise_addr": "ADDRESS"}, "ADDRESS"),
        ("n3", {"serf_lan": "ADDRESS"}, "ADDRESS"),
    ):
        client = world.client(node)
        # The network's own address is on an interface that bind.interface would not take.
        ip(client, "link", "set", "eth0", "down")
        ip(client, "link", "set", "eth0", "name", "ens5")
        ip(client, "link", "set", "ens5", "up")
        second_link(client, name="eth1")
        config = {key: value.replace("ADDRESS", client.address) for key, value in config.items()}
        services = [{"name": node, "port": 1, "address": "${address}", "tags": ["${bind_address}"]}, {"name": f"bare-{node}", "port": 2}]
        client.write_settings(agent={"config": config}, services=services)
        status = client.start().ready()
        assert (status["address"], status["advertise_address"]) == (client.address, client.address), status
        bound = bound.replace("ADDRESS", client.address)
        assert client.agent_get("/v1/agent/self")["DebugConfig"]["BindAddr"] == bound, client.log
        found = server.node(node)
        assert found["Node"]["Address"] == client.address, found
        given = found["Services"]
        assert (given[node]["Address"], given[node]["Tags"], given[f"bare-{node}"]["Address"]) == (client.address, [bound], ""), given
        eventually(lambda node=node: server.member(node) == ALIVE, 5, "the servers reach it")
    holds(lambda: all(server.member(node) == ALIVE for node in ("n1", "n2", "n3")), 5, "the servers reach them")


def address_advertised_by_a_router(world):
    """An advertised address that the host does not have: the node listens on its own, and is in the catalog at the other one."""
    server = world.server()
    client = world.client(agent={"config": {"advertise_addr": "203.0.113.9"}})
    status = client.start().ready()
    assert (status["address"], status["advertise_address"]) == (client.address, "203.0.113.9"), status
    assert client.agent_get("/v1/agent/self")["DebugConfig"]["BindAddr"] == client.address, client.log
    assert server.instances() == {"n1": "203.0.113.9"}


def address_advertised_and_unheard(world):
    """One that is advertised and another one that is listened on: as the user has it, and told."""
    world.server()
    client = world.client()
    second_link(client)
    client.write_settings(agent={"config": {"bind_addr": client.address, "advertise_addr": ELSEWHERE}})
    told = client.command("check")
    assert f"advertise_addr: {ELSEWHERE}" in told.stdout + told.stderr and "failed" in told.stdout + told.stderr, told


def address_of_several(world):
    """Two addresses of equal right are no guess: what may settle itself is waited for, then lictor lists them with the setting."""
    client = world.client(bind={"wait": "700ms"})
    second_link(client)
    assert client.start().ended(5) == 75, client.log
    assert all(word in client.last_line() for word in (client.address, ELSEWHERE, "bind.interface")), client.log
    client.nobody_left()
    world.server()
    client.start(LICTOR_BIND_INTERFACE="eth0").ready()
