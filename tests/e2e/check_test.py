"""The check by which all others see how a node is: lictor's own word, renewed on the node, and sent when it changes."""

import os
import re
import signal
import time

import consul_facts
from secrets_test import Guard, guarded, put
from tools import Watch, eventually, get_indexed, holds
from world import write_script

CHECK = "lictor-node"
SERVICE = "consul-members"


def node_check(server, name="n1"):
    """The node's check in the catalog; None where there is none."""
    found = [each for each in server.get(f"/v1/health/checks/{SERVICE}") if each["Node"] == name]
    assert [each["CheckID"] for each in found] in ([], [CHECK]), found
    return found[0] if found else None


def words(server):
    return (node_check(server) or {"Output": ""})["Output"]


def on_agent(client):
    """(status, output) as the agent has it."""
    found = client.agent_get("/v1/agent/checks", client_token(client))[CHECK]
    return found["Status"], found["Output"]


def client_token(client):
    return getattr(client, "token", None)


def expected(more="no problems"):
    version = r"\d+\.\d+\.\d+"
    consul = re.escape(consul_facts.given().number)
    return rf"ready; phase serve; {more}; lictor {version}; consul {consul}; started \d{{4}}-\d\d-\d\dT\d\d:\d\dZ"


def check_tells(world):
    """A new node's check passes and says how the node is, as soon as it is ready; renewed beyond its TTL, it costs the servers
    nothing: the catalog's entry stays as it was written."""
    server, client = world.server(), world.client()
    client.start().ready()
    eventually(lambda: re.fullmatch(expected(), words(server)), 5, "the catalog shows how the node is")
    before = node_check(server)
    assert (before["Status"], before["Name"], before["ServiceName"]) == ("passing", "lictor", SERVICE), before
    # 28 s after the last word it would be critical.
    holds(lambda: node_check(server) == before, 32, "nothing is written", every=0.2)
    assert on_agent(client) == (before["Status"], before["Output"])


def check_begins_passing(world):
    """Nobody sees the check of a node that starts in another state than passing, whether it is new or comes back."""
    server, client = world.server(), world.client(stop={"policy": "stay"})
    seen = Statuses(server)
    with seen:
        client.start().ready()
        eventually(lambda: re.fullmatch(expected(), words(server)), 5, "the catalog shows how the node is")
        assert client.stop()[0] == 0
        client.start().ready()
        os.kill(client.agent_pid(), signal.SIGKILL)
        eventually(lambda: client.status()["agent"]["restarts"] == 1, 5, "another agent")
        client.ready()
    assert seen.others == [] and seen.passing, (seen.others, seen.passing)


class Statuses:
    """Each status that the catalog shows of the check, one after the other, by a blocking query."""

    def __init__(self, server):
        self.server, self.others, self.passing, self.index = server, [], 0, 1
        self.watch = Watch(self.look, 0)

    def look(self):
        target = f"/v1/health/checks/{SERVICE}?wait=1s&index={self.index}"
        found, self.index = get_indexed(self.server.socket, target)
        self.others += [each["Status"] for each in found if each["Status"] != "passing"]
        self.passing += sum(each["Status"] == "passing" for each in found)
        return True

    def __enter__(self):
        self.watch.__enter__()
        return self

    def __exit__(self, *what):
        self.watch.__exit__(*what)


def check_stopped_lictor(world):
    """A lictor that says nothing any more: critical within 30 s, by the agent; passing again when it is back."""
    server, client = world.server(), world.client()
    client.start().ready()
    eventually(lambda: re.fullmatch(expected(), words(server)), 5, "the catalog shows how the node is")
    client.send(signal.SIGSTOP)
    stopped = time.monotonic()
    eventually(lambda: node_check(server)["Status"] == "critical", 45, "the agent misses lictor", every=0.1)
    print(f"critical after {time.monotonic() - stopped:.1f} s")
    assert words(server).startswith("TTL expired (last output before timeout follows): ready; "), words(server)
    client.send(signal.SIGCONT)
    eventually(lambda: node_check(server)["Status"] == "passing", 5, "it is back")
    eventually(lambda: re.fullmatch(expected(), words(server)), 5, "and says so")


def check_leader_lost(world):
    """Without a leader the node is critical within 30 s, and passing again with one. Where none is needed it stays passing."""
    server = world.server()
    needs = world.client("n1")
    not_needed = world.client("n2", control={"ready_needs_leader": False, "http": "127.0.0.1:8555"})
    for client in (needs, not_needed):
        client.start().ready()
    eventually(lambda: all(on_agent(client)[1].startswith("ready; ") for client in (needs, not_needed)), 5, "both tell")
    server.process.kill()
    server.process.wait()
    lost = time.monotonic()
    eventually(lambda: on_agent(needs)[0] == "critical", 45, "critical", every=0.1)
    print(f"critical after {time.monotonic() - lost:.1f} s")
    assert on_agent(needs)[1].startswith("not ready; phase serve; problems no_leader; "), on_agent(needs)
    eventually(lambda: "problems no_leader" in on_agent(not_needed)[1], 15, "it is told")
    assert on_agent(not_needed)[0] == "passing" and on_agent(not_needed)[1].startswith("ready; ")
    assert not_needed.status()["problem_names"] == ["no_leader"]
    world.server()
    eventually(lambda: on_agent(needs)[0] == "passing", 15, "a leader again", every=0.1)


def check_problem(world):
    """A problem is told by its name, in the check, the status and the metrics; a node that gets no further than registering is
    critical after a while."""
    server = world.server()
    hook = {"command": [write_script(f"{world.folder}/hook", "exit 1\n")], "timeout": "5s", "on_failure": "retry"}
    client = world.client(hooks={"post_start": [hook]})
    client.start()
    eventually(lambda: node_check(server), 10, "registered")
    eventually(lambda: node_check(server)["Status"] == "critical", 15, "critical", every=0.1)
    assert words(server).startswith("not ready; phase register; problems hooks_unfinished; "), words(server)
    assert client.status()["problem_names"] == ["hooks_unfinished"]
    assert 'lictor_problem{problem="hooks_unfinished"} 1\n' in client.control("GET", "/metrics").text
    write_script(f"{world.folder}/hook", "exit 0\n")
    client.ready()
    eventually(lambda: node_check(server)["Status"] == "passing" and words(server).startswith("ready; "), 5, "passing")
    assert client.status()["problem_names"] == []
    client.write_settings(nonsense=1)
    eventually(lambda: client.status()["problem_names"] == ["settings_refused"], 10, "refused settings are told")
    eventually(lambda: "; problems settings_refused; " in on_agent(client)[1], 5, "in the check, too")
    assert on_agent(client)[0] == "passing"


def check_restarts(world):
    """Restarts of the agent are told with their time and reason; nothing else of them changes afterwards."""
    server, client = world.server(), world.client()
    client.start().ready()
    assert client.command("restart").returncode == 0
    told = expected() + r"; restarts \d{4}-\d\d-\d\dT\d\d:\d\dZ asked"
    eventually(lambda: re.fullmatch(told, on_agent(client)[1]), 5, "told")
    eventually(lambda: re.fullmatch(told, words(server)), 5, "and sent with what the new agent sends first")
    os.kill(client.agent_pid(), signal.SIGKILL)
    eventually(lambda: on_agent(client)[1].endswith("Z died"), 10, "told")
    assert re.search(r"; restarts \S+Z asked, \S+Z died$", on_agent(client)[1]), on_agent(client)


def check_http(world):
    """`default_check: http` has the agent ask for the leader, as ever; it is changed to and fro while the node serves."""
    server, client = world.server(), world.client(default_check="http")
    client.start().ready()

    def ids():
        return [(each["CheckID"], each["Status"]) for each in server.get(f"/v1/health/checks/{SERVICE}")]

    assert ids() == [(f"service:{SERVICE}", "passing")], ids()
    asked = lambda: client.agent_get("/v1/agent/checks")[f"service:{SERVICE}"]["Output"]  # noqa: E731
    eventually(lambda: "/v1/status/leader" in asked(), 15, "the agent has asked for the leader")
    for kind, check_id in (("lictor", CHECK), ("http", f"service:{SERVICE}"), ("lictor", CHECK)):
        client.write_settings(default_check=kind)
        eventually(lambda check_id=check_id: ids() == [(check_id, "passing")], 10, f"{kind}: {check_id} alone")
    eventually(lambda: re.fullmatch(expected(), words(server)), 5, "the catalog shows how the node is")


def check_of_own_service(world):
    """A service of one's own that has the check gets the same words."""
    own = {"name": SERVICE, "id": "node", "port": 1, "check": {"id": CHECK, "ttl": "28s", "status": "passing"}}
    server, client = world.server(), world.client(services=[own, {"name": "web", "port": 80}])
    client.start().ready()
    eventually(lambda: re.fullmatch(expected(), words(server)), 5, "the catalog shows how the node is")


def check_with_acls(world):
    """The token that registers the service renews its check."""
    guard, client = Guard(world), guarded(world)
    client.token = guard.token()[0]
    client.write_settings(agent={"tokens": {"default_file": put(f"{client.folder}/token", client.token)}})
    client.start().ready()
    eventually(lambda: re.fullmatch(expected(), words(guard.server)), 5, "the catalog shows how the node is")
    before = node_check(guard.server)
    holds(lambda: node_check(guard.server) == before, 30, "renewed", every=0.2)
