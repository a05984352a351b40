"""What it costs that an agent has a folder of configuration in HCL: 100 files of 20 kB, of services."""

import contextlib
import os
import pathlib
import random
import subprocess
import sys
import time

import holding
import world as e2e
from book import OURS, interleaved
from stage import figures, quietly, until

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(TOP / "tests/oracle/hcl"))
import compare  # noqa: E402

LIBRARY, WITHOUT = "Consul's library", "lictor, without the files"
FILES, SIZE = 100, 20_000
AT_REST = 8  # s after the start
# What reads an agent's files, beside the reader of HCL.
READING = [
    *(f"agent_config/{name}.cpp" for name in ("agent_config", "agent_view", "agent_keys", "agent_settings", "agent_flags")),
    *("agent_config/definitions.cpp", "agent_config/digest.cpp"),
    *("base/text.cpp", "base/json_text.cpp", "secrets/secrets.cpp"),
]
BLOCK = """services {{
  # one of many
  id   = "web-{number}"
  name = "web"
  port = {port}
  tags = ["primary", "v{number}", "rack-{rack}"]
  meta {{
    version = "1.{number}.0"
    owner   = "team-{rack}"
  }}
  check {{
    id       = "web-{number}-alive"
    name     = "alive on port {port}"
    http     = "http://127.0.0.1:{port}/health"
    interval = "10s"
    timeout  = "2s"
  }}
}}
"""


def make_files(folder):
    """The paths of files in HCL, the same ones each time."""
    chance = random.Random(1)
    paths = []
    for i in range(FILES):
        text = f'node_meta {{\n  part = "{i}"\n}}\n'
        while len(text) < SIZE:
            number = len(text) + SIZE * i
            text += BLOCK.format(number=number, port=chance.randint(1024, 65535), rack=chance.randint(1, 40))
        paths.append(f"{folder}/{i:03}.hcl")
        pathlib.Path(paths[-1]).write_text(text)
        os.chmod(paths[-1], 0o644)
    return paths


def hcl(stage):
    paths = make_files(e2e.open_folder(f"{stage.folder}/consul.d"))
    parsing(stage, paths)
    reading(stage, paths)


def hcl_start(stage):
    folder = e2e.open_folder(f"{stage.folder}/consul.d")
    make_files(folder)
    starting(stage, folder)


def parsing(stage, paths):
    """The reader of HCL alone, beside the library that Consul uses."""
    took = stage.book.measure("CPU time to parse 100 files of 20 kB in HCL", "ms")
    heap = stage.book.measure("the most heap that the parsing takes", "kB", 0)
    programs = {OURS: compiled_tree(stage), LIBRARY: compare.build_oracle(f"{stage.folder}/oracle")}
    for name, program in interleaved(stage.rounds, programs):
        told = subprocess.run([program, *paths], stdout=subprocess.PIPE, check=True, text=True, timeout=60).stdout
        microseconds, *bytes_used = [int(word) for word in told.split()]
        took.add(name, microseconds / 1e3)
        if name == OURS:
            heap.add(name, bytes_used[0] / 1e3)
    took.limit(OURS, "a third of the library's", took.median(LIBRARY) / 3)
    heap.limit(OURS, "1 MB", 1000)


def reading(stage, paths):
    """Files to what an agent goes by, as at a start: read, parsed, looked at by the agent's keys, merged."""
    took = stage.book.measure("CPU time to read 100 files of 20 kB in HCL", "ms")
    most = stage.book.measure("the most heap that it takes", "kB", 0)
    kept = stage.book.measure("heap that stays", "kB", 0)
    program = compiled(stage, "reading", TOP / "tests/bench/reading.cpp", READING)
    for name, _ in interleaved(stage.rounds, {OURS: program}):
        told = subprocess.run([program, *paths], stdout=subprocess.PIPE, check=True, text=True, timeout=60).stdout
        for measure, value in zip((took, most, kept), told.split()):
            measure.add(name, int(value) / 1e3)
    took.limit(OURS, "15 ms", 15)
    most.limit(OURS, "1 MB", 1000)


def compiled_tree(stage):
    return compiled(stage, "hcl_tree", TOP / "tests/oracle/hcl/tree.cpp", ["base/text.cpp"])


def compiled(stage, name, main, others):
    program = f"{stage.folder}/{name}"
    sources = [main, *(TOP / "lib/hcl").glob("*.cpp"), *(TOP / "lib" / other for other in others)]
    definitions = ["-DFMT_HEADER_ONLY", '-DLICTOR_VERSION=""', "-ffunction-sections", "-Wl,--gc-sections"]
    # Linked as the program is.
    command = ["g++", "-std=c++20", "-O2", "-flto=auto", *definitions, f"-I{TOP}/lib", "-o", program, *map(str, sources)]
    subprocess.run(command, check=True, timeout=600)
    return program


def starting(stage, folder):
    """From the exec of lictor to that of an agent, and lictor's own memory afterwards."""
    took = stage.book.measure("exec to exec of the agent", "ms", 2, than=WITHOUT)
    worked = stage.book.measure("lictor's CPU time until then", "ms", 2, than=WITHOUT)
    memory = stage.book.measure(f"anonymous memory {AT_REST} s after the start", "kB", 0, than=WITHOUT)
    stamp, agent = stage.compiled("stamp"), holding.as_consul(stage, "stamp")
    stamps = e2e.open_folder(f"{stage.folder}/stamps")
    ways = {
        WITHOUT: stage.attended("without", agent={"binary": agent}),
        OURS: stage.attended("with", agent={"binary": agent, "config_dirs": [folder]}),
    }

    def once(node, rest=0.0):
        for stamped in ("holder", "agent"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{stamps}/{stamped}")
        environment = node.environment | {"STAMP": f"{stamps}/holder", "STAMP_AGENT": f"{stamps}/agent"}
        command = [stamp, stage.lictor, "run", "-c", node.settings_file]
        process = quietly(["ip", "netns", "exec", node.namespace, *command], env=environment)
        try:
            until(lambda: pathlib.Path(f"{stamps}/agent").read_text().endswith("\n"))
            busy = int(pathlib.Path(f"/proc/{process.pid}/schedstat").read_text().split()[0])
            begun = [int(pathlib.Path(f"{stamps}/{stamped}").read_text()) for stamped in ("holder", "agent")]
            time.sleep(rest)
            anonymous = figures(f"/proc/{process.pid}/smaps_rollup", "Anonymous")[0]
            return (begun[1] - begun[0]) / 1e6, busy / 1e6, anonymous
        finally:
            holding.end(process)

    for node in ways.values():
        once(node)  # the first start makes directories
    for name, node in interleaved(stage.rounds, ways):
        between, busy, _ = once(node)
        took.add(name, between)
        worked.add(name, busy)
    for name, node in ways.items():
        memory.add(name, once(node, AT_REST)[2])
    took.limit(OURS, "15 ms more than without the files", took.median(WITHOUT) + 15)
    worked.limit(OURS, "15 ms more than without the files", worked.median(WITHOUT) + 15)
    memory.limit(OURS, "1 MB more than without the files", memory.median(WITHOUT) + 1000)
