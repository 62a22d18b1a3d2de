"""What was measured, as documents: results.md, results.svg, and the table in the README."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import growth
from benchmarks.figures import table
from benchmarks.growth import Growth
from benchmarks.instructions import Instructions
from benchmarks.load import CONNECTIONS
from benchmarks.logins import AT_A_TIME, Logins
from benchmarks.plot import plot
from benchmarks.shares import BURST_SECONDS, Shares
from benchmarks.startup import Startup
from benchmarks.sweep import EXPIRED, Sweep
from benchmarks.targets import OWN, PEERS

TITLE = "Requests per second of a protected route, as a share of a bare FastAPI route"
# Between these lines of the README is what was measured.
BEGIN, END = "<!-- make bench: begin -->\n", "<!-- make bench: end -->\n"


@dataclass(frozen=True)
class Results:
    """Everything that was measured; a part that was not is empty."""

    machine: Sequence[str] = ()
    shares: Shares | None = None
    growth: Sequence[Growth] = ()
    sweep: Sequence[Sweep] = ()
    logins: Sequence[Logins] = ()
    startup: Sequence[Startup] = ()
    instructions: Sequence[Instructions] = ()

    @property
    def sections(self) -> dict[str, str]:
        """The text of each part that was measured, by its heading."""
        texts = {
            TITLE: shares_table(self.shares or {}),
            "Other requests, as a share of a bare route": readings_table(self.shares or {}),
            "Instructions of a request": instructions_table(self.instructions),
            "Many sessions": growth_table(self.growth),
            "A sweep beside requests": sweep_table(self.sweep),
            "Logins beside requests": logins_table(self.logins),
            "Start": startup_table(self.startup),
        }
        return {heading: text for heading, text in texts.items() if text}

    def __str__(self) -> str:
        """All of it, in Markdown."""
        parts = [f"## {heading}\n\n{text}" for heading, text in self.sections.items()]
        return "\n".join(parts)

    def write(self, repository: Path) -> None:
        """Write results.md and results.svg, and the table of the README."""
        folder = repository / "benchmarks"
        machine = "".join(f"- {line}\n" for line in self.machine)
        text = f"{HEAD}\n{machine}\n{HOW}\n{self}"
        (folder / "results.md").write_text(text, encoding="utf-8")
        shares = self.shares or {}
        (folder / "results.svg").write_text(picture(shares), encoding="utf-8")
        readme = repository / "README.md"
        readme.write_text(
            replace_table(readme.read_text("utf-8"), readings_table(shares)), encoding="utf-8"
        )


HEAD = """# How fast

Written by `make bench`, which measures it anew.
"""

HOW = f"""Every figure of requests is a ratio. An app is asked for {BURST_SECONDS} s over
{CONNECTIONS} connections, and just before or just after it a bare FastAPI route, which answers with
the same body, in the same environment, by a server of its own that is started alike: uvicorn with
uvloop and httptools, one worker, no access log. In each round every app has its turn, in an order
shuffled anew; shown are the median of all rounds, and the lowest and the highest.

The generated apps run as in production, behind a proxy of the same machine that has taken https
away: all checks and headers are on. The server that is measured has a core to itself; Redis,
PostgreSQL and `wrk`, which sends the requests, share another, as if on machines of their own.
"""


def shares_table(shares: Shares) -> str:
    """Return the table of protected routes, ours first."""
    rows = [
        (f"**{target.name}**" if target in OWN else target.name, shares[target.name, "session"])
        for target in (*OWN, *PEERS)
        if (target.name, "session") in shares
    ]
    return table(("", "share of bare"), rows) if rows else ""


def readings_table(shares: Shares) -> str:
    """Return the table of the generated apps, with a column for each request."""
    readings = {
        "session": "`/api/session`",
        "me": "`/api/me`",
        "forged": "`/api/me`, forged cookie",
        "public": "`/api/public`, cookie sent",
    }
    rows = [
        (target.name, *(shares[target.name, reading] for reading in readings))
        for target in OWN
        if (target.name, "me") in shares
    ]
    return table(("", *readings.values()), rows) if rows else ""


def instructions_table(counted: Sequence[Instructions]) -> str:
    """Return what callgrind has counted."""
    rows = [
        (each.target.name, f"{each.own:,}", f"{each.bare:,}", f"**{each.own / each.bare:.2f}**")
        for each in counted
    ]
    return table(("`/api/session`, in process", "app", "bare", "ratio"), rows) if rows else ""


def growth_table(measured: Sequence[Growth]) -> str:
    """Return what many sessions cost."""
    head = (
        "",
        f"time of a request at {growth.MANY:,} by that at {growth.FEW:,}",
        "bytes of a session",
    )
    rows = [(each.target.name, each.slower, each.size) for each in measured]
    return table(head, rows) if rows else ""


def sweep_table(measured: Sequence[Sweep]) -> str:
    """Return what a sweep costs those who ask meanwhile."""
    head = (
        f"{EXPIRED:,} expired sessions",
        "sweep, s",
        "slowest read, ms (quiet)",
        "slowest write, ms (quiet)",
    )
    rows = [
        (
            each.target.name,
            f"{each.seconds:.1f}",
            *(f"**{b:.0f}** ({q:.0f})" for b, q in zip(each.beside, each.quiet, strict=True)),
        )
        for each in measured
    ]
    return table(head, rows) if rows else ""


def logins_table(measured: Sequence[Logins]) -> str:
    """Return what those who sign in cost the others."""
    head = (
        f"{AT_A_TIME} at a time",
        "visitors",
        "logins/s",
        "p99 of `/api/public`, ms (quiet)",
        "ratio",
        "memory before and at most, MiB",
    )
    rows = [
        (
            each.target.name,
            str(each.visitors),
            f"{each.rate:.0f}",
            f"{each.beside:.1f} ({each.quiet:.1f})",
            f"**{each.beside / each.quiet:.1f}**",
            f"{each.memory_before >> 20} → {each.memory_peak >> 20}",
        )
        for each in measured
    ]
    return table(head, rows) if rows else ""


def startup_table(measured: Sequence[Startup]) -> str:
    """Return how long a start takes, and what of it is whose."""
    rows = [
        (
            each.target.name,
            each.own,
            each.bare,
            ", ".join(f"{name} {milliseconds:.0f}" for name, milliseconds in each.packages),
        )
        for each in measured
    ]
    head = ("", "app, s", "bare, s", "importing, ms, traced")
    return table(head, rows) if rows else ""


def picture(shares: Shares) -> str:
    """Return the plot of protected routes, the fastest first."""
    rows = [
        (name, measured, any(name == target.name for target in OWN))
        for (name, reading), measured in shares.items()
        if reading == "session"
    ]
    return plot(TITLE, sorted(rows, key=lambda row: -row[1].median))


def replace_table(readme: str, text: str) -> str:
    """Put a table between the two marks. Raises ValueError where they are not."""
    between = re.compile(f"(?<={re.escape(BEGIN)}).*(?={re.escape(END)})", re.DOTALL)
    if not between.search(readme):
        raise ValueError("the README has no place for the table")
    return between.sub(lambda _: f"\n{text}\n", readme)
