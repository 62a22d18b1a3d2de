"""Sign-ins under load: how many at most, and how long an honest one takes beside strangers.

The server may use both cores here, as for ``logins``.
"""

import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import httpx2

from benchmarks.load import Load, finish
from benchmarks.logins import PEOPLE
from benchmarks.targets import SQLITE, Own
from benchmarks.workbench import ACCOUNT, HEADERS, Server, Workbench, workbench

STORMED = (SQLITE,)
STRANGERS = 100
SECONDS = 8
# Of somebody who is behind another address than the strangers.
HONEST = {**HEADERS, "x-forwarded-for": "198.51.100.9"}
WRONG = json.dumps({**ACCOUNT, "password": "wrong horse battery staple"})
TAKEN = json.dumps(ACCOUNT)

HASH = """
import time
from app.users.passwords import _CONTEXT
hashed = _CONTEXT.hash("correct horse battery staple")
began, checked = time.perf_counter(), 0
while time.perf_counter() - began < 3:
    _CONTEXT.verify("correct horse battery staple", hashed)
    checked += 1
print((time.perf_counter() - began) / checked)
"""


@dataclass(frozen=True)
class Storm:
    """Times in seconds. rate: of sign-ins a second, eight at a time."""

    target: Own
    hashing: float
    rate: float
    quiet: float
    beside_guesses: float
    beside_registrations: float


def measure(targets: Sequence[Own], seconds: int = SECONDS) -> list[Storm]:
    """Let people sign in alone, and beside a hundred strangers."""
    return [_measure(target, seconds) for target in targets]


def _measure(target: Own, seconds: int) -> Storm:
    with workbench() as bench:
        hashing = float(bench.project(target).python("-c", HASH))
        server = bench.serve(target, pinned=False)
        login, register = f"{server.url}{target.login}", f"{server.url}/api/register"
        guesses = Load(login, method="POST", bodies=(WRONG,), connections=STRANGERS)
        registrations = Load(register, method="POST", bodies=(TAKEN,), connections=STRANGERS)
        quiet = _sign_in(server, target)
        beside = []
        for strangers in (guesses, registrations):
            sending = strangers.start(seconds)
            beside.append(_sign_in(server, target, until=time.monotonic() + seconds / 2))
            finish(sending)
        return Storm(target, hashing, _rate(bench, target, seconds), quiet, *beside)


def _sign_in(server: Server, target: Own, until: float = 0) -> float:
    """Return the median time of ten sign-ins, or more until a time."""
    taken: list[float] = []
    with httpx2.Client(base_url=server.url, headers=HONEST, timeout=60) as client:
        while len(taken) < 10 or time.monotonic() < until:
            client.cookies.clear()
            began = time.perf_counter()
            client.post(target.login, json=ACCOUNT).raise_for_status()
            taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def _rate(bench: Workbench, target: Own, seconds: int) -> float:
    """Return how many sign in a second, eight at a time."""
    server = bench.serve(target, "-rate", pinned=False)
    bodies = server.register_people(PEOPLE)
    load = Load(f"{server.url}{target.login}", method="POST", bodies=bodies)
    burst = load.send(seconds)
    if burst.refused:
        raise RuntimeError(f"{target.name}: {burst}")
    return burst.rate
