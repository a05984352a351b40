#!/usr/bin/env python3
"""The image for arm64, built on this machine: its architecture, and its programs, which are `./dev build --arch arm64`'s.

Takes root, what that build and tests/e2e/engine.py take, and qemu-user-static. No registry is asked: the last stage, whose
base there is none of here, stands on nothing.
"""

import filecmp
import os
import pathlib
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "tests/e2e"))
sys.dont_write_bytecode = True
import engine  # noqa: E402

BUILT = TOP / "build/release-arm64"
PROGRAMS = ("lictor", "lictor-kubernetes")
# By a client that has BuildKit without a plugin: Debian's.
BUILD = ["/usr/bin/docker", "build", "--platform=linux/arm64", "--network=host", "-f", TOP / "docker/Dockerfile"]
BUILD += ["--build-arg", f"BUILD_IMAGE={engine.COMPILER}", "--build-arg", "CONSUL_IMAGE=scratch"]
COMPILED_BY = ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", "g++-12-aarch64-linux-gnu", "libboost1.81-dev"]
COMPILED_BY += ["binutils-aarch64-linux-gnu", "libc6-dev-arm64-cross", "libstdc++-12-dev-arm64-cross"]
COMPILED_BY += ["nlohmann-json3-dev", "libfmt-dev", "libspdlog-dev", "nettle-dev", "libmbedtls-dev"]


def check(folder):
    engine.IMAGES.mkdir(parents=True, exist_ok=True)
    with engine.Engine(folder, engine.IMAGES, folder) as docker:
        engine.make_bases(docker, folder)
        docker.environment["DOCKER_BUILDKIT"] = "1"
        began = time.monotonic()
        for name, target in (("lictor-arm64-build", ["--target=build"]), ("lictor:arm64", [])):
            docker.run(*BUILD, *target, "-t", name, TOP, within=1800)
        print(f"lictor:arm64: {time.monotonic() - began:.1f} s", flush=True)

        image = docker.inspect("lictor:arm64", "{{.Os}}/{{.Architecture}} {{.Size}}")
        platform, size = image.split()
        assert platform == "linux/arm64", image
        container = docker.docker("create", "lictor:arm64")
        for program in PROGRAMS:
            docker.docker("cp", f"{container}:/usr/bin/{program}", folder)
        docker.docker("rm", container)
        told = docker.run("qemu-aarch64-static", folder / "lictor", "version")
        print(f"{platform}, {told}: {size} bytes on top of the base", flush=True)
        sizes = sum(os.path.getsize(folder / program) for program in PROGRAMS)
        assert int(size) == sizes, f"{size} bytes: {sizes} of them programs"

        there = docker.docker("run", "--rm", "--network=none", "lictor-arm64-build", *COMPILED_BY)
        here = subprocess.run(COMPILED_BY, check=True, capture_output=True, text=True).stdout
        if set(there.splitlines()) != set(here.splitlines()):
            return print("not compared: host and image have other versions of", " ".join(COMPILED_BY[4:]))
        for program in PROGRAMS:
            assert filecmp.cmp(folder / program, BUILT / program, shallow=False), f"{program}: the binaries differ"
        print("the same programs as in build/release-arm64")


if __name__ == "__main__":
    sys.exit(engine.main(__file__, check))
