"""Runs a long program of this folder in a sandbox of its own, as run.py does with a scenario."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path.insert(0, str(TOP / "tests/e2e"))
import run  # noqa: E402
import tools  # noqa: E402


def require(lictor):
    """Ends the program with a line for each thing that this machine lacks."""
    problems = run.missing(lictor)
    if problems:
        sys.exit("\n".join(f"{pathlib.Path(sys.argv[0]).name}: can't run: {problem}" for problem in problems))


def enter(script, arguments, keep, limit=None):
    """Runs `script --inside FOLDER arguments` in a sandbox: 0, or 1 if it fails; then `keep(folder, code)` is called.

    INT and TERM end it, with 128 and their number, and so do `limit` seconds. When it returns, all processes and
    namespaces are gone, and the folder and its cgroups too.
    """
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"lt-{os.getpid()}-"))
    folder.chmod(0o755)
    command = ["setpriv", "--pdeathsig", "KILL", *tools.SANDBOX, sys.executable, str(script)]
    process = subprocess.Popen(command + ["--inside", str(folder), *arguments], stdin=subprocess.DEVNULL)

    signals = []

    def end(number=None, _=None):
        signals.extend([number] if number else [])
        first = tools.children(process.pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(first[0].pid if first else process.pid, signal.SIGKILL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    try:
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired:
            end()
            code = process.wait() or 1
        keep(folder, code)
    finally:
        tools.remove_cgroups(folder.name)
        shutil.rmtree(folder, ignore_errors=True)
    return 128 + signals[0] if signals else 1 if code else 0
