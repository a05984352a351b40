#!/usr/bin/python3
"""Runs lictor's end-to-end scenarios against a real Consul.

Each scenario runs in a sandbox: process, mount and network namespaces of its own, and a temporary folder. Whatever
happens, at most 60 s later all its processes, namespaces and files are gone. Needs root, consul, iproute2 and
util-linux; without them it fails.
"""

import argparse
import contextlib
import importlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
import consul_facts  # noqa: E402
import tools  # noqa: E402
import world  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
LIMIT = 60.0
TAIL = 30


def scenarios(words=()):
    """Name -> function: the functions SUBJECT_... of each SUBJECT_test.py or SUBJECT_PART_test.py. Their docstrings say what they
    prove.

    With words, of those subjects alone that a name which begins with one of them can belong to.
    """
    found = {}
    for path in sorted(HERE.glob("*_test.py")):
        subject = path.stem.split("_")[0]
        if words and not any(f"{word}_".startswith(f"{subject}_") or subject.startswith(word) for word in words):
            continue
        for name, function in vars(importlib.import_module(path.stem)).items():
            if callable(function) and function.__module__ == path.stem and (name + "_").startswith(subject + "_"):
                found[name] = function
    return found


def missing(lictor):
    """What this machine lacks for the scenarios: lines for people."""
    lacks = [] if os.geteuid() == 0 else ["root: namespaces can't be made without it"]
    lacks += [
        f"{tool}: not found on PATH" for tool in ("ip", "unshare", "setpriv", "mount") if not shutil.which(tool)
    ]
    lacks += [] if consul_facts.named() else ["consul: not found on PATH; install it, or name one with --consul"]
    if not os.access(lictor, os.X_OK):
        lacks.append(f"{lictor}: no executable file; build lictor first or name it with --lictor")
    return lacks


class Running:
    """A scenario under way in its sandbox."""

    def __init__(self, name, lictor):
        self.name, self.began = name, time.monotonic()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"lt-{os.getpid()}-"))
        self.folder.chmod(0o755)  # the agent's user goes through it
        command = ["setpriv", "--pdeathsig", "KILL", *tools.SANDBOX]
        command += [sys.executable, str(HERE / "run.py"), "--lictor", lictor]
        with open(self.folder / "output", "w") as output:
            self.process = subprocess.Popen(
                command + ["--inside", str(self.folder), name], stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    def finished(self):
        """None while it runs, else whether it passed; a failure is told with the ends of its logs."""
        code, seconds = self.process.poll(), time.monotonic() - self.began
        if code is None and seconds < LIMIT:
            return None
        self.end()
        turn = longest_turn(self.folder)
        busy = "" if turn is None else f", longest turn of a loop {turn:.1f} ms"
        print(f"{'ok  ' if code == 0 else 'FAIL'} {self.name} ({seconds:.1f} s{busy})", flush=True)
        output = (self.folder / "output").read_text(errors="replace")
        if code != 0:
            if code is None:
                output += f"ended by the watchdog after {LIMIT:.0f} s\n"
            print(indented(output), flush=True)
            for log in sorted(self.folder.rglob("*.log")):
                lines = log.read_text(errors="replace").splitlines()[-TAIL:]
                print(
                    f"  -- {log.relative_to(self.folder)}, last {len(lines)} lines\n" + indented("\n".join(lines)),
                    flush=True,
                )
        elif output:
            print(indented(output), flush=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        return code == 0

    def end(self):
        """Ends the sandbox, if it still runs, and returns when everything in it is gone."""
        if self.process.poll() is None:
            # With the sandbox's first process go all others, and `unshare` ends only after them.
            first = tools.children(self.process.pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(first[0].pid if first else self.process.pid, signal.SIGKILL)
            self.process.wait()
        tools.remove_cgroups(self.folder.name)


def longest_turn(folder):
    """Milliseconds for which a lictor of the scenario saw and did nothing else, by its own count; None: it did not say."""
    said = re.compile(r"longest turn of the event loop seconds=([0-9.e-]+)")
    turns = [1000 * float(seconds) for log in folder.rglob("*.log") for seconds in said.findall(log.read_text(errors="replace"))]
    return max(turns, default=None)


def indented(text):
    return "\n".join("     " + line for line in text.rstrip().splitlines())


def run_all(names, lictor, jobs):
    """The names of those that failed; SIGINT and SIGTERM end what runs and count the rest as failed."""
    stopped = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.append(True))
    waiting, running, failed = list(names), [], []
    try:
        while (waiting or running) and not stopped:
            while waiting and len(running) < jobs:
                running.append(Running(waiting.pop(0), lictor))
            for scenario in list(running):
                passed = scenario.finished()
                if passed is not None:
                    running.remove(scenario)
                    failed += [] if passed else [scenario.name]
            time.sleep(0.02)
    finally:
        for scenario in running:
            scenario.end()
            shutil.rmtree(scenario.folder, ignore_errors=True)
    return failed + [scenario.name for scenario in running] + waiting


def inside(folder, lictor, name):
    """The scenario itself, as the first process of its sandbox."""
    world.settle_in()
    try:
        scenarios([name])[name](world.World(folder, lictor))
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="print the scenarios' names and end")
    parser.add_argument("--lictor", default=str(HERE.parents[1] / "build/release/lictor"), metavar="BINARY")
    parser.add_argument("--jobs", "-j", type=int, default=2, help="how many run at a time (default: 2)")
    consul_facts.add_option(parser)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="a scenario, or the beginning of several names; none: all"
    )
    options = parser.parse_args()
    lictor, known = os.path.abspath(options.lictor), scenarios(options.names)
    if options.inside:
        return inside(options.inside, lictor, options.names[0])
    if options.list:
        print(*known, sep="\n")
        return 0
    consul_facts.choose(options.consul)
    # A scenario's own name means that one alone, even where others begin with it.
    chosen = [
        name
        for name in known
        if not options.names or any(name == w or (w not in known and name.startswith(w)) for w in options.names)
    ]
    problems = missing(lictor)
    problems += [
        f"{w}: no such scenario; --list shows them" for w in options.names if not any(n.startswith(w) for n in known)
    ]
    if problems:
        print(*(f"run.py: can't run: {problem}" for problem in problems), sep="\n", file=sys.stderr)
        return 1
    began = time.monotonic()
    failed = run_all(chosen, lictor, max(1, options.jobs))
    print(f"{len(chosen) - len(failed)} of {len(chosen)} scenarios passed in {time.monotonic() - began:.0f} s")
    if failed:
        print("failed: " + " ".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
