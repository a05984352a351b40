"""Tokens, the gossip key and TLS keys: taken from files, changed while the node serves, and never shown to anybody."""

import glob
import json
import os
import signal
import time
import uuid

import consul_facts
from tools import AFTER_SYNC, ask, eventually, holds
from world import CONSUL, LEFT, merged

MASTER = "10ad0000-0000-4000-8000-000000000001"
DENY = {"enabled": True, "default_policy": "deny"}
RULES = 'node_prefix "" { policy = "write" } service_prefix "" { policy = "write" }'


def put(path, text, mode=0o600):
    """Exchanges the file as a whole, as Kubernetes and vault agents do."""
    with open(path + ".new", "w") as file:
        file.write(text)
    os.chmod(path + ".new", mode)
    os.replace(path + ".new", path)
    return path


class Guard:
    """A server where all is denied by default, and its tokens."""

    def __init__(self, world, config=None):
        acl = {"primary_datacenter": "dc1", "acl": DENY | {"tokens": {"master": MASTER}}}
        self.server = world.server(acl | (config or {}), token=MASTER)
        eventually(lambda: self.server.get("/v1/acl/tokens"), 10, "ACLs are up")
        self.server.put("/v1/acl/policy", {"Name": "node", "Rules": RULES})

    def token(self, secret=None):
        secret = secret or str(uuid.uuid4())
        made = self.server.put("/v1/acl/token", {"SecretID": secret, "Policies": [{"Name": "node"}]})
        return secret, made["AccessorID"]

    def revoke(self, accessor):
        assert ask(self.server.socket, "DELETE", f"/v1/acl/token/{accessor}", token=MASTER).status == 200


def guarded(world, **settings):
    """A client with ACLs on and no token that a server knows."""
    acl = {"agent": {"config": {"primary_datacenter": "dc1", "acl": DENY | {"token_ttl": "1s"}}}}
    return world.client(**merged(acl, settings))


def refused(client):
    """Waits until lictor has said that it may not register; its agent's pid."""
    eventually(lambda: "needs service:write" in str(client.status()["problems"]), 10, "what is missing is told")
    assert not client.status()["ready"]
    return client.agent_pid()


def has_web(server, client, name="web"):
    eventually(lambda: server.instances(name) == {"n1": client.address}, 10, f"{name} is registered")


def service(name, port=80):
    return {"name": name, "port": port, "check": {"name": name, "ttl": "1h", "status": "passing"}}


# ------------------------------------------------------------------------------------------------ tokens


def secrets_no_token(world):
    """Without any token of the servers: reload and health work, what is missing is named, and SIGTERM leaves."""
    guard, client = Guard(world), guarded(world)
    agent = refused(client.start())
    assert (client.probe("/livez"), client.probe("/readyz")) == (200, 503)
    assert client.command("health", "--live").returncode == 0 and client.command("health").returncode == 1
    assert "agent.tokens.default_file" in str(client.status()["problems"])
    client.write_settings(agent={"config": {"log_level": "debug"}})
    client.logged("taken by the running agent keys=log_level")
    assert client.agent_pid() == agent
    code, seconds = client.stop()
    assert code == 0 and seconds < 9, (code, seconds, client.last_line())
    assert "by the agent's word" in client.log, client.last_line()
    eventually(lambda: guard.server.member("n1") == LEFT, 5)
    client.nobody_left()


def secrets_recovery_token(world):
    """The recovery token has the name that the agent's version knows; the binary is asked for that once, and not at each start."""
    guard, client = Guard(world), guarded(world)
    default = put(f"{client.folder}/default", guard.token()[0])
    counted, wrapper = f"{client.folder}/counted", f"{client.folder}/consul"
    put(counted, "", 0o666)
    script = f'#!/bin/sh\necho "$1" >>{counted}\nexec {CONSUL} "$@"\n'

    def versions():
        with open(counted) as file:
            return file.read().split().count("version")

    put(wrapper, script, 0o755)
    os.chmod(client.folder, 0o755)
    client.write_settings(agent={"binary": wrapper, "tokens": {"default_file": default}})
    for _ in range(2):
        client.start().ready()
        tokens = client.consul_json()["acl"]["tokens"]
        assert client.agent_get("/v1/agent/self", tokens.get("agent_recovery") or tokens["agent_master"])
        assert client.stop(signal.SIGQUIT)[0] == 0
        assert versions() == 1
    assert "deprecat" not in client.log
    # Another binary may be of another version.
    put(wrapper, script, 0o755)
    client.start().ready()
    assert versions() == 2
    assert client.stop()[0] == 0


def secrets_default_token(world):
    """A token that comes as a file makes the node register, and a rotated one keeps it registered: the same agent."""
    guard, client = Guard(world), guarded(world)
    agent = refused(client.start())
    (first, first_accessor), (second, _) = guard.token(), guard.token()
    path = put(f"{client.folder}/token", first + "\n")
    client.write_settings(agent={"tokens": {"default_file": path}})
    client.ready(3)
    assert guard.server.instances() == {"n1": client.address}
    put(path, second)
    eventually(lambda: client.log.count("taken by the running agent keys=acl") == 2, AFTER_SYNC, "the new token is taken")
    # The agent syncs a service with the token that registered it, by default or not: it has to have the new one.
    eventually(lambda: second in kept_tokens(client) and first not in kept_tokens(client), 3, "it has the new one")
    guard.revoke(first_accessor)
    client.write_settings(services=[service("web")])
    has_web(guard.server, client)
    eventually(lambda: not guard.server.instances(), 5, "the former service is gone")
    assert client.agent_pid() == agent and client.status()["agent"]["restarts"] == 0
    assert client.consul_json()["acl"]["tokens"]["default"] == second
    assert client.stop()[0] == 0 and "confirmed by a server" in client.log, client.last_line()


def secrets_config_map_token(world):
    """A token in a Kubernetes Secret volume, exchanged by one rename of `..data`, is taken by the running agent."""
    guard, client = Guard(world), guarded(world)
    (first, accessor), (second, _) = guard.token(), guard.token()
    folder = f"{client.folder}/mounted"

    def mount(version, token):
        os.makedirs(f"{folder}/{version}")
        put(f"{folder}/{version}/token", token)
        os.symlink(version, f"{folder}/..data_tmp")
        os.rename(f"{folder}/..data_tmp", f"{folder}/..data")

    mount("..1", first)
    os.symlink("..data/token", f"{folder}/token")
    client.write_settings(agent={"tokens": {"default_file": f"{folder}/token"}})
    before = client.start().ready()
    mount("..2", second)
    client.logged("taken by the running agent keys=acl", AFTER_SYNC)
    guard.revoke(accessor)
    client.write_settings(services=[service("web")])
    has_web(guard.server, client)
    assert client.status()["agent"]["pid"] == before["agent"]["pid"]


def secrets_persisted_token(world):
    """What an agent with enable_token_persistence kept in its data directory does not beat the file."""
    guard, client = Guard(world), guarded(world)
    (first, accessor), (second, _) = guard.token(), guard.token()
    path = put(f"{client.folder}/token", first)
    acl = {"enable_token_persistence": True}
    client.write_settings(agent={"tokens": {"default_file": path}, "config": {"acl": acl}})
    os.makedirs(client.data_dir)
    put(f"{client.data_dir}/acl-tokens.json", json.dumps({"default": str(uuid.uuid4())}))
    client.start().ready()
    client.logged("acl.enable_token_persistence")
    put(path, second)
    client.logged("taken by the running agent keys=acl", AFTER_SYNC)
    guard.revoke(accessor)
    client.write_settings(services=[service("web")])
    has_web(guard.server, client)


def secrets_reread_on_refusal(world):
    """Where files are not watched, a refusal makes lictor read them again."""
    guard, client = Guard(world), guarded(world, watch={"settings": False})
    path = put(f"{client.folder}/token", str(uuid.uuid4()))
    client.write_settings(agent={"tokens": {"default_file": path}})
    agent = refused(client.start())
    put(path, guard.token()[0])
    client.ready(8)
    assert "a token was refused, and its file holds another one by now" in client.log
    assert client.agent_pid() == agent
    assert client.log.count("taken by the running agent") == 1


def secrets_registration_token(world):
    """The registration token is lictor's own: after a rotation all is sent with the new one."""
    guard, client = Guard(world), guarded(world, services=[service("web")])
    first, accessor = guard.token()
    path = put(f"{client.folder}/token", first)
    client.write_settings(agent={"tokens": {"registration_file": path}})
    before = client.start().ready()
    has_web(guard.server, client)
    assert first not in json.dumps(client.consul_json())
    second, _ = guard.token()
    put(path, second)
    client.logged("new settings keys=agent.tokens.registration_file", 3)
    guard.revoke(accessor)
    # The agent syncs a service with the token that registered it: with the old one this would be refused from now on.
    eventually(lambda: second in kept_tokens(client), 5, "the agent has the service with the new token")
    assert first not in kept_tokens(client)
    guard.server.put("/v1/catalog/deregister", {"Node": "n1", "ServiceID": "web"})
    client.write_settings(services=[service("web", 81)])
    has_web(guard.server, client)
    assert client.status()["agent"]["pid"] == before["agent"]["pid"]


def secrets_blocked_service(world):
    """What the servers refuse although the agent has taken it is a problem with the token's accessor and the missing right,
    and is in the catalog soon after the token has gained that, or another one has taken its place."""
    guard = Guard(world)
    server, rules = guard.server, 'node_prefix "" { policy = "write" } service "web" { policy = "write" }'
    policy = server.put("/v1/acl/policy", {"Name": "narrow", "Rules": rules})
    narrow = server.put("/v1/acl/token", {"Policies": [{"Name": "narrow"}]})
    file = put(f"{world.folder}/token", narrow["SecretID"])
    # As a client is by default: its agent takes what the servers will not.
    client = guarded(world, agent={"config": {"acl": {"default_policy": "allow"}}, "tokens": {"default_file": file}})
    client.write_settings(services=[service("web"), service("db")])
    assert "acl.default_policy" in client.command("check").stdout
    client.start()

    def told():
        problems = str(client.status()["problems"])
        return "registering db" in problems and "service:write" in problems and narrow["AccessorID"] in problems

    eventually(told, 10, "what is blocked is told, with the accessor and the right")
    has_web(server, client)
    said = client.log.count("not registered yet")
    holds(lambda: told() and not client.status()["ready"], 3, "it stays a problem")
    assert client.log.count("not registered yet") == said, "said once"
    agent = client.agent_pid()
    server.put(f"/v1/acl/policy/{policy['ID']}", policy | {"Rules": rules + ' service "db" { policy = "write" }'})
    eventually(lambda: server.instances("db") == {"n1": client.address}, 2, "db is there")
    client.ready(2)
    # Blocked once more, by a definition that is new, and let in by another token.
    client.write_settings(services=[service("web"), service("db"), service("mail")])
    eventually(lambda: "registering mail" in str(client.status()["problems"]), 10, "what is blocked is told")
    put(file, guard.token()[0])
    eventually(lambda: server.instances("mail") == {"n1": client.address}, 3, "mail is there")
    eventually(lambda: client.status()["problems"] == [], 2, "nothing is a problem any more")
    assert client.agent_pid() == agent and client.status()["ready"]
    # It was asked for without a line in any log.
    assert "/v1/txn" not in client.log and client.log.count("/v1/catalog/register") == 0, client.log


def secrets_service_kept_by_servers(world):
    """A service of ours that the agent does not have and the catalog keeps, as where the agent's own token is too weak to
    take it out: told of, and no problem any more when it is gone."""
    server, client = world.server(), world.client().start()
    client.ready()
    assert client.command("check").stdout.count("acl.default_policy") == 0
    # The agent's first full sync, within 3 s, takes out what the agent does not have; the next one is a minute away.
    joined = time.monotonic()
    eventually(lambda: time.monotonic() - joined > 3.3, 5, "the agent's full sync is over")
    old = {"ID": "old", "Service": "old", "Meta": {"managed-by": "lictor"}}
    entry = {"Node": "n1", "Address": client.address, "SkipNodeUpdate": True}
    assert server.put("/v1/catalog/register", entry | {"Service": old})
    client.send(signal.SIGHUP)
    kept = "has given up: old; the agent's own token"
    eventually(lambda: any(kept in problem for problem in client.status()["problems"]), 6, "it is told of")
    client.logged("services that this node's agent has given up services=old")
    assert client.status()["ready"]
    assert server.put("/v1/catalog/deregister", {"Node": "n1", "ServiceID": "old"})
    client.send(signal.SIGHUP)
    eventually(lambda: client.status()["problems"] == [], 5, "no problem is left")


def secrets_weak_agent_token(world):
    """An agent whose own token may not take a service out: where that counts, the servers keep the service, and lictor tells of
    it; where the service's token counts, it is gone."""
    guard = Guard(world)
    server = guard.server
    server.put("/v1/acl/policy", {"Name": "weak", "Rules": 'node_prefix "" { policy = "read" }'})
    weak = server.put("/v1/acl/token", {"Policies": [{"Name": "weak"}]})["SecretID"]
    files = {"agent_file": put(f"{world.folder}/agent", weak), "default_file": put(f"{world.folder}/default", guard.token()[0])}
    client = guarded(world, agent={"tokens": files}, services=[service("web"), service("old")])
    client.start().ready()
    has_web(server, client, "old")
    client.write_settings(services=[service("web")])
    kept = "has given up: old; the agent's own token"
    if consul_facts.given().gives_up_by_agent_token:
        eventually(lambda: any(kept in problem for problem in client.status()["problems"]), 10, "it is told of")
        assert server.instances("old") == {"n1": client.address}
    else:
        eventually(lambda: server.instances("old") == {}, 10, "the service is gone")
        assert client.status()["problems"] == [], client.status()
    assert client.status()["ready"]


def kept_tokens(client):
    """With the services that the agent keeps; those that it is just writing stand beside the old ones, as .tmp."""
    text = ""
    for path in glob.glob(f"{client.data_dir}/services/*"):
        if path.endswith(".tmp"):
            continue
        with open(path) as file:
            text += file.read()
    return text


def secrets_agent_token(world):
    """With an agent token alone the node itself gets into the catalog."""
    guard, client = Guard(world), guarded(world, services=[])
    client.write_settings(agent={"tokens": {"agent_file": put(f"{client.folder}/token", guard.token()[0])}})
    client.start()
    eventually(lambda: guard.server.node("n1"), 10, "the node is in the catalog")
    assert client.stop()[0] == 0


def secrets_bad_files(world):
    """What is wrong with a file is told at once, never with its content; a reload keeps what runs."""
    guard, client = Guard(world), guarded(world)
    good = put(f"{client.folder}/good", guard.token()[0])
    empty = put(f"{client.folder}/empty", " \n")
    two = put(f"{client.folder}/two", "MARKone MARKtwo\n")
    client.write_settings(
        agent={
            "encrypt_file": two,
            "tokens": {"agent_file": f"{client.folder}/none", "default_file": empty, "registration_file": two},
        }
    )
    checked = client.command("check")
    assert checked.returncode == 78, checked
    for words in ("none: no such file", "empty is empty", "registration_file", "encrypt_file"):
        assert words in checked.stderr, (words, checked.stderr)
    client.write_settings(agent={"encrypt_file": "", "tokens": {"registration_file": "MARKtoken"}})
    named = client.command("check")
    assert named.returncode == 78 and "agent.tokens.registration_file" in named.stderr, named
    assert "MARK" not in checked.stderr + checked.stdout + named.stderr + named.stdout
    # A gossip key may begin with a slash, and a path may look like one.
    tokens = {"agent_file": "", "default_file": "", "registration_file": ""}
    client.write_settings(agent={"encrypt_file": "/MARKedL8GEAxyQuOPXU17hItsZCNZ7CFx0bAzGJ60Q=", "tokens": tokens})
    missing = client.command("check")
    assert missing.returncode == 78 and "no such file" in missing.stderr and "MARK" not in missing.stderr, missing
    keylike = put(f"/tmp/lictor{uuid.uuid4().hex[:21]}", guard.token()[0])
    try:
        client.write_settings(agent={"encrypt_file": "", "tokens": {"agent_file": keylike}})
        fine = client.command("check")
        assert len(keylike) == 32 and fine.returncode == 0, fine
    finally:
        os.remove(keylike)
    client.write_settings(agent={"tokens": {"agent_file": "", "default_file": good, "registration_file": ""}})
    client.write_settings(agent={"config": {"acl": {"tokens": {"default": str(uuid.uuid4())}}}})
    twice = client.command("check")
    assert twice.returncode == 78 and "acl.tokens.default" in twice.stderr, twice
    client.settings["agent"]["config"]["acl"].pop("tokens")
    client.write_settings()
    assert "every user of this host" not in client.command("check").stdout
    os.chmod(good, 0o644)
    assert f"{good}: every user of this host" in client.command("check").stdout
    before = client.start().ready()
    put(good, "")
    eventually(lambda: "agent.tokens.default_file" in str(client.status()["problems"]), 5, "status shows it")
    after = client.ready()
    assert after["agent"]["pid"] == before["agent"]["pid"]


# --------------------------------------------------------------------------------------------- gossip key


# ---------------------------------------------------------------------------------------------------- TLS


# ------------------------------------------------------------------------------------------- nothing is shown


