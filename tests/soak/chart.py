"""A small writer of charts as SVG: bars beside each other per place, and histograms."""

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
