"""Which functions run while lictor serves, written as the linker script that puts them side by side.

The kernel maps a program's pages sixteen at a time. Spread over the whole program, the functions of a node that just serves
drag most of it into memory; side by side they take a tenth.
"""

import bisect
import os
import pathlib
import re
import subprocess
import time

from book import OURS
from size import link_again
from stage import quietly, until

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "daemon/serving.ld"
HEAD = """/* Functions that run while a node serves: probes, the minute's look, readiness and metrics. Placed side by side they take a tenth
   of the memory that they take where they fall. Written by `./dev bench layout`; a name that is no more does no harm. */
SECTIONS {
  .text.serving : {
"""
TAIL = "  }\n}\nINSERT BEFORE .text;\n"
LONGEST = 100  # of a name: beyond that, what begins alike goes along
SECTION = re.compile(r"^ (\.text\S*)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S+)$", re.MULTILINE)
POSITION = re.compile(r"(0x[0-9a-f]+|[+-](?:0x)?[0-9a-f]+|\*) ")


def layout(stage):
    """Writes the script anew; the figures are how much code serves, of how much there is."""
    named, map_file = link_again(stage)
    counted = f"{stage.folder}/counted"
    node = stage.attended("lictor")
    node.write_settings()
    watched = ["valgrind", "--tool=callgrind", "--dump-instr=yes", f"--callgrind-out-file={counted}"]
    command = [*watched, named, "run", "-c", node.settings_file]
    environment = node.environment | {"PATH": os.environ["PATH"]}
    process = quietly(["ip", "netns", "exec", node.namespace, *command], env=environment)
    try:
        until(lambda: os.path.exists(node.control_socket) and node.probe("/readyz") == 200, 60, every=0.1)
        time.sleep(3)  # what follows the registration
        control(process, "--zero")
        for _ in range(7):  # a minute's look is among them
            time.sleep(10)
            for path in ("/readyz", "/livez", "/metrics"):
                node.probe(path)
        control(process, "--dump")
        until(lambda: os.path.exists(f"{counted}.1"))
    finally:
        process.kill()
        process.wait(10)
    every = sections(pathlib.Path(map_file).read_text())
    used = {place(every, position) for position in positions(f"{counted}.1")} - {None}
    lines = dict.fromkeys(pattern(*every[i][2:]) for i in sorted(used))
    SCRIPT.write_text(HEAD + "".join(f"    {line}\n" for line in lines if line) + TAIL)
    code = stage.book.measure("code, of the functions", "kB", 0)
    code.add("that run while a node serves", sum(every[i][1] for i in used) / 1e3)
    code.add(OURS, sum(size for _, size, *_ in every) / 1e3)


def control(process, order):
    subprocess.run(["callgrind_control", order, str(process.pid)], check=True, timeout=60, stdout=subprocess.DEVNULL)


def sections(map_text):
    """(address, size, name, file) of the code in a link map, by address."""
    found = [(int(at, 16), int(size, 16), name, file) for name, at, size, file in SECTION.findall(map_text)]
    return sorted(section for section in found if section[0] and section[1])


def positions(file):
    """Addresses of the instructions that were executed: absolute, or relative to the one before."""
    at = 0
    for line in open(file):
        found = POSITION.match(line)
        if not found:
            continue
        if found[1][0] in "+-":
            at += int(found[1], 0)
        elif found[1] != "*":
            at = int(found[1], 16)
        yield at


def place(every, position):
    index = bisect.bisect_right(every, (position, float("inf"))) - 1
    return index if index >= 0 and position < every[index][0] + every[index][1] else None


def pattern(name, file):
    """What a linker script calls a section. A function's name may have been given an ending by the compiler."""
    archive = re.search(r"([^/]+\.a)\((.*)\)$", file)
    if archive and not name.startswith(".text._Z"):
        return f"*{archive[1]}:{archive[2]}({name})"
    if not archive and not name.startswith((".text._Z", ".text.lictor")):
        return None  # main, and what the C library starts
    function = re.sub(r"(\.(lto_priv|constprop|isra|part)\.\d+)+$", "", name)
    if len(function) > LONGEST:
        return f"*({function[:LONGEST]}*)"
    return f"*({function} {function}.*)"
