"""lictor under the inits of hosts without systemd, each of them real, in a Debian root of its own."""

import os
import pathlib
import shutil
import subprocess

import tools
from machine import BOOT
from world import CONSUL, LEFT, SERVER_ADDRESS, write_json

SOURCE = pathlib.Path(__file__).resolve().parents[2]

class Host:
    """A host whose first process is `init`; not started yet. `settings` are those of /etc/lictor/lictor.json."""

    def __init__(self, world, *init, name="n1"):
        self.world, self.init_words, self.name = world, init, name
        world.nodes += 1
        self.address = f"10.77.0.{10 + world.nodes}"
        self.namespace = world.add_namespace(name, address=self.address)
        self.root = world.root("inits", title=name)
        self.log_file = f"{world.folder}/{name}.log"
        shutil.copy(CONSUL, f"{self.root}/usr/bin/consul")
        shutil.copy(world.lictor, f"{self.root}/usr/bin/lictor")
        with open(f"{self.root}/etc/passwd", "a") as users, open(f"{self.root}/etc/group", "a") as groups:
            users.write("consul:x:990:990::/nonexistent:/usr/sbin/nologin\n")
            groups.write("consul:x:990:\n")
        os.mkdir(f"{self.root}/etc/lictor")
        os.mkdir(f"{self.root}/var/lib/lictor")
        self.write_settings()

    def write_settings(self, **changes):
        settings = {
            "agent": {"config": {"retry_join": [SERVER_ADDRESS], "retry_interval": "1s"}},
            "node": {"name": self.name, "data_dir": "/var/lib/lictor/data"},
        }
        write_json(f"{self.root}/etc/lictor/lictor.json", settings | changes)

    def boot(self):
        command = ["sh", "-c", 'echo $$ >"$0/cgroup.procs"; exec "$@"', self.world.cgroup()]
        command += ["nsenter", f"--net=/run/netns/{self.namespace}"]
        command += ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc", "--cgroup"]
        command += ["--propagation", "private", "sh", "-c", BOOT, "boot", self.root, *self.init_words]
        with open(self.log_file, "a") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.init = tools.eventually(lambda: tools.children(self.process.pid), 5, "the first process")[0].pid
        inside, own = f"/proc/{self.init}/root/etc/lictor", f"{self.root}/etc/lictor"
        tools.eventually(lambda: os.path.samefile(inside, own), 5, "the host has its root")
        return self

    def run(self, *command, within=30.0):
        """Runs a command on the host: its CompletedProcess."""
        inside = ["nsenter", f"--target={self.init}", "--all", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
        return subprocess.run(inside + list(command), capture_output=True, text=True, timeout=within)

    def does(self, *command, within=30.0):
        done = self.run(*command, within=within)
        assert done.returncode == 0, f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def lictor(self):
        """lictor's process as the sandbox sees it; None without one."""
        found = [p for p in tools.processes() if p.name == "lictor" and self.same_space(p.pid)]
        return found[0].pid if found else None

    def same_space(self, pid):
        try:
            return os.stat(f"/proc/{pid}/ns/pid").st_ino == os.stat(f"/proc/{self.init}/ns/pid").st_ino
        except FileNotFoundError:
            return False


def inits_runit(world):
    """Under runit: it serves, is started again when killed, takes HUP, leaves on `sv stop`; bad settings are left alone."""
    server, host = world.server(), Host(world, "runsvdir", "-P", "/services")
    shutil.copytree(SOURCE / "config/runit", f"{host.root}/etc/sv/lictor")
    os.mkdir(f"{host.root}/services")
    os.symlink("/etc/sv/lictor", f"{host.root}/services/lictor")
    host.boot()
    served(server, host)
    check_killed(server, host)
    host.write_settings(services=[{"name": "web", "port": 80}])
    host.does("sv", "hup", "/services/lictor")
    tools.eventually(lambda: server.instances("web") == {"n1": host.address}, 10, "the reload is taken")
    host.does("sv", "-w", "45", "stop", "/services/lictor", within=60)
    assert server.member("n1") == LEFT and not host.lictor()
    host.write_settings(agent={"config": "nonsense"})
    host.run("sv", "start", "/services/lictor")

    def left_alone():
        status = host.run("sv", "status", "/services/lictor").stdout
        return status.startswith("down: ") and "want up" not in status  # runsv wants it up until `finish` has ended it

    tools.eventually(left_alone, 10, "left alone")


def inits_openrc(world):
    """Under OpenRC: it serves, is started again when killed, takes a reload and leaves on `rc-service lictor stop`."""
    server, host = world.server(), Host(world, "/sbin/openrc-init")
    shutil.copy(SOURCE / "config/openrc/lictor", f"{host.root}/etc/init.d/lictor")
    with open(f"{host.root}/etc/rc.conf", "a") as file:
        file.write('rc_sys="lxc"\n')  # it leaves alone what belongs to the real host, such as its clock
    host.boot()
    host.does("rc-update", "add", "lictor", "default")
    tools.eventually(lambda: os.path.exists(f"/proc/{host.init}/root/run/openrc/softlevel"), 10, "booted")
    host.does("rc-service", "lictor", "start")
    served(server, host)
    check_killed(server, host)
    host.write_settings(services=[{"name": "web", "port": 80}])
    host.does("rc-service", "lictor", "reload")
    tools.eventually(lambda: server.instances("web") == {"n1": host.address}, 10, "the reload is taken")
    host.does("rc-service", "lictor", "stop", within=60)
    assert server.member("n1") == LEFT and not host.lictor()


def served(server, host):
    tools.eventually(lambda: server.instances() == {"n1": host.address}, 15, "the node is registered")
    assert tools.uid_of([c.pid for c in tools.children(host.lictor()) if c.name == "consul"][0]) == 990


def check_killed(server, host):
    """A lictor that is killed comes back as the same node."""
    before, node_id = host.lictor(), server.node("n1")["Node"]["ID"]
    os.kill(before, 9)
    tools.eventually(lambda: host.lictor() not in (None, before), 10, "lictor is started again")
    tools.eventually(lambda: host.run("lictor", "health").returncode == 0, 15, "the node is ready again")
    assert server.node("n1")["Node"]["ID"] == node_id
