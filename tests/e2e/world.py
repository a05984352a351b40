"""The world of a scenario: a Consul server and nodes under lictor, on one bridge, each in its own network namespace.

All of it lives inside the sandbox that run.py has made (pid, mount and network namespaces of the scenario's own): names
and addresses can't meet anybody else's, and everything ends with the scenario's first process, however that ends.
"""

import contextlib
import json
import os
import signal
import subprocess
import time

import consul_facts
import roots
import tools
from tools import ask, ask_inside, children, eventually, get_json, processes_in

SERVER_ADDRESS = "10.77.0.1"
FOLDER_OF_CONSUL = "/run/consul"
CONSUL = f"{FOLDER_OF_CONSUL}/consul"  # the one that consul_facts has chosen, for all users and first on PATH
ALIVE, LEAVING, LEFT, FAILED = 1, 2, 3, 4  # Member.Status of Consul's API
# A -dev server gossips ten times faster than a real one; with these, Consul's defaults, a silent member is failed after
# 5-9 s as it would be in production.
GOSSIP = {"gossip_interval": "200ms", "probe_interval": "1s", "probe_timeout": "500ms", "suspicion_mult": 4}


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, f"{' '.join(command)}: exit {done.returncode}: {done.stderr.strip()}"
    return done.stdout


def settle_in():
    """In a new sandbox (tools.SANDBOX), before a World is made there."""
    run("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run")
    os.mkdir("/run/lt")
    os.chmod("/run/lt", 0o1777)  # for lictors of any user
    for path, place in {path: place_of(number) for number, path in enumerate(consul_facts.named())}.items():
        os.makedirs(os.path.dirname(place), exist_ok=True)
        open(place, "w").close()
        run("mount", "--bind", path, place)
        run("mount", "-o", "remount,bind,ro", place)  # no scenario writes over the program itself
    os.environ["PATH"] = f"{FOLDER_OF_CONSUL}:{os.environ['PATH']}"
    run("ip", "link", "set", "lo", "up")


def place_of(number):
    """Where a sandbox has the `number`th of the Consuls that were named."""
    return f"{FOLDER_OF_CONSUL}/{number}/consul" if number else CONSUL


def consuls():
    """All Consuls that were named, the oldest first, with their paths in the sandbox."""
    found = [consul._replace(path=place_of(number)) for number, consul in enumerate(consul_facts.all_given())]
    return sorted(found, key=lambda consul: consul.version)


def renumbered_consul(path):
    """Writes the Consul under test under a later number, as which all who look at it take it: (its number, the later one)."""
    number = consul_facts.given().number
    later = number[:-1] + "9"
    assert later != number, f"{number}: there is no later number of that length"
    with open(CONSUL, "rb") as original, open(path, "wb") as copy:
        copy.write(original.read().replace(number.encode(), later.encode()))
    os.chmod(path, 0o755)
    return number, later


def write_json(path, content):
    with open(path + ".new", "w") as file:
        json.dump(content, file, indent=1)
    os.replace(path + ".new", path)


def merged(base, over):
    """`over` laid over `base`, objects key by key."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    return base | {key: merged(base[key], value) if key in base else value for key, value in over.items()}


class World:
    def __init__(self, folder, lictor):
        self.folder, self.lictor = folder, lictor
        self.nodes = 0
        run("ip", "link", "add", "lt-bridge", "type", "bridge")
        run("ip", "link", "set", "lt-bridge", "up")

    def is_lictor(self, pid):
        """Whether the process has become lictor; one of another architecture is run by an emulator, which has its words."""
        if os.path.samefile(f"/proc/{pid}/exe", self.lictor):
            return True
        with open(f"/proc/{pid}/cmdline") as file:
            words = file.read().split("\0")
        return "qemu-" in words[0] and self.lictor in words

    def add_namespace(self, name, link="eth0", address=None):
        """A namespace lt-NAME with one link to the bridge; its end on the bridge is br-NAME."""
        namespace = f"lt-{name}"
        run("ip", "netns", "add", namespace)
        run("ip", "link", "add", f"br-{name}", "type", "veth", "peer", "name", link, "netns", namespace)
        run("ip", "link", "set", f"br-{name}", "master", "lt-bridge", "up")
        run("ip", "-n", namespace, "link", "set", "lo", "up")
        run("ip", "-n", namespace, "link", "set", link, "up")
        if address:
            run("ip", "-n", namespace, "addr", "add", f"{address}/24", "dev", link)
        return namespace

    def root(self, name, title=None):
        """A Debian system of its own for this scenario: the tree `name` of roots.py under a fresh layer; its path."""
        lower = roots.FOLDER / name
        assert lower.is_dir(), f"{lower}: not there; make it with tests/e2e/roots.py {name}"
        tree = f"{self.folder}/root-{title or name}"
        layers = f"/run/layers-{title or name}"  # in memory, so that nothing is left
        for folder in (tree, f"{layers}/upper", f"{layers}/work"):
            os.makedirs(folder)
        options = f"lowerdir={lower},upperdir={layers}/upper,workdir={layers}/work"
        run("mount", "-t", "overlay", "-o", options, "overlay", tree)
        return tree

    def cgroup(self):
        """A cgroup of this scenario's own in the unified hierarchy; run.py removes it with all below it."""
        path = f"{tools.unified_hierarchy()}/{os.path.basename(self.folder)}"
        os.makedirs(path, exist_ok=True)
        return path

    def server(self, config=None, token=None, address=SERVER_ADDRESS, program=CONSUL):
        """One at a time: the next one takes the place of the last one, that has ended."""
        return Server(self, config or {}, token, address, program)

    def client(self, name="n1", link="eth0", with_address=True, **settings):
        """A node in a namespace of its own, not started. `settings` are lictor's, laid over those that a test needs."""
        self.nodes += 1
        address = f"10.77.0.{10 + self.nodes}"
        namespace = self.add_namespace(name, link, address if with_address else None)
        return Client(self, name, namespace, address, settings)


class Server:
    """A Consul server, elected; spoken to over a unix socket."""

    def __init__(self, world, config, token, address, program):
        self.token = token
        self.namespace = "lt-server"
        if not os.path.exists(f"/run/netns/{self.namespace}"):
            world.add_namespace("server")
        run("ip", "-n", self.namespace, "addr", "flush", "dev", "eth0")
        run("ip", "-n", self.namespace, "addr", "add", f"{address}/24", "dev", "eth0")
        self.socket = f"{world.folder}/server.sock"
        settings = f"{world.folder}/server.json"
        write_json(
            settings, merged({"addresses": {"http": f"127.0.0.1 unix://{self.socket}"}, "gossip_lan": GOSSIP}, config)
        )
        command = [
            "ip",
            "netns",
            "exec",
            self.namespace,
            program,
            "agent",
            "-dev",
            # A name moves to another address only after its old one has been dead for 30 s.
            "-node=server" if address == SERVER_ADDRESS else f"-node=server-{address.replace('.', '-')}",
            f"-bind={address}",
        ]
        with open(f"{world.folder}/server.log", "w") as log:
            self.process = subprocess.Popen(
                command + ["-client=127.0.0.1", "-log-level=info", f"-config-file={settings}"], stdout=log, stderr=log
            )
        eventually(lambda: self.get("/v1/catalog/nodes"), 15, "the server has elected itself")

    def get(self, target, timeout=5.0):
        return get_json(self.socket, target, self.token, timeout)

    def put(self, target, body):
        answer = ask(self.socket, "PUT", target, body, self.token)
        assert answer.status == 200, f"{target}: {answer.status} {answer.text}"
        return json.loads(answer.text)

    def new_token(self, name, rules):
        """The secret of a token with a policy of that name and these rules. The server has ACLs."""
        self.put("/v1/acl/policy", {"Name": name, "Rules": rules})
        return self.put("/v1/acl/token", {"Policies": [{"Name": name}]})["SecretID"]

    def member(self, name):
        """The member's status on the server: ALIVE, LEFT, ...; None where the server never saw it."""
        found = [m["Status"] for m in self.get("/v1/agent/members") if m["Name"] == name]
        return found[0] if found else None

    def node(self, name):
        """The node in the catalog with its services; None where it has no entry."""
        return self.get(f"/v1/catalog/node/{name}?consistent")

    def instances(self, service="consul-members"):
        """Node name -> address of each instance of a service in the catalog."""
        found = self.get(f"/v1/catalog/service/{service}")
        return {instance["Node"]: instance["ServiceAddress"] or instance["Address"] for instance in found}

    def passing(self, service="consul-members"):
        return [entry["Node"]["Node"] for entry in self.get(f"/v1/health/service/{service}?passing")]

    def checks(self, state):
        """The names of all services' checks in that state."""
        return [check["ServiceName"] for check in self.get(f"/v1/health/state/{state}") if check["ServiceName"]]


class Client:
    """One node: lictor in a network namespace, with a data directory, a run directory and settings of its own.

    `log` is the text of everything that lictor, its agent and its hooks have written. `settings` may be changed and
    written again with write_settings().
    """

    def __init__(self, world, name, namespace, address, settings):
        self.world, self.name, self.namespace, self.address = world, name, namespace, address
        self.folder = f"{world.folder}/{name}"
        os.mkdir(self.folder)
        self.data_dir, self.run_dir = f"{self.folder}/data", f"/run/lt/{name}"  # in memory, as /run/lictor is
        self.agent_socket = f"{self.run_dir}/agent/http.sock"
        self.control_socket = f"{self.folder}/lictor.sock"
        self.settings_file = f"{self.folder}/lictor.json"
        self.log_file = f"{self.folder}/{name}.log"
        self.environment = {"PATH": os.environ["PATH"], "NODE_NAME": name}
        self.before_exec = None  # called in lictor's process-to-be
        self.wrapper = []  # a command before lictor's own, which it becomes by exec
        self.process = self.pid = None
        self.settings = merged(
            {
                "agent": {
                    "binary": CONSUL,
                    "config_dirs": [],  # whatever the machine that runs the tests has in /etc/consul.d
                    "config": {
                        "retry_join": [SERVER_ADDRESS],
                        "retry_interval": "1s",
                        "disable_update_check": True,
                        "enable_local_script_checks": True,
                    },
                },
                "node": {"data_dir": self.data_dir},
                "run_dir": self.run_dir,
                "control": {"socket": self.control_socket, "http": "127.0.0.1:8555"},
                "restart": {"spread": "0s"},  # a scenario that changes a file has no other node to wait for
                "stop": {"timeout": "10s"},
                "log": {"level": "debug"},
            },
            settings,
        )
        self.write_settings()

    def write_settings(self, **changes):
        self.settings = merged(self.settings, changes)
        write_json(self.settings_file, self.settings)

    # -- lictor's life

    def start(self, as_pid_1=False, **environment):
        """Starts lictor; `pid` is its own pid, `started` the moment of its exec."""
        command = ["ip", "netns", "exec", self.namespace]
        if as_pid_1:
            command += ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
        command += [*self.wrapper, self.world.lictor, "run"]
        command += ["-c", self.settings_file] if self.settings_file else []
        with open(self.log_file, "a") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env=self.environment | environment, preexec_fn=self.before_exec
            )
        # The wrappers before lictor become lictor by exec; unshare has it as its child.
        eventually(
            lambda: self.process.poll() is not None or self._find_pid(as_pid_1), 5, "lictor is executed", every=0.0005
        )
        self.started = time.monotonic()
        return self

    def _find_pid(self, as_pid_1):
        for pid in [child.pid for child in children(self.process.pid)] if as_pid_1 else [self.process.pid]:
            if self.world.is_lictor(pid):
                self.pid = pid
                return True
        return False

    def send(self, number):
        os.kill(self.pid, number)

    def ended(self, within=15.0):
        """Waits for lictor's end: its exit code (negative: the signal that killed it)."""
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"lictor {self.name} still runs after {within} s") from None

    def stop(self, number=signal.SIGTERM, within=15.0):
        """Signals lictor and waits for its end: (exit code, seconds it took)."""
        asked = time.monotonic()
        self.send(number)
        return self.ended(within), time.monotonic() - asked

    def ready(self, within=15.0):
        """Waits until lictor says that the node is registered; the status."""

        def fact():
            assert (
                self.process.poll() is None
            ), f"lictor {self.name} ended with {self.process.returncode}: {self.last_line()}"
            status = self.status()
            return status["ready"] and status

        return eventually(fact, within, f"{self.name} is ready")

    # -- what it says

    @property
    def log(self):
        with contextlib.suppress(FileNotFoundError), open(self.log_file, errors="replace") as file:
            return file.read()
        return ""

    def last_line(self):
        return (self.log.strip().splitlines() or [""])[-1]

    def logged(self, text, within=5.0):
        eventually(lambda: text in self.log, within, f'"{text}" in the log of {self.name}')

    def control(self, method, target, body=None):
        return ask(self.control_socket, method, target, body)

    def status(self):
        return get_json(self.control_socket, "/status")

    def probe(self, target, timeout=5.0):
        """The HTTP status of a GET on control.http, asked from inside the node."""
        return ask_inside(self.namespace, self.settings["control"]["http"], target, timeout=timeout).status

    def command(self, *arguments, within=20.0, **environment):
        """Runs `lictor ARGUMENTS -c FILE` on the node: its CompletedProcess."""
        command = ["ip", "netns", "exec", self.namespace, self.world.lictor, *arguments]
        command += ["-c", self.settings_file] if self.settings_file else []
        return subprocess.run(
            command, capture_output=True, text=True, timeout=within, env=self.environment | environment
        )

    # -- its agent and what it leaves on the node

    def agent(self, method, target, body=None, token=None, timeout=5.0):
        return ask(self.agent_socket, method, target, body, token, timeout)

    def agent_get(self, target, token=None):
        return get_json(self.agent_socket, target, token)

    def agent_pid(self):
        """The agent's pid as the sandbox sees it, found without asking lictor; None without an agent."""
        found = [
            p.pid
            for p in children(self.pid)
            if p.state != "Z" and f"-config-file={self.run_dir}/consul.json" in arguments_of(p.pid)
        ]
        return found[0] if found else None

    def members(self, token=None):
        return {member["Name"]: member["Status"] for member in self.agent_get("/v1/agent/members", token)}

    def consul_json(self):
        with open(f"{self.run_dir}/consul.json") as file:
            return json.load(file)

    def node_id(self):
        with open(f"{self.data_dir}/node-id") as file:
            return file.read().strip()

    def processes(self):
        return processes_in(self.namespace)

    def nobody_left(self):
        """AssertionError if anything still runs on the node a moment after lictor's end."""
        eventually(lambda: not self.processes(), 1, f"nobody left on {self.name} but {self.processes()}")


def arguments_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            return file.read().split("\0")
    except OSError:
        return []


def write_script(path, text):
    with open(path, "w") as file:
        file.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)
    return path


def open_folder(path):
    """A folder that the agent's user may write to."""
    os.makedirs(path, exist_ok=True)
    os.chmod(path, 0o777)
    return path
