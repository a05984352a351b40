"""The manifests of config/kubernetes, played by podman: the pod as it is written, on a node of the test's world.

podman plays the pod's part of the kubelet (host network, volumes, security context, grace) and not the cluster's; what
it can't do is taken out of the manifest or filled in by `for_podman`, and nothing else is.
"""

import json
import os
import shutil
import socket
import subprocess
import tempfile

import yaml

import roots
from parity import port_line
from tools import Process, ask_inside, eventually, libraries_of, processes_in, uid_of
from world import ALIVE, CONSUL, LEFT, SERVER_ADDRESS, run

MANIFESTS = roots.FOLDER.parents[1] / "config/kubernetes"
CONSUL_UID = 100
CAPABILITIES = 0b11100011  # of include/uapi/linux/capability.h: those of the manifests that lictor keeps
CONTAINERS_CONF = """[containers]
cgroups = "disabled"
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


def documents(folder):
    """Kind -> document of the manifests in a folder of config/kubernetes, without kustomization.yaml."""
    found = {}
    for path in sorted((MANIFESTS / folder).glob("*.yaml")):
        if path.name != "kustomization.yaml":
            document = yaml.safe_load(path.read_text())
            found[document["kind"]] = document
    return found


def for_podman(found, node, settings):
    """The text to play. What is changed, and why:

    - no Namespace: podman has none;
    - NODE_NAME and the like: podman refuses the fields that only a kubelet knows, so their values stand there;
    - the image: no registry is asked for what was made here;
    - `settings`: the server's address, which no manifest can know;
    - no probes: podman would run them by systemd timers and curl; `probes_answer` asks what they ask;
    - no resources: the sandbox hands out no cgroups;
    - each emptyDir is a folder that the node has made for everybody, as a kubelet does: podman's is root's alone.
    """
    pod = found["DaemonSet"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    known = {
        "spec.nodeName": node.name,
        "status.hostIP": node.address,
        "status.podIP": node.address,
        "metadata.name": f"{found['DaemonSet']['metadata']['name']}-pod",
        "metadata.namespace": found["DaemonSet"]["metadata"]["namespace"],
    }
    container["env"] = [
        {"name": one["name"], "value": one.get("value") or known[one["valueFrom"]["fieldRef"]["fieldPath"]]}
        for one in container["env"]
    ]
    container["image"] = f"localhost/{container['image']}"
    for volume in pod["volumes"]:
        if "emptyDir" in volume:
            del volume["emptyDir"]
            volume["hostPath"] = {"path": node.empty_folder()}
    for key in ("startupProbe", "livenessProbe", "readinessProbe", "resources"):
        del container[key]
    data = found["ConfigMap"]["data"]
    for name, change in settings.items():
        content = json.loads(data[f"{name}.json"])
        change(content)
        data[f"{name}.json"] = json.dumps(content)
    return yaml.safe_dump_all([found["ConfigMap"], found["DaemonSet"]])


class Node:
    """A host of the cluster: a network namespace of the world, and podman in a Debian of its own."""

    def __init__(self, world, name="n1", address="10.77.0.11"):
        self.world, self.name, self.address = world, name, address
        self.namespace = world.add_namespace(name, address=address)
        self.root = root = world.root("podman")
        run("mount", "-t", "proc", "proc", f"{root}/proc")
        run("mount", "--rbind", "/sys", f"{root}/sys")
        run("mount", "--rbind", "/dev", f"{root}/dev")
        # One unified hierarchy, whatever the machine has: crun refuses the hybrid kind.
        run("umount", "-R", f"{root}/sys/fs/cgroup")
        run("mount", "--bind", world.cgroup(), f"{root}/sys/fs/cgroup")
        for place in ("/run", "/tmp", "/var/lib/containers"):
            os.makedirs(root + place, exist_ok=True)
            run("mount", "-t", "tmpfs", "tmpfs", root + place)
        # On a disk, as on a real host, and where run.py finds the log.
        for folder in (f"{world.folder}/{name}", f"{root}/data"):
            os.mkdir(folder)
        run("mount", "--bind", f"{world.folder}/{name}", f"{root}/data")
        with open(f"{root}/etc/containers/containers.conf", "w") as file:
            file.write(CONTAINERS_CONF)
        with open(f"{root}/etc/machine-id", "w") as file:
            file.write("0123456789abcdef0123456789abcdef\n")
        # What podman runs in: not a chroot, from which a container's first mount namespace would keep a way out.
        enter = 'cd "$1" && pivot_root . mnt && cd / && umount -l /mnt && exec sleep infinity'
        command = ["ip", "netns", "exec", self.namespace, "unshare", "--mount", "sh", "-c", enter, "enter", root]
        self.host = subprocess.Popen(command)
        eventually(lambda: Process(self.host.pid).name == "sleep", 5, "the node's host is there")
        self.import_image()

    def podman(self, *arguments, within=40):
        command = ["nsenter", f"--target={self.host.pid}", "--mount", "--net", "podman", *arguments]
        environment = {"PATH": os.environ["PATH"], "HOME": "/root", "PODMAN_IGNORE_CGROUPSV1_WARNING": "1"}
        with open(f"{self.world.folder}/podman.log", "a") as log:
            log.write(f"podman {' '.join(arguments)}\n")
            log.flush()
            done = subprocess.run(
                command, stdout=subprocess.PIPE, stderr=log, text=True, timeout=within, env=environment
            )
            log.write(done.stdout)
        assert done.returncode == 0, f"podman {' '.join(arguments)}: exit {done.returncode}; see podman.log"
        return done.stdout

    def import_image(self):
        """lictor:0.1.0 with what the manifests expect: lictor and its helper, consul with its user, busybox's shell; set as the real
        image is."""
        tree = f"{self.root}/tmp/image"
        for folder in ("bin", "usr/bin", "etc", "run", "tmp", "var", "consul/config", "proc", "sys", "dev"):
            os.makedirs(f"{tree}/{folder}")
        os.symlink("../run", f"{tree}/var/run")
        for program in (self.world.lictor, f"{os.path.dirname(self.world.lictor)}/lictor-kubernetes"):
            shutil.copy(program, f"{tree}/usr/bin/{os.path.basename(program)}")
        shutil.copy(CONSUL, f"{tree}/usr/bin/consul")
        shutil.copy(f"{self.root}/usr/bin/busybox", f"{tree}/bin/busybox")
        for applet in ("sh", "ip", "awk", "cat"):
            os.symlink("busybox", f"{tree}/bin/{applet}")
        for library in libraries_of(CONSUL):
            os.makedirs(os.path.dirname(tree + library), exist_ok=True)
            shutil.copy(library, tree + library)
        with open(f"{tree}/etc/passwd", "w") as file:
            file.write(f"root:x:0:0::/:/bin/sh\nconsul:x:{CONSUL_UID}:1000::/consul:/bin/sh\n")
        with open(f"{tree}/etc/group", "w") as file:
            file.write("root:x:0:\nconsul:x:1000:\n")
        run("tar", "-C", tree, "-cf", f"{self.root}/tmp/image.tar", ".")
        environment = ["--change=ENV PATH=/usr/bin:/bin", "--change=ENV CONSUL_DATA_DIR=/consul/data"]
        self.podman("import", *environment, "/tmp/image.tar", "localhost/lictor:0.1.0")

    # -- the pod

    def play(self, folder, **settings):
        """Plays the manifests of a folder; `settings`: a key of the ConfigMap, without ".json" -> what changes it."""
        found = documents(folder)
        self.probes = probes_of(found)
        self.name_of_pod = f"{found['DaemonSet']['metadata']['name']}-pod"
        self.container = f"{self.name_of_pod}-{found['DaemonSet']['spec']['template']['spec']['containers'][0]['name']}"
        with open(f"{self.root}/tmp/pod.yaml", "w") as file:
            file.write(for_podman(found, self, settings))
        self.podman("kube", "play", "--log-opt=path=/data/pod.log", "/tmp/pod.yaml")

    def stop(self):
        """Ends the pod as the kubelet does, TERM and then the manifest's grace; lictor's exit code. The pod is gone."""
        self.podman("pod", "stop", self.name_of_pod)
        code = int(self.podman("inspect", "--format", "{{.State.ExitCode}}", self.container))
        self.podman("kube", "down", "/tmp/pod.yaml")
        return code

    def signal(self, name):
        self.podman("kill", "--signal", name, self.container)

    def doctor(self):
        """What `lictor doctor --json` in the pod says, whatever it finds."""
        return self.podman("exec", self.container, "sh", "-c", "lictor doctor --json || true")

    def process(self, name):
        """The pid of the one process with this name; None while there is none, or another one is about to go."""
        found = [process.pid for process in processes_in(self.namespace) if process.name == name]
        return found[0] if len(found) == 1 else None

    def empty_folder(self):
        """A new one in memory for everybody to write to: its path as podman sees it."""
        path = tempfile.mkdtemp(dir=f"{self.root}/run")
        os.chmod(path, 0o777)
        return path.removeprefix(self.root)

    def node_id(self):
        with open(f"{self.root}/data/consul/data/node-id") as file:
            return file.read().strip()

    def probes_answer(self):
        return all(ask_inside(self.namespace, address, target).status == 200 for address, target in self.probes)


def probes_of(found):
    """What the kubelet asks: (ADDRESS:PORT, path) of each probe, the port's name resolved as it does."""
    (container,) = found["DaemonSet"]["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    gets = [container[key]["httpGet"] for key in ("startupProbe", "livenessProbe", "readinessProbe")]
    return [(f"{get['host']}:{ports.get(get['port'], get['port'])}", get["path"]) for get in gets]


def refuses(namespace, address):
    try:
        ask_inside(namespace, address, "/livez")
    except ConnectionRefusedError:
        return True
    return False


def status_of(pid, key):
    """A value of /proc/PID/status."""
    with open(f"/proc/{pid}/status") as file:
        return next(line.split()[1] for line in file if line.startswith(f"{key}:"))


def strays(pid):
    """What was written, and not to a volume, where podman, but no kubelet, makes a read-only root writable."""
    found = []
    for folder in ("/run", "/tmp", "/var/tmp"):
        here = os.stat(f"/proc/{pid}/root{folder}").st_dev
        with os.scandir(f"/proc/{pid}/root{folder}") as entries:
            found += [f"{folder}/{entry.name}" for entry in entries if os.stat(entry.path).st_dev == here]
    return found


def joins(content):
    """Agent settings, bare or in lictor.json, with the address of the world's server."""
    content.get("agent", {}).get("config", content)["retry_join"] = [SERVER_ADDRESS]


def kube_base(world):
    """The base's pod joins as its host, with probes for the kubelet alone and an agent without capabilities; it leaves
    within its grace, and the next pod is the same node."""
    server, node = world.server(), Node(world)
    node.play("base", lictor=joins)
    eventually(lambda: server.instances() == {"n1": node.address}, 20, "the node is registered at the host's address")
    eventually(lambda: server.passing() == ["n1"], 20, "its check passes")
    eventually(node.probes_answer, 10, "the probes answer")
    assert refuses(server.namespace, node.probes[0][0].replace("127.0.0.1", node.address)), "probed from another host"

    lictor, agent = node.process("lictor"), node.process("consul")
    assert (uid_of(lictor), uid_of(agent)) == (0, CONSUL_UID)
    assert [status_of(pid, "NoNewPrivs") + status_of(pid, "Seccomp") for pid in (lictor, agent)] == ["12", "12"]
    assert int(status_of(agent, "CapEff"), 16) == 0 and int(status_of(lictor, "CapEff"), 16) & ~CAPABILITIES == 0
    assert not strays(lictor), strays(lictor)

    node.signal("USR2")  # ends and starts a process of another user: takes both KILL and SETUID
    eventually(lambda: node.process("consul") not in (None, agent), 15, "another agent runs")
    eventually(node.probes_answer, 15, "the node is ready again")

    unseen = {one["check"]: one["reason"] for one in json.loads(node.doctor())["not_looked_at"]}
    assert "CAP_SYS_PTRACE" in unseen["ports"] and "hostPID" in unseen["ports"], unseen

    first = node.node_id()
    assert node.stop() == 0
    assert server.member("n1") == LEFT and server.node("n1") is None
    node.play("base", lictor=joins)
    eventually(lambda: server.instances() == {"n1": node.address}, 20, "the node is back")
    assert server.node("n1")["Node"]["ID"] == first
    eventually(lambda: server.member("n1") == ALIVE, 10, "the member is alive")
    assert node.stop() == 0


def kube_script(world):
    """The pod with the old ConfigMap and script takes over the data directory of an agent that ran bare and as root:
    the same node, registered by its script, and gone from the catalog when it is stopped."""
    socket.sethostname("host-1")
    server, node = world.server(), Node(world)
    bare = ["consul", "agent", "-config-dir=/consul/config", "-data-dir=/consul/data", f"-retry-join={SERVER_ADDRESS}"]
    options = ["--detach", "--name=bare", "--network=host", "--uts=host", "--volume=/data/consul/data:/consul/data"]
    os.makedirs(f"{node.root}/data/consul/data")
    node.podman("run", *options, "localhost/lictor:0.1.0", *bare, f"-bind={node.address}")
    eventually(lambda: server.node("host-1"), 15, "the bare agent is registered")
    assert os.stat(f"{node.root}/data/consul/data/node-id").st_uid == 0
    first = node.node_id()
    node.podman("stop", "bare")

    node.play("examples/script", consul=joins)
    eventually(lambda: server.instances() == {"host-1": node.address}, 20, "the script's service is registered")
    service = server.node("host-1")["Services"][f"consul-members-{node.address}"]
    assert service["Tags"] == ["consul"], service
    assert server.node("host-1")["Node"]["ID"] == first == node.node_id()
    eventually(lambda: server.passing() == ["host-1"], 20, "its check passes")
    eventually(node.probes_answer, 10, "the probes answer")
    assert uid_of(node.process("consul")) == CONSUL_UID
    assert node.stop() == 0
    assert server.member("host-1") == LEFT and server.node("host-1") is None


def kube_port_53(world):
    """DNS on port 53 by the line that the docs name for a pod: the capability is the agent's, and nobody gains another."""
    world.server()
    node = Node(world)

    def dns(content):
        joins(content)
        content["agent"]["config"]["ports"] = {"dns": 53}
        content["agent"] |= json.loads(f"{{{port_line('a pod')}}}")

    node.play("base", lictor=dns)
    eventually(lambda: node.process("consul"), 20, "an agent")
    eventually(lambda: ":53 " in run("ip", "netns", "exec", node.namespace, "ss", "-lnuH"), 20, "DNS on port 53")
    agent = node.process("consul")
    assert uid_of(agent) == CONSUL_UID and int(status_of(agent, "CapEff"), 16) == 1 << 10, status_of(agent, "CapEff")
    assert int(status_of(node.process("lictor"), "CapEff"), 16) & ~CAPABILITIES == 0
    assert node.stop() == 0
