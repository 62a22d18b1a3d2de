"""The memory of a worker, beside a bare app that reads a user with SQLAlchemy, and its growth."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.load import Load
from benchmarks.machine import memory_of
from benchmarks.targets import SQLITE, Own
from benchmarks.workbench import Server, serving, workbench

# Requests after which the memory is looked at.
FEW, MANY = 2_000, 100_000


@dataclass(frozen=True)
class Memory:
    """Resident bytes of a process after few and after many requests."""

    target: Own
    few: int
    many: int
    bare: int
    """Those of the bare app, after many."""


def measure(targets: Sequence[Own], few: int = FEW, many: int = MANY) -> list[Memory]:
    """Send each app so many requests, and the bare one as many."""
    bare = _measure_bare(many)
    return [_measure(target, few, many, bare) for target in targets]


def _measure_bare(many: int) -> int:
    with workbench() as bench, serving(bench.bare_database(SQLITE)) as server:
        return _after(server, Load(f"{server.url}/me"), many)


def _measure(target: Own, few: int, many: int, bare: int) -> Memory:
    with workbench() as bench:
        server = bench.serve(target)
        load = Load(f"{server.url}/api/me", (server.sign_in(target),))
        return Memory(target, _after(server, load, few), _after(server, load, many), bare)


def _after(server: Server, load: Load, requests: int) -> int:
    """Return the resident memory after at least so many requests."""
    sent = 0
    while sent < requests:
        burst = load.send(1)
        if burst.refused:
            raise RuntimeError(f"{load.url}: {burst}")
        sent += burst.requests
    return memory_of(server.process, "VmRSS")
