"""The pages under docs/ as scenarios use them: they quote, apply and run what a page says, so that it can't drift."""

import json
import pathlib
import re
import shlex
import subprocess

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"


def sections(page, level):
    """Heading -> lines of each section of a page; `level`: "## " or "### "."""
    found, lines = {}, []
    for line in (DOCS / page).read_text().splitlines():
        if line.startswith(level):
            lines = found[line.removeprefix(level)] = []
        lines.append(line)
    return found


def blocks(lines):
    """The indented blocks of a section, as lists of lines."""
    found = re.findall(r"(?:^    .*\n)+", "\n".join(lines) + "\n", re.MULTILINE)
    return [[line.removeprefix("    ") for line in block.splitlines()] for block in found]


def replaced(text, words):
    for word, value in words.items():
        assert word in text, f"{word}: not in {text}"
        text = text.replace(word, value)
    return text


def carry_out(client, lines, words=None, environment=None):
    """Does what the lines of a page say, on a client's node, and returns what the commands print.

    {...} are settings, laid over the client's; `lictor` and `systemctl` of its service mean the client. `words` stand
    for what the page has in capitals. All must succeed but `lictor check` and `lictor doctor`, which may find
    something.
    """
    out = ""
    for line in replaced("\n".join(lines), words or {}).splitlines():
        if line.startswith("{"):
            client.write_settings(**json.loads(line))
            continue
        if line.startswith("systemctl "):
            act_on_service(client, line.removeprefix("systemctl "))
            continue
        if line.startswith("lictor version"):
            done = subprocess.run([client.world.lictor, "version"], capture_output=True, text=True, timeout=5)
        elif line.startswith("lictor "):
            done = client.command(*shlex.split(line)[1:], within=65)
        else:
            variables = client.environment | (environment or {})
            done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=20, env=variables)
        free = line in ("lictor check", "lictor doctor")
        assert free or done.returncode == 0, f"{line}: {done}"
        out += done.stdout + done.stderr
    return out


def act_on_service(client, words):
    """What systemd does with the service lictor."""
    verb, service = words.split()
    assert service == "lictor" and verb in ("start", "stop", "restart"), words
    if verb != "start":
        code, _ = client.stop()
        assert code == 0, client.last_line()
    if verb != "stop":
        client.start()
