"""While the node serves: what is lost comes back, what changes is applied, what is not lictor's is left alone."""

import json
import os
import signal

from tools import Watch, eventually, holds
from world import ALIVE, SERVER_ADDRESS, open_folder, write_json, write_script

WEB = {"name": "web", "port": 8080, "address": "${address}", "tags": ["v1"]}


def serve_agent_killed(world):
    """The agent dies by SIGKILL: lictor says how, a new one serves within seconds, the services were never away."""
    server, client = world.server(), world.client()
    before = client.start().ready()
    eventually(lambda: server.passing() == ["n1"], 15, "the service's check passes")
    with Watch(lambda: "n1" in server.instances(), 0.01) as catalog:
        os.kill(client.agent_pid(), signal.SIGKILL)
        eventually(lambda: client.status()["agent"]["restarts"] == 1, 5, "one restart is counted")
        after = client.ready(5)
        assert server.passing() == ["n1"], "ready, and the service's check is not passing"
        holds(lambda: server.member("n1") == ALIVE, 1)
    assert after["agent"]["pid"] != before["agent"]["pid"] and after["node_id"] == before["node_id"]
    assert client.agent("GET", "/v1/agent/self").status == 200
    assert not catalog.gaps, catalog.gaps
    client.logged("signal=9")


def serve_checks_never_flip(world):
    """A check that begins as passing is critical for nobody over the agent's restarts, however many are registered."""
    check = {"tcp": f"{SERVER_ADDRESS}:8300", "interval": "1m", "status": "passing"}
    services = [{"name": f"web-{i}", "port": i, "check": check} for i in range(1, 51)]
    server, client = world.server(), world.client(services=services, stop={"policy": "stay"})
    client.start().ready()
    eventually(lambda: len(server.checks("passing")) == len(services), 10, "all pass")
    with Watch(lambda: not server.checks("critical"), 0.002) as flips, Watch(lambda: server.passing("web-1")) as passing:
        os.kill(client.agent_pid(), signal.SIGKILL)
        eventually(lambda: client.status()["agent"]["restarts"] == 1, 5, "another agent")
        client.ready(5)
        assert client.command("restart").returncode == 0
        assert client.stop()[0] == 0
        client.start().ready()
    assert not flips.gaps and not passing.gaps, (flips.gaps, passing.gaps)
    assert len(server.checks("passing")) == len(services)


def serve_agent_hung(world):
    """An agent that runs but answers nothing for watch.hung_after is ended and started anew."""
    server, client = world.server(), world.client(watch={"hung_after": "2s"})
    before = client.start().ready()
    os.kill(client.agent_pid(), signal.SIGSTOP)
    eventually(lambda: client.status()["agent"]["pid"] != before["agent"]["pid"], 15, "a new agent")
    client.ready()
    assert server.instances() == {"n1": client.address}


def serve_lost_service(world):
    """A service of lictor's that somebody took away comes back; a stranger's on the same agent is never touched."""
    server, client = world.server(), world.client(services=[WEB], watch={"settings": False})
    before = client.start().ready()
    stranger = {"Name": "stranger", "Port": 1, "Meta": {"managed-by": "somebody"}}
    assert client.agent("PUT", "/v1/agent/service/register", stranger).status == 200
    assert client.agent("PUT", "/v1/agent/service/deregister/web").status == 200
    eventually(lambda: "stranger" in server.node("n1")["Services"] and not server.instances("web"))
    client.send(signal.SIGUSR2)
    eventually(lambda: client.status()["agent"]["pid"] != before["agent"]["pid"], 10, "a new agent")
    client.ready()
    eventually(lambda: set(server.node("n1")["Services"]) == {"web", "stranger"}, 5, "web is back")
    client.write_settings(services=[])
    client.send(signal.SIGHUP)
    eventually(lambda: set(server.node("n1")["Services"]) == {"stranger"}, 5, "only lictor's own service is taken away")


def serve_no_services(world):
    """services = [] registers nothing, and the node is ready without."""
    server, client = world.server(), world.client(services=[])
    client.start().ready()
    assert server.node("n1")["Services"] == {}


def serve_service_text(world):
    """Service definitions may speak of the node: address, name, id, port and the environment."""
    web = WEB | {"id": "web-${node_name}", "meta": {"zone": "${ZONE}", "node": "${node_id}", "api": "${http_port}"}}
    server, client = world.server(), world.client(services=[web])
    status = client.start(ZONE="b").ready()
    service = server.node("n1")["Services"]["web-n1"]
    assert (service["Address"], service["Port"], service["Tags"]) == (client.address, 8080, ["v1"]), service
    meta = {key: service["Meta"].get(key) for key in ("zone", "node", "api", "managed-by")}
    assert meta == {"zone": "b", "node": status["node_id"], "api": "8500", "managed-by": "lictor"}, meta


def serve_reload(world):
    """SIGHUP applies a changed service to the running agent; what needs a restart restarts it without leaving."""
    server, client = world.server(), world.client(watch={"settings": False})
    before = client.start().ready()
    with Watch(lambda: server.node("n1")) as catalog:
        client.write_settings(services=[WEB])
        client.send(signal.SIGHUP)
        eventually(lambda: server.instances("web") == {"n1": client.address}, 5, "web is registered")
        eventually(lambda: not server.instances("consul-members"), 5, "the former service is gone")
        assert client.status()["agent"]["pid"] == before["agent"]["pid"]
        client.write_settings(node={"meta": {"rack": "7"}})
        client.send(signal.SIGHUP)
        eventually(lambda: server.node("n1")["Node"]["Meta"].get("rack") == "7", 10, "the new node metadata")
        assert client.ready()["agent"]["pid"] != before["agent"]["pid"]
    assert not catalog.gaps, catalog.gaps
    assert client.status()["pid"] == before["pid"]


def serve_reload_checked(world):
    """Broken settings, or settings that the agent would not take, change nothing and say so."""
    server, client = world.server(), world.client(watch={"settings": False})
    before = client.start().ready()
    with open(client.settings_file, "w") as file:
        file.write('{"services": [')
    client.send(signal.SIGHUP)
    client.logged("lictor.json")
    write_json(client.settings_file, client.settings | {"nonsense": 1})
    client.send(signal.SIGHUP)
    client.logged("nonsense")
    client.write_settings(agent={"config": {"no_such_setting": True}})
    client.send(signal.SIGHUP)
    client.logged("no_such_setting")
    after = client.status()
    assert after["ready"] and after["agent"]["pid"] == before["agent"]["pid"], after
    assert "no_such_setting" not in client.consul_json()
    assert server.instances() == {"n1": client.address}


def serve_report(world):
    """SIGUSR1 writes the status into the log."""
    world.server()
    client = world.client()
    status = client.start().ready()
    written = len(client.log)
    client.send(signal.SIGUSR1)
    eventually(lambda: status["node_id"] in client.log[written:] and client.address in client.log[written:], 5)


def serve_hooks(world):
    """post_start hooks run as the agent's user, with the services in the agent, and know where that is."""
    server, out = world.server(), open_folder(f"{world.folder}/out")
    script = f"consul members > {out}/members && id -un > {out}/user && env > {out}/env"
    client = world.client(
        hooks={"post_start": [{"command": ["/bin/sh", "-c", script], "timeout": "5s", "on_failure": "fail"}]}
    )
    status = client.start().ready()
    with open(f"{out}/env") as file:
        environment = dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)
    assert environment["CONSUL_HTTP_ADDR"] == f"unix://{client.agent_socket}", environment
    seen = [environment[f"LICTOR_{name}"] for name in ("ADDRESS", "NODE_NAME", "NODE_ID")]
    assert seen == [client.address, "n1", status["node_id"]], seen
    with open(f"{out}/user") as user, open(f"{out}/members") as members:
        assert user.read() == "consul\n" and client.address in members.read()
    assert server.instances() == {"n1": client.address}


def serve_hook_retried(world):
    """A hook that fails is run again until it succeeds; the node is not ready before."""
    world.server()
    out = open_folder(f"{world.folder}/out")
    script = f"echo x >> {out}/runs; [ $(wc -l < {out}/runs) -ge 3 ]"
    client = world.client(
        hooks={"post_start": [{"command": ["/bin/sh", "-c", script], "timeout": "5s", "on_failure": "retry"}]}
    )
    client.start().ready(25)
    with open(f"{out}/runs") as file:
        assert len(file.readlines()) == 3


def serve_hook_ignored(world):
    """A hook whose failure is to be ignored is told of and holds nothing up."""
    world.server()
    hooks = [
        {"command": ["/bin/sh", "-c", "exit 7"], "timeout": "5s", "on_failure": "ignore"},
        {"command": [f"{world.folder}/no-such-hook"], "timeout": "5s", "on_failure": "ignore"},
    ]
    client = world.client(hooks={"post_start": hooks})
    client.start().ready()
    client.logged("a hook has failed hook=post_start number=1 ")
    client.logged("no-such-hook")


def serve_hook_fails(world):
    """A hook whose failure is to count ends lictor: the node leaves, and the exit code is no success."""
    server = world.server()
    client = world.client(
        hooks={"post_start": [{"command": ["/bin/sh", "-c", "exit 7"], "timeout": "5s", "on_failure": "fail"}]}
    )
    assert client.start().ended(20) not in (0, 64, 126, 127), client.last_line()
    client.nobody_left()
    assert server.node("n1") is None or server.member("n1") != ALIVE


def serve_status_in_json_log(world):
    """log.format json: every line is one object, the agent's own lines included."""
    world.server()
    client = world.client(log={"format": "json"})
    client.start().ready()
    client.stop()
    lines = [json.loads(line) for line in client.log.splitlines()]
    assert len(lines) > 5 and all(isinstance(line, dict) for line in lines)


def serve_last_words_in_json_log(world):
    """What an agent writes last, as much as a pipe holds, stands before the line that tells of its end."""
    words = [f"word {i}" for i in range(6000)]
    with open(f"{world.folder}/words", "w") as file:
        file.write("\n".join(words) + "\n")
    os.chmod(file.name, 0o644)
    binary = write_script(f"{world.folder}/consul", f'[ "$1" = agent ] || exit 0\nexec cat {file.name}\n')
    client = world.client(agent={"binary": binary}, restart={"give_up_after": 1}, log={"format": "json"})
    assert client.start().ended(10) == 75, client.log
    said = [json.loads(line)["message"] for line in client.log.splitlines()]
    at = said.index("the agent has died")
    assert said[at - len(words) : at] == words, said[-20:]
