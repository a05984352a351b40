"""What it costs to hold a child: from exec to exec, while nothing happens, and when orphans come."""

import contextlib
import os
import pathlib
import shutil
import signal
import sys
import time

import peers
import tools
import world as e2e
from book import OURS, interleaved
from stage import figures, quietly, until

IDLE_SECONDS, WINDOW = 60, 20


def as_consul(stage, program):
    """A program of this folder under the name that agents have."""
    folder = e2e.open_folder(f"{stage.folder}/{program}-bin")
    return shutil.copy(stage.compiled(program), f"{folder}/consul")


def end(process):
    """A process that this program has started, and all below it."""
    family = [process.pid, *below(process.pid)]
    for pid in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait(10)


def below(pid):
    found = [child.pid for child in tools.children(pid)]
    return found + [deeper for child in found for deeper in below(child)]


# ---- exec to exec ----------------------------------------------------------------------------------------------------


class Stamped:
    """Commands that hold an agent that does nothing but tell when its main begins; `node` is one under lictor with it."""

    def __init__(self, stage):
        self.stamp, self.agent = stage.compiled("stamp"), as_consul(stage, "stamp")
        self.folder = e2e.open_folder(f"{stage.folder}/stamps")
        self.node = stage.attended("exec", agent={"binary": self.agent})
        self.environment = self.node.environment | {"STAMP": f"{self.folder}/holder", "STAMP_AGENT": f"{self.folder}/agent"}

    def once(self, command, **more):
        """Seconds from the command's exec to the agent's; `more` is environment."""
        for stamped in ("holder", "agent"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self.folder}/{stamped}")
        command = [self.stamp, shutil.which(command[0]), *command[1:]]
        process = quietly(["ip", "netns", "exec", self.node.namespace, *command], env=self.environment | more)
        try:
            until(lambda: pathlib.Path(f"{self.folder}/agent").read_text().endswith("\n"))
            both = [int(pathlib.Path(f"{self.folder}/{stamped}").read_text()) for stamped in ("holder", "agent")]
            return (both[1] - both[0]) / 1e9
        finally:
            end(process)


def exec_to_exec(stage):
    """From the exec of what holds the agent to the exec of the agent."""
    measure = stage.book.measure("exec to exec of the agent", "ms", 2)
    stamped, folder = Stamped(stage), f"{stage.folder}/held"
    for_script = peers.script_environment(stage.folder)  # settings for lictor too
    ways = {OURS: [stage.lictor, "run", "-c", stamped.node.settings_file]}
    ways |= {name: holder(f"{folder}-{name.split()[0]}", [stamped.agent, "agent"]) for name, holder in peers.HOLDERS.items()}

    def once(name, command):
        return 1000 * stamped.once(command, **(for_script if name == peers.SCRIPT else {}))

    for name, command in ways.items():
        once(name, command)  # the first start makes directories
    for name, command in interleaved(3 * stage.rounds, ways):
        try:
            measure.add(name, once(name, command))
        except AssertionError as error:
            measure.failed(name, error)
    script = measure.median(peers.SCRIPT)
    measure.limit(OURS, "3 ms", 3)
    measure.limit(OURS, "a third of the entrypoint script with dumb-init", script and script / 3)


# ---- idle ------------------------------------------------------------------------------------------------------------


class Family:
    """A process and those below it, `without` the one that is held: figures of all together."""

    def __init__(self, pid, without=()):
        self.pids = [one for one in [pid, *below(pid)] if one not in without]

    def memory(self, *names):
        return [sum(column) for column in zip(*(figures(f"/proc/{pid}/smaps_rollup", *names) for pid in self.pids))]

    def tasks(self):
        return [f"/proc/{pid}/task/{task}" for pid in self.pids for task in os.listdir(f"/proc/{pid}/task")]

    def switches(self):
        names = ("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches")
        return sum(sum(figures(f"{task}/status", *names)) for task in self.tasks())

    def cpu_ms(self):
        return sum(int(pathlib.Path(f"{task}/schedstat").read_text().split()[0]) for task in self.tasks()) / 1e6


def idle(stage):
    """While nothing happens: memory, threads, context switches, CPU time; of the holder alone, and with its agent."""
    book = stage.book
    alone = [
        book.measure("idle: PSS", "kB", 0),
        book.measure("idle: private memory (clean and dirty)", "kB", 0),
        book.measure("idle: anonymous memory", "kB", 0),
        book.measure("idle: processes", "", 0),
        book.measure("idle: threads", "", 0),
        book.measure(f"idle: context switches in {WINDOW} s", "", 0),
        book.measure(f"idle: CPU time in {WINDOW} s", "ms", 2),
    ]
    pss, private, anonymous, processes, threads, switches, cpu = alone
    whole = [
        book.measure("agent and holder, idle: PSS", "kB", 0),
        book.measure(f"agent and holder, idle: context switches in {WINDOW} s", "", 0),
        book.measure(f"agent and holder, idle: CPU time in {WINDOW} s", "ms", 0),
    ]
    node, under_script = stage.attended("lictor"), stage.agent("script", addresses={"http": "127.0.0.1"})
    bare = stage.agent("bare")
    catalog = stage.catalog
    node.start()
    bare.start().register()
    for one in (node, bare):
        catalog.shows(one.name)
    script = peers.HOLDERS[peers.SCRIPT](f"{stage.folder}/script-held", under_script.command)
    under_script.start(script, env={"PATH": os.environ["PATH"]} | peers.script_environment(under_script.folder))
    child = as_consul(stage, "stamp")
    environment = {"PATH": os.environ["PATH"], "STAMP": "/dev/null"}
    environment |= peers.script_environment(stage.folder) | {"CONSUL_BIND_INTERFACE": "lo"}
    held = {}
    for name, holder in peers.HOLDERS.items():
        stamp = f"{stage.folder}/idle-{name.split()[0]}"
        pathlib.Path(stamp).touch(0o666)
        os.chmod(stamp, 0o666)
        command = holder(f"{stage.folder}/idle-held-{name.split()[0]}", [child, "agent"])
        held[name] = quietly(command, env=environment | {"STAMP_AGENT": stamp})
        until(lambda stamp=stamp: os.path.getsize(stamp))
    time.sleep(5)  # what they start for a moment at their start is over
    with_agent = {OURS: Family(node.pid), peers.SCRIPT: Family(under_script.process.pid)}
    with_agent["bare agent"] = Family(bare.process.pid)
    holders = {OURS: Family(node.pid, without=[node.agent_pid()])}
    exe = os.path.realpath(child)
    for name, process in held.items():
        one = [pid for pid in below(process.pid) if os.path.realpath(f"/proc/{pid}/exe") == exe]
        holders[name] = Family(process.pid, without=one)
    for _ in range(IDLE_SECONDS // WINDOW):
        families = [(holders, switches, cpu), (with_agent, whole[1], whole[2])]
        before = [(f.switches(), f.cpu_ms()) for who, _, _ in families for f in who.values()]
        time.sleep(WINDOW)
        after = [(f.switches(), f.cpu_ms()) for who, _, _ in families for f in who.values()]
        used = iter([(b[0] - a[0], b[1] - a[1]) for a, b in zip(before, after)])
        for who, switch, time_used in families:
            for name in who:
                counted = next(used)
                switch.add(name, counted[0])
                time_used.add(name, counted[1])
        for name, family in holders.items():
            sizes = family.memory("Pss", "Private_Clean", "Private_Dirty", "Anonymous")
            pss.add(name, sizes[0])
            private.add(name, sizes[1] + sizes[2])
            anonymous.add(name, sizes[3])
        for name, family in with_agent.items():
            whole[0].add(name, *family.memory("Pss"))
    for name, family in holders.items():
        processes.add(name, len(family.pids))
        threads.add(name, len(family.tasks()))
    pss.limit(OURS, "1.5 MB", 1500)
    anonymous.limit(OURS, "200 kB", 200)
    threads.limit(OURS, "one thread", 1)
    switches.limit(OURS, "median of the windows", 4)
    for process in held.values():
        end(process)
    for one in (node, under_script, bare):
        one.end()


# ---- orphans ---------------------------------------------------------------------------------------------------------

# Nothing is faster: what is left is the making of the orphans.
ALONE = "the kernel alone, SIGCHLD ignored (the floor)"
NOBODY_WAITS = """
import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
if os.fork() == 0:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.execv(sys.argv[1], sys.argv[1:])
while True:
    signal.pause()
"""


def reap(stage):
    """As PID 1 of a namespace of its own, 10,000 orphans in bursts of 100."""
    book = stage.book
    took = book.measure("10,000 orphans: first fork to none left", "ms", 0)
    most = book.measure("10,000 orphans in bursts of 100: most that waited", "", 0)
    cpu = book.measure("10,000 orphans: CPU time of PID 1", "ms", 0)
    maker = as_consul(stage, "orphans")
    results = e2e.open_folder(f"{stage.folder}/orphans-results")
    node = stage.attended("reap", agent={"binary": maker, "user": "root", "group": "root"})
    folder = f"{stage.folder}/reap-held"
    holders = peers.INITS | peers.SUPERVISORS
    ways = {OURS: [stage.lictor, "run", "-c", node.settings_file]}
    ways |= {name: holder(f"{folder}-{name}", [maker]) for name, holder in holders.items()}
    ways[ALONE] = [sys.executable, "-c", NOBODY_WAITS, maker]

    def once(command):
        result = f"{results}/one"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(result)
        first = ["ip", "netns", "exec", node.namespace, "unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
        process = quietly([*first, *command], env=node.environment | {"ORPHANS": result})
        try:
            until(lambda: pathlib.Path(result).read_text().endswith("\n"), 5, every=0.02)
            return [int(number) for number in pathlib.Path(result).read_text().split()]
        finally:
            process.kill()  # and with it the namespace's first process, and so all in it
            process.wait(30)

    for name, command in interleaved(stage.rounds, ways):
        try:
            nanoseconds, waiting, worked = once(command)
        except AssertionError:
            took.failed(name, "not all were reaped within 5 s")
            continue
        took.add(name, nanoseconds / 1e6)
        most.add(name, waiting)
        cpu.add(name, worked / 1e6)
    tini = took.median("tini")
    took.limit(OURS, "0.9 of tini", tini and 0.9 * tini)
    most.limit(OURS, "a burst", 100, max(most.samples.get(OURS) or [0]))
