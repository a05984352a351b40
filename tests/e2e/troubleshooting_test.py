"""docs/troubleshooting.md: each of its symptoms is produced, told in the page's words, and mended by the page's means.

The tests read the page: they look for the messages it quotes, apply the settings and run the commands it gives.
"""

import contextlib
import functools
import json
import os
import pwd
import re
import signal
import subprocess
import sys

import pages
import storage_test
import watch_test
from agent_stand_in import stand_in
from front import Front
from secrets_tls_test import certificates
from tools import eventually
from world import ALIVE, CONSUL, FAILED, LEFT, SERVER_ADDRESS, run, write_json

PAGE = "troubleshooting.md"
NOBODY = 65534
MASTER = "6f3c1c1e-7b0d-4a55-9f7a-2f8b8f0d5a10"
KEYS = ["3N0uYqWVJXUQNqdVZmI0ZzZxk0oqJwqQdL3m6G3j1nU=", "yMAsFzBBnO5xYV7QwqSSzCBn1ZqW7z0hT8jbqX2lH5I="]
GOSSIP_KEY = "pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvDwy7Cu5s="
SYMPTOMS = {}


class Advice:
    """What the page says of one symptom: its first indented block are messages, the others what to do."""

    def __init__(self, heading):
        self.messages, *deeds = pages.blocks(pages.sections(PAGE, "### ")[heading])
        self.deeds = [line for block in deeds for line in block]

    def unseen(self, *texts):
        """The messages of the page that no line of the texts ends with; … stands for what differs."""
        text = "\n".join(texts)
        patterns = {message: re.escape(message).replace("…", ".*") + " *$" for message in self.messages}
        return [message for message, pattern in patterns.items() if not re.search(pattern, text, re.MULTILINE)]

    def seen_in(self, *texts):
        unseen = self.unseen(*texts)
        assert not unseen, "\n".join(["the page quotes", *unseen, "and nobody says that in", *texts])

    def seen(self, client, within=10.0):
        """Waits until every message of the page has been in the log or in `lictor status`."""
        shown = []

        def told():
            shown.append(client.command("status").stdout)
            return not self.unseen(client.log, *shown)

        with contextlib.suppress(AssertionError):
            eventually(told, within, every=0.1)
        self.seen_in(client.log, *shown)

    def settings(self, **words):
        """The settings that the page shows, with `words` in place of its capitals."""
        (shown,) = [line for line in self.deeds if line.startswith("{")]
        return json.loads(pages.replaced(shown, words))

    def carry_out(self, client, environment=None, **words):
        """Runs the page's commands: what they print."""
        commands = [line for line in self.deeds if not line.startswith("{")]
        assert commands, "the page gives no command"
        return pages.carry_out(client, commands, words, environment)


def symptom(heading):
    """The scenario of one section: called with what that section says."""

    def wrap(scenario):
        SYMPTOMS[heading] = scenario

        @functools.wraps(scenario)
        def with_advice(world):
            scenario(world, Advice(heading))

        return with_advice

    return wrap


def troubleshooting_page(world):
    """Each section of the page has its scenario, and each exit code that is no success leads to one."""
    headings = list(pages.sections(PAGE, "### "))
    assert headings == list(SYMPTOMS), (headings, list(SYMPTOMS))
    text = (pages.DOCS / PAGE).read_text()
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in SYMPTOMS}
    links = set(re.findall(r"\]\(#([^)]*)\)", text))
    assert links == anchors, links ^ anchors
    told = (pages.DOCS / "architecture.md").read_text().split("## Exit codes")[1].split("## ")[0]
    codes = set(re.findall(r"^\| (\d+) \|", told, re.MULTILINE)) - {"0"}
    assert codes == set(re.findall(r"^\| (\d+) \|", text, re.MULTILINE)), codes


@symptom("No address")
def troubleshooting_no_address(world, advice):
    """The interface has a name that nobody has told lictor."""
    server, client = world.server(), world.client(link="ens3", bind={"wait": "1s"})
    assert client.start().ended(5) == 75
    advice.seen_in(client.log)
    client.write_settings(**advice.settings(INTERFACE="ens3"))
    client.start().ready()
    assert server.instances() == {"n1": client.address}


@symptom("File not there yet")
def troubleshooting_file_missing(world, advice):
    """The gossip key is written later than lictor waits."""
    key = f"{world.folder}/key"
    server = world.server({"encrypt": GOSSIP_KEY})
    client = world.client(agent={"encrypt_file": key}, wait={"files": "1s"})
    client.start()
    told = eventually(lambda: client.status()["problems"], 5, "the status tells")
    assert client.ended(5) == 75
    advice.seen_in(client.log + "\n".join(f"problem    {problem}" for problem in told))
    client.write_settings(**advice.settings())
    client.start()
    client.logged("waiting for files seconds=300")
    with open(key, "w") as file:
        file.write(GOSSIP_KEY)
    client.ready()
    assert server.instances() == {"n1": client.address}


@symptom("Settings refused at the start")
def troubleshooting_settings_refused(world, advice):
    """A misspelt key, and a value that can't be."""
    world.server()
    client = world.client(bind={"interfaces": ["eth0"]}, stop={"timeout": "25"})
    assert client.start().ended(5) == 78
    advice.seen_in(client.log)
    advice.seen_in(advice.carry_out(client))
    del client.settings["bind"]
    client.write_settings(stop={"timeout": "10s"})
    assert "settings and host are fine" in advice.carry_out(client)
    client.start().ready()


@symptom("Agent not found")
def troubleshooting_agent_not_found(world, advice):
    """No program of the agent's name."""
    world.server()
    client = world.client(agent={"binary": "consul-1.8"})
    assert client.start().ended(5) == 127
    advice.seen_in(client.log)
    client.write_settings(**advice.settings(**{"/usr/bin/consul": CONSUL}))
    client.start().ready()


@symptom("No server reachable")
def troubleshooting_no_server(world, advice):
    """The servers are where nobody was told to look for them."""
    server, client = world.server(), world.client(agent={"config": {"retry_join": ["10.77.0.250"]}})
    client.start()
    advice.seen(client)
    assert (client.probe("/livez"), client.probe("/readyz")) == (200, 503)
    client.write_settings(**advice.settings(SERVER=SERVER_ADDRESS))
    client.ready()
    assert server.instances() == {"n1": client.address}


@symptom("ACLs forbid the registration")
def troubleshooting_acl(world, advice):
    """No token, where all is denied without one."""
    acl = {"enabled": True, "default_policy": "deny"}
    server = world.server({"primary_datacenter": "dc1", "acl": acl | {"tokens": {"master": MASTER}}}, token=MASTER)
    eventually(lambda: server.get("/v1/acl/tokens"), 10, "ACLs are up")
    client = world.client(agent={"config": {"primary_datacenter": "dc1", "acl": acl}})
    client.start()
    advice.seen(client)
    file = f"{client.folder}/token"
    # Where an operator is: at a server, with a token that may make others.
    at_server = {"CONSUL_HTTP_ADDR": f"unix://{server.socket}", "CONSUL_HTTP_TOKEN": MASTER}
    advice.carry_out(client, at_server, NODE="n1", FILE=file)
    client.write_settings(**advice.settings(FILE=file))
    client.ready()
    assert server.instances() == {"n1": client.address}


@symptom("Service refused")
def troubleshooting_service(world, advice):
    """A definition that the agent does not take, in place of one that it has."""
    server, client = world.server(), world.client(services=[{"name": "web", "port": 80}])
    client.start().ready()
    client.write_settings(services=[{"name": "web", "port": 80, "kind": "connect-proxy"}, {"name": "api", "port": 81}])
    advice.seen(client)
    assert client.probe("/readyz") == 200 and "api" in server.node("n1")["Services"]
    assert client.command("reload").returncode == 78
    client.write_settings(services=[{"name": "web", "port": 82}, {"name": "api", "port": 81}])
    advice.carry_out(client)
    eventually(lambda: server.node("n1")["Services"]["web"]["Port"] == 82, 10, "mended, it is registered")


@symptom("Data directory that can't be written")
def troubleshooting_read_only(world, advice):
    """The volume is mounted read-only."""
    world.server()
    client = world.client()
    os.mkdir(client.data_dir)
    run("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", client.data_dir)
    assert client.start().ended(5) == 78
    advice.seen_in(client.log)
    advice.carry_out(client, DATA_DIR=client.data_dir)
    client.start().ready()


@symptom("Data directory of somebody else")
def troubleshooting_somebody_elses(world, advice):
    """A lictor that is not root finds files that are."""
    world.server()
    client = world.client()
    for folder in (client.folder, client.data_dir, f"{client.data_dir}/serf"):
        os.makedirs(folder, exist_ok=True)
        os.chown(folder, NOBODY, NOBODY)
    os.chown(f"{client.data_dir}/serf", 0, 0)
    client.wrapper = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
    assert client.start().ended(5) == 78
    advice.seen_in(client.log)
    advice.carry_out(client, UID=str(NOBODY), DATA_DIR=client.data_dir)
    client.start().ready()


@symptom("Data directory closed to root")
def troubleshooting_closed_to_root(world, advice):
    """A volume on which root is nobody, and that is nobody else's."""
    world.server()
    client = world.client(agent={"user": "consul"})
    client.wrapper = storage_test.NOBODY_HERE
    os.mkdir(client.data_dir, 0o755)
    os.chown(client.data_dir, 12345, 12345)
    assert client.start().ended(5) == 78
    advice.seen_in(client.log)
    assert os.listdir(client.data_dir) == []
    consul = pwd.getpwnam("consul")
    advice.carry_out(client, UID=str(consul.pw_uid), GID=str(consul.pw_gid), DATA_DIR=client.data_dir)
    client.wrapper = []
    client.start().ready()


@symptom("Directory held by another lictor")
def troubleshooting_held(world, advice):
    """Two lictors with one data directory."""
    server, first = world.server(), world.client()
    first.start().ready()
    client = world.client("n2", node={"data_dir": first.data_dir}).start()
    advice.seen(client)
    advice.carry_out(client, PID=str(first.pid))
    assert first.ended(10) == 0, first.log
    client.ready()
    assert server.instances() == {"n2": client.address}


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


@symptom("Settings refused after a change")
def troubleshooting_settings_changed(world, advice):
    """A mistake in the settings of a node that serves."""
    server, client = world.server(), world.client()
    agent = client.start().ready()["agent"]["pid"]
    client.write_settings(agent={"config": {"check_update_interval": "soon"}})
    advice.seen(client)
    assert client.status()["ready"]
    del client.settings["agent"]["config"]["check_update_interval"]
    client.write_settings()
    eventually(lambda: client.status()["problems"] == [], 5, "it is mended")
    assert "settings and host are fine" in advice.carry_out(client)
    assert client.agent_pid() == agent and server.instances() == {"n1": client.address}


@symptom("Settings gone")
def troubleshooting_settings_gone(world, advice):
    """What named the datacenter is taken away."""
    world.server({"datacenter": "prod"})
    client = world.client(agent={"config": {"datacenter": "prod"}})
    client.start().ready()
    client.settings["agent"]["config"].pop("datacenter")
    client.write_settings()
    client.logged("not applied")
    assert client.stop()[0] == 0, client.last_line()
    assert client.start().ended(5) == 78
    advice.seen_in(client.log)
    client.write_settings(**advice.settings(DATACENTER="prod"))
    client.start().ready()


@symptom("Changes not watched")
def troubleshooting_not_watched(world, advice):
    """Programs of lictor's user have taken all instances of inotify."""
    world.server()
    client = world.client()
    watch_test.as_ordinary_user(client)
    greedy = watch_test.hoard()
    client.start().ready()
    advice.seen(client)
    greedy.communicate()
    advice.carry_out(client)
    assert "inotify" not in str(client.status()["problems"])


@symptom("Port of the agent taken")
def troubleshooting_port(world, advice):
    """Another program listens where the agent would."""
    server = world.server()
    client = world.client(restart={"min": "10ms", "max": "50ms"})
    listen = "import socket, time; s = socket.create_server(('127.0.0.1', 8500)); print(flush=True); time.sleep(1000)"
    command = ["ip", "netns", "exec", client.namespace, sys.executable, "-c", listen]
    other = subprocess.Popen(command, stdout=subprocess.PIPE)
    other.stdout.readline()
    assert client.start().ended(15) == 75
    advice.seen_in(client.log, advice.carry_out(client))
    client.write_settings(**advice.settings(PORT="8510"))
    client.start().ready()
    assert server.instances() == {"n1": client.address}
    other.kill()


@symptom("Proxy in the environment")
def troubleshooting_proxy(world, advice):
    """A proxy that answers nobody, for all that the service manager starts."""
    listeners = {"http": f"0.0.0.0 unix://{world.folder}/server.sock"}
    server, proxy = world.server({"addresses": listeners}), "http://127.0.0.1:9"
    check = {"http": "http://10.77.0.1:8500/v1/status/leader", "interval": "1s"}
    client = world.client(services=[{"name": "web", "port": 80, "check": check}])
    client.start(HTTP_PROXY=proxy).ready()
    advice.seen_in(client.command("doctor").stdout)
    eventually(lambda: server.instances("web") and not server.passing("web"), 5, "the check fails at the proxy")
    client.write_settings(**advice.settings(HOSTS="10.77.0.0/16"))
    eventually(lambda: server.passing("web") == ["n1"], 15, "the check passes")


@symptom("Order refused")
def troubleshooting_order_refused(world, advice):
    """Somebody of the socket's group orders, and then one of the group that may."""
    world.server()
    client = world.client()
    client.before_exec = lambda: os.setgid(4343)
    client.start().ready()
    command = ["ip", "netns", "exec", client.namespace, "setpriv", "--reuid", "5001", "--regid", "5001"]
    command += ["--groups", "4343", world.lictor, "reload", "-c", client.settings_file]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=20, env=client.environment)
    assert refused.returncode == 1
    advice.seen_in(refused.stderr)
    assert client.stop()[0] == 0
    client.write_settings(**advice.settings(GROUP="4343"))
    client.start().ready()
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, env=client.environment)
    assert done.returncode == 0, done.stderr


@symptom("Capabilities missing")
def troubleshooting_capabilities(world, advice):
    """A container's root that may do little."""
    server, client = world.server(), world.client(agent={"user": "consul"})
    client.wrapper = ["setpriv", "--bounding-set", "-all,+chown,+dac_override,+setgid,+kill", "--inh-caps", "-all"]
    client.start()
    advice.seen(client)
    client.stop(signal.SIGQUIT)
    given = [word.removeprefix("--cap-add=").lower() for word in advice.deeds[0].split()[1:]]
    client.wrapper[2] = "-all," + ",".join(f"+{name}" for name in given)
    written = len(client.log)
    client.start().ready()
    assert "capabilities:" not in client.log[written:] and server.instances() == {"n1": client.address}
