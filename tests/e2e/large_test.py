"""Large clusters, and nodes of many services."""

import re

from agent_stand_in import MEMBERS, stand_in
from tools import eventually


def peak(client):
    """The most memory that lictor has had resident so far, in kB."""
    with open(f"/proc/{client.pid}/status") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1])


def large_cluster(world):
    """Thousands of members, the last of which is at this node's address: it is told of, and they take next to no memory. An answer that
    breaks off, that is 100 MB long or of another shape takes none either, and the look is repeated."""
    world.server()
    client = world.client(log={"level": "debug"})
    order = stand_in(client, "claimed")
    client.start().ready()
    eventually(lambda: client.status()["conflicts"], 10, "it is told of the claim")
    before = peak(client)
    order("claimed", "members=3000")
    eventually(lambda: client.status()["members"] == 3000, 15, "they are counted")
    assert [claim["name"] for claim in client.status()["conflicts"]] == ["other-2999"], client.status()["conflicts"]
    grown = peak(client) - before
    print(f"{grown} kB more with 3,000 members")
    assert grown < 1024, f"{grown} kB"
    failed = "members and catalog were not looked at"
    for how, why in (("cut", "read: "), ("other", "no JSON array"), ("long", "body over |no answer within")):
        order("claimed", f"{how}={MEMBERS}")
        eventually(lambda: re.search(f"{failed} reason=.*({why})", client.log), 25, f"a look that fails: {how}")
        grown = peak(client) - before
        print(f"{grown} kB more after one: {how}")
        assert grown < 1024, f"{grown} kB"
    order("claimed", "members=2999")
    eventually(lambda: client.status()["members"] == 2999, 15, "the look is repeated")
