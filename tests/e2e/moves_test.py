"""A node's Consul is exchanged for a newer one, and for an older one again: services and checks stay in the catalog.

Through all that --consul names, servers first as Consul has it; where one alone is named, between it and the same again. What
an older one finds in a newer one's data directory is played for that one, too: by a copy of it under a later number, and by
keys that no Consul knows yet.
"""

import contextlib
import hashlib
import json
import os

from tools import Watch, eventually
from world import consuls, renumbered_consul, write_script

STRANGER = {"Name": "stranger", "Port": 9, "Check": {"Name": "stranger", "TTL": "1h", "Status": "passing"}}
OWN, CHECKS = ["bare", "both", "http", "script", "ttl"], 6
# What begins without a status is critical until its first run, whoever starts the agent.
NEVER_CRITICAL = ["stranger", "ttl"]


def services(world):
    """One of each kind that goes by itself: without a check, with each kind of check, and with two."""
    script = {"args": [write_script(f"{world.folder}/check", "exit 0\n")], "interval": "1s"}
    http = {"http": "http://127.0.0.1:8500/v1/status/leader", "interval": "1s"}
    ttl = {"ttl": "1h", "status": "passing"}
    checks = {"bare": [], "http": [http], "script": [script], "ttl": [ttl], "both": [ttl | {"name": "t"}, http | {"name": "h"}]}
    return [{"name": name, "port": 80, "checks": checks[name]} for name in OWN]


def put_to_work(client, program):
    """In the place of the program that runs, as docs/upgrading.md has it; a link in the place of a copy of 100 MB."""
    link = client.settings["agent"]["binary"]
    os.symlink(program, f"{link}.new")
    os.replace(f"{link}.new", link)


def instances(server):
    """The names of n1's services in the catalog."""
    return sorted((server.node("n1") or {"Services": {}})["Services"])


def all_pass(server, client):
    """Every check that there is to be is in the catalog and passes, and the agent has it, or it would be taken out there."""

    def fact():
        of_agent = client.agent_get("/v1/agent/checks").values()
        for found in (server.get("/v1/health/node/n1"), of_agent):
            seen = {check["CheckID"]: check["Status"] for check in found if check["ServiceName"]}
            if len(seen) != CHECKS or set(seen.values()) != {"passing"}:
                raise ValueError(seen)
        return True

    eventually(fact, 10, "all checks pass")


def versions(client):
    return client.status()["agent"].get("version")


@contextlib.contextmanager
def nothing_is_missed(server, client):
    """All along every service is in the catalog, and those with a check that says how it begins, or of which a program has told,
    pass; then all pass."""
    everything = sorted([*OWN, "stranger"])
    with Watch(lambda: instances(server) == everything, 0.02) as catalog:
        with Watch(lambda: all(server.passing(name) == ["n1"] for name in NEVER_CRITICAL), 0.02) as kept:
            yield
            all_pass(server, client)
    assert not catalog.gaps and not kept.gaps, (catalog.gaps, kept.gaps)


def program_comes(client):
    """It registers its service, which the agent then keeps in its own version's words, and says how that is."""
    assert client.agent("PUT", "/v1/agent/service/register", STRANGER).status == 200
    assert client.agent("PUT", "/v1/agent/check/pass/service:stranger").status == 200


def world_of(world, first, newest, policy="leave"):
    """A server of the newest Consul and a node, ready, of the first one, on which a program has registered a service, too."""
    server = world.server(program=newest.path)
    agent = {"binary": f"{world.folder}/consul", "config": {"enable_script_checks": True}}
    client = world.client(agent=agent, services=services(world), stop={"policy": policy})
    put_to_work(client, first.path)
    client.start().ready()
    program_comes(client)
    all_pass(server, client)
    return server, client


def moves_in_place(world):
    """Up, one version after the other, and down again, by `lictor restart`; one identity, and nothing is missed."""
    given = consuls()
    server, client = world_of(world, given[0], given[-1])
    node_id = client.node_id()
    for consul in [*given[1:], *reversed(given[:-1]), given[0]]:
        put_to_work(client, consul.path)
        with nothing_is_missed(server, client):
            done = client.command("restart", within=30)
            assert done.returncode == 0, (consul, done)
            eventually(lambda consul=consul: versions(client) == consul.as_member, 10, f"{consul} runs")
        assert client.node_id() == node_id
        program_comes(client)
    assert client.status()["agent"]["restarts"] == client.status()["agent"]["restarts_by_reason"]["asked"]


def moves_at_once(world):
    """From the oldest to the newest and back in one step each, lictor with it; what was taken away there is away here, too."""
    given = consuls()
    oldest, newest = given[0], given[-1]
    server, client = world_of(world, oldest, newest, "stay")
    for consul in (newest, oldest, newest):
        with nothing_is_missed(server, client):
            assert client.stop()[0] == 0
            put_to_work(client, consul.path)
            client.start().ready()
            eventually(lambda consul=consul: versions(client) == consul.as_member, 5, f"{consul} runs")
        program_comes(client)
    assert client.agent("PUT", "/v1/agent/service/deregister/stranger").status == 200
    eventually(lambda: instances(server) == OWN, 5, "the stranger is away")
    for consul in (oldest, newest):
        assert client.stop()[0] == 0
        put_to_work(client, consul.path)
        client.start().ready()
        assert instances(server) == OWN


def written_by_a_later_one(data_dir):
    """Has what an agent keeps stand there as one of a later version would write it; how many files that are."""
    found = 0
    for folder, part, id_key, strict in (("services", "Service", "ID", "Proxy"), ("checks", "Check", "CheckID", None)):
        for name in os.listdir(f"{data_dir}/{folder}"):
            path = f"{data_dir}/{folder}/{name}"
            if os.path.isdir(path):
                continue
            with open(path) as file:
                content = json.load(file)
            of_later = content[part][strict] if strict else content["ChkType"]
            of_later |= {"OfALaterConsul": "", "MoreOfIt": {} if strict else False}
            os.remove(path)
            later_name = hashlib.sha256(content[part][id_key].encode()).hexdigest()
            with open(f"{data_dir}/{folder}/{later_name}", "w") as file:
                json.dump(content, file)
            os.chown(file.name, os.stat(data_dir).st_uid, os.stat(data_dir).st_gid)
            found += 1
    return found


def moves_down(world):
    """What a later Consul has kept, with keys that this one refuses, this one has all the same, and it is told of once."""
    later = f"{world.folder}/later"
    number, later_number = renumbered_consul(later)
    (given,) = [consul for consul in consuls() if consul.number == number][:1]
    server, client = world_of(world, given._replace(path=later), given, "stay")
    with nothing_is_missed(server, client):
        assert client.stop()[0] == 0
        assert written_by_a_later_one(client.data_dir) > len(OWN)
        put_to_work(client, given.path)
        client.start().ready()
    words = f"the agent is an older Consul than the one before: what that one has kept is written for it version={given.build}"
    told = [line for line in client.log.splitlines() if "the agent is an older Consul" in line]
    assert len(told) == 1 and words in told[0] and f"before={given.as_member.replace(number, later_number)}" in told[0], told
    assert "Failed decoding" not in client.log
    # Nothing is left that a later Consul would bring back.
    assert client.agent("PUT", "/v1/agent/service/deregister/stranger").status == 200
    eventually(lambda: instances(server) == OWN, 5, "the stranger is away")
    texts = []
    for folder in ("services", "checks"):
        for name in os.listdir(f"{client.data_dir}/{folder}"):
            with contextlib.suppress(IsADirectoryError), open(f"{client.data_dir}/{folder}/{name}") as file:
                texts.append(file.read())
    assert texts and not [text for text in texts if "stranger" in text], texts
