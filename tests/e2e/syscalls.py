"""System calls of a process that fail on purpose, and stop failing, while it runs.

A seccomp filter hands the chosen calls of the process and its children to this one, which lets them through or has them
fail. It works on static programs and needs no special file system.
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
    "x86_64": {"fsync": 74, "fdatasync": 75, "seccomp": 317},
    "aarch64": {"fsync": 82, "fdatasync": 83, "seccomp": 277},
}[os.uname().machine]

LIBC = ctypes.CDLL(None, use_errno=True)
SET_MODE_FILTER, NEW_LISTENER = 1, 1 << 3
USER_NOTIF, ALLOW = 0x7FC00000, 0x7FFF0000
LOAD_NUMBER, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
RECEIVE, SEND = 0xC0502100, 0xC0182101
CONTINUE = 1
REQUEST, RESPONSE = struct.Struct("=QIIiI16x48x"), struct.Struct("=QqiI")


class Faults(threading.Thread):
    """Give `before_exec` to the process's Popen as preexec_fn, then start().

    While `error` is set, the calls fail with it. `failed` counts those that did.
    """

    def __init__(self, *calls):
        super().__init__(daemon=True)
        self.calls, self.error, self.failed = calls, 0, 0
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
        ready = select.poll()
        ready.register(listener, select.POLLIN)
        while not any(event & select.POLLHUP for _, event in ready.poll()):
            request = bytearray(REQUEST.size)
            try:
                fcntl.ioctl(listener, RECEIVE, request)
                self.failed += bool(self.error)
                answer = (-self.error, 0) if self.error else (0, CONTINUE)
                fcntl.ioctl(listener, SEND, RESPONSE.pack(REQUEST.unpack(request)[0], 0, *answer))
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.EINTR):  # the caller was killed meanwhile
                    raise
        os.close(listener)
