"""How long an app takes from its start until it listens, and which packages take longest."""

import re
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.figures import Spread, spread
from benchmarks.targets import REDIS, SQLITE, Own
from benchmarks.workbench import Workbench, bare, serving, workbench

# The others import nothing besides.
STARTED = (SQLITE, REDIS)
# How many packages are shown.
SHOWN = 6


@dataclass(frozen=True)
class Startup:
    """Seconds until the app and the bare app listen; milliseconds of importing by package."""

    target: Own
    own: Spread
    bare: Spread
    packages: Sequence[tuple[str, float]]


def measure(targets: Sequence[Own], rounds: int) -> list[Startup]:
    """Start each app and the bare one in turns."""
    with workbench() as bench:
        return [_measure(bench, target, rounds) for target in targets]


def _measure(bench: Workbench, target: Own, rounds: int) -> Startup:
    app = bench.app(target)
    own, beside = [], []
    for _ in range(rounds):
        with serving(app) as server:
            own.append(server.started_in)
        with serving(bare(app.environment, "/", {})) as server:
            beside.append(server.started_in)
    done = subprocess.run(
        [app.environment / "bin" / "python", "-X", "importtime", "-c", "import app.main"],
        cwd=app.folder,
        env=app.variables,
        check=True,
        capture_output=True,
        text=True,
    )
    return Startup(target, spread(own), spread(beside), by_package(done.stderr))


def by_package(importtime: str) -> list[tuple[str, float]]:
    """Return the packages that take longest to import, and their milliseconds.

    importtime: the output of ``python -X importtime``, in microseconds for each module alone.
    """
    packages: Counter[str] = Counter()
    for own, module in re.findall(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", importtime, re.M):
        packages[module.partition(".")[0]] += int(own)
    return [(name, total / 1e3) for name, total in packages.most_common(SHOWN)]
