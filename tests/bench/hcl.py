#!/usr/bin/env python3
"""How much of the processor 100 files of 20 kB in HCL take to read, and of memory, beside the library that Consul uses (one run, by turns).

hcl.py TREE FOLDER [--rounds N]: as for tests/oracle/hcl/compare.py.
"""
import argparse
import os
import random
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "oracle", "hcl"))
import compare

SERVICE = """service {{
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
    chance = random.Random(1)
    files = []
    for i in range(100):
        text = 'node_meta {\n  part = "%d"\n}\n' % i
        while len(text) < 20000:
            number = len(text) + 20000 * i
            text += SERVICE.format(number=number, port=chance.randint(1024, 65535), rack=chance.randint(1, 40))
        files.append(os.path.join(folder, f"{i:03}.hcl"))
        with open(files[-1], "w") as file:
            file.write(text)
    return files


def timed(program, files):
    return [int(word) for word in subprocess.run([program, *files], stdout=subprocess.PIPE, check=True, text=True).stdout.split()]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tree")
    parser.add_argument("folder")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    oracle = compare.build_oracle(options.folder)
    files = make_files(options.folder)
    ours, theirs, heap = [], [], 0
    for _ in range(options.rounds):
        took, used = timed(options.tree, files)
        ours.append(took / 1e3)
        heap = max(heap, used)
        theirs.append(timed(oracle, files)[0] / 1e3)
    size = sum(os.path.getsize(file) for file in files)
    print(f"{len(files)} files, {size / 1e6:.1f} MB: ours {min(ours):.1f} ms ({heap / 1e3:.0f} kB of heap), the library {min(theirs):.1f} ms: {min(theirs) / min(ours):.1f} times as fast")


if __name__ == "__main__":
    main()
