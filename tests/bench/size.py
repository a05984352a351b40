"""How large the binary is, what it is made of, and how long it takes to build."""

import gzip
import io
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import time

from book import OURS
from stage import ended

# Whose a function is, by the first of these that is found in its name: a template of libstdc++ that was made for one of
# the others is that one's. What came out of the archives of libc and libstdc++ is theirs whatever its name.
OWNERS = [
    ("Boost", r"\bboost::"),
    ("nlohmann json", r"\bnlohmann::"),
    ("spdlog", r"\bspdlog::"),
    ("fmt", r"\bfmt::"),
    ("Nettle", r"^_?nettle_"),
    ("lictor", r"\blictor::|^main$"),
    ("libstdc++", r"\bstd::|__gnu_cxx|__cxxabi|^operator (new|delete)|^_?_?cxa_"),
]
ARCHIVES = {"libc.a": "libc", "libm.a": "libc", "libstdc++.a": "libstdc++"}
ARCHIVES |= {"libgcc.a": "libgcc", "libgcc_eh.a": "libgcc"}
OTHER = "not told by their names"


def size(stage):
    """The binary, its layer in an image, and the bytes of machine code and constants by library."""
    book = stage.book
    programs = book.measure("size of the program", "kB", 0)
    layer = book.measure("size of the layer in an image", "kB", 0)
    made_of = book.measure("what the binary is made of: code", "kB", 0)
    programs.add(OURS, os.path.getsize(stage.lictor) / 1e3)
    for name in ("tini", "dumb-init", "catatonit", "s6-svscan", "runsvdir", "consul"):
        programs.add(name, os.path.getsize(os.path.realpath(shutil.which(name))) / 1e3)
    plain = layer_of(stage.lictor)
    layer.add(OURS, len(plain) / 1e3)
    layer.add(f"{OURS}, compressed, as it is pulled", len(gzip.compress(plain)) / 1e3)
    programs.limit(OURS, "3 MB", 3000)
    layer.limit(OURS, "3 MB", 3000)
    for name, count in sorted(code_by_library(stage).items(), key=lambda item: -item[1]):
        made_of.add(name, count / 1e3)
    made_of.than = max(made_of.samples, key=lambda name: made_of.samples[name])


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def layer_of(binary):
    """The tar that an image has of `COPY lictor /usr/bin/lictor`."""
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for folder in ("usr", "usr/bin"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        tar.add(binary, "usr/bin/lictor")
    return memory.getvalue()


def link_again(stage):
    """The binary's objects linked once more: (a binary with names, its map)."""
    build = os.path.dirname(stage.lictor)
    link = output_of("ninja", "-C", build, "-t", "commands", "lictor").splitlines()[-1]
    named, map_file = f"{stage.folder}/named", f"{stage.folder}/map"
    link = re.sub(r" -s(?= )", "", link).replace("-o lictor", f"-o {named} -Wl,-Map={map_file}")
    subprocess.run(link, shell=True, cwd=build, check=True, timeout=300, capture_output=True)
    return named, map_file


def code_by_library(stage):
    """Library -> bytes of functions."""
    named, map_file = link_again(stage)
    archived = archived_code(map_file)
    sizes, ends = {}, 0
    for line in sorted(output_of("nm", "-C", "-S", named).splitlines()):
        found = re.match(r"([0-9a-f]{16}) ([0-9a-f]{16}) [tTwWiu] (.*)", line)
        if not found:
            continue
        begin, length = int(found[1], 16), int(found[2], 16)
        if begin < ends:  # another name of the same code
            continue
        ends = begin + length
        owner = next((who for low, high, who in archived if low <= begin < high), None) or owner_of(found[3])
        sizes[owner] = sizes.get(owner, 0) + length
    return sizes


def archived_code(map_file):
    """(begin, end, library) of the code that came out of an archive of libc or the compiler."""
    found, text = [], pathlib.Path(map_file).read_text()
    place = re.compile(r"^ \.(?:text|init|fini)\S*\s+0x([0-9a-f]+)\s+0x([0-9a-f]+) (\S+)", re.MULTILINE)
    for begin, length, source in place.findall(text):
        archive = re.search(r"([^/]+\.a)\(", source)
        if archive and archive[1] in ARCHIVES:
            found.append((int(begin, 16), int(begin, 16) + int(length, 16), ARCHIVES[archive[1]]))
    return found


def owner_of(name):
    return next((who for who, pattern in OWNERS if re.search(pattern, name)), OTHER)


# ---- building --------------------------------------------------------------------------------------------------------


def build(stage):
    """From clean, without a cache of objects, and after one source file was touched."""
    clean = stage.book.measure("build of the release binary from clean", "s", 1)
    touched = stage.book.measure("build after one source file was touched", "s", 1)
    source = os.path.dirname(os.path.dirname(os.path.dirname(stage.lictor)))
    folder = f"{stage.folder}/build"
    environment = os.environ | {"CCACHE_DISABLE": "1"}

    def timed(*command):
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=source, env=environment, stdout=subprocess.DEVNULL)
        assert ended(process, 1200) == 0, command
        return time.monotonic() - began

    timed("cmake", "--preset", "release", "-B", folder, "--log-level=WARNING")
    clean.add(OURS, timed("cmake", "--build", folder))
    for file in ("lib/life/life.cpp", "daemon/interpreter.cpp", "lib/agent_api/io/agent_api.cpp"):
        # Built elsewhere, from the same sources: the object goes, not the source's date.
        for built in pathlib.Path(folder).rglob(f"{os.path.basename(file)}.o"):
            built.unlink()
        touched.add(f"{OURS}, {file}", timed("cmake", "--build", folder))
        touched.limit(f"{OURS}, {file}", "20 s", 20)
    touched.than = f"{OURS}, lib/life/life.cpp"
