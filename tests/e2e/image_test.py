"""The image, as Docker runs it: any user, any restriction, with and without an init, and on nothing at all."""

import filecmp
import json
import os
import pathlib
import re
import signal
import subprocess
import time

import engine
from snippets import commands, in_section
from tools import Watch, children, eventually, uid_of
from world import ALIVE, FAILED, LEFT, SERVER_ADDRESS, run

AGENT = {"retry_join": [SERVER_ADDRESS], "retry_interval": "1s", "disable_update_check": True}
LOCKED = ["--read-only", "--tmpfs", "/run/lictor", "--cap-drop=ALL", "--security-opt", "no-new-privileges"]


def root_capabilities():
    """What the Dockerfile tells its readers to add for root."""
    return re.findall(r"--cap-add=\w+", (engine.PROJECT / "docker/Dockerfile").read_text())


class Nodes:
    """Containers of lictor on the network of a Consul server."""

    def __init__(self, world):
        self.server = world.server()
        self.engine = engine.of_world(world)
        self.docker = self.engine.docker

    def __enter__(self):
        self.engine.__enter__()
        bridge = ["-o", "com.docker.network.bridge.name=lt-bridge", "--subnet", "10.77.0.0/24"]
        self.docker("network", "create", *bridge, "--ip-range", "10.77.0.128/25", "--gateway", "10.77.0.254", "lt")
        return self

    def __exit__(self, *failure):
        self.engine.__exit__(*failure)

    def start(self, name, *options, image=engine.LICTOR):
        """`docker run` of the image; returns when the node is registered."""
        self.run(name, *options, image=image)
        self.registered(name)

    def run(self, name, *options, image=engine.LICTOR):
        settings = ["--network", "lt", "-h", name, "-e", f"CONSUL_LOCAL_CONFIG={json.dumps(AGENT)}"]
        self.docker("run", "-d", "--name", name, *settings, *options, image)

    def registered(self, name):
        def fact():
            running = self.engine.inspect(name, "{{.State.Running}}") == "true"
            assert running, f"{name} ended: {self.log(name)}"
            return name in self.server.instances()

        eventually(fact, 15, f"{name} is in the catalog")

    def log(self, name):
        return self.docker("logs", name, stderr=subprocess.STDOUT)[-3000:]

    def agent(self, name):
        """The agent's process."""
        below = children(int(self.engine.inspect(name, "{{.State.Pid}}")))
        below += [grandchild for child in below for grandchild in children(child.pid)]
        return next(process for process in below if process.name == "consul")

    def node_id(self, name):
        return self.server.node(name)["Node"]["ID"]

    def leaves(self, name):
        """`docker stop`, with its grace of 10 s: the node leaves, and lictor ends well."""
        began = time.monotonic()
        self.docker("stop", name)
        print(f"docker stop {name}: {time.monotonic() - began:.2f} s")
        assert self.engine.inspect(name, "{{.State.ExitCode}}") == "0", self.log(name)
        assert self.server.member(name) == LEFT and self.server.node(name) is None, self.log(name)


def image_default(world):
    """`docker run`, no more: registered, the agent is the user consul, healthy; `docker stop`: left."""
    with Nodes(world) as nodes:
        nodes.start("n1")
        assert uid_of(nodes.agent("n1").pid) == 100
        eventually(
            lambda: nodes.engine.inspect("n1", "{{.State.Health.Status}}") == "healthy", 15, "n1 is healthy", 0.2
        )
        config = json.loads(nodes.docker("image", "inspect", "-f", "{{json .Config}}", engine.LICTOR))
        assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"
        assert "/consul/data" in config["Volumes"]
        nodes.leaves("n1")


def image_configuration(world):
    """What is mounted at /consul/config is read as the official image reads it, and so are its entrypoint's variables."""
    with Nodes(world) as nodes:
        config = pathlib.Path(world.folder) / "config"
        config.mkdir()
        (config / "client.json").write_text(json.dumps(AGENT | {"node_meta": {"rack": "7"}}))
        (config / "web.hcl").write_text('service {\n  name = "web"\n  port = 80\n}\n')
        mounted = ["-d", "--network", "lt", "-v", f"{config}:/consul/config", "-e", "CONSUL_BIND_INTERFACE=eth0"]
        nodes.docker("run", "--name", "n1", "-h", "n1", *mounted, engine.LICTOR)
        nodes.docker("run", "--name", "n2", "-h", "n2", *mounted, engine.CONSUL, "agent")
        nodes.registered("n1")
        eventually(lambda: set(nodes.server.instances("web")) == {"n1", "n2"}, 15, "the service of a file, of both")
        for name in ("n1", "n2"):  # seen to come after the services, once
            racks = lambda name=name: (nodes.server.node(name)["Node"]["Meta"] or {}).get("rack")
            eventually(lambda racks=racks: racks() == "7", 15, f"the metadata of {name}")
        nodes.leaves("n1")


def image_quick_start(world):
    """README's lines for Docker as they stand: a server, and a client that finds it by its name, registers, and leaves."""
    (snippet,) = in_section("README.md", "Docker")
    lines = [line for line in commands(snippet.text) if not line.startswith("docker build ")]
    (public,) = re.findall(r"^ARG CONSUL_IMAGE=(\S+)$", (engine.PROJECT / "docker/Dockerfile").read_text(), re.MULTILINE)
    with engine.of_world(world) as docker:
        for image, name in ((engine.CONSUL, public), (engine.LICTOR, "lictor")):
            docker.docker("tag", image, name)
        told = docker.run("sh", "-eu", "-c", "\n".join(lines), within=50)
        assert "serve, ready" in told, told
        docker.docker("stop", "n1")
        assert docker.inspect("n1", "{{.State.ExitCode}}") == "0"
        assert re.search(r"^n1 .* left ", docker.docker("exec", "server", "consul", "members"), re.MULTILINE)


def image_health(world):
    """The container is unhealthy for as long as lictor does not answer."""
    with Nodes(world) as nodes:
        nodes.start("n1", "--health-interval=200ms", "--health-timeout=500ms", "--health-retries=2")
        lictor = int(nodes.engine.inspect("n1", "{{.State.Pid}}"))
        for number, health in ((0, "healthy"), (signal.SIGSTOP, "unhealthy"), (signal.SIGCONT, "healthy")):
            os.kill(lictor, number)
            eventually(lambda: nodes.engine.inspect("n1", "{{.State.Health.Status}}") == health, 10, health, 0.1)


def image_any_user(world):
    """A user that no passwd file knows, with no capability and a read-only root: its volume is all it needs."""
    with Nodes(world) as nodes:
        data = pathlib.Path(world.folder) / "data"
        data.mkdir()
        os.chown(data, 12345, 23456)
        nodes.start("n1", "--user=12345:23456", "-v", f"{data}:/consul/data")
        assert uid_of(nodes.agent("n1").pid) == 12345
        nodes.start("n2", "--user=consul", *LOCKED)
        assert uid_of(nodes.agent("n2").pid) == 100
        nodes.leaves("n1")
        nodes.leaves("n2")


def image_locked_down(world):
    """Root with a read-only root file system and the capabilities that the Dockerfile names, each of which it needs."""
    with Nodes(world) as nodes:
        capabilities = root_capabilities()
        lacking = [c for c in capabilities if c != "--cap-add=KILL"]  # the one that is needed at the end alone
        assert len(lacking) == 4, capabilities
        roots = pathlib.Path(world.folder) / "roots"
        roots.mkdir()
        for number, lack in enumerate(lacking):
            # Where the agent's user may write as it is there is nothing to give away.
            volume = ["-v", f"{roots}:/consul/data"] if lack == "--cap-add=CHOWN" else []
            nodes.run(f"x{number}", *LOCKED, *volume, *(c for c in capabilities if c != lack))
        nodes.start("n1", *LOCKED, *capabilities)
        assert uid_of(nodes.agent("n1").pid) == 100
        nodes.leaves("n1")
        nodes.docker("start", "n1")  # on the data directory of before
        nodes.registered("n1")
        for number, lack in enumerate(lacking):
            ended = eventually(
                lambda n=number: nodes.engine.inspect(f"x{n}", "{{.State.Status}}") == "exited", 10, lack
            )
            assert ended and nodes.server.member(f"x{number}") is None


def image_init(world):
    """Under `docker run --init` lictor is not PID 1, and all else is the same."""
    with Nodes(world) as nodes:
        nodes.start("n1", "--init")
        first = int(nodes.engine.inspect("n1", "{{.State.Pid}}"))
        assert [process.name for process in children(first)] == ["lictor"], children(first)
        nodes.leaves("n1")


def image_scratch(world):
    """On an image of nothing but the agent, its libraries and /etc/passwd: lictor needs no shell and no library."""
    with Nodes(world) as nodes:
        nodes.start("n1", image=engine.SCRATCH)
        assert uid_of(nodes.agent("n1").pid) == 100
        assert "no such file" in nodes.engine.run("docker", "exec", "n1", "/bin/sh", fails=True).lower()
        nodes.docker("exec", "n1", "lictor", "health")
        nodes.leaves("n1")


def image_size(world):
    """lictor adds at most 4 MB to the image that it is put into, its program for Kubernetes 2.3 MB, and nothing else is added."""
    with engine.of_world(world) as docker:
        with_lictor, without = (int(docker.inspect(i, "{{.Size}}")) for i in (engine.LICTOR, engine.CONSUL))
        sizes = {name: os.path.getsize(os.path.join(os.path.dirname(world.lictor), name)) for name in PROGRAMS}
        assert sizes["lictor"] <= 4_000_000 and sizes["lictor-kubernetes"] <= 2_300_000, sizes
        assert with_lictor - without == sum(sizes.values()), f"{with_lictor} - {without} bytes: {sizes}"
        assert int(docker.inspect("lictor-binary", "{{.Size}}")) == with_lictor - without


# The machine code of one source, by the build in the folder $1, as text; link-time code has a random name in it.
ASSEMBLY = """set -e
cd "$1"
command=$(ninja -t commands CMakeFiles/lictor_decide.dir/Unity/unity_0_cxx.cxx.o | tail -n 1)
eval "CCACHE_DISABLE=1 ${command% -o *} -fno-lto -S -o - ../../lib/sockaddr/ip.cpp" """


PROGRAMS = ("lictor", "lictor-kubernetes")


def image_binary_is_the_same(world):
    """The image's programs are byte for byte the host's, although they were built elsewhere, by the same packages."""
    compiled_by = ["dpkg-query", "-W", "-f", "${binary:Package} ${Version}\n", "g++-12", "binutils", "libc6-dev"]
    compiled_by += ["libstdc++-12-dev", "libboost1.81-dev", "nlohmann-json3-dev"]
    compiled_by += ["libfmt-dev", "libspdlog-dev", "nettle-dev", "libmbedtls-dev"]
    with engine.of_world(world) as docker:
        there = docker.docker("run", "--rm", "--network=none", "lictor-build", *compiled_by)
        if there.strip() != run(*compiled_by).strip():
            return print("not compared: host and image have other versions of", " ".join(compiled_by[4:]))
        container = docker.docker("create", "lictor-binary", "/usr/bin/lictor").strip()
        for program in PROGRAMS:
            docker.docker("cp", f"{container}:/usr/bin/{program}", f"{world.folder}/{program}")
        # What the host had compiled was taken from it, so one source is compiled once more.
        there = docker.docker("run", "--rm", "--network=none", "lictor-build", "sh", "-c", ASSEMBLY, "sh", "/source/build/release")
    here = run("sh", "-c", ASSEMBLY, "sh", os.path.dirname(world.lictor))
    assert len(there) > 10_000 and there.strip() == here.strip(), "the compilers differ"
    for program in PROGRAMS:
        host = f"{os.path.dirname(world.lictor)}/{program}"
        assert filecmp.cmp(f"{world.folder}/{program}", host, shallow=False), f"{program}: the binaries differ"


def image_identity(world):
    """The volume keeps the node's identity: over a new container, and over `docker kill` and `docker start`."""
    with Nodes(world) as nodes:
        nodes.start("n1", "-v", "n1:/consul/data")
        before = nodes.node_id("n1")
        nodes.docker("rm", "-f", "n1")
        nodes.start("n1", "-v", "n1:/consul/data")
        eventually(lambda: nodes.server.member("n1") == ALIVE, 10, "n1 is back")
        assert nodes.node_id("n1") == before
        nodes.docker("kill", "n1")
        assert nodes.engine.inspect("n1", "{{.State.ExitCode}}") == "137"
        eventually(lambda: nodes.server.member("n1") == FAILED, 15, "n1 is seen to be dead")
        nodes.docker("start", "n1")
        eventually(lambda: nodes.server.member("n1") == ALIVE, 10, "n1 is back again")
        eventually(lambda: "n1" in nodes.server.passing(), 10, "and its check passes")
        assert nodes.node_id("n1") == before


def image_stop_signal(world):
    """A container stops by leaving, as nobody knows why; with the stop signal of docker.md it stays, and TERM has it leave."""
    with Nodes(world) as nodes:
        nodes.start("n1", "-v", "n1:/consul/data")
        nodes.leaves("n1")
        assert 'policy=auto evidence="nothing here tells why"' in nodes.log("n1")
        nodes.docker("rm", "n1")
        nodes.start("n1", "-v", "n1:/consul/data", "--stop-signal", "SIGRTMIN+1")
        eventually(lambda: nodes.server.member("n1") == ALIVE, 10, "n1 is back")
        with Watch(lambda: "n1" in nodes.server.instances(), every=0.05) as watch:
            nodes.docker("stop", "n1")
            assert nodes.engine.inspect("n1", "{{.State.ExitCode}}") == "0", nodes.log("n1")
            assert "policy=auto evidence=SIGRTMIN+1" in nodes.log("n1")
            nodes.docker("rm", "n1")
            nodes.start("n1", "-v", "n1:/consul/data", "--stop-signal", "SIGRTMIN+1")
        assert watch.looks > 5 and not watch.gaps, watch.gaps
        (told,) = [one.text for one in in_section("docs/docker.md", "Recreating a container") if one.kind == "sh"]
        nodes.docker(*told.split()[1:])
        nodes.docker("wait", "n1")
        assert nodes.server.member("n1") == LEFT and nodes.server.node("n1") is None, nodes.log("n1")
