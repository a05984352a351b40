#!/usr/bin/env python3
"""The subjects of lib use each other one way, without circles, as the table of docs/contributing.md has it. `base` is everybody's."""
import pathlib
import re
import sys

SOURCE = pathlib.Path(__file__).parents[2]


def used():
    """Subject -> {subject that its files include: one of these files}"""
    subjects = {path.name: {} for path in (SOURCE / "lib").iterdir() if path.is_dir()}
    for path in sorted((SOURCE / "lib").rglob("*.[ch]pp")):
        subject = path.relative_to(SOURCE / "lib").parts[0]
        for name in re.findall(r'^#include "(\w+)/', path.read_text(), re.MULTILINE):
            if name != subject and name in subjects:
                subjects[subject].setdefault(name, str(path.relative_to(SOURCE)))
    return subjects


def told():
    rows = re.findall(r"^\| `(\w+)` \| [^|]* \|([^|]*)\|$", (SOURCE / "docs/contributing.md").read_text(), re.MULTILINE)
    return {subject: set(re.findall(r"`(\w+)`", uses)) for subject, uses in rows}


def circle(subjects, way):
    for name in subjects[way[-1]]:
        if name in way:
            return [*way[way.index(name) :], name]
        if found := circle(subjects, [*way, name]):
            return found
    return []


def main():
    subjects, table = used(), told()
    wrong = [f"a circle: {' -> '.join(found)}" for name in subjects if (found := circle(subjects, [name]))][:1]
    wrong += [f"docs/contributing.md has no row of its own for {name}" for name in sorted(subjects.keys() - table.keys())]
    for subject, uses in subjects.items():
        uses.pop("base", None)
        wrong += [f"{uses[name]} uses {name}, which docs/contributing.md does not say of {subject}"
                  for name in sorted(uses.keys() - table.get(subject, uses.keys()))]
        wrong += [f"docs/contributing.md has {subject} use {name}, and it does not"
                  for name in sorted(table.get(subject, set()) - uses.keys())]
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
