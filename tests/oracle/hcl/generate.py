"""Texts for the readers of HCL and JSON: made of their grammars, of their words in any order, and of both with bytes changed."""
import random

WORDS = [
    "a", "b", "A", "a.b", "a-b", "_x", "true", "false", "null", '"a"', '"b c"', '"A"', '"\\u0061"', "0", "1", "-1", "007", "08", "0x1F",
    "-0x0a", "1.5", ".5", "1.", "1e3", "1.5e-3", "0e1", "1e", "-", "+", ".", "9223372036854775807", "9223372036854775808", "1e308", "1e309",
    "1e-400", "0.1", "=", "=", "=", "{", "{", "}", "}", "[", "]", ",", ",", ":", ";", "\n", "\n", "\n", "# c\n", "// c\n", "/* c */", "/* c\n*/",
    "/", "<<E\nx\nE\n", "<<-E\n  x\n  E\n", "<<-E\nx\n  E\n", "<<E\n  x\n  E\n", "<<-E\n\tx\n\n\tE\n", "<<E\nE\n", "<<E", "'a'", '"${a}"', '"${"a"}"',
    '"$a"', '"$${a}"', '"${{}}b"', '"a\\n"', '"\\t\\"\\\\"', '"\\x41\\101"', '"é"', "é", "\u00a0", "\r\n", "\t", "a=1\n", 'a="x"\n', "a=[1]\n",
    "a{}\n", "a{b=1}\n", 'a "b"{c=1}\n', 'a "b" "c" {}\n', "A {}\n", 'a = "2"\n', "a = [{}]\n", "a = {b = 1}\n", "b = 1.5\n", "b = true\n",
]
KEYS = ["a", "b", "c", "A", "node_name", '"a"', '"b.c"', '"a b"', "d-e", "é"]
LABELS = ['"x"', '"y"', "z", '"X"', '"a"']
JSON_KEYS = ['"a"', '"b"', '"A"', '"a b"', '"\\u0061"', '"c"', '""', '"é"']
BYTES = list(b'{}[]",=:#/*<>-+.\\$\n\r\t 019aeExuE\x00\xc3\xa9\xff')


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def one(self, *choices):
        return self.random.choice(choices)()

    def some(self, make, most, between=""):
        return between.join(make() for _ in range(self.random.randint(0, most)))

    def blank(self):
        return self.random.choice([" ", " ", " ", "", "\n", "\t", " # c\n", " // c\n", " /* c */ ", "\r\n"])

    # ---- HCL ----

    def number(self):
        pick = self.random
        return pick.choice([
            str(pick.randint(-99999, 99999)), str(pick.random()), "%e" % pick.uniform(-1e9, 1e9), hex(pick.randrange(1 << 40)), "0%o" % pick.randrange(4096),
            str(pick.randrange(-(1 << 63), 1 << 63)), str(pick.randrange(1 << 62, 1 << 65)), "1.e2", ".25", "-.5", "1E+2", "1.5E2", "0.5e1",
            "-0", "00", "0x", "1_000", "5e-324", "1.7976931348623157e308", "2e308", "123456789012345678901234567890.5", "1e-99999",
        ])

    def letter(self):
        return self.random.choice([
            "a", "b", " ", "é", "€", "\U0001f600", "#", "//", "'", "{", "}", "\\n", "\\t", "\\\"", "\\\\", "\\x41", "\\101", "\\u00e9", "\\U0001F600", "$", "$$",
            "${x}", '${f("y")}', "${a\nb}", "%{", "\\a\\b\\f\\r\\v", "\t",
        ])

    def quoted(self):
        return '"' + self.some(self.letter, 5) + '"'

    def heredoc(self):
        pick = self.random
        word = pick.choice(["E", "EOF", "EÉ", "E1"])
        indent = pick.choice(["", "", "  ", "\t"])
        lines = "".join(pick.choice(["", " ", "  ", "\t", "   "]) + pick.choice(["x", "", "EOF x", "E", "é", "\\n", '"']) + "\n" for _ in range(pick.randint(0, 4)))
        return "<<" + pick.choice(["", "-"]) + word + pick.choice(["\n", "\n", "\r\n", " \n"]) + lines + indent + word + pick.choice(["\n", "\n", "\r\n", ""])

    def literal(self):
        return self.one(self.number, self.quoted, self.quoted, self.heredoc, lambda: "true", lambda: "false")

    def elements(self, depth):
        return "[" + self.some(lambda: self.blank() + self.value(depth - 1), 3, self.random.choice([",", ",", ", ", ",,", " "])) + self.random.choice(["", ",", "\n"]) + "]"

    def braces(self, depth):
        return "{" + self.body(depth - 1) + "}"

    def value(self, depth):
        if depth <= 0:
            return self.literal()
        return self.one(self.literal, self.literal, lambda: self.elements(depth), lambda: self.braces(depth))

    def item(self, depth):
        key = self.random.choice(KEYS)
        if depth > 0 and self.random.random() < 0.4:
            labels = self.some(lambda: " " + self.random.choice(LABELS), 2)
            return key + labels + self.blank() + self.braces(depth)
        return key + self.blank() + "=" + self.blank() + self.value(depth)

    def body(self, depth):
        return self.blank() + self.some(lambda: self.item(depth), 4, self.random.choice(["\n", "\n", ",", ", ", " "])) + self.blank()

    def hcl(self):
        return self.body(self.random.randint(0, 4))

    # ---- JSON ----

    def json_text(self):
        return '"' + self.some(lambda: self.random.choice(["a", "é", "\\n", "\\u00e9", "\\\"", "\\\\", "\\/", "\\b", "$", "${", "{", " ", "\U0001f600"]), 4) + '"'

    def json_value(self, depth):
        pick = self.random
        if depth <= 0 or pick.random() < 0.3:
            return pick.choice([self.json_text, self.json_text, lambda: pick.choice(["1", "-0", "0", "1.5", "1e3", "1E-2", "true", "false", "null", "1e400", "01", "12345678901234567890"])])()
        if pick.random() < 0.35:
            return "[" + self.some(lambda: self.json_value(depth - 1), 3, ", ") + "]"
        return self.json(depth - 1)

    def json(self, depth=None):
        depth = self.random.randint(0, 5) if depth is None else depth
        member = lambda: self.random.choice(JSON_KEYS) + ": " + self.json_value(depth)
        return "{" + self.some(member, 4, self.random.choice([",", ", ", ",\n"])) + self.random.choice(["", "", "", "\n", ","]) + "}"

    # ---- spoilt ----

    def soup(self):
        return self.some(lambda: self.random.choice(WORDS), 14, self.random.choice([" ", " ", ""]))

    def spoilt(self, text):
        data = bytearray(text.encode())
        for _ in range(self.random.randint(1, 3)):
            at = self.random.randint(0, len(data))
            what = self.random.randrange(4)
            if what == 0:
                del data[at:at + self.random.randint(1, 3)]
            elif what == 1:
                data[at:at] = bytes([self.random.choice(BYTES)])
            elif what == 2:
                data[at:at] = self.random.choice(WORDS).encode()
            else:
                del data[at:]
        return bytes(data)

    # (format, bytes)
    def next(self):
        kind = self.random.randrange(8)
        if kind < 2:
            return "hcl", self.hcl().encode()
        if kind == 2:
            return "hcl", self.soup().encode()
        if kind == 3:
            return "hcl", self.spoilt(self.hcl())
        if kind == 4:
            return "hcl", self.json().encode()
        if kind == 5:
            return "hcl", self.spoilt(self.json())
        return "json", self.json().encode() if kind == 6 else self.spoilt(self.json())
