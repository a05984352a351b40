"""What the notes of Consul 2.0 and 2.1 say, held by a stand-in (front.py): no such Consul is at hand."""

from front import Front
from tools import eventually, holds
from world import LEFT

LOOK, REGISTER = "GET /v1/agent/services", "PUT /v1/agent/service/register"


def notes_idle_connection_closed(world):
    """An agent closes idle connections, from 1.22.4 on after 120 s: a request that finds its one closed is sent again."""
    server, client = world.server(), world.client(services=[{"name": "web", "port": 80}])
    front = Front(client)
    client.start().ready()
    front.rule(close=REGISTER)
    client.write_settings(services=[{"name": "web", "port": 81}])
    eventually(lambda: server.node("n1")["Services"]["web"]["Port"] == 81, 10, "the new port is in the catalog")
    # The stand-in notes an answer after it has passed it on.
    wanted = ["200", "closed", "200"]
    eventually(lambda: [said for _, _, said in front.requests(REGISTER)] == wanted, 2, "sent once more")
    assert "end of stream" not in client.log and client.status()["ready"]
    # A leave is asked for once, whatever becomes of the connection.
    assert client.stop()[0] == 0
    assert len(front.requests("PUT /v1/agent/leave")) <= 1 and server.member("n1") == LEFT


def notes_large_definition(world):
    """An agent takes no more than 512 KiB, from 2.0.3 on: the service and the limit are named, and the others are served."""
    server = world.server()
    large = {"name": "large", "tags": [f"{number:1000}" for number in range(600)]}
    client = world.client(services=[large, {"name": "web", "port": 80}])
    front = Front(client, limit=512 * 1024)
    client.start()
    eventually(lambda: "registering large: 413" in str(client.status()["problems"]), 10, "the service is named")
    told = str(client.status()["problems"])
    assert "524288 bytes" in told, told
    assert not client.status()["ready"]
    client.write_settings(services=[{"name": "web", "port": 80}])
    client.ready()
    assert set(server.node("n1")["Services"]) == {"web"}
    assert front.requests(REGISTER)


def notes_several_ports(world):
    """Services with several ports, from 1.22 on, reach the agent as they are written."""
    ports = [{"name": "http", "port": 8080, "default": True}, {"name": "grpc", "port": 9090}]
    server, client = world.server(), world.client(services=[{"name": "web", "ports": ports}])
    front = Front(client)
    client.start().ready()
    assert "web" in server.node("n1")["Services"]
    shown = client.agent_get("/v1/agent/services")["web"]
    assert [port["Port"] for port in shown["Ports"]] == [8080, 9090], shown
    # What the agent has made of it is no difference: at the next look it is not sent again.
    looks, sent = (len(front.requests(start)) for start in (LOOK, REGISTER))
    eventually(lambda: len(front.requests(LOOK)) > looks, 10, "the agent's list has been looked at")
    holds(lambda: len(front.requests(REGISTER)) == sent, 0.5, "it is not sent again")
