"""docs/troubleshooting.md: what it says of each symptom, for the scenarios that produce them.

They read the page: they look for the messages it quotes, apply the settings and run the commands it gives.
"""

import contextlib
import functools
import json
import re

import pages
from tools import eventually

PAGE = "troubleshooting.md"


class Advice:
    """What the page says of one symptom: its first indented block are messages, the others what to do."""

    def __init__(self, heading):
        self.messages, *deeds = pages.blocks(pages.sections(PAGE, "### ")[heading])
        self.deeds = [line for block in deeds for line in block]

    def unseen(self, *texts):
        """The messages of the page that no line of the texts ends with; … stands for what differs."""
        text = "\n".join(texts)
        patterns = {message: re.escape(message).replace("…", ".*") + " *$" for message in self.messages}
        return [message for message, pattern in patterns.items() if not re.search(pattern, text, re.MULTILINE)]

    def seen_in(self, *texts):
        unseen = self.unseen(*texts)
        assert not unseen, "\n".join(["the page quotes", *unseen, "and nobody says that in", *texts])

    def seen(self, client, within=10.0):
        """Waits until every message of the page has been in the log or in `lictor status`."""
        shown = []

        def told():
            shown.append(client.command("status").stdout)
            return not self.unseen(client.log, *shown)

        with contextlib.suppress(AssertionError):
            eventually(told, within, every=0.1)
        self.seen_in(client.log, *shown)

    def settings(self, **words):
        """The settings that the page shows, with `words` in place of its capitals."""
        (shown,) = [line for line in self.deeds if line.startswith("{")]
        return json.loads(pages.replaced(shown, words))

    def carry_out(self, client, environment=None, **words):
        """Runs the page's commands: what they print."""
        commands = [line for line in self.deeds if not line.startswith("{")]
        assert commands, "the page gives no command"
        return pages.carry_out(client, commands, words, environment)


def symptom(heading):
    """The scenario of one section: called with what that section says."""

    def wrap(scenario):
        @functools.wraps(scenario)
        def with_advice(world):
            scenario(world, Advice(heading))

        with_advice.symptom = heading
        return with_advice

    return wrap


def symptoms_of(module):
    """The headings of its scenarios, in their order."""
    return [scenario.symptom for scenario in vars(module).values() if hasattr(scenario, "symptom")]
