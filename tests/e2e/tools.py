"""What the scenarios look at the world with: facts that are awaited, HTTP over unix sockets, processes."""

import collections
import contextlib
import ctypes
import http.client
import json
import os
import socket
import subprocess
import threading
import time

# What comes behind it runs in process, mount, network, IPC and UTS namespaces of its own, and ends with `unshare`.
SANDBOX = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--mount", "--net", "--ipc", "--uts"]

# s within which the running agent of a node that serves has taken new settings: it may have a full sync before it, of up to 3.1 s.
AFTER_SYNC = 7

Answer = collections.namedtuple("Answer", "status text")


def eventually(fact, within=10.0, what="", every=0.02):
    """The first true value of fact(), asked every `every` seconds; AssertionError after `within` seconds.

    An error of the network, of a file or of an unexpected answer counts as "not yet".
    """
    deadline = time.monotonic() + within
    while True:
        try:
            seen = fact()
            if seen:
                return seen
        except (OSError, http.client.HTTPException, LookupError, TypeError, ValueError) as error:
            seen = repr(error)
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {what or fact_name(fact)}; seen last: {seen}")
        time.sleep(every)


def owners(folder):
    """{path: (uid, gid)} of all in it, once none of that is half written: until then it is called NAME.tmp, and whoever writes owns it."""

    def settled():
        found = {}
        for here, folders, files in os.walk(folder):
            for path in (f"{here}/{name}" for name in folders + files):
                about = os.lstat(path)
                found[path] = about.st_uid, about.st_gid
        return None if any(path.endswith(".tmp") for path in found) else found

    return eventually(settled, 5, f"nothing is half written in {folder}")


def holds(fact, during, what="", every=0.1):
    """AssertionError if fact() is false at any look during the next `during` seconds."""
    started = time.monotonic()
    while time.monotonic() - started < during:
        assert fact(), f"no longer true after {time.monotonic() - started:.1f} s: {what or fact_name(fact)}"
        time.sleep(every)


def fact_name(fact):
    return f"the fact at line {fact.__code__.co_firstlineno} of {os.path.basename(fact.__code__.co_filename)}"


class Watch(threading.Thread):
    """Looks at fact() all the time while the `with` block runs; `gaps`: (begin, length) of each absence in seconds.

    A look that fails counts as absence: what could not be seen was not proved.
    """

    def __init__(self, fact, every=0.02):
        super().__init__(daemon=True)
        self.fact, self.every = fact, every
        self.gaps, self.looks = [], 0
        self.over = threading.Event()

    def run(self):
        started, absent_since = time.monotonic(), None
        while not self.over.is_set():
            try:
                there = bool(self.fact())
            except (OSError, http.client.HTTPException, LookupError, TypeError, ValueError):
                there = False
            now = time.monotonic() - started
            self.looks += 1
            if not there and absent_since is None:
                absent_since = now
            if there and absent_since is not None:
                self.gaps.append((round(absent_since, 3), round(now - absent_since, 3)))
                absent_since = None
            self.over.wait(self.every)
        if absent_since is not None:
            self.gaps.append((round(absent_since, 3), "to the end"))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def exchange(connection, method, target, body=None, token=None):
    with contextlib.closing(connection):
        headers = {"X-Consul-Token": token} if token else {}
        connection.request(method, target, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.read().decode())


def ask(path, method, target, body=None, token=None, timeout=5.0):
    """One request to the server that listens on the unix socket `path`."""
    return exchange(UnixConnection(path, timeout), method, target, body, token)


def get_json(path, target, token=None, timeout=5.0):
    answer = ask(path, "GET", target, token=token, timeout=timeout)
    if answer.status != 200:
        raise ValueError(f"{target}: {answer.status} {answer.text.strip()}")
    return json.loads(answer.text)


def get_indexed(path, target, timeout=5.0):
    """(what is at `target`, Consul's index of it): with `?index=` and `wait=` it answers when the index has gone on."""
    with contextlib.closing(UnixConnection(path, timeout)) as connection:
        connection.request("GET", target)
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            raise ValueError(f"{target}: {answer.status} {text.strip()}")
        return json.loads(text), int(answer.getheader("X-Consul-Index"))


LIBC = ctypes.CDLL(None, use_errno=True)


def ask_inside(namespace, address, target, method="GET", timeout=5.0):
    """One request over TCP from inside a network namespace; a socket stays where it was made."""

    class Inside(http.client.HTTPConnection):
        def connect(self):
            with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{namespace}") as there:
                try:
                    if LIBC.setns(there.fileno(), 0):
                        raise OSError(ctypes.get_errno(), "setns")
                    super().connect()
                finally:
                    LIBC.setns(home.fileno(), 0)

    return exchange(Inside(address, timeout=timeout), method, target)


class Process:
    """One process of /proc as it is now; `state` "Z" is a zombie. Gone meanwhile: OSError."""

    def __init__(self, pid):
        self.pid = int(pid)
        with open(f"/proc/{pid}/stat") as file:
            text = file.read()
        self.name = text[text.index("(") + 1 : text.rindex(")")]
        self.state, parent, group = text[text.rindex(")") + 2 :].split()[:3]
        self.parent, self.group = int(parent), int(group)

    def __repr__(self):
        return f"{self.name}[{self.pid}]{'(zombie)' if self.state == 'Z' else ''}"


def processes():
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            found.append(Process(pid))
    return found


def children(pid):
    return [process for process in processes() if process.parent == pid]


def processes_in(namespace):
    """Everything that runs in a network namespace, zombies not included."""
    inode, found = os.stat(f"/run/netns/{namespace}").st_ino, []
    for process in processes():
        with contextlib.suppress(OSError):
            if process.state != "Z" and os.stat(f"/proc/{process.pid}/ns/net").st_ino == inode:
                found.append(process)
    return found


def uid_of(pid):
    with open(f"/proc/{pid}/status") as file:
        return int(next(line.split()[1] for line in file if line.startswith("Uid:")))


def libraries_of(program):
    """The paths of the shared libraries, the loader among them, that a program takes; none for a static one."""
    told = subprocess.run(["ldd", program], capture_output=True, text=True, timeout=20, env=os.environ | {"LC_ALL": "C"})
    if told.returncode and "not a dynamic executable" in told.stderr:
        return []
    assert told.returncode == 0, f"ldd {program}: {told.stderr}"
    return [word for word in told.stdout.split() if word.startswith("/")]


def unified_hierarchy():
    """Where the cgroup-v2 hierarchy is mounted."""
    return "/sys/fs/cgroup" if os.path.exists("/sys/fs/cgroup/cgroup.controllers") else "/sys/fs/cgroup/unified"


def remove_cgroups(name):
    """Removes the cgroup `name` at the top of each hierarchy, and those below it: all empty by now."""
    for top in ["/sys/fs/cgroup"] + [entry.path for entry in os.scandir("/sys/fs/cgroup") if entry.is_dir()]:
        for folder, _, _ in os.walk(f"{top}/{name}", topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
