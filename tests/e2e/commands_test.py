"""The commands beside `run`: what a person, a probe or a script gets from them."""

import json
import os
import signal

from settings_test import make_certificate
from tools import eventually
from world import CONSUL, LEFT, write_script

TOKEN = "7c3d2f4b-9a5e-4a55-b6c4-0d9f3b1f7d20"


def commands_on_running_node(world):
    """status, wait, health and env speak of the node that runs."""
    server, client = world.server(), world.client()
    client.start()
    waited = client.command("wait", "--for", "registered", "--timeout", "10s")
    assert waited.returncode == 0, waited
    assert "n1" in server.instances()
    assert client.command("wait", "--for", "ready", "--timeout", "5s").returncode == 0
    told = client.command("status", "--json")
    assert told.returncode == 0, told
    status = json.loads(told.stdout)
    assert (status["node_name"], status["address"], status["ready"], status["pid"]) == (
        "n1",
        client.address,
        True,
        client.pid,
    )
    people = client.command("status")
    assert people.returncode == 0 and client.address in people.stdout and "n1" in people.stdout, people
    assert [client.command("health", kind).returncode for kind in ("--live", "--ready")] == [0, 0]
    env = client.command("env")
    assert env.returncode == 0 and "CONSUL_HTTP_ADDR=" in env.stdout, env
    assert client.command("wait", "--for", "gone", "--timeout", "300ms").returncode != 0


def commands_orders(world):
    """reload, restart and leave come back with the outcome, as what they print and as their exit code."""
    server, client = world.server(), world.client()
    before = client.start().ready()

    told = client.command("reload")
    assert told.returncode == 0 and "nothing for the agent has changed" in told.stdout, told
    client.write_settings(watch={"settings": False}, services=[{"name": "web", "port": 80}])
    told = client.command("reload")
    assert told.returncode == 0 and "services" in told.stdout, told
    client.write_settings(agent={"config": {"no_such_setting": 1}})
    told = client.command("reload")
    assert told.returncode == 78 and not told.stdout, told
    assert "no_such_setting: no key" in told.stderr and told.stderr.startswith("lictor: "), told
    client.settings["agent"]["config"].pop("no_such_setting")
    client.write_settings(agent={"config": {"check_update_interval": "soon"}})
    told = client.command("reload")
    assert told.returncode == 78 and not told.stdout, told
    assert "consul validate" in told.stderr and told.stderr.startswith("lictor: "), told
    client.settings["agent"]["config"].pop("check_update_interval")
    client.write_settings()
    assert client.command("reload").returncode == 0
    assert client.status()["agent"]["pid"] == before["agent"]["pid"]

    told = client.command("restart")
    after = client.status()
    assert told.returncode == 0 and f"pid {after['agent']['pid']}" in told.stdout, told
    assert after["ready"] and after["agent"]["pid"] != before["agent"]["pid"], after

    told = client.command("leave")
    assert told.returncode == 0 and "confirmed by a server" in told.stdout, told
    assert client.ended(1) == 0 and server.member("n1") == LEFT


def commands_wait_after_signal(world):
    """SIGUSR2, and then `wait --for ready`: it is the new agent that is waited for."""
    world.server()
    client = world.client()
    client.start().ready()
    for _ in range(3):
        before = client.agent_pid()
        client.send(signal.SIGUSR2)
        assert client.command("wait", "--for", "ready").returncode == 0
        assert client.status()["agent"]["pid"] != before


def commands_order_in_vain(world):
    """An outcome that is none, or not known in time, is exit code 1 and a reason; so is no lictor at all."""
    server, client = world.server(), world.client()
    client.start().ready()
    os.kill(client.agent_pid(), signal.SIGSTOP)
    told = client.command("restart", "--timeout", "300ms")
    assert told.returncode == 1 and "not over within 300ms" in told.stderr, told
    client.ready()
    server.process.kill()
    eventually(lambda: not client.status()["leader"], 30, "no leader is known")
    told = client.command("leave")
    assert told.returncode == client.ended(1) == 1 and "no server" in told.stderr, told
    for order in ("reload", "restart", "leave"):
        told = client.command(order)
        assert told.returncode == 1 and told.stderr.startswith(f"lictor: {order}: "), told


def commands_leave_in_a_pod(world):
    """In a container that its platform starts again, `lictor leave` says so before it begins, and what to do instead."""
    server, client = world.server(), world.client()
    client.start().ready()
    told = client.command("leave", KUBERNETES_SERVICE_HOST="10.96.0.1")
    assert told.returncode == 0 and server.member("n1") == LEFT, told
    assert told.stderr.startswith("lictor: leave: Kubernetes starts this container again"), told
    assert all(instead in told.stderr for instead in ("lictor maint on", "kubectl delete pod", "kubectl delete node")), told
    client.ended()
    client.start().ready()
    told = client.command("leave", container="docker")
    # Where systemd has started the machine, it is no container that ends with lictor.
    other = "docker stop" in told.stderr and "lictor maint on" in told.stderr
    assert told.returncode == 0 and other != os.path.isdir("/run/systemd/system"), told


def commands_without_node(world):
    """Where no lictor runs, probes and status say so: an exit code that is no success, and one line on stderr."""
    client = world.client()
    for arguments in (("health", "--live"), ("health", "--ready"), ("status",)):
        told = client.command(*arguments)
        assert told.returncode not in (0, 70) and told.stderr.startswith("lictor: "), (arguments, told)
    assert client.command("health", "--live").returncode == 1
    waited = client.command("wait", "--for", "ready", "--timeout", "300ms")
    assert waited.returncode not in (0, 70), waited


def commands_look_before(world):
    """check, render and version need no running node and touch nothing."""
    client = world.client(agent={"config": {"acl": {"tokens": {"default": TOKEN}}}})
    checked = client.command("check")
    assert checked.returncode == 0, checked
    rendered = client.command("render")
    assert rendered.returncode == 0, rendered
    config = json.loads(rendered.stdout)
    assert (
        config["bind_addr"] == client.address
        and config["node_name"] == "n1"
        and config["acl"]["tokens"]["default"] == "***"
    )
    explained = client.command("render", "--explain")
    assert explained.returncode == 0 and "bind_addr" in explained.stdout and "eth0" in explained.stdout, explained
    assert client.command("version").stdout.strip()
    assert not client.processes()


def commands_check_finds_all(world):
    """check tells everything at once: settings, host and what the agent itself would refuse."""
    client = world.client(agent={"config": {"no_such_setting": 1}})
    checked = client.command("check")
    assert checked.returncode == 78 and "no_such_setting" in checked.stdout + checked.stderr, checked
    client.write_settings(agent={"binary": f"{CONSUL}-nowhere"}, bind={"interface": ["wlan*"]})
    checked = client.command("check")
    assert checked.returncode not in (0, 70), checked
    assert all(word in checked.stdout + checked.stderr for word in ("consul-nowhere", "wlan")), checked
    client.write_settings(stop={"policy": "go"}, nonsense={})
    checked = client.command("check")
    assert checked.returncode == 78 and all(word in checked.stderr for word in ("stop.policy", "nonsense")), checked


def consul_named(client, version, name="newer"):
    """A stand-in for a Consul to come: its version, and validate that takes everything."""
    text = f'[ "$1" = version ] && echo "Consul v{version}"\nexit 0\n'
    return write_script(f"{client.folder}/{name}", text)


def commands_check_for_another_consul(world):
    """`check --consul` tells which settings another version does not start with any more, and what takes their place; the
    version in use has its say with `check` alone."""
    client = world.client()
    config = {"ports": {"grpc": 8502}, "acl": {"disabled_ttl": "1s"}, "telemetry": {"disable_compat_1.9": True}}
    pair = {"cert_file": f"{client.folder}/cert.pem", "key_file": f"{client.folder}/key.pem"}
    make_certificate(client.folder)
    client.write_settings(agent={"config": config | pair})
    told = client.command("check", "--consul", consul_named(client, "1.14.0"))
    lines = told.stderr.splitlines()
    assert told.returncode == 78 and len(lines) == 3, told
    for key, instead in (
        ("acl.disabled_ttl", "take it out"),
        ("telemetry.disable_compat_1.9", "take it out"),
        ("ports.grpc", '"grpc": -1, "grpc_tls": 8502'),
    ):
        line = next(line for line in lines if line.startswith(f"lictor: {key} ("))
        assert client.settings_file not in line and "Consul 1.14.0" in line and instead in line, line
    told = client.command("check", "--consul", consul_named(client, "1.10.12"))
    assert told.returncode == 0 and "fine for Consul 1.10.12" in told.stdout, told
    client.write_settings(agent={"binary": consul_named(client, "1.22.0-dev", "in-use")})
    told = client.command("check")
    assert told.returncode == 78 and "ports.grpc" in told.stderr and "Consul 1.22.0-dev" in told.stderr, told


def commands_check_for_no_consul(world):
    """--consul with something that is no Consul, none for this machine or one that is too old: one line, 78."""
    client = world.client()
    for name, content in (
        ("other-machine", b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\x08\x00\x01\x00\x00\x00" + bytes(40)),
        ("text", b"not a program"),
    ):
        with open(f"{client.folder}/{name}", "wb") as file:
            file.write(content)
        os.chmod(f"{client.folder}/{name}", 0o755)
    named = [f"{client.folder}/{name}" for name in ("other-machine", "text", "missing")]
    named += ["/bin/true", "/bin/false", "/", "no-such-program", consul_named(client, "1.4.5", "old"), ""]
    for consul in named:
        told = client.command("check", "--consul", consul)
        assert told.returncode == 78 and not told.stdout, (consul, told)
        assert len(told.stderr.splitlines()) == 1 and told.stderr.startswith("lictor: --consul: "), (consul, told)
