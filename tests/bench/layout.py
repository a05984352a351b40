"""Which functions run while lictor serves, written as the linker script that puts them side by side.

The kernel maps a program's pages sixteen at a time. Spread over the whole program, the functions of a node that just serves
drag most of it into memory; side by side they take a tenth. Which they are is seen a step at a time, on this machine's processor.
"""

import bisect
import os
import pathlib
import re
import subprocess
import time

from book import OURS
from life import definitions
from size import link_again
from stage import quietly, until

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "daemon/serving.ld"
HEAD = """/* Functions that run while a node serves: probes, looks, readiness and metrics; and their constants. Placed side by side they
   take a tenth of the memory that they take where they fall. Written by `./dev bench layout`; a name that is no more does no harm. */
SECTIONS {
  .text.serving : {
"""
BETWEEN = "  }\n  .rodata.serving : {\n"
TAIL = "  }\n}\nINSERT BEFORE .text;\n"
# By their names Asio tells its executors apart.
TYPES = "    *(.rodata._ZTSN5boost4asio10io_context* .rodata._ZTSN5boost4asio6detail14typeid_wrapper*)\n"
LONGEST = 250  # of a name: beyond that, what begins alike goes along
# Seconds: from the start on, to shortly before memory is given back; of serving, that and a minute's look among it; and of an
# answer, a step at a time.
AT_REST, SERVING, ASKED = 25, 90, 15
PROBES = ("/readyz", "/livez")
SECTION = re.compile(r"^ (\.text\S*)\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S+)$", re.MULTILINE)


def layout(stage):
    """Writes the script anew; the figures are how much code serves, of how much there is."""
    named, map_file = link_again(stage)
    nodes = [stage.attended("lictor"), stage.attended("services", services=definitions(["services"]))]
    parts = [serving(stage, node, named) for node in nodes]
    told = [address for part in zip(*parts) for addresses in part for address in addresses]
    every = sections(pathlib.Path(map_file).read_text())
    used = dict.fromkeys(place(every, address) for address in told)  # what most nodes need comes first
    used.pop(None, None)
    lines = dict.fromkeys(pattern(*every[i][2:]) for i in used)
    code = "".join(f"    {line}\n" for line in lines if line)
    constants = code.replace(".text", ".rodata") + "".join(f"    *({name})\n" for name in tables(map_file)) + TYPES
    SCRIPT.write_text(HEAD + code + BETWEEN + constants + TAIL)
    code = stage.book.measure("code, of the functions", "kB", 0)
    code.add("that run while a node serves", sum(every[i][1] for i in used) / 1e3)
    code.add(OURS, sum(size for _, size, *_ in every) / 1e3)


def serving(stage, node, named):
    """Addresses that a node executes while it serves: by itself, asked by probes, and asked for its metrics."""
    node.write_settings()
    environment = node.environment | {"PATH": os.environ["PATH"]}
    process = quietly(["ip", "netns", "exec", node.namespace, named, "run", "-c", node.settings_file], env=environment)
    try:
        until(lambda: os.path.exists(node.control_socket) and node.probe("/readyz") == 200, 60, every=0.1)
        time.sleep(AT_REST)
        return [
            executed(stage, process.pid, SERVING, lambda: None),
            executed(stage, process.pid, ASKED, lambda: [node.probe(path, timeout=60) for path in PROBES]),
            executed(stage, process.pid, ASKED, lambda: node.probe("/metrics", timeout=60)),
        ]
    finally:
        process.kill()
        process.wait(10)


def executed(stage, pid, seconds, ask):
    """Addresses of the instructions that a process executes within this time, in order, while it is asked."""
    command = [stage.compiled("stepper"), str(pid), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as stepper:
        ask()
        told, _ = stepper.communicate(timeout=4 * seconds)
    assert stepper.returncode == 0, stepper.returncode
    return sorted(int(line, 16) for line in told.split())


def sections(map_text):
    """(address, size, name, file) of the code in a link map, by address."""
    found = [(int(at, 16), int(size, 16), name, file) for name, at, size, file in SECTION.findall(map_text)]
    return sorted(section for section in found if section[0] and section[1])


def tables(map_file):
    """Sections of constants that are no texts and small: their names don't tell which functions read them."""
    found = re.findall(r"^ (\.rodata\.\S+)\s+0x[0-9a-f]+\s+0x([0-9a-f]+) \S*ltrans\S*$", pathlib.Path(map_file).read_text(), re.M)
    return sorted({name for name, size in found if int(size, 16) <= 2048 and not re.search(r"\.str1\.|\._ZTS", name)})


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
