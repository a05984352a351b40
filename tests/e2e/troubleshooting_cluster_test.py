"""docs/troubleshooting.md: what comes between a node and its cluster, and of its agent's stops and restarts."""

import contextlib
import os
import re
import signal
import subprocess

from agent_stand_in import stand_in
from front import Front
from secrets_tls_test import certificates
from symptoms import symptom
from tools import eventually
from world import ALIVE, CONSUL, FAILED, LEFT, run, write_json

KEYS = ["3N0uYqWVJXUQNqdVZmI0ZzZxk0oqJwqQdL3m6G3j1nU=", "yMAsFzBBnO5xYV7QwqSSzCBn1ZqW7z0hT8jbqX2lH5I="]


@symptom("Name alive elsewhere")
def troubleshooting_name_elsewhere(world, advice):
    """Two hosts are called the same."""
    server, client, rival = world.server(), world.client(), world.client("rival")
    client.start().ready()
    rival.start(NODE_NAME="n1")
    advice.seen(rival, 15)
    assert not rival.status()["ready"]
    rival.write_settings(**advice.settings(**{"OTHER-NAME": "n2"}))
    rival.ready()
    assert server.instances() == {"n1": client.address, "n2": rival.address}


@symptom("Held for failed")
def troubleshooting_held_for_failed(world, advice):
    """The agent advertises an address of its host at which it does not listen."""
    world.server()
    client = world.client(agent={"config": {"bind_addr": "10.77.0.11", "advertise_addr": "10.77.0.99"}})
    run("ip", "-n", client.namespace, "addr", "add", "10.77.0.99/24", "dev", "eth0")
    client.start().ready()
    advice.seen(client, 30)
    status = client.ready()
    assert status["held_for_failed"], status
    eventually(lambda: "nothing listens on 10.77.0.99" in client.command("doctor").stdout, 10, "the doctor names the cause")


@symptom("Questions not held")
def troubleshooting_not_held(world, advice):
    """A stand-in before the agent's socket answers blocking queries at once."""
    world.server()
    client = world.client()
    front = Front(client, at_once=True)
    client.start().ready()
    advice.seen(client, 30)
    assert client.status()["ready"]


@symptom("Leave not confirmed")
def troubleshooting_leave(world, advice):
    """The node is cut off while it leaves."""
    server, client = world.server(), world.client()
    client.start().ready()
    run("ip", "link", "set", "br-n1", "down")
    assert client.stop()[0] == 1
    advice.seen_in(client.log)
    eventually(lambda: server.member("n1") == FAILED, 15, "the server finds the node dead", every=0.1)
    assert server.instances() == {"n1": client.address}
    advice.carry_out(client, {"CONSUL_HTTP_ADDR": f"unix://{server.socket}"}, NODE="n1")
    eventually(lambda: server.member("n1") is None and not server.node("n1"), 5, "nothing is left of it")


@symptom("Agent told to leave")
def troubleshooting_told_to_leave(world, advice):
    """A script runs `consul leave` on a node that is to stay."""
    server, client = world.server(), world.client()
    for stays in (False, True):
        client.start().ready()
        leave = subprocess.Popen([CONSUL, "leave", f"-http-addr=unix://{client.agent_socket}"], stdout=subprocess.DEVNULL)
        client.logged("somebody else", 10)
        assert leave.wait(15) == 0
        if not stays:
            assert client.ended(5) == 0
            advice.seen_in(client.log)
            client.write_settings(**advice.settings())
    eventually(lambda: "launch=2" in client.log, 10, "the agent is started again")
    client.ready()
    assert server.instances() == {"n1": client.address}


@symptom("Grace too short")
def troubleshooting_grace(world, advice):
    """A hook makes the stop longer than the platform lets it be."""
    grace = 5.0
    hook = {"command": ["/bin/sleep", "1000"], "timeout": "30s", "on_failure": "ignore"}
    server, client = world.server(), world.client(hooks={"pre_stop": [hook]}, stop={"timeout": "25s"})
    client.start().ready()
    told = client.command("doctor", LICTOR_GRACE=f"{grace:.0f}s", within=40).stdout
    client.send(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        client.process.wait(grace)
    client.send(signal.SIGKILL)
    assert client.ended() == -signal.SIGKILL
    advice.seen_in(client.log, told)
    eventually(lambda: server.member("n1") == FAILED, 15, "the server finds the node dead", every=0.1)
    client.write_settings(**advice.settings(TIMEOUT="4s"))
    client.start().ready()
    assert "grace:" not in client.command("doctor", LICTOR_GRACE=f"{grace:.0f}s", within=40).stdout
    code, seconds = client.stop()
    assert code == 0 and seconds < grace and server.member("n1") == LEFT, (code, seconds, client.last_line())


@symptom("Agent hung and restarted")
def troubleshooting_hung(world, advice):
    """The agent is stopped, and the next one tells nothing of itself."""
    world.server()
    client = world.client(watch={"hung_after": "3s"})
    order = stand_in(client)
    agent = client.start().ready()["agent"]["pid"]
    os.kill(agent, signal.SIGSTOP)
    eventually(lambda: client.agent_pid() not in (agent, None), 10, "another agent")
    agent = client.ready()["agent"]["pid"]
    order("mute=/v1/agent/services")
    eventually(lambda: client.agent_pid() not in (agent, None), 15, "a third one")
    order()
    status = client.ready()
    assert status["agent"]["restarts_by_reason"]["hung"] == 2, status
    advice.seen(client)
    client.write_settings(**advice.settings())
    client.logged("settings read again")


@symptom("Keyring and configured gossip key differ")
def troubleshooting_keyring(world, advice):
    """The cluster has a new key; the node was away and has the old one on its disk."""
    server = world.server({"encrypt": KEYS[1]})
    client = world.client(agent={"encrypt_file": f"{world.folder}/key"})
    with open(f"{world.folder}/key", "w") as file:
        file.write(KEYS[1])
    os.makedirs(f"{client.data_dir}/serf")
    write_json(f"{client.data_dir}/serf/local.keyring", KEYS[:1])
    client.start()
    advice.seen(client)
    assert not client.status()["ready"]
    client.stop()
    advice.carry_out(client, DATA_DIR=client.data_dir)
    client.start().ready()
    assert client.status()["problems"] == [] and server.member("n1") == ALIVE


@symptom("Certificate refused")
def troubleshooting_certificate(world, advice):
    """A node with the certificates of another CA gets the right ones, file by file."""
    os.mkdir(f"{world.folder}/right")
    at_server, right = certificates(f"{world.folder}/right")
    _, wrong = certificates(world.folder)
    server, client = world.server(at_server), world.client(agent={"config": wrong})
    client.start()
    words = {"CA_FILE": right["ca_file"], "CERT_FILE": wrong["cert_file"], "KEY_FILE": wrong["key_file"]}
    for file, message in zip(("ca_file", "cert_file", "key_file"), advice.messages, strict=True):
        told = re.compile(re.escape(message).replace("…", ".*"))
        eventually(lambda told=told: told.search(client.log + client.command("status").stdout), 10, message, every=0.1)
        assert not client.status()["ready"]
        try:
            advice.carry_out(client, **words)
        except AssertionError:
            os.rename(right[file], wrong[file])
        words["CA_FILE"] = wrong["ca_file"]
    client.ready()
    advice.carry_out(client, **words)
    assert client.status()["agent"]["restarts"] == 0 and server.instances() == {"n1": client.address}
