#!/usr/bin/python3
"""Runs the scenarios against each of several Consuls, and writes docs/compatibility.md's table of what came of it.

    ./dev compatibility --consul PATH… [NAME…]

Results are kept in build/compatibility, by Consul and scenario: a run of some NAMEs takes the place of these alone, so that
one Consul or one scenario may be tried again, and the table is of all that is there. --table writes it without a run.
What a scenario needs beside Consul (trees, images, the package) is made first; needs what tests/e2e/run.py needs.
"""

import argparse
import ast
import collections
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True
import consul_facts  # noqa: E402
import roots  # noqa: E402
import run  # noqa: E402

PROJECT = pathlib.Path(__file__).resolve().parents[2]
PAGE = PROJECT / "docs/compatibility.md"
RESULTS = PROJECT / "build/compatibility"
BEGIN, END = "<!-- tried: written by `./dev compatibility` -->", "<!-- end of what was tried -->"
# Subject -> the trees of roots.py that its scenarios need; CTest has the same.
TREES = {
    "systemd": ["machine"],
    "docs": ["machine"],
    "kube": ["podman"],
    "prometheus": ["prometheus"],
    "package": ["bookworm", "trixie", "machine", "packaging"],
    "image": ["bookworm"],
    "compose": ["bookworm"],
}
SERIAL = re.compile(r"storm_(orphans|.*forking)")  # thousands of processes: no neighbour would keep its own times
MOVES = "moves"  # its scenarios go through all Consuls that are given, at once


def subject_of(name):
    return name.split("_")[0]


class Tried:
    """What is known of one Consul: `results`, scenario -> whether it passed and on which day."""

    def __init__(self, build, told="", results=None):
        self.build, self.told, self.results = build, told, results or {}

    @staticmethod
    def file(build):
        return RESULTS / f"{build}.json"

    @classmethod
    def of(cls, consul):
        """What is kept of this program's build, its word of itself taken anew."""
        tried = cls(**json.loads(cls.file(consul.build).read_text())) if cls.file(consul.build).exists() else cls(consul.build)
        told = subprocess.run([consul.path, "version"], capture_output=True, text=True, timeout=20, check=True).stdout
        tried.told = "; ".join(re.findall(r"^(?:Consul|Revision) \S+", told, re.M))
        return tried

    def keep(self):
        RESULTS.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"build": self.build, "told": self.told, "results": self.results}, indent=1)
        self.file(self.build).write_text(text)


def all_tried(known):
    """What is kept of every Consul, the oldest first, without scenarios that there are no more."""
    found = [Tried(**json.loads(path.read_text())) for path in RESULTS.glob("*.json")]
    for tried in found:
        tried.results = {name: seen for name, seen in tried.results.items() if name in known}
    return sorted(found, key=lambda tried: ([int(n) for n in re.findall(r"\d+", tried.build)], tried.build))


# ---------------------------------------------------------------------------------------------------- running


def prepare(names, lictor, environment):
    """Makes what these scenarios need beside Consul."""
    subjects = {subject_of(name) for name in names}
    for tree in sorted({tree for subject in subjects for tree in TREES.get(subject, [])}):
        roots.make(tree)
    if subjects & {"image", "compose"}:
        subprocess.run([sys.executable, str(PROJECT / "tests/e2e/engine.py")], env=environment, check=True)
    if "package" in subjects:
        packing = 'umask 022 && exec cpack --config "$1"/CPackConfig.cmake'
        subprocess.run(["sh", "-c", packing, "pack", os.path.dirname(lictor)], check=True, stdout=subprocess.DEVNULL)


def scenarios_run(names, options, environment, log):
    """Runs the scenarios, shows a line of each, and writes all that they say to a file: pairs of name and whether it passed."""
    lost = set(names)
    command = [sys.executable, str(PROJECT / "tests/e2e/run.py"), "--lictor", options.lictor]
    for serial in (False, True):
        some = [name for name in names if bool(SERIAL.match(name)) == serial]
        if not some:
            continue
        jobs = 1 if serial else options.jobs
        program = subprocess.Popen(
            [*command, "-j", str(jobs), *some], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for line in program.stdout:
            log.write(line)
            told = re.match(r"(ok  |FAIL) (\w+) \(", line)
            if told:
                lost.discard(told[2])
                print(line, end="", flush=True)
                yield told[2], told[1] == "ok  "
        program.wait()
    if lost:
        sys.exit(f"compatibility.py: not run to the end: {' '.join(sorted(lost))}; see {log.name}")


def try_out(consuls, names, options):
    """The scenarios with these Consuls named; what comes of each is kept at once for each of them. The names of those that
    failed."""
    if not names:
        return []
    title = ", ".join(consul.build for consul in consuls)
    print(f"== Consul {title}", flush=True)
    environment = os.environ | {consul_facts.VARIABLE: ":".join(consul.path for consul in consuls)}
    prepare(names, options.lictor, environment)
    trials = [Tried.of(consul) for consul in consuls]
    failed = []
    with open(RESULTS / f"{title.replace(', ', '-')}.log", "w") as log:
        for name, passed in scenarios_run(names, options, environment, log):
            today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
            for tried in trials:
                tried.results[name] = {"passed": passed, "day": today}
                tried.keep()
            failed += [] if passed else [f"{name} ({title})"]
    return failed


# ---------------------------------------------------------------------------------------------------- the table


def about(subject):
    """The first sentence of what a subject's scenarios say of themselves."""
    text = ast.get_docstring(ast.parse((PROJECT / f"tests/e2e/{subject}_test.py").read_text()))
    return re.split(r"[.](?:\s|$)", " ".join(text.split()))[0].rstrip(".")


def days(tried):
    found = sorted({seen["day"] for seen in tried.results.values()})
    return found[0] if len(found) == 1 else f"{found[0]} to {found[-1]}"


def table(columns, known):
    """Markdown: a row for each subject, a column for each Consul, and a list of what did not pass."""
    subjects = list(dict.fromkeys(map(subject_of, known)))
    lines = ["| scenarios | " + " | ".join(tried.build for tried in columns) + " |"]
    lines.append("|---" * (1 + len(columns)) + "|")
    lines.append("| tried on | " + " | ".join(days(tried) for tried in columns) + " |")
    lines.append("| `consul version` | " + " | ".join(tried.told for tried in columns) + " |")
    for subject in subjects:
        row = [f"`{subject}`: {about(subject).replace('|', '/')}"]
        for tried in columns:
            passed = [seen["passed"] for name, seen in tried.results.items() if subject_of(name) == subject]
            row.append("-" if not passed else f"{sum(passed)}" if all(passed) else f"**{sum(passed)} of {len(passed)}**")
        if set(row[1:]) != {"-"}:
            lines.append("| " + " | ".join(row) + " |")
    total = ["all"]
    failed = collections.defaultdict(list)
    for tried in columns:
        passed = [name for name, seen in tried.results.items() if seen["passed"]]
        total.append(f"{len(passed)} of {len(tried.results)}")
        for name in sorted(set(tried.results) - set(passed)):
            failed[name].append(tried.build)
    lines += ["| " + " | ".join(total) + " |", ""]
    if failed:
        lines += ["Not passed:", ""] + [f"- `{name}` on {', '.join(builds)}" for name, builds in sorted(failed.items())]
    else:
        lines.append("All passed.")
    return "\n".join(lines)


def written(page, columns, known):
    assert page.count(BEGIN) == 1 and page.count(END) == 1, f"{PAGE}: lacks its two marks"
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n\n{table(columns, known)}\n\n{END}{rest.split(END)[1]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    consul_facts.add_option(parser)
    parser.add_argument("--lictor", default=str(PROJECT / "build/release/lictor"), metavar="BINARY")
    parser.add_argument("--jobs", "-j", type=int, default=2 * (os.cpu_count() or 1), help="how many run at a time")
    parser.add_argument("--table", action="store_true", help="write the table of what is kept, and run nothing")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a scenario, or the beginning of several names; none: all")
    options = parser.parse_args()
    options.lictor = os.path.abspath(options.lictor)
    known = run.scenarios()
    chosen = [name for name in known if not options.names or any(name.startswith(word) for word in options.names)]
    failed = []
    if not options.table:
        consul_facts.choose(options.consul)
        problems = run.missing(options.lictor)
        problems += [f"{w}: no such scenario" for w in options.names if not any(n.startswith(w) for n in known)]
        if problems:
            print(*(f"compatibility.py: can't run: {problem}" for problem in problems), sep="\n", file=sys.stderr)
            return 1
        RESULTS.mkdir(parents=True, exist_ok=True)
        given = sorted(consul_facts.all_given(), key=lambda consul: consul.version)
        failed += try_out(given, [name for name in chosen if subject_of(name) == MOVES], options)
        for consul in given:
            failed += try_out([consul], [name for name in chosen if subject_of(name) != MOVES], options)
    columns = all_tried(known)
    if columns:
        PAGE.write_text(written(PAGE.read_text(), columns, known))
        print(f"written: {PAGE}")
    for name in failed:
        print(f"failed: {name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
