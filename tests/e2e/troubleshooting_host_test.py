"""docs/troubleshooting.md: changed settings, and what the host takes or forbids."""

import os
import signal
import subprocess
import sys

import watch_test
from symptoms import symptom
from tools import eventually


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
