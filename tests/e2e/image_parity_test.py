"""What runs in the official image runs in lictor's: the same checks in both, in the same base, by a real Docker."""

import json
import os
import pathlib
import socket
import subprocess

import engine
import parity
from image_test import AGENT, Nodes
from tools import eventually
from world import run

# What the base lacks, and what of a booted host no container has.
WITHOUT = {"processes of root", "all processes", "interfaces", "sockets", "a device", "mounts"}
# The official image drops all groups.
BEYOND = {"docker's socket by group", "a key by group", "a log by group"}
# Docker's own capabilities and filter of system calls.
REFUSED = {"file capability, files", "personality", "personality by setarch", "cgroups"}
LISTENING = []  # until the scenario ends


def host_files(world):
    """Options of `docker run` by which both containers see the same files, and the same groups."""
    folder = f"{world.folder}/host"
    os.mkdir(folder)
    parity.install(folder, 100, 1000)
    mounts = [f"-v={folder}/{path}:/{path}" for path in ("var/lib/app", "home/ops", "etc/ssl/private", "opt/app")]
    mounts += [f"-v={folder}/{path}:/{path}" for path in ("var/log/app", "var/log/syslog")]
    for path in ("run", "dev", "tmp"):
        os.mkdir(f"{folder}/{path}")
    os.mkdir(f"{folder}/run/app")
    os.chown(f"{folder}/run/app", 100, 1000)
    pathlib.Path(f"{folder}/dev/app").touch(0o644)
    for path, group, mode in (("run/docker.sock", parity.GROUPS["docker"], 0o660), ("tmp/app.sock", 0, 0o777)):
        listens = socket.socket(socket.AF_UNIX)
        listens.bind(f"{folder}/{path}")
        listens.listen(1024)
        LISTENING.append(listens)
        os.chown(f"{folder}/{path}", 0, group)
        os.chmod(f"{folder}/{path}", mode)
    mounts += [f"-v={folder}/{path}:/{path}" for path in ("run/app", "run/docker.sock", "dev/app", "tmp/app.sock")]
    programs = os.listdir(f"{folder}/usr/local/bin")
    mounts += [f"-v={folder}/usr/local/bin/{name}:/usr/local/bin/{name}" for name in programs]
    return folder, mounts


def image_parity(world):
    """Each script check comes out in lictor's image as in the official one, with Docker's own defaults for both."""
    with Nodes(world) as nodes:
        folder, mounts = host_files(world)
        group = pathlib.Path(folder) / "group"
        group.write_text(nodes.docker("run", "--rm", "--entrypoint", "cat", engine.CONSUL, "/etc/group") + "\n")
        parity.groups_of(group)
        names = [name for name in parity.PASS | parity.SAME if name not in WITHOUT]
        for name, image, command in (("plain", engine.CONSUL, ["agent"]), ("attended", engine.LICTOR, [])):
            config = pathlib.Path(world.folder) / name
            config.mkdir()
            settings = AGENT | parity.definitions(name) | {"client_addr": "0.0.0.0"}
            settings["checks"] = [check for check in settings["checks"] if check["name"] in names]
            (config / "checks.json").write_text(json.dumps(settings))
            options = ["--network", "lt", "-h", name, "--sysctl", "net.ipv4.ping_group_range=0 2147483647"]
            options += [f"-v={config}:/consul/config", f"-v={group}:/etc/group", *mounts]
            nodes.docker("run", "-d", "--name", name, *options, image, *command)
        found = {name: parity.outcomes(asked(nodes, name), names) for name in ("plain", "attended")}
        parity.compare(found["plain"], found["attended"], BEYOND, REFUSED)


def asked(nodes, name):
    """The checks of the agent in a container, asked for from inside it."""
    pid = nodes.engine.inspect(name, "{{.State.Pid}}")
    command = ["nsenter", f"--target={pid}", "--net", "curl", "-s", "http://127.0.0.1:8500/v1/agent/checks"]
    return lambda: json.loads(subprocess.run(command, capture_output=True, text=True, timeout=5).stdout)


def image_port_53(world):
    """DNS on port 53 of the host's own network by the variable of the official image, and not without it; groups by --group-add."""
    with Nodes(world) as nodes:
        local = json.dumps(AGENT | {"ports": {"dns": 53}})
        options = ["--sysctl", "net.ipv4.ip_unprivileged_port_start=1024", "-e", f"CONSUL_LOCAL_CONFIG={local}"]
        nodes.run("n1", *options)
        eventually(lambda: nodes.engine.inspect("n1", "{{.State.Running}}") == "true", 5, "it runs")
        told = nodes.engine.run("docker", "exec", "n1", "lictor", "check", fails=True)
        assert "ports.dns" in told and "agent.capabilities" in told, told
        nodes.docker("rm", "-f", "n1")
        nodes.start("n1", *options, *parity.port_line("Docker").split(), "--group-add", "4711")
        agent = nodes.agent("n1").pid
        listening = run("nsenter", f"--target={agent}", "--net", "ss", "-lnuH")
        assert ":53 " in listening, listening
        with open(f"/proc/{agent}/status") as file:
            assert "Groups:\t4711" in file.read().replace(" \n", "\n")
        nodes.leaves("n1")
