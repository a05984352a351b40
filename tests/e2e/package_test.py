"""The Debian package, and what else `cmake --install` puts on a host: installed, upgraded, removed, used."""

import glob
import os
import pathlib
import re
import shutil
import subprocess

import tools
import world as w
from machine import Machine
from systemd_stop_test import stays_over

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SETTINGS = "/etc/lictor/lictor.json"


def package_on_debian_12(world):
    """Installed, upgraded, removed and purged on Debian 12: settings and identity live until the purge."""
    life_of_package(world, "bookworm")


def package_on_debian_13(world):
    """The same on Debian 13, whose smallest system has no adduser."""
    life_of_package(world, "trixie")


def life_of_package(world, suite):
    tree = world.root(suite)
    before = files(tree)
    shutil.copy(deb(world), f"{tree}/tmp/first.deb")
    shutil.copy(next_package(world), f"{tree}/tmp/second.deb")
    w.run("mount", "-t", "proc", "proc", f"{tree}/proc")
    # What the settings as installed ask of a host.
    shutil.copy(w.CONSUL, f"{tree}/tmp/consul")
    w.run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "other-end")
    w.run("ip", "addr", "add", "10.77.0.2/24", "dev", "eth0")
    w.run("ip", "link", "set", "eth0", "up")
    w.run("ip", "link", "set", "other-end", "up")

    inside(tree, "dpkg", "-i", "/tmp/first.deb")
    assert inside(tree, "lictor", "version") == f"lictor {version_of(world)}\n"
    inside(tree, "env", "LICTOR_AGENT_BINARY=/tmp/consul", "lictor", "check")
    assert re.search("^consul:", inside(tree, "cat", "/etc/passwd"), re.M)
    enabled = f"{tree}/etc/systemd/system/multi-user.target.wants/lictor.service"
    assert not os.path.lexists(enabled), "nobody has enabled it"

    # An administrator's work, and the service's.
    edited = '{"agent": {"config": {"retry_join": ["10.0.0.1"]}}}\n'
    write(tree + SETTINGS, edited)
    os.makedirs(os.path.dirname(enabled), exist_ok=True)
    os.symlink("/lib/systemd/system/lictor.service", enabled)
    write(f"{tree}/var/lib/lictor/data/node-id", "6d4b8f0e-70c5-4b53-9a3e-58a3c2a0c9b1")
    write(f"{tree}/run/lictor/lictor.lock", "")

    inside(tree, "dpkg", "-i", "/tmp/second.deb")
    assert inside(tree, "dpkg-query", "-W", "-f", "${Version}", "lictor") == "0.9.0"
    assert read(tree + SETTINGS) == edited and os.path.lexists(enabled)

    inside(tree, "dpkg", "--remove", "lictor")
    assert not os.path.exists(f"{tree}/usr/bin/lictor")
    assert read(tree + SETTINGS) == edited and os.path.exists(f"{tree}/var/lib/lictor/data/node-id")

    inside(tree, "dpkg", "--purge", "lictor")
    w.run("umount", f"{tree}/proc")
    left = files(tree) - before
    # What dpkg, useradd and deb-systemd-helper keep for themselves.
    own = "/tmp/|/var/log/|/var/lib/dpkg/|/etc/(passwd|shadow|group|gshadow|subuid|subgid)-$|/etc/\\.pwd\\.lock$"
    own += "|/var/lib/systemd|/etc/systemd/system/multi-user.target.wants$"
    assert not [path for path in left if not re.match(own, path)], left
    assert not [path for path in left if "lictor" in path and not path.startswith("/tmp/")], left


def package_service(world):
    """Where systemd runs, installing starts nothing, an upgrade restarts what runs and stays, and a removal makes it leave."""
    server, machine = world.server(), Machine(world)
    shutil.copy(deb(world), f"{machine.root}/root/first.deb")
    shutil.copy(next_package(world), f"{machine.root}/root/second.deb")
    machine.boot()

    def dpkg(*arguments):
        done = machine.run("dpkg", "--force-confold", *arguments)
        assert done.returncode == 0, done

    dpkg("-i", "/root/first.deb")
    assert machine.show("ActiveState") == "inactive" and machine.show("UnitFileState") == "disabled"
    machine.systemctl("enable", "--now", "lictor")
    assert server.instances() == {"n1": machine.address}
    before = machine.show("MainPID"), machine.node_id()
    stays_over(server, machine, lambda: dpkg("-i", "/root/second.deb"), "systemd restarts lictor.service")
    assert machine.show("ActiveState") == "active" and machine.show("UnitFileState") == "enabled"
    after = machine.show("MainPID"), machine.node_id()
    assert after[0] != before[0] and after[1] == before[1], (before, after)
    assert server.instances() == {"n1": machine.address}
    dpkg("--remove", "lictor")
    assert machine.show("ActiveState") == "inactive"
    tools.eventually(lambda: server.member("n1") == w.LEFT, 5, "the node has left")
    dpkg("--purge", "lictor")
    assert not machine.run("systemctl", "list-unit-files", "--no-legend", "lictor*").stdout


def package_servers_away(world):
    """Without servers an installation and an upgrade end, well configured, and the service that ran runs again."""
    machine = Machine(world, settings={"systemd": {"ready_within": "2s"}, "stop": {"timeout": "3s"}})
    shutil.copy(deb(world), f"{machine.root}/root/lictor.deb")
    machine.boot()

    def install():
        done = machine.run("dpkg", "--force-confold", "-i", "/root/lictor.deb")
        assert done.returncode == 0, done
        assert machine.run("dpkg-query", "-W", "-f", "${Status}", "lictor").stdout == "install ok installed"

    install()
    assert machine.show("ActiveState") == "inactive"
    machine.systemctl("enable", "--now", "lictor")
    before = machine.show("MainPID")
    install()  # the same version again: dpkg has the package's scripts do what they do at an upgrade
    assert machine.show("ActiveState") == "active" and machine.show("UnitFileState") == "enabled"
    assert machine.show("MainPID") not in ("0", before)
    assert "no leader known" in machine.show("StatusText"), machine.show("StatusText")


def package_pleases_lintian(world):
    """The package keeps Debian's policy: lintian has no error and no warning."""
    tree = world.root("packaging")
    shutil.copy(deb(world), f"{tree}/tmp/")
    w.run("mount", "-t", "proc", "proc", f"{tree}/proc")
    name = os.path.basename(deb(world))
    told = inside(tree, "lintian", "--allow-root", "--fail-on", "error,warning", f"/tmp/{name}")
    assert not told, told
    assert read(SOURCE / "config/debian/changelog").startswith(f"lictor ({version_of(world)}) ")


def package_is_the_same_again(world):
    """The same binary packed elsewhere, with another umask and in another time zone, gives the same bytes."""
    one = pathlib.Path(deb(world)).read_bytes()
    other = pathlib.Path(pack(world, umask=0o077, environment={"TZ": "Asia/Tokyo", "LC_ALL": "C"})).read_bytes()
    # cpack gives the three parts of the package, themselves no files, the modes that its umask leaves.
    assert one.replace(b"100644  ", b"100600  ") == other, "the packages differ"


def package_prefix(world):
    """`cmake --install` below a prefix: everything is there and names that prefix; edited settings stay."""
    prefix = f"{world.folder}/opt"
    install = ("cmake", "--install", build(world), "--prefix", prefix)
    w.run(*install)
    assert w.run(f"{prefix}/bin/lictor", "version") == f"lictor {version_of(world)}\n"
    assert w.run(f"{prefix}/bin/lictor-kubernetes", "--version") == f"lictor-kubernetes {version_of(world)}\n"
    unit = read(f"{prefix}/lib/systemd/system/lictor.service")
    assert f"\nExecStart={prefix}/bin/lictor run -c {prefix}/etc/lictor/lictor.json\n" in unit, unit
    installed = ["etc/lictor/lictor.json", "share/lictor/lictor.schema.json", "share/man/man1/lictor.1"]
    installed += ["share/man/man1/lictor-kubernetes.1"]
    installed += ["share/man/man5/lictor.json.5", "share/doc/lictor/examples/hardening.conf"]
    installed += ["lib/sysusers.d/lictor.conf", "share/doc/lictor/LICENSE", "share/doc/lictor/lictor.json"]
    installed += [f"share/doc/lictor/{name}" for name in ("prometheus/prometheus.yml", "prometheus/rules.yml")]
    installed += [f"share/doc/lictor/prometheus/{name}_test.yml" for name in ("rules", "rules_days")]
    installed += ["share/doc/lictor/grafana/lictor.json"]
    assert [name for name in installed if not os.path.isfile(f"{prefix}/{name}")] == []
    for name in installed:
        assert "/usr/" not in read(f"{prefix}/{name}"), name
    write(f"{prefix}/etc/lictor/lictor.json", "{}")
    os.utime(f"{prefix}/etc/lictor/lictor.json", (0, 0))  # cmake takes files of the same second for the same
    w.run(*install)
    assert read(f"{prefix}/etc/lictor/lictor.json") == "{}"


def package_completions(world):
    """bash, zsh and fish complete the commands, options and values that `lictor -h` names, and no others."""
    tree = world.root("packaging")
    w.run("dpkg-deb", "-x", deb(world), tree)
    w.run("mount", "-t", "proc", "proc", f"{tree}/proc")
    general, commands, values = command_line(world)
    # What is typed -> what is offered.
    expected = {("lictor", ""): set(commands), ("lictor", "-"): general}
    expected |= {("lictor", name, "-"): general | options for name, options in commands.items()}
    for name, offered in values.items():
        typed = ("lictor", "-c", "run", "wait", name, "") if name.startswith("-") else ("lictor", "maint", "")
        expected[typed] = set(offered)

    script = ". /usr/share/bash-completion/bash_completion; _completion_loader lictor\n"
    script += 'ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _lictor; echo "${COMPREPLY[@]}"; }\n'
    script += "".join("ask " + " ".join(f"'{word}'" for word in typed) + "\n" for typed in expected)
    script += "ask lictor wait --for = re\n"
    *told, equals = inside(tree, "bash", "-c", script).splitlines()
    check_offers(expected, (line.split() for line in told))
    assert set(equals.split()) == {value for value in values["--for"] if value.startswith("re")}

    w.run("mount", "-t", "tmpfs", "tmpfs", f"{tree}/root")
    script = "".join(f"complete -C '{' '.join(typed)}'; echo .\n" for typed in expected)
    told = inside(tree, "env", "HOME=/root", "fish", "-c", script).split(".\n")[:-1]
    check_offers(expected, ([line.split("\t")[0] for line in answer.splitlines()] for answer in told))

    script = "autoload -U compinit && compinit -u -D && print $_comps[lictor] && zsh -n $^fpath/_lictor(N)"
    assert inside(tree, "zsh", "-c", script) == "_lictor\n"
    zsh = read(SOURCE / "config/completions/lictor.zsh")
    assert set(re.findall(r"^  '(\w+):", zsh, re.M)) == set(commands)
    assert set(re.findall(r"(?<=[',{)])--?[a-z-]+(?=[\[,}])", zsh)) >= general.union(*commands.values())


def check_offers(expected, offers):
    for (typed, words), offered in zip(expected.items(), offers, strict=True):
        assert set(offered) == words, f"{' '.join(typed)}: {sorted(offered)} instead of {sorted(words)}"


def package_manual(world):
    """The manual pages are sound; lictor(1) names all commands, options, signals and exit codes, and no others."""
    tree = world.root("packaging")
    for name in ("lictor.1", "lictor-kubernetes.1", "lictor.json.5"):
        shutil.copy(SOURCE / "docs" / name, f"{tree}/tmp/")
        inside(tree, "mandoc", "-Tlint", "-W", "warning", f"/tmp/{name}")
        told = inside(tree, "sh", "-c", f"groff -mandoc -ww -z /tmp/{name} 2>&1")
        assert not told, told
    page = read(SOURCE / "docs/lictor.1")
    general, commands, values = command_line(world)
    # A command's part goes on to the next command, the last one's to the options of all.
    description = page[page.index(".Sh DESCRIPTION") : page.index(".Ss Settings")]
    described, of_all = description.split("These options")
    parts = re.split(r"^\.It Cm (\w+)$", described, flags=re.M)
    options = [set(re.findall(r"^\.It Fl (-[\w-]+)", part, re.M)) for part in parts[2::2]]
    assert dict(zip(parts[1::2], options)) == {name: {o[1:] for o in own} for name, own in commands.items()}
    items = " ".join(re.findall(r"^\.It (.*)", of_all, re.M))
    assert {f"-{name}" for name in re.findall(r"Fl (\S+)", items)} == general
    for name, offered in values.items():
        shown = f".It Fl {name[1:]} Cm" if name.startswith("-") else ".Cm"
        assert f"{shown} {' | '.join(offered)}\n" in page, name
    told = read(SOURCE / "docs/architecture.md")
    assert re.findall(r"^\.It (\d+)$", page, re.M) == re.findall(r"^\| (\d+) \|", told, re.M)
    signals = re.findall(r"^\| ([A-Z][A-Z0-9+, ]+) \|", told[told.index("## Signals") :], re.M)
    assert re.findall(r"^\.It Dv ([A-Z0-9+]+(?: , INT)?)$", page, re.M) == [s.replace(",", " ,") for s in signals]


# -- the package and the trees


def build(world):
    return os.path.dirname(world.lictor)


def version_of(world):
    return w.run(world.lictor, "version").split()[1]


def deb(world):
    """The package of this build; CTest makes it before these scenarios."""
    found = glob.glob(f"{build(world)}/packages/lictor_{version_of(world)}_*.deb")
    assert found, f"no package in {build(world)}/packages: cpack --config {build(world)}/CPackConfig.cmake makes it"
    return found[0]


def next_package(world, kind="deb"):
    """The package of this build as version 0.9.0; CTest makes it before these scenarios."""
    found = glob.glob(f"{build(world)}/next/lictor[_-]0.9.0[_-]*.{kind}")
    assert found, f"no package in {build(world)}/next: ctest -R package.next makes it"
    return found[0]


def pack(world, umask, environment, kind="deb"):
    """Packs this build once more: the package's path."""
    folder = f"{world.folder}/packed-{kind}"
    command = ["cpack", "-G", kind.upper(), "--config", f"{build(world)}/CPackConfig.cmake", "-B", folder]
    done = subprocess.run(
        command, cwd="/", umask=umask, env=os.environ | environment, capture_output=True, text=True, timeout=50
    )
    assert done.returncode == 0, done
    return glob.glob(f"{folder}/*.{kind}")[0]


def inside(tree, *command):
    """Runs a command in the tree, which must succeed: what it printed."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    options = {"env": environment, "stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "timeout": 50}
    done = subprocess.run(["chroot", tree, *command], **options)
    assert done.returncode == 0, f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def files(tree):
    """The paths of all files and folders in the tree."""
    found = set()
    for folder, folders, names in os.walk(tree):
        found |= {os.path.join(folder, name).removeprefix(tree) for name in folders + names}
    return found


def read(path):
    with open(path) as file:
        return file.read()


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


# -- the command line, as the help tells it


def command_line(world):
    """Options of every command; command -> its own options; option or operand -> values it takes."""
    values = {}

    def options(*command):
        told = w.run(world.lictor, *command, "-h")
        found = set()
        for line in re.findall(r"^  (-.*|\w+ \{.*)", told, re.M):
            names = line.split()[0].split(",")
            found |= {name for name in names if name.startswith("-")}
            if choice := re.search(r"\{(.*?)\}", line):
                values[names[-1]] = choice[1].split(",")
        return found, told

    general, told = options()
    names = re.findall(r"^  (\w+)  ", told.partition("Subcommands:")[2], re.M)
    assert len(names) > 5, told
    return general, {name: options(name)[0] - general for name in names}, values
