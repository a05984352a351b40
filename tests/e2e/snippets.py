"""The snippets of README.md and docs/*.md, and a node on which they work as they are printed."""

import collections
import json
import os
import re
import subprocess
import textwrap

from pages import DOCS, replaced
from world import CONSUL, Client, run

SOURCE = DOCS.parent
SETTINGS = "/etc/lictor/lictor.json"

# `section`: the heading it stands under; `line`: of the page; `kind`: "sh", "json" or what its fence says.
Snippet = collections.namedtuple("Snippet", "page section line kind text")


def all_pages():
    return ["README.md", *sorted(str(path.relative_to(SOURCE)) for path in DOCS.glob("*.md"))]


def snippets(page):
    """The fenced and indented blocks of a page, in order; an indented one is JSON if it begins like JSON, else sh."""
    found, section, lines = [], "", (SOURCE / page).read_text().splitlines()
    at = 0
    while at < len(lines):
        begin = at
        if lines[at].startswith("```"):
            at = lines.index("```", at + 1)
            found.append(Snippet(page, section, begin + 2, lines[begin][3:], "\n".join(lines[begin + 1 : at])))
        elif lines[at].startswith("    ") and not lines[at - 1]:
            while at + 1 < len(lines) and lines[at + 1].startswith("    "):
                at += 1
            text = textwrap.dedent("\n".join(lines[begin : at + 1]))
            found.append(Snippet(page, section, begin + 1, "json" if text[0] in '{"' else "sh", text))
        elif heading := re.match(r"#+ (.*)", lines[at]):
            section = heading[1]
        at += 1
    return found


def in_section(page, *headings):
    """The shell snippets and settings under these headings, in order."""
    found = [snippet for snippet in snippets(page) if snippet.section in headings]
    assert {snippet.section for snippet in found} == set(headings), f"{page} has no snippets under one of {headings}"
    return found


def commands(text):
    """The commands of a shell snippet, one each: lines joined where they end with a \\, without comments."""
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [re.sub(r"\s+#\s.*", "", line) for line in lines if not line.startswith("#")]


def settings_in(snippet, words):
    """The settings that a JSON snippet shows, the whole file or keys of it; `words` stand for its capitals."""
    text = replaced(snippet.text, {word: value for word, value in words.items() if word in snippet.text})
    return json.loads(text if text.startswith("{") else "{" + text + "}")


def make_writable(path):
    """Makes a folder of this machine one that the sandbox may write to without a trace."""
    layers = f"/run/layers{path.replace('/', '-')}"
    for folder in ("upper", "work"):
        os.makedirs(f"{layers}/{folder}")
    options = f"lowerdir={path},upperdir={layers}/upper,workdir={layers}/work"
    run("mount", "-t", "overlay", "-o", options, "overlay", path)


class Host(Client):
    """A node, not started, whose files are where people have them, with lictor and consul on PATH. One in a world."""

    def __init__(self, world, **settings):
        for path in ("/etc", "/var/lib", "/usr/local"):
            make_writable(path)
        os.makedirs("/etc/lictor", exist_ok=True)
        for program, path in (("lictor", world.lictor), ("consul", CONSUL)):
            os.symlink(path, f"/usr/local/bin/{program}.new")
            os.rename(f"/usr/local/bin/{program}.new", f"/usr/local/bin/{program}")
        world.nodes += 1
        address = f"10.77.0.{10 + world.nodes}"
        super().__init__(world, "n1", world.add_namespace("n1", address=address), address, {})
        self.settings_file, self.data_dir, self.run_dir = SETTINGS, "/var/lib/lictor/data", "/run/lictor"
        self.control_socket, self.agent_socket = f"{self.run_dir}/lictor.sock", f"{self.run_dir}/agent/http.sock"
        self.environment["PATH"] = "/usr/local/bin:" + self.environment["PATH"]
        del self.settings["agent"]["binary"], self.settings["run_dir"], self.settings["control"]
        self.settings["node"]["data_dir"] = self.data_dir
        self.write_settings(**settings)

    def sh(self, text, codes=(0,), within=40.0, **environment):
        """Runs a snippet as a person on the node does: what it prints."""
        command = ["ip", "netns", "exec", self.namespace, "sh", "-eu", "-c", text]
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=within,
            env=self.environment | environment,
        )
        assert done.returncode in codes, f"exit {done.returncode}: {text}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr
