"""How sign-ins slow other requests down: eight at a time, without a pause.

The server may use both cores here: hashing leaves one of them to other requests.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.load import CONNECTIONS, Load, finish
from benchmarks.machine import memory_of
from benchmarks.targets import SQLITE, Own
from benchmarks.workbench import workbench

SIGNING_IN = (SQLITE,)
# A lone visitor is answered quickly, so a wait for a core shows up as many times the usual.
VISITORS = (1, CONNECTIONS)
AT_A_TIME = 8
SECONDS = 10
# Nobody signs in so often that sessions of theirs end for it.
PEOPLE = 100


@dataclass(frozen=True)
class Logins:
    """p99 of a public route, in milliseconds; memory of the process, in bytes."""

    target: Own
    visitors: int
    quiet: float
    beside: float
    rate: float
    """Sign-ins per second."""
    memory_before: int
    memory_peak: int


def measure(targets: Sequence[Own], seconds: int = SECONDS) -> list[Logins]:
    """Send requests without a pause, first alone and then while others sign in."""
    return [_measure(target, visitors, seconds) for target in targets for visitors in VISITORS]


def _measure(target: Own, visitors: int, seconds: int) -> Logins:
    with workbench() as bench:
        server = bench.serve(target, pinned=False)
        visits = Load(f"{server.url}/api/public", connections=visitors)
        bodies = server.register_people(PEOPLE)
        people = Load(
            f"{server.url}{target.login}", method="POST", bodies=bodies, connections=AT_A_TIME
        )
        quiet = visits.send(seconds)
        before = memory_of(server.process, "VmRSS")
        signing_in = people.start(seconds)
        beside = visits.send(seconds)
        signed_in = finish(signing_in)
        peak = memory_of(server.process, "VmHWM")
    if quiet.refused or beside.refused or signed_in.refused:
        raise RuntimeError(f"{target.name}: {quiet}, {beside}, {signed_in}")
    return Logins(target, visitors, quiet.p99, beside.p99, signed_in.rate, before, peak)
