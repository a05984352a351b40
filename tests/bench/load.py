"""Under load: probes while the agent restarts, and a start within a tenth of a core."""

import os
import signal
import statistics
import subprocess
import time

import peers
import tools
from book import OURS, interleaved
from life import FLOOR, MS, WAITING, Hooked
from stage import forget_services

RATE, SECONDS = 1000, 6
QUOTA, PERIOD = 10_000, 100_000  # microseconds: 0.1 core


def probes(stage):
    """A readiness probe 1,000 times a second; a second after it began the agent is killed."""
    title = f"readiness, {RATE} a second, agent killed"
    middle = stage.book.measure(f"{title}: median", "ms", 2)
    high = stage.book.measure(f"{title}: 99 of 100", "ms", 2)
    most = stage.book.measure(f"{title}: longest", "ms", 1)
    unanswered = stage.book.measure(f"{title}: without an answer", "", 0)
    not_ready = stage.book.measure(f"{title}: answered with not ready", "", 0)
    prober = stage.compiled("prober")
    lictor, held = stage.attended(OURS), stage.agent("held")
    lictor.start().ready()
    held.start(peers.runit(f"{held.folder}/services", held.command))
    held.register()

    def agent_of(node):
        (pid,) = [process.pid for process in tools.processes_in(node.namespace) if process.name == "consul"]
        return pid

    ways = {
        f"{OURS}, /readyz": (lictor, "8555", "/readyz"),
        "agent under runit, /v1/status/leader": (held, "8500", "/v1/status/leader"),
    }
    for measure in (middle, high, most, unanswered, not_ready):
        measure.than = f"{OURS}, /readyz"
    for who, (node, port, target) in interleaved(max(3, stage.rounds // 2), ways):
        command = ["ip", "netns", "exec", node.namespace, prober, "127.0.0.1", port, target, str(RATE), str(SECONDS)]
        probing = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        time.sleep(1)
        os.kill(agent_of(node), signal.SIGKILL)
        told, _ = probing.communicate(timeout=60)
        answers = [line.split() for line in told.splitlines()]
        times = sorted(int(nanoseconds) / 1e6 for _, nanoseconds in answers)
        middle.add(who, statistics.median(times))
        high.add(who, times[len(times) * 99 // 100])
        most.add(who, times[-1])
        unanswered.add(who, sum(status == "0" for status, _ in answers))
        not_ready.add(who, sum(status not in ("0", "200") for status, _ in answers))
    lictor.end()
    held.end()


def quota_group(name):
    """A new cgroup with a quota of 0.1 core: the file that takes its processes; None where none can be made."""
    old, unified = "/sys/fs/cgroup/cpu", tools.unified_hierarchy()
    try:
        if os.path.isdir(old):
            os.mkdir(f"{old}/{name}")
            limits = {"cpu.cfs_period_us": PERIOD, "cpu.cfs_quota_us": QUOTA}
            folder = f"{old}/{name}"
        else:
            folder = f"{unified}/{name}"
            os.makedirs(folder, exist_ok=True)
            limits = {"cpu.max": f"{QUOTA} {PERIOD}"}
        for file, value in limits.items():
            with open(f"{folder}/{file}", "w") as limit:
                limit.write(str(value))
        return f"{folder}/cgroup.procs"
    except OSError:
        return None


def quota(stage):
    """Exec to service in the catalog, with all of the node within 0.1 core."""
    measure = stage.book.measure("0.1 core: exec to service in the server's catalog", "ms", 0)
    group = quota_group(os.path.basename(stage.folder))
    if not group:
        stage.book.note("0.1 core: skipped: no cgroup with a quota can be made on this machine")
        return
    lictor, bare, hooked = stage.attended(OURS), stage.agent("bare"), Hooked(stage, "hooked", waits=True)

    def join():
        with open(group, "w") as file:
            file.write("0")

    lictor.before_exec = join

    def attended():
        return lictor.start().started

    def floor():
        bare.start(preexec_fn=join).register()
        return bare.started

    def hook():
        hooked.start(preexec_fn=join)
        hooked.hooked()
        return hooked.agent.started

    ways = {OURS: (lictor, attended), FLOOR: (bare, floor), WAITING: (hooked.agent, hook)}
    for who, (node, begin) in interleaved(stage.rounds, ways):
        forget_services(node.data_dir)
        try:
            began = begin()
            measure.add(who, MS * (stage.catalog.shows(node.name, 30) - began))
        except AssertionError as error:
            measure.failed(who, error)
        finally:
            node.end()
            stage.catalog.forget(node.name)
