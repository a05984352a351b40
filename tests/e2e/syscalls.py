"""System calls of a process that fail on purpose, or take their time, and stop to do so, while it runs.

A seccomp filter hands the chosen calls of the process and its children to this one, which lets them through, has them wait
or has them fail. It works on static programs and needs no special file system.
"""

import ctypes
import errno
import fcntl
import os
import select
import socket
import struct
import threading

NUMBERS = {  # of x86-64 and arm64
    "x86_64": {"fsync": 74, "fdatasync": 75, "seccomp": 317, "socket": 41, "umask": 95},
    "aarch64": {"fsync": 82, "fdatasync": 83, "seccomp": 277, "socket": 198, "umask": 166},
}[os.uname().machine]

LIBC = ctypes.CDLL(None, use_errno=True)
SET_MODE_FILTER, NEW_LISTENER = 1, 1 << 3
USER_NOTIF, ALLOW = 0x7FC00000, 0x7FFF0000
LOAD_NUMBER, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
RECEIVE, SEND = 0xC0502100, 0xC0182101
CONTINUE = 1
REQUEST, RESPONSE = struct.Struct("=QI20xQ40x"), struct.Struct("=QqiI")


class Faults(threading.Thread):
    """Give `before_exec` to the process's Popen as preexec_fn, then start().

    While `error` is set, the calls fail with it. `failed` counts those that did. `slow` says from the caller's pid and the
    first argument for how many seconds a call is to wait; it is called before the call is let through.
    """

    def __init__(self, *calls):
        super().__init__(daemon=True)
        self.calls, self.error, self.failed, self.slow = calls, 0, 0, lambda pid, first: 0
        self.ours, self.theirs = socket.socketpair()

    def before_exec(self):
        steps = [(LOAD_NUMBER, 0, 0, 0)]
        for number, call in enumerate(self.calls):
            steps.append((JUMP_IF_EQUAL, len(self.calls) - number, 0, NUMBERS[call]))
        steps += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, USER_NOTIF)]
        program = b"".join(struct.pack("=HBBI", *step) for step in steps)
        code = ctypes.create_string_buffer(program, len(program))
        header = ctypes.create_string_buffer(struct.pack("@HxxxxxxP", len(steps), ctypes.addressof(code)), 16)
        listener = LIBC.syscall(NUMBERS["seccomp"], SET_MODE_FILTER, NEW_LISTENER, header)
        if listener < 0:
            raise OSError(ctypes.get_errno(), "seccomp")
        socket.send_fds(self.theirs, [b"."], [listener])
        os.close(listener)

    def run(self):
        listener = socket.recv_fds(self.ours, 1, 1)[1][0]
        waiting = []
        ready = select.poll()
        ready.register(listener, select.POLLIN)
        while not any(event & select.POLLHUP for _, event in ready.poll()):
            request = bytearray(REQUEST.size)
            try:
                fcntl.ioctl(listener, RECEIVE, request)
            except OSError as error:
                check_gone(error)
                continue
            call, pid, first = REQUEST.unpack(request)
            self.failed += bool(self.error)
            answer = RESPONSE.pack(call, 0, *((-self.error, 0) if self.error else (0, CONTINUE)))
            seconds = self.slow(pid, first)
            if seconds:
                waiting.append(threading.Timer(seconds, give, (listener, answer)))
                waiting[-1].start()
            else:
                give(listener, answer)
        for answer in waiting:
            answer.join()
        os.close(listener)


def check_gone(error):
    """Raises what is not for the reason that the caller was killed meanwhile."""
    if error.errno not in (errno.ENOENT, errno.EINTR):
        raise error


def give(listener, answer):
    try:
        fcntl.ioctl(listener, SEND, answer)
    except OSError as error:
        check_gone(error)
