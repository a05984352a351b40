"""Who may ask lictor and who may order it, by the groups of whoever runs the command."""

import os
import subprocess

READERS, OPERATORS = 4343, 4344
ALICE, BOB, CAROL = 5001, 5002, 5003


def as_user(client, uid, groups, *arguments, **environment):
    command = ["ip", "netns", "exec", client.namespace, "setpriv", "--reuid", str(uid), "--regid", str(uid)]
    command += ["--groups", ",".join(map(str, groups))] if groups else ["--clear-groups"]
    command += [client.world.lictor, *arguments, "-c", client.settings_file]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=30, env=client.environment | environment
    )


def serve(world, **control):
    """A node whose lictor is root, in the group READERS."""
    world.server()
    os.chmod(world.folder, 0o755)
    client = world.client(control=control, agent={"user": "consul"})
    client.before_exec = lambda: os.setgid(READERS)
    client.start().ready()
    return client


def groups_ask(world):
    """Members of the socket's group may ask all there is to ask, and are told in words that they may order nothing."""
    client = serve(world)
    assert os.stat(client.control_socket).st_gid == READERS
    for command in (("status",), ("health",), ("wait", "--for", "ready"), ("timeline",)):
        done = as_user(client, ALICE, [READERS], *command)
        assert done.returncode == 0, f"{command}: {done.returncode} {done.stdout} {done.stderr}"
    found = as_user(client, ALICE, [READERS], "doctor")
    assert found.returncode == 0, f"{found.returncode} {found.stdout} {found.stderr}"
    for command in (("reload",), ("restart",), ("leave",), ("maint", "on"), ("maint", "off")):
        done = as_user(client, ALICE, [READERS], *command)
        assert done.returncode == 1 and "orders are for root alone" in done.stderr, f"{command}: {done.stderr}"
        assert "control.group" in done.stderr.split("; ", 1)[1], done.stderr
    assert client.status()["ready"] and client.status()["agent"]["restarts"] == 0
    # Settings that are root's alone keep nobody from asking.
    os.chmod(client.settings_file, 0o600)
    done = as_user(client, ALICE, [READERS], "health", LICTOR_CONTROL_SOCKET=client.control_socket)
    assert done.returncode == 0, done.stderr
    os.chmod(client.settings_file, 0o644)
    stranger = as_user(client, CAROL, [], "status")
    assert stranger.returncode == 1 and f"gid {READERS}" in stranger.stderr, stranger.stderr
    assert client.command("reload").returncode == 0  # root


def groups_order(world):
    """Members of control.group may order, too, by whichever of their groups it is; those of the socket's still only ask."""
    client = serve(world, group=str(OPERATORS))
    assert os.stat(client.control_socket).st_gid == READERS
    for uid, groups in ((BOB, [27, OPERATORS]), (OPERATORS, [])):
        done = as_user(client, uid, groups, "reload")
        assert done.returncode == 0, done.stderr
        assert as_user(client, uid, groups, "status").returncode == 0
    refused = as_user(client, ALICE, [READERS], "reload")
    assert refused.returncode == 1 and f"the group {OPERATORS}" in refused.stderr, refused.stderr
    assert as_user(client, CAROL, [], "status").returncode == 1
    done = as_user(client, BOB, [OPERATORS], "leave")
    assert done.returncode == 0, done.stderr
    assert client.ended(10) is not None or client.process.returncode == 0


def groups_unknown(world):
    """A control.group that is not there, and a socket path that is too long, are told at the start and by check."""
    client = world.client()
    for control, told in (
        ({"group": "operatoren"}, 'control.group: no group "operatoren" on this host; create the group'),
        ({"group": None, "socket": "/run/" + "s" * 195}, "makes a socket path of 200 bytes, and the system allows 107"),
    ):
        client.write_settings(control=control)
        checked = client.command("check")
        assert checked.returncode == 78 and told in checked.stderr, checked.stderr
        client.start().ended(5)
        assert client.process.returncode == 78 and told in client.log, client.log
