"""Servers that are not there, not there any more, or there again."""

import time

from tools import eventually, holds
from world import ALIVE


def back(world, client):
    """Starts a server; returns it once the node is in its catalog, with how long that took."""
    server = world.server()
    began = time.monotonic()
    eventually(lambda: server.instances() == {"n1": client.address}, 20, "the node is registered")
    print(f"registered {time.monotonic() - began:.2f} s after the server was there")
    return server


def servers_late(world):
    """Started without a server: live, not ready, and registered soon after there is one, whatever retry_interval says."""
    client = world.client(agent={"config": {"retry_interval": "30s"}}).start()
    eventually(lambda: client.status()["agent"].get("api"), 10, "the agent is up")
    agent = client.agent_pid()
    holds(lambda: (client.probe("/livez"), client.probe("/readyz")) == (200, 503), 3, "live, and not ready")
    server = back(world, client)
    client.ready()
    assert client.agent_pid() == agent and server.member("n1") == ALIVE


def servers_lost(world):
    """All servers die and come back without memory: not ready meanwhile, nothing restarted, the services back by
    themselves, and nobody is told to join while there is a server."""
    server = world.server()
    config = {"retry_interval": "30s", "log_level": "debug"}
    client = world.client(agent={"config": config}, watch={"hung_after": "4s"})
    client.start().ready()
    agent = client.agent_pid()
    server.process.kill()
    server.process.wait()
    eventually(lambda: not client.status()["ready"], 10, "not ready")
    eventually(lambda: client.members().get("server") != ALIVE, 20, "the server is found dead")
    holds(lambda: client.probe("/readyz") == 503, 2, "still not ready")
    before = client.log.count("PUT url=/v1/agent/join")
    assert before == 0, "a server that nobody listens for was joined"
    server = back(world, client)
    client.ready()
    assert client.agent_pid() == agent
    joined = client.log.count("PUT url=/v1/agent/join")
    holds(lambda: client.log.count("PUT url=/v1/agent/join") == joined, 3, "nobody joins any more")
