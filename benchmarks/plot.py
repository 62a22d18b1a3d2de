"""A bar chart of the shares and their ranges, readable on a light and on a dark page."""

from collections.abc import Sequence
from html import escape

from benchmarks.figures import Spread

WIDTH, LABELS, VALUES = 760, 250, 50
ROW, BAR, TOP = 26, 16, 44

_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f }
.axis { stroke: #d0d7de } .tick { font-size: 11px; fill: #57606a }
.own { fill: #0969da } .peer { fill: #afb8c1 } .range { stroke: #24292f; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .axis { stroke: #30363d } .tick { fill: #8d96a0 }
  .own { fill: #4493f8 } .peer { fill: #484f58 } .range { stroke: #e6edf3 }
}
"""


def plot(title: str, rows: Sequence[tuple[str, Spread, bool]]) -> str:
    """Return an SVG. rows: a name, its share, and whether it is one of ours."""
    room = WIDTH - LABELS - VALUES
    height = TOP + ROW * len(rows) + 12

    def x(share: float) -> float:
        return round(LABELS + room * share, 1)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
    ]
    for tick in (0, 0.25, 0.5, 0.75, 1):
        lines.append(
            f'<line class="axis" x1="{x(tick)}" x2="{x(tick)}" y1="{TOP - 8}" y2="{height - 12}"/>'
            f'<text class="tick" x="{x(tick)}" y="{TOP - 16}" text-anchor="middle">{tick:g}</text>'
        )
    for number, (name, shares, is_own) in enumerate(rows):
        top = TOP + ROW * number
        middle, text = top + BAR / 2, top + BAR - 3
        lines.append(
            f'<text x="{LABELS - 10}" y="{text}" text-anchor="end">{escape(name)}</text>'
            f'<rect class="{"own" if is_own else "peer"}" x="{LABELS}" y="{top}" '
            f'width="{round(x(shares.median) - LABELS, 1)}" height="{BAR}"/>'
            f'<line class="range" x1="{x(shares.low)}" x2="{x(shares.high)}" '
            f'y1="{middle}" y2="{middle}"/>'
            f'<text x="{x(max(shares.high, shares.median)) + 8}" y="{text}">'
            f"{shares.median:.2f}</text>"
        )
    return "\n".join([*lines, "</svg>", ""])
