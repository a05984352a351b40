"""Which of several addresses is the node's, and that it stays so."""

import signal

from doctor_test import examine
from tools import eventually, holds
from world import run

VIRTUAL = "10.77.0.100"
ELSEWHERE = "192.0.2.7"


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


def address_of_several(world):
    """Two addresses of equal right are no guess: what may settle itself is waited for, then lictor lists them with the setting."""
    client = world.client(bind={"wait": "700ms"})
    second_link(client)
    assert client.start().ended(5) == 75, client.log
    assert all(word in client.last_line() for word in (client.address, ELSEWHERE, "bind.interface")), client.log
    client.nobody_left()
    world.server()
    client.start(LICTOR_BIND_INTERFACE="eth0").ready()
