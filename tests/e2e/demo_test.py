"""`./dev demo` as somebody sees it who tries lictor out: on a terminal, ended with Ctrl-C."""

import os
import re

from snippets import SOURCE
from terminal import Terminal


def demo_on_a_terminal(world):
    """It says what it does step by step, waits for Ctrl-C once the node is registered, and shows it leave."""
    shown = Terminal([str(SOURCE / "dev"), "demo"], {"HOME": os.environ["HOME"]}, columns=100, rows=100)
    try:
        page = shown.shows("press Ctrl-C to see the client leave", 60)
        assert re.search(r"^demo-node +127\.0\.0\.2:\d+ +alive ", page, re.M), page
        os.write(shown.end, b"\x03")
        code = shown.ended(30)
        print(shown.text())
        assert code == 0 and "lictor's exit code: 0" in shown.text()
        assert re.search(r"^demo-node +127\.0\.0\.2:\d+ +left ", shown.text(), re.M)
        assert shown.raw.count(b"\x1b[1m==> ") >= 7
    finally:
        shown.close()
