"""What the data directory stands on: where an agent could not live none is started, and lictor says what to do."""

import os
import pwd
import signal
import stat
import subprocess
import sys

from tools import eventually, owners
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


USER = pwd.getpwnam("consul")


# A user namespace that maps the first thousand ids alone, for the program that follows.
IN_NAMESPACE = """
import ctypes, os, sys
ready, me = os.pipe(), os.getpid()
child = os.fork()
if child == 0:
    os.read(ready[0], 1)
    for name in ("uid_map", "gid_map"):
        open(f"/proc/{me}/{name}", "w").write("0 0 1000")
    os._exit(0)
assert ctypes.CDLL(None).unshare(0x10000000) == 0
os.write(ready[1], b"x")
assert os.waitpid(child, 0)[1] == 0
os.execvp(sys.argv[1], sys.argv[1:])
"""
NOBODY_HERE = [sys.executable, "-c", IN_NAMESPACE]


def storage_root_is_nobody(world):
    """Where root may do nothing and the agent's user all, lictor serves, keeps the node's identity and lets check look."""
    server = world.server()
    client = world.client(agent={"user": "consul"})
    os.mkdir(client.data_dir)
    os.chmod(client.data_dir, 0o770)
    os.chown(client.data_dir, 12345, USER.pw_gid)
    client.wrapper = NOBODY_HERE
    node_id = client.start().ready()["node_id"]
    assert server.instances() == {"n1": client.address}
    kept = {"lictor.lock", "lictor-identity.json", "lictor-agent.json", "lictor-services.json", "node-id"}
    eventually(lambda: kept <= set(os.listdir(client.data_dir)), 5, "what is kept is there")
    assert client.stop()[0] == 0, client.last_line()
    assert "lictor-timeline.json" in os.listdir(client.data_dir)
    assert set(owners(client.data_dir).values()) == {(USER.pw_uid, USER.pw_gid)}, owners(client.data_dir)
    assert stat.S_IMODE(os.stat(client.data_dir).st_mode) == 0o770

    # What is kept there is read as that user, by commands and by the next start.
    told = subprocess.run(
        ["ip", "netns", "exec", client.namespace, *NOBODY_HERE, world.lictor, "check", "-c", client.settings_file],
        capture_output=True,
        text=True,
        timeout=20,
        env=client.environment,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert client.start().ready()["node_id"] == node_id
    # Nobody else takes the directory meanwhile.
    second = world.client("n2", agent={"user": "consul"}, node={"data_dir": client.data_dir})
    second.wrapper = NOBODY_HERE
    second.start().logged("waiting for another lictor to end")
    assert f"{client.data_dir}/lictor.lock: held by process {client.pid} " in second.log, second.log
    assert second.stop()[0] == 0 and client.status()["ready"]


def storage_made_by_its_user(world):
    """A data directory that is not there yet is made by whoever may make it, and what root began is not left behind."""
    world.server()
    client = world.client(agent={"user": "consul"})
    parent = f"{client.folder}/volume"
    os.mkdir(parent)
    client.write_settings(node={"data_dir": f"{parent}/consul/data"})
    client.wrapper = NOBODY_HERE
    os.chown(parent, 12345, 12345)
    client.start().ended(5)
    assert client.process.returncode == 78 and "permission denied" in client.last_line(), client.last_line()
    assert os.listdir(parent) == []
    os.chown(parent, 12345, USER.pw_gid)
    os.chmod(parent, 0o770)
    client.start().ready()
    assert set(owners(parent).values()) == {(USER.pw_uid, USER.pw_gid)}, owners(parent)


def storage_closed_to_both(world):
    """Where neither root nor the agent's user may write, the error says so and what would help; nothing is left there."""
    host = Host(world)
    host.client.write_settings(agent={"user": "consul"})
    os.chown(host.data_dir, 12345, 12345)
    os.chmod(host.data_dir, 0o755)
    host.client.wrapper = NOBODY_HERE
    for _ in range(2):
        host.client.start().ended(5)
        host.refused(78, f"uid {USER.pw_uid} may not write there (permission denied)", f"chown {USER.pw_uid}:")
        assert os.listdir(host.data_dir) == []


def storage_unmapped_owner(world):
    """In a user namespace that does not map the owner of the volume, a directory that all may write serves as it is."""
    server = world.server()
    client = world.client(agent={"user": "consul"})
    os.mkdir(client.data_dir)
    os.chown(client.data_dir, 12345, 12345)
    os.chmod(client.data_dir, 0o777)
    client.wrapper = NOBODY_HERE
    node_id = client.start().ready()["node_id"]
    assert server.instances() == {"n1": client.address}
    assert (os.stat(client.data_dir).st_uid, stat.S_IMODE(os.stat(client.data_dir).st_mode)) == (12345, 0o777)
    assert client.stop()[0] == 0, client.last_line()
    assert client.start().ready()["node_id"] == node_id
    os.chmod(client.data_dir, 0o755)
    assert client.stop()[0] in (0, 1)
    client.start().ended(5)
    assert client.process.returncode == 78 and f"uid {USER.pw_uid} may not write there" in client.last_line()


def one_owner(world, name, owner, *policies):
    """A directory on a volume that calls every file its `owner`'s, like vfat and CIFS, and which may not be changed."""
    beneath, volume = f"{world.folder}/{name}-beneath", f"{world.folder}/{name}-volume"
    os.mkdir(beneath)
    os.mkdir(volume)
    fixed = [f"--force-user={owner}", f"--force-group={owner}", *policies]
    run("bindfs", *fixed, "-o", "allow_other,default_permissions", beneath, volume)
    return f"{volume}/data"


def storage_of_one_owner(world):
    """Where every file is the agent user's and no other owner or mode is taken, a node serves, leaves and returns as it was."""
    server = world.server()
    for number, policy in enumerate(("deny", "ignore"), 1):
        client = world.client(f"n{number}", agent={"user": "consul"}, stop={"linger": "0s"})
        policies = [f"--{what}-{policy}" for what in ("chown", "chgrp", "chmod")]
        client.write_settings(node={"data_dir": one_owner(world, client.name, USER.pw_uid, *policies)})
        node_id = client.start().ready()["node_id"]
        assert server.instances() == {client.name: client.address}
        assert client.stop()[0] == 0, client.last_line()
        assert client.start().ready()["node_id"] == node_id
        assert client.stop()[0] == 0, client.last_line()


def storage_of_another_owner(world):
    """Where every file is somebody else's it goes by the modes: a node serves, or is told what its user lacks, and nothing is left."""
    server = world.server()
    client = world.client(agent={"user": "consul"})
    policies = ["--chown-deny", "--chgrp-deny", "--chmod-deny"]
    for mode, serves in (("0777", True), ("0755", False)):
        data_dir = one_owner(world, mode, NOBODY, f"--perms={mode}", *policies)
        client.write_settings(node={"data_dir": data_dir})
        client.start()
        if serves:
            client.ready()
            assert server.instances() == {"n1": client.address}
            assert client.stop()[0] == 0, client.last_line()
        else:
            client.ended(5)
            line = client.last_line()
            assert client.process.returncode == 78 and f"{data_dir}: " in line, line
            assert f"uid={USER.pw_uid},gid={USER.pw_gid} as options of a vfat or CIFS mount" in line, line
            assert not os.path.exists(data_dir), os.listdir(data_dir)
