"""A small writer of charts as SVG: bars beside each other per place, histograms, and pages of small charts."""

import math
from html import escape

COLOURS = ("#3b7dd8", "#e08a1e", "#3f9e6b")  # told apart on white and on black
NEUTRAL = "#7a7f87"
STYLE = (
    f"text{{font-family:system-ui,sans-serif;font-size:12px;fill:{NEUTRAL}}}"
    ".title{font-size:15px;font-weight:600}.axis{stroke:#7a7f87;stroke-width:1}"
    ".grid{stroke:#7a7f87;stroke-opacity:.25;stroke-width:1}"
)


def steps(highest):
    """Round numbers for an axis from 0 to at least `highest`: about five of them."""
    size = 10.0**-3
    while True:
        for factor in (1, 2, 5):
            if size * factor * 5 >= highest:
                step = size * factor
                return [step * i for i in range(int(-(-highest // step) or 1) + 1)]
        size *= 10


def bars(title, across, up, labels, series, digits=1):
    """`series`: name -> one value per label. Values of 0 are written out: that nothing is seen is what is to be seen."""
    width, height = max(480, 70 + 34 * len(labels)), 300
    left, top, bottom = 56, 64, 48
    right, floor = width - 16, height - bottom
    axis = steps(max([max(values, default=0) for values in series.values()] + [0.001]))

    def y(value):
        return floor - (floor - top) * value / axis[-1]

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f"<style>{STYLE}</style>",
        f'<text class="title" x="{left}" y="22">{escape(title)}</text>',
    ]
    for number, name in enumerate(series):
        x = left + 150 * number
        out.append(f'<rect x="{x}" y="34" width="11" height="11" rx="2" fill="{COLOURS[number]}"/>')
        out.append(f'<text x="{x + 16}" y="44">{escape(name)}</text>')
    for value in axis:
        out.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>')
        out.append(f'<text x="{left - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
    out.append(f'<line class="axis" x1="{left}" x2="{right}" y1="{floor}" y2="{floor}"/>')
    place = (right - left) / max(1, len(labels))
    bar = place * 0.8 / len(series)
    for index, label in enumerate(labels):
        begin = left + place * index + place * 0.1
        out.append(f'<text x="{begin + place * 0.4:.1f}" y="{floor + 16}" text-anchor="middle">{escape(label)}</text>')
        for number, values in enumerate(series.values()):
            value, x = values[index], begin + bar * number
            tall = max(floor - y(value), 1.5)
            told = f"{label}: {value:.{digits}f}"
            out.append(
                f'<rect x="{x:.1f}" y="{floor - tall:.1f}" width="{bar * 0.92:.1f}" height="{tall:.1f}" rx="1.5" '
                f'fill="{COLOURS[number]}"><title>{escape(told)}</title></rect>'
            )
            if value == 0:
                out.append(
                    f'<text x="{x + bar / 2:.1f}" y="{floor - 5}" text-anchor="middle" style="font-size:9px">0</text>'
                )
    out.append(f'<text x="{(left + right) / 2}" y="{height - 10}" text-anchor="middle">{escape(across)}</text>')
    middle = (top + floor) / 2
    out.append(f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">{escape(up)}</text>')
    return "\n".join(out + ["</svg>"]) + "\n"


# A page of small charts, each of them (height, [elements]) drawn from 0, 0 in a column PANEL wide.

PANEL, ROW, HEAD = 400, 31, 30


def ranking(title, unit, rows, digits=0):
    """A bar for each of `rows`, (name, value, whether it is the one that matters).

    A bar that is far longer than all others is cut short, with a mark; the figure at its end is true.
    """
    values = sorted((value for _, value, _ in rows), reverse=True)
    longest = values[1] * 1.15 if len(values) > 1 and values[0] > 4 * values[1] > 0 else values[0]
    out, wide = [heading(title, unit)], PANEL - 90
    for number, (name, value, ours) in enumerate(rows):
        y = HEAD + ROW * number
        long = max(1.5, wide * min(value, longest) / (longest or 1))
        fill = f'fill="{COLOURS[0]}"' if ours else f'fill="{NEUTRAL}" fill-opacity=".55"'
        out.append(f'<text x="0" y="{y + 9}" style="font-size:11px">{escape(name)}</text>')
        out.append(f'<rect x="0" y="{y + 13}" width="{long:.1f}" height="10" rx="1.5" {fill}/>')
        mark = "\u00bb " if value > longest else ""
        out.append(f'<text x="{long + 5:.1f}" y="{y + 22}" style="font-size:11px">{mark}{value:,.{digits}f}</text>')
    return HEAD + ROW * len(rows) + 8, out


def growth(title, unit, across, series):
    """Lines of `series`, name -> [(x, y)], on scales that multiply."""
    points = [point for line in series.values() for point in line]
    low = 10 ** math.floor(math.log10(min(y for _, y in points)))
    high = 10 ** math.ceil(math.log10(max(y for _, y in points)))
    first, last = min(x for x, _ in points), max(x for x, _ in points)
    left, right, top, floor = 40, PANEL - 16, HEAD + 18 * ((len(series) + 1) // 2) + 6, HEAD + 230

    def place(x, y):
        share = math.log(x / first) / math.log(last / first)
        return left + (right - left) * share, floor - (floor - top) * math.log(y / low) / math.log(high / low)

    out = [heading(title, unit)]
    for exponent in range(round(math.log10(low)), round(math.log10(high)) + 1):
        y = place(first, 10.0**exponent)[1]
        out.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        out.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{10.0**exponent:g}</text>')
    for x in sorted({x for x, _ in points}):
        out.append(f'<text x="{place(x, low)[0]:.1f}" y="{floor + 16}" text-anchor="middle">{x:g}</text>')
    for number, (name, line) in enumerate(series.items()):
        colour, dashed = COLOURS[number % 2], ' stroke-dasharray="5 4"' if number > 1 else ""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in line))
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashed}/>')
        x, y = number % 2 * (PANEL // 2), HEAD + 18 * (number // 2)
        stroke = f'stroke="{colour}" stroke-width="2"{dashed}'
        out.append(f'<line x1="{x}" x2="{x + 18}" y1="{y + 5}" y2="{y + 5}" {stroke}/>')
        out.append(f'<text x="{x + 23}" y="{y + 9}" style="font-size:11px">{escape(name)}</text>')
    out.append(f'<text x="{(left + right) / 2}" y="{floor + 34}" text-anchor="middle">{escape(across)}</text>')
    return floor + 48, out


def heading(title, unit):
    told = escape(f"{title}, {unit}" if unit else title)
    return f'<text x="0" y="12" style="font-size:13px;font-weight:600">{told}</text>'


def page(title, below, panels):
    """Small charts in two columns, each put where there is most room; `below` the title stands a line."""
    columns, placed = [58, 58], []
    for height, elements in panels:
        column = columns.index(min(columns))
        place = f"translate({20 + column * (PANEL + 30)} {columns[column]})"
        placed.append(f'<g transform="{place}">{"".join(elements)}</g>')
        columns[column] += height + 18
    width, height = 2 * PANEL + 60, max(columns)
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        f"<style>{STYLE}</style>",
        f'<text class="title" x="20" y="24">{escape(title)}</text><text x="20" y="42">{escape(below)}</text>',
    ]
    return "\n".join(head + placed + ["</svg>"]) + "\n"


def buckets(values, width):
    """(begin of the bucket, how many are in it), without holes, from the first value to the last."""
    if not values:
        return []
    low, high = int(min(values) // width), int(max(values) // width)
    return [(n * width, sum(1 for value in values if int(value // width) == n)) for n in range(low, high + 1)]


def histogram(values, width, unit):
    """The same for a terminal."""
    lines = [f"  {begin:6.0f} {unit} {'#' * count} {count or ''}".rstrip() for begin, count in buckets(values, width)]
    return "\n".join(lines)
