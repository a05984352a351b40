"""Checks that run programs, as users write them: run by an agent under its own unit or image, and by one under lictor.

What passes under the first must pass under the second. Each check is a line of a shell; the same line is run by both.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess

from tools import ask_inside, eventually

# name -> line. Those that have to pass under an agent without lictor; with one that has not, the host is not what the test takes it for.
PASS = {
    "processes of root": "pgrep -x sleep",
    "a process by its number": "grep -q . /proc/1/comm && test -r /proc/1/status",
    "all processes": "ps -e | grep -w sleep",
    "JIT": "probe jit",
    "nice": "test $(nice -n 5 nice) = $(($(nice) + 5))",
    "a lower priority": "probe nice",
    "batch scheduling": "probe batch",
    "idle I/O": "ionice -c 3 true",
    "a CPU of its own": "taskset -c 0 true",
    "idle scheduling": "chrt -i 0 true",
    "/tmp": "probe connect /tmp/app.sock",
    "a file in /tmp": "echo x > /tmp/of-a-check-$AGENT && rm /tmp/of-a-check-$AGENT",
    "a file in /var/tmp": "echo x > /var/tmp/of-a-check-$AGENT",
    "a script in /home": "/home/ops/check.sh",
    "own folder in /var/lib": "echo x > /var/lib/app/$AGENT",
    "own folder in /var/log": "echo x >> /var/log/app/$AGENT",
    "own folder in /run": "echo x > /run/app/$AGENT",
    "own folder in /opt": "echo x > /opt/app/$AGENT",
    "set-user-id": "probe-root root",
    "set-user-id, a capability": "probe-root chroot",
    "set-user-id, root's files": "probe-root read /etc/shadow",
    "file capability, ping": "probe-raw raw",
    "file capability, packets": "probe-raw packet",
    "file capability, files": "probe-files read /etc/shadow",
    "docker's socket by group": "probe connect /run/docker.sock",
    "a key by group": "cat /etc/ssl/private/key.pem",
    "a log by group": "cat /var/log/syslog",
    "ICMP": "probe icmp",
    "netlink": "probe netlink",
    "interfaces": "ip link show lo",
    "sockets": "ss -lnt",
    "personality": "probe personality",
    "personality by setarch": "setarch -R true",
    "a locked page": "probe mlock",
    "a lower limit": "probe limit",
    "a shell's limit": "ulimit -n 512",
    "a core file": "probe core",
    "a device": "test -c /dev/tty && echo x > /dev/null && head -c 1 /dev/urandom > /dev/null",
    "a file in /dev": "test -r /dev/app",
    "shared memory": "echo x > /dev/shm/$AGENT",
    "the host's name": "hostname || cat /proc/sys/kernel/hostname",
    "settings of the kernel": "cat /proc/sys/net/ipv4/ip_forward",
    "cgroups": "test -r /sys/fs/cgroup/cgroup.procs",
    "its home": 'test "$HOME" = "$(getent passwd $(id -u) | cut -d : -f 6)"',
    "umask": "test $(umask) = 0022",
    "its folder": "test $(pwd) = /",
}
# Whatever comes of these, it is the same: by exit code and by what they write.
SAME = {
    "realtime": "probe fifo",
    "raw sockets": "probe raw",
    "packets": "probe packet",
    "AF_ALG": "probe alg",
    "a namespace": "probe userns",
    "chroot": "probe chroot",
    "/root": "ls /root",
    "root's files": "cat /etc/shadow",
    "a file in /etc": "echo x > /etc/of-a-check",
    "a file in /usr": "echo x > /usr/of-a-check",
    "the kernel's log": "dmesg | head -n 1 | cut -c 1-4",
    "user and group": "id -u; id -g",
    "privileges": "grep -E '^(Uid|Gid|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp|SigBlk|SigIgn|Umask)' /proc/self/status",
    "limits": "ulimit -a; ulimit -H -n; ulimit -H -c",
    "mounts": "cut -d ' ' -f 4-6 /proc/self/mountinfo",
    "a lower niceness": "nice -n -5 true",
}


def install(root, uid, gid):
    """Puts what the checks look for on the host below `root`, where uid:gid is the agent's, in the groups docker, ssl-cert and adm."""
    programs = f"{root}/usr/local/bin"
    os.makedirs(programs, exist_ok=True)
    source = pathlib.Path(__file__).with_name("probe.c")
    subprocess.run(["cc", "-static", "-O1", "-o", f"{programs}/probe", source], check=True, timeout=30)
    for name, capability in (("root", None), ("raw", "cap_net_raw+ep"), ("files", "cap_dac_read_search+ep")):
        shutil.copy(f"{programs}/probe", f"{programs}/probe-{name}")
        if capability:
            subprocess.run(["setcap", capability, f"{programs}/probe-{name}"], check=True)
    os.chmod(f"{programs}/probe-root", 0o4755)
    for folder in ("var/lib/app", "var/log/app", "opt/app"):
        os.makedirs(f"{root}/{folder}")
        os.chown(f"{root}/{folder}", uid, gid)
    for path, text, mode, group in (
        ("home/ops/check.sh", "#!/bin/sh\necho fine\n", 0o755, 0),
        ("etc/ssl/private/key.pem", "key\n", 0o640, GROUPS["ssl-cert"]),
        ("var/log/syslog", "a line\n", 0o640, 4),
        ("root/secret", "secret\n", 0o600, 0),
    ):
        os.makedirs(os.path.dirname(f"{root}/{path}"), exist_ok=True)
        with open(f"{root}/{path}", "w") as file:
            file.write(text)
        os.chmod(file.name, mode)
        os.chown(file.name, 0, group)


GROUPS = {"docker": 970, "ssl-cert": 971, "adm": 4}
# Run as root on the booted host, once.
PREPARE = f"""
export PATH=/usr/local/bin:$PATH
mkdir -p /run/app && chown consul /run/app
install -m 644 /dev/null /dev/app
sysctl -qw net.ipv4.ping_group_range='0 2147483647' || echo '0 2147483647' > /proc/sys/net/ipv4/ping_group_range
setsid probe listen /run/docker.sock > /dev/null 2>&1 < /dev/null &
setsid probe listen /tmp/app.sock > /dev/null 2>&1 < /dev/null &
setsid sleep 1000 > /dev/null 2>&1 < /dev/null &
for i in $(seq 100); do test -S /run/docker.sock && test -S /tmp/app.sock && break; sleep 0.05; done
chgrp {GROUPS["docker"]} /run/docker.sock && chmod 660 /run/docker.sock && chmod 777 /tmp/app.sock
"""


def port_line(where):
    """What the page on security has one write there, and nothing else, for ports below 1024: the first code of the table's row."""
    page = pathlib.Path(__file__).resolve().parents[2] / "docs/security.md"
    return re.search(rf"^\| {where} \| `([^`]+)`", page.read_text(), re.MULTILINE)[1]


def groups_of(file):
    """Lines for a group file that has them already, or not."""
    lines = pathlib.Path(file).read_text().splitlines()
    have = {line.split(":")[0]: index for index, line in enumerate(lines)}
    for name, gid in GROUPS.items():
        if name in have:
            lines[have[name]] += "consul"
        else:
            lines.append(f"{name}:x:{gid}:consul")
    pathlib.Path(file).write_text("\n".join(lines) + "\n")


def definitions(agent):
    """The checks as settings of an agent, whose name they see in $AGENT."""
    checks = [
        {
            "id": name,
            "name": name,
            "args": ["/bin/sh", "-c", f"export AGENT={agent}; {line}; code=$?; echo exit $code; exit $code"],
            "interval": "5s",
            "timeout": "20s",
        }
        for name, line in (PASS | SAME).items()
    ]
    return {"enable_local_script_checks": True, "checks": checks}


def outcomes(checks, names=(), within=40):
    """Name -> (status, what it wrote), as soon as each check has run, or those with these names; `checks`: asks the agent for its checks."""
    names = names or list(PASS | SAME)

    def run():
        found = {check["CheckID"]: check for check in checks().values()}
        # Before its first run a check has written nothing.
        all_run = all(found[name]["Output"] for name in names)
        return all_run and {name: (found[name]["Status"], found[name]["Output"]) for name in names}

    return eventually(run, within, "each check has run")


def checks_at(namespace, address):
    """Asks the agent that listens at the address in a network namespace."""
    return lambda: json.loads(ask_inside(namespace, address, "/v1/agent/checks").text)


def compare(plain, attended, beyond=(), refused=()):
    """Prints both, and asserts that nothing which works without lictor fails under it. `beyond`: works under lictor alone; `refused`:
    the platform's own defaults are against it."""
    same = SAME | {name: PASS[name] for name in refused}
    wanted = PASS.keys() - set(refused)
    for name in plain:
        (before, said), (after, says) = plain[name], attended[name]
        mark = "same" if (before, said) == (after, says) else "DIFFERS" if before != after else "other words"
        print(f"{name:28} {before:9} {after:9} {mark}")
    failing = {name: said for name, said in plain.items() if name in wanted - set(beyond) and said[0] != "passing"}
    assert not failing, f"not even without lictor: {failing}"
    broken = {name: said for name, said in attended.items() if name in wanted and said[0] != "passing"}
    assert not broken, f"under lictor alone: {broken}"
    other = {name: (plain[name], attended[name]) for name in plain if name in same and plain[name] != attended[name]}
    assert not other, f"differ: {other}"
    assert len(plain) >= 25
