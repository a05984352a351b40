#!/usr/bin/env python3
"""Our readers of HCL and JSON against the library that Consul uses, as Debian packages it, and against Go's encoding/json: tree for
tree, and refused where those refuse.

compare.py TREE FOLDER [--inputs N] [--seed N] [--oracle PROGRAM --library VERSION]

TREE is the program of tree.cpp; the other side is built into FOLDER. All texts of inputs.py and N that generate.py makes.
"""
import argparse
import os
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, HERE)
import generate
import inputs


def build_oracle(folder):
    folder = os.path.abspath(folder)
    os.makedirs(folder, exist_ok=True)
    program = os.path.join(folder, "hcl_oracle")
    # Of Debian's packages alone: nothing is fetched.
    environment = {"PATH": "/usr/bin:/bin", "HOME": folder, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOCACHE": os.path.join(folder, "cache"),
                   "GOPROXY": "off", "GOFLAGS": "", "GOTOOLCHAIN": "local"}
    subprocess.run(["/usr/bin/go", "build", "-o", program, "oracle.go"], cwd=HERE, env=environment, check=True, timeout=110)
    return program


def answers(program, texts, library):
    child = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def feed():
        for kind, text in texts:
            child.stdin.write(b"%s%s %d\n" % (kind.encode(), library.encode() if kind == "hcl" else b"", len(text)) + text)
        child.stdin.close()

    feeder = threading.Thread(target=feed)
    feeder.start()
    lines = child.stdout.read().split(b"\n")[:-1]
    feeder.join()
    assert child.wait() == 0, f"{program} ended with {child.returncode} after {len(lines)} texts: {texts[len(lines)] if len(lines) < len(texts) else ''}"
    return lines


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tree")
    parser.add_argument("folder")
    parser.add_argument("--inputs", type=int, default=60000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--oracle")
    parser.add_argument("--library", default="1.0.0")
    options = parser.parse_args()

    maker = generate.Maker(options.seed)
    texts = [("hcl", t) for t in inputs.HCL] + [(kind, t) for kind in ("hcl", "json") for t in inputs.JSON]
    picked = len(texts)
    texts += [maker.next() for _ in range(options.inputs)]
    theirs = answers(options.oracle or build_oracle(options.folder), texts, "")
    ours = answers(options.tree, texts, options.library)
    assert len(ours) == len(theirs) == len(texts)
    wrong = taken = 0
    for (kind, text), our, their in zip(texts, ours, theirs):
        taken += their != b"error"
        if our == their or (their == b"error" and our.startswith(b"error ")):
            continue
        wrong += 1
        if wrong <= 20:
            print(f"{kind} {text!r}\n  the library: {their.decode()}\n  we:          {our.decode()}\n")
    print(f"{picked} texts picked and {options.inputs} made (seed {options.seed}): {taken} are taken, {len(texts) - taken} refused; {wrong} read otherwise")
    return 1 if wrong or not len(texts) // 5 < taken < len(texts) * 4 // 5 else 0


if __name__ == "__main__":
    sys.exit(main())
