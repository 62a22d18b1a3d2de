"""What people who sign in cost the others: eight at a time, without a pause.

The server has both cores here: hashing leaves one to everybody else.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.load import Load, finish
from benchmarks.machine import memory_of
from benchmarks.targets import SQLITE, Own
from benchmarks.workbench import ACCOUNT, workbench

SIGNING_IN = (SQLITE,)
AT_A_TIME = 8
SECONDS = 10
BODY = f'{{"username": "{ACCOUNT["username"]}", "password": "{ACCOUNT["password"]}"}}'


@dataclass(frozen=True)
class Logins:
    """Milliseconds in which 99 of 100 answers of a public route came; bytes of the process."""

    target: Own
    quiet: float
    beside: float
    rate: float
    """Logins a second."""
    memory_before: int
    memory_peak: int


def measure(targets: Sequence[Own], seconds: int = SECONDS) -> list[Logins]:
    """Have one visitor ask without a pause, first alone and then beside those who sign in."""
    return [_measure(target, seconds) for target in targets]


def _measure(target: Own, seconds: int) -> Logins:
    with workbench() as bench:
        # The same account, at once from one address: guesses under way count until they are right.
        server = bench.serve(target, pinned=False, variables={"LOGIN_MAX_FAILURES": "1000"})
        server.sign_in(target)
        visitor = Load(f"{server.url}/api/public", connections=1)
        people = Load(f"{server.url}/api/login", method="POST", body=BODY, connections=AT_A_TIME)
        quiet = visitor.send(seconds)
        before = memory_of(server.process, "VmRSS")
        signing_in = people.start(seconds)
        beside = visitor.send(seconds)
        signed_in = finish(signing_in)
        peak = memory_of(server.process, "VmHWM")
    if quiet.refused or beside.refused or signed_in.refused:
        raise RuntimeError(f"{target.name}: {quiet}, {beside}, {signed_in}")
    return Logins(target, quiet.p99, beside.p99, signed_in.rate, before, peak)
