"""Storage, memory, descriptors, processes and clock fail under a node that serves.

It serves on, says what is wrong, and is the same node when the fault is over.
"""

import contextlib
import datetime
import errno
import glob
import os
import re
import resource
import signal
import socket
import subprocess

from syscalls import Faults
from tools import Watch, eventually, holds
from world import run

DEBUG = {"config": {"log_level": "debug"}}  # what a running agent takes by a reload


class Node:
    """A node that serves, with its two directories on file systems of their own."""

    def __init__(self, world, options=None, before_exec=None, **settings):
        self.server = world.server()
        self.client = world.client(watch={"settings": False, "hung_after": "3s"}, **settings)
        self.client.before_exec = before_exec
        self.folders = [self.client.data_dir, self.client.run_dir]
        for folder in self.folders:
            os.mkdir(folder)
            if options:
                run("mount", "-t", "tmpfs", "-o", f"mode=0755,{options}", "tmpfs", folder)

    def start(self):
        self.before = self.client.start().ready()
        self.consul_json = self.client.consul_json()
        return self

    def serves_on(self, during=1.0):
        """The agent is the one that was there before, and servers and lictor say that the node is well."""
        agent = self.client.agent_pid()
        assert agent == self.before["agent"]["pid"], f"agent {agent}, before {self.before['agent']['pid']}"
        holds(
            lambda: self.client.agent_pid() == agent
            and self.client.status()["ready"]
            and self.server.instances() == {"n1": self.client.address},
            during,
        )

    def reload_fails(self, why):
        """New settings can't be applied: the agent's last good ones stay, whole, and log and status say why."""
        self.client.write_settings(agent=DEBUG)
        self.client.send(signal.SIGHUP)
        problem = eventually(lambda: self.client.status()["problems"], 10, "status shows the problem")
        assert why in str(problem) and "; " in str(problem), problem
        self.client.logged(why)
        assert self.client.consul_json() == self.consul_json
        self.nothing_half_written()

    def reload_works(self):
        """The same settings, tried again."""
        self.client.send(signal.SIGHUP)
        self.client.logged("new settings, taken by the running agent keys=log_level")
        eventually(lambda: self.client.status()["problems"] == [], 5, "status shows that it is mended")
        assert self.client.consul_json()["log_level"] == "debug"
        self.nothing_half_written()

    def nothing_half_written(self):
        left = [name for folder in self.folders for name in os.listdir(folder) if "tmp" in name or "next" in name]
        assert not left, left

    def kill_agent(self):
        os.kill(self.client.agent_pid(), signal.SIGKILL)
        eventually(lambda: self.client.status()["agent"]["restarts"] > 0, 5, "the agent's death is seen")

    def recovers(self, within=20):
        status = self.client.ready(within)
        assert self.identity(status) == self.identity(self.before), status
        eventually(lambda: self.server.instances() == {"n1": self.client.address}, 5, "the service is in the catalog")
        self.before = status
        return self

    def same_node_anew(self):
        """lictor ends as it should and, started anew, runs the very same node."""
        assert self.client.stop()[0] == 0, self.client.last_line()
        self.client.nobody_left()
        self.client.before_exec = None
        self.client.start()
        self.recovers()
        assert self.client.node_id() == self.before["node_id"]
        assert self.client.stop()[0] == 0, self.client.last_line()
        self.client.nobody_left()

    @staticmethod
    def identity(status):
        return status["node_id"], status["node_name"]


def fill(folder):
    """Takes what is left of a file system's bytes; the file that holds them."""
    ballast = f"{folder}/ballast"
    with open(ballast, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    return ballast


def fill_inodes(folder):
    """Takes what is left of a file system's inodes; the folder that holds them."""
    os.mkdir(f"{folder}/ballast")
    with contextlib.suppress(OSError):
        for number in range(100000):
            open(f"{folder}/ballast/{number}", "w").close()
    return f"{folder}/ballast"


def exhausted(world, options, exhaust):
    node = Node(world, options).start()
    ballast = [exhaust(folder) for folder in node.folders]
    node.reload_fails("no space left")
    node.serves_on()
    # lictor's part of an agent's start takes no more space than there was.
    node.kill_agent()
    node.client.logged("signal=9")
    eventually(lambda: "agent started" in node.client.log.split("signal=9")[1], 5, "another agent is started")
    for path in ballast:
        run("rm", "-r", path)
    node.recovers().reload_works()
    node.same_node_anew()


def faults_disk_full(world):
    """Full disks: a reload leaves the last good consul.json; the node serves on, and takes it once there is space."""
    exhausted(world, "size=512k", fill)


def faults_no_inodes(world):
    """The same for disks without a free inode."""
    exhausted(world, "nr_inodes=60", fill_inodes)


def faults_read_only(world):
    """Both directories turn read-only: the node serves on; an agent that dies comes back when they are writable."""
    node = Node(world).start()
    # Over them, in lictor's own mount namespace: a file system with files open for writing can't be remounted.
    inside = ["nsenter", "--mount", f"--target={node.client.pid}"]
    for folder in node.folders:
        run(*inside, "mount", "--bind", folder, folder)
        run(*inside, "mount", "-o", "remount,bind,ro", folder)
    node.reload_fails("read-only file system")
    node.serves_on()
    node.kill_agent()
    # An agent can't make its socket there; lictor keeps trying.
    eventually(lambda: node.client.status()["agent"]["restarts"] >= 2, 10, "it is tried again")
    for folder in node.folders:
        run(*inside, "umount", folder)
    node.recovers(40).reload_works()
    node.same_node_anew()


def faults_file_system_aborted(world):
    """ext4 gives up, under open files too: the node serves on, leaves, and is the same node after fsck."""
    node = Node(world)
    image, data_dir = f"{world.folder}/disk", node.client.data_dir
    with open(image, "wb") as file:
        file.truncate(8 << 20)
    run("mkfs.ext4", "-q", "-F", image)
    run("mount", "-o", "loop", image, data_dir)
    node.start()
    run("nsenter", "--mount", f"--target={node.client.pid}", "mount", "-o", "remount,abort", data_dir)
    eventually(lambda: errno_of_writing(data_dir) == errno.EROFS, 5, "the file system is read-only")
    node.serves_on()
    assert node.client.stop()[0] == 0, node.client.last_line()
    code = node.client.start().ended(5)
    assert code == 78 and "read-only file system; mount a writable volume" in node.client.last_line(), node.client.log
    run("umount", data_dir)
    # 1: errors were found and mended.
    mended = subprocess.run(["e2fsck", "-fy", image], capture_output=True, text=True, timeout=20)
    assert mended.returncode in (0, 1), mended.stdout
    run("mount", "-o", "loop", image, data_dir)
    node.client.start()
    node.recovers()
    assert node.client.stop()[0] == 0, node.client.last_line()


def errno_of_writing(folder):
    try:
        with open(f"{folder}/try", "w") as file:
            file.write("x")
    except OSError as error:
        return error.errno
    return 0


def faults_io_errors(world):
    """EIO at each fsync: a reload changes nothing, a start ends with 75 before any agent, the identity stays whole."""
    faults = Faults("fsync", "fdatasync")
    node = Node(world, before_exec=faults.before_exec)
    faults.start()
    node.start()
    faults.error = errno.EIO
    node.reload_fails("input/output error")
    node.serves_on()
    assert faults.failed > 0
    faults.error = 0
    node.reload_works()
    node.same_node_anew()


def faults_io_errors_at_start(world):
    """A first start whose identity can't be made durable ends with 75, at once; the next one works."""
    faults = Faults("fsync", "fdatasync")
    node = Node(world, before_exec=faults.before_exec)
    faults.start()
    faults.error = errno.EIO
    code = node.client.start().ended(5)
    line = node.client.last_line()
    assert code == 75 and "fsync: input/output error; check the file system" in line, f"{code}: {line}"
    consul = "Starting Consul agent"
    assert "waiting for an address" not in node.client.log and consul not in node.client.log, node.client.log
    node.client.before_exec = None
    node.start().same_node_anew()
    assert consul in node.client.log, node.client.log


def faults_interfaces_slowly_told(world):
    """The kernel lets who asks for interfaces wait, as it does while links are made and ended: lictor serves meanwhile."""
    server, client = world.server(), world.client(with_address=False, watch={"settings": False}, bind={"settle": "1s"})
    kernel = Faults("socket")
    client.before_exec = kernel.before_exec
    kernel.start()
    client.start().logged("waiting for an address")
    # Consul's own questions are left alone: Go's signals end them where they wait.
    def own(pid):
        return os.path.samefile(f"/proc/{pid}/exe", world.lictor)

    kernel.slow = lambda pid, family: 0.5 * (family == socket.AF_NETLINK and own(pid))
    run("ip", "-n", client.namespace, "addr", "add", f"{client.address}/24", "dev", "eth0")
    client.ready()
    client.write_settings(services=[{"name": "another", "port": 80}])
    client.send(signal.SIGHUP)
    eventually(lambda: server.instances("another") == {"n1": client.address}, 5, "the new service is in the catalog")
    new = "10.77.0.99"
    run("ip", "-n", client.namespace, "addr", "add", f"{new}/16", "dev", "eth0")
    run("ip", "-n", client.namespace, "addr", "del", f"{client.address}/24", "dev", "eth0")
    client.logged("moves to another address")
    eventually(lambda: server.instances("another") == {"n1": new}, 15, "the catalog has the new address")
    longest = re.search(r"^lictor_loop_longest_turn_seconds (\S+)$", client.control("GET", "/metrics").text, re.MULTILINE)
    assert float(longest[1]) < 0.25, longest[0]


def faults_no_descriptors(world):
    """lictor gets no descriptor any more: a healthy agent is left alone, a dead one replaced as soon as it can be."""
    node = Node(world).start()
    pid = node.client.pid
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    agent = node.client.agent_pid()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, limits[1]))
    holds(lambda: node.client.agent_pid() == agent, 5, "the agent is the same")  # for longer than hung_after
    assert node.server.instances() == {"n1": node.client.address}
    assert " is gone" not in node.client.log, node.client.log
    resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    node.recovers().serves_on()

    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, limits[1]))
    os.kill(agent, signal.SIGKILL)
    node.client.logged("signal=9")
    eventually(lambda: "oo many open files" in node.client.log.split("signal=9")[1], 5, "the log says what is missing")
    assert node.client.process.poll() is None
    resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    node.recovers()
    node.same_node_anew()


def group_of(world, controller, pid):
    """A cgroup of the scenario's own under the controller, with the process in it."""
    group = f"/sys/fs/cgroup/{controller}/{os.path.basename(world.folder)}"
    os.makedirs(group)
    put(group, "cgroup.procs", pid)
    return group


def faults_no_processes(world):
    """No process can be made (pids.max): lictor says so and tries again until one can."""
    node = Node(world).start()
    group = group_of(world, "pids", node.client.pid)
    put(group, "pids.max", 1)
    node.kill_agent()
    node.client.logged("esource temporarily unavailable")
    eventually(lambda: node.client.status()["agent"]["restarts"] >= 3, 10, "it is tried again")
    put(group, "pids.max", "max")
    node.recovers()
    node.same_node_anew()


def faults_agent_out_of_memory(world):
    """The kernel kills the agent for want of memory in a cgroup of its own: it is replaced, as the same node."""
    node = Node(world).start()
    group = group_of(world, "memory", node.client.agent_pid())
    # What it holds already is charged where it was; each further page counts here.
    put(group, "memory.limit_in_bytes", 256 << 10)
    ask = {"Name": "big", "Meta": {str(n): "x" * 500 for n in range(60)}}

    def killed():
        with contextlib.suppress(Exception):
            node.client.agent("PUT", "/v1/agent/service/register", ask)
        return "signal=9" in node.client.log

    eventually(killed, 15, "the agent is killed")
    with open(f"{group}/memory.oom_control") as file:
        kills = dict(line.split() for line in file)
    assert int(kills["oom_kill"]) >= 1, kills
    # The next one is born into lictor's cgroup, which has memory.
    node.recovers()
    assert node.client.process.poll() is None
    node.same_node_anew()


def faults_clock_jumps(world):
    """lictor's wall clock jumps by hours, forth and back: times in the log follow, and nothing else happens."""
    world.lictor = dynamic(world.lictor)
    run("mount", "-t", "tmpfs", "tmpfs", "/dev/shm")  # where libfaketime leaves files, by process number
    node = Node(world, agent={"env": {"LD_PRELOAD": ""}})
    offset = f"{node.client.folder}/offset"

    def jump(to):
        with open(f"{offset}.new", "w") as file:
            file.write(f"{to}\n")
        os.replace(f"{offset}.new", offset)

    jump("+0")
    library = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    assert library, "libfaketime.so.1: not there; install libfaketime"
    node.client.environment |= {
        "LD_PRELOAD": library[0],
        "FAKETIME_TIMESTAMP_FILE": offset,
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_RESET": "1",
    }
    node.start()
    for to, hours in (("+5h", 5), ("-7h", -7), ("+0", 0)):
        jump(to)
        written = len(node.client.log)
        with Watch(lambda: node.server.instances() == {"n1": node.client.address}) as catalog:
            node.serves_on(4)  # longer than hung_after
        assert not catalog.gaps, catalog.gaps
        node.client.send(signal.SIGUSR1)
        eventually(lambda: own_times(node.client.log[written:]), 5, "the status in the log")
        seen = own_times(node.client.log[written:])
        now = datetime.datetime.now(datetime.timezone.utc)
        late = [(time - now).total_seconds() / 3600 - hours for time in seen]
        assert all(abs(hour) < 0.1 for hour in late), f"{to}: {seen}"
        # The status alone: no restart, nothing registered anew, nothing lost.
        assert len(seen) == 1, node.client.log[written:]
        status = node.client.status()
        assert status["agent"]["restarts"] == 0 and status["counts"] == node.before["counts"], status
        assert 0 < status["agent"]["uptime"] < 60, status
    del node.client.environment["LD_PRELOAD"]
    node.same_node_anew()


def own_times(text):
    """The times of lictor's own lines."""
    found = re.findall(r"^(\d{4}-\d\d-\d\dT[\d:.]+)Z (?:debug|info|warn|error) ", text, re.M)
    return [datetime.datetime.fromisoformat(time + "+00:00") for time in found]


def dynamic(lictor):
    """A lictor that takes LD_PRELOAD: the given one, or the one beside it."""
    for path in (lictor, f"{lictor}_dynamic"):
        if os.path.exists(path) and subprocess.run(["ldd", path], capture_output=True, timeout=20).returncode == 0:
            return path
    raise AssertionError(f"no {lictor}_dynamic; ./dev test makes one")


def put(group, name, value):
    with open(f"{group}/{name}", "w") as file:
        file.write(str(value))
