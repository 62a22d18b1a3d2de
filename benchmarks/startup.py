"""How long an app takes from its start until it listens, and what it is that takes long."""

import re
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.figures import Spread, spread
from benchmarks.targets import REDIS, SQLITE, Own
from benchmarks.workbench import PEERS, PRODUCTION, Workbench, serving, workbench
from tests.project import clean_environment

# The others import no more than these.
STARTED = (SQLITE, REDIS)
BODIES = '{"/": {}}'
# Those that take most, by the package they belong to.
SHOWN = 6


@dataclass(frozen=True)
class Startup:
    """Seconds until it listens, its own and those of the bare app; milliseconds by package."""

    target: Own
    own: Spread
    bare: Spread
    packages: Sequence[tuple[str, float]]


def measure(targets: Sequence[Own], rounds: int) -> list[Startup]:
    """Start each and the bare one in turns."""
    with workbench() as bench:
        return [_measure(bench, target, rounds) for target in targets]


def _measure(bench: Workbench, target: Own, rounds: int) -> Startup:
    place, folder = bench.environment(target), bench.project(target).path
    settings = {**PRODUCTION, **bench.stores(target)}
    own, bare = [], []
    for _ in range(rounds):
        with serving(place, "app.main:app", folder, settings) as server:
            own.append(server.started_in)
        with serving(place, "bare:app", PEERS, {"BODIES": BODIES}) as server:
            bare.append(server.started_in)
    done = subprocess.run(
        [place / "bin" / "python", "-X", "importtime", "-c", "import app.main"],
        cwd=folder,
        env={**clean_environment(), **settings},
        check=True,
        capture_output=True,
        text=True,
    )
    return Startup(target, spread(own), spread(bare), by_package(done.stderr))


def by_package(importtime: str) -> list[tuple[str, float]]:
    """Return the packages that take most of the importing, and their milliseconds.

    importtime: what ``python -X importtime`` says, microseconds for each module by itself.
    """
    packages: Counter[str] = Counter()
    for own, module in re.findall(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", importtime, re.M):
        packages[module.partition(".")[0]] += int(own)
    return [(name, total / 1e3) for name, total in packages.most_common(SHOWN)]
