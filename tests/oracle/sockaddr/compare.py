#!/usr/bin/env python3
"""lictor's go-sockaddr templates held against the library: compare.py EVALUATE FOLDER [--seed N] [--generated N] [HOST…].

The library is Debian's, compiled with Debian's Go into FOLDER; EVALUATE is lictor's own reader and evaluator. Each host is a
network namespace that ends with the process in it. A value must be the library's value, a refusal its refusal; what is not
evaluated is told with its reason, and has to be one that the library's value can't be told for.
"""
import argparse
import collections
import concurrent.futures
import ctypes
import pathlib
import subprocess
import sys

from hosts import HOSTS
from templates import COMMON, CORNERS, generated

HERE = pathlib.Path(__file__).resolve().parent
# Debian's, whatever else is on PATH.
GO = {"PATH": "/usr/bin:/usr/sbin", "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": "", "CGO_ENABLED": "0"}

# The reasons that may stand in the way where the library, as it is built here, has a value.
OPEN = (
    "an order among equals that depends on how the agent was built",
    "a range in an order that depends on how the agent was built",
    "leading zeros, which Go 1.23 writes as blanks",
    "the flags of an interface that runs: Go 1.20 has one more",
    "an offset of 0 in an IPv6 network",
    "flags or named groups in a pattern",
    "a number that is not a whole decimal one",
    "nothing after a |",
)


def build_oracle(folder):
    folder.mkdir(parents=True, exist_ok=True)
    environment = GO | {"GOCACHE": str(folder / "cache"), "HOME": str(folder)}
    program = folder / "oracle"
    subprocess.run(["go", "build", "-o", program, HERE / "oracle.go"], env=environment, check=True, timeout=120)
    return program


def answers(program, templates):
    sent = "".join(template + "\0" for template in templates)
    ran = subprocess.run([program], input=sent, capture_output=True, text=True, check=True, timeout=50)
    out = ran.stdout.split("\0")[:-1]
    assert len(out) == len(templates), f"{program}: {len(out)} answers to {len(templates)} templates: {ran.stderr}"
    return out


def in_namespace(lines, programs, templates):
    """What each program answers on that host. Called in a process of its own, which the namespace ends with."""
    unshare_network()
    # Link-local addresses would come on their own, between one program and the other.
    pathlib.Path("/proc/sys/net/ipv6/conf/default/addr_gen_mode").write_text("1")
    for line in lines:
        subprocess.run(["ip", *line.split()], check=True, timeout=10)
    return [answers(program, templates) for program in programs]


def unshare_network():
    clone_newnet = 0x40000000
    assert ctypes.CDLL(None).unshare(clone_newnet) == 0, "this test makes network namespaces: it has to run as root"


def differs(mine, its):
    if mine[0] == "V":
        return mine != its
    if mine[0] == "R":
        return its[0] != "R"
    return its[0] == "V" and mine[1:] not in OPEN


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("evaluate")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=178)
    parser.add_argument("--generated", type=int, default=90, help="templates a host")
    parser.add_argument("hosts", nargs="*")
    arguments = parser.parse_intermixed_args()
    programs = [arguments.evaluate, build_oracle(arguments.folder.resolve())]
    hosts = {name: lines for name, lines in HOSTS.items() if not arguments.hosts or name in arguments.hosts}

    seen, wrong = collections.Counter(), 0
    with concurrent.futures.ProcessPoolExecutor(max_workers=4, max_tasks_per_child=1) as pool:
        runs = {}
        for number, (name, lines) in enumerate(hosts.items()):
            templates = COMMON + CORNERS + generated(arguments.seed + number, arguments.generated)
            runs[name] = templates, pool.submit(in_namespace, lines, programs, templates)
        for name, (templates, run) in runs.items():
            for template, mine, its in zip(templates, *run.result()):
                seen[mine[0] + its[0]] += 1
                if mine[0] == "N" and its[0] == "V":
                    seen[mine[1:]] += 1
                if differs(mine, its):
                    wrong += 1
                    print(f"{name}: {template!r}\n  lictor:  {mine!r}\n  library: {its!r}")
    for what, count in seen.most_common():
        print(f"{count:6} {what}")
    assert seen["VV"] > seen["NV"] * 5, "too much of it is not evaluated"
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
