"""Tokens, the gossip key and TLS keys: taken from files, changed while the node serves, and never shown to anybody."""

import base64
import contextlib
import glob
import json
import os
import pwd
import resource
import signal
import stat
import subprocess
import time
import uuid

import consul_facts
from tools import ask, eventually, holds
from world import CONSUL, LEFT, merged, open_folder, run, write_json

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
    eventually(lambda: client.log.count("taken by the running agent keys=acl") == 2, 3, "the new token is taken")
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
    client.logged("taken by the running agent keys=acl", 3)
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
    client.logged("taken by the running agent keys=acl", 3)
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
    client.ready(2)
    assert client.agent_pid() == agent and client.status()["problems"] == []
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


def gossip_key():
    return base64.b64encode(os.urandom(32)).decode()


def secrets_gossip_key(world):
    """The gossip key comes from a file; a keyring on disk that says otherwise is named, and its keys are not."""
    key, other = gossip_key(), gossip_key()
    server, client = world.server({"encrypt": key}), world.client()
    path = put(f"{client.folder}/gossip", key + "\n")
    client.write_settings(agent={"encrypt_file": path})
    status = client.start().ready()
    assert server.instances() == {"n1": client.address} and status["problems"] == []
    assert client.command("doctor", "--json").stdout.count("local.keyring") == 0
    keyring = f"{client.data_dir}/serf/local.keyring"
    # The cluster's key is in the keyring still, so the node serves on, with what it does not know being told.
    put(path, other)
    eventually(lambda: "not in this keyring" in str(client.status()["problems"]), 5, "status names the keyring")
    client.logged(f"{keyring}: the configured gossip key is not in this keyring")
    findings = json.loads(client.command("doctor", "--json").stdout)["findings"]
    assert any(f["check"] == "secrets" and keyring in f["seen"] for f in findings), findings
    client.ready()
    client.stop()
    with open(keyring) as file:
        owner, keys = os.stat(keyring), json.load(file)
    assert keys == [key]
    put(keyring, json.dumps([key, other]))
    os.chown(keyring, owner.st_uid, owner.st_gid)
    assert "not the first of this keyring" in client.command("check").stdout
    put(keyring, "[]")
    broken = client.command("check")
    assert broken.returncode == 78 and keyring in broken.stderr, broken
    assert key not in client.log and other not in client.log
    os.remove(keyring)
    client.write_settings(agent={"args": [f"-encrypt={key}"]})
    shown = client.command("check")
    assert shown.returncode == 78 and "agent.encrypt_file" in shown.stderr and key not in shown.stderr, shown


# ---------------------------------------------------------------------------------------------------- TLS


def certificates(folder):
    """A CA, a server's and a client's certificate, by consul itself: (server's settings, client's settings)."""
    for what in ("ca create", "cert create -server -dc dc1", "cert create -client -dc dc1"):
        subprocess.run([CONSUL, "tls", *what.split()], cwd=folder, check=True, capture_output=True, timeout=20)
    consul = pwd.getpwnam("consul")
    for path in glob.glob(f"{folder}/*.pem"):
        os.chown(path, consul.pw_uid, consul.pw_gid)
        os.chmod(path, 0o600)

    def settings(kind):
        base = f"{folder}/dc1-{kind}-consul-0"
        files = {"ca_file": f"{folder}/consul-agent-ca.pem", "cert_file": f"{base}.pem", "key_file": f"{base}-key.pem"}
        return files | {"verify_incoming": True, "verify_outgoing": True, "verify_server_hostname": True}

    return settings("server") | {"ports": consul_facts.given().ports_without_grpc_tls}, settings("client")


def https_only(client):
    """No plain HTTP listener on the node; HTTPS answers nobody without a certificate."""
    sockets = run("ip", "netns", "exec", client.namespace, "ss", "-Hltn")
    assert ":8500 " not in sockets and ":8501 " in sockets, sockets


def serves_and_leaves(server, client, agent):
    """Reload, health and leave over the private socket."""
    assert client.command("health").returncode == 0
    client.write_settings(agent={"config": {"log_level": "debug"}})
    client.logged("taken by the running agent keys=log_level")
    assert client.agent_pid() == agent
    assert client.command("env").stdout.strip() == f"CONSUL_HTTP_ADDR=unix://{client.agent_socket}"
    assert client.stop()[0] == 0, client.last_line()
    assert server.member("n1") == LEFT and not server.node("n1")


def secrets_tls_only(world):
    """ports.http = -1 and verify_incoming: registered, reloaded and left over the private socket."""
    at_server, at_client = certificates(world.folder)
    server = world.server(at_server)
    config = at_client | {"ports": {"http": -1, "https": 8501}, "addresses": {"https": "0.0.0.0"}}
    client = world.client(agent={"config": config})
    client.start().ready()
    assert server.instances() == {"n1": client.address}
    eventually(lambda: server.passing() == ["n1"], 15, "the default service's check passes without plain HTTP")
    https_only(client)
    serves_and_leaves(server, client, client.agent_pid())


def secrets_auto_encrypt(world):
    """auto_encrypt where all is denied by default: the agent is mute until a token lets it have a certificate."""
    at_server, at_client = certificates(world.folder)
    allow = {"auto_encrypt": {"allow_tls": True}, "connect": {"enabled": True}}
    guard = Guard(world, at_server | allow)
    config = {
        key: at_client[key] for key in ("ca_file", "verify_incoming", "verify_outgoing", "verify_server_hostname")
    }
    config |= {"auto_encrypt": {"tls": True}, "ports": {"http": -1, "https": 8501}}
    path = put(f"{world.folder}/token", str(uuid.uuid4()))
    client = guarded(world)
    client.write_settings(
        agent={"config": config, "tokens": {"agent_file": path, "default_file": path}}, watch={"hung_after": "1s"}
    )
    client.start()
    client.logged("ACL not found", 10)
    agent = client.agent_pid()
    holds(lambda: client.agent_pid() == agent, 3, "an agent that waits for its certificate is not hung")
    put(path, guard.token()[0])
    client.ready(10)
    assert guard.server.instances() == {"n1": client.address}
    https_only(client)
    serves_and_leaves(guard.server, client, client.agent_pid())


def shown_on_grpc(client):
    """The names in the certificate that is shown on the node's port 8502; empty where that is not TLS."""
    inside = ["ip", "netns", "exec", client.namespace]
    eventually(lambda: ":8502 " in run(*inside, "ss", "-Hltn"), 10, "something listens on 8502")
    show = [*inside, "openssl", "s_client", "-connect", "127.0.0.1:8502", "-alpn", "h2"]
    shown = subprocess.run(show, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20).stdout
    if "BEGIN CERTIFICATE" not in shown:
        return ""
    names = ["openssl", "x509", "-noout", "-ext", "subjectAltName"]
    return subprocess.run(names, input=shown, capture_output=True, text=True, timeout=20, check=True).stdout


def secrets_grpc_plain(world):
    """gRPC as docs/migration.md has it where there is no TLS."""
    world.server()
    client = world.client(agent={"config": {"ports": consul_facts.given().ports_with_grpc(tls=False)}})
    client.start().ready()
    assert shown_on_grpc(client) == ""


def secrets_grpc_tls(world):
    """gRPC as docs/migration.md has it beside auto_encrypt: the certificate has the node's address, by CONSUL_LOCAL_CONFIG."""
    at_server, at_client = certificates(world.folder)
    world.server(at_server | {"auto_encrypt": {"allow_tls": True}, "connect": {"enabled": True}})
    consul = consul_facts.given()
    config = {"ca_file": at_client["ca_file"], "verify_outgoing": True, "auto_encrypt": {"tls": True}}
    config |= {"ports": {"https": 8501} | consul.ports_with_grpc(tls=True)} | consul.grpc_by_auto_encrypt
    client = world.client(agent={"config": config})
    local = {"auto_encrypt": {"ip_san": [client.address]}}
    client.start(CONSUL_LOCAL_CONFIG=json.dumps(local)).ready()
    assert f"IP Address:{client.address}" in shown_on_grpc(client)


# ------------------------------------------------------------------------------------------- nothing is shown


def mark(what):
    """A secret that can be searched for."""
    return f"MARK{what}-{uuid.uuid4()}"


def readable_files(*folders):
    """Regular files that a stranger to the node's users may read, with all that leads there."""
    for top in folders:
        for folder, names, files in os.walk(top):
            names[:] = [n for n in names if mode_of(f"{folder}/{n}") & stat.S_IXOTH]
            for name in files:
                mode = mode_of(f"{folder}/{name}")
                if stat.S_ISREG(mode) and mode & stat.S_IROTH:
                    yield f"{folder}/{name}"


def mode_of(path):
    """0 for what has just gone: /tmp is that of all scenarios."""
    with contextlib.suppress(FileNotFoundError):
        return os.lstat(path).st_mode
    return 0


def read(path):
    with open(path, "rb") as file:
        return file.read().decode(errors="replace")


def secrets_are_shown_nowhere(world):
    """Marked secrets are put wherever a secret can be; none is in what lictor writes, shows or hands to a hook."""
    key, uuids = gossip_key(), [str(uuid.uuid4()) for _ in range(3)]
    at_server, at_client = certificates(world.folder)
    guard = Guard(world, at_server | {"encrypt": key})
    for token in uuids:
        guard.token(token)
    planted = {"gossip": key, "default": uuids[0], "agent": uuids[1], "registration": uuids[2]}
    planted |= {
        what: mark(what)
        for what in (
            "environment",
            "agentenv",
            "header",
            "basic",
            "url",
            "query",
            "join",
            "watch",
            "asked",
            "local",
            "recovery",
        )
    }
    # Any line of the key's inside is as good as the key.
    planted["tls"] = read(at_client["key_file"]).splitlines()[1]
    out = open_folder(f"{world.folder}/out")
    script = f"env > {out}/$0; tr '\\0' '\\n' < /proc/self/cmdline >> {out}/$0"
    hook = {"timeout": "5s", "on_failure": "ignore"}
    local = json.dumps({"telemetry": {"circonus_api_token": planted["local"], "circonus_check_id": ""}})
    web = service("web") | {
        "token": planted["registration"],
        "check": {
            "http": f"https://user:{planted['url']}@127.0.0.1:1/?token={planted['query']}",
            "header": {"X-Odd": [planted["header"]], "Authorization": [planted["basic"]]},
            "interval": "1h",
            "status": "passing",
        },
    }
    agent_services = [json.loads(json.dumps(web)) | {"name": "in-file", "id": "in-file"}]
    config = at_client | {
        "primary_datacenter": "dc1",
        "acl": DENY | {"tokens": {"agent": planted["agent"], "agent_master": planted["recovery"]}},
        "encrypt": key,
        "log_level": "trace",
        "services": agent_services,
        "watches": [{"type": "services", "token": planted["watch"], "args": ["/bin/true"]}],
        "retry_join": ["10.77.0.1", f"provider=os password={planted['join']} user_name=u"],
    }
    client = world.client(
        agent={
            "config": config,
            "env": {"MY_PASSWORD": planted["agentenv"], "HIDDEN_HERE": f"x{planted['default']}x"},
            "tokens": {"default_file": put(f"{world.folder}/default", planted["default"])},
        },
        services=[web],
        log={"level": "trace"},
        hooks={
            "post_start": [
                hook | {"command": ["/bin/sh", "-c", script, "plain"]},
                hook | {"command": ["/bin/sh", "-c", script, "asking"], "environment": ["ASKED_TOKEN"]},
            ]
        },
    )
    files = {
        "default_file": put(f"{world.folder}/default", planted["default"]),
        "registration_file": put(f"{world.folder}/registration", planted["registration"]),
    }
    client.write_settings(agent={"encrypt_file": put(f"{world.folder}/gossip", key), "tokens": files})
    given = {"CONSUL_HTTP_TOKEN": planted["environment"], "ASKED_TOKEN": planted["asked"], "CONSUL_LOCAL_CONFIG": local}
    shown = {}
    for form in ("text", "json"):
        client.write_settings(log={"format": form})
        client.start(**given)
        client.ready()
        for what in (
            "status",
            "status --json",
            "render",
            "render --explain",
            "env",
            "check",
            "doctor",
            "doctor --json",
        ):
            told = client.command(*what.split(), **given)
            assert told.stdout, (what, told)
            shown[f"{form}: {what}"] = told.stdout + told.stderr
        for target in ("/status", "/livez", "/readyz", "/timeline", "/metrics", "/nothing"):
            shown[f"{form}: {target}"] = client.control("GET", target).text
        for process in client.processes():
            shown[f"{form}: arguments of {process}"] = read(f"/proc/{process.pid}/cmdline")
        client.send(signal.SIGUSR1)
        client.logged("status {" if form == "text" else "status {\\")
        # What is broken is told of without its content.
        write_json(client.settings_file, client.settings | {"services": [web | {"port": planted["default"] + "x"}]})
        eventually(lambda: client.status()["problems"], 5, "the settings are broken")
        shown[f"{form}: broken"] = client.control("GET", "/status").text
        client.write_settings()
        eventually(lambda: not client.status()["problems"], 5, "the settings are mended")
        assert client.stop()[0] == 0, client.last_line()
    shown["log"] = client.log
    shown["hook"], shown["hook that asks"] = read(f"{out}/plain"), read(f"{out}/asking")
    for path in readable_files(client.run_dir, client.data_dir, *glob.glob("/tmp/lictor-check-*")):
        with contextlib.suppress(FileNotFoundError):
            shown[path] = read(path)
    asked = planted.pop("asked")
    assert f"ASKED_TOKEN={asked}" in shown["hook that asks"] and asked not in shown["hook"]
    assert "CONSUL_HTTP_ADDR=unix://" in shown["hook"]
    leaks = [
        f"{what} in {where}" for where, text in shown.items() for what, secret in planted.items() if secret in text
    ]
    assert not leaks, "\n".join(leaks)


def secrets_no_core(world):
    """lictor, which knows all secrets, leaves no core dump behind, where another program does."""
    os.chdir(open_folder(f"{world.folder}/cores"))  # where a core file would be, unless the host has other ideas
    everything = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.setrlimit(resource.RLIMIT_CORE, everything)

    def dumps(process):
        os.kill(process.pid, signal.SIGSEGV)
        status = os.waitpid(process.pid, 0)[1]
        process.returncode = -os.WTERMSIG(status)
        assert process.returncode == -signal.SIGSEGV, status
        return os.WCOREDUMP(status)

    world.server()
    client = world.client()
    client.start().ready()
    other = subprocess.Popen(["sleep", "60"])
    eventually(lambda: os.readlink(f"/proc/{other.pid}/exe").endswith("sleep"), 5)
    if not dumps(other):
        print("this host dumps no cores: nothing is proved")
    assert not dumps(client.process)
    assert not any("lictor" in name for name in os.listdir("."))


def secrets_mute_agent_ends(world):
    """An agent that still waits for its certificate can't leave: it is ended, in time, and that is told."""
    at_server, at_client = certificates(world.folder)
    guard = Guard(world, at_server | {"auto_encrypt": {"allow_tls": True}, "connect": {"enabled": True}})
    config = {key: at_client[key] for key in ("ca_file", "verify_incoming", "verify_outgoing")}
    client = guarded(world)
    client.write_settings(agent={"config": config | {"auto_encrypt": {"tls": True}}})
    client.start()
    client.logged("AutoEncrypt.Sign RPC failed", 10)
    assert (client.probe("/livez"), client.probe("/readyz")) == (200, 503)
    code, seconds = client.stop()
    assert code == 1 and seconds < 10 and "could not be asked to leave" in client.log, (
        code,
        seconds,
        client.last_line(),
    )
    assert guard.server.member("n1") is None
    client.nobody_left()
