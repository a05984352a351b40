#!/usr/bin/env python3
"""Docker for tests: images that are built once into build/engine, and an engine of its own for each scenario.

Run as a program it builds the images; takes root, docker.io, docker-compose, consul and the network. An engine has
socket, data and containers of its own: one that runs on this machine is never spoken to.

No registry is asked. What stands in for the public images is made here: STAND_INS.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import consul_facts  # noqa: E402
import roots  # noqa: E402
import tools  # noqa: E402

PROJECT = pathlib.Path(__file__).resolve().parents[2]
IMAGES = PROJECT / "build/engine"
COMPILED = PROJECT / "build/ccache"
DEBIAN, COMPILER, CONSUL, PYTHON = (f"stand-in/{name}" for name in ("debian", "compiler", "consul", "python"))
LICTOR, SCRATCH = "lictor:dev", "lictor-scratch"
# What compose.yaml and the Dockerfiles take in the place of their public images.
STAND_INS = {"BUILD_IMAGE": COMPILER, "CONSUL_IMAGE": CONSUL, "PYTHON_IMAGE": PYTHON}

# For debian:bookworm where lictor is compiled. What this machine's compiler has made of the same sources is taken from
# there where the container's compiler and headers are the same, byte for byte; all else is compiled.
COMPILER_DOCKERFILE = f"""
FROM {DEBIAN}
RUN apt-get update && apt-get install -y --no-install-recommends ccache && rm -rf /var/lib/apt/lists/*
COPY ccache /root/.cache/ccache
ENV CCACHE_BASEDIR=/source SETTINGS
LABEL made=MADE
"""

# For hashicorp/consul. What of it matters to lictor is the same: the user `consul` has uid 100 and gid 1000 and owns
# /consul; /consul/data is a volume; the program is /bin/consul; the entrypoint starts `consul agent` as that user, on
# /consul/data and /consul/config. The real one is an Alpine with musl, a newer Consul and dumb-init; this, a Debian.
CONSUL_DOCKERFILE = f"""
FROM {DEBIAN}
COPY consul docker-entrypoint.sh /usr/local/bin/
RUN groupadd -g 1000 consul && useradd -r -M -u 100 -g consul consul && mv /usr/local/bin/consul /bin/consul \
 && mkdir -p /consul/data /consul/config && chown -R consul:consul /consul
VOLUME /consul/data
EXPOSE 8300 8301 8301/udp 8302 8302/udp 8500 8600 8600/udp
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["agent", "-dev", "-client", "0.0.0.0"]
"""
ENTRYPOINT = """#!/bin/sh
[ "$1" = agent ] || exec "$@"
shift
set -- consul agent -data-dir=/consul/data -config-dir=/consul/config "$@"
[ "$(id -u)" = 0 ] || exec "$@"
[ -z "${CONSUL_ALLOW_PRIVILEGED_PORTS+x}" ] || setcap cap_net_bind_service=+ep /bin/consul
export HOME=/home/consul
exec setpriv --reuid=consul --regid=consul --clear-groups "$@"
"""

# For python:3-alpine.
PYTHON_DOCKERFILE = f"""
FROM {DEBIAN}
RUN apt-get update && apt-get install -y --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*
"""

# Nothing but the agent, what Debian's build of it is linked to, and the user's name: no shell, no libraries for lictor.
SCRATCH_DOCKERFILE = f"""
FROM scratch
COPY rootfs/ /
COPY --from={LICTOR} /usr/bin/lictor /usr/bin/lictor
ENV PATH=/usr/bin CONSUL_DATA_DIR=/consul/data
ENTRYPOINT ["lictor"]
CMD ["run"]
"""


class Engine:
    """A dockerd for a `with` block; it and its containers end with the sandbox at the latest.

    Its socket and state are in `folder`; into `logs` goes its log, and after a failure what the containers wrote.
    """

    def __init__(self, folder, data_root, logs):
        self.folder, self.logs, self.log = str(folder), str(logs), f"{logs}/dockerd.log"
        self.socket, self.lasting = f"{folder}/docker.sock", data_root == IMAGES
        self.environment = {"PATH": os.environ["PATH"], "HOME": self.folder, "DOCKER_HOST": f"unix://{self.socket}"}
        # Debian's own client builds without plugins only in the old way.
        self.environment |= {"DOCKER_BUILDKIT": "0", "COMPOSE_DOCKER_CLI_BUILD": "0"}
        # In networks of the sandbox nobody is to be kept out, and nothing leads outside.
        command = ["dockerd", "-H", f"unix://{self.socket}", "--data-root", str(data_root)]
        command += ["--exec-root", f"{folder}/exec", "-p", f"{folder}/docker.pid", "--storage-driver=overlay2"]
        command += ["--bridge=none", "--iptables=false", "--ip6tables=false", "--config-file", f"{folder}/daemon.json"]
        command += ["--exec-opt", "native.cgroupdriver=cgroupfs", f"--cgroup-parent=/{os.path.basename(logs)}"]
        pathlib.Path(f"{folder}/daemon.json").write_text("{}")
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=self.environment)

    def __enter__(self):
        def up():
            assert self.process.poll() is None, f"dockerd ended: {pathlib.Path(self.log).read_text()[-2000:]}"
            return tools.ask(self.socket, "GET", "/_ping").status == 200

        tools.eventually(up, 20, "dockerd is up")
        return self

    def __exit__(self, failure, *_):
        for name in self.docker("ps", "-a", "--format", "{{.Names}}").split() if failure else []:
            with open(f"{self.logs}/{name}.log", "w") as log:
                self.docker("logs", name, stdout=log, stderr=log)
        if self.lasting:
            self.process.terminate()
            self.process.wait(30)

    def docker(self, *arguments, within=20, **options):
        """Runs `docker ARGUMENTS`: what it printed."""
        return self.run("docker", *arguments, within=within, **options)

    def run(self, *command, within=20, fails=False, **options):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        done = subprocess.run(command, env=self.environment, text=True, timeout=within, **(pipes | options))
        told, errors = done.stdout or "", done.stderr or ""
        line = " ".join(map(str, command))
        assert fails == (done.returncode != 0), f"{line}: exit {done.returncode}: {told[-2000:]}{errors}"
        return (told + errors if fails else told).strip()

    def inspect(self, what, form):
        return self.docker("inspect", "-f", form, what)


def borrowed_images(folder):
    """A data root in memory with the images of build/engine in it, none of which it can harm; its path."""
    assert (IMAGES / "image").is_dir(), f"{IMAGES}: no images there; make them with tests/e2e/engine.py"
    root = pathlib.Path(folder)
    root.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0711", "tmpfs", folder], check=True)
    subprocess.run(["cp", "-a", str(IMAGES / "image"), folder], check=True)
    (root / "overlay2").mkdir(mode=0o710)
    for layer in (IMAGES / "overlay2").iterdir():
        own = root / "overlay2" / layer.name
        if layer.name == "l":
            subprocess.run(["cp", "-a", str(layer), str(own)], check=True)
            continue
        for part in ("diff", "work"):
            (own / part).mkdir(parents=True)
        for note in layer.iterdir():
            if note.is_file():
                shutil.copy(note, own)
        subprocess.run(["mount", "--bind", "-o", "ro", str(layer / "diff"), str(own / "diff")], check=True)
    return root


def of_world(world):
    """The engine of a scenario; its network `lt` is the world's bridge, where the server of world.server() is."""
    folder = pathlib.Path("/run/engine")
    folder.mkdir()
    return Engine(folder, borrowed_images("/run/engine-data"), world.folder)


# ---- building the images ---------------------------------------------------------------------------------------------


def made_of(engine, image):
    """The root that an image was made of, or nothing."""
    with contextlib.suppress(AssertionError):
        return engine.inspect(image, "{{.Config.Labels.made}}")


def make_debian(engine, stamp):
    if made_of(engine, DEBIAN) == stamp:
        return
    leave_out = ["--exclude=./var/lib/apt/lists/*", "--exclude=./var/cache/apt/*"]
    tar = subprocess.Popen(["tar", "-C", roots.FOLDER / "bookworm", *leave_out, "-c", "."], stdout=subprocess.PIPE)
    changes = ["-c", f"LABEL made={stamp}", "-c", 'CMD ["bash"]']
    engine.docker("import", *changes, "-", DEBIAN, stdin=tar.stdout, within=120)
    assert tar.wait() == 0


def build(engine, tag, context):
    """One image; the network is for apt alone, and is the machine's."""
    began = time.monotonic()
    engine.docker("build", "--network=host", "-t", tag, str(context), within=300)
    print(f"{tag}: {time.monotonic() - began:.1f} s", flush=True)


def make_compiler(engine, folder, stamp):
    """Once: with another cache all that comes after it in lictor's build would begin anew."""
    if made_of(engine, COMPILER) == stamp:
        return
    # Found is what is looked for as it was kept: by the settings of `./dev test`.
    places = ("CCACHE_DIR", "CCACHE_BASEDIR")
    settings = [f"{n}={v}" for n, v in os.environ.items() if n.startswith("CCACHE_") and n not in places]
    text = COMPILER_DOCKERFILE.replace("MADE", stamp).replace("SETTINGS", " ".join(settings))
    (folder / "Dockerfile").write_text(text)
    COMPILED.mkdir(parents=True, exist_ok=True)
    shutil.copytree(COMPILED, folder / "ccache")
    build(engine, COMPILER, folder)


def make_consul(engine, folder):
    (folder / "Dockerfile").write_text(CONSUL_DOCKERFILE)
    (folder / "docker-entrypoint.sh").write_text(ENTRYPOINT)
    (folder / "docker-entrypoint.sh").chmod(0o755)
    shutil.copy(consul_facts.given().path, folder / "consul")
    build(engine, CONSUL, folder)


def make_lictor(engine, folder):
    """By compose, as `./dev up` will do it again where there is no network: another client would miss its cache."""
    stage = {"context": "..", "dockerfile": "docker/Dockerfile", "network": "host", "args": STAND_INS}
    services = {name: {"build": {"network": "host"}} for name in ("node-1", "node-2")}
    # Stages with names of their own: what no name is left for is pruned.
    services |= {name: {"image": f"lictor-{name}", "build": stage | {"target": name}} for name in ("build", "binary")}
    (folder / "stages.json").write_text(json.dumps({"services": services}))
    files = ["-f", str(PROJECT / "docker/compose.yaml"), "-f", str(folder / "stages.json")]
    engine.environment |= STAND_INS
    began = time.monotonic()
    # Five minutes by itself, and fifteen where all else on two processors is built and tested beside it.
    engine.run("docker-compose", "-p", "lictor", *files, "build", "build", "binary", "node-1", "business-1", within=1800)
    print(f"{LICTOR}: {time.monotonic() - began:.1f} s", flush=True)


def make_scratch(engine, folder):
    rootfs = folder / "rootfs"
    consul = consul_facts.given().path
    for path, place in [(consul, "/usr/bin/consul")] + [(path, path) for path in tools.libraries_of(consul)]:
        target = rootfs / place.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    (rootfs / "etc").mkdir()
    (rootfs / "etc/passwd").write_text("root:x:0:0::/:/\nconsul:x:100:1000::/:/\n")
    (folder / "Dockerfile").write_text(SCRATCH_DOCKERFILE)
    build(engine, SCRATCH, folder)


def make_bases(engine, folder):
    stamp = str((roots.FOLDER / "bookworm.made").stat().st_mtime_ns)
    make_debian(engine, stamp)
    (folder / "compiler").mkdir()
    make_compiler(engine, folder / "compiler", stamp)


def make_images(folder):
    IMAGES.mkdir(parents=True, exist_ok=True)
    with Engine(folder, IMAGES, folder) as engine:
        engine.docker("container", "prune", "-f")  # of a build that was cut short
        make_bases(engine, folder)
        for name in ("consul", "python", "scratch"):
            (folder / name).mkdir()
        make_consul(engine, folder / "consul")
        (folder / "python/Dockerfile").write_text(PYTHON_DOCKERFILE)
        build(engine, PYTHON, folder / "python")
        make_lictor(engine, folder)
        make_scratch(engine, folder / "scratch")
        engine.docker("image", "prune", "-f")


def main(program=__file__, make=make_images):
    """Has the program `make` what it makes, in a folder and in process and mount namespaces of its own: exit code."""
    if sys.argv[1:2] == ["--inside"]:
        make(pathlib.Path(sys.argv[2]))
        return 0
    if os.geteuid() != 0:
        sys.exit(f"{os.path.basename(program)}: can't build images: takes root")
    roots.make("bookworm")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = tempfile.mkdtemp(prefix="lt-engine-", dir="/run")
    sandbox = "setpriv --pdeathsig KILL unshare --pid --fork --kill-child --mount --mount-proc".split()
    try:
        return subprocess.run([*sandbox, sys.executable, program, "--inside", folder], timeout=2000).returncode
    finally:
        tools.remove_cgroups(os.path.basename(folder))
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
