"""What changes in the servers' catalog of this node is told to lictor and mended at once, and while nothing does no server is asked"""

import contextlib
import datetime
import statistics
import time

from front import Front
from hung_test import ThreeServers
from tools import UnixConnection, eventually, holds

LOST = "the catalog no longer shows what this node registered"
OTHERWISE = "the catalog had something of this node otherwise than its agent"
HASTY = "answer at once what they are asked to hold"
HELD = "the servers hold again what they are asked"
WEB = {"name": "web", "port": 80, "tags": ["a"], "meta": {"m": "1"}, "checks": [{"ttl": "1h", "status": "passing"}]}
PLAIN = {"name": "plain", "port": 81}
# Seconds. A node that is not told looks each minute.
SOON = 15


def serving(world, **settings):
    """A node that serves, its agent's first full sync over, with a service and a check of somebody else's."""
    server, client = world.server(), world.client(services=[WEB, PLAIN], **settings)
    client.start().ready()
    for path, what in [("service", {"Name": "others", "Port": 9}), ("check", {"Name": "noted", "TTL": "1h", "Status": "passing"})]:
        assert client.agent("PUT", f"/v1/agent/{path}/register", what).status == 200
    eventually(lambda: "others" in server.node("n1")["Services"], 5, "the other service is there")
    settled(server)
    return server, client


def whole(server):
    """What the catalog has of the node, without its indices and what a check has put out; None: nothing."""
    kept = [{k: v for k, v in entry.items() if k not in ("CreateIndex", "ModifyIndex", "Output")} for entry in entries(server)]
    return kept or None


def entries(server):
    node = server.node("n1")
    if not node:
        return []
    services = [node["Services"][id] for id in sorted(node["Services"])]
    return [node["Node"], *services, *sorted(server.get("/v1/health/node/n1"), key=lambda check: check["CheckID"])]


def last_change(server):
    return max((entry["ModifyIndex"] for entry in entries(server)), default=0)


def settled(server):
    """The catalog has been as it is for as long as a full sync may take to begin."""
    seen = [(time.monotonic(), whole(server))]

    def steady():
        now = whole(server)
        if now != seen[0][1]:
            seen[0] = (time.monotonic(), now)
        return time.monotonic() - seen[0][0] > 3.3

    eventually(steady, 20, "the catalog has settled", every=0.1)
    return seen[0][1]


def noticed(client, line, since):
    """Seconds from `since` to the last line like this in the log."""
    last = [text for text in client.log.splitlines() if line in text][-1]
    return datetime.datetime.fromisoformat(last.split()[0].rstrip("Z") + "+00:00").timestamp() - since


def catalog_entry_deleted(world):
    """The node's entry, deleted on the server: noticed, and whole again, long before anybody would have looked."""
    server, client = serving(world)
    before, agent, seen, back = whole(server), client.agent_pid(), [], []
    for round in range(8):
        began, wall = time.monotonic(), time.time()
        assert server.put("/v1/catalog/deregister", {"Node": "n1"})
        eventually(lambda: client.log.count(LOST) == round + 1, SOON, "it is noticed", every=0.01)
        eventually(lambda: whole(server) == before, SOON, "the node is back as it was", every=0.01)
        back.append(time.monotonic() - began)
        seen.append(noticed(client, LOST, wall))
        client.ready(2)
    for what, times in (("noticed", seen), ("back", back)):
        print(f"{what} after {statistics.median(times):.3f} s, at most {max(times):.3f} s")
    assert client.agent_pid() == agent


def catalog_part_changed(world):
    """A service or a check that is deleted or altered in the catalog, of lictor's and of others, and the entry itself: as the agent
    has it again soon; what is only altered costs the node no readiness."""
    server, client = serving(world)
    before = whole(server)
    node = {key: server.node("n1")["Node"][key] for key in ("ID", "Node", "Address")}
    web = {"ID": "web", "Service": "web", "Port": 80}
    check = {"CheckID": "service:web", "Name": "Service 'web' check", "ServiceID": "web"}

    def gone(**what):
        return "/v1/catalog/deregister", {"Node": "n1"} | what

    def written(**what):
        return "/v1/catalog/register", node | {"SkipNodeUpdate": True} | what

    changes = {
        "a service with a check": gone(ServiceID="web"),
        "a service without one": gone(ServiceID="plain"),
        "somebody else's service": gone(ServiceID="others"),
        "a service's check": gone(CheckID="service:web"),
        "a check of the node": gone(CheckID="noted"),
        "serfHealth": gone(CheckID="serfHealth"),
        "a service's tags": written(Service=web | {"Tags": ["b"], "Meta": {"m": "1", "managed-by": "lictor"}}),
        "a service's port": written(Service=web | {"Port": 82, "Tags": ["a"], "Meta": {"m": "1", "managed-by": "lictor"}}),
        "a check's state": written(Check=check | {"Status": "critical"}),
        "the node's metadata": ("/v1/catalog/register", node | {"NodeMeta": {"x": "y"}}),
        "the node's address": ("/v1/catalog/register", node | {"Address": "10.77.0.99"}),
    }
    for what, (target, body) in changes.items():
        lost, changed = client.log.count(LOST), last_change(server)
        assert server.put(target, body)
        began = time.monotonic()
        # Seen as it is now, or mended already.
        assert whole(server) != before or last_change(server) > changed, what
        eventually(lambda: whole(server) == before, SOON, f"{what}: as it was", every=0.01)
        taken = time.monotonic() - began
        print(f"{what}: {taken:.3f} s")
        client.ready(2)
        if "service" not in what.split()[:2] or "'s" in what:
            assert client.log.count(LOST) == lost, f"{what}: the node lost its readiness"
    assert OTHERWISE in client.log


def raw(server, method, target, body=None):
    with contextlib.closing(UnixConnection(server.socket, 10)) as connection:
        connection.request(method, target, body)
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status == 200, content
        return content


def catalog_restored(world):
    """A snapshot of before the node had its service is restored: what it lacks is back soon."""
    server, client = world.server(), world.client(services=[PLAIN])
    client.start().ready()
    settled(server)
    snapshot = raw(server, "GET", "/v1/snapshot")
    client.write_settings(services=[WEB, PLAIN | {"port": 82}])
    eventually(lambda: server.instances("web"), 10, "the new service")
    before = settled(server)
    for _ in range(3):
        began = time.monotonic()
        raw(server, "PUT", "/v1/snapshot", snapshot)
        eventually(lambda: whole(server) == before, 10, "as before the old state came", every=0.01)
        taken = time.monotonic() - began
        print(f"back {taken:.3f} s after the snapshot was taken")
        client.ready(2)
        settled(server)


def reaching(front, since):
    """What was asked since then that an agent asks a server for."""
    own = ("/v1/agent/", "/ ")
    return [ask for at, ask, _ in front.requests() if at >= since and not f"{ask.split()[1]} ".startswith(own)]


def catalog_quiet(world):
    """A node at rest asks no server for anything: the two questions that it has asked are held."""
    server = world.server()
    client = world.client(services=[WEB, PLAIN], watch={"hung_after": "1s"})
    front = Front(client)
    client.start().ready()
    settled(server)
    began = time.monotonic()
    holds(lambda: client.probe("/readyz") == 200, 15, "ready")
    assert reaching(front, began) == [], reaching(front, began)
    assert [ask for at, ask, _ in front.requests("GET /v1/agent/self") if at >= began], "its agent is asked all the while"
    # And the catalog is all the same under watch.
    assert server.put("/v1/catalog/deregister", {"Node": "n1", "ServiceID": "plain"})
    eventually(lambda: server.instances("plain"), SOON, "the service is back")


def catalog_answered_at_once(world):
    """Something between that answers at once what is to be held: asked less and less, which is told once, and a loss is seen all the
    same."""
    server, client = world.server(), world.client(services=[PLAIN])
    front = Front(client, at_once=True)
    client.start().ready()
    began = time.monotonic()
    client.logged(HASTY, 30)
    assert server.put("/v1/catalog/deregister", {"Node": "n1", "ServiceID": "plain"})
    eventually(lambda: server.instances("plain"), 40, "the service is back", every=0.1)
    eventually(lambda: time.monotonic() - began > 30, 60, "half a minute", every=1)
    asked = [ask for ask in reaching(front, began) if "stale" in ask]
    seconds = time.monotonic() - began
    print(f"{len(asked)} questions in {seconds:.0f} s")
    assert len(asked) <= seconds and client.log.count(HASTY) == 1, asked


def catalog_connections_end(world):
    """An agent that ends a connection on which nothing comes for a while: asked for less, without a word, and told all the same."""
    server, client = world.server(), world.client(services=[PLAIN])
    front = Front(client, idle=6)
    client.start().ready()
    began = time.monotonic()
    eventually(lambda: time.monotonic() - began > 20, 60, every=1)
    asked = reaching(front, began + 8)
    print(f"{len(asked)} questions in 12 s")
    assert "no leader is known" not in client.log and client.status()["ready"]
    assert len(asked) <= 12, asked
    assert server.put("/v1/catalog/deregister", {"Node": "n1", "ServiceID": "plain"})
    eventually(lambda: server.instances("plain"), SOON, "the service is back")


def catalog_leader_lost(world):
    """Of three servers two die, so that there is no leader: a node knows within half of watch.hung_after after its agent has found
    that out, in whatever way, and at once where it was one of those that it asked. It asks no server for it before."""
    servers = ThreeServers(world)
    client = world.client(agent={"config": {"retry_join": servers.addresses}}, control={"ready_needs_leader": True})
    front = Front(client)
    client.start().ready(30)
    eventually(lambda: time.monotonic() - client.started > 20, 30, "it is at rest", every=1)
    leader = servers.leader() - 1
    lost = [leader, (leader + 1) % 3]
    began = time.monotonic()
    assert not [ask for at, ask, _ in front.requests("GET /v1/status/leader") if at > began - 12], "a server was asked for nothing"
    for number in lost:
        servers.processes[number].kill()
    eventually(lambda: client.probe("/readyz") == 503, 45, "not ready", every=0.05)
    print(f"not ready after {time.monotonic() - began:.2f} s")
