#!/usr/bin/env python3
"""What decides links to nothing that could act: purity.py LIBRARY….

Of C's library it calls what computes on memory, and of C++'s no clock, file, thread or stream of the system.
"""
import re
import subprocess
import sys

# What formats, compares, converts and calculates, and how an assertion ends.
COMPUTES = re.compile(
    r"mem(chr|cmp|cpy|move|set)|bcmp|str(len|n?cmp|chr|n?cpy|error_r|to[a-z]+)|v?sn?printf|(__isoc99_)?sscanf|"
    r"fprintf|fwrite|fputc|fputs|stderr|abort|is[a-z]+|to(upper|lower)|localeconv|inet_(pton|ntop)|fnmatch|"
    r"a?(sin|cos|tan|log|exp)[0-9a-z]*|ll?(round|rint)|round|ceil|floor|trunc|ldexp|frexp|pow|sqrt|fmod"
)
RUNTIME = re.compile(r"_.*|operator .*|(vtable|typeinfo|VTT|guard variable|construction vtable) .*")
ACTS = re.compile(r"std::(__1::)?(chrono::.*clock::now|filesystem|random_device|thread|this_thread|basic_[io]?fstream|basic_filebuf)|boost::")


def main(library):
    symbols = subprocess.run(["nm", "--undefined-only", "--demangle", library], capture_output=True, text=True, check=True).stdout
    names = {line.split(None, 1)[1] for line in symbols.splitlines() if line.lstrip().startswith("U ")}
    assert any(name.startswith("std::") for name in names), f"{library} shows nothing of itself"
    plain = {name for name in names if "::" not in name and not RUNTIME.fullmatch(name)}
    wrong = sorted({name for name in plain if not COMPUTES.fullmatch(name)} | {name for name in names if ACTS.search(name)})
    for name in wrong:
        print(f"{library}: what decides links to {name}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(max(map(main, sys.argv[1:])))
