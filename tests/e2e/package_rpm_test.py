"""The RPM: installed, started, upgraded and removed where systemd runs, by rpm's own program."""

import glob
import os
import pathlib
import shutil

import tools
import world as w
from machine import UNIT, Machine
from package_test import build, deb, next_package, pack, read, version_of
from systemd_stop_test import stays_over


def package_rpm_service(world):
    """Installing an RPM starts nothing, its unit verifies, an upgrade restarts what runs and stays, and a removal makes the node leave."""
    server, machine = world.server(), Machine(world)
    for path in ("/usr/bin/lictor", f"/lib/systemd/system/{UNIT}"):
        os.unlink(machine.root + path)
    settings = read(f"{machine.root}/etc/lictor/lictor.json")
    shutil.copy(rpm(world), f"{machine.root}/root/first.rpm")
    shutil.copy(next_package(world, "rpm"), f"{machine.root}/root/second.rpm")
    machine.boot()
    rpm_inside(machine, "--install", "/root/first.rpm")
    assert read(f"{machine.root}/etc/lictor/lictor.json") == settings, "an administrator's settings stay"
    verified = machine.run("systemd-analyze", "verify", "--man=no", f"/lib/systemd/system/{UNIT}")
    assert verified.returncode == 0 and not verified.stderr, verified.stderr
    assert machine.show("ActiveState") == "inactive"
    machine.systemctl("enable", "--now", "lictor")
    assert server.instances() == {"n1": machine.address}

    before = machine.show("MainPID"), machine.node_id()
    upgrade = lambda: rpm_inside(machine, "--upgrade", "/root/second.rpm")  # noqa: E731
    stays_over(server, machine, upgrade, "systemd restarts lictor.service")
    assert machine.show("ActiveState") == "active" and machine.show("UnitFileState") == "enabled"
    after = machine.show("MainPID"), machine.node_id()
    assert after[0] != before[0] and after[1] == before[1], (before, after)
    assert server.instances() == {"n1": machine.address}
    assert read(f"{machine.root}/etc/lictor/lictor.json") == settings

    rpm_inside(machine, "--erase", "lictor")
    assert machine.show("ActiveState") == "inactive"
    tools.eventually(lambda: server.member("n1") == w.LEFT, 5, "the node has left")
    assert not os.path.exists(f"{machine.root}/usr/bin/lictor")


def package_rpm_makes_the_user(world):
    """On a system that has none, the RPM makes the agent's user, and puts its own settings there."""
    tree = world.root("bookworm")
    w.run(*RPM, "--root", tree, "--install", rpm(world))
    assert [line for line in read(f"{tree}/etc/passwd").splitlines() if line.startswith("consul:")]
    assert "retry_join" in read(f"{tree}/etc/lictor/lictor.json")


def package_rpm_has_what_the_deb_has(world):
    """The same files with the same contents and modes, but for those that a distribution has elsewhere."""
    mine, other = f"{world.folder}/deb", f"{world.folder}/rpm"
    w.run("dpkg-deb", "-x", deb(world), mine)
    os.mkdir(other)
    w.run("cmake", "-E", "chdir", other, "cmake", "-E", "tar", "xf", rpm(world))
    only_deb = {"/usr/share/doc/lictor/changelog.gz", "/usr/share/doc/lictor/copyright", "/usr/share/lintian/overrides/lictor"}
    moved = {"/usr/share/zsh/vendor-completions/_lictor": "/usr/share/zsh/site-functions/_lictor"}
    expected = {moved.get(path, path): what for path, what in contents(mine).items() if path not in only_deb}
    expected["/usr/share/licenses/lictor/LICENSE"] = (0o644, (pathlib.Path(build(world)).parents[1] / "LICENSE").read_bytes())
    found = contents(other)
    assert set(found) == set(expected), set(found) ^ set(expected)
    assert not [path for path in found if found[path] != expected[path]]


def package_rpm_is_the_same_again(world):
    """The same binary packed elsewhere, with another umask and in another time zone, gives the same bytes."""
    one = pathlib.Path(rpm(world)).read_bytes()
    again = pack(world, umask=0o077, environment={"TZ": "Asia/Tokyo", "LC_ALL": "C"}, kind="rpm")
    assert one == pathlib.Path(again).read_bytes()


def rpm(world):
    """The package of this build; CTest makes it before these scenarios."""
    found = glob.glob(f"{build(world)}/packages/lictor-{version_of(world)}-*.rpm")
    assert found, f"no package in {build(world)}/packages: cpack --config {build(world)}/CPackConfig.cmake makes it"
    return found[0]


# What the package needs is there by Debian's packages, of which rpm knows nothing.
RPM = ("rpm", "--force-debian", "--nodeps", "--nosignature")


def rpm_inside(machine, action, package):
    done = machine.run(*RPM, action, package)
    assert done.returncode == 0, done


def contents(folder):
    """Path -> (mode, bytes) of each file in the folder."""
    found = {}
    for path in pathlib.Path(folder).rglob("*"):
        if path.is_file():
            found["/" + str(path.relative_to(folder))] = (path.stat().st_mode & 0o7777, path.read_bytes())
    return found
