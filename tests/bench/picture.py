"""The chart of a run: medians, lictor's in colour."""

import statistics

import chart
from book import OURS
from life import WAITING
from services import COUNTS, RELOAD

# Title of the measure -> title in the chart, digits.
RANKED = {
    "exec to service in the server's catalog": ("Start: exec to service in the catalog", 0),
    "told to stop, to exit with the node left": ("Stop: told to exit, the node left", 0),
    "200 services: missing from the catalog over a restart": ("Restart: 200 services out of the catalog", 1),
    "agent killed, to the next with its service and a leader": ("Agent killed, to the next one that serves", 0),
    "exec to exec of the agent": ("Exec to exec of the agent", 1),
    "10,000 orphans: first fork to none left": ("10,000 orphans reaped", 0),
    "idle: PSS": ("Idle: memory of the holder (PSS)", 0),
    "0.1 core: exec to service in the server's catalog": ("Within 0.1 core: exec to service in the catalog", 0),
}


def svg(parts, machine):
    """None where nothing of this run is in the chart."""
    measures = {measure["title"]: measure for part in parts.values() for measure in part["measures"]}
    panels = []
    for title, (shown, digits) in RANKED.items():
        samples = measures.get(title, {}).get("samples", {})
        rows = [
            (told(measures[title], who), statistics.median(values), who.startswith(OURS))
            for who, values in samples.items()
            if values
        ]
        if rows:
            panels.append(chart.ranking(shown, measures[title]["unit"], rows, digits))
    lines = {
        "lictor: all at the start": ("exec to all in the catalog", OURS),
        "hook: all at the start": ("exec to all in the catalog", WAITING),
        "lictor: nothing changed": ("nothing changed: told to look, to the answer", OURS),
        "consul reload: nothing changed": ("nothing changed: told to look, to the answer", RELOAD),
    }
    if f"{COUNTS[-1]} services: exec to all in the catalog" in measures:
        series = {name: grown(measures, *of) for name, of in lines.items()}
        panels.append(chart.growth("Services", "ms", "services (both scales multiply)", series))
    below = f"medians; {machine['cpu']}, {machine['cores']} cores, Consul {machine['consul']}, {machine['date']}"
    return chart.page("lictor beside what it takes the place of", below, panels) if panels else None


def told(measure, who):
    failures = len(measure["failures"].get(who, []))
    return f"{who}: {failures} of {failures + len(measure['samples'][who])} failed" if failures else who


def grown(measures, title, who):
    between = ", " if title.startswith("nothing") else ": "
    medians = [(count, measures[f"{count} services{between}{title}"]["samples"].get(who)) for count in COUNTS]
    return [(count, statistics.median(values)) for count, values in medians if values]
