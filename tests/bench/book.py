"""What a part of the bench has seen: samples by measure and by who gave them, and the limits lictor has set itself."""

import collections
import statistics

OURS = "lictor"
WIDTH = 62

Limit = collections.namedtuple("Limit", "who words value bound")


class Measure:
    """One figure, of several programs. `digits` are those that are printed; `unit` "" is a number of things.

    The ratio that is printed is by medians, and to `than`: lictor's own unless something else is named.
    """

    def __init__(self, title, unit, digits=1, than=OURS):
        self.title, self.unit, self.digits, self.than = title, unit, digits, than
        self.samples, self.failures, self.limits = {}, {}, []

    def add(self, who, *values):
        self.samples.setdefault(who, []).extend(values)

    def failed(self, who, why):
        self.samples.setdefault(who, [])
        self.failures.setdefault(who, []).append(str(why))

    def median(self, who):
        """None where nothing was measured."""
        values = self.samples.get(who)
        return statistics.median(values) if values else None

    def limit(self, who, words, bound, value=None):
        """`value`, the median unless told, is to be at most `bound`; with a None among them nothing is held."""
        value = self.median(who) if value is None else value
        if value is not None and bound is not None:
            self.limits.append(Limit(who, words, value, bound))

    def never_fails(self, who):
        tries = len(self.samples.get(who, [])) + len(self.failures.get(who, []))
        self.limit(who, f"no failure in {tries}", 0, len(self.failures.get(who, [])))

    def lines(self):
        title = f"{self.title}, {self.unit}" if self.unit else self.title
        yield f"{title:<{WIDTH}} {'min':>10} {'median':>10} {'max':>10} {'ratio':>7} {'n':>4} {'failed':>6}"
        own = self.median(self.than)
        for who, values in self.samples.items():
            failures = len(self.failures.get(who, []))
            line = f"  {who:<{WIDTH - 2}}"
            if values:
                figures = (min(values), statistics.median(values), max(values))
                line += "".join(f" {figure:>10,.{self.digits}f}" for figure in figures)
                line += f" {figures[1] / own:>7.2f}" if own else f" {'':>7}"
            else:
                line += " " * 41
            yield f"{line} {len(values):>4} {failures or '':>6}".rstrip()
        for who, reasons in self.failures.items():
            reason, times = collections.Counter(reasons).most_common(1)[0]
            yield f"    {who} failed {len(reasons)} times; {times} times: {reason.splitlines()[0][:90]}"
        for who, words, value, bound in self.limits:
            kept = "kept" if value <= bound else "MISSED"
            figures = f"{value:,.{self.digits}f} of at most {bound:,.{self.digits}f}"
            yield f"    {kept:<6} {who}: {figures} ({words})"

    def as_json(self):
        limits = [limit._asdict() | {"kept": limit.value <= limit.bound} for limit in self.limits]
        names = ("title", "unit", "samples", "failures")
        return {name: getattr(self, name) for name in names} | {"limits": limits}


class Book:
    """The measures and the notes of one part, in the order in which they were opened."""

    def __init__(self):
        self.measures, self.notes = [], []

    def measure(self, *arguments, **options):
        self.measures.append(Measure(*arguments, **options))
        return self.measures[-1]

    def note(self, text):
        self.notes.append(text)

    def text(self):
        blocks = ["\n".join(measure.lines()) for measure in self.measures if measure.samples]
        return "\n\n".join(blocks + ["\n".join(self.notes)] * bool(self.notes))

    def as_json(self):
        return {"measures": [measure.as_json() for measure in self.measures], "notes": self.notes}


def in_turn(number, ways):
    """The items of `ways` for one round: another one comes first each time."""
    names = list(ways)
    turn = number % len(names)
    return [(name, ways[name]) for name in names[turn:] + names[:turn]]


def interleaved(rounds, ways):
    """(name, way) of each of `ways` once in each round, so that what drifts on the machine meets all of them alike."""
    for number in range(rounds):
        yield from in_turn(number, ways)
