#!/usr/bin/env python3
"""Measures lictor beside what a user would run in its place, and prints tables: minimum, median, maximum, ratio.

    ./dev bench [PART…] [--rounds N] [--starts N]

The programs that are compared take turns within each round, on one machine, each node in a network namespace of its
own as in the end-to-end tests. Limits that lictor has set itself stand beside the figures, marked where they are
missed; the exit code does not go by them. All samples are written to build/bench/bench.json, and the medians drawn in
build/bench/bench.svg.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path += [str(HERE.parent / "e2e"), str(HERE.parent / "soak")]
import before  # noqa: E402
import book  # noqa: E402
import consul_facts  # noqa: E402
import hcl  # noqa: E402
import herd  # noqa: E402
import holding  # noqa: E402
import image  # noqa: E402
import large  # noqa: E402
import layout  # noqa: E402
import life  # noqa: E402
import load  # noqa: E402
import page  # noqa: E402
import picture  # noqa: E402
import sandbox  # noqa: E402
import services  # noqa: E402
import size  # noqa: E402
import stage  # noqa: E402
import world  # noqa: E402

LIMIT = 1500  # s for one part
INITS = ("tini", "dumb-init", "catatonit")
SUPERVISORS = ("s6-svscan", "runsvdir", "supervisord")
# Part -> what measures it, and the programs that it takes.
PARTS = {
    "start": (life.start, ()),
    "stop": (life.stop, ()),
    "restart": (life.restart, ()),
    "killed": (life.killed, SUPERVISORS),
    "exec": (holding.exec_to_exec, (*INITS, *SUPERVISORS, "g++")),
    "idle": (holding.idle, (*INITS, *SUPERVISORS, "g++")),
    "reap": (holding.reap, (*INITS, *SUPERVISORS, "g++")),
    "heal": (life.heal, ()),
    "services": (services.services, ()),
    "change": (services.change, ()),
    "members": (large.members, ()),
    "many": (large.many, ()),
    "settings": (services.settings, ("valgrind",)),
    "probes": (load.probes, ("runsvdir", "g++")),
    "quota": (load.quota, ()),
    "size": (size.size, (*INITS, *SUPERVISORS, "nm", "ninja")),
}
# Long, or of what is not everywhere: only when named.
ASKED_FOR = {
    "before": (before.before, ("g++",)),
    "eyes": (life.eyes, ()),
    "hcl": (hcl.hcl, ("go", "g++")),
    "hcl_start": (hcl.hcl_start, ("g++",)),
    "herd": (herd.herd, ("g++",)),
    "image": (image.image, ("dockerd",)),
    "build": (size.build, ("cmake", "ninja")),
    "layout": (layout.layout, ("g++", "ninja")),
}


def machine():
    cpu = next(line for line in open("/proc/cpuinfo") if line.startswith("model name")).split(":")[1].strip()
    memory = next(line for line in open("/proc/meminfo") if line.startswith("MemTotal")).split()[1]
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory": f"{int(memory) / 2**20:.0f} GiB",
        "kernel": platform.release(),
        "consul": f"v{consul_facts.given().build}",
    }


def inside(options):
    """One part, in its sandbox."""
    world.settle_in()
    seen = book.Book()
    measure, _ = (PARTS | ASKED_FOR)[options.parts[0]]
    try:
        measure(stage.Stage(options.inside, options, seen))
    finally:
        pathlib.Path(options.inside, "part.json").write_text(json.dumps(seen.as_json()))
        print(seen.text(), flush=True)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join([*PARTS, *ASKED_FOR])}")
    parser.add_argument("--rounds", type=int, default=10, metavar="N", help="of what takes seconds (default: 10)")
    parser.add_argument("--starts", type=int, default=100, metavar="N", help="starts of each kind (default: 100)")
    parser.add_argument("--lictor", default=str(sandbox.TOP / "build/release/lictor"), metavar="BINARY")
    parser.add_argument("--before", metavar="BINARY", help="another build, which the part `before` takes by turns")
    parser.add_argument("--outage", type=int, default=300, metavar="N", help="s for which herd has no servers (default: 300)")
    out = sandbox.TOP / "build/bench"
    parser.add_argument("--out", type=pathlib.Path, default=out, metavar="FOLDER", help="for samples and chart")
    parser.add_argument("--publish", action="store_true", help="the run's table and chart go to docs/comparison.md")
    consul_facts.add_option(parser)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.lictor = os.path.abspath(options.lictor)
    options.before = options.before and os.path.abspath(options.before)
    unknown = set(options.parts) - set(PARTS | ASKED_FOR)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if "before" in options.parts and not options.before:
        parser.error("the part `before` takes --before BINARY")
    if options.inside:
        return inside(options)
    consul_facts.choose(options.consul)
    sandbox.require(options.lictor)
    chosen = options.parts or list(PARTS)
    lacks = {program for part in chosen for program in (PARTS | ASKED_FOR)[part][1] if not shutil.which(program)}
    if lacks:
        sys.exit(f"bench.py: can't run: {', '.join(sorted(lacks))}: not found on PATH; ./dev bench installs them")
    host, seen, failed = machine(), {}, []
    print(", ".join(f"{name} {value}" for name, value in host.items()), flush=True)
    given = ["--lictor", options.lictor, "--rounds", str(options.rounds), "--starts", str(options.starts)]
    given += ["--before", options.before] if options.before else []
    given += ["--outage", str(options.outage)]
    for part in chosen:
        print(f"\n== {part}", flush=True)
        began = time.monotonic()

        def keep(folder, _, part=part):
            made = folder / "part.json"
            if made.exists():
                seen[part] = json.loads(made.read_text())

        code = sandbox.enter(os.path.abspath(__file__), [*given, part], keep, LIMIT)
        if code > 128:
            return code
        if code:
            failed.append(part)
        print(f"\n({part} took {time.monotonic() - began:.0f} s)", flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "bench.json").write_text(json.dumps({"machine": host, "parts": seen}, indent=1))
    print(f"\nsamples: {options.out / 'bench.json'}")
    drawn = picture.svg(seen, host)
    if drawn:
        (options.out / "bench.svg").write_text(drawn)
        print(f"chart: {options.out / 'bench.svg'}")
    if options.publish and drawn:
        docs = sandbox.TOP / "docs"
        compared = docs / "comparison.md"
        compared.write_text(page.written(compared.read_text(), seen, host))
        (docs / "bench.svg").write_text(drawn)
        print(f"published: {compared}")
    missed = [
        f"\n  {measure['title']}: {limit['who']} ({limit['words']})"
        for part in seen.values()
        for measure in part["measures"]
        for limit in measure["limits"]
        if not limit["kept"]
    ]
    print(f"limits missed: {len(missed)}" + "".join(missed))
    if failed:
        print(f"could not be measured to the end: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
