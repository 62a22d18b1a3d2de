"""Record the terminal of somebody who makes a project: part of ``make pictures``.

Cookiecutter runs on a terminal of its own, and every question is answered with Enter. What is seen,
and when, is kept as a cast of asciinema, and drawn as an SVG that plays by itself wherever a
picture is shown.
"""

import html
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests import terminal
from tests.answers import COOKIECUTTER, PROMPTS
from tests.project import REPOSITORY

SHOWN_COMMAND = "uvx cookiecutter gh:ORG/cookiecutter-fastapi-sessions"

COLUMNS, ROWS = 96, 26
# Of a letter, in the units of the picture.
WIDTH, HEIGHT, MARGIN = 8.4, 18, 16
# Seconds that somebody thinks before each answer, and looks at the end.
THINKS, LOOKS = 0.45, 6.0

# Where a question waits for its answer.
QUESTION_ENDS = "): "
# What only colors a text.
_COLOR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Event:
    """What was seen, and when. at: seconds from the start."""

    at: float
    text: str


def record(folder: Path) -> list[Event]:
    """Make a project in a folder; return what was seen meanwhile."""
    begun, events = time.monotonic(), [Event(0.0, f"$ {SHOWN_COMMAND}\r\n")]

    def note(text: str) -> None:
        events.append(Event(round(time.monotonic() - begun, 3), text))

    status, seen = terminal.use(
        [str(COOKIECUTTER), str(REPOSITORY), "--output-dir", str(folder)],
        folder,
        # Without colors, where the question would not end as it reads.
        {**os.environ, "COLUMNS": str(COLUMNS), "HOME": str(folder), "TERM": "dumb"},
        [(QUESTION_ENDS, "\n")] * PROMPTS,
        before_typing=THINKS,
        notice=note,
    )
    if status != 0:
        raise RuntimeError(f"cookiecutter has failed:\n{seen}")
    return events


def cast(events: Sequence[Event]) -> str:
    """Return a recording as asciinema plays it: https://docs.asciinema.org/manual/asciicast/v2/."""
    header = {"version": 2, "width": COLUMNS, "height": ROWS, "title": "A new project"}
    rows = [[each.at, "o", each.text] for each in events]
    return "".join(json.dumps(each) + "\n" for each in [header, *rows])


def lines_of(events: Sequence[Event]) -> list[Event]:
    """Return the lines, and when each of them began."""
    lines = [Event(0.0, "")]
    for event in events:
        first, *others = _COLOR.sub("", event.text).replace("\r", "").split("\n")
        lines[-1] = Event(lines[-1].at, lines[-1].text + first)
        lines += [Event(event.at, text) for text in others]
    return lines


def draw(lines: Sequence[Event]) -> str:
    """Return an SVG in which the lines appear at their times, and scroll."""
    total = lines[-1].at + LOOKS
    width, height = COLUMNS * WIDTH + 2 * MARGIN, ROWS * HEIGHT + 2 * MARGIN
    steps = [(0.0, 0)]
    steps += [(each.at, number - ROWS + 1) for number, each in enumerate(lines) if number >= ROWS]
    frames = "".join(
        f"{100 * at / total:.3f}% {{ transform: translateY({-HEIGHT * up}px) }}"
        for at, up in dict(steps).items()
    )
    last = steps[-1][1]
    texts = "".join(
        f'<text x="{MARGIN}" y="{HEIGHT * (number + 0.75):.1f}" '
        f'style="animation-delay:{each.at:.2f}s">{html.escape(each.text)}</text>'
        for number, each in enumerate(lines)
        if each.text.strip()
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}">
<title>A terminal in which a project is made</title>
<style>
rect {{ fill: #15181e }}
text {{ fill: #e3e7ee; font: 14px ui-monospace, monospace; white-space: pre; opacity: 0;
  animation: appear 1ms forwards }}
g {{ animation: scroll {total:.2f}s steps(1) forwards }}
@keyframes appear {{ to {{ opacity: 1 }} }}
@keyframes scroll {{ {frames} 100% {{ transform: translateY({-HEIGHT * last}px) }} }}
@media (prefers-reduced-motion: reduce) {{
  text {{ animation: none; opacity: 1 }}
  g {{ animation: none; transform: translateY({-HEIGHT * last}px) }}
}}
</style>
<rect width="100%" height="100%" rx="8"/>
<svg y="{MARGIN}" width="100%" height="{ROWS * HEIGHT}" overflow="hidden">
<g>{texts}</g>
</svg>
</svg>
"""


def main() -> None:
    """Write the cast and the picture into a folder."""
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        events = record(Path(folder))
    (target / "terminal.cast").write_text(cast(events), encoding="utf-8", newline="\n")
    (target / "terminal.svg").write_text(draw(lines_of(events)), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
