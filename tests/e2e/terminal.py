"""A command on a terminal: a pty, and what a screen of so many columns and rows would show of it."""

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time

import pyte


class Terminal:
    def __init__(self, command, environment=None, columns=80, rows=24):
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.raw, self.blanks = b"", 0
        self.end, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = {"TERM": "xterm", "PATH": os.environ["PATH"]} | (environment or {})
        self.process = subprocess.Popen(
            command, stdin=inner, stdout=inner, stderr=inner, env=environment, start_new_session=True
        )
        os.close(inner)

    def lines(self):
        """What the screen shows now, without what is blank at its ends."""
        return [line.rstrip() for line in "\n".join(self.screen.display).rstrip().split("\n")]

    def text(self):
        return "\n".join(self.lines())

    def feed(self, within=0.1):
        """Takes what the command writes in so long; False once it has ended and all has been taken."""
        if not select.select([self.end], [], [], within)[0]:
            return True
        try:
            data = os.read(self.end, 65536)
        except OSError:  # how a pty says that the other side is closed
            return False
        self.raw += data
        # Piece by piece, as a slow terminal would draw it: has the page ever been blank since it was first there?
        for piece in data.splitlines(keepends=True):
            there = bool(self.text())
            self.stream.feed(piece)
            self.blanks += there and not self.text()
        return bool(data)

    def shows(self, fact, within=10.0):
        """Waits until the lines on the screen have it: `fact` is a function of their text, or a part of that."""
        until = time.monotonic() + within
        found = fact if callable(fact) else lambda text: fact in text
        while time.monotonic() < until:
            if found(self.text()):
                return self.text()
            if not self.feed():
                break
        assert found(self.text()), f"the screen shows\n{self.text()}"
        return self.text()

    def ended(self, within=10.0):
        """The exit code, after all that it wrote has been drawn."""
        until = time.monotonic() + within
        while time.monotonic() < until and self.feed():
            pass
        return self.process.wait(max(0.1, until - time.monotonic()))

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        os.close(self.end)


@contextlib.contextmanager
def terminal(client, *arguments, columns=80, rows=24, **environment):
    """A command of lictor's on the client's node, on a terminal of its own."""
    command = ["ip", "netns", "exec", client.namespace, client.world.lictor, *arguments, "-c", client.settings_file]
    shown = Terminal(command, client.environment | {"TERM": "xterm"} | environment, columns, rows)
    try:
        yield shown
    finally:
        shown.close()


def written_to_terminal(client, *arguments, **environment):
    """All that such a command writes, and its exit code."""
    with terminal(client, *arguments, **environment) as shown:
        code = shown.ended()
        return shown.raw.decode().replace("\r\n", "\n"), code
