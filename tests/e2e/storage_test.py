"""What the data directory stands on: where an agent could not live none is started, and lictor says what to do."""

import os
import signal
import subprocess

from tools import eventually
from world import CONSUL, run, write_script

NOBODY = 65534
WARNING = "on tmpfs in a container"


class Host:
    """A node with an empty data directory, and an agent that leaves a mark whenever it is called."""

    def __init__(self, world):
        self.marks = f"{world.folder}/marks"
        os.mkdir(self.marks)
        os.chmod(self.marks, 0o777)
        binary = write_script(f"{world.folder}/consul", f'mktemp {self.marks}/XXXXXX\nexec {CONSUL} "$@"\n')
        self.client = world.client(agent={"binary": binary})
        self.data_dir = self.client.data_dir
        os.mkdir(self.data_dir)

    def mount(self, *options):
        run("mount", "-t", "tmpfs", "-o", ",".join(["mode=0755", *options]), "tmpfs", self.data_dir)

    def refused(self, code, why, what_to_do, begins=None):
        """lictor's last line is its error in the usual form, its exit code `code`, and the agent was never called."""
        line = self.client.last_line()
        assert self.client.process.returncode == code, f"exit {self.client.process.returncode}: {self.client.log}"
        assert f"{begins or self.data_dir}: " in line and why in line.split("; ")[0], line
        assert what_to_do in line.split("; ", 1)[1], line
        assert "waiting for an address" not in self.client.log, self.client.log
        assert not os.listdir(self.marks), f"the agent was called: {self.client.log}"
        self.client.nobody_left()


def storage_read_only(world):
    """A data directory mounted read-only, empty or with a node's data, ends lictor with 78 before any agent."""
    host = Host(world)
    run("mount", "--bind", host.data_dir, host.data_dir)
    run("mount", "-o", "remount,bind,ro", host.data_dir)
    host.client.start().ended(5)
    host.refused(78, "read-only file system", "writable volume")
    assert not os.listdir(host.data_dir)

    run("umount", host.data_dir)
    world.server()
    node_id = host.client.start().ready()["node_id"]
    assert host.client.stop()[0] == 0
    for mark in os.listdir(host.marks):
        os.remove(f"{host.marks}/{mark}")
    run("mount", "--bind", "-o", "ro", host.data_dir, host.data_dir)
    host.client.start().ended(5)
    host.refused(78, "read-only file system", "writable volume")
    assert host.client.node_id() == node_id


def storage_full(world):
    """A full data directory ends lictor with 75 before any agent, and the same start works once there is space."""
    host = Host(world)
    host.mount("size=256k")
    ballast = f"{host.data_dir}/ballast"
    subprocess.run(["dd", "if=/dev/zero", f"of={ballast}"], stderr=subprocess.DEVNULL, timeout=10)
    host.client.start().ended(5)
    host.refused(75, "no space left", "free some space")
    assert os.listdir(host.data_dir) == ["ballast"]

    os.remove(ballast)
    server = world.server()
    host.client.start().ready()
    assert server.instances() == {"n1": host.client.address}


def storage_no_inodes(world):
    """A data directory without room for one more file is as full as one without a free byte."""
    host = Host(world)
    host.mount("nr_inodes=2")
    open(f"{host.data_dir}/last", "w").close()
    host.client.start().ended(5)
    host.refused(75, "no space left", "free some space")


def storage_of_somebody_else(world):
    """A lictor that is not root and finds root's data directory, or root's files in its own, ends with 78."""
    host = Host(world)
    client = host.client
    os.chown(client.folder, NOBODY, NOBODY)

    def start_as_nobody():
        command = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
        command += [world.lictor, "run", "-c", client.settings_file]
        with open(client.log_file, "a") as log:
            client.process = subprocess.Popen(
                ["ip", "netns", "exec", client.namespace, *command], stdout=log, stderr=log, env=client.environment
            )
        client.ended(5)

    start_as_nobody()
    host.refused(78, "permission denied", f"uid {NOBODY}")
    os.chown(host.data_dir, NOBODY, NOBODY)
    os.mkdir(f"{host.data_dir}/serf", 0o700)
    start_as_nobody()
    host.refused(78, "owned by uid 0", f"chown -R {NOBODY}", begins=f"{host.data_dir}/serf")


def storage_fleeting(world):
    """Data in a container's memory is warned about once at start and by `lictor check`, not at an agent's restart."""
    open("/run/.containerenv", "w").close()  # the sandbox's own /run
    world.server()
    host = Host(world)
    host.mount()
    first = host.client.start().ready()
    assert host.client.log.count(WARNING) == 1, host.client.log
    line = next(line for line in host.client.log.splitlines() if WARNING in line)
    assert host.data_dir in line and "mount a volume" in line, line

    host.client.send(signal.SIGUSR2)
    eventually(
        lambda: host.client.status()["ready"] and host.client.agent_pid() not in (None, first["agent"]["pid"]),
        15,
        "another agent is ready",
    )
    host.client.send(signal.SIGHUP)
    host.client.logged("nothing for the agent has changed")
    assert host.client.log.count(WARNING) == 1, host.client.log

    checked = host.client.command("check")
    assert checked.returncode == 0 and checked.stdout.count(WARNING) == 1, checked.stdout + checked.stderr
