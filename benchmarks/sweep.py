"""The longest that a request waits while a hundred thousand expired sessions are deleted."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.growth import fill_database
from benchmarks.load import Load, finish
from benchmarks.targets import POSTGRESQL, SQLITE, Own
from benchmarks.workbench import PRODUCTION, workbench

# Redis expires keys by itself, and the memory store deletes a few with each sign-in.
SWEPT = (SQLITE, POSTGRESQL)
EXPIRED = 100_000
SECONDS = 12
A_WEEK = 604_800


@dataclass(frozen=True)
class Sweep:
    """Milliseconds of the slowest request that reads, and of the slowest that writes."""

    target: Own
    quiet: tuple[float, float]
    beside: tuple[float, float]
    seconds: float
    """How long deleting them took."""


def measure(targets: Sequence[Own], expired: int = EXPIRED, seconds: int = SECONDS) -> list[Sweep]:
    """Have two clients send requests without a pause, first alone and then beside a sweep."""
    return [_measure(target, expired, seconds) for target in targets]


def _measure(target: Own, expired: int, seconds: int) -> Sweep:
    with workbench() as bench:
        server = bench.serve(target)
        cookie = (server.sign_in(target),)
        loads = (
            Load(f"{server.url}/api/session", cookie, connections=1),
            Load(f"{server.url}/api/session/data/n", cookie, "PUT", ("1",), connections=1),
        )
        fill_database(bench, target, "", expired, earlier=A_WEEK)
        quiet = [finish(sending) for sending in [load.start(seconds) for load in loads]]
        sending = [load.start(seconds) for load in loads]
        before = time.perf_counter()
        variables = {**PRODUCTION, **bench.stores(target)}
        said = bench.project(target).python("-m", "app", "purge", **variables)
        took = time.perf_counter() - before
        beside = [finish(each) for each in sending]
    if deleted(said) < expired or any(each.refused for each in (*quiet, *beside)):
        raise RuntimeError(f"{target.name}: {said}, {quiet}, {beside}")
    return Sweep(
        target,
        (quiet[0].longest, quiet[1].longest),
        (beside[0].longest, beside[1].longest),
        took,
    )


def deleted(said: str) -> int:
    """Return how many records ``purge`` says that it has deleted."""
    [number] = re.findall(r"Deleted (\d+) ", said)
    return int(number)
