"""Servers that are not there, not there any more, or there again."""

import datetime
import os
import re
import signal
import statistics
import time

from agent_stand_in import stand_in
from catalog_test import whole
from tools import Watch, eventually, holds
from world import ALIVE, SERVER_ADDRESS, run, write_json

FULL_SYNC = 3.3  # s after it has joined, an agent has told the servers all


def back(world, client, address=SERVER_ADDRESS):
    """Starts a server; returns it once the node is in its catalog, and prints how long that took."""
    server = world.server(address=address)
    began = time.monotonic()
    eventually(lambda: server.instances() == {"n1": client.address}, 20, "the node is registered")
    print(f"registered {time.monotonic() - began:.2f} s after the server was there")
    return server


def end(server):
    server.process.kill()
    server.process.wait()


def servers_late(world):
    """Started without a server: live, not ready, and registered soon after there is one, whatever retry_interval says."""
    client = world.client(agent={"config": {"retry_interval": "30s"}}).start()
    eventually(lambda: client.status()["agent"].get("api"), 10, "the agent is up")
    agent = client.agent_pid()
    holds(lambda: (client.probe("/livez"), client.probe("/readyz")) == (200, 503), 3, "live, and not ready")
    server = back(world, client)
    client.ready()
    assert client.agent_pid() == agent and server.member("n1") == ALIVE


def servers_late_for_start_join(world):
    """Servers that the agent was to join at its start and no later, by setting or argument, are joined like any other."""
    by_setting = world.client(agent={"config": {"retry_interval": "30s", "retry_join": [], "start_join": [SERVER_ADDRESS]}})
    by_argument = world.client(
        "n2", agent={"config": {"retry_interval": "30s", "retry_join": []}, "args": ["-join", SERVER_ADDRESS]}
    )
    clients = [by_setting.start(), by_argument.start()]
    for client in clients:
        eventually(lambda client=client: client.status()["agent"].get("api"), 10, "the agent is up")
    agents = [client.agent_pid() for client in clients]
    holds(lambda: [client.agent_pid() for client in clients] == agents, 2, "the agents wait")
    server = world.server()
    addresses = {client.name: client.address for client in clients}
    eventually(lambda: server.instances() == addresses, 5, "the nodes are registered")
    assert [client.agent_pid() for client in clients] == agents


def servers_lost(world):
    """All servers die and come back without memory: not ready meanwhile, nothing restarted, the services back by
    themselves, and nobody is told to join while there is a server."""
    server = world.server()
    config = {"retry_interval": "30s", "log_level": "debug"}
    client = world.client(agent={"config": config}, watch={"hung_after": "4s"})
    client.start().ready()
    agent = client.agent_pid()
    end(server)
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


def servers_lost_ready(world):
    """With control.ready_needs_leader off a node that is registered stays ready while the servers are away, and says that it
    misses a leader; an agent that is started meanwhile is not ready before they are back."""
    server = world.server()
    client = world.client(control={"ready_needs_leader": False}, watch={"hung_after": "4s"})
    client.start().ready()
    end(server)
    eventually(lambda: not client.status()["leader"], 20, "no leader is known")
    client.logged("no leader is known: the node stays ready")
    assert client.probe("/readyz") == 200 and client.status()["ready"], client.status()
    client.send(signal.SIGUSR2)
    eventually(lambda: client.probe("/readyz") == 503, 10, "another agent has yet to register")
    holds(lambda: client.probe("/readyz") == 503, 2, "and without servers it can't")
    server = back(world, client)
    client.ready()
    client.write_settings(control={"ready_needs_leader": True})
    client.logged("settings read again")
    end(server)
    eventually(lambda: client.probe("/readyz") == 503, 20, "the setting is taken by the lictor that runs")


def servers_forget(world):
    """A server comes back without memory before the agent has missed it: the services are back, nothing restarted."""
    server = world.server()
    client = world.client(agent={"config": {"log_level": "debug"}}, watch={"hung_after": "2s"})
    client.start().ready()
    agent = client.agent_pid()
    # For its first server an agent mostly syncs all once more, within 3 s; its next full sync is a minute or two away.
    joined = time.monotonic()
    eventually(lambda: time.monotonic() - joined > FULL_SYNC or "agent: Node info in sync" in client.log, FULL_SYNC + 1)
    end(server)
    # What lictor has not seen either it finds when it next looks at the catalog, a minute after the last time.
    eventually(lambda: not client.status()["ready"], 10, "not ready")
    back(world, client)
    client.ready()
    assert client.agent_pid() == agent


def servers_take_for_left(world):
    """A server that has not yet heard that this node is back takes out what it has just registered, after the agent's full
    sync: the services are back as soon as lictor looks once more, not a minute later."""
    server, client = world.server(), world.client().start()
    client.ready()

    def taken_out():
        return not server.node("n1") or server.put("/v1/catalog/deregister", {"Node": "n1"})

    # The sync is at random within 3 s. Where it comes after this, it is what brings the services back.
    holds(taken_out, 2, "the server takes it out", every=0.05)
    eventually(lambda: server.instances() == {"n1": client.address}, 8, "the services are back")
    client.ready()


def servers_told_of_checks(world):
    """A full sync that is due while the agent takes a registration is put off by 15 to 30 s, in which the agent by itself
    sends nothing: what a check that it runs has become, and a service of a file that it has reloaded, is in the catalog all
    the same."""
    server, client = world.server(), world.client()
    folder, flag = f"{client.folder}/extra", f"{client.folder}/up"
    os.mkdir(folder)
    check = {"args": ["test", "-e", flag], "interval": "1s"}
    client.write_settings(
        services=[{"name": "web", "port": 80, "check": check}],
        agent={"config": {"enable_script_checks": True}, "config_dirs": [folder]},
    )
    client.start().ready()
    many = [{"CheckID": f"many{n}", "TTL": "1h"} for n in range(500)]
    joined = time.monotonic()
    while time.monotonic() - joined < FULL_SYNC:
        body = {"Name": "many", "Port": int(1000 * (time.monotonic() - joined)) + 1, "Checks": many}
        assert client.agent("PUT", "/v1/agent/service/register", body, timeout=20).status == 200
    for present in (True, False):
        open(flag, "w").close() if present else os.remove(flag)
        status = "passing" if present else "warning"  # exit code 1
        eventually(lambda status=status: client.agent_get("/v1/agent/checks")["service:web"]["Status"] == status, 5)
        began = time.monotonic()
        eventually(lambda present=present: server.passing("web") == ["n1"] * present, 3, f"the servers have it {status}")
        print(f"{status} at the servers {time.monotonic() - began:.2f} s after it was so at the agent")
    write_json(f"{folder}/file.json", {"service": {"name": "file", "port": 81}})
    client.logged("new settings, taken by the running agent keys=services")
    eventually(lambda: server.instances("file") == {"n1": client.address}, 3, "the service of a file")


HTTP = {"http": "http://127.0.0.1:8555/livez", "interval": "1s"}
SCRIPT = {"args": ["/bin/true"], "interval": "1s"}
TTL = {"ttl": "1h", "status": "passing"}
# One of each kind: its name, and its checks.
KINDS = {"none": [], "ttl": [TTL], "http": [HTTP], "script": [SCRIPT], "mixed": [TTL, HTTP, SCRIPT]}


def steady(server):
    """Whether each instance of KINDS that is shown has all its checks, and all of them pass."""
    shown = ((checks, entry) for name, checks in KINDS.items() for entry in server.get(f"/v1/health/service/{name}"))
    return all(
        [check["Status"] for check in entry["Checks"] if check["ServiceID"]] == ["passing"] * len(checks)
        for checks, entry in shown
    )


def seconds_until_back(client):
    """How long each return of what the catalog had lost has taken since lictor had noticed."""
    times, lost = [], None
    for line in client.log.splitlines():
        if "the catalog no longer shows what this node registered" in line:
            lost = datetime.datetime.fromisoformat(line.split()[0].rstrip("Z"))
        if lost and re.search(r" info +registered ", line):
            times.append((datetime.datetime.fromisoformat(line.split()[0].rstrip("Z")) - lost).total_seconds())
            lost = None
    return times


def servers_lose_entries(world):
    """Entries that are deleted on a server, one service, all, or the node's with serfHealth and what others have put on the
    agent, come back with their checks as these are, without flicker, once lictor has noticed: also from an agent that does
    not send on a registration that changes nothing."""
    server, client = world.server(), world.client()
    order = stand_in(client, "swallow")
    services = [{"name": name, "port": 80, "checks": checks} for name, checks in KINDS.items()]
    client.write_settings(services=services, agent={"config": {"enable_script_checks": True}})
    client.start().ready()
    for path, what in [("service", {"Name": "others"}), ("check", {"Name": "noted", "TTL": "1h", "Status": "passing"})]:
        assert client.agent("PUT", f"/v1/agent/{path}/register", what).status == 200
    eventually(lambda: all(server.passing(name) == ["n1"] for name in [*KINDS, "others"]), 15, "all checks pass")

    joined = time.monotonic()
    eventually(lambda: time.monotonic() - joined > FULL_SYNC or "agent: Node info in sync" in client.log, FULL_SYNC + 1)
    before, agent = whole(server), client.agent_pid()
    with Watch(lambda: steady(server), every=0) as flickers:
        for round in range(4):
            for lost in [["mixed"], list(KINDS), None]:
                for name in lost or [None]:
                    entry = {"Node": "n1"} | ({"ServiceID": name} if name else {})
                    assert server.put("/v1/catalog/deregister", entry)
                eventually(lambda: whole(server) == before, 2, f"{lost or 'the node'} is back as it was")
                client.ready(2)
    assert not flickers.gaps and flickers.looks > 20, (flickers.looks, flickers.gaps)
    assert client.agent_pid() == agent and order
    times = seconds_until_back(client)
    # What is deleted while the node is being mended is mended along.
    along = client.log.count("otherwise than its agent; it is as the agent has it")
    assert len(times) + along >= 12 and len(times) <= 12, (times, along)
    print(f"back after {statistics.median(times):.3f} s, at most {max(times):.3f} s")


def servers_restart_without_registering(world):
    """A node that starts again registers nothing that its agent has kept, and what the catalog lacks is there all the same."""
    server, client = world.server(), world.client(agent={"config": {"log_level": "debug"}})
    put = "PUT url=/v1/agent/service/register"
    services = [{"name": name, "port": 80, "checks": [{"ttl": "1h"}]} for name in ("web", "db")]
    client.write_settings(services=services)
    client.start().ready()
    eventually(lambda: client.log.count(put) == 2, 5, "the agent has logged both")
    for number in (signal.SIGTERM, signal.SIGKILL):  # with a leave, which empties the catalog, and without one
        client.stop(number)
        client.start().ready()
        eventually(lambda: server.instances("web") == server.instances("db") == {"n1": client.address}, 2, "both are back")
    assert client.log.count(put) == 2, "a service that the agent has was registered again"
    # Another definition is another matter.
    client.write_settings(services=services[:1] + [services[1] | {"port": 81}])
    eventually(lambda: server.node("n1")["Services"]["db"]["Port"] == 81, 5, "the new port")
    # The agent tells the servers while it answers, and logs the request after that.
    eventually(lambda: client.log.count(put) == 3, 5, "the agent has logged it")
    client.stop(signal.SIGKILL)
    client.write_settings(services=[service | {"checks": [{"ttl": "2h"}]} for service in services])
    client.start().ready()
    eventually(lambda: client.log.count(put) == 5, 5, "what differs was registered")


def servers_unheard_registration(world):
    """An agent that closes the connection at each registration: told of once, backed off, nothing restarted; registered when
    it takes them."""
    server, client = world.server(), world.client()
    order = stand_in(client, "close")
    client.start()
    eventually(lambda: "registering consul-members" in str(client.status()["problems"]), 10, "what fails is told")
    agent = client.agent_pid()
    holds(lambda: not client.status()["ready"] and client.agent_pid() == agent, 3, "not ready, and not restarted")
    assert client.log.count("not registered yet") == 1, client.log
    assert client.log.count("/v1/catalog/register") == 0
    order()
    client.ready(6)
    assert server.instances() == {"n1": client.address} and client.agent_pid() == agent
    assert client.status()["problems"] == []


def servers_stalled(world):
    """A server that hangs for a moment: not ready meanwhile, and not joined, for the agent still counts on it."""
    server = world.server()
    client = world.client(agent={"config": {"log_level": "debug"}}, watch={"hung_after": "2s"})
    client.start().ready()
    agent = client.agent_pid()
    seen = "Request finished: method=GET url=/v1/agent/self"
    server.process.send_signal(signal.SIGSTOP)
    eventually(lambda: not client.status()["ready"], 10, "not ready")
    looked = client.log.count(seen)
    eventually(lambda: client.log.count(seen) > looked, 5, "lictor looks whether a server is known")
    server.process.send_signal(signal.SIGCONT)
    client.ready()
    holds(lambda: "/v1/agent/join/" not in client.log, 1, "nobody joins")
    assert client.agent_pid() == agent and server.instances() == {"n1": client.address}


def servers_moved(world):
    """The servers' name has come to mean another address after all the old ones died: joined there, nothing restarted."""
    hosts = f"{world.folder}/hosts"
    with open(hosts, "w") as file:
        file.write(f"{SERVER_ADDRESS} consul.test\n")
    run("mount", "--bind", hosts, "/etc/hosts")
    server = world.server()
    client = world.client(agent={"config": {"retry_join": ["consul.test"]}}, watch={"hung_after": "4s"})
    client.start().ready()
    agent = client.agent_pid()
    end(server)
    eventually(lambda: not client.status()["ready"], 10, "not ready")
    with open(hosts, "w") as file:
        file.write("10.77.0.2 consul.test\n")
    back(world, client, "10.77.0.2")
    client.ready()
    assert client.agent_pid() == agent


def servers_away_too_long(world):
    """No leader for watch.rejoin_after, and told to join in vain: a new agent, once, without leaving, and registered when there
    is a server again."""
    hosts = f"{world.folder}/hosts"
    with open(hosts, "w") as file:
        file.write(f"{SERVER_ADDRESS} consul.test\n")
    run("mount", "--bind", hosts, "/etc/hosts")
    server = world.server()
    config = {"retry_join": ["consul.test"]}
    client = world.client(agent={"config": config}, watch={"hung_after": "2s", "rejoin_after": "3s"})
    client.start().ready()
    agent = client.agent_pid()
    end(server)
    eventually(lambda: client.agent_pid() not in (None, agent), 25, "another agent")
    agent = client.agent_pid()
    since = re.search("restarting the agent without leaving .*reason=no_leader seconds=([0-9.]+)", client.log)
    assert since and float(since[1]) >= 3, client.log
    holds(lambda: client.agent_pid() == agent, 8, "and no other one")
    back(world, client)
    client.ready()
    assert client.agent_pid() == agent
    assert "the node leaves the cluster" not in client.log


def servers_away_quietly(world):
    """While no server is known, nothing that lictor asks costs the agent a line of its log, and nobody who is not there is
    handed to it to be joined, nor is it restarted, which would find nobody either; back at once when there is a server."""
    server = world.server()
    client = world.client(agent={"config": {"retry_interval": "30s"}}, watch={"hung_after": "4s", "rejoin_after": "5s"})
    client.start().ready()
    agent = client.agent_pid()
    end(server)
    eventually(lambda: client.members().get("server") != ALIVE, 20, "the server is found dead")
    eventually(lambda: not client.status()["ready"], 20, "not ready")

    def asked():
        # Not by the check of the default service, which is the agent's own.
        return len(re.findall("Request error: .* from=@ ", client.log)), client.log.count("(LAN) joining")

    before = asked()
    # What was asked for before it was known may still fail: once.
    holds(lambda: asked()[0] <= before[0] + 1 and asked()[1] == before[1], 10, "lictor is quiet")
    began = time.monotonic()
    server = world.server()
    eventually(lambda: server.instances() == {"n1": client.address}, 10, "the node is registered")
    took = time.monotonic() - began
    assert took < 6, took  # the server's start and election among it
    client.ready()
    assert client.agent_pid() == agent


def servers_answer_failures(world):
    """An agent that answers each request with 500, before it was ready and after: live, not restarted, nothing floods the log;
    ready when it is well again."""
    server = world.server()
    client = world.client(log={"level": "info"}, watch={"hung_after": "4s"})
    order = stand_in(client, "fail")
    client.start()
    eventually(lambda: client.status()["agent"].get("api"), 10, "the agent is up")
    client.logged("Synced node info", 20)  # all that it says of its start has been said

    def resident():
        with open(f"/proc/{client.pid}/status") as file:
            return int(re.search(r"VmRSS:\s+(\d+) kB", file.read())[1])

    for moment in ("before it was ready", "after"):
        agent, lines, memory = client.agent_pid(), client.log.count("\n"), resident()
        holds(lambda: (client.probe("/livez"), client.probe("/readyz")) == (200, 503), 12, moment)
        assert client.agent_pid() == agent
        grown = client.log.count("\n") - lines
        print(f"{grown} lines in 12 s, {moment}")
        assert grown <= 20, client.log
        assert resident() <= memory + 1024, f"{memory} kB have become {resident()} kB"
        order()
        client.ready(20)
        assert server.instances() == {"n1": client.address} and client.agent_pid() == agent
        order("fail")
        eventually(lambda: not client.status()["ready"], 25, "not ready")
