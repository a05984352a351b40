"""What others could try: the agent's user against a lictor of root, other local users against its sockets, and hostile answers."""

import contextlib
import json
import os
import pwd
import signal
import socket
import subprocess
import sys

from tools import eventually, holds
from world import CONSUL, open_folder, write_json, write_script

USER = pwd.getpwnam("consul")
NOBODY = pwd.getpwnam("nobody")
SECRET = "6f1ab3c2-0000-4000-8000-5ec4e7000000"

# In the agent's place: answers with the file that is named like the path, "/" as "_", and with "null" where there is none.
STAND_IN = """
import http.server, json, os, signal, socket, socketserver, sys
answers = os.environ["ANSWERS"]
settings = json.load(open(sys.argv[-1].split("=", 1)[1]))
path = next(word for word in settings["addresses"]["http"].split() if word.startswith("unix://")).removeprefix("unix://")

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self):
        length = int(self.headers.get("Content-Length", 0))
        self.rfile.read(length)
        name = answers + "/" + self.path.split("?")[0].replace("/", "_")
        body = open(name, "rb").read() if os.path.exists(name) else b"null"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if "leave" in self.path:
            os._exit(0)
    do_GET = do_PUT = answer
    def address_string(self):
        return "lictor"
    def log_message(self, *_):
        pass

class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

if os.path.exists(path):
    os.remove(path)
gossip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # by which lictor knows that it lives
gossip.bind((settings["bind_addr"], 8301))
Server(path, Handler).serve_forever()
"""


def as_user(*command, user=USER):
    """Runs a command as the agent's user, or as another one, who has nothing beside that."""
    return subprocess.run(
        ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *command],
        capture_output=True,
        text=True,
        timeout=20,
    )


def owned(path, user=USER):
    """A folder of the agent's user."""
    os.makedirs(path, exist_ok=True)
    os.chown(path, user.pw_uid, user.pw_gid)
    return path


def secret_file(world, content):
    """A file that root alone can read."""
    folder = f"{world.folder}/secrets"
    os.makedirs(folder, mode=0o700, exist_ok=True)
    path = f"{folder}/{len(os.listdir(folder))}"
    with open(path, "w") as file:
        file.write(content)
    os.chmod(path, 0o600)
    return path


def refused(client, *words, code=78):
    """A start that ends with `code`, and a last line with these words; the whole log."""
    ended = client.start().ended(10)
    line = client.last_line()
    assert ended == code and all(word in line for word in words), f"{ended}: {line}"
    return client.log


def begun(client):
    """Starts lictor, and waits for its agent: the log from there on."""
    written = len(client.log)
    client.start()
    return eventually(lambda: "agent started" in client.log[written:] and client.log[written:], 10, "an agent is started")


def stand_in(world, client, answers):
    """An agent that answers as it is told; `answers`: path -> text."""
    folder = open_folder(f"{world.folder}/answers")
    for path, text in answers.items():
        with open(f"{folder}/{path.replace('/', '_')}", "w") as file:
            file.write(text)
    program = f"{world.folder}/agent.py"
    with open(program, "w") as file:
        file.write(STAND_IN)
    script = f'if [ "$1" != agent ]; then exec {CONSUL} "$@"; fi\nexec {sys.executable} {program} "$@"\n'
    # Root, who may read whatever Python this is.
    client.write_settings(
        agent={"binary": write_script(f"{world.folder}/agent", script), "user": "root", "env": {"ANSWERS": folder}}
    )
    return client


def hostile_links(world):
    """No link or name that the agent's user makes has root read for him what he can't read himself."""
    client = world.client(agent={"user": "consul"})
    owned(client.data_dir)
    precious = secret_file(world, f"{SECRET}\n")
    node_id = f"{client.data_dir}/node-id"
    identity = secret_file(world, json.dumps({"id": SECRET, "name": "n1", "address": "", "machine": "", "when": ""}))
    client.write_settings(agent={"binary": write_script(f"{world.folder}/agent", "sleep 1000\n")})
    for trick in ("-s", "-sr"):
        for link, to in (("node-id", precious), ("lictor-identity.json", identity)):
            with contextlib.suppress(FileNotFoundError):
                os.remove(f"{client.data_dir}/{link}")
            assert as_user("ln", trick, to, f"{client.data_dir}/{link}").returncode == 0
        assert SECRET not in begun(client)
        assert client.consul_json()["node_id"] != SECRET
        eventually(lambda: not os.path.islink(node_id), 5, "the link is replaced")
        client.stop(signal.SIGQUIT)
    os.remove(node_id)
    os.remove(f"{client.data_dir}/lictor-identity.json")
    client.write_settings(agent={"binary": CONSUL})
    # A hard link, where the kernel lets him (fs.protected_hardlinks=0).
    os.link(precious, node_id)
    assert SECRET not in refused(client, f"{node_id}: belongs to uid 0, has another name elsewhere")
    os.remove(node_id)

    # Settings of the agent, a record, a keyring, a timeline.
    config = owned(f"{client.folder}/config")
    settings = secret_file(world, json.dumps({"node_meta": {"place": SECRET}}))
    assert as_user("ln", "-s", settings, f"{config}/consul.json").returncode == 0
    client.write_settings(agent={"config_files": [f"{config}/consul.json"]})
    assert SECRET not in refused(client, f"{config}/consul.json: is a symbolic link")
    assert SECRET not in json.dumps(client.consul_json())
    assert SECRET not in client.command("render").stdout
    client.write_settings(agent={"config_files": []})
    timeline = f"{client.data_dir}/lictor-timeline.json"
    with contextlib.suppress(FileNotFoundError):
        os.remove(timeline)
    assert as_user("ln", "-s", identity, timeline).returncode == 0
    told = client.command("timeline")
    assert told.returncode == 1 and "is a symbolic link" in told.stderr, told
    os.remove(timeline)

    # What is his own he may link to, and root may link to anything.
    own = f"{config}/own.json"
    assert as_user("sh", "-c", f"echo '{{}}' > {config}/real.json; ln -s real.json {own}").returncode == 0
    os.symlink(settings, f"{config}/roots.json")
    client.write_settings(agent={"config_files": [own, f"{config}/roots.json"]})
    assert f'"place": "{SECRET}"' in client.command("render").stdout, client.command("render")


def hostile_no_files(world):
    """A terminal, a FIFO, a device in the place of a file: known before it is opened, so that nothing comes of it but words."""
    world.server()
    client = world.client(agent={"user": "consul"})
    config = owned(f"{client.folder}/config")
    client.write_settings(agent={"config_dirs": [config]})
    client.before_exec = os.setsid  # a session without a terminal takes the first that is opened
    client.start().ready()
    controller, terminal = os.openpty()
    os.set_inheritable(terminal, False)
    path = os.ttyname(terminal)
    os.chown(path, USER.pw_uid, USER.pw_gid)
    as_user("ln", "-s", path, f"{config}/terminal.json")
    as_user("mkfifo", f"{config}/fifo.json")
    told = client.command("reload")
    assert told.returncode == 78 and f"{config}/fifo.json: no regular file" in told.stderr, told
    with open(f"/proc/{client.pid}/stat") as file:
        terminal_of_lictor = file.read().rsplit(")", 1)[1].split()[4]
    assert terminal_of_lictor == "0", terminal_of_lictor
    os.write(controller, b"\x03")
    for name in ("terminal.json", "fifo.json"):
        os.remove(f"{config}/{name}")
    client.ready(20)
    assert client.stop()[0] == 0, client.last_line()


def hostile_words_of_files(world):
    """What commands tell of files that the agent's user writes, names of files among it, stays what it is: words on one line."""
    words = "x\x1b[2J\nfaked\u009b31m\u202e"
    folder = f"{world.folder}/extra"
    os.mkdir(folder)
    settings = f"{world.folder}/consul.json"
    # Gives way to the address, which is told of.
    write_json(settings, {"advertise_addr": words, "node_meta": {"rack": words}})
    client = world.client(agent={"config_files": [settings], "config_dirs": [folder]})
    client.settings["agent"]["config"].pop("enable_local_script_checks")
    client.write_settings()

    def shown(*command):
        done = client.command(*command)
        assert harmless(done.stdout + done.stderr), (command, done)
        return done

    assert 'advertise_addr: "x\\u001b[2J\\nfaked' in shown("check").stdout
    assert json.loads(shown("render").stdout)["node_meta"]["rack"] == words
    shown("render", "--explain")
    write_json(f"{folder}/{words}.json", {"check": {"name": "up", "args": ["/bin/true"], "interval": "9s"}})
    told = shown("check")
    assert told.returncode == 78 and f"checks[0] ({folder}/x\ufffd[2J faked" in told.stderr, told
    # In the agent's own words, which are lines as it breaks them.
    os.unlink(f"{folder}/{words}.json")
    write_json(f"{folder}/a.json", {"key\x1b[2J": 1})
    told = shown("check")
    assert told.returncode == 78 and "invalid config key key\ufffd[2J" in told.stderr, told


def hostile_loops(world):
    """Links in agent.config_dirs that lead back into their own folder are no folders to look into."""
    client = world.client(agent={"user": "consul"})
    config = owned(f"{client.folder}/config")
    for name in ("a.json", "b.json", "c.hcl", "d.hcl"):
        as_user("ln", "-s", ".", f"{config}/{name}")
    client.write_settings(agent={"config_dirs": [config], "binary": write_script(f"{world.folder}/agent", "sleep 1000\n")})
    client.start()
    client.logged("agent started", 5)
    code, took = client.stop()
    assert code == 1 and took < 11, (code, took, client.last_line())


def hostile_data_dir(world):
    """Root gives away no folder at the word of a file that the agent's user can write, and a tree once only."""
    client = world.client(agent={"user": "consul"})
    config = owned(f"{client.folder}/config")
    victim = f"{world.folder}/victim"
    os.mkdir(victim, 0o755)
    settings = f"{config}/consul.json"
    client.settings["node"].pop("data_dir")
    client.write_settings(agent={"config_files": [settings]})
    for named in (victim, f"{victim}/new"):
        write_json(settings, {"data_dir": named})
        refused(client, f"{named}: named by {settings} alone, and uid {USER.pw_uid} can write to {config}")
        assert os.stat(victim).st_uid == 0 and os.listdir(victim) == []
    # His own he may name, and the administrator any.
    write_json(settings, {"data_dir": owned(f"{world.folder}/his")})
    client.write_settings(agent={"binary": write_script(f"{world.folder}/agent", "sleep 1000\n")})
    begun(client)
    client.stop(signal.SIGQUIT)

    data = f"{world.folder}/data"
    os.makedirs(f"{data}/serf")
    write_json(f"{data}/serf/file", {})
    client.write_settings(node={"data_dir": data})
    begun(client)
    client.stop(signal.SIGQUIT)
    for path in (data, f"{data}/serf", f"{data}/serf/file", f"{data}/lictor.lock"):
        assert os.stat(path).st_uid == USER.pw_uid, path
    # From now on the folder is his: what turns up there is not given to him any more, and told of.
    foreign = f"{data}/serf/foreign"
    write_json(foreign, {})
    os.chmod(foreign, 0o600)
    assert f"{foreign}: uid {USER.pw_uid} may not write it" in begun(client)
    assert os.stat(foreign).st_uid == 0
    client.stop(signal.SIGQUIT)


def hostile_full_socket(world):
    """Whoever listens in the agent's place and takes no connection does not hold lictor up."""
    client = world.client(agent={"user": "consul"})
    owned(f"{client.run_dir}/agent")
    os.chmod(f"{client.run_dir}/agent", 0o700)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(client.agent_socket)
    listener.listen(0)
    waiting = []
    with contextlib.suppress(BlockingIOError):
        while True:
            waiting.append(socket.socket(socket.AF_UNIX))
            waiting[-1].setblocking(False)
            waiting[-1].connect(client.agent_socket)
    refused(client, f"another agent answers on {client.agent_socket}", code=75)


def hostile_descriptors(world):
    """Agent and hooks write into pipes: lictor's own output, be it a file or a terminal, is out of their reach."""
    world.server()
    out = open_folder(f"{world.folder}/out")
    hook = {"command": ["/bin/sh", "-c", f"ends=$(readlink /proc/$$/fd/1 /proc/$$/fd/2); echo $ends > {out}/hook; echo 'said \x1b[2J it'"]}
    client = world.client(agent={"user": "consul"}, hooks={"post_start": [hook]}).start()
    client.ready()
    with open(f"{out}/hook") as file:
        ends = file.read().split()
    agent = client.agent_pid()
    ends += [os.readlink(f"/proc/{agent}/fd/{fd}") for fd in (1, 2)]
    assert len(ends) == 4 and all(end.startswith("pipe:") for end in ends), ends
    # What they say is passed on all the same, harmless.
    client.logged("said \ufffd[2J it\n")
    assert "==> Consul agent running!" in client.log or "Consul agent" in client.log
    assert client.stop()[0] == 0, client.last_line()


def hostile_letters(world):
    """A text that is cut, or is no UTF-8, keeps nobody from seeing the status, and ends nothing."""
    world.server()
    client = world.client(agent={"user": "consul"}).start()
    client.ready()
    # Consul refuses 300 letters, and quotes them; whatever comes before them, one cut in three is in a letter's middle.
    for key in ("k", "kk", "kkk"):
        service = {"name": "far", "meta": {key: "\u20ac" * 300}}
        client.write_settings(services=[service])
        client.send(signal.SIGHUP)
        seen = eventually(
            lambda: [p for p in client.status()["problems"] if "registering far: 400" in p and f"'{key}'" in p] or None,
            10,
            "the refusal is a problem of the status",
        )
        assert "\ufffd" not in seen[0], seen
        assert client.command("status").returncode == 0
    client.send(signal.SIGUSR1)
    client.write_settings(services=[])
    client.send(signal.SIGHUP)
    client.ready()
    assert client.stop()[0] == 0, client.last_line()


def hostile_names(world):
    """What others have named moves no cursor and begins no line, in the log, the status and the doctor's report."""
    server = world.server()
    client = world.client(agent={"user": "consul"})
    node = "n\x1b[2J\nfaked\u009b31m\u202e"
    server.put("/v1/catalog/register", {"Node": node, "Address": client.address, "NodeMeta": {"external-node": "true"}})
    client.start().ready()
    client.agent("PUT", "/v1/agent/maintenance?enable=true&reason=down%1b%5b2J%c2%9b%e2%80%ae")
    client.send(signal.SIGUSR2)  # another agent, of which all is looked at
    shown = "n\ufffd[2J faked\ufffd31m\ufffd"
    eventually(lambda: client.status()["conflicts"] and client.status()["maintenance"], 15, "the claim is seen")
    assert client.status()["conflicts"][0]["name"] == node, "JSON tells it as it is"
    for command in ("status", "doctor"):
        text = client.command(command).stdout
        assert shown in text and harmless(text), repr(text)
    text = client.log
    assert "faked" in text and harmless(text), [line for line in text.splitlines() if not harmless(line)]
    json.loads(client.command("status", "--json").stdout)
    assert client.stop()[0] in (0, 1), client.last_line()


def harmless(text):
    """Whether nothing is in it but letters and line breaks, and none of the lines is another's."""
    bad = [c for c in text if c != "\n" and (ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in "\u202e\u2066")]
    return not bad and not any(line.startswith("faked") for line in text.splitlines())


def hostile_answers(world):
    """An agent's answers that are deep, or large, or of other types, are answers that say nothing."""
    deep = "[" * 4_000_000
    answers = {
        "/v1/status/leader": '"10.77.0.1:8300"',
        "/v1/agent/members": '[{"Tags":' + deep + "]",
        "/v1/agent/services": '{"a":' * 500_000 + "1" + "}" * 500_000,
        "/v1/agent/checks": deep,
        "/v1/catalog/node/n1": "[[[" + deep,
    }
    client = stand_in(world, world.client(), answers).start()
    client.logged("agent started", 10)
    client.logged("list of the agent's services: the agent's answer is not JSON", 15)
    assert holds(lambda: client.status()["running"], 2) is None
    assert client.status()["agent"]["restarts"] == 0
    code, took = client.stop()
    assert code in (0, 1) and took < 11, (code, client.last_line())


def hostile_claims(world):
    """Of claims by the ten thousand one thousand are looked at, the same ones each time, and one hundred told of by name."""
    client = world.client()
    members = [
        {"Name": f"other-{number}", "Addr": client.address, "Status": 4, "Tags": {"id": f"id-{number}"}}
        for number in range(50_000)
    ]
    answers = {
        "/v1/status/leader": '"10.77.0.1:8300"',
        "/v1/agent/members": json.dumps(members, separators=(",", ":")),
        "/v1/agent/services": "{}",
        "/v1/catalog/nodes": "[]",
    }
    client.write_settings(services=[], node={"heal": False}, agent={"config": {"node_id": SECRET}})
    stand_in(world, client, answers)
    with open(f"{world.folder}/answers/_v1_catalog_node_n1", "w") as file:
        json.dump({"Node": {"Node": "n1", "ID": SECRET, "Address": client.address}, "Services": {}}, file)
    client.start()
    client.logged("more nodes claim what is this node's count=900", 40)
    status = client.status()
    assert len(status["conflicts"]) == 100 and status["counts"]["address_claims"] == 1000, status["counts"]
    assert client.log.count("another node claims what is this node's") == 100
    assert client.stop()[0] in (0, 1), client.last_line()


