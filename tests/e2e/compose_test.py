"""The cluster for local development, with the developer's own commands: ./dev up, an edit, ./dev up, ./dev down."""

import http.client
import json
import pathlib
import subprocess

import engine
from snippets import in_section
from tools import Watch, eventually, exchange
from world import run

DOCKER = engine.PROJECT / "docker"


def get(port, target):
    answer = exchange(http.client.HTTPConnection("127.0.0.1", port, timeout=5), "GET", target)
    if answer.status != 200:
        raise ValueError(f"{target}: {answer.status} {answer.text}")
    return json.loads(answer.text)


def nodes():
    return {node["Node"] for node in get(8500, "/v1/catalog/nodes")}


def business(number):
    """The instances that a business container sees."""
    return set(get(8080 + number, "/"))


def container(docker, service):
    return docker.docker("ps", "-aq", "--no-trunc", "--filter", f"label=com.docker.compose.service={service}")


def editable(folder):
    """Edits of the scenario go into a layer of its own over the project's docker/."""
    for name in ("upper", "work"):
        pathlib.Path(f"{folder}/{name}").mkdir(parents=True)
    options = f"lowerdir={DOCKER},upperdir={folder}/upper,workdir={folder}/work"
    run("mount", "-t", "overlay", "-o", options, "overlay", str(DOCKER))


class Loop:
    """The cluster, up: `./dev` for more, and what is left of it at the end is nothing."""

    EVERYONE = {"business-business-1", "business-business-2"}

    def __init__(self, docker):
        self.docker = docker
        assert "http://127.0.0.1:8081" in self.dev("up")
        eventually(lambda: nodes() == {"server", "node-1", "node-2"}, 15, "both nodes are registered")
        eventually(self.complete, 15, "the instances see each other")

    def dev(self, *command):
        return self.docker.run("./dev", *command, cwd=engine.PROJECT, within=50, stderr=subprocess.STDOUT)

    def complete(self):
        return business(1) == business(2) == self.EVERYONE

    def down(self):
        last = self.dev("logs", "node-2")
        self.dev("down")
        asked = ("ps -aq", "volume ls -q", "network ls -q --filter type=custom")
        left = [self.docker.docker(*words.split()) for words in asked]
        assert left == ["", "", ""], f"{left} {last}"


def compose_loop(world):
    """Up: two nodes, two business instances that see each other; a node stops, and its instance with it; down: all gone."""
    with engine.of_world(world) as docker:
        docker.environment |= engine.STAND_INS
        loop = Loop(docker)
        first = container(docker, "node-1")
        docker.docker("stop", first)
        assert docker.inspect(first, "{{.State.ExitCode}}") == "0", docker.docker(
            "logs", first, stderr=subprocess.STDOUT
        )
        assert nodes() == {"server", "node-2"}
        eventually(lambda: business(2) == {"business-business-2"}, 10, "what ran on it is gone with it")
        loop.dev("up")
        eventually(lambda: nodes() == {"server", "node-1", "node-2"}, 15, "it is back")
        loop.down()


def compose_edit(world):
    """Up, an edit, up again: what it concerns is started anew, and nothing else."""
    editable("/run/edits")
    with engine.of_world(world) as docker:
        docker.environment |= engine.STAND_INS
        loop = Loop(docker)
        program = DOCKER / "business.py"
        program.write_text(program.read_text().replace("instances: ", "edited instances: "))
        names = ("server", "node-1", "node-2", "business-1", "business-2")
        before = {name: container(docker, name) for name in names}
        loop.dev("up")
        after = {name: container(docker, name) for name in names}
        assert {name for name in names if before[name] != after[name]} == {"business-1", "business-2"}, (before, after)
        eventually(loop.complete, 15, "the instances see each other again")
        eventually(lambda: "edited instances: " in loop.dev("logs", "business-1"), 5, "the edit is at work", 0.2)
        loop.down()


def compose_recreated(world):
    """With the lines of docker.md a node that compose recreates stays in the catalog; without them it leaves, and comes back."""
    with engine.of_world(world) as docker:
        docker.environment |= engine.STAND_INS
        (told,) = [one.text for one in in_section("docs/docker.md", "Recreating a container") if one.kind == "yaml"]
        (stays,) = [line.strip() for line in told.splitlines() if "stop_signal" in line]

        def up(*more, level="info"):
            node = ["image: lictor:dev", "hostname: node-1", "stop_grace_period: 30s", 'volumes: ["node-1:/consul/data"]']
            node += ["environment:", f"  LICTOR_LOG_LEVEL: {level}", "  CONSUL_LOCAL_CONFIG: " + repr(JOIN), *more]
            text = "services:\n  server:\n    image: stand-in/consul\n    ports: ['127.0.0.1:8500:8500']\n"
            text += "    command: [agent, -dev, -node=server, -client=0.0.0.0, '-bind={{ GetInterfaceIP \"eth0\" }}']\n"
            text += "  node-1:\n" + "".join(f"    {line}\n" for line in node) + "volumes: {node-1: }\n"
            path = pathlib.Path(world.folder) / "compose.yaml"
            path.write_text(text)
            docker.run("docker-compose", "-p", "lt", "-f", str(path), "up", "-d", within=50)
            eventually(lambda: nodes() == {"server", "node-1"}, 15, "registered")
            return docker.docker("ps", "-q", "--filter", "label=com.docker.compose.service=node-1")

        def watched(*more, level):
            with Watch(lambda: "node-1" in nodes(), every=0.05) as watch:
                assert up(*more, level=level) != before, "recreated"
            return watch.gaps

        before = up()
        assert watched(stays, level="debug"), "the one that goes is without the signal yet"
        before = up(stays, level="debug")
        assert not watched(stays, level="info")


JOIN = '{"retry_join": ["server"], "retry_interval": "1s", "client_addr": "0.0.0.0"}'
