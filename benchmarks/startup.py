"""How long an app takes from its start until it listens, and from a change until it answers."""

import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2

from benchmarks.figures import Spread, spread
from benchmarks.targets import REDIS, SQLITE, Own
from benchmarks.workbench import PEERS, App, Workbench, serving, workbench

# The others import nothing besides.
STARTED = (SQLITE, REDIS)
# How many packages are shown.
SHOWN = 6


@dataclass(frozen=True)
class Startup:
    """Seconds until the app, and a bare one with SQLAlchemy, listen; milliseconds of importing.

    reload, bare_reload: seconds from a change of the code until the app that has it answers.
    """

    target: Own
    own: Spread
    bare: Spread
    reload: Spread
    bare_reload: Spread
    packages: Sequence[tuple[str, float]]


def measure(targets: Sequence[Own], rounds: int) -> list[Startup]:
    """Start each app and the bare one in turns."""
    with workbench() as bench:
        return [_measure(bench, target, rounds) for target in targets]


def _measure(bench: Workbench, target: Own, rounds: int) -> Startup:
    app, bare = bench.app(target), bench.bare_database(target)
    # Of its own, since it is changed.
    copy = Path(shutil.copy(PEERS / "bare_database.py", tempfile.mkdtemp(dir=bench.folder)))
    changed = bare._replace(folder=copy.parent)
    own, beside, reloads, reloads_beside = [], [], [], []
    for _ in range(rounds):
        with serving(app) as server:
            own.append(server.started_in)
        with serving(bare) as server:
            beside.append(server.started_in)
        reloads.append(_reload(app, app.folder / "app" / "web" / "health.py", "/health/live"))
        reloads_beside.append(_reload(changed, copy, "/me"))
    done = subprocess.run(
        [app.environment / "bin" / "python", "-X", "importtime", "-c", "import app.main"],
        cwd=app.folder,
        env=app.variables,
        check=True,
        capture_output=True,
        text=True,
    )
    packages = by_package(done.stderr)
    return Startup(
        target, spread(own), spread(beside), spread(reloads), spread(reloads_beside), packages
    )


def _reload(app: App, file: Path, path: str) -> float:
    """Change a route of an app that runs as in development; return what a reload takes.

    file: where the route is. path: the route's.
    """
    text = file.read_text("utf-8")
    start, _, last = path.rpartition("/")
    app = app._replace(settings={**app.settings, "ENVIRONMENT": "development"})
    with serving(app, arguments=("--reload", "--reload-dir", str(file.parent))) as server:
        _wait_for(server.url + path)
        before = time.perf_counter()
        file.write_text(text.replace(f'"/{last}"', '"/changed"'), encoding="utf-8")
        _wait_for(f"{server.url}{start}/changed")
        took = time.perf_counter() - before
    file.write_text(text, encoding="utf-8")
    return took


def _wait_for(url: str) -> None:
    """Ask until there is a route. Raises TimeoutError after two minutes."""
    until = time.perf_counter() + 120
    while time.perf_counter() < until:
        try:
            if httpx2.get(url).is_success:
                return
        except httpx2.TransportError:
            # Between two processes, nobody listens.
            time.sleep(0.005)
    raise TimeoutError(f"nothing is at {url}")


def by_package(importtime: str) -> list[tuple[str, float]]:
    """Return the packages that take longest to import, and their milliseconds.

    importtime: the output of ``python -X importtime``, in microseconds for each module alone.
    """
    packages: Counter[str] = Counter()
    for own, module in re.findall(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", importtime, re.M):
        packages[module.partition(".")[0]] += int(own)
    return [(name, total / 1e3) for name, total in packages.most_common(SHOWN)]
