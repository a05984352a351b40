"""Addresses by templates that lictor does not evaluate itself: the agent's own program does, and the node is where it says."""

import os
import signal

from doctor_test import examine
from start_test import two_links
from tools import eventually, holds, uid_of
from world import CONSUL, run, write_script

# Flags of a pattern are nothing for lictor; eth0, with the default route, is where it would be by its own choice.
BY_AGENT = '{{ GetInterfaceIP "(?i)^ETH1$" }}'
OF_EXPRESSION = '{{ define "here" }}{{ GetPrivateIP }}{{ end }}{{ template "here" }}'


def ip(client, *words):
    run("ip", "-n", client.namespace, *words)


def templates_of_the_agent(world):
    """The address that the agent makes of such a template is the node's, with a line in the log, in `check`, `render` and the
    doctor as well; new settings are taken with it, and a new template is evaluated anew."""
    server, client = world.server(), two_links(world, bind_addr=BY_AGENT)
    status = client.start().ready()
    assert (status["address"], status["address_origin"]) == (client.address, "eth1, by bind_addr"), status
    assert server.instances() == {"n1": client.address}, server.instances()
    assert client.agent_get("/v1/agent/self")["Member"]["Addr"] == client.address
    told = f"bind_addr: {BY_AGENT} is evaluated by the agent, to {client.address}: lictor does not evaluate flags"
    assert client.log.count(told.replace('"', '\\"')) + client.log.count(told) == 1, client.log
    checked = client.command("check")
    assert checked.returncode == 0 and told in checked.stdout, checked
    assert f'bind_addr = "{client.address}"' in client.command("render", "--explain").stdout
    _, findings, _, _ = examine(client)
    assert not [seen for check, seen in findings if check in ("address", "settings")], findings
    agent = client.agent_pid()
    client.write_settings(agent={"config": {"bind_addr": BY_AGENT, "log_level": "debug"}})
    assert client.command("reload").returncode == 0, client.log
    assert client.ready()["address"] == client.address and client.agent_pid() == agent, client.log
    client.write_settings(agent={"config": {"bind_addr": BY_AGENT, "advertise_addr": OF_EXPRESSION}})
    assert client.command("reload").returncode == 0, client.log
    assert client.ready()["address"] == client.address, client.log
    assert client.consul_json()["advertise_addr"] == client.address
    assert server.instances() == {"n1": client.address}, server.instances()


def followed(world, key, **config):
    """Goes with the address of eth1, which the template under this key gives."""
    server, client = world.server(), two_links(world, **config, **{key: BY_AGENT})
    runs, program = f"{client.folder}/runs", f"{client.folder}/consul"
    write_script(program, f'[ "$1" = validate ] && id -u >> {runs}\nexec {CONSUL} "$@"')
    with open(runs, "w"):
        os.chmod(runs, 0o666)
    users_of_runs = lambda: open(runs).read().split()  # noqa: E731
    client.write_settings(bind={"settle": "1s"}, agent=client.settings["agent"] | {"binary": program})
    client.start(as_pid_1=True).ready()
    assert users_of_runs() == [str(uid_of(client.agent_pid()))], client.log
    ip(client, "link", "add", "docker0", "type", "bridge")
    ip(client, "addr", "add", "172.17.0.1/16", "dev", "docker0")
    ip(client, "link", "set", "docker0", "up")
    agent = client.agent_pid()
    holds(lambda: client.agent_pid() == agent, 1, "it stays where it is")
    assert len(users_of_runs()) == 1, client.log
    other = client.address.rpartition(".")[0] + ".77"
    ip(client, "addr", "del", f"{client.address}/24", "dev", "eth1")
    client.logged("is gone; the agent is left as it is until there is one")
    holds(lambda: client.agent_pid() == agent, 1.5, "no address of lictor's own is taken")
    ip(client, "addr", "add", f"{other}/24", "dev", "eth1")
    eventually(lambda: client.agent_pid() not in (0, None, agent), 10, "the agent is started at the other address")
    assert client.ready()["address"] == other, client.log
    eventually(lambda: server.instances() == {"n1": other}, 10, "the catalog has it")
    assert client.consul_json()[key] == other


def templates_of_the_agent_followed(world):
    """When the address is gone the node is where the template leads by then, after bind.settle; as long as the host has it, none
    of the kernel's news has the agent's program run."""
    followed(world, "bind_addr")


def templates_of_the_agent_advertised(world):
    """The same where it is only advertised, and the agent listens on all addresses."""
    followed(world, "advertise_addr", bind_addr="0.0.0.0")


def templates_of_the_agent_refused(world):
    """One that gives no address yet is waited for; one that the agent refuses, or that gives several, is told in words."""
    server, client = world.server(), two_links(world)
    for key, template, code, words in (
        ("client_addr", '{{ GetInterfaceIP "(?i)WG0" }}', 75, "gives no address on this host"),
        ("advertise_addr", '{{ GetInterfaceIPs "(?i)ETH[01]" }}', 78, "gives several addresses: "),
        ("bind_addr", "{{ GetAddressOfTomorrow }}", 78, 'function "GetAddressOfTomorrow" not defined'),
        ("bind_addr", '{{ define "x" }}{{ index . 99 }}{{ end }}{{ template "x" . }}', 75, "index out of range: 99"),
        ("serf_lan", '{{ define "x" }}nonsense{{ end }}{{ template "x" }}', 78, 'gives "nonsense", which is no address'),
    ):
        client.write_settings(agent={"config": {"bind_addr": client.address, key: template}})
        checked = client.command("check")
        assert checked.returncode == code and words in checked.stdout + checked.stderr, (template, checked)
        client.settings["agent"]["config"].pop(key)
    client.write_settings(agent={"config": {"bind_addr": '{{ GetInterfaceIP "(?i)^ETH2$" }}'}})
    client.start()
    client.logged("gives no address on this host")
    assert client.process.poll() is None and not client.agent_pid()
    ip(client, "link", "set", "eth1", "down")
    ip(client, "link", "set", "eth1", "name", "eth2")
    ip(client, "link", "set", "eth2", "up")
    assert client.ready()["address"] == client.address, client.log
    assert server.instances() == {"n1": client.address}, server.instances()
    client.write_settings(agent={"config": {"bind_addr": "{{ GetAddressOfTomorrow }}"}})
    assert client.command("reload").returncode != 0
    assert "GetAddressOfTomorrow" in str(client.status()["problems"]), client.status()
    assert client.stop(signal.SIGTERM)[0] == 0, client.log


def templates_of_the_agent_awaited(world):
    """New settings with a template that gives no address yet are refused in words, and taken as soon as it gives one."""
    server, client = world.server(), world.client()
    client.start().ready()
    client.write_settings(agent={"config": {"client_addr": '127.0.0.1 {{ GetInterfaceIP "(?i)^ETH0$" }}'}})
    assert client.command("reload").returncode == 0, client.log
    agent = client.ready()["agent"]["pid"]
    assert client.consul_json()["client_addr"] == f"127.0.0.1 {client.address}"
    client.write_settings(agent={"config": {"bind_addr": '{{ GetInterfaceIP "(?i)^ETH1$" }}'}})
    done = client.command("reload")
    assert done.returncode != 0 and "gives no address on this host" in done.stderr, done
    status = client.ready()
    assert status["agent"]["pid"] == agent and "gives no address" in str(status["problems"]), status
    ip(client, "link", "add", "eth1", "type", "veth", "peer", "name", "far")
    ip(client, "link", "set", "far", "up")
    ip(client, "link", "set", "eth1", "up")
    holds(lambda: client.agent_pid() == agent, 1, "it stays until there is an address")
    ip(client, "addr", "add", "10.78.0.7/24", "dev", "eth1")
    eventually(lambda: client.status()["problems"] == [], 5, "the settings are taken")
    eventually(lambda: client.agent_pid() not in (None, agent), 5, "by an agent at that address")
    assert client.consul_json()["bind_addr"] == "10.78.0.7", client.consul_json()


def templates_of_the_agent_without_answer(world):
    """A program that does not answer is told, and no address of lictor's own is taken in its place."""
    world.server()
    client = two_links(world, bind_addr=BY_AGENT)
    program = f"{client.folder}/consul"
    write_script(program, f'[ "$1" = validate ] && exit 3\nexec {CONSUL} "$@"')
    client.write_settings(bind={"wait": "2s"}, agent=client.settings["agent"] | {"binary": program})
    client.start()
    code = client.ended()
    assert code == 75 and "is for the agent's program to evaluate, and that did not: exit code 3" in client.log, client.log
