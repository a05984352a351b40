"""A host booted by a real systemd: a Debian root of the scenario's own in a namespace of the world, lictor installed."""

import os
import pathlib
import shutil
import signal
import subprocess

import tools
from world import CONSUL, SERVER_ADDRESS, merged, write_json

SOURCE = pathlib.Path(__file__).resolve().parents[2]
UNIT = "lictor.service"

# As the first process of the new namespaces: what a kernel or a container engine would have mounted in the root $1, then its
# init, the words after that.
BOOT = """set -e
mount --bind "$1" "$1"
cd "$1"
shift
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=0755 tmpfs run
mount -t tmpfs tmpfs tmp
mount -t tmpfs -o mode=0755 tmpfs dev
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for node in null zero full random urandom tty; do
  touch "dev/$node"
  mount --bind "/dev/$node" "dev/$node"
done
mkdir -p .old
pivot_root . .old
umount -l /.old
exec env -i container=lictor-test PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
"""


class Machine:
    """`name` is the host's name, and so the node's; `address` its address on the bridge. Not booted yet."""

    def __init__(self, world, name="n1", settings=None):
        self.world, self.name = world, name
        world.nodes += 1
        self.address = f"10.77.0.{10 + world.nodes}"
        self.namespace = world.add_namespace(name, address=self.address)
        self.root = world.root("machine", title=name)
        self.log_file = f"{world.folder}/{name}.log"
        self.init = None
        shutil.copy(CONSUL, f"{self.root}/usr/bin/consul")
        shutil.copy(world.lictor, f"{self.root}/usr/bin/lictor")
        with open(f"{self.root}/etc/passwd", "a") as users, open(f"{self.root}/etc/group", "a") as groups:
            users.write("consul:x:990:990::/nonexistent:/usr/sbin/nologin\n")
            groups.write("consul:x:990:\n")
        with open(f"{self.root}/etc/hostname", "w") as file:
            file.write(f"{name}\n")
        shutil.copy(SOURCE / "systemd" / UNIT, f"{self.root}/lib/systemd/system/{UNIT}")
        os.mkdir(f"{self.root}/etc/lictor")
        self.settings = merged(
            {
                "agent": {"config": {"retry_join": [SERVER_ADDRESS], "retry_interval": "1s"}},
                "node": {"data_dir": "/var/lib/lictor/data"},
            },
            settings or {},
        )
        self.write_settings()

    def write_settings(self, **changes):
        self.settings = merged(self.settings, changes)
        write_json(f"{self.root}/etc/lictor/lictor.json", self.settings)

    def drop_in(self, **lines):
        """Lines of [Service] that are laid over the unit's: a test's shorter times."""
        folder = f"{self.root}/etc/systemd/system/{UNIT}.d"
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/test.conf", "w") as file:
            file.write("[Service]\n" + "".join(f"{key}={value}\n" for key, value in lines.items()))

    # -- the machine's life

    def boot(self):
        command = ["sh", "-c", 'echo $$ >"$0/cgroup.procs"; exec "$@"', self.world.cgroup()]
        command += ["nsenter", f"--net=/run/netns/{self.namespace}"]
        command += ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc", "--cgroup"]
        command += ["--propagation", "private", "sh", "-c", BOOT, "boot", self.root, "/sbin/init"]
        with open(self.log_file, "a") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.init = tools.eventually(lambda: tools.children(self.process.pid), 5, "the first process")[0].pid
        tools.eventually(lambda: self.run("systemctl", "is-system-running").stdout.strip() == "running", 20, "running")
        # Outside the machine's pid namespace: a process that somebody out here must reap holds up its end.
        follow = ["nsenter", f"--target={self.init}", "--mount", "journalctl", "--follow", "--lines=all", "--output=cat"]
        with open(self.log_file, "a") as log:
            subprocess.Popen(follow, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def halt(self):
        """Shuts down in order, as a host does, and returns when that is over."""
        os.kill(self.init, signal.SIGRTMIN + 3)
        self.process.wait(30)
        self.init = None

    # -- what happens on it

    def run(self, *command, within=30.0):
        """Runs a command on the machine: its CompletedProcess."""
        inside = ["nsenter", f"--target={self.init}", "--all", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
        return subprocess.run(inside + list(command), capture_output=True, text=True, timeout=within)

    def systemctl(self, *arguments, within=30.0):
        done = self.run("systemctl", *arguments, within=within)
        assert done.returncode == 0, f"systemctl {' '.join(arguments)}: {done.stderr}\n{self.lictor_status()}"
        return done.stdout

    def lictor_status(self):
        return self.run("systemctl", "status", "--no-pager", UNIT).stdout

    def show(self, name):
        """A property of the unit."""
        return self.systemctl("show", "--value", f"--property={name}", UNIT).strip()

    def main_pid(self):
        """lictor's pid as the sandbox sees it."""
        inside = int(self.show("MainPID"))
        return self.outside(inside) if inside else None

    def outside(self, pid):
        """The sandbox's pid of the machine's process `pid`."""
        for process in tools.processes():
            with open(f"/proc/{process.pid}/status") as file:
                spaces = next(line.split()[1:] for line in file if line.startswith("NSpid:"))
            if len(spaces) > 1 and int(spaces[1]) == pid and self.same_space(process.pid):
                return process.pid
        return None

    def same_space(self, pid):
        return os.stat(f"/proc/{pid}/ns/pid").st_ino == os.stat(f"/proc/{self.init}/ns/pid").st_ino

    def agent(self):
        """The agent's process as the sandbox sees it; None without one."""
        lictor = self.main_pid()
        found = [child for child in tools.children(lictor) if child.name == "consul"] if lictor else []
        return found[0] if found else None

    def node_id(self):
        with open(f"{self.root}/var/lib/lictor/data/node-id") as file:
            return file.read().strip()

    def journal(self, priority="debug"):
        """What the unit has said, of this priority and above."""
        return self.run("journalctl", "-p", priority, "-u", UNIT, "--output=cat", "--no-pager").stdout


