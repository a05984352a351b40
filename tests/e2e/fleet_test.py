"""More than one node."""

from tools import eventually
from world import ALIVE, FAILED, LEFT

SIZE = 8


def fleet_member_left(world):
    """One of eight nodes leaves: it is out of the catalog, soon `left` for the server, and alive for nobody.

    Gossip reaches each node only with high probability: of the first 25 leaves of a bare agent, awaited to its very end,
    5 were missed by one of the seven others, which then found the member failed by itself, after a probe and a suspicion. So
    may the server be: it hears that the node leaves, which is repeated to it, and finds out itself that it is gone, after a round
    of probes, one a second, and a suspicion of 4 s.
    """
    server = world.server()
    clients = [world.client(f"n{number}") for number in range(1, SIZE + 1)]
    # One by one: whoever joins is told by the server of those that are there, and so of the first, which leaves.
    for client in clients:
        client.start().ready()
    leaver, *others = clients
    code, _ = leaver.stop()
    assert code == 0, leaver.last_line()
    assert server.node(leaver.name) is None, "out of the catalog"
    eventually(lambda: server.member(leaver.name) == LEFT, SIZE + 8, f"{leaver.name} is left for the server")
    for other in others:
        eventually(lambda: other.members()[leaver.name] in (LEFT, FAILED), 40, f"{leaver.name} has gone for {other.name}")
    assert server.member(leaver.name) == LEFT
    assert [server.member(other.name) for other in others] == [ALIVE] * len(others)
    assert sorted(server.instances()) == sorted(other.name for other in others)
