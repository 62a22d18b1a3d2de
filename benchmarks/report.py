"""The results as documents: results.md, results.svg, and the table in the README."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import growth, rows
from benchmarks.figures import table
from benchmarks.growth import Growth
from benchmarks.instructions import Instructions
from benchmarks.load import CONNECTIONS
from benchmarks.logins import AT_A_TIME, Logins
from benchmarks.memory import FEW, MANY, Memory
from benchmarks.pages import Page
from benchmarks.plot import plot
from benchmarks.rows import Rows
from benchmarks.shares import BURST_SECONDS, Shares
from benchmarks.startup import Startup
from benchmarks.storm import STRANGERS, Storm
from benchmarks.sweep import EXPIRED, Sweep
from benchmarks.targets import FLAT, OWN, PEERS, Own

TITLE = "Requests per second of a protected route, as a share of a bare FastAPI route"
# The table of the README is between these lines.
BEGIN, END = "<!-- make bench: begin -->\n", "<!-- make bench: end -->\n"


@dataclass(frozen=True)
class Results:
    """Everything that was measured; other parts are empty."""

    machine: Sequence[str] = ()
    shares: Shares | None = None
    growth: Sequence[Growth] = ()
    rows: Sequence[Rows] = ()
    sweep: Sequence[Sweep] = ()
    logins: Sequence[Logins] = ()
    storm: Sequence[Storm] = ()
    startup: Sequence[Startup] = ()
    pages: Sequence[Page] = ()
    memory: Sequence[Memory] = ()
    instructions: Sequence[Instructions] = ()

    @property
    def sections(self) -> dict[str, str]:
        """The text of each part that was measured, by its heading."""
        texts = {
            TITLE: shares_table(self.shares or {}),
            "Other requests, as a share of a bare route": readings_table(self.shares or {}),
            "Instructions of a request, beyond a bare route": instructions_table(self.instructions),
            "Many sessions": growth_table(self.growth),
            "Many users": rows_table(self.rows),
            "Deleting expired sessions beside requests": sweep_table(self.sweep),
            "Sign-ins beside requests": logins_table(self.logins),
            "Sign-ins under load": storm_table(self.storm),
            "Start": startup_table(self.startup),
            "Pages": pages_table(self.pages),
            "Memory of a worker": memory_table(self.memory),
        }
        return {heading: text for heading, text in texts.items() if text}

    def __str__(self) -> str:
        """Everything, in Markdown."""
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

Written by `make bench`.
"""

HOW = f"""Requests per second are given as a share of a bare route. That is FastAPI as its
documentation teaches it, without a session: an included router, and on it a route with one
dependency and a `response_model`, which answers with the same body. The other libraries are used
as their documentation teaches, on an included router as well. A flat route, added to the app itself
and without a dependency, has a row of its own.

An app is measured for {BURST_SECONDS} s over {CONNECTIONS} connections; just before or just after
it the bare route is, in the same environment, by a server of its own that is started alike: uvicorn
with uvloop and httptools, one worker, no access log. In each round every app has its turn, in an
order shuffled anew; shown are the median of all rounds, and the lowest and the highest.

The generated apps run as in production, behind a proxy on the same machine that ends TLS: all
checks and headers are on. The measured server has a core to itself; Redis, PostgreSQL and `wrk`,
which sends the requests, share another, as if on machines of their own.

Instructions are counted by valgrind, for the ASGI application alone, without the server. Those
beyond bare are the ones that the bare route does not need.
"""


def shares_table(shares: Shares) -> str:
    """Return the table of the protected routes, ours first."""
    rows = [
        (f"**{target.name}**" if target in OWN else target.name, shares[target.name, "session"])
        for target in (*OWN, *PEERS)
        if (target.name, "session") in shares
    ]
    return table(("", "share of bare"), rows) if rows else ""


def readings_table(shares: Shares) -> str:
    """Return the table of the generated apps, with a column for each reading."""
    rows = [
        (target.name, *(shares[target.name, reading.name] for reading in target.readings))
        for target in OWN
        if (target.name, "me") in shares
    ]
    return table(("", *(reading.title for reading in Own.readings)), rows) if rows else ""


def instructions_table(counted: Sequence[Instructions]) -> str:
    """Return the table of instructions, with a row for each reading."""
    rows = [
        (
            f"{each.target.name}: {each.reading.title}",
            f"{each.own:,}",
            f"{each.bare:,}",
            f"**{each.beyond:,}**",
        )
        for each in counted
    ]
    return table(("", "app", "bare", "beyond bare"), rows) if rows else ""


def growth_table(measured: Sequence[Growth]) -> str:
    """Return the table of what many sessions cost."""
    head = (
        "",
        f"time of a request with {growth.MANY:,} ÷ with {growth.FEW:,}",
        "bytes of a session",
    )
    rows = [(each.target.name, each.slower, each.size) for each in measured]
    return table(head, rows) if rows else ""


def rows_table(measured: Sequence[Rows]) -> str:
    """Return the table of what many users, sessions, links and mails cost."""
    head = (
        f"time beside {rows.MANY:,} users ÷ beside {rows.FEW:,}",
        *(each.target.name for each in measured),
    )
    table_rows = [
        (what, *(each.slower[what] for each in measured)) for what in (*rows.SENT, *rows.TIMED)
    ]
    slowest = (f"{each.beside:.0f} ({each.quiet:.0f})" for each in measured)
    table_rows.append(("slowest read beside lists, ms (quiet)", *slowest))
    return table(head, table_rows) if measured else ""


def sweep_table(measured: Sequence[Sweep]) -> str:
    """Return the table of what deleting expired sessions costs other requests."""
    head = (
        f"{EXPIRED:,} expired sessions",
        "deleted in, s",
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
    """Return the table of what sign-ins cost other requests."""
    head = (
        f"{AT_A_TIME} at a time",
        "visitors",
        "sign-ins/s",
        "p99 of `/api/public`, ms (quiet)",
        "ratio",
        "memory before → peak, MiB",
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


def storm_table(measured: Sequence[Storm]) -> str:
    """Return the table of what a sign-in takes, as a multiple of what its hash does."""
    head = (
        "",
        "a hash, ms",
        "alone ÷ hash",
        f"beside {STRANGERS} guesses at once ÷ hash",
        f"beside {STRANGERS} registrations at once ÷ hash",
        "sign-ins/s, as a share of one core's hashes",
    )
    rows = [
        (
            each.target.name,
            f"{each.hashing * 1000:.0f}",
            f"{each.quiet / each.hashing:.1f}",
            f"**{each.beside_guesses / each.hashing:.1f}**",
            f"**{each.beside_registrations / each.hashing:.1f}**",
            f"**{each.rate * each.hashing:.2f}**",
        )
        for each in measured
    ]
    return table(head, rows) if rows else ""


def startup_table(measured: Sequence[Startup]) -> str:
    """Return the table of starts, and of the packages that take longest to import."""
    rows = [
        (
            each.target.name,
            each.own,
            each.bare,
            each.reload,
            each.bare_reload,
            ", ".join(f"{name} {milliseconds:.0f}" for name, milliseconds in each.packages),
        )
        for each in measured
    ]
    head = (
        *("", "app, s", "bare, with SQLAlchemy, s"),
        *("reload, s", "reload of the bare one, s", "imports, ms (traced)"),
    )
    return table(head, rows) if rows else ""


def pages_table(measured: Sequence[Page]) -> str:
    """Return the table of the pages."""
    rows = [(f"`{each.path}`", each.sessions, f"{each.size:,}", each.share) for each in measured]
    head = ("", "sessions of the user", "bytes", "share of a bare page")
    return table(head, rows) if rows else ""


def memory_table(measured: Sequence[Memory]) -> str:
    """Return the table of resident memory."""
    rows = [
        (
            each.target.name,
            f"{each.few >> 20}",
            f"{each.many >> 20}",
            f"{each.bare >> 20}",
            f"**{each.many / each.bare:.2f}**",
        )
        for each in measured
    ]
    head = (
        "`/api/me`",
        f"MiB after {FEW:,} requests",
        f"after {MANY:,}",
        "bare app with SQLAlchemy",
        "ratio",
    )
    return table(head, rows) if rows else ""


def picture(shares: Shares) -> str:
    """Return the chart of the protected routes, the fastest first."""
    rows = [
        (name, measured, any(name == target.name for target in OWN))
        for (name, reading), measured in shares.items()
        if reading == "session" and name != FLAT.name
    ]
    return plot(TITLE, sorted(rows, key=lambda row: -row[1].median))


def replace_table(readme: str, text: str) -> str:
    """Put a table between the two marks. Raises ValueError where they are missing."""
    between = re.compile(f"(?<={re.escape(BEGIN)}).*(?={re.escape(END)})", re.DOTALL)
    if not between.search(readme):
        raise ValueError("the README has no place for the table")
    return between.sub(lambda _: f"\n{text}\n", readme)
