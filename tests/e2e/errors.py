#!/usr/bin/env python3
"""docs/errors.md, made from the sources: every Problem that they construct.

errors.py           prints the page
errors.py --write   writes it

A Problem can be constructed only as `Problem{what, why, hint, exit}` (its constructor is explicit), so that none is
missed. Of each argument this keeps what is literal; … stands for the rest. Where a function builds Problems from its
parameters, each call of it in its file is an entry.
"""

import functools
import itertools
import pathlib
import re
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PAGE = SOURCE / "docs/errors.md"
GAP = "…"
LITERAL = re.compile(r'R"\((.*?)\)"|"((?:[^"\\]|\\.)*)"', re.DOTALL)
CHARACTER = re.compile(r"'(?:[^'\\\n]|\\[0-7x][0-9a-f]*|\\.)'")
NO_FUNCTION = ("if", "for", "while", "switch", "catch")

HEAD = """# Errors

lictor's errors have the form `lictor: what: why; what to do`. This list of all of them is made from the code; `…` stands for
the parts that vary: a path, a key, the system's own words. The exit code is that of a command or a start that ends with the
error. A node that already serves does not end: it shows the error in the log, and as a `problem` in `lictor status`. The most
common ones are explained in [troubleshooting](troubleshooting.md).

| what | why | what to do | exit |
|---|---|---|---|
"""


class Text:
    """A source file without its comments."""

    def __init__(self, text):
        kept = re.compile(rf'({LITERAL.pattern}|{CHARACTER.pattern})|//[^\n]*|/\*.*?\*/', re.DOTALL)
        self.text = kept.sub(lambda found: found[1] or "", text)
        # Positions of brackets that are not in a literal.
        blank = kept.sub(lambda found: "_" * len(found[0]), self.text)
        self.ends, stack = {}, []
        for at, sign in enumerate(blank):
            if sign in "({[":
                stack.append(at)
            elif sign in ")}]":
                self.ends[stack.pop()] = at
        self.blank, self.begins = blank, {end: begin for begin, end in self.ends.items()}

    def arguments(self, opening):
        return [part.strip() for part in split(self.text[opening + 1 : self.ends[opening]], ",")]

    @functools.cache
    def functions_around(self, place):
        """(name, parameters, body) of the functions and lambdas around a place, the innermost first."""
        found_around = []
        around = [at for at, end in self.ends.items() if self.blank[at] == "{" and at < place < end]
        for at in sorted(around, reverse=True):
            header = self.blank[:at].rstrip()
            header = re.sub(r"(\bconst|\bnoexcept|->\s*[\w:<>]+)\s*$", "", header).rstrip()
            opening = self.begins.get(len(header) - 1)
            if opening is None or header[-1] != ")":
                continue
            before = self.blank[:opening].rstrip()
            if found := re.search(r"(\w+) = \[[^\]]*\]$", before):
                name = found[1]
            elif found := re.search(r"(\w+)$", before):
                name = found[1]
            else:
                continue
            if name not in NO_FUNCTION:
                names = [re.search(r"(\w+)$", part) for part in self.arguments(opening)]
                found_around.append((name, [found[1] for found in names if found], self.text[at : self.ends[at]]))
        return found_around

    def calls(self, name, scope):
        """Where a function is called: the opening brackets. A lambda, `scope` its function's body, is called there or by a
        function that is given it."""
        for found in re.finditer(rf"(?<![\w.:]){name}\(", self.blank):
            before = self.blank[: found.start()].rstrip()
            # A definition has its type before it.
            if not before.endswith("return") and re.search(r"[\w>&*]$", before):
                continue
            around = self.functions_around(found.start())
            if not scope or any(body == scope or name in parameters for _, parameters, body in around):
                yield found.end() - 1


def split(text, sign):
    """The parts between the signs that stand outside of brackets and literals."""
    parts, depth, at, begin = [], 0, 0, 0
    while at < len(text):
        if literal := LITERAL.match(text, at) or CHARACTER.match(text, at):
            at = literal.end()
            continue
        if text[at] in "({[":
            depth += 1
        elif text[at] in ")}]":
            depth -= 1
        elif not depth and text.startswith(sign, at) and (sign != ":" or "::" not in text[at - 1 : at + 2]):
            parts.append(text[begin:at])
            begin = at + 1
        at += 1
    return [*parts, text[begin:]]


def unescaped(literal):
    return re.sub(r"\\(.)", lambda found: {"n": " "}.get(found[1], found[1]), literal)


def texts(expression, known, depth=0):
    """What an expression can be, with gaps; `known`: what its names stand for, as (expressions, their own names)."""
    expression = expression.strip()
    if depth > 8:
        return [GAP]
    if len(parts := split(expression, "?")) > 1:
        condition = known.get(parts[0].strip(), ([], {}))[0]
        first, other = "?".join(parts[1:]), None
        # The colon of this ?, not that of one further in.
        pieces, nested = split(first, ":"), 0
        for count, piece in enumerate(pieces):
            nested += len(split(piece, "?")) - 1
            if nested == count:
                first, other = ":".join(pieces[: count + 1]), ":".join(pieces[count + 1 :])
                break
        chosen = {("true",): [first], ("false",): [other]}.get(tuple(condition), [first, other])
        return union(*(texts(choice, known, depth + 1) for choice in chosen))
    if len(parts := split(expression, "+")) > 1:
        return joined([texts(part, known, depth + 1) for part in parts])
    if literals := list(LITERAL.finditer(expression)):
        if not LITERAL.sub("", expression).strip():
            return ["".join(found[1] if found[1] is not None else unescaped(found[2]) for found in literals)]
    if found := re.fullmatch(r"(?:std::string|std::move|std::string_view|quoted)\((.*)\)", expression, re.DOTALL):
        return texts(found[1], known, depth + 1) if len(split(found[1], ",")) == 1 else [GAP]
    if found := re.fullmatch(r"(fmt::format|setting_subject)\((.*)\)", expression, re.DOTALL):
        form, *values = split(found[2], ",") if found[1] == "fmt::format" else ['"{} ({})"', *split(found[2], ",")]
        (form,) = texts(form, known, depth + 1)
        pieces = re.split(r"(?<!\{)\{[^{}]*\}(?!\})", form)
        pieces = [piece.replace("{{", "{").replace("}}", "}") for piece in pieces]
        filled = [[pieces[0]]]
        for value, piece in zip(values, pieces[1:], strict=True):
            filled += [texts(value, known, depth + 1), [piece]]
        return joined(filled)
    if expression in known:
        values, names = known[expression]
        found = union(*(texts(value, names, depth + 1) for value in values))
        return [text for text in found if text] if GAP in found else found
    return [GAP]


def joined(parts):
    return union([re.sub(rf"{GAP}(?:\s*{GAP})*", GAP, "".join(choice)) for choice in itertools.product(*parts)])


def union(*lists):
    return list(dict.fromkeys(itertools.chain(*lists)))


def names_of(expression):
    return set(re.findall(r"\b\w+\b", LITERAL.sub("", expression)))


def locals_in(body):
    """Strings that are assigned to a name in a function: name -> all of them."""
    found = {}
    for name, value in re.findall(r"\b(?:string|auto|char\*) (\w+) = ([^;\[]+);", body):
        if f"{name} +=" not in body:
            found[name] = [value, *re.findall(rf"^\s*(?:\}} else )?{name} = ([^;]+);", body, re.MULTILINE)]
    return found


def contexts(source, place, needed, depth=0):
    """What the names at a place stand for, those in `needed` and what they depend on; one for each call that leads there."""
    around = source.functions_around(place)
    if not around:
        return [{}]
    name, parameters, _ = around[0]
    here = {}
    for _, _, body in reversed(around):
        here |= {name: (values, here) for name, values in locals_in(body).items()}
    needed = set(needed)
    for local in list(needed & set(here)):
        needed |= set().union(*map(names_of, here[local][0]))
    scope = around[1][2] if len(around) > 1 else None
    calls = list(source.calls(name, scope)) if needed & set(parameters) and depth < 3 else []
    found = []
    for call in calls:
        given = dict(zip(parameters, source.arguments(call)))
        wanted = set().union(*(names_of(given[name]) for name in needed & set(given)))
        for outer in contexts(source, call, wanted, depth + 1):
            inner = {name: ([value], outer) for name, value in given.items()}
            inner |= {name: (values, inner) for name, (values, _) in here.items()}
            found.append(inner)
    return found or [here]


def entries_of(arguments, known, codes):
    code = arguments[3] if arguments[3:] else "Exit::config"
    exits = sorted((codes[name] for name in re.findall(r"Exit::(\w+)", code)), key=int)
    asked = [set(re.findall(r"\b(\w+) \?", LITERAL.sub("", argument))) for argument in arguments[:3]]
    shared = [word for word in union(*asked) if sum(word in words for words in asked) > 1]
    # What more than one argument depends on is the same for all of them.
    for answers in itertools.product(("true", "false"), repeat=len(shared)):
        names = known | {word: ([answer], {}) for word, answer in zip(shared, answers)}
        given = {name: (values, of) for name, (values, of) in names.items() if of is not known}
        whys, hints = (texts(argument, names) for argument in arguments[1:3])
        for what, why, hint in itertools.product(texts(arguments[0], given), whys, hints):
            # What only passes on another Problem's words is that one's entry.
            if why != GAP or hint not in ("", GAP):
                yield subject(what), why, hint, ", ".join(exits)


def subject(what):
    """A setting with where it is from, or whatever else differs."""
    return "… (…)" if re.fullmatch(r"[….]+ \(…\)", what) else GAP if re.match(r"[./]*…[^(]*$|$", what) else what


def exit_codes():
    header = (SOURCE / "lib/base/problem.hpp").read_text()
    return dict(re.findall(r"^  (\w+) = (\d+),", header, re.MULTILINE))


def rows():
    """(what, why, hints, exit) of each row."""
    codes, found = exit_codes(), set()
    for folder in ("lib", "daemon"):
        for path in sorted((SOURCE / folder).rglob("*.cpp")):
            source = Text(path.read_text())
            for place in re.finditer(r"\bProblem(?: \w+)?\{(?!\})", source.blank):
                arguments = source.arguments(place.end() - 1)
                assert len(arguments) in (3, 4), f"{path}: {arguments}"
                entries = set()
                for known in contexts(source, place.start(), names_of(arguments[1]) | names_of(arguments[2])):
                    entries |= set(entries_of(arguments, known, codes))
                found |= set(merged(entries))
    return found


def merged(entries):
    """The steps of one place that fail alike as one entry, and what may help against one as one."""
    whys, hints = {}, {}
    for what, why, hint, code in entries:
        step = re.fullmatch(rf"([\w ]+): {GAP}", why)
        whys.setdefault((what, hint, code, not step), set()).add(step[1] if step else why)
    for (what, hint, code, whole), texts_of in whys.items():
        for why in sorted(texts_of) if whole else [", ".join(sorted(texts_of)) + f": {GAP}"]:
            hints.setdefault((what, why, code), set()).add(hint)
    return [(what, why, tuple(sorted(texts_of)), code) for (what, why, code), texts_of in hints.items()]


def cell(text):
    """Text as Markdown shows it unchanged; what is in backticks is code already."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([*<>|\\])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


def page():
    def order(row):
        return [re.sub(r"^\W+", "", text).lower() for text in (row[0], row[1], *row[2], row[3])], row

    lines = []
    for what, why, hints, code in sorted(rows(), key=order):
        lines.append(f"| {cell(what)} | {cell(why)} | {'<br>'.join(map(cell, hints))} | {code} |")
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page())
    else:
        print(page(), end="")
