"""Requests per second as a share of a bare route: all apps take turns, round after round."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.figures import Spread, ratio, spread
from benchmarks.load import Load
from benchmarks.targets import Reading, Target
from benchmarks.workbench import Workbench, workbench

# The order is shuffled, and the same in each run.
SEED = 20261125
BURST_SECONDS = 1

Shares = Mapping[tuple[str, str], Spread]
"""Keys: the names of a target and of a reading."""


@dataclass(frozen=True)
class Pair:
    """A route of an app, and the bare route that answers the same."""

    target: Target
    reading: Reading
    measured: Load
    bare: Load

    @property
    def name(self) -> tuple[str, str]:
        """The names of the target and of the reading."""
        return self.target.name, self.reading.name

    def share(self, turns: random.Random) -> float:
        """Measure both, in random order; return the app's rate as a share of the bare route's.

        Raises RuntimeError when an answer has the wrong status.
        """
        loads = [self.measured, self.bare]
        bursts = {load: load.send(BURST_SECONDS) for load in turns.sample(loads, len(loads))}
        burst, bare = bursts[self.measured], bursts[self.bare]
        if bare.refused or burst.refused != (burst.requests if self.reading.forged else 0):
            raise RuntimeError(f"{self.name}: {burst}, bare {bare}")
        return ratio(burst.rate, bare.rate)


def compare(first: Load, second: Load, rounds: int, turns: random.Random) -> Spread:
    """Measure both in each round, in random order; return the first's rate by the second's."""
    ratios = []
    for _ in range(rounds):
        rates = {load: load.send(BURST_SECONDS).rate for load in turns.sample([first, second], 2)}
        ratios.append(ratio(rates[first], rates[second]))
    return spread(ratios)


def measure(targets: Sequence[Target], rounds: int) -> Shares:
    """Serve all apps, and measure each once a round."""
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
    pairs = []
    for reading in target.readings:
        bare = bench.bare(target, reading.path, server.body(reading.path, cookie))
        own = Load(server.url + reading.path, (forge(cookie) if reading.forged else cookie,))
        pairs.append(Pair(target, reading, own, Load(bare.url + reading.path, (cookie,))))
    return pairs


def forge(cookie: str) -> str:
    """Change the signature at the end of a cookie, but not its form."""
    return cookie[:-8] + cookie[-8:].swapcase()
