"""A node that serves and that the servers hold for failed."""

import json

from identity_test import lines
from maint_test import MASTER
from tools import eventually, holds
from world import SERVER_ADDRESS, run

HELD = "the servers hold this node for failed"
OVER = "hold this node for alive again"


def block_gossip(client, verb="add"):
    """The server's gossip does not get in at the node; the server's RPC, with which the node begins, goes on."""
    if verb == "add":  # what is for the host itself is looked up first of all
        run("ip", "-n", client.namespace, "rule", "add", "pref", "100", "lookup", "local")
        run("ip", "-n", client.namespace, "rule", "del", "pref", "0")
    for protocol in ("udp", "tcp"):
        rule = f"pref 10 from {SERVER_ADDRESS} ipproto {protocol} dport 8301 blackhole"
        run("ip", "-n", client.namespace, "rule", verb, *rule.split())


def serf_health(server, name="n1"):
    checks = server.get(f"/v1/health/node/{name}")
    return next((check["Status"] for check in checks if check["CheckID"] == "serfHealth"), None)


def metric(client):
    text = client.control("GET", "/metrics").text
    return next(line.split()[-1] for line in text.splitlines() if line.startswith("lictor_held_for_failed "))


def finding(client):
    """What `lictor doctor` has found of it."""
    report = client.command("doctor", "--json")
    return [f["seen"] for f in json.loads(report.stdout)["findings"] if f["check"] == "held-for-failed"]


def held(client):
    return client.status()["held_for_failed"]


def standing_gossip_blocked(world):
    """Gossip from the server is dropped, its RPC is not: the node says so as soon as the servers do, and when it is over."""
    server, client = world.server(), world.client()
    client.start().ready()
    agent = client.agent_pid()
    assert not held(client) and metric(client) == "0" and not finding(client)
    block_gossip(client)
    eventually(lambda: serf_health(server) == "critical", 20, "the server holds the node for failed")
    eventually(lambda: held(client), 15, "the status says so")
    assert client.status()["ready"] and metric(client) == "1"
    assert any(HELD in problem for problem in client.status()["problems"])
    assert HELD in client.command("status").stdout
    eventually(lambda: any("drops packets" in seen for seen in finding(client)), 10, "the doctor tells the likely cause")
    # It comes and goes at the server, as it joins again; that is told of once.
    holds(lambda: held(client) and len(lines(client, HELD)) == 1, 5, "told of once")
    block_gossip(client, "del")
    eventually(lambda: not held(client), 30, "it is over", every=0.2)
    assert serf_health(server) == "passing" and metric(client) == "0"
    assert (len(lines(client, HELD)), len(lines(client, OVER))) == (1, 1), client.log
    assert client.agent_pid() == agent, "nothing was restarted"
    assert client.stop()[0] == 0


def standing_wrong_address(world):
    """A node that advertises an address at which nobody is: told of within 15 s of the servers' word, with that for the cause."""
    server = world.server()
    client = world.client(agent={"config": {"bind_addr": "10.77.0.11", "advertise_addr": "10.77.0.99"}})
    client.start().ready()
    eventually(lambda: serf_health(server) == "critical", 20, "the server holds the node for failed", every=0.005)
    eventually(lambda: held(client), 15, "the status says so")
    eventually(lambda: any("10.77.0.99, which is no address" in seen for seen in finding(client)), 15, "the cause is told")


def standing_deaf(world):
    """A node that advertises another address of its host than it listens on: with that for the cause."""
    server = world.server()
    client = world.client(agent={"config": {"bind_addr": "10.77.0.11", "advertise_addr": "10.77.0.99"}})
    run("ip", "-n", client.namespace, "addr", "add", "10.77.0.99/24", "dev", "eth0")
    client.start().ready()
    eventually(lambda: serf_health(server) == "critical", 20, "the server holds the node for failed")
    eventually(lambda: held(client), 15, "the status says so")
    told = "nothing listens on 10.77.0.99 port 8301, which the agent advertises: its gossip is bound to 10.77.0.11:8301"
    eventually(lambda: any(told in seen for seen in finding(client)), 15, "the cause is told")


def standing_with_acls(world):
    """It takes node:read. A node without that says nothing of how the servers hold it, and serves on."""
    acl = {"acl": {"enabled": True, "default_policy": "deny", "tokens": {"master": MASTER}}}
    server = world.server(acl, MASTER)

    services, nodes = 'service_prefix "" { policy = "write" }', 'node_prefix "" { policy = "%s" }'
    agent = server.new_token("agent", nodes % "write")  # the agent itself may write its node

    def client(name, default, nobody):
        acl = {"enabled": True, "tokens": {"agent": agent, "default": default}}
        return world.client(name, agent={"config": {"acl": acl, "bind_addr": "{{GetInterfaceIP \"eth0\"}}", "advertise_addr": nobody}})

    reading = client("n1", server.new_token("reading", services + nodes % "read"), "10.77.0.98")
    blind = client("n2", server.new_token("blind", services), "10.77.0.99")
    for node in (reading, blind):
        node.start()
    reading.ready()
    blind.logged("registered", 10)  # what may not be seen is waited for, some seconds
    for name in ("n1", "n2"):
        eventually(lambda: serf_health(server, name) == "critical", 30, f"{name} is held for failed", every=0.005)
    eventually(lambda: held(reading), 15, "the status says so")
    holds(lambda: not held(blind) and not lines(blind, HELD), 3, "nothing is known")
    assert blind.process.poll() is None and blind.agent_pid()
