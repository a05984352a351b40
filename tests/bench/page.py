"""The table and the date of a run on the page that compares: docs/comparison.md."""

import re
import statistics

from book import OURS

BEGIN, END = "<!-- figures -->\n", "<!-- end of figures -->\n"
# Title of the measure -> title on the page, digits; in the page's order.
ROWS = {
    "exec to service in the server's catalog": ("Exec to the service in the catalog, ms", 0),
    "told to stop, to exit with the node left": ("Told to stop, to exit with the node left, ms", 0),
    "told to stop, to the node out of the catalog": ("Told to stop, to the node out of the catalog, ms", 0),
    "200 services: missing from the catalog over a restart": ("200 services out of the catalog over a restart, s", 1),
    "agent killed, to the next with its service and a leader": ("Agent killed, to the next that serves, ms", 0),
    "exec to exec of the agent": ("Exec to exec of the agent, ms", 1),
    "10,000 orphans: first fork to none left": ("10,000 orphans in bursts of 100: until none is left, ms", 0),
    "10,000 orphans in bursts of 100: most that waited": ("the same: the most that waited", 0),
    "10,000 orphans: CPU time of PID 1": ("the same: CPU time of PID 1, ms", 0),
    "idle: PSS": ("Idle: memory of the holder (PSS), kB", 0),
    "idle: anonymous memory": ("the same: anonymous memory, kB", 0),
    "idle: context switches in 20 s": ("Idle: context switches in 20 s", 0),
    "agent and holder, idle: PSS": ("Agent and holder, idle: memory (PSS), kB", 0),
    "0.1 core: exec to service in the server's catalog": ("Within 0.1 core: exec to the service in the catalog, ms", 0),
    "10 services: exec to all in the catalog": ("10 services: exec to all in the catalog, ms", 0),
    "100 services: exec to all in the catalog": ("100 services: exec to all in the catalog, ms", 0),
    "1000 services: exec to all in the catalog": ("1,000 services: exec to all in the catalog, ms", 0),
    "1000 services, one changed: file written, to the catalog": (
        "1,000 services, one changed: file written, to the catalog, ms",
        0,
    ),
    "1000 services, nothing changed: told to look, to the answer": (
        "1,000 services, nothing changed: told to look, to the answer, ms",
        0,
    ),
    "nothing changed: requests to the agent's API": ("nothing changed: requests to the agent", 0),
    "one changed: requests to the agent's API": ("one changed: requests to the agent", 0),
    "readiness, 1000 a second, agent killed: median": ("1,000 readiness probes a second, the agent killed: median, ms", 2),
    "readiness, 1000 a second, agent killed: without an answer": ("the same: probes without an answer, of 6,000", 0),
    "size of the program": ("Size of the program, kB", 0),
}


def written(page, parts, machine):
    """The page with the figures of this run. What the run left out is not on it."""
    measures = {measure["title"]: measure for part in parts.values() for measure in part["measures"]}
    rows = ["| measured | of | median | least to most |\n", "|---|---|---|---|\n"]
    for title, (shown, digits) in ROWS.items():
        rows += lines(measures[title], shown, digits) if title in measures else []
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    head = re.sub(r"^AMD.*?, on [^;]*;", told(machine), head, count=1, flags=re.MULTILINE | re.DOTALL)
    return head + BEGIN + "".join(rows) + END + tail


def told(machine):
    version, day = machine["consul"].removeprefix("v"), machine["date"].split()[0]
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory']}, Linux {machine['kernel'].split('-')[0]}, "
        f"Debian 12, Consul {version}, on {day};"
    )


def lines(measure, shown, digits):
    for who, values in measure["samples"].items():
        failures = len(measure["failures"].get(who, []))
        failed = f"{failures} of {failures + len(values)} failed" if failures else ""
        name = re.sub(rf"^{OURS}\b", f"**{OURS}**", who)
        if not values:
            yield f"| {shown} | {name} | – | {failed} |\n"
        else:
            span = f"{min(values):,.{digits}f} to {max(values):,.{digits}f}" if min(values) != max(values) else ""
            yield (
                f"| {shown} | {name} | {statistics.median(values):,.{digits}f} | {'; '.join(filter(None, [span, failed]))} |\n"
            )
        shown = ""
