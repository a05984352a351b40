"""Least privilege: what lictor, its agent and its hooks may do, and that nobody leads a lictor of root astray."""

import os
import pwd
import re
import shutil
import signal
import subprocess

from tools import children, eventually
from world import CONSUL, open_folder, run, write_script

NEEDED = ["chown", "dac_override", "kill", "setgid", "setuid"]
NUMBERS = {"chown": 0, "dac_override": 1, "kill": 5, "setgid": 6, "setuid": 7, "setpcap": 8, "net_bind_service": 10}
FIVE = sum(1 << NUMBERS[name] for name in NEEDED)
NET_BIND_SERVICE = 1 << NUMBERS["net_bind_service"]
USER = pwd.getpwnam("consul")
NOBODY = pwd.getpwnam("nobody")


def status_of(pid):
    with open(f"/proc/{pid}/status") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def capabilities(status):
    """Permitted, effective, inheritable, ambient and bounding set."""
    return tuple(int(status[f"Cap{name}"], 16) for name in ("Prm", "Eff", "Inh", "Amb", "Bnd"))


def told(path):
    """What a hook or a stand-in for the agent has written about itself: its /proc/self/status and its descriptors."""
    with open(eventually(lambda: os.path.exists(path) and path, 10, f"{path} is there")) as file:
        status, descriptors = file.read().split("==\n")
    return dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line), descriptors.split()


def tell(path):
    """A shell line that writes what `told` reads. `ls` has one descriptor more: the folder."""
    return f"(cat /proc/$$/status; echo ==; cd /proc/$$/fd && echo *) > {path}.new; mv {path}.new {path}"


def whole():
    """What programs may gain here: the bounding set that lictor is started with, and leaves to its children."""
    return int(status_of("self")["CapBnd"], 16)


def is_ordinary(status, groups="", ambient=0, no_new_privs="0"):
    """The agent's user and no other, with these groups and capabilities, and all that its programs would gain without lictor."""
    assert status["Uid"].split() == [str(USER.pw_uid)] * 4, status["Uid"]
    assert status["Gid"].split() == [str(USER.pw_gid)] * 4, status["Gid"]
    assert status["Groups"].strip() == groups, status["Groups"]
    assert capabilities(status) == (ambient, ambient, ambient, ambient, whole()), capabilities(status)
    assert status["NoNewPrivs"] == no_new_privs, status["NoNewPrivs"]
    assert status["Umask"] == "0022", status["Umask"]


def privilege_of_root(world):
    """As root lictor keeps five capabilities; agent and hooks are the agent's user, with the groups that somebody has added."""
    world.server()
    out = open_folder(f"{world.folder}/out")
    hook = {"command": ["/bin/sh", "-c", tell(f"{out}/hook")], "on_failure": "fail"}
    client = world.client(hooks={"post_start": [hook]}, agent={"user": "consul"})
    # Root's group is never handed on.
    client.before_exec = lambda: (os.setgroups([0, 4, 27]), os.umask(0o002))
    client.start().ready()
    own = status_of(client.pid)
    assert capabilities(own) == (FIVE, FIVE, 0, 0, whole()), capabilities(own)
    assert own["Umask"] == "0077", own
    is_ordinary(status_of(client.agent_pid()), groups="4 27")
    status, descriptors = told(f"{out}/hook")
    is_ordinary(status, groups="4 27")
    assert set(descriptors) <= {"0", "1", "2"}, descriptors
    # What it can still do: reload, replace an agent of another user, leave, end everything.
    client.send(signal.SIGHUP)
    client.logged("nothing for the agent has changed")
    os.kill(client.agent_pid(), signal.SIGKILL)
    eventually(lambda: client.status()["agent"]["restarts"] == 1, 5, "the agent's death is seen")
    client.ready()
    assert client.command("doctor").returncode in (0, 1)
    assert client.stop()[0] == 0, client.last_line()
    client.nobody_left()


def privilege_descriptors(world):
    """The agent is born with standard descriptors alone, whatever lictor holds and inherited."""
    out = open_folder(f"{world.folder}/out")
    binary = write_script(
        f"{world.folder}/consul", f'[ "$1" = agent ] || exit 0\n{tell(out + "/agent")}\nexec sleep 1000\n'
    )
    client = world.client(agent={"binary": binary, "user": "consul"})

    def leave_open():
        secret = os.open("/etc/shadow", os.O_RDONLY)
        os.set_inheritable(secret, True)
        os.dup2(secret, 0)

    client.before_exec = leave_open
    client.start()
    status, descriptors = told(f"{out}/agent")
    is_ordinary(status)
    # The shell keeps its script open at 10 or above, close-on-exec.
    assert {fd for fd in descriptors if int(fd) < 10} <= {"0", "1", "2"}, descriptors
    agent = eventually(lambda: [p for p in children(client.pid) if p.name == "sleep"], 5, "the agent")[0].pid
    assert sorted(os.listdir(f"/proc/{agent}/fd")) == ["0", "1", "2"], os.listdir(f"/proc/{agent}/fd")
    assert os.readlink(f"/proc/{agent}/fd/0") == "/dev/null", os.readlink(f"/proc/{agent}/fd/0")
    client.stop()


def privilege_few(world):
    """With those five capabilities alone, all works; without one of those that a start takes, an error says what to do."""
    world.server()
    client = world.client(agent={"user": "consul"})
    lictor = world.lictor
    keep = ",".join(f"+{name}" for name in NEEDED)
    world.lictor = write_script(
        f"{world.folder}/few", f'exec setpriv --bounding-set -all,{keep} --inh-caps -all {lictor} "$@"\n'
    )
    begin(client, lictor).ready()
    assert capabilities(status_of(client.pid)) == (FIVE, FIVE, 0, 0, FIVE)
    assert capabilities(status_of(client.agent_pid())) == (0, 0, 0, 0, FIVE)
    assert client.stop()[0] == 0, client.last_line()
    client.nobody_left()

    as_root = "Operation not permitted; run lictor as root (CAP_SETUID, CAP_SETGID)"
    assert "capabilities:" not in client.log
    for lacking, told_of in (
        ("chown", "chown: operation not permitted; run lictor as a user who may do this"),
        ("setgid", f"set groups: {as_root}"),
        ("setuid", f"set uid: {as_root}"),
        ("dac_override", "can't write there: permission denied; give lictor the capability DAC_OVERRIDE"),
        ("kill", "capabilities: some are missing"),
    ):
        for folder in (client.data_dir, client.run_dir):
            shutil.rmtree(folder, ignore_errors=True)  # a start in vain leaves none
        keep = ",".join(f"+{name}" for name in NEEDED if name != lacking)
        write_script(world.lictor, f'exec setpriv --bounding-set -all,{keep} --inh-caps -all {lictor} "$@"\n')
        begin(client, lictor)
        client.logged(told_of, 10)
        client.logged(f" missing=cap_{lacking}\n")
        if lacking not in ("chown", "dac_override"):  # with these nothing is started
            client.send(signal.SIGQUIT)
        client.ended()
        assert client.agent_pid() is None


def begin(client, lictor):
    """Starts the client under a wrapper that becomes lictor by exec."""
    wrapper, client.world.lictor = client.world.lictor, lictor
    command = ["ip", "netns", "exec", client.namespace, wrapper, "run", "-c", client.settings_file]
    with open(client.log_file, "a") as log:
        client.process = subprocess.Popen(command, stdout=log, stderr=log, env=client.environment)
    eventually(lambda: client.process.poll() is not None or client._find_pid(False), 5, "lictor is executed")
    client.world.lictor = wrapper
    return client


def privilege_file_capabilities(world):
    """An agent whose program carries cap_net_bind_service, as for DNS on port 53, gets it; hooks do not, and with
    agent.no_new_privs nobody does, which `check` tells."""
    world.server()
    out = open_folder(f"{world.folder}/out")
    binary = f"{world.folder}/consul"
    shutil.copy(CONSUL, binary)
    run("setcap", "cap_net_bind_service=+ep", binary)
    hook = {"command": ["/bin/sh", "-c", tell(f"{out}/hook")], "on_failure": "fail"}
    agent = {"binary": binary, "user": "consul", "config": {"ports": {"dns": 53}}}
    client = world.client(agent=agent, hooks={"post_start": [hook]})
    client.start().ready()
    status = status_of(client.agent_pid())
    assert capabilities(status) == (NET_BIND_SERVICE, NET_BIND_SERVICE, 0, 0, whole()), status
    listening = run("ip", "netns", "exec", client.namespace, "ss", "-lnuH")
    assert "127.0.0.1:53 " in listening, listening
    is_ordinary(told(f"{out}/hook")[0])
    assert capabilities(status_of(client.pid))[0] == FIVE
    client.write_settings(agent={"no_new_privs": True})
    checked = client.command("check")
    assert checked.returncode == 78 and "ports.dns" in checked.stderr, checked
    assert client.stop()[0] == 0, client.last_line()


def privilege_settings(world):
    """agent.capabilities and agent.groups give agent and hooks what they name, agent.no_new_privs keeps them from gaining more; a
    reload brings about an agent with other groups, and refuses a capability that lictor has given up."""
    world.server()
    out = open_folder(f"{world.folder}/out")
    hook = {"command": ["/bin/sh", "-c", tell(f"{out}/hook")], "on_failure": "fail"}
    agent = {"user": "consul", "groups": ["27", "4"], "capabilities": ["net_bind_service"], "no_new_privs": True}
    client = world.client(agent=agent | {"config": {"ports": {"dns": 53}}}, hooks={"post_start": [hook]})
    client.start().ready()
    for status in (status_of(client.agent_pid()), told(f"{out}/hook")[0]):
        is_ordinary(status, groups="4 27", ambient=NET_BIND_SERVICE, no_new_privs="1")
    assert capabilities(status_of(client.pid))[:2] == (FIVE | NET_BIND_SERVICE, FIVE)
    first = client.agent_pid()
    client.write_settings(agent={"groups": ["4"], "no_new_privs": False})
    assert client.command("reload").returncode == 0
    eventually(lambda: client.agent_pid() not in (None, first), 10, "another agent")
    eventually(lambda: client.agent_pid() and status_of(client.agent_pid())["Name"].strip() == "consul", 5, "it is executed")
    is_ordinary(status_of(client.agent_pid()), groups="4", ambient=NET_BIND_SERVICE)
    client.ready()

    client.write_settings(agent={"capabilities": ["net_bind_service", "cap_net_raw"]})
    refused = client.command("reload")
    assert refused.returncode == 78, refused
    assert "agent.capabilities: lictor has no cap_net_raw to give; " in refused.stderr and "restart it" in refused.stderr, refused
    for wrong, why in (
        ({"capabilities": ["net_bind_servise"]}, 'is no capability; did you mean "net_bind_service"?'),
        ({"groups": ["no-such-group"]}, 'agent.groups: no group "no-such-group" on this host'),
        ({"user": "no-such-user"}, 'agent.user: no user "no-such-user" on this host'),
    ):
        client.write_settings(agent={"capabilities": ["net_bind_service"]} | wrong)
        checked = client.command("check")
        assert checked.returncode == 78 and why in checked.stderr, (wrong, checked)
    client.write_settings(agent=agent)
    assert client.stop()[0] == 0, client.last_line()


def privilege_ambient(world):
    """What the platform has given lictor as ambient is the agent's, unless agent.capabilities says otherwise; and a capability that
    the bounding set lacks is refused in words."""
    world.server()
    client = world.client(agent={"user": "consul", "config": {"ports": {"dns": 53}}})
    lictor = world.lictor
    give = "--inh-caps +net_bind_service --ambient-caps +net_bind_service"
    world.lictor = write_script(f"{world.folder}/ambient", f'exec setpriv {give} {lictor} "$@"\n')
    begin(client, lictor).ready()
    is_ordinary(status_of(client.agent_pid()), ambient=NET_BIND_SERVICE)
    client.send(signal.SIGUSR2)
    eventually(lambda: client.status()["agent"]["restarts"] == 1, 10, "another agent")
    client.ready()
    is_ordinary(status_of(client.agent_pid()), ambient=NET_BIND_SERVICE)
    assert client.stop()[0] == 0, client.last_line()

    client.write_settings(agent={"capabilities": [], "config": {"ports": {"dns": 8600}}})
    begin(client, lictor).ready()
    is_ordinary(status_of(client.agent_pid()))
    assert client.stop()[0] == 0, client.last_line()

    client.write_settings(agent={"capabilities": ["net_bind_service"]})
    write_script(world.lictor, f'exec setpriv --bounding-set -net_bind_service {lictor} "$@"\n')
    assert begin(client, lictor).ended() == 78
    assert "agent.capabilities: lictor has no cap_net_bind_service to give; " in client.last_line(), client.last_line()


def privilege_groups_by_database(world):
    """The groups that have the agent's user as a member are the agent's: a key that only such a group may read is read, and `check`
    says so. A database that can't be read is told of in words."""
    world.server()
    client = world.client(agent={"user": "consul"})
    groups = f"{world.folder}/group"
    with open("/etc/group") as file:
        text = file.read()
    with open(groups, "w") as file:
        file.write(text + "ssl-of-test:x:54321:other,consul\nmine:x:54322:root\n")
    run("mount", "--bind", groups, "/etc/group")
    # A file of the agent's, which it reads by itself.
    folder = f"{client.folder}/agent.d"
    os.mkdir(folder)
    with open(f"{folder}/meta.json", "w") as file:
        file.write('{"node_meta": {"rack": "7"}}')
    os.chmod(file.name, 0o640)
    os.chown(file.name, 0, 54321)
    client.write_settings(agent={"config_dirs": [folder]})
    client.start().ready()
    is_ordinary(status_of(client.agent_pid()), groups="54321")
    checked = client.command("check")
    assert checked.returncode == 0, checked
    assert client.stop()[0] == 0, client.last_line()

    run("umount", "/etc/group")
    assert client.start().ended(10) == 78 and f"{folder}/meta.json: open: permission denied" in client.log, client.last_line()
    # In the place of the file a device: no retry reads that.
    run("mount", "--bind", "/dev/null", "/etc/group")
    checked = client.command("check")
    assert checked.returncode in (75, 78) and "/etc/group: " in checked.stderr, checked
    run("umount", "/etc/group")


def privilege_root_agent(world):
    """agent.user root: agent and hooks keep all that lictor was started with; lictor itself keeps its five."""
    world.server()
    out = open_folder(f"{world.folder}/out")
    hook = {"command": ["/bin/sh", "-c", tell(f"{out}/hook")], "on_failure": "fail"}
    client = world.client(agent={"user": "root", "config": {"ports": {"dns": 53}}}, hooks={"post_start": [hook]})
    client.start().ready()
    bounding = int(status_of("self")["CapBnd"], 16)
    assert capabilities(status_of(client.pid)) == (FIVE, FIVE, 0, 0, bounding)
    for status in (status_of(client.agent_pid()), told(f"{out}/hook")[0]):
        assert status["Uid"].split() == ["0"] * 4 and capabilities(status) == (
            bounding,
            bounding,
            0,
            0,
            bounding,
        ), status
    assert client.stop()[0] == 0, client.last_line()
    client.nobody_left()


def privilege_not_root(world):
    """A lictor that is not root has no capability and wants none, and all it starts runs as it does."""
    server = world.server()
    out = open_folder(f"{world.folder}/out")
    hook = {"command": ["/bin/sh", "-c", tell(f"{out}/hook")], "on_failure": "fail"}
    client = world.client(hooks={"post_start": [hook]})
    # Not the agent's usual user: where lictor is not root the agent runs as what lictor is.
    os.chown(client.folder, NOBODY.pw_uid, NOBODY.pw_gid)
    world.lictor, lictor = (
        write_script(
            f"{world.folder}/as-nobody",
            f'exec setpriv --reuid nobody --regid nogroup --clear-groups {world.lictor} "$@"\n',
        ),
        world.lictor,
    )
    begin(client, lictor).ready()
    assert server.instances() == {"n1": client.address}
    for status in (status_of(client.pid), status_of(client.agent_pid()), told(f"{out}/hook")[0]):
        assert status["Uid"].split() == [str(NOBODY.pw_uid)] * 4 and status["NoNewPrivs"] == "0", status
        assert capabilities(status)[:4] == (0, 0, 0, 0), status
    assert status_of(client.pid)["Umask"] == "0077"
    assert client.stop()[0] == 0, client.last_line()
    client.nobody_left()


def privilege_symbolic_links(world):
    """The agent's user leads lictor nowhere by a symbolic link: refused by name, and nothing beyond is touched."""
    world.server()
    client = world.client(agent={"user": "consul"})
    victim = f"{world.folder}/victim"
    os.mkdir(victim, 0o700)
    home = f"{client.folder}/home"
    for folder in (home, f"{home}/data", f"{home}/run"):
        os.mkdir(folder)
        os.chown(folder, USER.pw_uid, USER.pw_gid)
    client.data_dir, client.run_dir = f"{home}/data", f"{home}/run"
    client.control_socket, client.agent_socket = f"{home}/run/lictor.sock", f"{home}/run/agent/http.sock"
    client.write_settings(
        node={"data_dir": client.data_dir}, run_dir=client.run_dir, control={"socket": client.control_socket}
    )

    def plant(link, to=victim):
        """As the agent's user would."""
        run("setpriv", "--reuid", "consul", "--regid", "consul", "--clear-groups", "ln", "-s", to, link)

    # Folders on the way and those that are lictor's, and the lock, which is never replaced: refused.
    for link in ("data", "run", "run/agent", "data/lictor.lock", "run/lictor.lock"):
        path = f"{home}/{link}"
        kept = f"{path}.kept"
        there = os.path.exists(path)
        if there:
            os.rename(path, kept)
        plant(path, victim if "lock" not in link else f"{victim}/new")
        code, before = client.start().ended(10), os.stat(victim)
        line = client.last_line()
        assert code == 78, f"{link}: {code}: {line}"
        assert re.search(rf"{path}: is a symbolic link.*; remove it", line), line
        if "lock" not in link:
            assert f"in a directory that uid {USER.pw_uid} can write to" in line, line
        assert (before.st_uid, before.st_mode & 0o777, os.listdir(victim)) == (0, 0o700, []), link
        os.remove(path)
        if there:
            os.rename(kept, path)

    # A socket is made anew only in the place of a socket.
    plant(client.control_socket, f"{victim}/new")
    assert (
        client.start().ended(10) == 78 and "exists and is no socket; remove it" in client.last_line()
    ), client.last_line()
    assert os.listdir(victim) == []
    os.remove(client.control_socket)

    # Files that lictor replaces as a whole: the link goes, what it named stays.
    precious = f"{victim}/precious"
    with open(precious, "w") as file:
        file.write("precious")
    os.chmod(precious, 0o600)
    for name in ("data/node-id", "data/lictor-identity.json", "data/lictor.probe", "run/consul.json"):
        for suffix in ("", ".tmp"):
            plant(f"{home}/{name}{suffix}", precious)
    client.start().ready()
    with open(precious) as file:
        assert file.read() == "precious" and os.stat(precious).st_uid == 0
    for name in ("data/node-id", "data/lictor-identity.json", "run/consul.json"):
        assert not os.path.islink(f"{home}/{name}"), name
    assert client.stop()[0] == 0, client.last_line()

    # The administrator's own links are followed: in folders that are root's alone.
    os.rename(home, f"{client.folder}/elsewhere")
    os.symlink(f"{client.folder}/elsewhere", home)
    client.start().ready()
    assert client.stop()[0] == 0, client.last_line()


def privilege_of_commands(world):
    """`check` and `doctor` run the agent's program as the agent's user, never as root: its version, and validate."""
    out = open_folder(f"{world.folder}/out")
    client = world.client(agent={"user": "consul"})
    script = f'id -u >> {out}/$1\nexec {CONSUL} "$@"\n'
    client.write_settings(agent={"binary": write_script(f"{client.folder}/consul", script)})
    assert client.command("check").returncode == 0
    assert client.command("check", "--consul", write_script(f"{client.folder}/other", script)).returncode == 0
    client.command("doctor")
    for command in ("version", "validate"):
        with open(f"{out}/{command}") as file:
            assert set(file.read().split()) == {str(USER.pw_uid)}, command
