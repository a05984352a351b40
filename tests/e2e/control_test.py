"""The control socket and control.http under clients that mean ill or are merely many."""

import contextlib
import os
import resource
import signal
import socket
import stat
import threading
import time

from tools import LIBC, eventually

GET = b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n"
MANY = 1000


@contextlib.contextmanager
def inside(namespace):
    """Sockets that this thread makes meanwhile belong to the node."""
    with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{namespace}") as there:
        assert LIBC.setns(there.fileno(), 0) == 0
        try:
            yield
        finally:
            LIBC.setns(home.fileno(), 0)


def connect(client, tcp, small=False):
    """A connection to lictor over TCP or the control socket; `small`: room for a few answers only."""
    with inside(client.namespace):
        peer = socket.socket(socket.AF_INET if tcp else socket.AF_UNIX)
    peer.settimeout(10)
    if small:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.connect(("127.0.0.1", 8555) if tcp else client.control_socket)
    return peer


def answer_to(client, tcp, data):
    """What comes for these bytes until lictor closes the connection."""
    with contextlib.closing(connect(client, tcp)) as peer:
        with contextlib.suppress(ConnectionError):
            peer.sendall(data)
        received = b""
        with contextlib.suppress(ConnectionError):
            while piece := peer.recv(65536):
                received += piece
        return received


def held(client):
    """lictor's open descriptors and its anonymous memory in kB."""
    with open(f"/proc/{client.pid}/status") as file:
        memory = next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))
    return len(os.listdir(f"/proc/{client.pid}/fd")), memory


def timed(action):
    began = time.monotonic()
    result = action()
    return result, time.monotonic() - began


def control_socket_mode(world):
    """The control socket is for root and its group alone, from the first moment on."""
    client = world.client()
    client.start()
    found = eventually(lambda: os.stat(client.control_socket), 5, "the control socket")
    assert stat.S_ISSOCK(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o660, oct(found.st_mode)
    assert (found.st_uid, found.st_gid) == (0, 0), (found.st_uid, found.st_gid)
    client.stop()
    assert not os.path.exists(client.control_socket)


def control_refusals(world):
    """What is no request within the bounds gets its 4xx, and lictor goes on as before."""
    world.server()
    client = world.client()
    client.start().ready()
    long = b"x" * (1 << 20)
    rows = (
        (b"hello there\r\n\r\n", 400, 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, 400),
        (os.urandom(512) + b"\r\n\r\n", 400, 400),
        (b"GET /" + long, 431, 431),
        (b"GET / HTTP/1.1\r\nX: " + long, 431, 431),
        (b"POST /reload HTTP/1.1\r\nContent-Length: 65537\r\n\r\n" + long, 413, 413),
        (b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + long, 431, 431),
        (b"POST /leave HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", None, 405),
        (b"DELETE /status HTTP/1.1\r\nConnection: close\r\n\r\n", 404, 405),
        (b"GET /nothing HTTP/1.1\r\nConnection: close\r\n\r\n", 404, 404),
        (b"GET /../../etc/passwd HTTP/1.1\r\nConnection: close\r\n\r\n", 404, 404),
        (b"GET /leave HTTP/1.1\r\nConnection: close\r\n\r\n", 404, 404),
    )
    for data, local, tcp in rows:
        for over_tcp, status in ((False, local), (True, tcp)):
            if status is None:
                continue
            answer = answer_to(client, over_tcp, data)
            assert answer.startswith(b"HTTP/1.1 %d " % status), (data[:60], over_tcp, answer[:200])
    # A head that never ends: told after 5 s, not kept for ever.
    began = time.monotonic()
    with contextlib.closing(connect(client, tcp=True)) as peer:
        answer = b""
        peer.settimeout(0.2)
        while time.monotonic() - began < 15:
            with contextlib.suppress(ConnectionError):
                peer.send(b"GET / HTTP/1.1\r\n" if not answer and time.monotonic() - began < 0.1 else b"X: y\r\n")
            try:
                piece = peer.recv(4096)
            except TimeoutError:
                continue
            except ConnectionError:
                break
            answer += piece
            if not piece:
                break
    assert answer.startswith(b"HTTP/1.1 408 "), answer[:200]
    assert 4 < time.monotonic() - began < 10
    assert client.status()["agent"]["restarts"] == 0 and client.probe("/readyz") == 200
    assert client.stop()[0] == 0, client.last_line()


def control_idle_connections(world):
    """1,000 idle connections to each listener: probes, commands and the leave on SIGTERM are as quick as ever."""
    world.server()
    client = world.client()
    client.start().ready()
    assert client.probe("/readyz") == 200
    descriptors, memory = held(client)
    peers = []
    # Who asks now and then keeps its place.
    regular = [connect(client, tcp) for tcp in (True, False)]
    for i in range(MANY):
        for peer in regular if i % 20 == 0 else ():
            peer.sendall(GET % b"/readyz")
            assert peer.recv(65536).startswith(b"HTTP/1.1 200 "), f"the regular one's place is taken after {i}"
        for tcp in (True, False):
            peer = connect(client, tcp)
            with contextlib.suppress(ConnectionError):
                peer.sendall((b"", b"GET / HT", GET % b"/status")[i % 3])
            peers.append(peer)
    for _ in range(10):
        status, seconds = timed(lambda: client.probe("/readyz"))
        assert status == 200 and seconds < 1, (status, seconds)
        shown, seconds = timed(lambda: client.command("status"))
        assert shown.returncode == 0 and seconds < 1, (shown.stderr, seconds)
    then, more = held(client)
    print(f"descriptors {descriptors} -> {then}, anonymous memory {memory} -> {more} kB with {2 * MANY} connections")
    assert then <= descriptors + 2 * 64 + 4, f"{descriptors} descriptors became {then}"
    assert more <= memory + 4096, f"{memory} kB became {more} kB"
    code, seconds = client.stop()
    assert code == 0 and seconds < 8, (code, seconds, client.last_line())
    client.nobody_left()
    for peer in peers + regular:
        peer.close()


def control_slow_readers(world):
    """Clients that ask for /status without end and never read: bounded, and nobody else waits for them."""
    world.server()
    client = world.client()
    client.start().ready()
    descriptors, memory = held(client)
    peers = [connect(client, tcp=i % 2 == 0, small=True) for i in range(20)]
    requests = (GET % b"/status") * 100
    # Until none takes more: lictor has stopped reading them, for its own answers wait to be taken.
    for peer in peers:
        peer.settimeout(0.02)
    filled, end = 1, time.monotonic() + 4
    while filled and time.monotonic() < end:
        filled = 0
        for peer in peers:
            with contextlib.suppress(OSError):
                filled += peer.send(requests)
    for _ in range(20):
        status, seconds = timed(lambda: client.probe("/readyz"))
        assert status == 200 and seconds < 1, (status, seconds)
    then, more = held(client)
    print(f"descriptors {descriptors} -> {then}, anonymous memory {memory} -> {more} kB")
    assert then <= descriptors + 2 * 64 + 4 and more <= memory + 16384, (descriptors, then, memory, more)
    # The time for taking an answer is 5 s: then they are gone, though they hold on.
    eventually(lambda: held(client)[0] <= descriptors + 4, 15, "the slow readers have lost their places")
    for peer in peers:
        peer.close()
    assert client.stop()[0] == 0, client.last_line()


def control_few_descriptors(world):
    """With room for 64 open files the idle take neither lictor's own descriptors nor, where those run out, its time."""
    world.server()
    client = world.client(agent={"config": {"limits": {"http_max_conns_per_client": 20}}})
    client.before_exec = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    client.start().ready()
    before = held(client)[0]
    peers = [connect(client, tcp) for _ in range(200) for tcp in (True, False)]
    assert client.probe("/readyz") == 200
    then = held(client)[0]
    assert then <= before + 2 * 64 // 8 + 2, f"{before} descriptors became {then}"
    # What takes descriptors goes on: an agent with all that belongs to its start.
    agent = client.agent_pid()
    os.kill(agent, signal.SIGKILL)
    eventually(lambda: client.agent_pid() not in (None, agent), 10, "another agent")
    client.ready()

    # Fewer than it has: nobody can be let in any more.
    resource.prlimit(client.pid, resource.RLIMIT_NOFILE, (8, 64))
    for peer in peers:
        peer.close()
    peers = [connect(client, tcp) for _ in range(200) for tcp in (True, False)]

    def ticks():
        with open(f"/proc/{client.pid}/stat") as file:
            return sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13]))

    before = ticks()
    time.sleep(2)
    assert ticks() - before < 20, f"{ticks() - before} ticks of CPU in 2 s"
    for peer in peers:
        peer.close()
    resource.prlimit(client.pid, resource.RLIMIT_NOFILE, (64, 64))
    eventually(lambda: client.probe("/readyz") == 200, 10, "it answers again")
    assert client.stop()[0] == 0, client.last_line()


def control_hammered(world):
    """/readyz and /status asked by 16 clients as fast as they can: how long a request waits for its turn."""
    world.server()
    client = world.client()
    client.start().ready()
    over, counts = threading.Event(), []

    def hammer(number):
        peer, count = connect(client, tcp=number % 2 == 0), 0
        with contextlib.closing(peer):
            while not over.is_set():
                peer.sendall(GET % (b"/readyz", b"/status")[number // 2 % 2])
                assert peer.recv(65536), "closed"
                count += 1
        counts.append(count)

    clients = [threading.Thread(target=hammer, args=(i,)) for i in range(16)]
    for thread in clients:
        thread.start()
    waits, end = [], time.monotonic() + 5
    while time.monotonic() < end:
        status, seconds = timed(lambda: client.probe("/readyz"))
        assert status == 200
        waits.append(seconds)
    over.set()
    for thread in clients:
        thread.join()
    waits.sort()
    print(
        f"{sum(counts) / 5:.0f} answers/s to {len(counts)} clients; a probe beside them, its client's own time included: "
        f"median {waits[len(waits) // 2] * 1000:.1f} ms, longest {waits[-1] * 1000:.1f} ms of {len(waits)}"
    )
    assert len(counts) == 16, "a client was sent away"
    assert client.stop()[0] == 0, client.last_line()
