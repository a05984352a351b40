"""Maintenance of a node: `lictor maint`, as its services' callers see it from the servers' side."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

from metrics_test import samples
from tools import eventually
from world import merged, run

TWO = [{"name": "web", "port": 80}, {"name": "db", "port": 81}]
MASTER = "11111111-2222-4333-8444-555555555555"


def notes(server, name="n1"):
    """What the servers show of maintenance of a node: its reason; None where it is not in maintenance."""
    checks = server.get(f"/v1/health/node/{name}?consistent")
    return next((check["Notes"] for check in checks if check["CheckID"] == "_node_maintenance"), None)


def asked(client, *arguments, **how):
    """What `lictor maint` printed; it must have succeeded."""
    told = client.command("maint", *arguments, **how)
    assert told.returncode == 0 and not told.stderr, told
    return told.stdout


def maint_on_and_off(world):
    """When the command is back the servers have it: none of the node's services passes, or all do again. The node is ready
    all the while, and both ask for no more than they say."""
    server, client = world.server(), world.client(services=TWO)
    client.start().ready()
    assert client.status()["maintenance"] is None and samples(client)["lictor_maintenance"] == 0
    for _ in range(2):
        told = asked(client, "on", "--reason", "a new disk")
        assert told == "the node is in maintenance: a new disk\n", told
        assert notes(server) == "a new disk" and [server.passing(name) for name in ("web", "db")] == [[], []]
    assert client.status()["maintenance"] == "a new disk" and samples(client)["lictor_maintenance"] == 1
    assert client.probe("/readyz") == 200 and client.command("health").returncode == 0
    # Consul keeps the first reason; what is told is what is so.
    told = asked(client, "on", "--reason", "another one")
    assert told.startswith("the node is in maintenance: a new disk (as before"), told
    assert notes(server) == "a new disk"
    for _ in range(2):
        assert asked(client, "off") == "the node is not in maintenance\n"
        assert notes(server) is None and [server.passing(name) for name in ("web", "db")] == [["n1"], ["n1"]]
    assert client.status()["maintenance"] is None and samples(client)["lictor_maintenance"] == 0
    assert "the node is in maintenance: a new disk" in client.log
    told = asked(client, "on")
    assert "lictor maint on" in told and "lictor maint on" in notes(server), told


def maint_stays(world):
    """Until somebody takes it off: over an agent that dies, a restart, new settings, and a stop that leaves."""
    server, client = world.server(), world.client(services=TWO)
    client.start().ready()
    asked(client, "on", "--reason", "stays")

    def still():
        client.ready()
        assert client.status()["maintenance"] == "stays", client.status()
        eventually(lambda: notes(server) == "stays", 5, "the servers show it")
        assert server.passing("web") == server.passing("db") == []

    agent = client.agent_pid()
    os.kill(agent, signal.SIGKILL)
    eventually(lambda: client.agent_pid() not in (None, agent), 10, "another agent")
    still()
    assert client.command("restart").returncode == 0
    still()
    client.write_settings(services=[{"name": "web", "port": 82}, TWO[1]])
    assert client.command("reload").returncode == 0
    still()
    assert client.stop()[0] == 0 and server.node("n1") is None
    client.start()
    eventually(lambda: client.status()["ready"], 15, "the node is back")
    still()
    asked(client, "off")
    assert server.passing("web") == ["n1"]


def maint_by_others(world):
    """What `consul maint` does beside lictor is seen at the next look, made harmless, and may be taken off by lictor.

    It looks once a minute, and at each agent's start, which takes less.
    """
    server, client = world.server(), world.client()
    client.start().ready()
    target = "/v1/agent/maintenance?enable=true&reason=" + "a%0Ab%1b%5B31m%22%C3%A4" + "%C3%A4x" * 3000
    assert client.agent("PUT", target).status == 200
    assert client.command("restart").returncode == 0
    seen = eventually(lambda: client.status()["maintenance"], 5, "lictor has seen it")
    assert seen.startswith('a b [31m"ää') and len(seen.encode()) <= 503 and seen.endswith("..."), seen
    told = asked(client, "on")
    assert told.count("\n") == 1 and "\x1b" not in told, told
    asked(client, "off")
    assert client.status()["maintenance"] is None and notes(server) is None
    # And the other way round.
    asked(client, "on")
    assert client.agent("PUT", "/v1/agent/maintenance?enable=false").status == 200
    assert client.command("restart").returncode == 0
    eventually(lambda: client.status()["maintenance"] is None, 5, "lictor has seen it")


def maint_reasons(world):
    """One line of text arrives as it was given, whatever is in it; anything else is refused before anything is done."""
    server, client = world.server(), world.client()
    client.start().ready()
    for reason in ('"quoted" & 50 % + a=b?#/ \\n $(id) `id`', "Übung – 保守 🛠", "x" * 500, "-- on"):
        told = asked(client, "on", f"--reason={reason}")
        assert told == f"the node is in maintenance: {reason}\n", told
        assert notes(server) == reason, notes(server)
        asked(client, "off")
    for reason in ("two\nlines", "tab\there", "\x1b[31m", "x" * 501, "x" * 10000, b"\xff\xfe"):
        told = client.command("maint", "on", "--reason", reason)
        assert told.returncode == 64 and not told.stdout, told
        assert told.stderr.startswith("lictor: usage: --reason: ") and len(told.stderr) < 300, told
    told = client.command("maint", "off", "--reason", "why not")
    assert told.returncode == 64 and "on alone" in told.stderr, told
    # The control socket is as strict.
    for body in ({"on": True, "reason": "a\nb"}, {"on": True, "reason": "x" * 10000}, {"on": 1}, {}, [], None):
        answer = client.control("POST", "/maint", body)
        assert answer.status == 400 and "\n" in answer.text, (body, answer)
    assert client.control("GET", "/maint").status == 404
    assert notes(server) is None and client.status()["maintenance"] is None


def maint_without_agent(world):
    """Where nobody is there to be told, it says so and what to do, at once."""
    world.server()
    client = world.client(with_address=False, restart={"min": "10s", "max": "10s"})

    def refused(*words):
        for state in ("on", "off"):
            told = client.command("maint", state, within=5)
            assert told.returncode == 1 and told.stderr.startswith("lictor: maint: "), told
            assert all(word in told.stderr for word in words), told

    refused("is lictor running here")
    client.start()
    eventually(lambda: client.status()["phase"] == "prepare", 5, "it waits for an address")
    refused("no agent answers", "lictor status")
    assert client.control("POST", "/maint", {"on": True}).status == 503
    run("ip", "-n", client.namespace, "addr", "add", f"{client.address}/24", "dev", "eth0")
    client.ready()
    os.kill(client.agent_pid(), signal.SIGKILL)
    eventually(lambda: client.status()["phase"] == "launch", 5, "the agent is gone")
    refused("no agent answers")
    client.command("restart")
    client.ready()
    # One that dies while it is told.
    os.kill(client.agent_pid(), signal.SIGSTOP)
    told = client.command("maint", "on", "--timeout", "300ms")
    assert told.returncode == 1 and "not over within 300ms" in told.stderr, told
    assert client.control("POST", "/maint", {"on": True}).status == 409
    os.kill(client.agent_pid(), signal.SIGKILL)
    eventually(lambda: client.status()["phase"] == "launch", 5, "the agent is gone")
    client.send(signal.SIGQUIT)
    client.ended()


def maint_without_servers(world):
    """The agent takes it all the same; that no server knows is told as exit code 1, and mended when there is one. Of an agent
    that ends before the servers are seen to know that is told, and not when the time is up."""
    server, client = world.server(), world.client()
    client.start().ready()
    server.process.kill()
    eventually(lambda: not client.status()["leader"], 30, "no leader is known")
    with ThreadPoolExecutor() as pool:
        order = pool.submit(client.command, "maint", "on", "--reason", "alone")
        eventually(lambda: client.status()["maintenance"] == "alone", 5, "the agent has taken it")
        os.kill(client.agent_pid(), signal.SIGKILL)
        told = order.result()
    assert told.returncode == 1 and "the agent has ended meanwhile" in told.stderr, told
    eventually(lambda: client.status()["agent"].get("api"), 10, "another agent answers")
    told = client.command("maint", "on", "--reason", "alone")
    assert told.returncode == 1 and "in maintenance: alone, but no server" in told.stderr, told
    server = world.server()
    client.ready(30)
    assert client.status()["maintenance"] == "alone"
    eventually(lambda: notes(server) == "alone" and not server.passing(), 10, "the servers show it")


def maint_with_acls(world):
    """It takes node:write, which the agent's own token has; without one the default token must. What is missing is named."""
    acl = {"acl": {"enabled": True, "default_policy": "deny", "tokens": {"master": MASTER}}}
    server = world.server(acl, MASTER)

    writes = 'node "%s" { policy = "write" }'
    registers = 'node_prefix "" { policy = "read" } service_prefix "" { policy = "write" }'
    default = server.new_token("default", registers)
    # By its own default policy, "allow", a client lets whoever it can't ask a server about change its maintenance.
    denied = {"enabled": True, "default_policy": "deny"}
    settings = {"agent": {"config": {"acl": denied | {"tokens": {"default": default}}}}}
    agent_token = {"agent": {"config": {"acl": {"tokens": {"agent": server.new_token("agent", writes % "n1")}}}}}

    client = world.client("n1", **merged(settings, agent_token))
    client.start().ready()
    assert asked(client, "on", "--reason", "acl") == "the node is in maintenance: acl\n"
    assert notes(server) == "acl" and not server.passing()
    os.kill(client.agent_pid(), signal.SIGKILL)
    eventually(lambda: not client.status()["ready"], 5, "the agent is gone")
    client.ready()
    assert client.status()["maintenance"] == "acl", "seen without a token of the servers"
    assert asked(client, "off") == "the node is not in maintenance\n" and notes(server) is None

    # No catalog to be read: the agent's word.
    writer = server.new_token("writer", writes % "n2" + ' service_prefix "" { policy = "write" }')
    blind = server.new_token("blind", 'service_prefix "" { policy = "write" }')
    blinded = {"agent": {"config": {"acl": {"tokens": {"default": blind, "agent": writer}}}}}
    other = world.client("n2", **merged(settings, blinded))
    other.start().ready()
    told = asked(other, "on", "--reason", "unseen")
    assert "in maintenance: unseen; " in told and "node:read" in told, told
    eventually(lambda: notes(server, "n2") == "unseen", 5, "the servers show it all the same")

    for name, more, words in (
        ("n3", {}, ("default one needs node:write",)),
        ("n4", {"agent": {"config": {"acl": {"tokens": {"agent": blind}}}}}, ("its own token", "needs node:write")),
    ):
        weak = world.client(name, **merged(settings, more))
        weak.start()
        eventually(lambda weak=weak: weak.status()["agent"].get("api"), 10, "the agent answers")
        told = weak.command("maint", "on")
        assert told.returncode == 1 and all(word in told.stderr for word in ("403", *words)), told
        assert weak.status()["maintenance"] is None
