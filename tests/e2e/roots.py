#!/usr/bin/env python3
"""Debian systems that tests boot, install into and build in: folder trees in build/roots, made once.

`roots.py NAME...` makes them, from the repository that this machine's apt uses; takes root, mmdebstrap and the network.
Nobody writes to a tree afterwards: a scenario gets it with a layer of its own on top (World.root).
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "build/roots"

# Name -> what it is built on (a suite, or another root) and the packages that come on top. On a suite they are only
# unpacked, with all that they need, for programs that run from there: no user and no service comes with them.
ROOTS = {
    "bookworm": ("bookworm", []),
    "trixie": ("trixie", []),
    "podman": ("/trixie", ["podman", "crun", "catatonit", "busybox-static"]),
    "machine": ("/bookworm", ["systemd", "systemd-sysv", "dbus", "procps", "iproute2", "rpm"]),
    "inits": ("/bookworm", ["runit", "openrc", "procps"]),
    "packaging": ("/bookworm", ["lintian", "mandoc", "bash-completion", "zsh", "fish"]),
    "debian13": (
        "/trixie",
        ["g++", "cmake", "ninja-build", "libboost-dev", "nlohmann-json3-dev", "libfmt-dev", "libspdlog-dev"]
        + ["nettle-dev", "libmbedtls-dev", "catch2", "iproute2"],
    ),
    # Later suites have it too, but built without consul_sd_configs.
    "prometheus": ("bullseye", ["prometheus"]),
}


def repository():
    """The URI of the repository that carries the main suite of the Debian that runs here."""
    form = "$(CODENAME) $(COMPONENT) $(REPO_URI)"
    targets = subprocess.run(
        ["apt-get", "indextargets", "--format", form, "Created-By: Packages"],
        check=True,
        capture_output=True,
        text=True,
    )
    with open("/etc/os-release") as file:
        codename = next(line.split("=")[1].strip() for line in file if line.startswith("VERSION_CODENAME="))
    for line in targets.stdout.splitlines():
        suite, component, uri = line.split()
        if (suite, component) == (codename, "main"):
            return uri
    sys.exit(f"roots.py: no repository: apt's settings name none with {codename} main; add one")


def make(name):
    """Makes the root unless it is there already, and what it is built on; complete or not at all."""
    tree = FOLDER / name
    base, packages = ROOTS[name]
    made_of = f"{base} {' '.join(packages)}\n"
    stamp = FOLDER / f"{name}.made"
    if stamp.exists() and stamp.read_text() == made_of:
        return tree
    FOLDER.mkdir(parents=True, exist_ok=True)
    lower = make(base[1:]) if base.startswith("/") else None
    unfinished = pathlib.Path(tempfile.mkdtemp(prefix=f".{name}.", dir=FOLDER))
    try:
        unfinished.chmod(0o755)
        if lower:
            subprocess.run(["cp", "-a", f"{lower}/.", str(unfinished)], check=True)
            install(unfinished, packages)
        else:
            variant = ["--variant=extract", f"--include={','.join(packages)}"] if packages else ["--variant=minbase"]
            command = ["mmdebstrap", "--quiet", *variant, base, str(unfinished), repository()]
            subprocess.run(command, check=True, timeout=600)
        shutil.rmtree(tree, ignore_errors=True)
        unfinished.rename(tree)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    stamp.write_text(made_of)
    return tree


def install(tree, packages):
    """Installs packages into a tree; what that needs mounted is mounted for the installation alone."""
    shutil.copy("/etc/resolv.conf", tree / "etc/resolv.conf")
    policy = tree / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    script = """set -e
    mount -t proc proc "$1/proc"
    mount --bind /dev "$1/dev"
    tree=$1
    shift
    export DEBIAN_FRONTEND=noninteractive LC_ALL=C
    chroot "$tree" apt-get -qq update
    chroot "$tree" apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Options::=--force-unsafe-io \\
      install -y --no-install-recommends "$@" </dev/null >"$tree/install.log" 2>&1 || { tail -n 20 "$tree/install.log"; exit 1; }
    rm "$tree/install.log"
    chroot "$tree" apt-get clean
    """
    command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "install", str(tree), *packages]
    subprocess.run(command, check=True, timeout=900)
    policy.unlink()


def main():
    unknown = [name for name in sys.argv[1:] if name not in ROOTS]
    if unknown or os.geteuid() != 0:
        sys.exit(f"roots.py: can't make {' '.join(unknown or sys.argv[1:])}: known are {' '.join(ROOTS)}; takes root")
    for name in sys.argv[1:]:
        print(make(name))


if __name__ == "__main__":
    main()
