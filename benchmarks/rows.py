"""What many rows cost: what people do beside a million users, by what it takes beside a thousand.

Each user has a session, and there is a link and a mail that waits for each tenth one. The mail
server is out of reach.
"""

import random
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import Any

import httpx2

from benchmarks.figures import Spread, spread
from benchmarks.load import Load, finish
from benchmarks.shares import SEED, compare
from benchmarks.sweep import deleted
from benchmarks.targets import MAILING, Own
from benchmarks.workbench import HEADERS, PROBES, App, Server, Workbench, serving, workbench

FILLED = MAILING
FEW, MANY = 1_000, 1_000_000
EXPIRED = 3_000
# For which somebody reads meanwhile.
SECONDS = 5
# Sessions of the one who looks at theirs.
SESSIONS = 10
# Port 9 discards what it is sent, if anybody listens at all.
MAIL = {"MAIL_URL": "smtps://127.0.0.1:9", "MAIL_FROM": "app@example.com"}
ADMIN = {"email": "alice@example.com", "password": "correct horse battery staple"}


@dataclass(frozen=True)
class Rows:
    """slower: time beside many rows, divided by that beside few, of each thing that is done."""

    target: Own
    slower: dict[str, Spread]
    quiet: float
    """Milliseconds of the slowest request that reads, beside many rows."""
    beside: float
    """The same while others list their sessions, and all users."""


@dataclass(frozen=True)
class Filled:
    """A served app with so many rows, and who uses it."""

    target: Own
    app: App
    server: Server

    def sign_in(self) -> str:
        """Sign in; return the cookie."""
        return self.server.sign_in(self.target, ADMIN)

    def load(self, path: str, **more: Any) -> Load:
        return Load(self.server.url + path, (self.sign_in(),), **more)

    def run(self, *arguments: str, text: str = "") -> str:
        """Run the project's Python; return what it printed."""
        python = str(self.app.environment / "bin" / "python")
        done = subprocess.run(
            [python, *arguments],
            cwd=self.app.folder,
            env=self.app.variables,
            input=text,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def fill(self, what: str, count: int) -> None:
        self.run(str(PROBES / "fill_rows.py"), what, str(count))

    def time_sign_in(self) -> float:
        """Return the seconds of a sign-in: the median of ten."""
        taken = []
        for _ in range(10):
            began = time.perf_counter()
            self.sign_in()
            taken.append(time.perf_counter() - began)
        return median(taken)

    def time_revocation(self) -> float:
        """Sign in twice, and end all but the last session; return the seconds of that."""
        self.sign_in()
        cookie = self.sign_in()
        headers = {**HEADERS, "cookie": cookie}
        with httpx2.Client(base_url=self.server.url, headers=headers, timeout=60) as client:
            began = time.perf_counter()
            client.delete("/api/sessions").raise_for_status()
            return time.perf_counter() - began

    def time_sweep(self) -> float:
        """Delete expired sessions; return the seconds that it takes."""
        self.fill("expired", EXPIRED)
        began = time.perf_counter()
        said = self.run("-m", "app", "purge")
        taken = time.perf_counter() - began
        if deleted(said) < EXPIRED:
            raise RuntimeError(said)
        return taken


# What is compared: what is sent as fast as it is answered, and what is timed once.
SENT = {
    "list of ten sessions": "/api/sessions",
    "first page of users": "/api/admin/users",
    "a later page of users": f"/api/admin/users?after={FEW // 2}",
}
TIMED = {
    "sign-in": Filled.time_sign_in,
    "revoking all other sessions": Filled.time_revocation,
    f"`purge` of {EXPIRED:,} expired sessions": Filled.time_sweep,
}


def measure(targets: Sequence[Own], rounds: int, few: int = FEW, many: int = MANY) -> list[Rows]:
    """Fill two apps of each kind, and measure them in turns."""
    return [_measure(target, rounds, few, many) for target in targets]


def _measure(target: Own, rounds: int, few: int, many: int) -> Rows:
    turns = random.Random(SEED)
    with workbench() as bench, ExitStack() as stack:
        with_few, with_many = (_filled(bench, stack, target, count) for count in (few, many))
        slower = {
            what: compare(with_few.load(path), with_many.load(path), rounds, turns)
            for what, path in SENT.items()
        }
        slower |= {
            what: spread(act(with_many) / act(with_few) for _ in range(rounds))
            for what, act in TIMED.items()
        }
        reading, *listing = (
            with_many.load(path, connections=1) for path in ("/api/session", *SENT.values())
        )
        quiet = reading.send(SECONDS)
        sending = reading.start(SECONDS)
        for load in listing:
            load.send(1)
        return Rows(target, slower, quiet.longest, finish(sending).longest)


def _filled(bench: Workbench, stack: ExitStack, target: Own, count: int) -> Filled:
    app = bench.app(target, f"-{count}")
    app = app._replace(settings={**app.settings, **MAIL})
    server = stack.enter_context(serving(app))
    filled = Filled(target, app, server)
    create = ("-m", "app", "create-user", ADMIN["email"], "--role", "admin", "--password-stdin")
    filled.run(*create, text=ADMIN["password"])
    # A session, and a link in a mail, to copy.
    filled.sign_in()
    server.post("/api/password/forgot", json={"email": ADMIN["email"]})
    filled.fill("all", count)
    for _ in range(SESSIONS - 1):
        filled.sign_in()
    return filled
