"""TLS and the gossip key: taken from files, changed while the node serves."""

import base64
import glob
import json
import os
import pwd
import subprocess
import uuid

import consul_facts
from secrets_test import Guard, guarded, put
from tools import eventually, holds
from world import CONSUL, LEFT, run


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
