"""How many requests a second, as a share of a bare route: all apps in turns, round after round."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.figures import Spread, ratio, spread
from benchmarks.load import Load
from benchmarks.targets import Reading, Target
from benchmarks.workbench import Workbench, workbench

# Of what is asked when; everybody's order is the same.
SEED = 20261125
BURST_SECONDS = 1

Shares = Mapping[tuple[str, str], Spread]
"""By the names of a target and a reading."""


@dataclass(frozen=True)
class Pair:
    """A route of an app, and the bare one that answers the same."""

    target: Target
    reading: Reading
    measured: Load
    bare: Load

    @property
    def name(self) -> tuple[str, str]:
        """What tells it from all others."""
        return self.target.name, self.reading.name

    def share(self, turns: random.Random) -> float:
        """Ask one and then the other, in either order; the rate of the first by the second's.

        Raises RuntimeError when an answer is not what it should be.
        """
        loads = [self.measured, self.bare]
        bursts = {load: load.send(BURST_SECONDS) for load in turns.sample(loads, len(loads))}
        burst, bare = bursts[self.measured], bursts[self.bare]
        if bare.refused or burst.refused != (burst.requests if self.reading.forged else 0):
            raise RuntimeError(f"{self.name}: {burst}, bare {bare}")
        return ratio(burst.rate, bare.rate)


def measure(targets: Sequence[Target], rounds: int) -> Shares:
    """Serve all, and ask each once in every round."""
    turns = random.Random(SEED)
    with workbench() as bench:
        pairs = [pair for target in targets for pair in _pairs(bench, target)]
        shares: dict[tuple[str, str], list[float]] = {pair.name: [] for pair in pairs}
        for number in range(rounds):
            for pair in turns.sample(pairs, len(pairs)):
                shares[pair.name].append(pair.share(turns))
            print(f"round {number + 1} of {rounds}", flush=True)
    return {name: spread(values) for name, values in shares.items()}


def _pairs(bench: Workbench, target: Target) -> list[Pair]:
    server = bench.serve(target)
    cookie = server.sign_in(target)
    bodies = {
        reading.path: server.body(reading.path, cookie)
        for reading in target.readings
        if not reading.forged
    }
    bare = bench.bare(target, bodies)
    return [
        Pair(
            target,
            reading,
            Load(server.url + reading.path, (forge(cookie) if reading.forged else cookie,)),
            Load(bare.url + reading.path, (cookie,)),
        )
        for reading in target.readings
    ]


def forge(cookie: str) -> str:
    """Change the signature at the end of a cookie, and leave its form."""
    return cookie[:-8] + cookie[-8:].swapcase()
