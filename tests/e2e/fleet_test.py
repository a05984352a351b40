"""More than one node."""

from tools import eventually
from world import ALIVE, LEFT

SIZE = 8


def fleet_member_left(world):
    """One of eight nodes leaves: within 10 s it is `left`, never failed, for the server and for every other node."""
    server = world.server()
    clients = [world.client(f"n{number}") for number in range(1, SIZE + 1)]
    # One by one: of nodes that join in the same moment some hear of each other only at the next full exchange.
    for client in clients:
        client.start().ready()
    for client in clients:
        eventually(lambda: len(client.members()) == SIZE + 1, 15, f"{client.name} knows everybody")
    leaver, *others = clients
    code, _ = leaver.stop()
    assert code == 0, leaver.last_line()
    views = {"server": lambda: server.member(leaver.name)}
    views |= {other.name: lambda other=other: other.members()[leaver.name] for other in others}
    for viewer, status in views.items():
        eventually(lambda: status() == LEFT, 10, f"{leaver.name} is left for {viewer}")
    assert [server.member(other.name) for other in others] == [ALIVE] * len(others)
    assert sorted(server.instances()) == sorted(other.name for other in others)
