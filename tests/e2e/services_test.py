"""The node's services beside what others have put on them, and each of them by itself."""

import signal

from tools import eventually, holds


def check_states(client):
    """Check id -> state, of the agent."""
    return {id: check["Status"] for id, check in client.agent_get("/v1/agent/checks").items()}


def catalog_states(server, node="n1"):
    """Check id -> state, of the catalog."""
    return {check["CheckID"]: check["Status"] for check in server.get(f"/v1/health/node/{node}?consistent")}


def put(client, target, body=None):
    answer = client.agent("PUT", target, body)
    assert answer.status == 200, f"{target}: {answer.status} {answer.text}"


def reload(client):
    done = client.command("reload")
    return done.returncode, done.stdout + done.stderr


def services_of_others(world):
    """Maintenance, checks that others have added, the states of TTL checks and overridden tags outlive whatever has lictor
    register a service again; a check that has left its definition goes, and no other."""
    server = world.server()

    def web(port, *tags, checks=("ttl-a", "ttl-b")):
        return {
            "name": "web",
            "port": port,
            "tags": tags,
            "enable_tag_override": True,
            "checks": [{"id": id, "name": id, "ttl": "1h"} for id in checks],
        }

    db = {"name": "db", "port": 81, "check": {"id": "db-ttl", "name": "db", "ttl": "1h", "status": "passing"}}
    client = world.client(services=[web(80, "ours"), db])
    client.start().ready()
    put(client, "/v1/agent/check/update/ttl-a", {"Status": "passing"})
    put(client, "/v1/agent/check/update/db-ttl", {"Status": "warning"})
    put(client, "/v1/agent/check/register", {"ID": "theirs", "Name": "theirs", "ServiceID": "web", "TTL": "1h"})
    put(client, "/v1/agent/check/update/theirs", {"Status": "warning"})
    put(client, "/v1/agent/service/maintenance/web?enable=true&reason=work")
    put(client, "/v1/agent/maintenance?enable=true&reason=node")
    theirs = {
        "ttl-a": "passing",
        "ttl-b": "critical",
        "db-ttl": "warning",
        "theirs": "warning",
        "_service_maintenance:web": "critical",
        "_node_maintenance": "critical",
    }

    def all_there(what, without=()):
        expected = {id: state for id, state in theirs.items() if id not in without}
        shown = lambda: {id: s for id, s in catalog_states(server).items() if id != "serfHealth"}
        eventually(lambda: shown() == expected, 15, f"after {what} the catalog has {expected}, not {shown()}")
        assert check_states(client) == expected, what

    all_there("the beginning")
    entry = server.node("n1")
    override = {"Node": "n1", "Address": client.address, "SkipNodeUpdate": True}
    override["Service"] = entry["Services"]["web"] | {"Tags": ["theirs"]}
    server.put("/v1/catalog/register", override)
    tags = lambda: server.node("n1")["Services"]["web"]["Tags"]

    client.write_settings(services=[web(8080, "ours"), db])
    eventually(lambda: server.node("n1")["Services"]["web"]["Port"] == 8080, 10, "the new definition is there")
    all_there("a changed definition")
    assert tags() == ["theirs"], tags()
    client.write_settings(services=[web(8080, "ours", "new"), db])
    eventually(lambda: tags() == ["theirs", "new"], 10, "a tag that the definition gains comes to those of others")

    client.write_settings(services=[web(8080, "ours", "new", checks=("ttl-a",)), db])
    eventually(lambda: "ttl-b" not in catalog_states(server), 10, "a check that has left its definition goes")
    all_there("a definition with one check less", without=("ttl-b",))

    before = client.agent_pid()
    assert client.command("restart").returncode == 0
    eventually(lambda: client.agent_pid() not in (None, before), 10, "another agent")
    client.ready()
    all_there("an agent's restart", without=("ttl-b",))
    assert client.stop(signal.SIGQUIT) is not None
    client.start().ready()
    all_there("lictor's own restart", without=("ttl-b",))
    assert tags() == ["theirs", "new"], tags()


def services_each_for_itself(world):
    """Of three services one is refused: the others are registered, and it is named where somebody looks. A node that serves
    stays ready, with the former definition; one that begins is not ready without it."""
    server = world.server()
    web, api = ({"name": name, "port": 80} for name in ("web", "api"))
    bad = {"name": "db", "port": 81, "kind": "connect-proxy"}  # a proxy of what?
    client = world.client(services=[web, api, bad])
    client.start()
    eventually(lambda: {"web", "api"} <= set((server.node("n1") or {"Services": {}})["Services"]), 15, "the others are there")
    eventually(lambda: "registering db: 4" in str(client.status()["problems"]), 5, "status names db")
    holds(lambda: client.probe("/readyz") == 503, 1.5, "not ready without one of its own")
    good = {"name": "db", "port": 81}
    client.write_settings(services=[web, api, good])
    client.ready()

    client.write_settings(services=[web | {"port": 8080}, api, bad, {"name": "new", "port": 82}])
    eventually(lambda: client.status()["services_refused"] != [], 10, "status names what is refused")
    refused = client.status()["services_refused"]
    assert [(r["id"], r["former_in_force"]) for r in refused] == [("db", True)], refused
    assert "registering db: 4" in refused[0]["reason"], refused
    services = lambda: {id: s["Port"] for id, s in server.node("n1")["Services"].items()}
    eventually(lambda: services() == {"web": 8080, "api": 80, "db": 81, "new": 82}, 10, "the others are taken")
    code, said = reload(client)
    assert code == 78 and "registering db: 4" in said, (code, said)
    assert client.probe("/readyz") == 200
    assert "lictor_services_refused 1" in client.control("GET", "/metrics").text
    client.logged("its former definition stays in force service=db")
    assert "no longer shows" not in client.log, client.log
    client.write_settings(services=[web, api, good])
    eventually(lambda: client.status()["services_refused"] == [], 10, "mended, it is named no more")
    assert reload(client)[0] == 0


def services_forbidden(world):
    """A new service that the token may not write, refused by the servers though the agent takes it: named in the answer to
    the reload, and the node stays ready. Once permitted it comes by itself."""
    acl = {"enabled": True, "default_policy": "deny", "tokens": {"master": "e95b599e-166e-7d80-08ad-aee76e7ddf19"}}
    server = world.server({"acl": acl}, token=acl["tokens"]["master"])
    rules = 'node_prefix "" {policy = "write"} service "web" {policy = "write"} service "api" {policy = "write"}'
    token = server.new_token("n1", rules)
    web = {"name": "web", "port": 80}
    client = world.client(
        services=[web], agent={"config": {"acl": {"enabled": True, "tokens": {"default": token, "agent": token}}}}
    )
    client.start().ready()
    client.write_settings(services=[web, {"name": "db", "port": 81}, {"name": "api", "port": 82}])
    eventually(lambda: "api" in server.node("n1")["Services"], 10, "what is permitted is there")
    code, said = reload(client)
    assert code == 78 and "registering db: 403" in said, (code, said)
    assert client.probe("/readyz") == 200
    assert [r["id"] for r in client.status()["services_refused"]] == ["db"], client.status()
    assert "no longer shows" not in client.log, client.log
    policy = server.get("/v1/acl/policies")
    own = next(p for p in policy if p["Name"] == "n1")
    server.put(f"/v1/acl/policy/{own['ID']}", {"Name": "n1", "Rules": rules + ' service "db" {policy = "write"}'})
    eventually(lambda: "db" in server.node("n1")["Services"], 45, "permitted, it comes")
    eventually(lambda: client.status()["services_refused"] == [], 10, "and is named no more")


def services_deregistered(world):
    """A service that somebody takes out over the API comes back, with a line that says so."""
    server = world.server()
    client = world.client(services=[{"name": "web", "port": 80}])
    client.start().ready()
    put(client, "/v1/agent/service/deregister/web")
    eventually(lambda: "web" not in server.node("n1")["Services"], 10, "it is out")
    reload(client)
    eventually(lambda: "web" in server.node("n1")["Services"], 70, "it is back")
    client.logged("somebody had deregistered a service of this node; it is registered again service=web")


def services_reaped(world):
    """A service that the agent takes out for its critical check comes back as critical, with a line, and the second time
    after a pause. The node is ready all the while. (Consul does it after a minute at least; the test does it in its place.)"""
    server = world.server()
    check = {"ttl": "1s", "status": "passing", "deregister_critical_service_after": "1m"}
    web = {"name": "web", "port": 80, "check": check}
    client = world.client(services=[web], agent={"config": {"log_level": "debug"}})
    client.start().ready()
    ever = []

    def state():
        ever.append(catalog_states(server).get("service:web"))
        return ever[-1]

    eventually(lambda: state() == "critical", 10, "its check is critical")
    looks = lambda: client.log.count("url=/v1/agent/checks")
    before = looks()
    eventually(lambda: looks() > before, 75, "lictor has looked at the checks")
    put(client, "/v1/agent/service/deregister/web")
    eventually(lambda: state() is None, 20, "the agent has taken it out")
    del ever[:]
    # Whatever has lictor look what the agent has.
    client.write_settings(services=[web, {"name": "api", "port": 81}])
    eventually(lambda: state() is not None, 10, "it comes back")
    holds(lambda: state() == "critical", 2, "as critical")
    assert "passing" not in ever, ever
    line = "the agent had deregistered a service, as its check was critical for too long"
    client.logged(line)
    client.write_settings(services=[web, {"name": "api", "port": 82}])
    put(client, "/v1/agent/service/deregister/web")
    eventually(lambda: state() is None, 20, "it is taken out again")
    client.write_settings(services=[web, {"name": "api", "port": 83}, {"name": "more", "port": 84}])
    eventually(lambda: client.status()["services_refused"] != [], 20, "and stays out for a while, which status tells")
    assert "deregister_critical_service_after" in client.status()["services_refused"][0]["reason"]
    holds(lambda: state() is None and client.probe("/readyz") == 200, 3, "out, and the node is ready")
    assert client.log.count(line) == 1
