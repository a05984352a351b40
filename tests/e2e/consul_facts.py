"""The Consul that the tests run against: the one place that knows which it is, and what of its version they go by.

`$TEST_CONSUL` names it, as `--consul` of run.py, `./dev` and the long programs sets it: one program, or several with
colons between, of which the first is the one and all are what the moves go through. Without it: `consul` on PATH.

Run as a program it examines those of its arguments (none: of the environment), and ends with 78 and a line for each
that tests can't run against.
"""

import collections
import errno
import functools
import os
import re
import shutil
import stat
import subprocess
import sys

VARIABLE = "TEST_CONSUL"
OLDEST = (1, 5)  # what lictor asks of an agent is older, or said to be missing: docs/compatibility.md
UNUSABLE = 78


class Unusable(Exception):
    """Tests can't run against it; the text is for people: which program, why, and what to do."""


class Consul(collections.namedtuple("Consul", "path build version")):
    """A program that says of itself which Consul it is: `build` "1.22.0-dev", `version` (1, 22, 0).

    The properties are facts about versions, each with where it was seen or read. A scenario asks for the fact by its
    name, and never for a number.
    """

    def __str__(self):
        return f"Consul {self.build}"

    @property
    def number(self):
        """The build without what follows the digits, as the program file has it in one piece."""
        return ".".join(map(str, self.version))

    @property
    def as_member(self):
        """The build as an agent tells it to the other members: of "1.22.0-dev" the dash is left out; seen, 1.21 and 1.22."""
        return self.build.replace("-", "", 1)

    @property
    def later_setting(self):
        """The key of an agent's setting that only a later Consul has, by the changelog: this one refuses it."""
        since = {(1, 11): "acl.tokens.agent_recovery", (1, 12): "auto_reload_config", (1, 14): "ports.grpc_tls"}
        return next((key for known, key in since.items() if self.version < known), "ports.of_a_later_consul")

    @property
    def gives_up_by_agent_token(self):
        """An agent takes services out of the catalog by its own token alone, and answers with success where that may not;
        seen, 1.16 to 1.21; before 1.15 by the service's token."""
        return self.version >= (1, 15)

    @property
    def ports_without_grpc_tls(self):
        """`ports` of a server with certificates and without gRPC over TLS: that listener came in 1.14, and a -dev server
        opens it by itself; seen, 1.14 to 1.22."""
        return {"grpc_tls": -1} if self.version >= (1, 14) else {}

    def ports_with_grpc(self, tls):
        """`ports` of an agent that serves gRPC on 8502, with TLS or without: 1.14 made two ports of one, whose TLS followed the
        certificates, and ends where it has certificates and is told of `grpc` alone; seen, 1.8.7 and 1.21."""
        if self.version < (1, 14):
            return {"grpc": 8502}
        return {"grpc": -1, "grpc_tls": 8502} if tls else {"grpc": 8502, "grpc_tls": -1}

    @property
    def grpc_by_auto_encrypt(self):
        """What has gRPC show the certificate of auto_encrypt, beside `ports`: asked for from 1.13.1 on, changelog."""
        return {"tls": {"grpc": {"use_auto_cert": True}}} if self.version >= (1, 14) else {}

    @property
    def unread_metrics_look_up(self):
        """Whether format=prometheus of an agent that keeps nothing for it is an empty answer with 200, its refusal in a header,
        and not 415: from 1.12 on, source; seen, 1.14 and 1.21."""
        return self.version >= (1, 12)

    @property
    def reloads_by_itself(self):
        """The agent settings with which a version reloads its files by itself; {}: it can't, before 1.12, changelog."""
        return {"auto_reload_config": True} if self.version >= (1, 12) else {}


def examined(path):
    """The Consul at `path`; Unusable with a reason where it is none that tests could run against."""
    path = os.path.abspath(path)
    try:
        if stat.S_ISDIR(os.stat(path).st_mode):
            raise Unusable(f"{path}: is a folder; name the program in it")
        told = subprocess.run(
            [path, "version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=20
        )
    except subprocess.TimeoutExpired:
        raise Unusable(f"{path}: is no Consul: `version` does not end within 20 s; name another program") from None
    except OSError as error:
        raise Unusable(f"{path}: {why_not(path, error)}") from None
    found = re.match(r"Consul v((\d+)\.(\d+)\.(\d+)\S*)", told.stdout)
    if told.returncode or not found:
        raise Unusable(f"{path}: is no Consul: `version` does not say \"Consul v…\"; name another program")
    consul = Consul(path, found[1], tuple(int(digits) for digits in found.groups()[1:]))
    if consul.version < OLDEST:
        raise Unusable(f"{path}: {consul} is older than 1.5, with which lictor does not work; name a newer one")
    return consul


def why_not(path, error):
    if error.errno != errno.ENOEXEC:
        return f"can't be executed: {error.strerror.lower()}; name a program"
    with open(path, "rb") as file:
        if file.read(4) == b"\x7fELF":
            return f"is made for another architecture than this machine's, {os.uname().machine}; name one that is"
    return "is no program; name one"


def named():
    """The paths that the tests are to run against, the first before all; none where there is no Consul at all."""
    given = os.environ.get(VARIABLE)
    return [os.path.abspath(path) for path in given.split(":")] if given else list(filter(None, [shutil.which("consul")]))


@functools.cache
def all_given():
    return [examined(path) for path in named()]


def given():
    """The Consul that tests run against. It is asked for its version once a process."""
    found = all_given()
    if not found:
        raise Unusable("consul: not found on PATH; install it, or name one with --consul")
    return found[0]


def add_option(parser):
    parser.add_argument(
        "--consul",
        action="append",
        metavar="PATH",
        help="the Consul to run against (default: $TEST_CONSUL, else consul on PATH); more than one: the scenarios of "
        "moves go through them all, and all else runs against the first",
    )


def choose(paths):
    """Takes what the option of add_option() has named for this process and those it starts; ends it with 78 if that can't be."""
    if paths:
        os.environ[VARIABLE] = ":".join(map(os.path.abspath, paths))
    program, unusable = os.path.basename(sys.argv[0]), []
    for path in named():
        try:
            examined(path)
        except Unusable as error:
            unusable.append(f"{program}: can't run: {error}")
    if unusable:
        print(*unusable, sep="\n", file=sys.stderr)
        sys.exit(UNUSABLE)


def main():
    choose(sys.argv[1:])
    for consul in all_given():
        print(f"{consul}: {consul.path}")


if __name__ == "__main__":
    main()
